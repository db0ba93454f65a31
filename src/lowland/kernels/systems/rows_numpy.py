"""The row kernel in NumPy, for small tables."""

from __future__ import annotations

import numpy as np

from lowland.kernels.compiled import in_numpy
from lowland.kernels.normals import row_normals
from lowland.kernels.systems.stacked_systems import (
    backward,
    factor,
    forward,
    lower_triangle,
    row_sums,
    stretches,
)


@in_numpy
def solve_rows(
    partner, starts, indices, values, weights, precision, shift, count_ridge, noise, tolerance, out
):
    """Solve every row's normal equations; see `rows.solve_rows`."""
    (rows, k), dtype = out.shape, out.dtype
    shift = np.broadcast_to(shift, out.shape)
    pairs = lower_triangle(k)
    random = None
    if noise is not None:
        random = dtype.type(noise.scale) * row_normals(rows, k, noise.sweep, noise.key, noise.first)
    for first, last in stretches(starts, pairs[0].size):
        cells = slice(starts[first], starts[last])
        bounds = starts[first : last + 1] - starts[first]
        x = np.ascontiguousarray(partner[indices[cells]].T)
        weighted = x if weights is None else x * weights[cells]
        grams = np.zeros((k, k, last - first), dtype)
        grams[pairs] = row_sums(weighted[pairs[0]] * x[pairs[1]], bounds)
        grams += precision[:, :, None]
        grams[np.arange(k), np.arange(k)] += dtype.type(count_ridge) * np.diff(bounds).astype(dtype)
        right = row_sums(weighted * values[cells], bounds) + shift[first:last].T
        factor(grams, tolerance)
        forward(grams, right)
        if random is not None:
            right += random[first:last].T
        backward(grams, right)
        out[first:last] = right.T
