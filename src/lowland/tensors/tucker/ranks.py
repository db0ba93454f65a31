"""How ranks are compared: the errors of fits on held-out cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Words
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.measurement import SomeCells
from lowland.tensors.tucker_tensor import TuckerTensor
from lowland.trials.choices import TUCKER_RANKS
from lowland.trials.gains import Gain
from lowland.trials.masks import Hiding
from lowland.trials.tensor_masks import hide_half_at_most


@public("lowland.tensors")
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


def hold_out_cells(
    data: TensorObservations, rng: np.random.Generator, hides: Hiding = TUCKER_RANKS.hides
) -> tuple[TensorObservations, TensorObservations]:
    """Return the cells to fit and those to predict; every slice keeps at least half of its cells."""
    apart = hide_half_at_most(data.all_positions(), data.shape, hides, rng)
    if not apart.any():
        raise InvalidInputError(
            "no cell can be held out", f"{data.size} known cells", fix=Words("pass ", Option("ranks"))
        )
    return data.hide(apart)


def squared_errors(parts: TuckerTensor, apart: TensorObservations) -> Vector:
    """Return the weighted squared errors of predictions of cells."""
    predicted = SomeCells(apart.all_positions(), apart.shape).measure(parts)
    squares: Vector = (predicted - apart.values).astype(np.float64) ** 2
    return squares if apart.weights is None else squares * apart.weights / apart.weights.mean()


def is_better(squares: Vector, best: Vector) -> bool:
    """Return whether the mean of squared errors is lower by more than its standard error, cell by cell."""
    return TUCKER_RANKS.takes(Gain.of(best - squares, (best.mean(), squares.mean())))
