"""Whether skewed columns are fitted as square roots or logarithms, by cells held out.

All of them or none: sums of logarithms are products, which a table with a part of them has not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lowland.completion.bayesian import BRIEF, brief_model
from lowland.completion.bayesian_settings import BURN_IN, BayesianSettings
from lowland.completion.cells import TableCells
from lowland.completion.encoding import Encoding
from lowland.completion.features import SideCovariates
from lowland.completion.posterior_model import PosteriorModel
from lowland.completion.powers import Power
from lowland.completion.table_summary import TableSummary
from lowland.core.arrays import Vector, places_of_each
from lowland.core.observations import Observations
from lowland.core.stages import stage

# hold-outs of a share of the cells: of small tables, and of tables from so many cells on
HOLD_OUTS, SHARE, MANY = 3, 0.1, 30_000
# by how many standard errors errors must fall, or log densities rise where errors do not grow by so many
SURE, LIKELIER, NOT_WORSE = 2.0, 3.0, 1.0
# beyond so many standard errors of log densities, errors may even grow by this share of a column's unit:
# intervals that follow the skewness are worth it
MUCH_LIKELIER, LITTLE_WORSE = 9.0, 0.01
# tables that are looked at unasked: rows times columns in numbers
MOST_CELLS = 1_000_000


def with_powers(
    table: Observations,
    known: Encoding,
    settings: BayesianSettings,
    covariates: SideCovariates,
    asked: bool | None,
    rng: np.random.Generator,
) -> Encoding:
    """Return an encoding of a table with the powers of its skewed columns that predict better.

    Parameters
    ----------
    table : Observations
    known : Encoding
        Without powers.
    settings : BayesianSettings
    covariates : pair of ndarray or None
        Those of the table in numbers.
    asked : bool or None
        True: all columns that are likelier as powers. None: the same if the table is not large and its
        held-out cells are surely predicted better.
    rng : numpy.random.Generator

    Notes
    -----
    A column is skewed if its known numbers are likelier as roots or logarithms (`Power.of`). Costs two short
    fits per hold-out if there are any, nothing else.
    """
    many = table.shape[0] * known.groups.size > MOST_CELLS
    if asked is False or (asked is None and (many or table.weights is not None)):
        return known
    if not table.size or TableSummary.of(TableCells.of(table)).graded:
        return known
    places = places_of_each(table.columns, known.width)
    found = {j: Power.of(table.values[places[j]]) for j in np.flatnonzero(known.is_number).tolist()}
    powers = {j: power for j, power in found.items() if power is not None}
    if not powers or asked:
        return replace(known, powers=powers)
    with stage("cells held out, to see whether columns are skewed"):
        # a stream of its own: without skewed columns, fits keep their bits
        own, count = rng.spawn(1)[0], HOLD_OUTS if table.size < MANY else 1
        pairs = [
            _gains(table, _hidden(table, powers, own), known, powers, settings, covariates)
            for _ in range(count)
        ]
    gains = [np.concatenate(parts) for parts in zip(*pairs, strict=True)]
    return replace(known, powers=powers) if _pays(*gains) else known


def _pays(errors: Vector, densities: Vector) -> bool:
    """Return whether predictions become surely better, or what happened likelier and errors hardly worse."""
    better, likelier = _sureness(errors), _sureness(densities)
    if likelier > MUCH_LIKELIER:
        return better > -NOT_WORSE or float(errors.mean()) > -LITTLE_WORSE
    return better > SURE or (likelier > LIKELIER and better > -NOT_WORSE)


def _sureness(gain: Vector) -> float:
    """Return a mean over its standard error, 0 of nothing."""
    spread = float(gain.std() / np.sqrt(max(gain.size, 1))) if gain.size else 0.0
    return float(gain.mean()) / spread if spread > 0 else 0.0


def _hidden(table: Observations, powers: dict[int, Power], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which cells of skewed columns are hidden."""
    return np.asarray(np.isin(table.columns, list(powers)) & (rng.random(table.size) < SHARE))


def _gains(
    table: Observations,
    hidden: NDArray[np.bool_],
    known: Encoding,
    powers: dict[int, Power],
    settings: BayesianSettings,
    covariates: SideCovariates,
) -> tuple[Vector, Vector]:
    """Return by how much powers lower the absolute errors of hidden cells, in units of columns.

    And by how much they raise the logarithms of the cells' densities, Jacobian included.
    """
    part, apart, rng = table.select(~hidden), table.select(hidden), np.random.default_rng(0)
    places = places_of_each(table.columns, known.width)
    units = np.ones(known.width)
    units[list(powers)] = [float(np.std(table.values[places[j]])) for j in powers]
    errors, densities = [], []
    for encoding in (known, replace(known, powers=powers)):
        brief = replace(
            settings, max_iterations=BRIEF + BURN_IN, graded=False if encoding.powers else settings.graded
        )
        model = brief_model(encoding.encode(part), brief, covariates, rng)
        predicted, likely = _judged(model, encoding, apart)
        errors.append(np.abs(predicted - apart.values) / units[apart.columns])
        densities.append(likely)
    return errors[0] - errors[1], densities[1] - densities[0]


def _judged(model: PosteriorModel, encoding: Encoding, apart: Observations) -> tuple[Vector, Vector]:
    """Return predictions of hidden numbers, and the logarithms of the densities of what they are."""
    at = apart.rows, encoding.starts[apart.columns]
    scores, spreads = model.predict(*at).astype(np.float64), model.standard_errors(*at)
    predicted, written, slopes = scores.copy(), apart.values.astype(np.float64), np.zeros(apart.size)
    places = places_of_each(apart.columns, encoding.width)
    for j, power in encoding.powers.items():
        own = places[j]
        slopes[own], written[own] = power.log_slope(written[own]), power.write(written[own])
        predicted[own] = power.expect(scores[own], spreads[own])[0]
    return predicted, slopes - np.log(spreads) - 0.5 * ((written - scores) / spreads) ** 2
