"""Predictions of a table of the same cells, blended with those of CP where held-out cells show a gain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.interrupt import in_full
from lowland.core.stages import stage
from lowland.tensors.cp_choice import ENOUGH, GAIN, SURE, Compared
from lowland.tensors.observations import TensorObservations

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


def choose_blend(judged: Sequence[Compared], unfolded: Unfolded, rng: np.random.Generator) -> Blend | None:
    """Return the blend with the table that lowers errors on held-out cells most, None if none surely does.

    Parameters
    ----------
    judged : sequence of Compared
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
    if sum(own.means.size for own in judged) < ENOUGH or not first.error > ROUNDING * size:
        return None
    with stage("tables of the same cells, compared by held-out cells"):
        modes = [k for k, length in enumerate(first.held.part.shape) if length > 1]
        looked = {mode: _at_cells(first, unfolded, mode, rng) for mode in modes}
        steps = {mode: _step(first, own) for mode, own in looked.items()}
        after = {mode: _norm([first], [_weight([first], [own]) * own]) for mode, own in steps.items()}
        mode = min(after, key=after.__getitem__)
        if not after[mode] < (1 - GAIN) * _norm([first], [np.zeros(first.means.size)]):
            return None
        tables = [looked[mode], *(_at_cells(own, unfolded, mode, rng) for own in judged[1:])]
    found = [_step(own, table) for own, table in zip(judged, tables, strict=True)]
    weights = []
    for k in range(len(judged)):
        rest = [j for j in range(len(judged)) if j != k]
        weights.append(_weight([judged[j] for j in rest], [found[j] for j in rest]))
    shifts = [weight * step for weight, step in zip(weights, found, strict=True)]
    if not _pays(judged, shifts):
        return None
    cp_error = float(np.sqrt(np.mean([own.error**2 for own in judged])))
    error = cp_error * _norm(judged, shifts) / _norm(judged, [0.0 * own for own in found])
    alone = tuple((own, _table_error(first, looked[own])) for own in modes)
    weight, scores, stated = _weight(judged, found), [], []
    for own, table, shift in zip(judged, tables, shifts, strict=True):
        told = ~np.isnan(table.means)
        weighted = TableValues(table.means, table.spreads / _units(own))
        stated.append(_spreads(weight, weighted, own.spreads)[told])
        scores.append(np.abs(own.means + shift - own.held.values)[told] / stated[-1])
    typical = float(np.median(np.concatenate(stated)))
    return Blend(mode, weight, error, cp_error, np.sort(np.concatenate(scores)), typical, alone)


def _at_cells(judged: Compared, unfolded: Unfolded, mode: int, rng: np.random.Generator) -> TableValues:
    """Return what a table that has not seen the held-out cells says of them."""
    part = judged.held.part
    assert isinstance(part, TensorObservations)
    return in_full(partial(unfolded, part, mode, rng)).at(judged.held.positions)


def _step(judged: Compared, table: TableValues) -> Vector:
    """Return how far a table's predictions are from CP's, 0 where it has none."""
    step: Vector = np.nan_to_num(table.means - judged.means, nan=0.0)
    return step


def _table_error(judged: Compared, table: TableValues) -> float:
    told = ~np.isnan(table.means)
    misses = (table.means - judged.held.values)[told]
    return float(np.sqrt(np.mean(misses**2))) if told.any() else np.nan


def _units(judged: Compared) -> Vector | float:
    return 1.0 if judged.held.weights is None else np.sqrt(judged.held.weights)


def _weight(judged: Sequence[Compared], steps: Sequence[Vector]) -> float:
    """Return the share of a table by least squares on held-out cells, between 0 and 1."""
    pairs = [(step * _units(own), own.misses) for own, step in zip(judged, steps, strict=True)]
    squares = sum(float(step @ step) for step, _ in pairs)
    along = sum(float(step @ misses) for step, misses in pairs)
    return float(np.clip(-along / squares, 0.0, 1.0)) if squares > 0 else 0.0


def _moved(judged: Sequence[Compared], shifts: Sequence[Vector]) -> Vector:
    """Return the misses of all hold-outs once predictions are shifted."""
    return np.concatenate(
        [own.misses + shift * _units(own) for own, shift in zip(judged, shifts, strict=True)]
    )


def _norm(judged: Sequence[Compared], shifts: Sequence[Vector]) -> float:
    return float(np.linalg.norm(_moved(judged, shifts)))


def _pays(judged: Sequence[Compared], shifts: Sequence[Vector]) -> bool:
    """Return whether squared errors fall by a share, and by more than chance."""
    before = _moved(judged, [0.0 * own for own in shifts])
    gains = before**2 - _moved(judged, shifts) ** 2
    sure = float(gains.mean()) > SURE * float(gains.std()) / np.sqrt(gains.size)
    return bool(sure and _norm(judged, shifts) < (1 - GAIN) * np.linalg.norm(before))
