"""Sharpness of a two-layer ReLU network's loss, and bounds over rescalings of its neurons.

With features Phi (rows: derivatives of the outputs), the Hessian of 1/(2n) |f - y|^2 is G + B: G = Phi^T Phi
/ n has the nonzero eigenvalues of the n x n kernel Phi Phi^T / n, and B couples (w_k, b_k) to v_k alone, so
that its norm is the largest |c_k|, c_k = mean_i r_i 1_ik (x_i, 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.certificates.factorisations import eigenvalues, eigh
from lowland.certificates.gaps.spectral_bounds import eigenvalue_bound
from lowland.core.arrays import Matrix, Vector
from lowland.core.brief import briefly
from lowland.core.errors import InvalidInputError
from lowland.core.rounding import gamma
from lowland.networks.certificates.loss_parts import LossParts
from lowland.networks.certificates.slopes import Slopes, measure_slopes
from lowland.networks.network import ReluNetwork, two_layer

# beyond this many data points or parameters eigenvalues are computed by iteration
DENSE = 1500
# room for the rounding of a few operations on bounds
ROOM = 1e-12
# entries of vectors below this fraction of the largest are left out
SMALL = 1e-40
# at a point at rest, of which nothing is proved
NO_SLOPES = Slopes()


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
        Bound on its error, to working precision.
    lower, upper : float
        Proved bounds on the largest eigenvalue, all rounding included; infinite if nothing is proved.
    smallest : float
        Smallest eigenvalue of H, or if `smallest_is_bound` a lower bound on it: minus `remainder`.
    smallest_is_bound : bool
    lowest : float
        Proved lower bound on the smallest eigenvalue.
    gauss_newton : float
        Largest eigenvalue of G.
    remainder : float
        Norm of B: zero at a stationary point whose output weights are all nonzero.
    gradient_norm : float
    loss : float
    kinks : int
        Number of pairs of neuron and data point at a kink, to within rounding, where the loss has no Hessian.
    slopes : Slopes
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
    lower: float = -np.inf
    upper: float = np.inf
    lowest: float = -np.inf
    slopes: Slopes = NO_SLOPES

    @property
    def unrest(self) -> float:
        """Largest slope over all parameters, relative to the largest that such residuals could give."""
        return self.slopes.unrest


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
    the largest eigenvalue is found by iteration, and for up to 1500 points bounded by that of the kernel.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        parts = LossParts.of(network, inputs, targets, weights)
        sizes = parts.sizes(network, inputs)
        size = float(np.sum(parts.points**2) * np.sum(parts.outer**2) + np.sum(parts.hidden**2))
        if not (np.isfinite(size) and np.isfinite(parts.remainder)):
            raise InvalidInputError(
                "the numbers are too large", "products beyond floats", fix="rescale the data"
            )
        gauss_newton, gn_error = _largest_kernel(parts)
        ends = (_dense if parts.size <= DENSE else _iterated)(parts, sizes, gauss_newton)
        slopes = measure_slopes(parts, sizes)
    if not parts.is_in_scale:  # where products underflow nothing is proved
        ends = replace(ends, lower=-np.inf, upper=np.inf, lowest=-np.inf)
        slopes = Slopes(unrest=slopes.unrest, idle_pull=slopes.idle_pull, misfit=slopes.misfit)
    return Sharpness(
        largest=ends.largest,
        error=max(ends.error, gn_error),
        lower=ends.lower,
        upper=ends.upper,
        smallest=ends.smallest,
        lowest=ends.lowest,
        gauss_newton=gauss_newton,
        remainder=parts.remainder,
        gradient_norm=float(np.linalg.norm(parts.gradient())),
        loss=0.5 * float(np.mean(parts.residual**2)),
        kinks=parts.kinks,
        smallest_is_bound=parts.size > DENSE,
        slopes=slopes,
    )


def kernel(network: ReluNetwork, inputs: Matrix) -> Matrix:
    """Return Phi Phi^T / n of a two-layer network, shape (n, n)."""
    return LossParts.of(network, inputs, np.zeros(len(inputs))).kernel()


def largest_gauss_newton(network: ReluNetwork, inputs: Matrix, weights: Vector | None = None) -> float:
    """Return the largest eigenvalue of G, O(n^2 (k + n)); NaN if weights are not finite."""
    if not all(np.isfinite(w).all() for w in network.weights):
        return float("nan")
    return _largest_kernel(LossParts.of(network, inputs, np.zeros(len(inputs)), weights))[0]


@final
@dataclass(frozen=True, kw_only=True)
class _Ends:
    """The extreme eigenvalues of H, as computed with the error of the largest, and proved bounds on them."""

    largest: float
    smallest: float
    error: float
    lower: float
    upper: float
    lowest: float


def _dense(parts: LossParts, sizes: LossParts, gauss_newton: float) -> _Ends:
    """Return the ends from the Hessian itself, proved by Cholesky factorisations."""
    hessian = parts.hessian()
    values, vectors = eigh(hessian)
    smallest, largest = float(values[0]), float(values[-1])
    error = 16 * parts.size * np.finfo(float).eps * max(abs(smallest), abs(largest), gauss_newton)
    moved = parts.roundings() * _radius(sizes.product, parts.size)
    return _Ends(
        largest=largest,
        smallest=smallest,
        error=float(error),
        lower=_least_along(parts, sizes, vectors[:, -1]),
        upper=eigenvalue_bound(hessian, largest).value + moved,
        lowest=-(eigenvalue_bound(-hessian, -smallest).value + moved),
    )


def _iterated(parts: LossParts, sizes: LossParts, gauss_newton: float) -> _Ends:
    """Return the ends by iteration; if data are few, those that bounds on G and on the norm of B prove."""
    value, vector = _iterate(parts.product, parts.size)
    residual = float(np.linalg.norm(parts.product(vector) - value * vector))
    most = (parts.remainder + parts.roundings() * sizes.remainder) * (1 + ROOM)
    upper = np.inf
    if parts.n <= DENSE:
        inner, terms = parts.kernel(), sizes.kernel()
        moved = parts.roundings() * _radius(lambda d: terms @ d, parts.n)
        upper = eigenvalue_bound(inner).value + moved + most
    return _Ends(
        largest=value,
        smallest=-parts.remainder,
        error=max(residual, gauss_newton + parts.remainder - value),
        lower=_least_along(parts, sizes, vector),
        upper=upper,
        lowest=-most,
    )


def _least_along(parts: LossParts, sizes: LossParts, vector: Vector) -> float:
    """Return a lower bound on the largest eigenvalue: a Rayleigh quotient, less its rounding."""
    # without small entries no product underflows
    along = np.where(np.abs(vector) >= SMALL * np.abs(vector).max(), vector, 0.0)
    square, most = float(along @ along), np.abs(along)
    rounding = parts.roundings() + gamma(2 * parts.size)
    least = (float(along @ parts.product(along)) - rounding * float(most @ sizes.product(most))) / square
    return least - ROOM * abs(least)


def _radius(product: Callable[[Vector], Vector], size: int) -> float:
    """Return an upper bound on the largest eigenvalue of a symmetric matrix A without negative entries.

    It is at most the largest of (A d)_i / d_i for any d > 0 (Collatz, 1942); iterating makes that small.
    """
    direction: Vector = np.ones(size)
    image = direction
    for _ in range(4):
        direction = image / (float(image.max()) or 1.0)
        image = product(direction)
    ratios = np.divide(image, direction, out=np.where(image == 0, 0.0, np.inf), where=direction > 0)
    return float(ratios.max(initial=0.0)) * (1 + ROOM)


def _largest_kernel(parts: LossParts) -> tuple[float, float]:
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


def _largest_by_iteration(parts: LossParts) -> tuple[float, float]:
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
    parts = LossParts.of(network, inputs, np.zeros(len(inputs)), weights)
    # the unit vector along the square roots of the weights maps features to their weighted mean
    slope = np.linalg.norm((parts.on * parts.root[:, None]).T @ parts.points / parts.n, axis=1)
    height = parts.root @ parts.hidden / parts.n
    lower = float(parts.offset is not None) + 2 * float(np.abs(parts.outer) @ (slope * height))
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
