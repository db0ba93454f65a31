"""The products of `sparse` in NumPy, for few numbers: operations and order, hence bits, are the same."""

from __future__ import annotations

import numpy as np

from lowland.kernels.compiled import in_numpy


@in_numpy
def sample(left, right, rows, columns, out):
    """Write the sums of products, each added up from the first column to the last."""
    products = left[rows] * right[columns]
    out[:] = np.add.accumulate(products, axis=1, out=products)[:, -1]


@in_numpy
def multiply(starts, indices, values, block, out):
    """Write the product of a row-compressed matrix of real numbers with a block; None: all are one."""
    width = block.shape[1]
    terms = block[indices] if values is None else values[:, None] * block[indices]
    rows = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    at = (rows[:, None] * width + np.arange(width)).ravel()
    if out.dtype == np.float64:
        out[:] = np.bincount(at, terms.ravel(), minlength=out.size).reshape(out.shape)
    else:
        np.add.at(out.reshape(-1), at, terms.ravel())


@in_numpy
def squares(left, right, starts, indices, targets, weights, sums):
    """Write the weighted sums of squared errors of rows."""
    rows = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    fitted = np.empty(rows.size, left.dtype)
    sample(left, right, rows, indices, fitted)
    differences = (fitted - targets).astype(np.float64)
    terms = differences * differences
    if weights is not None:
        terms *= weights.astype(np.float64)
    sums[:] = np.bincount(rows, terms, minlength=sums.size)


@in_numpy
def subtract(values, bias, indices, out):
    """Write differences."""
    np.subtract(values, bias[indices], out=out)
