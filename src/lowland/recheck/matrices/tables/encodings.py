"""Whether powers, losses and weights of columns that a document states are such as fits make of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.recheck.matrices.tables.units import SHARE, Lines, doubts_of_columns, told
from lowland.recheck.plain_losses import PlainLoss

# losses of numbers, whose columns have units and weights
OF_NUMBERS = ("squared", "clipped")
# zeros are written as half the smallest number, or what that was before an update
LEAST_ZERO = 1e-6
# what shares are shares of, beside the largest one
MOST_WHOLE = 2.0
# log probability that thresholds take from cells on average, beyond what frequencies of levels do
MOST_LOST = 1.0
# smallest threshold of Huber's loss, in standard deviations of the noise; and level of a quantile
LEAST_SLOPE, LEAST_SHARE = 0.999e-3, 1e-6
# how far log means and log odds may be from those of a column, whose fit may have been updated
FAR_SHIFT = float(np.log(100.0))
# largest log odds of the middle of the levels, beside the logarithm of the number of cells
FAR_LEVEL = 10.0
# largest error that counts quadratically where absolute errors count, in spreads
WIDEST = 1.0
# cells that the usual noise of columns counts for where it is learnt by column, and a factor beside
PRIOR, BESIDE = 4.0, 2.0
# least weight of a column whose numbers are of size one
LEAST_WEIGHT = 1e-6


def doubts_of_powers(given: Sequence[Mapping[str, Any]], table: Observations) -> list[str]:
    """Return which roots and logarithms are taken of numbers moved far from where they are."""
    wrong = []
    for one in given:
        x = table.values[table.columns == one["column"]].astype(np.float64)
        parts = [(one["shift"], one["lowest"], x)]
        parts += [(one["rest_shift"], one["least_rest"], one["whole"] - x)] if one["whole"] else []
        for shift, lowest, part in parts:
            positive = part[part > 0]
            half = positive.min(initial=np.inf) / 2
            moved = positive.size and shift > np.median(positive) / 2 * (1 + SHARE)
            far = not shift and (part <= 0).any() and positive.size and lowest < LEAST_ZERO * half
            far = far or (positive.size and one["whole"] > MOST_WHOLE * x.max())
            if (shift and lowest) or lowest > half * (1 + SHARE) or moved or far:
                words = f"shift {shift:.4g} and least number {lowest:.4g}, half the smallest is {half:.4g}"
                wrong.append(f"powers of column {one['column']:g} have {words}")
                break
    return told(np.arange(len(wrong)), lambda k: wrong[k])


def doubts_of_losses(
    given: Mapping[str, Any], kinds: Sequence[tuple[PlainLoss, Vector]], table: Observations, y: Vector
) -> list[str]:
    """Return which units, levels, shifts and weights of columns are not those that fits make of the data.

    Parameters
    ----------
    given : mapping
        What the document states of columns, read already.
    kinds : sequence of pairs
        Losses with their levels.
    table : Observations
    y : ndarray, shape (p,)
        Values in the unit of the fit.
    """
    lines = Lines.of(table, 1, weighted=True)
    which = np.asarray(given["which"]).astype(np.intp)
    centres, spreads, shifts, precisions = (
        np.asarray(given[name], np.float64) for name in ("centres", "spreads", "shifts", "precisions")
    )
    numbers = np.array([loss.kind in OF_NUMBERS for loss, _ in kinds])[which]
    doubts = doubts_of_columns(lines, centres, spreads, numbers)
    unit = float(np.median(lines.deviations[numbers])) if numbers.any() else 1.0
    for k, (loss, _) in enumerate(kinds):
        cells = which[table.columns] == k
        if loss.kind == "clipped":
            own = precisions[which == k]
            doubts += _of_slopes(loss, unit if (spreads[numbers] == 1).all() else 1.0, own)
        if loss.kind == "ordinal" and cells.any():
            doubts += _of_thresholds(loss, y[cells], lines.weights[cells], table.size)
    return doubts + _of_shifts(kinds, which, shifts, lines, y) + _of_weights(precisions, numbers, lines, y)


def _of_slopes(loss: PlainLoss, unit: float, precisions: Vector) -> list[str]:
    """Return whether a clipped loss is neither Huber's nor one of quantiles, or flat across all numbers."""
    lowest, highest, width = loss.numbers
    # Huber's threshold is stated in standard deviations of the noise
    thresholds = highest * np.sqrt(precisions)
    huber = lowest == -highest and width == 1 and bool((thresholds >= LEAST_SLOPE).all())
    quantile = abs(highest - lowest - 2) <= SHARE and width <= WIDEST * unit
    quantile = quantile and min(-lowest, highest) >= 2 * LEAST_SHARE
    words = f"slopes {lowest:.4g} to {highest:.4g} across {width:.4g} are those of no loss that is fitted"
    return [] if huber or quantile else [words]


def _of_thresholds(loss: PlainLoss, codes: Vector, weights: Vector, size: int) -> list[str]:
    """Return whether thresholds hide levels that the data have, or lie far from zero.

    Thresholds that suit the data can give each level at least its frequency, and so cells a mean log
    probability of minus the entropy; the levels at both ends can have any probability.
    """
    edges, levels = np.array(loss.numbers), len(loss.numbers) + 1
    at = codes.astype(np.intp)
    # a level's largest probability is the one in the middle between its thresholds
    largest = np.concatenate([[1.0], np.tanh(np.diff(edges) / 4), [1.0]])
    lost = min(
        _lost(np.bincount(at, counted, levels) * 1.0, largest) for counted in (weights, np.ones(at.size))
    )
    doubts, middle = [], float(np.median(edges))
    if lost > MOST_LOST:
        doubts.append(f"thresholds give levels {lost:.3g} less log probability than their frequencies would")
    if abs(middle) > FAR_LEVEL + np.log(size + 1):
        doubts.append(f"thresholds lie around {middle:.4g}, far from zero")
    return doubts


def _lost(counts: Vector, largest: Vector) -> float:
    """Return the mean log probability by frequencies of levels, minus that by their largest probabilities."""
    seen = counts > 0
    shares = counts[seen] / counts.sum()
    with np.errstate(divide="ignore"):
        return float(np.sum(shares * (np.log(shares) - np.log(largest[seen]))))


def _of_shifts(
    kinds: Sequence[tuple[PlainLoss, Vector]], which: Indices, shifts: Vector, lines: Lines, y: Vector
) -> list[str]:
    """Return which shifts are far from the log mean of a column of counts, or the log odds of two levels."""
    counted = np.array([loss.kind == "log-Poisson" for loss, _ in kinds])[which]
    answers = np.array([loss.kind == "ordinal" and loss.numbers == (0.0,) for loss, _ in kinds])[which]
    overall = float(np.average(lines.values, weights=lines.weights))
    size, mean = lines.counts, lines.sums(lines.weights * y) / np.maximum(lines.sums(lines.weights), 1e-300)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_means = np.log((size * mean + max(overall, 1e-8)) / (size + 1))
        share = (np.where(size > 0, size * mean, 0) + 0.5) / (size + 1)
        odds = np.log(share / (1 - share))
    expected = np.where(counted, log_means, np.where(answers, odds, 0.0))
    room = np.where(counted | answers, FAR_SHIFT, 0.0)
    return told(
        np.flatnonzero((size > 0) & ~(np.abs(shifts - expected) <= room)),
        lambda j: f"the shift of column {j} is {shifts[j]:.4g}, its numbers say {expected[j]:.4g}",
    )


def _of_weights(precisions: Vector, numbers: Any, lines: Lines, y: Vector) -> list[str]:
    """Return which columns have weights that noise learnt by column cannot give them.

    Noise of a column is shrunk to the usual one of columns, which counts for a few cells: no column's weight
    is much above the usual one. Other columns than of numbers have none.
    """
    usual = float(np.median(precisions[numbers])) if numbers.any() else 1.0
    largest = np.zeros(lines.n)
    np.maximum.at(largest, lines.at, np.abs(y))
    most = np.where(numbers, BESIDE * (1 + lines.counts / PRIOR) * usual, 1.0)
    least = np.where(numbers, LEAST_WEIGHT / (1 + largest**2), 1.0)
    return told(
        np.flatnonzero((precisions < least) | (precisions > most)),
        lambda j: f"column {j} has weight {precisions[j]:.4g}, columns of numbers usually {usual:.4g}",
    )
