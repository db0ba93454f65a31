"""Sharpness of a two-layer ReLU network's loss, and bounds over rescalings of its neurons.

With features Phi (rows: derivatives of the outputs), the Hessian of 1/(2n) |f - y|^2 is G + B: G = Phi^T Phi
/ n has the nonzero eigenvalues of the n x n kernel Phi Phi^T / n, and B couples (w_k, b_k) to v_k alone, so
that its norm is the largest |c_k|, c_k = mean_i r_i 1_ik (x_i, 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.certificates.factorisations import eigenvalues
from lowland.core.arrays import Matrix, Vector
from lowland.core.brief import briefly
from lowland.core.errors import InvalidInputError
from lowland.networks.network import ReluNetwork, two_layer

# beyond this many data points or parameters eigenvalues are computed by iteration
DENSE = 1500
# roundings of outputs and targets that residuals may contain
ROUNDINGS = 16.0
# rounding above this fraction of the residuals is not taken off slopes
AUDIBLE = 1e-3


@briefly
@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Sharpness:
    """The largest eigenvalues of the loss at a network's weights.

    Parameters
    ----------
    largest : float
        Largest eigenvalue of the Hessian H.
    error : float
        Bound on its error.
    smallest : float
        Smallest eigenvalue of H, or if `smallest_is_bound` a lower bound on it: minus `remainder`.
    smallest_is_bound : bool
    gauss_newton : float
        Largest eigenvalue of G.
    remainder : float
        Norm of B: zero at a stationary point whose output weights are all nonzero.
    gradient_norm : float
    loss : float
    kinks : int
        Number of pairs of neuron and data point exactly at a kink, where the loss has no Hessian.
    unrest : float
        Largest slope over all parameters, each relative to the largest that residuals of that size could
        give: the cosine of the angle between residuals and the parameter's feature, independent of units.
        Rounding is subtracted.
    idle_pull : float
        The same for the input weights of neurons with zero output weight, as if that were one: at an
        otherwise stationary point where this is not zero, activating such a neuron lowers the loss, and the
        point is a saddle.
    """

    largest: float
    error: float
    smallest: float
    gauss_newton: float
    remainder: float
    gradient_norm: float
    loss: float
    kinks: int
    smallest_is_bound: bool = False
    unrest: float = 0.0
    idle_pull: float = 0.0


def measure_sharpness(
    network: ReluNetwork, inputs: Matrix, targets: Vector, weights: Vector | None = None
) -> Sharpness:
    """Return the largest curvature of 1/(2 n) sum (f - y)^2, with all layers trained.

    Parameters
    ----------
    network : ReluNetwork
        With one hidden layer.
    inputs : ndarray, shape (n, d)
    targets : ndarray, shape (n,)
    weights : ndarray, shape (n,), optional
        Weights of data points, summing to 1; equal by default.

    Returns
    -------
    Sharpness

    Raises
    ------
    InvalidInputError
        If numbers overflow.

    Notes
    -----
    It costs O(n^2 (k + n)) from the kernel, plus the Hessian itself for up to 1500 parameters; beyond that,
    iteration is used with the residual as error bound.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        parts = _Parts(network, inputs, targets, weights)
        remainder = float(np.linalg.norm(parts.coupling, axis=1).max(initial=0.0))
        size = float(np.sum(parts.points**2) * np.sum(parts.outer**2) + np.sum(parts.hidden**2))
    if not (np.isfinite(size) and np.isfinite(remainder)):
        raise InvalidInputError("the numbers are too large", "products beyond floats", fix="rescale the data")
    gauss_newton, gn_error = _largest_kernel(parts)
    largest, smallest, error = parts.extremes(gauss_newton, remainder)
    unrest, idle_pull = parts.unrest()
    return Sharpness(
        largest=largest,
        error=max(error, gn_error),
        smallest=smallest,
        gauss_newton=gauss_newton,
        remainder=remainder,
        gradient_norm=float(np.linalg.norm(parts.gradient())),
        loss=0.5 * float(np.mean(parts.residual**2)),
        kinks=int(np.count_nonzero(parts.before == 0)),
        smallest_is_bound=parts.size > DENSE,
        unrest=unrest,
        idle_pull=idle_pull,
    )


def kernel(network: ReluNetwork, inputs: Matrix) -> Matrix:
    """Return Phi Phi^T / n of a two-layer network, shape (n, n)."""
    return _Parts(network, inputs, np.zeros(len(inputs))).kernel()


def largest_gauss_newton(network: ReluNetwork, inputs: Matrix, weights: Vector | None = None) -> float:
    """Return the largest eigenvalue of G, O(n^2 (k + n)); NaN if weights are not finite."""
    if not all(np.isfinite(w).all() for w in network.weights):
        return float("nan")
    return _largest_kernel(_Parts(network, inputs, np.zeros(len(inputs)), weights))[0]


class _Parts:
    """Outputs of the layers, and products with the Hessian."""

    def __init__(
        self, network: ReluNetwork, inputs: Matrix, targets: Vector, weights: Vector | None = None
    ) -> None:
        self.network, self.n = network, len(inputs)
        # rows times the square root of their weight, so that all means are unweighted
        self.root = np.ones(self.n) if weights is None else np.sqrt(self.n * weights)
        biased = network.biases[0] is not None
        rows = np.hstack([inputs, np.ones((self.n, 1))]) if biased else inputs
        self.points = rows * self.root[:, None]
        self.before, outputs = network.layers(inputs)
        self.residual, self.targets = (outputs[:, 0] - targets) * self.root, targets * self.root
        self.on = (self.before > 0).astype(float)
        self.hidden = self.before * self.on * self.root[:, None]
        self.outer = network.weights[1][0]
        self.offset = network.biases[1] is not None
        self.ones = self.root * float(self.offset)
        # c_k, one row per neuron
        self.coupling: Matrix = (self.on * self.residual[:, None]).T @ self.points / self.n
        self.size = self.coupling.size + self.outer.size + int(self.offset)

    def kernel(self) -> Matrix:
        active = self.on * self.outer
        inner: Matrix = (self.points @ self.points.T) * (active @ active.T) + self.hidden @ self.hidden.T
        return (inner + np.outer(self.ones, self.ones)) / self.n

    def features(self) -> Matrix:
        """Return derivatives of the outputs by all parameters; those by an offset are 0 without one."""
        slopes = ((self.on * self.outer)[:, :, None] * self.points[:, None, :]).reshape(self.n, -1)
        return np.hstack([slopes, self.hidden, self.ones[:, None]])

    def gradient(self) -> Vector:
        slopes = self.outer[:, None] * self.coupling
        by_outer = self.hidden.T @ self.residual / self.n
        return np.concatenate(
            [slopes.ravel(), by_outer, [self.ones @ self.residual / self.n] if self.offset else []]
        )

    def unrest(self) -> tuple[float, float]:
        """Return the largest relative slope, and that of the weights of idle neurons."""
        length = float(np.linalg.norm(self.residual))
        # slopes of rounding size do not count, unless the residuals are hardly more
        last = self.network.biases[1]
        offset = np.abs(self.root * float(last[0])) if last is not None else 0.0
        size = np.abs(self.hidden) @ np.abs(self.outer) + offset + np.abs(self.targets)
        noise = float(ROUNDINGS * np.finfo(float).eps * np.linalg.norm(size))
        noise = noise if noise <= AUDIBLE * length else 0.0
        spread = np.sqrt(self.on.T @ self.points**2)
        by_weight = _shares(self.n * self.coupling, spread, length, noise)
        idle = self.outer == 0
        rest = _shares(self.hidden.T @ self.residual, np.linalg.norm(self.hidden, axis=0), length, noise)
        by_offset = _shares(self.ones @ self.residual, np.linalg.norm(self.ones), length, noise)
        live = max(float(part.max(initial=0.0)) for part in (by_weight[~idle], rest, by_offset))
        return live, float(by_weight[idle].max(initial=0.0))

    def product(self, direction: Vector) -> Vector:
        """Return H times a direction (first layer neuron by neuron, output weights, offset)."""
        k, d = self.coupling.shape
        first, outer = direction[: k * d].reshape(k, d), direction[k * d : k * d + k]
        moved = (self.on * (self.points @ first.T)) @ self.outer + self.hidden @ outer
        moved = (moved + (direction[-1] if self.offset else 0.0) * self.ones) / self.n
        back = (self.on * moved[:, None]).T @ self.points * self.outer[:, None]
        by_outer = self.hidden.T @ moved + np.einsum("kd,kd->k", self.coupling, first)
        back += outer[:, None] * self.coupling
        return np.concatenate([back.ravel(), by_outer, [self.ones @ moved] if self.offset else []])

    def extremes(self, gauss_newton: float, remainder: float) -> tuple[float, float, float]:
        """Return the largest and smallest eigenvalues of H, and a bound on their error."""
        size = self.size
        if size <= DENSE:
            hessian = np.stack([self.product(unit) for unit in np.eye(size)])
            values = eigenvalues((hessian + hessian.T) / 2)
            error = 16 * size * np.finfo(float).eps * max(abs(values[0]), abs(values[-1]), gauss_newton)
            return float(values[-1]), float(values[0]), float(error)
        if (
            remainder <= 1e-9 * gauss_newton
        ):  # H differs from G by at most that; Weyl's inequality bounds the eigenvalues
            return gauss_newton, -remainder, remainder
        value, vector = _iterate(self.product, size)
        residual = float(np.linalg.norm(self.product(vector) - value * vector))
        return value, -remainder, max(residual, gauss_newton + remainder - value)


def _shares(products: Any, features: Any, length: float, noise: float) -> Vector:
    """Return |products| over features times length, minus the products' rounding; 0 without a feature."""
    beyond = np.maximum(np.abs(products) - noise * np.asarray(features), 0.0)
    possible = np.asarray(features) * length
    return np.atleast_1d(np.divide(beyond, possible, out=np.zeros_like(beyond), where=possible > 0))


def _largest_kernel(parts: _Parts) -> tuple[float, float]:
    """Return the largest eigenvalue of G and a bound on its error."""
    if parts.size < min(parts.n, DENSE):
        features = parts.features()
        gram: Matrix = features.T @ features / parts.n
    elif parts.n <= DENSE:
        gram = parts.kernel()
    else:
        return _largest_by_iteration(parts)
    value = float(eigenvalues(gram)[-1])
    return value, 16 * parts.n * float(np.finfo(float).eps) * value


def _largest_by_iteration(parts: _Parts) -> tuple[float, float]:
    """Return the same from products with the kernel, and the residual as the bound."""
    active = parts.on * parts.outer

    def product(u: Vector) -> Vector:
        moved = (active * ((active * u[:, None]).T @ parts.points @ parts.points.T).T).sum(axis=1)
        moved = moved + parts.hidden @ (parts.hidden.T @ u) + parts.ones * (parts.ones @ u)
        return np.asarray(moved / parts.n)

    value, vector = _iterate(product, parts.n)
    return value, float(np.linalg.norm(product(vector) - value * vector))


def _iterate(product: Callable[[Vector], Vector], size: int) -> tuple[float, Vector]:
    from scipy.sparse.linalg import LinearOperator, eigsh

    operator = LinearOperator((size, size), matvec=product, dtype=float)
    start = np.random.default_rng(0).standard_normal(size)
    if not product(start).any():  # almost surely the zero matrix
        return 0.0, start / np.linalg.norm(start)
    values, vectors = eigsh(operator, k=1, which="LA", v0=start, tol=1e-10)
    return float(values[0]), vectors[:, 0]


@briefly
@final
@dataclass(frozen=True, eq=False)
class RescalingBracket:
    """Bounds on the smallest sharpness over all rescalings of a network's neurons.

    Parameters
    ----------
    lower : float
        No rescaling (a w, a b, v / a) is flatter: a bound on the part G, and on H where that is G.
    upper : float
        Sharpness (of G) of `network`.
    network : ReluNetwork
        The rescaling in closed form that makes the bound's inequality of means an equality.
    """

    lower: float
    upper: float
    network: ReluNetwork


def rescaling_bracket(
    network: ReluNetwork, inputs: Matrix, weights: Vector | None = None
) -> RescalingBracket:
    """Return a lower bound on the sharpness of all rescalings of a network, and a rescaling near it.

    For the mean feature vector, lambda(G) >= |mean Phi|^2 = [offset] + sum v_k^2 p_k^2 + h_k^2 >= [offset] +
    2 sum |v_k| p_k h_k, with h_k the mean output of neuron k and p_k the norm of its mean active (x, 1).
    """
    parts = _Parts(network, inputs, np.zeros(len(inputs)), weights)
    # the unit vector along the square roots of the weights maps features to their weighted mean
    slope = np.linalg.norm((parts.on * parts.root[:, None]).T @ parts.points / parts.n, axis=1)
    height = parts.root @ parts.hidden / parts.n
    lower = float(parts.offset) + 2 * float(np.abs(parts.outer) @ (slope * height))
    useful = (height > 0) & (slope > 0) & (parts.outer != 0)
    scale = np.ones(height.size)
    scale[useful] = np.sqrt(np.abs(parts.outer[useful]) * slope[useful] / height[useful])
    bias = network.biases[0]
    flat = two_layer(
        network.weights[0] * scale[:, None],
        None if bias is None else bias * scale,
        np.where(useful, parts.outer / scale, parts.outer),
        None if network.biases[1] is None else float(network.biases[1][0]),
    )
    upper = largest_gauss_newton(flat, inputs, weights)
    return RescalingBracket(min(lower, upper), upper, flat)
