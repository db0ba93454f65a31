"""Whether rows get units of their own: suspected by their spreads, decided by cells held out.

A table whose rows are variables and whose columns are samples, as sheets of genes and proteins are, has rows
in units of their own; in units of columns, the largest of them would be all that a fit sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.cells.labels import TableLabels
from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.bayesian.fit import BRIEF, brief_model
from lowland.completion.bayesian.settings import BURN_IN, BayesianSettings
from lowland.completion.encoded.power_choice import MANY, Powers
from lowland.completion.encoded.power_model import PowerLayer, write_powers
from lowland.completion.row_units.layer import RowUnitsLayer
from lowland.completion.row_units.suspicion import Spreads, look_like_variables, some_rows
from lowland.completion.row_units.units import TypicalRow
from lowland.completion.tables.model import SamplingModel
from lowland.core.arrays import Vector, places_of_each
from lowland.core.cells.observations import Observations
from lowland.core.random import spawn
from lowland.core.running.stages import stage
from lowland.trials.choices import ROW_UNITS
from lowland.trials.gains import Gain
from lowland.trials.masks import Mask, leave_enough, single_cells

# known cells that hidden ones leave in their row
LEFT = 3


def choose_row_units(
    table: Observations,
    powers: Powers,
    settings: BayesianSettings,
    covariates: SideCovariates,
    asked: tuple[bool | None, bool | None],
    rng: np.random.Generator,
) -> tuple[Powers, TypicalRow | None]:
    """Return columns that are powers, and what says the units of rows: None if these have none of their own.

    Parameters
    ----------
    table : Observations
        Of numbers alone.
    powers : mapping of int to Power
        Those that predict better where rows have no units: logarithms make rows of any size alike.
    settings : BayesianSettings
    covariates : pair of ndarray or None
    asked : pair of (bool or None)
        Of units of rows, and of powers; None: as held-out cells say.
    rng : numpy.random.Generator

    Notes
    -----
    Tables whose rows do not look like variables cost no fit; others two or three short ones per hold-out.
    """
    forced, others = asked
    if forced is False or not table.size:
        return powers, None
    part, rows = some_rows(table)
    known = [powers, {}] if powers and others is None else [powers]
    if forced:
        ways = [_Way(some, True) for some in known]
    else:
        suspected = [some for some in known if look_like_variables(write_powers(part, some))]
        ways = [_Way(powers, False), *(_Way(some, True) for some in suspected)]
    best = ways[0]
    if len(ways) > 1:
        about = None if covariates[0] is None else covariates[0][rows], covariates[1]
        # a stream of its own: without units of rows, fits keep their bits
        best = _best(part, ways, settings, about, spawn(rng, 1)[0])
    return best.powers, TypicalRow.of(write_powers(table, best.powers)) if best.in_units else None


@final
@dataclass(frozen=True, eq=False)
class _Way:
    """A way to write a table: columns as powers, and rows in units of their own or not."""

    powers: Powers
    in_units: bool

    def predict(
        self, part: Observations, apart: Observations, settings: BayesianSettings, about: SideCovariates
    ) -> Vector:
        """Return predictions of hidden cells in the unit of the table, by a short fit of the others."""
        places = places_of_each(part.columns, part.shape[1])
        # what is hidden does not say how far a column reaches
        known = {
            j: replace(power, highest=float(part.values[places[j]].max()))
            for j, power in self.powers.items()
            if places[j].size
        }
        table = write_powers(part, known)
        if known or self.in_units:
            settings = replace(settings, graded=False)
        typical = TypicalRow.of(table)
        units = typical.units(table)
        within = units.write(table) if self.in_units else table
        model: SamplingModel = brief_model(within, settings, about, np.random.default_rng(0))
        if self.in_units:
            model = RowUnitsLayer(model, typical, units)
        if known:
            model = PowerLayer(model, known, TableLabels.of(part))
        return model.predict(apart.rows, apart.columns)


def _best(
    table: Observations,
    ways: Sequence[_Way],
    settings: BayesianSettings,
    covariates: SideCovariates,
    rng: np.random.Generator,
) -> _Way:
    """Return the way that predicts hidden cells best, the first unless another is surely better."""
    rank = None if settings.rank is None else min(settings.rank, *table.shape)
    settings = replace(settings, rank=rank, max_iterations=BRIEF + BURN_IN)
    places = places_of_each(table.columns, table.shape[1])
    sizes = np.array([float(np.std(table.values[some])) if some.size else 0.0 for some in places])
    sizes = np.where(sizes > 0, sizes, 1.0)
    errors = {way: np.zeros((3, 0)) for way in ways[1:]}
    gains: dict[_Way, Gain] = {}
    with stage("cells held out, to see whether rows are variables"):
        for k in range(ROW_UNITS.hides.times if table.size < MANY else 1):
            part, apart = table.hide(_hidden(table, rng))
            if not apart.size or not errors:
                break
            spreads, columns = Spreads(part).at(apart.rows, apart.columns), sizes[apart.columns]
            before = np.abs(ways[0].predict(part, apart, settings, covariates) - apart.values)
            for way in errors:
                after = np.abs(way.predict(part, apart, settings, covariates) - apart.values)
                gained = before / (before + spreads) - after / (after + spreads)
                found = np.stack([gained, before / columns, after / columns])
                errors[way] = np.hstack([errors[way], found])
            gains = {way: _gain(found) for way, found in errors.items()}
            if k == 0:
                errors = {way: errors[way] for way in errors if ROW_UNITS.first.allows(gains[way])}
    sure = [way for way in errors if way in gains and ROW_UNITS.takes(gains[way])]
    return max(sure, key=lambda way: gains[way].difference, default=ways[0])


def _hidden(table: Observations, rng: np.random.Generator) -> Mask:
    """Return which cells are hidden: single ones, of rows and columns that keep enough."""
    hidden = single_cells(table.size, ROW_UNITS.hides.count(table.size), rng)
    hidden[hidden] = leave_enough(table.row_counts(), table.rows[hidden], LEFT)
    hidden[hidden] = leave_enough(table.column_counts(), table.columns[hidden])
    return hidden


def _gain(found: Vector) -> Gain:
    """Return what a way gains: in shares, and in absolute errors in units of columns."""
    gained, before, after = found
    return Gain.of(gained, errors=Gain.between(float(before.mean()), float(after.mean())))
