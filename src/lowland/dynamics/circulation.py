"""Non-reversible drifts whose antisymmetric matrix depends on the point."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_positive
from lowland.dynamics.potentials import DIFFERENCE, Potential

# takes points (n, d), returns an antisymmetric matrix at each, shape (n, d, d)
Circulation = Callable[[Matrix], NDArray[Any]]
# largest entry of J + J^T, relative to the largest of J
ANTISYMMETRIC = 1e-10


@public("lowland.dynamics")
def with_circulation(
    potential: Potential,
    antisymmetric: Circulation,
    *,
    beta: float,
    divergence: Callable[[Matrix], Matrix] | None = None,
) -> Potential:
    """Return a potential whose gradient has a non-reversible part that leaves exp(-beta F) invariant.

    The drift of overdamped dynamics in it is -(I + J(x)) grad F(x) + div J(x) / beta, with (div J)_i the sum
    over j of the derivatives of J_ij by x_j. Without the last term the law would be another one.

    Parameters
    ----------
    potential : Potential
        F; its energies and Hessian are kept.
    antisymmetric : callable
        J: takes points (n, d), returns antisymmetric matrices (n, d, d).
    beta : float
        Inverse temperature: that of the dynamics.
    divergence : callable, optional
        Takes points (n, d), returns div J, shape (n, d); by default from central differences, 2 d evaluations
        of J for every gradient.

    Returns
    -------
    Potential
        For `Overdamped` dynamics of the same beta; others are refused. Its gradient is no longer the slope of
        its energy. Checks of step sizes look at the Hessian of F alone.

    Raises
    ------
    InvalidInputError
        If J does not return an antisymmetric matrix per point.

    References
    ----------
    Y.-A. Ma, T. Chen, E. Fox, A complete recipe for stochastic gradient MCMC, NeurIPS 2015.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> def J(x):  # around the origin, weaker outwards
    ...     a = 2 * np.exp(-np.sum(x**2, axis=1))
    ...     return a[:, None, None] * np.array([[0.0, 1.0], [-1.0, 0.0]])
    >>> well = ll.dynamics.potential("double_well", transverse=[1.0])
    >>> turned = ll.dynamics.with_circulation(well, J, beta=8)
    >>> turned.gradient_at([-1.0, 0.0]).round(3)  # at the minimum only the divergence is left
    array([0.   , 0.184])
    """
    check_positive("beta", beta)
    if not isinstance(potential, Potential) or not callable(antisymmetric):
        raise InvalidInputError(
            "with_circulation takes a Potential and a function of points",
            f"{type(potential).__name__}, {type(antisymmetric).__name__}",
            fix="pass potential(name), and a function that takes points (n, d)",
        )
    if potential.circulation is not None:
        raise InvalidInputError("the potential has a circulation already", potential.name)
    d = potential.dimension

    def matrices(x: Matrix) -> NDArray[Any]:
        return checked_circulation(antisymmetric, x)

    def by_differences(x: Matrix) -> Matrix:
        total = np.zeros_like(x)
        for j in range(d):
            step = DIFFERENCE * np.maximum(np.abs(x[:, j]), 1.0)
            up, down = x.copy(), x.copy()
            up[:, j] += step
            down[:, j] -= step
            total += (matrices(up)[:, :, j] - matrices(down)[:, :, j]) / (2 * step[:, None])
        return total

    spread = divergence or by_differences
    matrices(np.linspace(0.4, 0.6, (d + 1) * d).reshape(d + 1, d))

    def gradient(x: Matrix, *rng: np.random.Generator) -> Matrix:
        slope = np.asarray(potential.gradient(x, *rng), dtype=float)
        turned: Vector = np.einsum("nij,nj->ni", matrices(x), slope)
        return np.asarray(slope + turned - np.asarray(spread(x), dtype=float) / beta)

    return dataclasses.replace(
        potential,
        name=f"{potential.name} with circulation",
        gradient=gradient,
        compiled=None,
        circulation=(antisymmetric, float(beta)),
    )


def checked_circulation(J: Circulation, points: Matrix) -> NDArray[Any]:
    """Return J at points, or raise InvalidInputError if it is not antisymmetric."""
    matrices = np.asarray(J(points), dtype=float)
    shape = (len(points), points.shape[1], points.shape[1])
    if matrices.shape != shape:
        raise InvalidInputError(
            "antisymmetric must return an antisymmetric matrix per point",
            f"shape {matrices.shape} for points of shape {points.shape}",
            fix=f"return shape {shape}",
        )
    if not np.all(np.isfinite(matrices)):
        raise InvalidInputError(
            "antisymmetric must return finite numbers",
            f"at {points[~np.isfinite(matrices).all(axis=(1, 2))][0]}",
        )
    excess = float(np.abs(matrices + matrices.transpose(0, 2, 1)).max(initial=0.0))
    if excess > ANTISYMMETRIC * max(float(np.abs(matrices).max(initial=0.0)), np.finfo(float).tiny):
        raise InvalidInputError(
            "antisymmetric must return matrices that equal minus their transposes", f"off by {excess:.3g}"
        )
    return matrices
