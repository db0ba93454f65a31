"""The order of modes and the noise of a CP model, by cells held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.running.stages import stage
from lowland.tensors.cells.held_out import HeldOut
from lowland.tensors.filling.candidates import Candidate, Features, compare
from lowland.tensors.filling.mode_orders import CIRCLE_LENGTHS, KINDS, ModeOrder, Smoothness
from lowland.trials.choices import MODE_ORDERS, SLICE_NOISE
from lowland.trials.gains import Gain

# components while orders are compared
ORDER_RANK = 8
# held-out cells from which on noise by slices is looked at
ENOUGH = 20
# slices whose errors differ by chance more rarely than this are looked at for noise of their own
CHANCE = 0.1


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


def choose_noise(
    held: HeldOut,
    chosen: Candidate,
    features: Features,
    rng: np.random.Generator,
    ranks: Sequence[int],
) -> Candidate:
    """Return the chosen model, its noise by slices if cells held out are then surely likelier.

    And then the likeliest of its rank and the next ones: what noisy slices had hidden may now be seen. Modes
    by whose slices errors of the chosen model hardly differ are not looked at.

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
    modes = [mode for mode in range(len(held.part.shape)) if differs_by_slice(chosen, mode)]
    if not modes:
        return chosen
    with stage("noise by slices, compared by held-out cells"):
        plain = compare(held, chosen.rank, features, rng, fitted=chosen.fitted)
        best = plain
        for mode in modes:
            other = compare(held, chosen.rank, features, rng, fitted=chosen.fitted, noise_mode=mode)
            if _is_likelier(plain, other) and other.densities.mean() > best.densities.mean():
                best = other
        place = ranks.index(chosen.rank)
        for rank in ranks[max(place - 1, 0) : place + 2]:
            if best.noise_mode is not None and rank != chosen.rank:
                other = compare(held, rank, features, rng, fitted=best.fitted, noise_mode=best.noise_mode)
                best = other if _is_likelier(best, other) else best
    return best


def differs_by_slice(one: Candidate, mode: int) -> bool:
    """Return whether sizes of errors differ by a mode's slices more than by chance (Levene 1960)."""
    from scipy import special

    sizes, slices = one.errors, one.held.positions[:, mode]
    counts = np.bincount(slices)
    sums = np.bincount(slices, sizes)
    groups, left = np.count_nonzero(counts) - 1, sizes.size - np.count_nonzero(counts)
    if groups < 1 or left < 1:
        return False
    means = sums / np.maximum(counts, 1)
    between = float(counts @ (means - sizes.mean()) ** 2) / groups
    within = float(np.sum((sizes - means[slices]) ** 2)) / left
    return bool(within > 0 and special.fdtrc(groups, left, between / within) < CHANCE)


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
