"""Consecutive rows (or columns) of a table with their cells, and what is computed of them line by line.

Each function takes a block first and returns arrays with one entry per line of the block. No line's numbers
depend on other lines or on where the block ends, so that the same table gives the same bits in one block, in
many, or on many machines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lowland.bayes.row_scales import RowScales
from lowland.core.arrays import Matrix, Vector
from lowland.kernels.sparse_tables.sparse import (
    multiply_rows,
    sample_product,
    squared_errors,
    subtract_gathered,
)
from lowland.kernels.systems.conditional_rows import conditional_rows
from lowland.kernels.systems.moments import Moments, row_moments
from lowland.kernels.systems.rows import Noise, solve_rows

Arrays = tuple[NDArray[Any], ...]

# cells of which temporary arrays are made at once
TOGETHER = 1_000_000


@final
@dataclass(frozen=True, eq=False)
class CellBlock:
    """Cells of consecutive lines, each line's by ascending partner.

    Parameters
    ----------
    first : int
        Position of the first line in the table.
    starts : ndarray of int64, shape (lines + 1,)
        Cells of the k-th line lie at starts[k] .. starts[k + 1].
    partners : ndarray of int32, shape (p,)
        Position of each cell on the other side.
    values : ndarray, shape (p,)
    weights : ndarray, shape (p,), or None
        Positive; None means 1.
    """

    first: int
    starts: NDArray[np.int64]
    partners: NDArray[np.int32]
    values: Vector
    weights: Vector | None = None


def line_moments(
    block: CellBlock,
    partner: Moments,
    partner_weights: Vector | None,
    precision: Matrix,
    biased: bool,
    shift: Matrix,
    own_weights: Vector | None,
    form: str,
) -> Arrays:
    """Return the fields of `RowMoments` of each line, given those of the other side.

    Parameters
    ----------
    block : CellBlock
    partner, precision, biased, shift
        As in `row_moments`; the shift has one row per line, or one for all.
    partner_weights, own_weights : ndarray or None
        Factors of the weights of cells, by the other side and by line.
    form : str
        From `default_form`, by the shape of the whole table.
    """
    found = row_moments(
        partner,
        block.starts,
        block.partners,
        block.values,
        biased=biased,
        weights=_weights(block, partner_weights, own_weights),
        precision=precision,
        shift=np.broadcast_to(shift, (block.starts.size - 1, shift.shape[1])),
        form=form,
    )
    moments = found.moments
    return moments.means, moments.covariances, found.log_determinants, found.explained, found.squares


def drawn_lines(
    block: CellBlock,
    partner: tuple[Matrix, Vector | None],
    partner_weights: Vector | None,
    precision: Matrix,
    noise: Noise | None,
    shift: Matrix,
    own_weights: Vector | None,
    form: str,
) -> Arrays:
    """Return each line given the other side, whose biases are subtracted: its mean, or a draw with noise."""
    values, (factors, bias) = block.values, partner
    if bias is not None:
        values = subtract_gathered(values, bias, block.partners)
        factors = np.column_stack([factors, np.ones(factors.shape[0], factors.dtype)])
    drawn = solve_rows(
        factors,
        block.starts,
        block.partners,
        values,
        weights=_weights(block, partner_weights, own_weights),
        precision=precision,
        shift=shift,
        noise=None if noise is None else replace(noise, first=block.first),
        form=form,
    )
    return (drawn,)


def completed_lines(
    block: CellBlock, precision: Matrix, mean: Vector, noise: Noise | None, form: str
) -> Arrays:
    """Return lines of a Gaussian, their missing cells at the conditional mean or drawn given the others."""
    noise = None if noise is None else replace(noise, first=block.first)
    cells = (block.starts, block.partners, block.values)
    return (conditional_rows(*cells, precision, mean, noise=noise, form=form),)


def line_errors(block: CellBlock, partner: Matrix, own: Matrix) -> Arrays:
    """Return the weighted squared errors of predictions own @ partner.T by line."""
    return (squared_errors(own, partner, block.starts, block.partners, block.values, block.weights),)


def residual_block(block: CellBlock, partner: Matrix, own: Matrix, dtype: DTypeLike) -> CellBlock:
    """Return a block with what predictions own @ partner.T leave of its values, rounded to a precision."""
    values = np.empty(block.values.size, dtype)
    for first, last in stretches(block):
        cells = slice(block.starts[first], block.starts[last])
        lines = np.repeat(np.arange(first, last), np.diff(block.starts[first : last + 1]))
        values[cells] = block.values[cells] - sample_product(own, partner, lines, block.partners[cells])
    return replace(block, values=values)


def weighted_sums(block: CellBlock, table: Matrix) -> Arrays:
    """Return the sum of a table's rows over the partners of each line, times the values of the cells."""
    return (multiply_rows(block.starts, block.partners, block.values, table),)


def gathered_sums(block: CellBlock, table: Matrix) -> Arrays:
    """Return the sum of a table's rows over the partners of each line."""
    return (multiply_rows(block.starts, block.partners, None, table),)


def line_distances(block: CellBlock, means: Matrix, prior_mean: Vector, precisions: Vector) -> Arrays:
    """Return the squared Mahalanobis distance of each line's cells x from the mean of their Gaussian.

    Where x is a signal and noise of the given precisions, the inverse covariance times x - prior mean is that
    precision times what the conditional means of the signal leave of x.
    """
    lines = np.repeat(np.arange(block.starts.size - 1), np.diff(block.starts))
    at, values = block.partners, block.values.astype(np.float64)
    products = (values - prior_mean[at]) * precisions[at] * (values - means[lines, at])
    return (np.maximum(np.bincount(lines, products, minlength=block.starts.size - 1), 0.0),)


def hidden_scores(
    block: CellBlock,
    covariance: Matrix,
    mean: Vector,
    masks: NDArray[np.bool_],
    scales: RowScales | None,
    every: int,
) -> Arrays:
    """Return errors of hidden cells of every so-manieth line, predicted from the others of their line.

    Parameters
    ----------
    block : CellBlock
    covariance, mean : ndarray, shapes (p, p) and (p,)
        Those of a Gaussian that lines are drawn from.
    masks : ndarray of bool, shape (k, p)
        Line i hides what the mask of number i (over and over) says; lines of which all or nothing would be
        hidden are left out.
    scales : RowScales or None
        How lines differ in size.
    every : int

    Returns
    -------
    ndarray
        Errors over their standard deviations, absolute.
    """
    scores = [np.zeros(0)]
    for k in range(-block.first % every, block.starts.size - 1, every):
        cells = slice(block.starts[k], block.starts[k + 1])
        at, values = block.partners[cells], block.values[cells]
        hidden = masks[(block.first + k) // every % len(masks), at]
        if hidden.any() and not hidden.all():
            precision = np.linalg.inv(covariance[np.ix_(at, at)])
            pulls = precision @ (values - mean[at])
            # given the others, the covariance of hidden cells is the inverse of their part of the precision
            own = np.linalg.inv(precision[np.ix_(hidden, hidden)])
            errors, variances = own @ pulls[hidden], np.diag(own)
            if scales is not None:
                distance = pulls @ (values - mean[at]) - errors @ pulls[hidden]
                variances = variances * scales.factors(distance, int(np.count_nonzero(~hidden)))
            scores.append(np.abs(errors) / np.sqrt(variances))
    return (np.concatenate(scores),)


def known_cells(block: CellBlock, width: int) -> Arrays:
    """Return for each line which of its `width` cells are observed."""
    known = np.zeros((block.starts.size - 1, width), bool)
    known[np.repeat(np.arange(len(known)), np.diff(block.starts)), block.partners] = True
    return (known,)


def log_weights(block: CellBlock) -> Arrays:
    """Return the sum of the logarithms of the weights of each line's cells."""
    assert block.weights is not None
    weights = _of_lines(block, block.weights)
    return (_summed(block, lambda first, last: np.log(weights(first, last))),)


def _weights(block: CellBlock, partner_weights: Vector | None, own_weights: Vector | None) -> Vector | None:
    """Return the weights of cells, times factors by the other side and by line."""
    weights = block.weights
    for factors in (
        None if partner_weights is None else partner_weights[block.partners],
        None if own_weights is None else np.repeat(own_weights, np.diff(block.starts)),
    ):
        if factors is not None:
            weights = factors if weights is None else weights * factors
    return weights


# ---------------------------------------------------------------- summaries


def line_sums(block: CellBlock) -> Arrays:
    """Return the sum of the values of each line."""
    return (_summed(block, _of_lines(block, block.values)),)


def line_squares(block: CellBlock, centres: Vector) -> Arrays:
    """Return the sum of squares of each line's values about its centre."""

    def squares(first: int, last: int) -> Vector:
        own = slice(block.starts[first], block.starts[last])
        counts = np.diff(block.starts[first : last + 1])
        numbers: Vector = (block.values[own].astype(np.float64) - np.repeat(centres[first:last], counts)) ** 2
        return numbers

    return (_summed(block, squares),)


def line_extremes(block: CellBlock) -> Arrays:
    """Return the least and the largest value of each line, infinite if it has none."""
    full = np.diff(block.starts) > 0
    begins = block.starts[:-1][full]
    least, most = np.full(full.size, np.inf), np.full(full.size, -np.inf)
    if begins.size:
        least[full], most[full] = (
            np.minimum.reduceat(block.values, begins),
            np.maximum.reduceat(block.values, begins),
        )
    return least, most


def line_weights(block: CellBlock) -> Arrays:
    """Return the sum of the weights of each line's cells."""
    assert block.weights is not None
    return (_summed(block, _of_lines(block, block.weights)),)


def sampled_values(block: CellBlock, step: int, begins: NDArray[np.int64]) -> Arrays:
    """Return the values whose number in the table is a multiple of a step; lines begin at these numbers."""
    first = int(begins[0]) if begins.size else 0
    return (block.values[-first % step :: step],)


def scaled_block(block: CellBlock, by_partner: tuple[Vector, Vector] | None, *own: Vector) -> CellBlock:
    """Return a block whose values are centred and divided, by the other side or by line."""
    values = np.empty_like(block.values)
    for first, last in stretches(block):
        cells = slice(block.starts[first], block.starts[last])
        counts = np.diff(block.starts[first : last + 1])
        centres, spreads = (
            [numbers[block.partners[cells]] for numbers in by_partner]
            if by_partner is not None
            else [np.repeat(numbers[first:last], counts) for numbers in own]
        )
        values[cells] = (block.values[cells] - centres) / spreads
    return replace(block, values=values)


def _summed(block: CellBlock, numbers: Callable[[int, int], Vector]) -> Vector:
    """Return the sum of each line's numbers, which a function gives for the cells of some lines."""
    sums = np.zeros(block.starts.size - 1)
    for first, last in stretches(block):
        counts = np.diff(block.starts[first : last + 1])
        lines = np.repeat(np.arange(counts.size), counts)
        sums[first:last] = np.bincount(lines, numbers(first, last), minlength=counts.size)
    return sums


def _of_lines(block: CellBlock, numbers: Vector) -> Callable[[int, int], Vector]:
    return lambda first, last: numbers[block.starts[first] : block.starts[last]].astype(np.float64)


def stretches(block: CellBlock) -> Iterator[tuple[int, int]]:
    """Yield lines first .. last - 1 with about `TOGETHER` cells: temporary arrays need not hold all cells."""
    ends = np.arange(0, block.starts[-1] + TOGETHER, TOGETHER)
    bounds = np.unique([0, *np.searchsorted(block.starts, ends, side="right") - 1, block.starts.size - 1])
    yield from pairwise(bounds.tolist())
