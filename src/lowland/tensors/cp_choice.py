"""The order of modes and the number of components of a CP model, by cells held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.interrupt import in_full
from lowland.core.stages import stage
from lowland.tensors.cp_objective import BayesianCP
from lowland.tensors.cp_sampling import draws_of, moments, sampled
from lowland.tensors.held_out_cells import HeldOut
from lowland.tensors.mode_orders import KINDS, ModeOrder, Smoothness

# ranks that are compared, and sweeps of each comparison: burn-in and draws
RANKS, COMPARED = (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64), (40, 40)
# the comparison ends after so many ranks that are worse than the best
PATIENCE = 2
# components while orders are compared
ORDER_RANK = 8
# share by which errors must fall for an order to be used
GAIN = 0.01

Features = tuple[Matrix | None, ...]


@final
@dataclass(frozen=True, eq=False)
class Compared:
    """Errors of a model on the cells held out.

    Parameters
    ----------
    rank : int
    error : float
        Root mean square.
    scores, slice_scores : ndarray
        Errors over their standard errors, ascending: of single cells, and of cells in slices held out.
    """

    rank: int
    error: float
    scores: Vector
    slice_scores: Vector


def choose_orders(
    held: HeldOut, orders: Mapping[int, ModeOrder], rank: int | None, rng: np.random.Generator
) -> dict[int, Smoothness]:
    """Return how smoothly slices vary, by mode; modes whose order does not help are left out.

    Parameters
    ----------
    held : HeldOut
    orders : mapping of int to ModeOrder
    rank : int or None
        Of the comparisons; None means eight.
    rng : numpy.random.Generator
    """
    chosen: dict[int, Smoothness] = {}
    if not orders:
        return chosen
    with stage("orders of modes, compared by held-out cells"):
        best = compare(held, rank or ORDER_RANK, features_of(held.part.shape, orders, chosen), rng).error
        for mode in orders:
            errors = []
            for kind in KINDS:
                features = features_of(held.part.shape, orders, {**chosen, mode: kind})
                errors.append(compare(held, rank or ORDER_RANK, features, rng).error)
            if min(errors) < (1 - GAIN) * best:
                best = min(errors)
                chosen[mode] = KINDS[int(np.argmin(errors))]
    return chosen


def features_of(
    shape: Sequence[int], orders: Mapping[int, ModeOrder], chosen: Mapping[int, Smoothness]
) -> Features:
    """Return the smooth functions of each mode's slices, None for modes without an order."""
    return tuple(
        orders[mode].features(chosen[mode]) if mode in chosen else None for mode in range(len(shape))
    )


def choose_rank(
    held: HeldOut, rank: int | None, features: Features, rng: np.random.Generator
) -> tuple[Compared, tuple[tuple[int, float], ...]]:
    """Return the best rank, and the errors of all that were tried."""
    tried: list[tuple[int, float]] = []
    best: Compared | None = None
    worse = 0
    with stage("ranks, compared by held-out cells"):
        for candidate in RANKS if rank is None else (rank,):
            found = compare(held, candidate, features, rng)
            tried.append((candidate, found.error))
            if best is None or not found.error >= best.error:
                best, worse = found, 0
            else:
                worse += 1
            if worse > PATIENCE:
                break
    if best is None or not np.isfinite(best.error):
        raise InvalidInputError("the tensor cannot be fitted", "errors that are not finite")
    return best, tuple(tried)


def compare(held: HeldOut, rank: int, features: Features, rng: np.random.Generator) -> Compared:
    """Return the errors of a short run."""
    model = BayesianCP(held.part, rank, features)
    search = in_full(partial(sampled, model, *COMPARED, rng))
    mean, error = moments(model, draws_of(search), held.positions)
    scores = np.abs(mean - held.values) / error
    own = np.sort(scores[~held.whole]), np.sort(scores[held.whole])
    return Compared(rank, float(np.sqrt(np.mean((mean - held.values) ** 2))), *own)
