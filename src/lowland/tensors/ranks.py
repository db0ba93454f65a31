"""Choice of the ranks of a Tucker decomposition by held-out cells, from small ranks upwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.status import StopReason
from lowland.tensors.measurement import SomeCells
from lowland.tensors.model import possible_ranks
from lowland.tensors.observations import TensorObservations
from lowland.tensors.tucker_tensor import TuckerTensor

HELD_OUT = 0.1
# beyond so many cells every fit of the path would take too long
MOST_CELLS = 50_000
# smallest relative decrease of the mean square that counts
NEGLIGIBLE = 1e-3

Search = Callable[[TensorObservations, tuple[int, ...]], Any]


@final
@dataclass(frozen=True, eq=False)
class RankChoice:
    """How ranks were chosen.

    Parameters
    ----------
    ranks : tuple of int
        The chosen ranks.
    steps : tuple of (ranks, error)
        Every fit compared: its ranks and its root mean square error on the held-out cells, in order.
    held_out : int
        Number of held-out cells.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> i, j, k = np.indices((6, 5, 4)) + 1.0
    >>> noisy = i * j * k + 0.1 * np.random.default_rng(0).standard_normal(i.shape)
    >>> choice = ll.decompose_tucker(noisy, "auto", certify=False, rng=0).choice
    >>> choice.ranks, choice.held_out
    ((1, 1, 1), 12)
    >>> ranks, error = choice.steps[0]
    >>> ranks, round(error, 2)
    ((1, 1, 1), 0.07)
    """

    ranks: tuple[int, ...]
    steps: tuple[tuple[tuple[int, ...], float], ...]
    held_out: int


def choose_ranks(data: TensorObservations, search: Search, rng: np.random.Generator) -> RankChoice:
    """Raise the ranks of one, two or all modes at a time while held-out cells are predicted better.

    Parameters
    ----------
    data : TensorObservations
    search : callable
        Fits known cells at given ranks.
    rng : numpy.random.Generator
        Draws the held-out cells.

    Returns
    -------
    RankChoice

    Notes
    -----
    A tenth of the cells is held out. The candidates are one larger in one, two or all modes. As long as the
    smallest error among them is lower than the current one by more than its standard error, the next ranks
    are those that grow in the fewest modes with an error within one standard error of the smallest.
    """
    if data.size > MOST_CELLS:
        raise UnsupportedError(
            "choosing ranks takes many fits, which would take too long",
            f"{data.size} cells",
            fix="pass ranks or a tolerance",
        )
    kept, apart = hold_out_cells(data, rng)
    order = len(data.shape)
    steps: list[tuple[tuple[int, ...], float]] = []

    def errors(ranks: tuple[int, ...]) -> Vector:
        fit = search(kept, ranks)
        if fit.search.stop_reason is StopReason.INTERRUPTED:
            raise KeyboardInterrupt  # an incomplete path cannot choose
        squares = squared_errors(fit.parts, apart)
        steps.append((ranks, float(np.sqrt(squares.mean()))))
        return squares

    now = (1,) * order
    best = errors(now)
    while True:
        found: list[tuple[tuple[int, ...], Vector]] = []
        for size in sorted({1, 2, order}):
            for modes in combinations(range(order), size):
                ranks = tuple(rank + (n in modes) for n, rank in enumerate(now))
                if possible_ranks(ranks, data.shape) != ranks:
                    continue
                found.append((ranks, errors(ranks)))
        least = min(
            (squares for _, squares in found), key=lambda squares: float(squares.mean()), default=best
        )
        if not _is_better(least, best):
            return RankChoice(now, tuple(steps), apart.size)
        # fewest modes first: the simplest candidate about as good as the best
        now, best = next(step for step in found if not _is_better(least, step[1]))


def hold_out_cells(
    data: TensorObservations, rng: np.random.Generator
) -> tuple[TensorObservations, TensorObservations]:
    """Return the cells to fit and a tenth to predict; every slice keeps at least half of its cells."""
    at = data.all_positions()
    left = [np.bincount(at[:, n], minlength=length) for n, length in enumerate(data.shape)]
    least = [(counts + 1) // 2 for counts in left]
    apart = np.zeros(data.size, bool)
    wanted = max(1, round(HELD_OUT * data.size))
    for k in rng.permutation(data.size):
        cell = at[k]
        if all(counts[i] > low[i] for counts, low, i in zip(left, least, cell, strict=True)):
            apart[k] = True
            for counts, i in zip(left, cell, strict=True):
                counts[i] -= 1
            wanted -= 1
            if not wanted:
                break
    if not apart.any():
        raise InvalidInputError("no cell can be held out", f"{data.size} known cells", fix="pass ranks")
    return data.subset(~apart), data.subset(apart)


def squared_errors(parts: TuckerTensor, apart: TensorObservations) -> Vector:
    """Return the weighted squared errors of predictions of cells."""
    predicted = SomeCells(apart.all_positions(), apart.shape).measure(parts)
    squares: Vector = (predicted - apart.values).astype(np.float64) ** 2
    return squares if apart.weights is None else squares * apart.weights / apart.weights.mean()


def _is_better(squares: Vector, best: Vector) -> bool:
    gain = best - squares
    error = float(gain.std()) / np.sqrt(gain.size)
    return bool(float(gain.mean()) > max(error, NEGLIGIBLE * float(best.mean())))
