"""Predictions of a table of the same cells, blended with those of CP where held-out cells show a gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple, Protocol, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.running.interrupt import in_full
from lowland.core.running.stages import stage
from lowland.tensors.cells.held_out import HeldOut
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.filling.candidates import Candidate, pooled_error
from lowland.trials.choices import BLENDS
from lowland.trials.gains import Gain

# held-out cells from which on blends are looked at
ENOUGH = 20


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


class Unfolded(Protocol):
    """Fits the table of a mode: its slices by all combinations of the other modes' slices."""

    def __call__(
        self, data: TensorObservations, mode: int, rng: np.random.Generator, *, brief: bool = False
    ) -> TableValues:
        """Return what it says of all cells, by a short fit if that is enough."""
        ...


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
        Errors of the tables of all modes alone, on the cells held out by which ranks were compared; NaN of a
        table that knows nothing of these.
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


def _fitted_without(
    held: HeldOut, unfolded: Unfolded, mode: int, rng: np.random.Generator, *, brief: bool
) -> TableValues:
    """Fit the table of a mode without the cells held out, and return what it says of these."""
    assert isinstance(held.part, TensorObservations)
    table = in_full(partial(unfolded, held.part, mode, rng, brief=brief))
    return table.at(held.positions)


@final
@dataclass(frozen=True, eq=False)
class TablesBeside:
    """What tables of all modes say of the cells held out by which ranks are compared.

    Parameters
    ----------
    by_mode : mapping of int to TableValues, shape (k,)
    """

    by_mode: Mapping[int, TableValues]

    @classmethod
    def of(cls, held: HeldOut, unfolded: Unfolded, rng: np.random.Generator) -> TablesBeside:
        """Fit a table of each mode of more than one slice, briefly."""
        modes = [k for k, length in enumerate(held.part.shape) if length > 1]
        with stage("tables of the same cells, compared by held-out cells"):
            return cls({mode: _fitted_without(held, unfolded, mode, rng, brief=True) for mode in modes})

    def best(self, one: Candidate) -> tuple[int, Vector]:
        """Return the mode of the table that a model is best blended with, and the misses of the blend."""
        trials = {mode: _Trial(one, table) for mode, table in self.by_mode.items()}
        blended = {mode: trial.misses(_weight([trial])) for mode, trial in trials.items()}
        mode = min(blended, key=lambda k: float(np.linalg.norm(blended[k])))
        return mode, blended[mode]

    def error(self, one: Candidate) -> float:
        """Return the error of a model where it is best blended with a table."""
        return one.error_of(self.best(one)[1])

    def gain(self, one: Candidate) -> Gain:
        """Return what that gains."""
        blended = self.best(one)[1]
        return Gain.of(one.misses**2 - blended**2, (one.error, one.error_of(blended)))

    def errors(self, one: Candidate) -> tuple[tuple[int, float], ...]:
        """Return the errors of the tables alone, by mode."""
        return tuple((mode, _Trial(one, table).table_error) for mode, table in self.by_mode.items())


def choose_blend(
    mode: int,
    judged: Sequence[Candidate],
    table_errors: tuple[tuple[int, float], ...],
    unfolded: Unfolded,
    rng: np.random.Generator,
) -> Blend | None:
    """Return the blend with the table of a mode, None if it does not surely lower errors on held-out cells.

    Parameters
    ----------
    mode : int
    judged : sequence of Candidate
        Of the chosen CP model, one per hold-out, of cells in memory, two or more.
    table_errors : tuple of (int, float)
        What is kept of the tables that were looked at.
    unfolded : callable
        Fits a table.
    rng : numpy.random.Generator

    Notes
    -----
    Each hold-out is judged with the weight that the others have learnt.
    """
    if sum(one.means.size for one in judged) < ENOUGH:
        return None
    with stage("the table of a mode, compared by other held-out cells"):
        trials = [_Trial(one, _fitted_without(one.held, unfolded, mode, rng, brief=False)) for one in judged]
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
        table_errors,
    )


def _weight(trials: Sequence[_Trial]) -> float:
    """Return the share of a table by least squares on held-out cells, between 0 and 1."""
    squares = sum(float(trial.step @ trial.step) for trial in trials)
    along = sum(float(trial.step @ trial.judged.misses) for trial in trials)
    return float(np.clip(-along / squares, 0.0, 1.0)) if squares > 0 else 0.0


def _norm(misses: Sequence[Vector]) -> float:
    return float(np.linalg.norm(np.concatenate(misses)))
