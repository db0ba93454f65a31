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
# hold-outs that calibrate intervals, drawn anew
CALIBRATIONS = 2
# held-out cells from which on noise by slices is looked at
ENOUGH = 20
# share by which errors must fall for an order, or a start from least squares, to be used; noise by slices may
# raise them by as much, and by more if log densities of cells rise by so much in the mean
GAIN = 0.01
MUCH_LIKELIER, LITTLE_WORSE = 0.3, 0.1
# and by how many standard errors for an order, or log densities for noise by slices: several are compared
SURE = 2.5

Features = tuple[Matrix | None, ...]


@final
@dataclass(frozen=True, eq=False)
class Compared:
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
        for number in sorted(range(len(orders)), key=lambda own: orders[own].lengths != CIRCLE_LENGTHS):
            found = [
                compare(held, count, features_of(shape, orders, {**chosen, number: kind}), rng)
                for kind in KINDS
            ]
            k = int(np.argmin([own.error for own in found]))
            if _is_gain(best, found[k]):
                best, chosen[number] = found[k], KINDS[k]
    return chosen


def _is_gain(before: Compared, after: Compared) -> bool:
    """Return whether errors fall by a share, and by more than chance."""
    return is_sure(before.errors - after.errors) and after.error < (1 - GAIN) * before.error


def is_sure(gains: Vector) -> bool:
    """Return whether the mean of gains is positive by more than chance."""
    return bool(float(gains.mean()) > SURE * float(gains.std()) / np.sqrt(gains.size))


def features_of(
    shape: Sequence[int], orders: Sequence[ModeOrder], chosen: Mapping[int, Smoothness]
) -> Features:
    """Return the smooth functions of each mode's slices, None for modes without an order."""
    found: list[list[Matrix]] = [[] for _ in shape]
    for number in sorted(chosen):
        found[orders[number].mode].append(orders[number].features(chosen[number]))
    return tuple(np.hstack(own) if own else None for own in found)


def choose_rank(
    held: HeldOut, rank: int | None, features: Features, rng: np.random.Generator
) -> tuple[Compared, tuple[tuple[int, float], ...]]:
    """Return the best rank and start, and the least errors of all ranks that were tried.

    Ranks are compared by chains from random starts, and those next to the best by chains from least squares.
    """
    with stage("ranks, compared by held-out cells"):
        found = _compare_ranks(held, features, rng) if rank is None else [compare(held, rank, features, rng)]
        errors = [own.error if np.isfinite(own.error) else np.inf for own in found]
        middle = int(np.argmin(errors))
        chosen = found[middle]
        for near in found[max(middle - NEAR, 0) : middle + NEAR + 1]:
            found.append(compare(held, near.rank, features, rng, fitted=True))
    better = min(found, key=lambda own: own.error if np.isfinite(own.error) else np.inf)
    if better.error < (1 - GAIN) * chosen.error:
        chosen = better
    if not np.isfinite(chosen.error):
        raise InvalidInputError("the tensor cannot be fitted", "errors that are not finite")
    ranks = dict.fromkeys(own.rank for own in found)
    least = tuple((own, min(one.error for one in found if one.rank == own)) for own in ranks)
    return chosen, least


def _compare_ranks(held: HeldOut, features: Features, rng: np.random.Generator) -> list[Compared]:
    """Return chains of ascending ranks until several are no better, then of far ones, and those before."""
    found: dict[int, Compared] = {}
    best, worse = np.inf, 0
    for rank in RANKS:
        found[rank] = compare(held, rank, features, rng)
        worse = 0 if found[rank].error < best else worse + 1
        best = min(best, found[rank].error)
        if worse == PATIENCE:
            break
    shape = held.part.shape
    far = [rank for rank in FAR if rank in RANKS and rank not in found and rank <= prod(shape) // max(shape)]
    found.update((rank, compare(held, rank, features, rng)) for rank in far)
    late = [rank for rank in far if found[rank].error < best]
    if late:  # the ranks that were passed over
        between = [rank for rank in RANKS if rank not in found and rank < max(far)]
        found.update((rank, compare(held, rank, features, rng)) for rank in between)
    return [found[rank] for rank in sorted(found)]


def choose_noise(
    held: HeldOut,
    chosen: Compared,
    features: Features,
    rng: np.random.Generator,
    ranks: Sequence[int] = RANKS,
) -> Compared:
    """Return the chosen model, its noise by slices if cells held out are then surely likelier.

    And then the likeliest of its rank and the next ones: what noisy slices had hidden may now be seen.

    Parameters
    ----------
    held : HeldOut
        Drawn anew: the best of many ranks is lucky on the cells that chose it.
    chosen : Compared
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
            found = compare(held, chosen.rank, features, rng, fitted=chosen.fitted, noise_mode=mode)
            if _is_likelier(plain, found) and found.densities.mean() > best.densities.mean():
                best = found
        place = ranks.index(chosen.rank)
        for rank in ranks[max(place - 1, 0) : place + 2]:
            if best.noise_mode is not None and rank != chosen.rank:
                found = compare(held, rank, features, rng, fitted=best.fitted, noise_mode=best.noise_mode)
                best = found if _is_likelier(best, found) else best
    return best


def _is_likelier(before: Compared, after: Compared) -> bool:
    """Return whether held-out cells are surely likelier, and errors hardly larger."""
    gain = after.densities - before.densities
    most = LITTLE_WORSE if float(gain.mean()) > MUCH_LIKELIER else GAIN
    return is_sure(gain) and after.error < (1 + most) * before.error


def judge(
    chosen: Compared, others: Sequence[HeldOut], features: Features, rng: np.random.Generator
) -> list[Compared]:
    """Return the chosen model on cells held out that did not choose it."""
    with stage("intervals, calibrated by other held-out cells"):
        return [
            compare(own, chosen.rank, features, rng, fitted=chosen.fitted, noise_mode=chosen.noise_mode)
            for own in others
        ]


def pooled_error(judged: Sequence[Compared], *, whole: bool | None = None) -> float:
    """Return the root-mean-square error of several hold-outs, which count alike.

    Of all cells, or of those of whole slices, or of the others.
    """
    squares = []
    for own in judged:
        some = np.full(own.means.size, True) if whole is None else (own.held.slices >= 0) == whole
        if some.any():
            mass = float(some.sum() if own.held.weights is None else own.held.weights[some].sum())
            squares.append(float(np.sum(own.misses[some] ** 2)) / mass)
    return float(np.sqrt(np.mean(squares)))


def compare(
    held: HeldOut,
    rank: int,
    features: Features,
    rng: np.random.Generator,
    *,
    fitted: bool = False,
    noise_mode: int | None = None,
) -> Compared:
    """Return the errors of a short run."""
    model = BayesianCP(held.part, rank, features, noise_mode)
    search = in_full(partial(sampled, model, *COMPARED, rng, fitted=fitted))
    means, spreads = moments(model, draws_of(search), held.positions, held.weights)
    return Compared(rank, fitted, noise_mode, held, means, spreads, search.theta)
