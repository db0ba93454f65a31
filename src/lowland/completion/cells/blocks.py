"""What fits compute of rows (or columns) of a table, line by line.

As in `lowland.cells.sums`, no line's numbers depend on other lines or on where the block ends.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.row_scales import RowScales
from lowland.cells.block import Arrays, CellBlock
from lowland.core.arrays import Matrix, Vector
from lowland.kernels.sparse_tables.sparse import subtract_gathered
from lowland.kernels.systems.conditional_rows import conditional_rows
from lowland.kernels.systems.moments import Moments, row_moments
from lowland.kernels.systems.rows import Noise, solve_rows


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
    rows = row_moments(
        partner,
        block.starts,
        block.partners,
        block.values,
        biased=biased,
        weights=_weights(block, partner_weights, own_weights),
        precision=precision,
        shift=np.broadcast_to(shift, (block.size, shift.shape[1])),
        form=form,
    )
    moments = rows.moments
    return moments.means, moments.covariances, rows.log_determinants, rows.explained, rows.squares


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


def line_distances(block: CellBlock, means: Matrix, prior_mean: Vector, precisions: Vector) -> Arrays:
    """Return the squared Mahalanobis distance of each line's cells x from the mean of their Gaussian.

    Where x is a signal and noise of the given precisions, the inverse covariance times x - prior mean is that
    precision times what the conditional means of the signal leave of x.
    """
    lines = block.lines
    at, values = block.partners, block.values.astype(np.float64)
    products = (values - prior_mean[at]) * precisions[at] * (values - means[lines, at])
    return (np.maximum(np.bincount(lines, products, minlength=block.size), 0.0),)


def hidden_scores(
    block: CellBlock,
    covariance: Matrix,
    mean: Vector,
    masks: NDArray[np.bool_],
    scales: RowScales | None,
    every: int,
) -> Arrays:
    """Return errors of hidden cells of every `every`-th line, predicted from the other cells of the line.

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
    for k in range(-block.first % every, block.size, every):
        cells = slice(block.starts[k], block.starts[k + 1])
        at, values = block.partners[cells], block.values[cells]
        hidden = masks[(block.first + k) // every % len(masks), at]
        if hidden.any() and not hidden.all():
            precision = np.linalg.inv(covariance[np.ix_(at, at)])
            pulls = precision @ (values - mean[at])
            # given the others, the covariance of hidden cells is the inverse of their part of the precision
            hidden_covariance = np.linalg.inv(precision[np.ix_(hidden, hidden)])
            errors, variances = hidden_covariance @ pulls[hidden], np.diag(hidden_covariance)
            if scales is not None:
                distance = pulls @ (values - mean[at]) - errors @ pulls[hidden]
                variances = variances * scales.factors(distance, int(np.count_nonzero(~hidden)))
            scores.append(np.abs(errors) / np.sqrt(variances))
    return (np.concatenate(scores),)


def _weights(block: CellBlock, partner_weights: Vector | None, own_weights: Vector | None) -> Vector | None:
    """Return the weights of cells, times factors by the other side and by line."""
    weights = block.weights
    for factors in (
        None if partner_weights is None else partner_weights[block.partners],
        None if own_weights is None else np.repeat(own_weights, block.counts),
    ):
        if factors is not None:
            weights = factors if weights is None else weights * factors
    return weights
