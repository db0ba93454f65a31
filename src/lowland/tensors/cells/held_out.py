"""Cells held out of a tensor, beside the tensor without them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector
from lowland.core.errors import InvalidInputError
from lowland.tensors.cells.protocol import KnownCells
from lowland.trials.masks import Hiding
from lowland.trials.tensor_masks import hide_like_missing


@final
@dataclass(frozen=True, eq=False)
class HeldOut:
    """Cells held out.

    Parameters
    ----------
    part : KnownCells
        The tensor without them.
    positions : ndarray of int, shape (k, N)
    values : ndarray, shape (k,)
    slices : ndarray of int, shape (k,)
        The number of the slice that is held out as a whole, counted from zero; -1 for single cells.
    weights : ndarray, shape (k,), or None
        Relative precisions; None means one.
    """

    part: KnownCells
    positions: NDArray[np.int64]
    values: Vector
    slices: Indices
    weights: Vector | None


def hold_out(
    data: KnownCells,
    hides: Hiding,
    ordered: Collection[int],
    rng: np.random.Generator,
    *,
    every_mode: bool = False,
) -> HeldOut:
    """Hold out cells, every slice that has some keeping one, and whole slices where slices are missing.

    Parameters
    ----------
    data : KnownCells
    hides : Hiding
    ordered : collection of int
        Modes whose slices are in order.
    rng : numpy.random.Generator
    every_mode : bool
        Whether slices of modes without an order are held out, too. No model predicts these better than by
        the law of the others, so they say nothing of which is best.

    Raises
    ------
    InvalidInputError
        If no cell can be held out.
    """
    places, slices = hide_like_missing(data, hides, ordered, rng, every_mode=every_mode)
    if not places.size:
        raise InvalidInputError(
            "no cell can be held out", f"{data.size} known cells", "every slice needs one", "pass more data"
        )
    positions, values = data.cells(places)
    weights = None if data.weights is None else data.weights[places]
    return HeldOut(data.without(places), positions, values, slices, weights)
