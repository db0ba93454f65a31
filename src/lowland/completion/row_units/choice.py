"""Whether rows get units of their own: suspected by their spreads, decided by cells held out.

A table whose rows are variables and whose columns are samples, as sheets of genes and proteins are, has rows
in units of their own; in units of columns, the largest of them would be all that a fit sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.bayesian.fit import brief_model
from lowland.completion.bayesian.settings import BRIEF, BURN_IN, BayesianSettings
from lowland.completion.encoded.levels import Levels
from lowland.completion.encoded.power_choice import MANY, Powers, spreads_of_columns
from lowland.completion.encoded.power_model import write_powers
from lowland.completion.encoded.writing import of_each
from lowland.completion.row_units.suspicion import Spreads, look_like_variables, some_rows
from lowland.completion.row_units.units import TypicalRow
from lowland.core.arrays import Vector, places_of_each
from lowland.core.cells.observations import Observations
from lowland.core.running.stages import stage
from lowland.trials.choices import ROW_UNITS
from lowland.trials.contents import Contents, Words
from lowland.trials.gains import Gain
from lowland.trials.masks import Mask, leave_enough, single_cells

# known cells that hidden ones leave in their row
LEFT = 3


def choose_row_units(
    table: Observations,
    levels: Levels,
    powers: Powers,
    settings: BayesianSettings,
    covariates: SideCovariates,
    asked: tuple[bool | None, bool | None],
) -> tuple[Powers, TypicalRow | None]:
    """Return columns that are powers, and what says the units of rows: None if these have none of their own.

    Parameters
    ----------
    table : Observations
    levels : Levels
        How its columns of levels are written.
    powers : mapping of int to Power
        Those that predict better where rows have no units: logarithms make rows of any size alike.
    settings : BayesianSettings
    covariates : pair of ndarray or None
        Those of the table in numbers.
    asked : pair of (bool or None)
        Of units of rows, and of powers; None: as held-out cells say.

    Notes
    -----
    Tables whose rows do not look like variables cost no fit; others two or three short ones per hold-out.
    """
    forced, others = asked
    if forced is False or not levels.numbers_of(table).size:
        return powers, None
    part, rows = some_rows(table)
    known = [powers, {}] if powers and others is None else [powers]
    if forced:
        ways = [_Way(levels, some, True) for some in known]
    else:
        written = {k: levels.numbers_of(write_powers(part, some)) for k, some in enumerate(known)}
        suspected = [known[k] for k, numbers in written.items() if look_like_variables(numbers)]
        ways = [_Way(levels, powers, False), *(_Way(levels, some, True) for some in suspected)]
    best = ways[0]
    if len(ways) > 1:
        about = None if covariates[0] is None else covariates[0][rows], covariates[1]
        best = _best(part, ways, settings, about)
    typical = TypicalRow.of(write_powers(table, best.powers), levels.mask) if best.in_units else None
    return best.powers, typical


@final
@dataclass(frozen=True, eq=False)
class _Way:
    """A way to write a table: columns as powers, and rows in units of their own or not."""

    levels: Levels
    powers: Powers
    in_units: bool

    def predict(
        self, part: Observations, apart: Observations, settings: BayesianSettings, about: SideCovariates
    ) -> Vector:
        """Return predictions of hidden numbers in the unit of the table, by a short fit of the others."""
        levels, places = self.levels, places_of_each(part.columns, part.shape[1])
        # what is hidden does not say how far a column reaches
        powers = {
            j: replace(power, highest=float(part.values[places[j]].max()))
            for j, power in self.powers.items()
            if places[j].size
        }
        table = write_powers(part, powers)
        units = TypicalRow.of(table, levels.mask).units(table, levels.mask)
        if self.in_units:
            table = units.write(table, levels.mask)
        if powers or self.in_units:
            settings = replace(settings, graded=False)
        numbers = levels.encode(table) if levels else table
        model = brief_model(numbers, settings, about, np.random.default_rng(0))
        at = apart.rows, levels.starts[apart.columns]
        means: Vector = model.predict(*at).astype(np.float64)
        errors = model.standard_errors(*at)
        if self.in_units:
            means, errors = units.read(means, apart.rows), units.spreads[apart.rows] * errors
        for _, power, some in of_each(powers, apart.columns):
            means[some], _ = power.expect(means[some], errors[some])
        return means


def _best(
    table: Observations,
    ways: Sequence[_Way],
    settings: BayesianSettings,
    covariates: SideCovariates,
) -> _Way:
    """Return the way that predicts hidden cells best, the first unless another is surely better."""
    rank = None if settings.rank is None else min(settings.rank, *table.shape)
    settings = replace(settings, rank=rank, max_iterations=BRIEF + BURN_IN)
    sizes = spreads_of_columns(table)
    levels, errors = ways[0].levels, {way: np.zeros((3, 0)) for way in ways[1:]}
    gains: dict[_Way, Gain] = {}
    contents = Contents.of_table(table)
    rng = contents.stream("units of rows")
    with stage("cells held out, to see whether rows are variables"):
        for k in range(ROW_UNITS.hides.times if table.size < MANY else 1):
            part, apart = table.hide(_hidden(table, levels, contents.random_cells(rng)))
            if not apart.size or not errors:
                break
            spreads, columns = (
                Spreads(levels.numbers_of(part)).at(apart.rows, apart.columns),
                sizes[apart.columns],
            )
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


def _hidden(table: Observations, levels: Levels, keys: Words) -> Mask:
    """Return which numbers are hidden: single ones, of rows and columns that keep enough."""
    hidden = single_cells(keys, ROW_UNITS.hides.count(table.size))
    hidden &= levels.is_number[table.columns]
    hidden[hidden] = leave_enough(table.row_counts(), table.rows[hidden], LEFT)
    hidden[hidden] = leave_enough(table.column_counts(), table.columns[hidden])
    return hidden


def _gain(found: Vector) -> Gain:
    """Return what a way gains: in shares, and in absolute errors in units of columns."""
    gained, before, after = found
    return Gain.of(gained, errors=Gain.between(float(before.mean()), float(after.mean())))
