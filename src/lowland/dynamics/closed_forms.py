"""Potentials in closed form, with compiled gradients, Hessians, and known minima and saddles."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_positive, whole_number
from lowland.core.wording import InCode, Remedy
from lowland.dynamics.kernels.potentials import built_in
from lowland.dynamics.potentials import Potential


def quadratic(hessian: ArrayLike, centre: ArrayLike | None = None) -> Potential:
    """Return (x - c)^T H (x - c) / 2.

    Parameters
    ----------
    hessian : array_like, shape (d, d) or (d,)
        Symmetric positive definite, or its diagonal.
    centre : array_like, shape (d,), optional
    """
    H = np.atleast_1d(np.asarray(hessian, dtype=float))
    H = np.diag(H) if H.ndim == 1 else H
    if H.ndim != 2 or H.shape[0] != H.shape[1] or not np.allclose(H, H.T) or np.linalg.eigvalsh(H)[0] <= 0:
        raise InvalidInputError(
            "the Hessian of a quadratic well must be symmetric and positive definite", repr(hessian)
        )
    c = np.zeros(len(H)) if centre is None else np.asarray(centre, dtype=float)
    if c.shape != (len(H),):
        raise InvalidInputError(
            "centre must have one coordinate for each row of the Hessian", f"shape {c.shape}"
        )
    curvatures = np.diag(H)
    along_axes = np.array_equal(H, np.diag(curvatures))
    return Potential(
        "quadratic",
        len(H),
        (lambda x: (x - c) * curvatures) if along_axes else (lambda x: (x - c) @ H),
        lambda x: np.einsum("ni,ij,nj->n", x - c, H, x - c) / 2,
        lambda x: H,
        np.r_[curvatures if along_axes else H.ravel(), c],
        (c,),
        compiled=built_in("axes" if along_axes else "quadratic"),
    )


def double_well(*, tilt: float = 0.0, transverse: ArrayLike = ()) -> Potential:
    """Return (x0^2 - 1)^2 / 4 + tilt x0 + sum of k_i x_i^2 / 2: two wells, one saddle.

    Parameters
    ----------
    tilt : float
        Between -2/sqrt(27) and 2/sqrt(27); beyond that only one well remains.
    transverse : array_like
        Positive stiffnesses k of the other coordinates; empty in one dimension.
    """
    k = np.atleast_1d(np.asarray(transverse, dtype=float))
    if np.any(k <= 0):
        raise InvalidInputError("transverse stiffnesses must be positive", repr(transverse))
    roots = np.sort(np.roots([1.0, 0.0, -1.0, tilt]))
    if np.any(np.abs(np.imag(roots)) > 1e-9) or abs(tilt) >= 2 / np.sqrt(27):
        raise InvalidInputError(
            "tilt is too large: only one well is left", repr(tilt), fix="use abs(tilt) < 0.3849"
        )
    points = [np.r_[np.real(root), np.zeros(k.size)] for root in roots]
    return Potential(
        name="double_well",
        dimension=1 + k.size,
        gradient=lambda x: np.hstack([x[:, :1] ** 3 - x[:, :1] + tilt, x[:, 1:] * k]),
        value=lambda x: (x[:, 0] ** 2 - 1) ** 2 / 4 + tilt * x[:, 0] + (x[:, 1:] ** 2 @ k) / 2,
        hessian=lambda x: np.diag(np.r_[3 * x[0] ** 2 - 1, k]),
        parameters=np.r_[tilt, k],
        minima=(points[0], points[2]),
        saddles=(points[1],),
        compiled=built_in("double_well"),
    )


def many_wells(*, dimension: int = 2, tilt: float = 0.0) -> Potential:
    """Return the sum of (x_i^2 - 1)^2 / 4 + tilt x_i: 2^d wells, of which the deepest is listed."""
    roots = np.sort(np.real(np.roots([1.0, 0.0, -1.0, tilt])))
    if abs(tilt) >= 2 / np.sqrt(27):
        raise InvalidInputError(
            "tilt is too large: only one well is left", repr(tilt), fix="use abs(tilt) < 0.3849"
        )
    whole_number(dimension, "dimension", 1)
    deepest = np.full(dimension, roots[0] if tilt >= 0 else roots[2])
    saddles = tuple(np.where(np.arange(dimension) == k, roots[1], deepest) for k in range(dimension))
    return Potential(
        name="many_wells",
        dimension=dimension,
        gradient=lambda x: x**3 - x + tilt,
        value=lambda x: np.sum((x**2 - 1) ** 2 / 4 + tilt * x, axis=1),
        hessian=lambda x: np.diag(3 * x**2 - 1),
        parameters=np.array([tilt]),
        minima=(deepest,),
        saddles=saddles,
        compiled=built_in("many_wells"),
    )


_MULLER_BROWN = np.array(
    [
        [-200.0, -1.0, 0.0, -10.0, 1.0, 0.0],
        [-100.0, -1.0, 0.0, -10.0, 0.0, 0.5],
        [-170.0, -6.5, 11.0, -6.5, -0.5, 1.5],
        [15.0, 0.7, 0.6, 0.7, -1.0, 1.0],
    ]
)


def muller_brown(*, scale: float = 0.05) -> Potential:
    """Return the surface of Muller and Brown times a scale: three minima, two saddles, two dimensions.

    References
    ----------
    K. Muller, L. Brown, Location of saddle points and minimum energy paths, Theor. Chim. Acta 1979.
    """
    check_positive("scale", scale)

    def terms(x: Matrix) -> tuple[Matrix, ...]:
        A, a, b, c, x0, y0 = _MULLER_BROWN.T
        u, w = x[:, :1] - x0, x[:, 1:2] - y0
        return scale * A * np.exp(a * u * u + b * u * w + c * w * w), u, w, a, b, c

    def gradient(x: Matrix) -> Matrix:
        e, u, w, a, b, c = terms(x)
        return np.stack([np.sum(e * (2 * a * u + b * w), 1), np.sum(e * (b * u + 2 * c * w), 1)], axis=1)

    def hessian(x: Vector) -> Matrix:
        e, u, w, a, b, c = terms(x[None])
        p, q = 2 * a * u + b * w, b * u + 2 * c * w
        mixed = np.sum(e * (p * q + b))
        return np.array([[np.sum(e * (p * p + 2 * a)), mixed], [mixed, np.sum(e * (q * q + 2 * c))]])

    def polished(*guess: float) -> Vector:
        x = np.array(guess)
        for _ in range(8):
            x = x - np.linalg.solve(hessian(x), gradient(x[None])[0])
        return x

    return Potential(
        name="muller_brown",
        dimension=2,
        gradient=gradient,
        value=lambda x: np.sum(terms(x)[0], axis=1),
        hessian=hessian,
        parameters=np.r_[scale, _MULLER_BROWN.ravel()],
        minima=(polished(-0.558, 1.442), polished(0.623, 0.028), polished(-0.05, 0.467)),
        saddles=(polished(-0.822, 0.624), polished(0.212, 0.293)),
        compiled=built_in("muller_brown"),
    )


def rugged(*, dimension: int = 2, amplitude: float = 1.0, frequency: float = 6.0) -> Potential:
    """Return |x|^2 / 2 + amplitude times the sum of 1 - cos(frequency x_i): one well full of smaller ones."""
    whole_number(dimension, "dimension", 1)
    check_positive("amplitude", amplitude)
    check_positive("frequency", frequency)
    return Potential(
        "rugged",
        dimension,
        lambda x: x + amplitude * frequency * np.sin(frequency * x),
        lambda x: np.sum(x**2 / 2 + amplitude * (1 - np.cos(frequency * x)), axis=1),
        lambda x: np.diag(1 + amplitude * frequency**2 * np.cos(frequency * x)),
        np.array([amplitude, frequency]),
        (np.zeros(dimension),),
        compiled=built_in("rugged"),
    )


POTENTIALS: dict[str, Callable[..., Potential]] = {
    "quadratic": quadratic,
    "double_well": double_well,
    "many_wells": many_wells,
    "muller_brown": muller_brown,
    "rugged": rugged,
}


@public("lowland.dynamics")
def potential(  # noqa: PLR0913
    name: str,
    *,
    dimension: int | None = None,
    tilt: float | None = None,
    transverse: ArrayLike | None = None,
    hessian: ArrayLike | None = None,
    centre: ArrayLike | None = None,
    scale: float | None = None,
    amplitude: float | None = None,
    frequency: float | None = None,
) -> Potential:
    """Return a closed-form potential by name.

    Parameters
    ----------
    name : {"quadratic", "double_well", "many_wells", "muller_brown", "rugged"}
    dimension : int
        For "many_wells" and "rugged"; 2 by default.
    tilt : float
        Slope by which wells of "double_well" and "many_wells" differ, below 0.3849; 0 by default.
    transverse : array_like
        Stiffnesses of the further coordinates of "double_well"; none by default.
    hessian, centre : array_like
        For "quadratic": a matrix or its diagonal, and the minimum, 0 by default.
    scale : float
        For "muller_brown", 0.05 by default.
    amplitude, frequency : float
        For the ripples of "rugged", 1 and 6 by default.

    Returns
    -------
    Potential
        With batched and compiled gradients, energies, Hessians, and known minima and saddles.

    Raises
    ------
    InvalidInputError
        If the name is unknown, or the potential has no such parameter.

    Examples
    --------
    >>> import lowland as ll
    >>> well = ll.dynamics.potential("double_well", tilt=0.1)
    >>> [round(float(x[0]), 4) for x in well.minima]
    [-1.0467, 0.9456]
    """
    given = {
        "dimension": dimension,
        "tilt": tilt,
        "transverse": transverse,
        "hessian": hessian,
        "centre": centre,
        "scale": scale,
        "amplitude": amplitude,
        "frequency": frequency,
    }
    if name not in POTENTIALS:
        raise InvalidInputError(
            "potential is unknown",
            repr(name),
            fix=Remedy(f"use one of {', '.join(POTENTIALS)}", InCode("ll.dynamics.Potential(...)")),
        )
    known = inspect.signature(POTENTIALS[name]).parameters
    passed = {key: value for key, value in given.items() if value is not None}
    unknown = [key for key in passed if key not in known]
    if unknown:
        raise InvalidInputError(
            f"the potential {name} has no parameter {unknown[0]}", f"its parameters are {', '.join(known)}"
        )
    return POTENTIALS[name](**passed)
