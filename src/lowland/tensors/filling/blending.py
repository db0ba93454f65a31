"""Predictions of a table of the same cells, blended with those of CP where held-out cells show a gain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.running.interrupt import in_full
from lowland.core.running.stages import stage
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.filling.choice import ENOUGH, Candidate, pooled_error
from lowland.trials.choices import BLENDS
from lowland.trials.gains import Gain

# errors of CP, relative to the cells, that are rounding
ROUNDING = 1e-6


@final
class TableValues(NamedTuple):
    """What a table says of cells: predictions, and standard errors of new observations; NaN where nothing."""

    means: Matrix
    spreads: Matrix

    def at(self, positions: NDArray[np.int64]) -> TableValues:
        """Return what it says of some cells, by their positions, shape (k, N)."""
        places = tuple(positions.T)
        return TableValues(self.means[places], self.spreads[places])

    def extended(self, mode: int, count: int) -> TableValues:
        """Return the same with slices of which nothing is said after the last one of a mode."""
        width = [(0, count if k == mode else 0) for k in range(self.means.ndim)]
        means, spreads = (np.pad(values, width, constant_values=np.nan) for values in self)
        return TableValues(means, spreads)


# what a table says of all cells of a tensor, whose sides are the slices of a mode and all combinations of the
# other modes' slices
Unfolded = Callable[[TensorObservations, int, np.random.Generator], TableValues]


@final
@dataclass(frozen=True, eq=False)
class Blend:
    """How predictions are blended with those of a table.

    Parameters
    ----------
    mode : int
        One side of the table is the slices of this mode, the other the combinations of the others' slices.
    weight : float
        The share of the table in a prediction, between 0 and 1; the rest is CP. Where the table knows
        nothing, CP is alone.
    error : float
        Root-mean-square error of the blend on held-out cells.
    cp_error : float
        That of CP alone.
    scores : ndarray, shape (k,)
        Errors on those cells that the table knows something of, over their standard errors, ascending.
    typical : float
        Median of these standard errors.
    table_errors : tuple of (int, float)
        Errors of the tables of all modes alone, on such cells of the first hold-out; NaN if there is none.
    """

    mode: int
    weight: float
    error: float
    cp_error: float
    scores: Vector
    typical: float
    table_errors: tuple[tuple[int, float], ...]

    def shifts(self, table: TableValues, cp: Matrix) -> Matrix:
        """Return what is added to predictions of CP: zero where the table knows nothing."""
        return np.nan_to_num(self.weight * (table.means - cp), nan=0.0)

    def spreads(self, table: TableValues, cp: Matrix, missing: NDArray[np.bool_]) -> Matrix:
        """Return standard errors of new observations of all cells, NaN where the table knows nothing.

        The fits of fewer cells that were judged state larger ones. Whether errors have shrunk as much is not
        known, so that all are widened by what makes their medians equal.

        Parameters
        ----------
        table : TableValues
        cp : ndarray
            Standard errors of CP.
        missing : ndarray of bool
            Cells that are to be predicted.
        """
        both = _spreads(self.weight, table, cp)
        told = both[missing & ~np.isnan(both)]
        narrowed = self.typical / float(np.median(told)) if told.size else 1.0
        return both * max(narrowed, 1.0)


def _spreads(weight: float, table: TableValues, cp: Matrix) -> Matrix:
    """Return standard errors as if the table and CP erred alike, which errors on held-out cells correct."""
    return weight * table.spreads + (1 - weight) * cp


@final
@dataclass(frozen=True, eq=False)
class _Trial:
    """CP and a table on cells that neither has seen."""

    judged: Candidate
    table: TableValues

    @classmethod
    def of(cls, judged: Candidate, unfolded: Unfolded, mode: int, rng: np.random.Generator) -> _Trial:
        """Fit the table of a mode without the cells held out."""
        part = judged.held.part
        assert isinstance(part, TensorObservations)
        table = in_full(partial(unfolded, part, mode, rng))
        return cls(judged, table.at(judged.held.positions))

    @property
    def told(self) -> NDArray[np.bool_]:
        """Which cells the table knows something of."""
        return ~np.isnan(self.table.means)

    @cached_property
    def step(self) -> Vector:
        """How far the table's predictions are from CP's, in the unit of misses; 0 where it has none."""
        step: Vector = np.nan_to_num(self.table.means - self.judged.means, nan=0.0) * self.judged.units
        return step

    @property
    def table_error(self) -> float:
        """Root-mean-square error of the table alone, NaN if it knows nothing."""
        misses = (self.table.means - self.judged.held.values)[self.told]
        return float(np.sqrt(np.mean(misses**2))) if misses.size else np.nan

    def misses(self, weight: float) -> Vector:
        """Return the misses of a blend."""
        return self.judged.misses + weight * self.step

    def spreads(self, weight: float) -> Vector:
        """Return the standard errors of a blend."""
        table = TableValues(self.table.means, self.table.spreads / self.judged.units)
        return _spreads(weight, table, self.judged.spreads)


def choose_blend(judged: Sequence[Candidate], unfolded: Unfolded, rng: np.random.Generator) -> Blend | None:
    """Return the blend with the table that lowers errors on held-out cells most, None if none surely does.

    Parameters
    ----------
    judged : sequence of Candidate
        Of the chosen CP model, one per hold-out, of cells in memory, two or more; the first chooses the mode.
    unfolded : callable
        Fits a table.
    rng : numpy.random.Generator

    Notes
    -----
    Each hold-out is judged with the weight that the others have learnt.
    """
    first = judged[0]
    size = float(np.sqrt(np.mean(first.held.values**2)))
    if sum(one.means.size for one in judged) < ENOUGH or not first.error > ROUNDING * size:
        return None
    with stage("tables of the same cells, compared by held-out cells"):
        modes = [k for k, length in enumerate(first.held.part.shape) if length > 1]
        looked = {mode: _Trial.of(first, unfolded, mode, rng) for mode in modes}
        after = {mode: _norm([trial.misses(_weight([trial]))]) for mode, trial in looked.items()}
        mode = min(after, key=after.__getitem__)
        if not BLENDS.first.allows(Gain.between(_norm([first.misses]), after[mode])):
            return None
        trials = [looked[mode], *(_Trial.of(one, unfolded, mode, rng) for one in judged[1:])]
    # what the others have learnt
    weights = [_weight([other for other in trials if other is not trial]) for trial in trials]
    before = [one.misses for one in judged]
    blended = [trial.misses(weight) for trial, weight in zip(trials, weights, strict=True)]
    gains = np.concatenate(before) ** 2 - np.concatenate(blended) ** 2
    if not BLENDS.takes(Gain.of(gains, (_norm(before), _norm(blended)))):
        return None
    weight, cp_error = _weight(trials), pooled_error(judged)
    stated = [trial.spreads(weight)[trial.told] for trial in trials]
    scores = [
        np.abs(misses / trial.judged.units)[trial.told] / spreads
        for misses, trial, spreads in zip(blended, trials, stated, strict=True)
    ]
    return Blend(
        mode,
        weight,
        cp_error * _norm(blended) / _norm(before),
        cp_error,
        np.sort(np.concatenate(scores)),
        float(np.median(np.concatenate(stated))),
        tuple((looked_at, trial.table_error) for looked_at, trial in looked.items()),
    )


def _weight(trials: Sequence[_Trial]) -> float:
    """Return the share of a table by least squares on held-out cells, between 0 and 1."""
    squares = sum(float(trial.step @ trial.step) for trial in trials)
    along = sum(float(trial.step @ trial.judged.misses) for trial in trials)
    return float(np.clip(-along / squares, 0.0, 1.0)) if squares > 0 else 0.0


def _norm(misses: Sequence[Vector]) -> float:
    return float(np.linalg.norm(np.concatenate(misses)))
