"""Exact mean exit times and probabilities in one dimension, by quadrature in logarithms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_positive

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)
_PANELS = 2000
# weights below e^-60 of the largest are neglected
_NEGLIGIBLE = 60.0
# in an average, those below e^-25
_LEFT_OUT = 25.0


@public("lowland.dynamics")
def mean_exit_time(value: Callable[[Vector], Vector], start: float, level: float, beta: float) -> float:
    """Return the mean time of the overdamped dynamics from `start` to `level`, above or below `start`.

    This is beta times the integral over y, from start to level, of exp(beta V(y)) times the integral of
    exp(-beta V) over all points before y. Nothing overflows, however low the temperature.

    Parameters
    ----------
    value : callable
        Takes points (n,), returns energies V (n,). V must be confining on the side away from the level.
    start, level : float
        Where paths begin and where they end.
    beta : float
        Inverse temperature, in the inverse units of V.

    Returns
    -------
    float
        In units of the time t of dX = -V'(X) dt + sqrt(2/beta) dB; 0 if `start` equals `level`.

    Raises
    ------
    InvalidInputError
        If beta is not positive, start or level is not finite, or V is not confining, so that the mean is
        infinite.

    Examples
    --------
    >>> from lowland.dynamics import mean_exit_time
    >>> round(mean_exit_time(lambda x: (x**2 - 1) ** 2 / 4, -1.0, 0.7, 8.0), 3)
    38.115
    """
    check_positive("beta", beta)
    if not (np.isfinite(start) and np.isfinite(level)):
        raise InvalidInputError("start and level must be finite", f"{start!r}, {level!r}")
    if level < start:
        return mean_exit_time(lambda x: value(-x), -start, -level, beta)
    if level == start:
        return 0.0
    low = _far_end(value, start, level, beta)
    edges = np.unique(np.r_[np.linspace(low, start, _PANELS), np.linspace(start, level, _PANELS)])
    half = np.diff(edges)[:, None] / 2
    y = edges[:-1, None] + half * (1 + _NODES)  # nodes of each panel
    shift = beta * float(np.min(value(y.ravel())))
    inner = np.log(half * _WEIGHTS) - beta * _at(value, y) + shift
    before = np.logaddexp.accumulate(np.logaddexp.reduce(inner, axis=1))
    before = np.r_[-np.inf, before[:-1]]
    # integral from a panel's edge to each of its nodes
    part = (y - edges[:-1, None])[:, :, None] / 2
    z = edges[:-1, None, None] + part * (1 + _NODES)
    within = np.logaddexp.reduce(np.log(part * _WEIGHTS) - beta * _at(value, z) + shift, axis=2)
    total = np.logaddexp(before[:, None], within)
    outer = np.log(half * _WEIGHTS) + beta * _at(value, y) - shift + total
    return float(beta * np.exp(np.logaddexp.reduce(outer[edges[:-1] >= start].ravel())))


@public("lowland.dynamics")
def invariant_mean(
    value: Callable[[Vector], Vector], function: Callable[[Vector], Vector], beta: float, span: float = 10.0
) -> float:
    """Return the mean of a function under exp(-beta V), over points within `span` of zero.

    Parameters
    ----------
    value : callable
        Takes points (n,), returns energies V (n,).
    function : callable
        Takes points (n,), returns the values to average (n,).
    beta : float
        Inverse temperature, in the inverse units of V.
    span : float
        Largest distance of a point from zero. Points beyond are left out, so exp(-beta V) must be
        negligible there.

    Returns
    -------
    float
        In the units of `function`.

    Raises
    ------
    InvalidInputError
        If beta or span is not positive, or points beyond the span are not negligible.

    Examples
    --------
    >>> from lowland.dynamics import invariant_mean
    >>> round(invariant_mean(lambda x: x**2 / 2, lambda x: x**2, 4.0), 6)
    0.25
    >>> abs(invariant_mean(lambda x: (x**2 - 1) ** 2 / 4, lambda x: x, 8.0)) < 1e-9
    True
    """
    check_positive("beta", beta)
    check_positive("span", span)
    edges = np.linspace(-span, span, 2 * _PANELS + 1)
    half = np.diff(edges)[:, None] / 2
    x = edges[:-1, None] + half * (1 + _NODES)
    energy = beta * _at(value, x)
    at_ends = min(float(energy[0, 0]), float(energy[-1, -1])) - float(energy.min())
    if not at_ends > _LEFT_OUT:
        raise InvalidInputError(
            "points beyond the span are not negligible",
            f"at its ends exp(-beta V) is {np.exp(-at_ends):.3g} of its maximum",
            fix="pass a larger span, or a confining potential",
        )
    weights = half * _WEIGHTS * np.exp(-(energy - energy.min()))
    return float(np.sum(weights * _at(function, x)) / np.sum(weights))


def _at(function: Callable[[Vector], Vector], points: Vector) -> Vector:
    return np.asarray(function(points.ravel()), dtype=float).reshape(points.shape)


def _far_end(value: Callable[[Vector], Vector], start: float, level: float, beta: float) -> float:
    length = level - start
    for _ in range(400):
        grid = np.linspace(start - length, level, 400)
        energy = beta * np.asarray(value(grid), dtype=float)
        if energy[0] - energy.min() > _NEGLIGIBLE:
            return float(start - length)
        length *= 1.2
    raise InvalidInputError(
        "the potential is not confining on the far side", "the mean exit time is infinite"
    )
