"""Predictions of a table of the same cells, blended with those of CP where held-out cells show a gain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.interrupt import in_full
from lowland.core.stages import stage
from lowland.tensors.cp_choice import GAIN, SURE, Compared
from lowland.tensors.observations import TensorObservations

# all cells of a tensor, as predicted by a table: the slices of a mode by the combinations of the other
# modes' slices; NaN where the table knows nothing
Unfolded = Callable[[TensorObservations, int, np.random.Generator], Matrix]


@final
@dataclass(frozen=True, eq=False)
class Blend:
    """How predictions are blended with those of a table.

    Parameters
    ----------
    mode : int
        One side of the table is the slices of this mode, the other the combinations of the others' slices.
    weight : float
        The share of the table in a prediction, between 0 and 1; the rest is CP.
    cp_error : float
        Root-mean-square error of CP alone on held-out cells.
    table_errors : tuple of (int, float)
        Those of the tables of all modes alone, on the first part of these cells.
    """

    mode: int
    weight: float
    cp_error: float
    table_errors: tuple[tuple[int, float], ...]

    def shifts(self, table: Matrix, cp: Matrix) -> Matrix:
        """Return what is added to CP predictions of all cells: zero where the table knows nothing."""
        return np.nan_to_num(self.weight * (table - cp), nan=0.0)


def choose_blend(
    judged: Sequence[Compared], unfolded: Unfolded, rng: np.random.Generator
) -> tuple[Blend, list[Vector]] | None:
    """Return the table that lowers errors on held-out cells most, None if no table surely does.

    Parameters
    ----------
    judged : sequence of Compared
        Of the chosen CP model, one per hold-out, of cells in memory, two or more; the first chooses the mode.
    unfolded : callable
        Fits a table.
    rng : numpy.random.Generator

    Returns
    -------
    Blend
    list of ndarray, shape (k,)
        What the blend adds to the predictions of each hold-out, with weights that the others have learnt.
    """
    with stage("tables of the same cells, compared by held-out cells"):
        first, modes = judged[0], [k for k, length in enumerate(judged[0].held.part.shape) if length > 1]
        looked = {mode: _step(first, unfolded, mode, rng) for mode in modes}
        blended = {mode: _error(first, _weight([first], [own]) * own) for mode, own in looked.items()}
        mode = min(blended, key=blended.__getitem__)
        if not blended[mode] < (1 - GAIN) * first.error:
            return None
        steps = [looked[mode], *(_step(own, unfolded, mode, rng) for own in judged[1:])]
    shifts = []
    for k, own in enumerate(steps):
        others = [j for j in range(len(steps)) if j != k]
        shifts.append(_weight([judged[j] for j in others], [steps[j] for j in others]) * own)
    if not _pays(judged, shifts):
        return None
    pooled = float(np.sqrt(np.mean([own.error**2 for own in judged])))
    errors = tuple((mode, _error(first, own)) for mode, own in looked.items())
    return Blend(mode, _weight(judged, steps), pooled, errors), shifts


def _step(judged: Compared, unfolded: Unfolded, mode: int, rng: np.random.Generator) -> Vector:
    """Return how far a table's predictions of the held-out cells are from CP's, 0 where it has none."""
    part = judged.held.part
    assert isinstance(part, TensorObservations)
    found = in_full(partial(unfolded, part, mode, rng))[tuple(judged.held.positions.T)]
    step: Vector = np.nan_to_num(found - judged.means, nan=0.0)
    return step


def _units(judged: Compared) -> Vector | float:
    return 1.0 if judged.held.weights is None else np.sqrt(judged.held.weights)


def _weight(judged: Sequence[Compared], steps: Sequence[Vector]) -> float:
    """Return the share of a table by least squares on held-out cells, between 0 and 1."""
    pairs = [(step * _units(own), own.misses) for own, step in zip(judged, steps, strict=True)]
    squares = sum(float(step @ step) for step, _ in pairs)
    along = sum(float(step @ misses) for step, misses in pairs)
    return float(np.clip(-along / squares, 0.0, 1.0)) if squares > 0 else 0.0


def _error(judged: Compared, shift: Vector) -> float:
    after, before = judged.misses + shift * _units(judged), judged.misses
    return judged.error * float(np.linalg.norm(after) / max(np.linalg.norm(before), np.finfo(float).tiny))


def _pays(judged: Sequence[Compared], shifts: Sequence[Vector]) -> bool:
    """Return whether squared errors fall by a share, and by more than chance."""
    before = np.concatenate([own.misses for own in judged])
    after = np.concatenate(
        [own.misses + shift * _units(own) for own, shift in zip(judged, shifts, strict=True)]
    )
    gains = before**2 - after**2
    sure = float(gains.mean()) > SURE * float(gains.std()) / np.sqrt(gains.size)
    return bool(sure and np.linalg.norm(after) < (1 - GAIN) * np.linalg.norm(before))
