"""The exact rank of a ReLU network's Jacobian: weights and data as fractions, modulo a prime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.kernels.modular_arithmetic import modular

Array = NDArray[np.floating[Any]]
Patterns = Sequence[NDArray[np.bool_]]
# for a Jacobian with more entries only the Gram matrix is used
MOST_NUMBERS = 20_000_000


def network_rank(
    weights: Sequence[Array],
    biases: Sequence[Array | None],
    patterns: Patterns,
    points: Array,
    rng: np.random.Generator,
    *,
    trained: int,
    trials: int = 2,
) -> int:
    """Return the rank of the derivative of a network's outputs with respect to its first `trained` layers.

    Parameters
    ----------
    weights : sequence of ndarray, shapes (d_l, d_(l-1))
        Weights of all layers, the last with one row.
    biases : sequence of ndarray or None
    patterns : sequence of ndarray of bool, shapes (n, d_l)
        Patterns of the hidden layers.
    points : ndarray, shape (n, d_0)
    rng : numpy.random.Generator
        Draws random combinations.
    trained : int
    trials : int
        Random primes tried until the rank is full.

    Returns
    -------
    int
        Never more than the rank over the rational numbers, so a full one is proved.

    Notes
    -----
    J J^T is a sum over layers of (D D^T) * (H H^T), with D the derivatives of the outputs with respect to a
    layer and H the inputs of the layer; random diagonals in between keep squares from cancelling. It costs
    O(n^2 (widths + n)).
    """
    best, n = 0, len(points)
    for _ in range(trials):
        prime = modular.random_prime(rng)
        factors = _factors(weights, biases, patterns, points, prime, trained)
        gram = np.zeros((n, n))
        for delta, hidden in factors:
            left, right = (_random_gram(part, prime, rng) for part in (delta, hidden))
            gram = np.mod(gram + np.mod(left * right, prime), prime)
        best = max(best, modular.eliminate(gram, prime).size)
        if best < n and n * sum(d.shape[1] * h.shape[1] for d, h in factors) <= MOST_NUMBERS:
            rows = [(d[:, :, None] * h[:, None, :]).reshape(n, -1) for d, h in factors]
            best = max(best, modular.eliminate(np.mod(np.hstack(rows), prime), prime).size)
        if best == n:
            break
    return best


def _factors(
    weights: Sequence[Array],
    biases: Sequence[Array | None],
    patterns: Patterns,
    points: Array,
    prime: int,
    trained: int,
) -> list[tuple[Array, Array]]:
    """Return for every trained layer the derivatives of the outputs, and its inputs (with ones)."""
    layers = [modular.residues(w, prime) for w in weights]
    hidden = [modular.residues(points, prime)]
    for w, b, pattern in zip(layers, biases, patterns, strict=False):
        z = modular.multiply(hidden[-1], np.ascontiguousarray(w.T), prime)
        if b is not None:
            z = np.mod(z + modular.residues(b, prime), prime)
        hidden.append(z * pattern)
    delta = np.ones((len(points), 1))
    deltas = [delta]
    for k in range(len(layers) - 1, 0, -1):
        delta = modular.multiply(delta, layers[k], prime) * patterns[k - 1]
        deltas.append(delta)
    out: list[tuple[Array, Array]] = []
    for delta, h, b in list(zip(deltas[::-1], hidden, biases, strict=True))[:trained]:
        taken = h if b is None else np.hstack([h, np.ones((len(h), 1))])
        out.append((np.ascontiguousarray(delta), np.ascontiguousarray(taken)))
    return out


def _random_gram(part: Array, prime: int, rng: np.random.Generator) -> Array:
    weights = rng.integers(1, prime, part.shape[1]).astype(np.float64)
    return modular.multiply(np.mod(part * weights, prime), np.ascontiguousarray(part.T), prime)
