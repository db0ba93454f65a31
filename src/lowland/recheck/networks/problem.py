"""A ReLU network on data as plain arrays: exact activation patterns, and Jacobians modulo a prime."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.recheck.modular_rank import Residues, residues

# products of fractions in the layers of all points together, which are slow
MOST_FRACTIONS, MOST_LAYERS = 400_000, 100


@final
@dataclass(frozen=True, eq=False)
class NetworkProblem:
    """A network, data, and which layers are trained.

    Parameters
    ----------
    weights : tuple of ndarray, shapes (d_1, d_0), ..., (1, d_L)
    biases : tuple of ndarray or None
        One per layer.
    inputs : ndarray, shape (n, d_0)
    targets : ndarray, shape (n,), or None
    trained : {"first", "all"}
    words : str
        A description.
    """

    weights: tuple[Matrix, ...]
    biases: tuple[Vector | None, ...]
    inputs: Matrix
    targets: Vector | None
    trained: str = "first"
    words: str = ""

    @property
    def is_shallow(self) -> bool:
        """Whether there is one hidden layer."""
        return len(self.weights) == 2

    @property
    def is_small(self) -> bool:
        """Whether exact fractions are quick enough."""
        # digits grow with each layer
        products = len(self.inputs) * sum(w.size for w in self.weights)
        return products * (len(self.weights) - 1) <= MOST_FRACTIONS and len(self.weights) <= MOST_LAYERS

    @cached_property
    def signs(self) -> list[NDArray[np.int64]]:
        """Signs of all neurons' inputs, exact, for each hidden layer, shape (n, d_l).

        A row of zeros without a bias has the sign 0 for all weights; that is no kink, and marked by 2.
        """
        layers: list[list[list[int]]] = [[] for _ in self.weights[:-1]]
        exact = [[[Fraction(float(x)) for x in row] for row in w] for w in self.weights[:-1]]
        offsets = [None if b is None else [Fraction(float(x)) for x in b] for b in self.biases[:-1]]
        for point in self.inputs:
            values = [Fraction(float(x)) for x in point]
            for layer, (rows, shift) in enumerate(zip(exact, offsets, strict=True)):
                given = list(values)
                before = [
                    sum((a * b for a, b in zip(row, given, strict=True) if a and b), Fraction(0))
                    for row in rows
                ]
                if shift is not None:
                    before = [a + b for a, b in zip(before, shift, strict=True)]
                idle = layer == 0 and shift is None and not any(given)
                layers[layer].append([2 if idle else (x > 0) - (x < 0) for x in before])
                values = [max(x, Fraction(0)) for x in before]
        return [np.array(layer) for layer in layers]

    @property
    def is_at_kink(self) -> bool:
        """Whether a neuron is at its kink on a data point."""
        return any(bool((sign == 0).any()) for sign in self.signs)

    @property
    def active(self) -> list[NDArray[np.bool_]]:
        """Which neurons are active on which points, for each hidden layer."""
        return [sign == 1 for sign in self.signs]

    def jacobian(self, prime: int) -> Residues:
        """Return the derivative of the outputs in the trained weights and biases, modulo a prime."""
        active = [layer.astype(np.int64) for layer in self.active]
        outputs, values = [residues(self.inputs, prime)], residues(self.inputs, prime)
        exact = [residues(w, prime) for w in self.weights]
        shifts = [None if b is None else residues(b, prime) for b in self.biases]
        for w, b, on in zip(exact[:-1], shifts[:-1], active, strict=True):
            values = _product(values, w.T, prime) + (0 if b is None else b)
            values = values % prime * on
            outputs.append(values)
        # the derivative of the output in the inputs of each layer, from the last to the first
        back = [np.ones((len(self.inputs), 1), np.int64)]
        for w, on in zip(exact[:0:-1], active[::-1], strict=True):
            back.append(_product(back[-1], w, prime) * on)
        parts = []
        for layer in range(1 if self.trained == "first" else len(exact)):
            slope, below = back[len(exact) - 1 - layer], outputs[layer]
            parts.append((slope[:, :, None] * below[:, None, :] % prime).reshape(len(slope), -1))
            if shifts[layer] is not None:
                parts.append(slope)
        return np.hstack(parts)

    @property
    def columns(self) -> int:
        """Number of trained weights and biases."""
        layers = zip(self.weights, self.biases, strict=True)
        sizes = [w.size + (0 if b is None else b.size) for w, b in layers]
        return sizes[0] if self.trained == "first" else sum(sizes)

    @cached_property
    def points(self) -> Matrix:
        """Inputs with a final column of ones if the first layer has biases."""
        ones = [np.ones((len(self.inputs), 1))] if self.biases[0] is not None else []
        return np.hstack([self.inputs, *ones])

    def design(self) -> Matrix:
        """Return the outputs of a shallow network as a linear function of the first layer, shape (n, k d)."""
        rows = (self.active[0] * self.weights[1][0])[:, :, None] * self.points[:, None, :]
        return np.asarray(rows.reshape(len(self.points), -1))

    def aim(self) -> Vector:
        """Return the targets without the output bias."""
        assert self.targets is not None
        last = self.biases[-1]
        return self.targets - (0.0 if last is None else float(last[0]))

    def least_possible(self) -> float:
        """Return the smallest loss of any function: above zero if inputs repeat with different targets."""
        assert self.targets is not None
        groups = np.unique(self.inputs, axis=0, return_inverse=True)[1].ravel()
        means = np.bincount(groups, self.targets) / np.bincount(groups)
        low, high = np.full(means.size, np.inf), np.full(means.size, -np.inf)
        np.minimum.at(low, groups, self.targets)
        np.maximum.at(high, groups, self.targets)
        means = np.where(low == high, low, means)  # equal targets have no rounding
        return 0.5 * float(np.mean((self.targets - means[groups]) ** 2))


def _product(a: Residues, b: Residues, prime: int) -> Residues:
    out = np.zeros((a.shape[0], b.shape[1]), np.int64)
    for k in range(a.shape[1]):
        out = (out + a[:, k, None] * b[k] % prime) % prime
    return out
