"""Contracts of objectives: Taylor slopes and central differences of gradient and Hessian."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.promises.objectives import Objective

STEP_LENGTHS = 2.0 ** -np.arange(5, 15)


def taylor_slope(remainder: Callable[[float], float], floor: float) -> float:
    """Return the order at which a Taylor remainder vanishes, infinite if it is only rounding.

    Parameters
    ----------
    remainder : callable
        The remainder at a step.
    floor : float
        Remainders below this are rounding.
    """
    sizes = np.array([abs(remainder(step)) for step in STEP_LENGTHS])
    useful = sizes > 100 * floor
    if useful.sum() < 3:
        return float("inf")
    return float(np.polyfit(np.log(STEP_LENGTHS[useful]), np.log(sizes[useful]), 1)[0])


@public("lowland.testing")
def check_gradient(
    objective: Objective, theta: Vector, rng: np.random.Generator, *, tolerance: float = 1e-7
) -> None:
    """Check the gradient by the slope of the Taylor remainder and by a central difference.

    The slope alone would miss a relative error of 1e-6; the difference alone would miss a wrong order.

    Parameters
    ----------
    objective : Objective
        In float64.
    theta : ndarray, shape (size,)
        A point where the gradient is not small.
    rng : numpy.random.Generator
    tolerance : float
        Relative tolerance of the central difference.

    Raises
    ------
    AssertionError
        If either test fails, or value and gradient differ from their joint evaluation.

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from lowland.testing import check_gradient
    >>> quartic = SimpleNamespace(value=lambda x: float(np.sum(x**4)), gradient=lambda x: 4 * x**3)
    >>> quartic.value_and_gradient = lambda x: (quartic.value(x), quartic.gradient(x))
    >>> check_gradient(quartic, np.ones(3), np.random.default_rng(0))
    >>> quartic.gradient = lambda x: 5 * x**3
    >>> check_gradient(quartic, np.ones(3), np.random.default_rng(0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: the Taylor remainder falls with order ..., not 2...
    """
    direction = rng.standard_normal(theta.size)
    direction *= (np.linalg.norm(theta) or 1.0) / np.linalg.norm(direction)
    value, gradient = objective.value_and_gradient(theta)
    assert gradient.shape == theta.shape, f"gradient of shape {gradient.shape} at a point of {theta.shape}"
    assert value == objective.value(theta), "value and value_and_gradient differ"
    assert np.array_equal(gradient, objective.gradient(theta)), "gradient and value_and_gradient differ"
    along = float(gradient @ direction)
    floor = np.finfo(float).eps * (abs(value) + abs(along))
    slope = taylor_slope(lambda t: objective.value(theta + t * direction) - value - t * along, floor)
    assert slope > 1.9, f"the Taylor remainder falls with order {slope:.2f}, not 2"
    step = 1e-3
    values = [objective.value(theta + k * step * direction) for k in (-2, -1, 1, 2)]
    difference = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
    scale = abs(along) + np.linalg.norm(gradient) * np.linalg.norm(direction) / np.sqrt(theta.size)
    error = abs(difference - along) / scale
    assert error <= tolerance, f"gradient and central difference differ by {error:.2g}"


@public("lowland.testing")
def check_hessian(
    objective: Objective, theta: Vector, rng: np.random.Generator, *, tolerance: float = 1e-7
) -> None:
    """Check Hessian products: symmetry, linearity, and a central difference of the gradient.

    Parameters
    ----------
    objective : Objective
        In float64.
    theta : ndarray, shape (size,)
    rng : numpy.random.Generator
    tolerance : float
        Relative tolerance of the difference.

    Raises
    ------
    AssertionError
        If a test fails.

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from lowland.testing import check_hessian
    >>> quartic = SimpleNamespace(gradient=lambda x: 4 * x**3, hessian_product=lambda x, d: 12 * x**2 * d)
    >>> check_hessian(quartic, np.ones(3), np.random.default_rng(0))
    >>> quartic.hessian_product = lambda x, d: 4 * x**2 * d
    >>> check_hessian(quartic, np.ones(3), np.random.default_rng(0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: Hessian product and difference of gradients differ by 2...
    """
    d, e = rng.standard_normal((2, theta.size))
    hd, he = objective.hessian_product(theta, d), objective.hessian_product(theta, e)
    scale = np.linalg.norm(hd) * np.linalg.norm(e) + np.linalg.norm(he) * np.linalg.norm(d)
    assert abs(float(hd @ e) - float(he @ d)) <= 1e-11 * scale, "the Hessian is not symmetric"
    combined = objective.hessian_product(theta, d + 2 * e)
    assert np.linalg.norm(combined - hd - 2 * he) <= 1e-11 * np.linalg.norm(combined), (
        "Hessian product not linear"
    )
    step = 1e-3 * (np.linalg.norm(theta) or 1.0) / np.linalg.norm(d)
    gradients = [objective.gradient(theta + k * step * d) for k in (-2, -1, 1, 2)]
    difference = (gradients[0] - 8 * gradients[1] + 8 * gradients[2] - gradients[3]) / (12 * step)
    error = np.linalg.norm(difference - hd) / np.linalg.norm(hd)
    assert error <= tolerance, f"Hessian product and difference of gradients differ by {error:.2g}"
