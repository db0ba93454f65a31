"""Whether errors of a fit go together along time, and by which law: from cells that the fit has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.drift.law import Drift
from lowland.completion.drift.layer import errors_of, noises_of, units_of
from lowland.completion.drift.series import SIDES, Series, count_of, lines_of
from lowland.completion.tables.fitted import FittedTable
from lowland.completion.tables.model import sampling
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.context import CellContext
from lowland.core.cells.observations import Observations
from lowland.core.running.stages import stage
from lowland.kernels.ornstein_uhlenbeck import smooth_lines, smoothed_means
from lowland.trials.choices import DRIFT
from lowland.trials.contents import Contents, Words
from lowland.trials.gains import Gain
from lowland.trials.masks import leave_enough, single_cells

# cells of a table that is looked at, and cells held out of which a law is judged by halves
FEWEST, BY_HALVES = 200, 4_000
# lengths of a law lie between these quantiles: of the gaps within lines, and of the reach of a cell's line
NUMBER, SHORTEST, LONGEST = 5, 0.1, 0.5
# a length of words: others tell nothing
SAME = 0.02
# variance of each length at the start, its ends, by which factors it is changed in turn, how often at most,
# and what ends that sooner: gains of a round, and of all so far, in shares of the squared error
START, LOWEST, HIGHEST, FACTORS, ROUNDS, SETTLED, HOPELESS = 0.02, 1e-5, 10.0, (4.0, 2.0), 4, 1e-4, 5e-4
# cells of the lines by which a law is learnt
MOST = 40_000


@final
@dataclass(frozen=True, eq=False)
class _Held:
    """Cells of a trial whose time is known, with their errors in units of columns.

    Of cells that the fit has seen these are its errors there, of hidden ones its errors at new cells.
    """

    rows: Indices
    columns: Indices
    times: Vector
    errors: Vector
    noises: Vector
    hidden: NDArray[np.bool_]

    @classmethod
    def together(cls, trials: Sequence[_Held]) -> _Held:
        """Return the cells of several trials."""
        return cls(*(np.concatenate([getattr(one, part.name) for one in trials]) for part in fields(cls)))

    def series(self, side: str, shape: tuple[int, int]) -> Series:
        """Return the lines of a side, of each trial its own, of which hidden cells say nothing."""
        noises, count = np.where(self.hidden, np.inf, self.noises), count_of(side, shape)
        trials = np.cumsum(np.diff(self.rows, prepend=0) < 0)  # each lists its cells row by row
        lines = lines_of(side, self.rows, self.columns) + count * trials
        return Series.of(lines, count * (1 + int(trials.max(initial=0))), self.times, self.errors, noises)


def choose_drifts(fitted: FittedTable, table: Observations) -> list[Drift]:
    """Return the laws by which errors of a fit drift, or that of no drift where nothing else pays.

    Parameters
    ----------
    fitted : FittedTable
        Without drift.
    table : Observations
        With its context, its cells row by row.

    Returns
    -------
    list of Drift
        Those of rows, columns and the table as a whole that pay: the best first, then what is left after it.
    """
    context = table.context
    assert context is not None
    found: list[Drift] = []
    with stage("cells held out, to see whether errors drift along the context"):
        trials = _trials(fitted, table, context)
        held = _Held.together(trials) if trials else None
        sides: tuple[str, ...] = SIDES
        while held is not None and sides:
            learnt = {side: _learn(held, side, table.shape, context) for side in sides}
            paid = {side: one for side, one in learnt.items() if one is not None}
            if not paid:
                break
            best = max(paid, key=lambda side: paid[side][0].gain)
            found.append(paid[best][0])
            held = replace(held, errors=held.errors - paid[best][1])
            # what did not pay does not pay of what is left
            sides = tuple(side for side in paid if side != best)
    judged = 0 if held is None else int(held.hidden.sum())
    return found or [Drift.none(context, judged)]


def _trials(fitted: FittedTable, table: Observations, context: CellContext) -> list[_Held]:
    """Return trials: one of a large table, several of a small one, none of one that is too small."""
    if table.size < FEWEST:
        return []
    contents, few = Contents.of_table(table), DRIFT.hides.share * table.size < BY_HALVES / 2
    rng = contents.stream("drift")
    times = context.at(table.rows, table.columns)
    held = [
        _held(fitted, table, times, contents.random_cells(rng), rng)
        for _ in range(DRIFT.hides.times if few else 1)
    ]
    return [one for one in held if one.hidden.any()]


def _held(
    fitted: FittedTable, table: Observations, times: Vector, keys: Words, rng: np.random.Generator
) -> _Held:
    """Return the cells of a trial: most of them fitted again, the others hidden."""
    known = ~np.isnan(times)
    hidden = single_cells(keys, DRIFT.hides.count(table.size)) & known
    hidden[hidden] = leave_enough(table.row_counts(), table.rows[hidden])
    hidden[hidden] = leave_enough(table.column_counts(), table.columns[hidden])
    kept, _ = table.hide(hidden)
    again = sampling(fitted.refit(kept, rng))
    units = units_of(errors_of(again, kept), kept)
    errors = errors_of(again, table) / units[table.columns]
    rows, columns, noises = table.rows[known], table.columns[known], noises_of(table)[known]
    return _Held(rows, columns, times[known], errors[known], noises, hidden[known])


def _learn(
    held: _Held, side: str, shape: tuple[int, int], context: CellContext
) -> tuple[Drift, Vector] | None:
    """Return the law of a side, and what it says of all cells, None if that does not pay."""
    series = held.series(side, shape)
    lengths = np.array([SAME]) if context.words is not None else _lengths(series)
    hidden = np.isinf(series.noises)
    if lengths is None or not hidden.any():
        return None
    some = _some(series)
    law = lengths, _tuned(some, np.isinf(some.noises), lengths)
    means, variances = smooth_lines(series.starts, series.times, series.values, series.noises, *law)
    judged = means[hidden]
    if judged.size < BY_HALVES:
        judged = _by_halves(series, hidden, lengths)
    before, after = series.values[hidden] ** 2, (series.values[hidden] - judged) ** 2
    gain = Gain.of((before - after) / before.mean(), (float(before.mean()), float(after.mean())))
    if not DRIFT.takes(gain):
        return None
    expected = float(np.mean(law[1].sum() - variances[hidden]))
    drift = Drift(
        side=side,
        lengths=lengths,
        variances=law[1],
        share=float(np.clip(np.mean(before - after) / expected, 0.0, 1.0)),
        gain=gain.share,
        held_out=judged.size,
        name=context.name,
        kind=context.kind,
    )
    listed = np.empty(series.size)
    listed[series.order] = means
    return drift, listed


def _lengths(series: Series) -> Vector | None:
    """Return the lengths of a law, None if no line has cells at two times."""
    times, counts = series.times, np.diff(series.starts)
    steps = np.diff(times)[np.diff(series.lines) == 0]
    if not (steps > 0).any():
        return None
    some = np.flatnonzero(counts > 1)
    reach = times[series.starts[some + 1] - 1] - times[series.starts[some]]
    lowest = float(np.quantile(steps[steps > 0], SHORTEST))
    highest = float(np.quantile(np.repeat(reach, counts[some]), LONGEST))
    return np.geomspace(lowest, highest, NUMBER) if highest > lowest else np.array([lowest])


def _some(series: Series) -> Series:
    """Return the points from which a law is learnt: of large tables some lines, or a part of one."""
    if series.size <= MOST:
        return series
    rng, counts = np.random.default_rng(0), np.diff(series.starts)
    if counts.size > 1:
        order = rng.permutation(counts.size)
        return series.of_lines(np.sort(order[np.cumsum(counts[order]) - counts[order] < MOST]))
    at = np.flatnonzero(rng.random(series.size) < MOST / series.size)
    starts = np.array([0, at.size])
    return Series(starts, series.times[at], series.values[at], series.noises[at], series.order[at])


def _tuned(series: Series, judged: NDArray[np.bool_], lengths: Vector) -> Vector:
    """Return the variances of a law with the smallest squared error at judged points, one after the other."""
    truth = series.values[judged]

    def score(variances: Vector) -> float:
        points = series.starts, series.times, series.values, series.noises
        return float(np.mean((truth - smoothed_means(*points, lengths, variances)[judged]) ** 2))

    best = np.full(lengths.size, START)
    least, without = score(best), float(np.mean(truth**2))
    for factor in FACTORS:
        for _ in range(ROUNDS):
            before = least
            for place, step in product(range(lengths.size), (factor, 1 / factor)):
                while LOWEST < best[place] * step < HIGHEST:
                    tried = best.copy()
                    tried[place] *= step
                    error = score(tried)
                    if not error < least:
                        break
                    best, least = tried, error
            if before - least <= SETTLED * before:
                break
        if without - least < HOPELESS * without:
            break
    return best


def _by_halves(series: Series, hidden: NDArray[np.bool_], lengths: Vector) -> Vector:
    """Return what is said of hidden points by laws that were learnt from the other half of them."""
    first = np.zeros(series.size, bool)
    first[np.flatnonzero(hidden)[::2]] = True
    judged = np.empty(series.size)
    for half in (first, hidden & ~first):
        variances = _tuned(series, hidden & ~half, lengths)
        points = series.starts, series.times, series.values, series.noises
        judged[half] = smoothed_means(*points, lengths, variances)[half]
    return judged[hidden]
