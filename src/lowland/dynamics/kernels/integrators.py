"""One step of Langevin dynamics for a batch of chains in NumPy, equivalent to the compiled loop.

It also serves potentials that are only known as functions, and gives the matrix of a step in a
quadratic well (`lowland.dynamics.quadratic_wells`).
"""

from __future__ import annotations

from collections.abc import Callable

from lowland.core.arrays import Matrix
from lowland.dynamics.laws import Dynamics, Scheme

Gradient = Callable[[Matrix], Matrix]


def step_batch(
    dynamics: Dynamics, x: Matrix, v: Matrix, g: Matrix, noise: Matrix, gradient: Gradient
) -> tuple[Matrix, Matrix, Matrix]:
    """Return positions, velocities and gradients after a step.

    Parameters
    ----------
    dynamics : Dynamics
    x, v, g : ndarray, shape (chains, d)
        Positions, velocities (not read if the dynamics has none) and gradients at the positions.
    noise : ndarray, shape (chains, noises * d)
        Standard normals.
    gradient : callable
        Takes and returns arrays of shape (chains, d); called once.
    """
    n, c, d = noise, dynamics.coefficients, x.shape[1]
    if dynamics.scheme == Scheme.OVERDAMPED:
        J = dynamics.antisymmetric
        drift = g if J is None else g + g @ J.T
        x = x - c[0] * drift + c[1] * n
        return x, v, gradient(x)
    if dynamics.scheme == Scheme.LINEAR:
        second = n[:, d:] if dynamics.noises == 2 else 0.0
        x_new = x + c[0] * v + c[1] * g + c[2] * n[:, :d]
        v = c[3] * v + c[4] * g + c[5] * n[:, :d] + c[6] * second
        return x_new, v, gradient(x_new)
    h, decay, spread = c
    if dynamics.scheme == Scheme.BAOAB:
        v = v - h / 2 * g
        x = x + h / 2 * v
        v = decay * v + spread * n
        x = x + h / 2 * v
        g = gradient(x)
        return x, v - h / 2 * g, g
    v = decay * v + spread * n[:, :d]
    v = v - h / 2 * g
    x = x + h * v
    g = gradient(x)
    v = v - h / 2 * g
    return x, decay * v + spread * n[:, d:], g
