"""The order of modes, the number of components and the noise of a CP model, by cells held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from math import prod
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.running.interrupt import in_full
from lowland.core.running.stages import stage
from lowland.tensors.cells.held_out import HeldOut
from lowland.tensors.filling.mode_orders import CIRCLE_LENGTHS, KINDS, ModeOrder, Smoothness
from lowland.tensors.filling.objective import BayesianCP
from lowland.tensors.filling.sampling import draws_of, moments, sampled
from lowland.trials.choices import LEAST_SQUARES_START, MODE_ORDERS, SLICE_NOISE
from lowland.trials.gains import Gain

# ranks that are compared, and sweeps of each comparison: burn-in and draws
RANKS, COMPARED = (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64), (40, 40)
# the comparison ends after so many ranks in a row that are no better than the best: chains are noisy
PATIENCE = 4
# ranks that are looked at even so, as errors may fall late
FAR = (32, 64)
# how many ranks below and above the best are tried from least squares too
NEAR = 2
# components while orders are compared
ORDER_RANK = 8
# held-out cells from which on noise by slices is looked at
ENOUGH = 20

Features = tuple[Matrix | None, ...]


@final
@dataclass(frozen=True, eq=False)
class Candidate:
    """Predictions of a model for the cells held out.

    Parameters
    ----------
    rank : int
    fitted : bool
        Whether the chain started from a fit by least squares.
    noise_mode : int or None
        The mode by whose slices noise differs.
    held : HeldOut
    means, spreads : ndarray, shape (k,)
        Predictions of the cells held out and their standard errors.
    last : ndarray
        The point where the chain ended.
    """

    rank: int
    fitted: bool
    noise_mode: int | None
    held: HeldOut
    means: Vector
    spreads: Vector
    last: Vector

    @property
    def units(self) -> Vector | float:
        """One over the standard deviation of each cell relative to the others."""
        return 1.0 if self.held.weights is None else np.sqrt(self.held.weights)

    @cached_property
    def misses(self) -> Vector:
        """What predictions are too large by, over the standard deviation of a cell relative to the others."""
        return (self.means - self.held.values) * self.units

    @property
    def errors(self) -> Vector:
        """The same without signs."""
        return np.abs(self.misses)

    @cached_property
    def error(self) -> float:
        """Root mean square, weighted."""
        weights = self.held.weights
        total = self.means.size if weights is None else float(weights.sum())
        return float(np.sqrt(np.sum(self.misses**2) / total))

    @cached_property
    def scores(self) -> Vector:
        """Errors over standard errors."""
        scores: Vector = np.abs(self.means - self.held.values) / self.spreads
        return scores

    @property
    def densities(self) -> Vector:
        """Logarithms of the density of each cell, normal with its stated moments, up to a constant."""
        densities: Vector = -np.log(self.spreads) - 0.5 * self.scores**2
        return densities


def choose_orders(
    held: HeldOut, orders: Sequence[ModeOrder], rank: int | None, rng: np.random.Generator
) -> dict[int, Smoothness]:
    """Return how smoothly slices vary along each order, by its number; orders that do not help are left out.

    Parameters
    ----------
    held : HeldOut
    orders : sequence of ModeOrder
    rank : int or None
        Of the comparisons; None means eight.
    rng : numpy.random.Generator
    """
    chosen: dict[int, Smoothness] = {}
    if not orders:
        return chosen
    shape, count = held.part.shape, rank or ORDER_RANK
    with stage("orders of modes, compared by held-out cells"):
        best = compare(held, count, features_of(shape, orders, chosen), rng)
        # seasons first: what comes again is told from far away, and a line along which nothing does from near
        for number in sorted(range(len(orders)), key=lambda k: orders[k].lengths != CIRCLE_LENGTHS):
            candidates = [
                compare(held, count, features_of(shape, orders, {**chosen, number: kind}), rng)
                for kind in KINDS
            ]
            k = int(np.argmin([candidate.error for candidate in candidates]))
            if MODE_ORDERS.takes(gain_of(best, candidates[k])):
                best, chosen[number] = candidates[k], KINDS[k]
    return chosen


def gain_of(before: Candidate, after: Candidate) -> Gain:
    """Return by how much errors fall."""
    return Gain.of(before.errors - after.errors, (before.error, after.error))


def features_of(
    shape: Sequence[int], orders: Sequence[ModeOrder], chosen: Mapping[int, Smoothness]
) -> Features:
    """Return the smooth functions of each mode's slices, None for modes without an order."""
    by_mode: list[list[Matrix]] = [[] for _ in shape]
    for number in sorted(chosen):
        by_mode[orders[number].mode].append(orders[number].features(chosen[number]))
    return tuple(np.hstack(features) if features else None for features in by_mode)


def choose_rank(
    held: HeldOut, rank: int | None, features: Features, rng: np.random.Generator
) -> tuple[Candidate, tuple[tuple[int, float], ...]]:
    """Return the best rank and start, and the least errors of all ranks that were tried.

    Ranks are compared by chains from random starts, and those next to the best by chains from least squares.
    """
    with stage("ranks, compared by held-out cells"):
        tried = _compare_ranks(held, features, rng) if rank is None else [compare(held, rank, features, rng)]
        middle = int(np.argmin([_finite(one.error) for one in tried]))
        chosen = tried[middle]
        for near in tried[max(middle - NEAR, 0) : middle + NEAR + 1]:
            tried.append(compare(held, near.rank, features, rng, fitted=True))
    better = min(tried, key=lambda one: _finite(one.error))
    if LEAST_SQUARES_START.takes(Gain.between(chosen.error, better.error)):
        chosen = better
    if not np.isfinite(chosen.error):
        raise InvalidInputError("the tensor cannot be fitted", "errors that are not finite")
    ranks = dict.fromkeys(one.rank for one in tried)
    least = tuple((number, min(one.error for one in tried if one.rank == number)) for number in ranks)
    return chosen, least


def _finite(error: float) -> float:
    return error if np.isfinite(error) else np.inf


def _compare_ranks(held: HeldOut, features: Features, rng: np.random.Generator) -> list[Candidate]:
    """Return chains of ascending ranks until several are no better, then of far ones, and those before."""
    tried: dict[int, Candidate] = {}
    best, worse = np.inf, 0
    for rank in RANKS:
        tried[rank] = compare(held, rank, features, rng)
        worse = 0 if tried[rank].error < best else worse + 1
        best = min(best, tried[rank].error)
        if worse == PATIENCE:
            break
    shape = held.part.shape
    far = [rank for rank in FAR if rank in RANKS and rank not in tried and rank <= prod(shape) // max(shape)]
    tried.update((rank, compare(held, rank, features, rng)) for rank in far)
    late = [rank for rank in far if tried[rank].error < best]
    if late:  # the ranks that were passed over
        between = [rank for rank in RANKS if rank not in tried and rank < max(far)]
        tried.update((rank, compare(held, rank, features, rng)) for rank in between)
    return [tried[rank] for rank in sorted(tried)]


def choose_noise(
    held: HeldOut,
    chosen: Candidate,
    features: Features,
    rng: np.random.Generator,
    ranks: Sequence[int] = RANKS,
) -> Candidate:
    """Return the chosen model, its noise by slices if cells held out are then surely likelier.

    And then the likeliest of its rank and the next ones: what noisy slices had hidden may now be seen.

    Parameters
    ----------
    held : HeldOut
        Drawn anew: the best of many ranks is lucky on the cells that chose it.
    chosen : Candidate
    features, rng
        As for `compare`.
    ranks : sequence of int
        Those that may be taken, ascending.
    """
    if held.values.size < ENOUGH:
        return chosen
    with stage("noise by slices, compared by held-out cells"):
        plain = compare(held, chosen.rank, features, rng, fitted=chosen.fitted)
        best = plain
        for mode in range(len(held.part.shape)):
            other = compare(held, chosen.rank, features, rng, fitted=chosen.fitted, noise_mode=mode)
            if _is_likelier(plain, other) and other.densities.mean() > best.densities.mean():
                best = other
        place = ranks.index(chosen.rank)
        for rank in ranks[max(place - 1, 0) : place + 2]:
            if best.noise_mode is not None and rank != chosen.rank:
                other = compare(held, rank, features, rng, fitted=best.fitted, noise_mode=best.noise_mode)
                best = other if _is_likelier(best, other) else best
    return best


def _is_likelier(before: Candidate, after: Candidate) -> bool:
    """Return whether held-out cells are surely likelier, and errors hardly larger."""
    gains, errors = after.densities - before.densities, Gain.between(before.error, after.error)
    return SLICE_NOISE.takes(Gain.of(gains, errors=errors))


def judge(
    chosen: Candidate, others: Sequence[HeldOut], features: Features, rng: np.random.Generator
) -> list[Candidate]:
    """Return the chosen model on cells held out that did not choose it."""
    with stage("intervals, calibrated by other held-out cells"):
        return [
            compare(held, chosen.rank, features, rng, fitted=chosen.fitted, noise_mode=chosen.noise_mode)
            for held in others
        ]


def pooled_error(judged: Sequence[Candidate], *, whole: bool | None = None) -> float:
    """Return the root-mean-square error of several hold-outs, which count alike.

    Of all cells, or of those of whole slices, or of the others.
    """
    squares = []
    for one in judged:
        some = np.full(one.means.size, True) if whole is None else (one.held.slices >= 0) == whole
        if some.any():
            mass = float(some.sum() if one.held.weights is None else one.held.weights[some].sum())
            squares.append(float(np.sum(one.misses[some] ** 2)) / mass)
    return float(np.sqrt(np.mean(squares)))


def compare(
    held: HeldOut,
    rank: int,
    features: Features,
    rng: np.random.Generator,
    *,
    fitted: bool = False,
    noise_mode: int | None = None,
) -> Candidate:
    """Return the errors of a short run."""
    model = BayesianCP(held.part, rank, features, noise_mode)
    search = in_full(partial(sampled, model, *COMPARED, rng, fitted=fitted))
    means, spreads = moments(model, draws_of(search), held.positions, held.weights)
    return Candidate(rank, fitted, noise_mode, held, means, spreads, search.theta)
