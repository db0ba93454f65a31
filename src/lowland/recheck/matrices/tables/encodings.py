"""Whether powers, losses and weights of columns that a document states are such as fits make of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.recheck.matrices.tables.units import (
    PLACES,
    SHARE,
    Lines,
    doubts_of_columns,
    told,
    units_of_columns,
)
from lowland.recheck.plain_losses import PlainLoss

# losses of numbers, whose columns have units and weights
OF_NUMBERS = ("squared", "clipped")
# what shares are shares of, beside the largest one
MOST_WHOLE = 2.0
# log probability that thresholds take from cells on average, beyond what frequencies of levels do
MOST_LOST = 1.0
# smallest threshold of Huber's loss, in standard deviations of the noise; and level of a quantile
LEAST_SLOPE, LEAST_SHARE = 0.999e-3, 1e-6
# largest log odds of the middle of the levels, beside the logarithm of the number of cells
FAR_LEVEL = 10.0
# errors up to which are counted quadratically where absolute errors count, in spreads
WIDTH = 0.02
# cells that the usual noise of columns counts for where it is learnt by column, and a factor beside
PRIOR, BESIDE = 4.0, 2.0
# least weight of a column whose numbers are of size one
LEAST_WEIGHT = 1e-6


def doubts_of_powers(given: Sequence[Mapping[str, Any]], table: Observations) -> list[str]:
    """Return which roots and logarithms have other shifts and least numbers than half the smallest number.

    It is added if some numbers are zero; otherwise it is the least one that is written. Of shares so are the
    rests of the whole, of which the largest share is more than half.
    """
    wrong = []
    for one in given:
        x = table.values[table.columns == one["column"]].astype(np.float64)
        pairs = [((one["shift"], one["lowest"]), _ends(x))]
        if one["whole"]:
            pairs.append(((one["rest_shift"], one["least_rest"]), _ends(one["whole"] - x)))
        same = all(np.allclose(stated, derived, rtol=SHARE, atol=0.0) for stated, derived in pairs)
        if x.size and not (same and one["whole"] <= MOST_WHOLE * x.max()):
            stated, derived = next((p for p in pairs if not np.allclose(*p, rtol=SHARE, atol=0.0)), pairs[0])
            words = " and ".join(f"{number:.4g}" for number in stated)
            own = " and ".join(f"{number:.4g}" for number in derived)
            wrong.append(f"powers of column {one['column']:g} have shift and least number {words}, not {own}")
    return told(np.arange(len(wrong)), lambda k: wrong[k])


def _ends(parts: Vector) -> tuple[float, float]:
    """Return what is added to numbers, and the least one that is written."""
    half = float(parts[parts > 0].min(initial=np.inf)) / 2
    return (half, 0.0) if parts.min(initial=1.0) <= 0 else (0.0, half)


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
    some, unit = np.flatnonzero(numbers & (lines.counts > 0)), (1.0, 1.0)
    doubts: list[str] = []
    if some.size:
        derived = units_of_columns(lines, np.array([_level(loss) for loss, _ in kinds])[which])
        if np.ptp(centres[some]) == 0 and (spreads[some] == 1).all():
            # the spread of a column of one number is one, or rounding
            own = np.where(np.isin(np.arange(lines.n), lines.varies), derived[1], np.nan)[some]
            least, most = (float(np.median(np.where(np.isnan(own), end, own))) for end in (0.0, 1.0))
            unit = least, most
            doubts += _of_common_centre(float(centres[some[0]]), table.values[np.isin(table.columns, some)])
        else:
            doubts += doubts_of_columns(lines, (centres, spreads), derived, some)
    for k, (loss, _) in enumerate(kinds):
        cells = which[table.columns] == k
        if loss.kind == "clipped":
            doubts += _of_slopes(loss, unit, precisions[which == k])
        if loss.kind == "ordinal" and cells.any():
            doubts += _of_thresholds(loss, y[cells], lines.weights[cells], table.size)
    return doubts + _of_shifts(kinds, which, shifts, lines, y) + _of_weights(precisions, numbers, lines, y)


def _of_common_centre(centre: float, values: Vector) -> list[str]:
    """Return whether the centre of all columns is not the median of all numbers."""
    middle = float(np.median(values))
    good = abs(centre - middle) <= PLACES * float(np.finfo(values.dtype).eps) * abs(middle)
    return [] if good else [f"columns are centred at {centre:.4g}, while their median is {middle:.4g}"]


def _level(loss: PlainLoss) -> float:
    """Return of which quantile a loss is, NaN for a mean, infinite for levels and counts."""
    if loss.kind not in OF_NUMBERS:
        return np.inf
    if loss.is_squared:
        return np.nan
    lowest, highest, width = loss.numbers
    return 0.5 if lowest == -highest or width == 1 else -lowest / 2


def _of_slopes(loss: PlainLoss, unit: tuple[float, float], precisions: Vector) -> list[str]:
    """Return whether a clipped loss is neither Huber's nor one of quantiles in a unit of the columns."""
    lowest, highest, width = loss.numbers
    # Huber's threshold is stated in standard deviations of the noise
    thresholds = highest * np.sqrt(precisions)
    huber = lowest == -highest and width == 1 and bool((thresholds >= LEAST_SLOPE).all())
    least, most = (WIDTH * end for end in unit)
    quantile = abs(highest - lowest - 2) <= SHARE and least * (1 - SHARE) <= width <= most * (1 + SHARE)
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
    """Return which shifts are not the log mean of a column of counts, or the log odds of two levels."""
    counted = np.array([loss.kind == "log-Poisson" for loss, _ in kinds])[which]
    answers = np.array([loss.kind == "ordinal" and loss.numbers == (0.0,) for loss, _ in kinds])[which]
    overall = float(np.average(lines.values, weights=lines.weights))
    size, mean = lines.counts, lines.sums(lines.weights * y) / np.maximum(lines.sums(lines.weights), 1e-300)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_means = np.log((size * mean + max(overall, 1e-8)) / (size + 1))
        share = (np.where(size > 0, size * mean, 0) + 0.5) / (size + 1)
        odds = np.log(share / (1 - share))
    expected = np.where(counted, log_means, np.where(answers, odds, 0.0))
    room = SHARE * np.maximum(np.abs(expected), 1) * (counted | answers)
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
