"""Parts of a two-layer ReLU network's loss, of which slopes and curvatures are sums of products.

With features Phi (rows: derivatives of the outputs), the Hessian of 1/(2n) |f - y|^2 is H = G + B: G = Phi^T
Phi / n, and B couples (w_k, b_k) to v_k alone, by c_k = mean_i r_i 1_ik (x_i, 1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.rounding import gamma
from lowland.networks.network import ReluNetwork

# products of as many such numbers as slopes and curvatures have neither overflow nor underflow
SCALE = 1e50


@final
@dataclass(frozen=True, eq=False)
class LossParts:
    """What slopes and curvatures are made of; rows are those of data points, times the root of their weight.

    Parameters
    ----------
    root : ndarray, shape (n,)
        Roots of n times the weights, so that all means are unweighted.
    points : ndarray, shape (n, d)
        Inputs, and a last column of ones if the neurons have biases.
    on : ndarray, shape (n, k)
        One where a neuron is active, else zero.
    hidden : ndarray, shape (n, k)
    outer : ndarray, shape (k,)
        Output weights.
    offset : float or None
        Bias of the output.
    targets, residual : ndarray, shape (n,)
    kinks : int
        Number of pairs of neuron and data point at a kink, to within rounding.
    is_in_scale : bool
        Whether products of these numbers neither underflow nor overflow, so that rounding is relative.
    """

    root: Vector
    points: Matrix
    on: Matrix
    hidden: Matrix
    outer: Vector
    offset: float | None
    targets: Vector
    residual: Vector
    kinks: int
    is_in_scale: bool

    @classmethod
    def of(
        cls, network: ReluNetwork, inputs: Matrix, targets: Vector, weights: Vector | None = None
    ) -> LossParts:
        """Return the parts of a network's loss on data; weights of data points sum to one."""
        n, bias, last = len(inputs), network.biases[0], network.biases[1]
        root = np.ones(n) if weights is None else np.sqrt(n * weights)
        rows = inputs if bias is None else np.hstack([inputs, np.ones((n, 1))])
        before, outputs = network.layers(inputs)
        on = (before > 0).astype(float)
        unsure = gamma(2 * inputs.shape[1] + 4) * _heights(network, inputs)
        return cls(
            root=root,
            points=rows * root[:, None],
            on=on,
            hidden=before * on * root[:, None],
            outer=network.weights[1][0],
            offset=None if last is None else float(last[0]),
            targets=targets * root,
            residual=(outputs[:, 0] - targets) * root,
            kinks=int(np.count_nonzero(np.abs(before) <= unsure)),
            is_in_scale=_is_in_scale(root, inputs, targets, network.weights, network.biases),
        )

    def sizes(self, network: ReluNetwork, inputs: Matrix) -> LossParts:
        """Return the sums of the sizes of all terms: times `roundings`, they bound what rounding may do."""
        hidden, outer = self.on * _heights(network, inputs) * self.root[:, None], np.abs(self.outer)
        offset, targets = None if self.offset is None else abs(self.offset), np.abs(self.targets)
        return replace(
            self,
            points=np.abs(self.points),
            hidden=hidden,
            outer=outer,
            offset=offset,
            targets=targets,
            residual=hidden @ outer + (offset or 0.0) * self.root + targets,
        )

    def roundings(self) -> float:
        """Return a bound on the relative rounding of a sum of products here, by the sums of their sizes.

        It counts twice what there is, weights that were scaled included, so that who computes the same in
        another order comes within it, too.
        """
        return gamma(2 * (2 * self.n + 3 * sum(self.coupling.shape) + 32))

    @property
    def n(self) -> int:
        """Number of data points."""
        return self.root.size

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.coupling.size + self.outer.size + int(self.offset is not None)

    @cached_property
    def ones(self) -> Vector:
        """Derivatives of the outputs by the offset."""
        return self.root * float(self.offset is not None)

    @cached_property
    def coupling(self) -> Matrix:
        """Return c_k, one row per neuron."""
        coupling: Matrix = (self.on * self.residual[:, None]).T @ self.points / self.n
        return coupling

    @property
    def remainder(self) -> float:
        """Norm of B."""
        return float(np.linalg.norm(self.coupling, axis=1).max(initial=0.0))

    def kernel(self) -> Matrix:
        """Return Phi Phi^T / n."""
        active = self.on * self.outer
        inner: Matrix = (self.points @ self.points.T) * (active @ active.T) + self.hidden @ self.hidden.T
        return (inner + np.outer(self.ones, self.ones)) / self.n

    def features(self) -> Matrix:
        """Return derivatives of the outputs by all parameters; those by an offset are 0 without one."""
        slopes = ((self.on * self.outer)[:, :, None] * self.points[:, None, :]).reshape(self.n, -1)
        return np.hstack([slopes, self.hidden, self.ones[:, None]])

    def gradient(self) -> Vector:
        """Return the slopes of all parameters (first layer neuron by neuron, output weights, offset)."""
        slopes = self.outer[:, None] * self.coupling
        by_outer = self.hidden.T @ self.residual / self.n
        return np.concatenate([slopes.ravel(), by_outer, self._by_offset(self.residual / self.n)])

    def product(self, direction: Vector) -> Vector:
        """Return H times a direction, in the order of the gradient."""
        k, d = self.coupling.shape
        first, outer = direction[: k * d].reshape(k, d), direction[k * d : k * d + k]
        moved = (self.on * (self.points @ first.T)) @ self.outer + self.hidden @ outer
        moved = (moved + (0.0 if self.offset is None else direction[-1]) * self.ones) / self.n
        back = (self.on * moved[:, None]).T @ self.points * self.outer[:, None]
        by_outer = self.hidden.T @ moved + np.einsum("kd,kd->k", self.coupling, first)
        back += outer[:, None] * self.coupling
        return np.concatenate([back.ravel(), by_outer, self._by_offset(moved)])

    def hessian(self) -> Matrix:
        """Return H."""
        hessian = np.stack([self.product(unit) for unit in np.eye(self.size)])
        return np.asarray((hessian + hessian.T) / 2)

    def _by_offset(self, outputs: Vector) -> list[float]:
        return [] if self.offset is None else [float(self.ones @ outputs)]


def _is_in_scale(*given: Any) -> bool:
    parts = [part for one in given for part in (one if isinstance(one, tuple) else (one,))]
    sizes = (np.abs(part[part != 0]) for part in parts if part is not None)
    return all(bool(((part >= 1 / SCALE) & (part <= SCALE)).all()) for part in sizes)


def _heights(network: ReluNetwork, inputs: Matrix) -> Matrix:
    """Return the sums of the sizes of the terms that neurons read, shape (n, k)."""
    bias = network.biases[0]
    sums: Matrix = np.abs(inputs) @ np.abs(network.weights[0]).T
    return sums if bias is None else sums + np.abs(bias)
