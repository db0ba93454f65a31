"""Whether skewed columns, and shares, are fitted as square roots or logarithms, by cells held out.

All skewed columns or none: sums of logarithms are products, which a table with a part of them has not. Then
all shares or none, judged by their own cells: shares that sum to a whole are linear as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from lowland.cells.sides import TableCells
from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.bayesian.fit import brief_fit, brief_model
from lowland.completion.bayesian.gaussian.left_out import left_out
from lowland.completion.bayesian.gaussian.objective import GaussianRows
from lowland.completion.bayesian.settings import BRIEF, BURN_IN, BayesianSettings
from lowland.completion.cells.summary import TableSummary
from lowland.completion.encoded.levels import Levels
from lowland.completion.encoded.power_model import write_powers
from lowland.completion.encoded.powers import Power
from lowland.core.arrays import Indices, Vector, places_of_each
from lowland.core.cells.observations import Observations
from lowland.core.running.stages import stage
from lowland.trials.choices import CLEARLY_SKEWED, POWERS, POWERS_OF_ROWS, Choice
from lowland.trials.contents import Contents
from lowland.trials.gains import Gain
from lowland.trials.masks import Mask, hide_in_columns

# one trial is enough of tables from so many cells on
MANY = 30_000
# tables that are looked at unasked: rows times columns in numbers
MOST_CELLS = 1_000_000
# hidden cells that are few, and by how much the log likelihood of each number is higher where numbers are
# clearly skewed: .6 where logarithms of spread 1 are normal, .2 where these have spread .6
FEW, CLEAR = 200, 0.2
# fewest hidden cells by which a first look ends the trials
LOOKED_AT = 30


Powers = Mapping[int, Power]


def choose_powers(
    table: Observations,
    levels: Levels,
    settings: BayesianSettings,
    covariates: SideCovariates,
    asked: bool | None,
    signed: Collection[int] = (),
) -> Powers:
    """Return the powers of skewed columns that predict better, by column.

    Parameters
    ----------
    table : Observations
    levels : Levels
        How its columns of levels are written.
    settings : BayesianSettings
    covariates : pair of ndarray or None
        Those of the table in numbers.
    asked : bool or None
        True: all columns that are likelier as powers. None: the same if the table is not large and its
        held-out cells are surely predicted better.
    signed : collection of int
        Columns that may hold negative numbers although none is known: they are no powers.

    Notes
    -----
    A column is skewed if its known numbers are likelier as roots or logarithms (`Power.of`), and holds
    shares if they are likelier folded (`Power.of_shares`). Costs two short fits for each of the two kinds
    that is there, or two per hold-out where rows are not draws from one Gaussian.
    """
    many = table.shape[0] * levels.groups.size > MOST_CELLS
    if asked is False or (asked is None and (many or table.weights is not None)):
        return {}
    if not table.size or TableSummary.of(TableCells.of(table)).graded:
        return {}
    places = places_of_each(table.columns, levels.width)
    numbers = [j for j in np.flatnonzero(levels.is_number).tolist() if j not in signed]
    values = {j: table.values[places[j]] for j in numbers}
    known: dict[int, Power] = {}
    for kind in (Power.of, Power.of_shares):
        more = {j: power for j, x in values.items() if (power := kind(x)) is not None}
        after = {**known, **more}
        if more and (asked or _is_better(table, list(more), (known, after), levels, settings, covariates)):
            known = after
    return known


def _is_better(
    table: Observations,
    columns: list[int],
    powers: tuple[Powers, Powers],
    levels: Levels,
    settings: BayesianSettings,
    covariates: SideCovariates,
) -> bool:
    """Return whether cells of columns are surely predicted better with the second of two sets of powers."""
    briefs = [_brief(settings, some) for some in powers]
    tables = [levels.encode(write_powers(table, some)) for some in powers]
    if all(_of_few_columns(*both, covariates) for both in zip(tables, briefs, strict=True)):
        # all known cells speak, where hidden ones are few; those of a row go together
        _, told = table.hide(np.isin(table.columns, columns))
        at = told.rows, levels.starts[told.columns]
        with stage("cells predicted from their rows, to see whether columns are skewed"):
            said = [_predicted_by_rows(one, at, brief) for one, brief in zip(tables, briefs, strict=True)]
        better, likelier = _compared(told, powers, levels, said, spreads_of_columns(table))
        gain = replace(_gain_by_row(likelier, told.rows), errors=_gain_by_row(better, told.rows))
        return POWERS_OF_ROWS.takes(gain)
    with stage("cells held out, to see whether columns are skewed"):
        # whatever the seed of the fit: what is chosen is a function of the table
        apart, hides = Contents.of_table(table).stream("powers"), POWERS.hides
        errors = densities = np.zeros(0)
        for _ in range(hides.times if table.size < MANY else 1):
            hidden = hide_in_columns(table, columns, hides, apart)
            more = _gains(table, hidden, powers, levels, settings, covariates)
            errors, densities = np.append(errors, more[0]), np.append(densities, more[1])
            if _is_settled(errors, densities, first=more[0].size == errors.size):
                break
    if _pays(errors, densities, POWERS):
        return True
    clear = errors.size < FEW and _are_clearly_skewed(table, {j: powers[1][j] for j in columns})
    return clear and _pays(errors, densities, CLEARLY_SKEWED)


def _of_few_columns(numbers: Observations, settings: BayesianSettings, covariates: SideCovariates) -> bool:
    """Return whether rows of a table of numbers are draws from one Gaussian."""
    plain = all(about is None for about in covariates) and numbers.weights is None
    return settings.resolve(TableSummary.of(TableCells.of(numbers)), plain=plain).full is True


def _brief(settings: BayesianSettings, powers: Powers) -> BayesianSettings:
    return replace(
        settings, max_iterations=BRIEF + BURN_IN, graded=False if powers else settings.graded, draws=0
    )


def _predicted_by_rows(
    numbers: Observations, at: tuple[Indices, Indices], settings: BayesianSettings
) -> tuple[Vector, Vector]:
    """Return what known cells are predicted as from the others of their row, and the standard errors."""
    fit = brief_fit(numbers, settings, (None, None), np.random.default_rng(0))
    assert isinstance(fit.objective, GaussianRows)
    scores, spreads = (part[at] for part in left_out(fit.objective, fit.search.state))
    return fit.model.scaling.undo(scores, at[1]), spreads * fit.model.scaling.spreads[at[1]]


def _gain_by_row(gains: Vector, rows: Indices) -> Gain:
    """Return the mean gain of cells, its standard error that of sums over rows."""
    sums = np.bincount(np.unique(rows, return_inverse=True)[1], gains)
    error = float(sums.std() * np.sqrt(sums.size) / gains.size)
    return Gain(float(gains.mean()), error if error > 0 else np.inf, float(gains.mean()))


def spreads_of_columns(table: Observations) -> Vector:
    """Return the spread of each column, 1 where known cells do not differ."""
    places = places_of_each(table.columns, table.shape[1])
    spreads = np.array([float(np.std(table.values[at])) if at.size else 0.0 for at in places])
    return np.where(spreads > 0, spreads, 1.0)


def _is_settled(errors: Vector, densities: Vector, *, first: bool) -> bool:
    """Return whether more hidden cells would hardly change the choice."""
    if not errors.size:
        return False
    gain = _gain_of(errors, densities)
    hopeless = first and errors.size >= LOOKED_AT and not POWERS.first.allows(gain)
    return hopeless or (POWERS.enough is not None and POWERS.enough.allows(gain))


def _are_clearly_skewed(table: Observations, powers: Powers) -> bool:
    """Return whether numbers of columns are far likelier as roots or logarithms, one column by itself.

    Shares never are: those that sum to a whole are linear, however skewed.
    """
    places = places_of_each(table.columns, table.shape[1])
    gained = sum(power.gain(table.values[places[j]].astype(np.float64)) for j, power in powers.items())
    numbers = sum(places[j].size for j in powers)
    return gained > CLEAR * numbers and not any(power.whole for power in powers.values())


def _pays(errors: Vector, densities: Vector, choice: Choice) -> bool:
    """Return whether predictions become surely better, or what happened likelier and errors hardly worse."""
    return errors.size > 0 and choice.takes(_gain_of(errors, densities))


def _gain_of(errors: Vector, densities: Vector) -> Gain:
    """Return the gain in densities, with that in errors beside it."""
    return replace(_gain(densities), errors=_gain(errors))


def _gain(gains: Vector) -> Gain:
    """Return a gain, of whose size nothing is known if it is of one cell, or not finite."""
    gain = Gain.of(gains)
    return gain if gain.standard_error > 0 else replace(gain, standard_error=np.inf)


def _gains(
    table: Observations,
    hidden: Mask,
    powers: tuple[Powers, Powers],
    levels: Levels,
    settings: BayesianSettings,
    covariates: SideCovariates,
) -> tuple[Vector, Vector]:
    """Return by how much the second powers lower the absolute errors of hidden cells, in units of columns.

    And by how much they raise the logarithms of the cells' densities, Jacobian included.
    """
    (part, apart), rng = table.hide(hidden), np.random.default_rng(0)
    at, said = (apart.rows, levels.starts[apart.columns]), []
    for some in powers:
        brief = _brief(settings, some)
        model = brief_model(levels.encode(write_powers(part, some)), brief, covariates, rng)
        said.append((model.predict(*at).astype(np.float64), model.standard_errors(*at)))
    return _compared(apart, powers, levels, said, spreads_of_columns(table))


def _compared(
    apart: Observations,
    powers: tuple[Powers, Powers],
    levels: Levels,
    said: Sequence[tuple[Vector, Vector]],
    units: Vector,
) -> tuple[Vector, Vector]:
    """Return what the second powers gain at cells in errors and log densities, by what is said of each."""
    errors, densities = [], []
    for some, (scores, spreads) in zip(powers, said, strict=True):
        predicted, likely = _judged(scores, spreads, some, levels, apart)
        errors.append(np.abs(predicted - apart.values) / units[apart.columns])
        densities.append(likely)
    return errors[0] - errors[1], densities[1] - densities[0]


def _judged(
    scores: Vector, spreads: Vector, powers: Powers, levels: Levels, apart: Observations
) -> tuple[Vector, Vector]:
    """Return predictions of numbers, and the logarithms of the densities of what they are."""
    predicted, written, slopes = scores.copy(), apart.values.astype(np.float64), np.zeros(apart.size)
    places = places_of_each(apart.columns, levels.width)
    for j, power in powers.items():
        some = places[j]
        slopes[some], written[some] = power.log_slope(written[some]), power.write(written[some])
        predicted[some] = power.expect(scores[some], spreads[some])[0]
    return predicted, slopes - np.log(spreads) - 0.5 * ((written - scores) / spreads) ** 2
