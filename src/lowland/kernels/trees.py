"""Means over regression trees whose nodes lie in arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.kernels.compiled import compiled
from lowland.kernels.threads import even_bounds, run_chunks

# fewer leaves to find take NumPy less time than compilation takes
WORTH_COMPILING = 1 << 18


def mean_over_trees(
    inputs: Matrix,
    roots: NDArray[np.int32],
    features: NDArray[np.int16],
    numbers: NDArray[np.float32],
    children: NDArray[np.int32],
) -> Vector:
    """Return the mean over trees of the leaves that inputs end in.

    Parameters
    ----------
    inputs : ndarray of float32, shape (k, p)
    roots : ndarray of int32, shape (trees,)
        Node where each tree begins.
    features : ndarray of int16, shape (nodes,)
        The feature that a node asks for; negative at a leaf.
    numbers : ndarray of float32, shape (nodes,)
        Its threshold, or the value of a leaf.
    children : ndarray of int32, shape (nodes, 2)
        Next node if the feature is at most the threshold, and if not.

    Returns
    -------
    ndarray of float64, shape (k,)
    """
    out = np.empty(len(inputs))
    arguments: tuple[Any, ...] = (
        np.ascontiguousarray(inputs, np.float32),
        roots,
        features,
        numbers,
        children,
    )
    if out.size * roots.size < WORTH_COMPILING:
        means: Vector = _mean_by_levels(*arguments)
        return means
    bounds = even_bounds(out.size, out.size * roots.size * 10)
    run_chunks(lambda low, high: _mean(*arguments, out, low, high), bounds)
    return out


def _mean_by_levels(inputs, roots, features, numbers, children):
    """Return what `_mean` writes, all leaves found at once: for few of them, before anything is compiled."""
    nodes = np.repeat(roots[None], len(inputs), axis=0)
    inner = features[nodes] >= 0
    while inner.any():
        at = nodes[inner]
        right = ~(inputs[np.nonzero(inner)[0], features[at]] <= numbers[at])
        nodes[inner] = children[at, right.astype(np.intp)]
        inner[inner] = features[nodes[inner]] >= 0
    # one tree after the other, as the compiled loop adds them
    sums = np.add.accumulate(numbers[nodes].astype(np.float64), axis=1)[:, -1]
    return sums / roots.size


@compiled()
def _mean(inputs, roots, features, numbers, children, out, low, high):
    for i in range(low, high):
        total = 0.0
        for t in range(roots.size):
            node = roots[t]
            while features[node] >= 0:
                side = 0 if inputs[i, features[node]] <= numbers[node] else 1
                node = children[node, side]
            total += numbers[node]
        out[i] = total / roots.size
