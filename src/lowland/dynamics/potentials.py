"""Potentials of Langevin dynamics: user functions, and objectives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.parameter_checks import whole_number
from lowland.core.promises.capabilities import check_offered
from lowland.core.promises.objectives import Objective
from lowland.core.promises.powers import HasBatchGradient
from lowland.core.wording import InCode, Remedy
from lowland.dynamics.kernels.potentials import compile_gradient, gradient_batch, is_compiled

# relative to the size of a coordinate: the cube root of the machine precision, best for central differences
DIFFERENCE = 6e-6


@public("lowland.dynamics")
@final
@dataclass(frozen=True, eq=False)
class Potential:
    """An energy landscape F of d coordinates, evaluated for many points at once.

    Parameters
    ----------
    name : str
    dimension : int
        Number d of coordinates.
    gradient : callable
        Takes points (n, d), returns gradients (n, d), as NumPy and JAX functions do; also takes a generator
        if `stochastic`. A function of (x, parameters, out) made by numba.njit, with x and out of shape
        (d, n), runs compiled.
    value : callable, optional
        Takes points (n, d), returns energies (n,).
    hessian : callable, optional
        Takes a point (d,), returns a matrix (d, d); finite differences of gradients by default.
    parameters : ndarray
        Passed to a compiled gradient.
    minima, saddles : tuple of ndarray
        Known minima and saddles.
    stochastic : bool
        Whether gradients are unbiased estimates.
    compiled : object, optional
        The compiled gradient of a closed form.
    circulation : tuple of (callable, float), optional
        What `with_circulation` added to the gradient: J and the inverse temperature that it is for.

    Examples
    --------
    >>> import lowland as ll
    >>> well = ll.dynamics.Potential("quartic", 1, gradient=lambda x: x**3)
    >>> well.hessian_at([1.0]).round(6)
    array([[3.]])
    """

    name: str
    dimension: int
    gradient: Callable[..., Matrix]
    value: Callable[[Matrix], Vector] | None = None
    hessian: Callable[[Vector], Matrix] | None = None
    parameters: Vector | None = None
    minima: tuple[Vector, ...] = ()
    saddles: tuple[Vector, ...] = ()
    stochastic: bool = False
    compiled: Any = None
    circulation: tuple[Callable[[Matrix], NDArray[np.float64]], float] | None = None

    def __post_init__(self) -> None:
        whole_number(self.dimension, "dimension", 1)
        parameters = np.zeros(1) if self.parameters is None else np.array(self.parameters, float).ravel()
        object.__setattr__(self, "parameters", parameters)
        if self.compiled is None and is_compiled(self.gradient):
            compiled = compile_gradient(self.gradient, int(self.dimension), parameters)
            object.__setattr__(self, "compiled", compiled)
            object.__setattr__(self, "gradient", lambda x: gradient_batch(compiled, parameters, x))
        check_gradient(self)

    def bind(self, key: int) -> Callable[[Matrix], Matrix]:
        """Return the gradient as a function of points alone, with noise drawn from a stream of the key."""
        # converts arrays of other libraries too, JAX for instance
        if not self.stochastic:
            return lambda x: np.asarray(self.gradient(x), dtype=float)
        rng = np.random.default_rng([key, 1])
        return lambda x: np.asarray(self.gradient(x, rng), dtype=float)

    def gradient_at(self, x: Vector) -> Vector:
        """Return the gradient at one point, shape (d,)."""
        gradient: Vector = self.bind(0)(np.atleast_2d(np.asarray(x, float)))[0]
        return gradient

    def hessian_at(self, x: Vector) -> Matrix:
        """Return the Hessian at one point, shape (d, d)."""
        x = np.asarray(x, dtype=float)
        if x.shape != (self.dimension,):
            raise InvalidInputError(f"a point must have {self.dimension} coordinates", f"shape {x.shape}")
        if self.hessian is None and self.stochastic:
            raise UnsupportedError(
                "a stochastic gradient has no Hessian of its own",
                f"potential {self.name}",
                fix=Remedy(InCode("pass hessian= to the potential")),
            )
        if self.hessian is not None:
            return np.asarray(self.hessian(x), dtype=float)
        steps = DIFFERENCE * np.maximum(np.abs(x), 1.0)
        points = np.vstack([x + np.diag(steps), x - np.diag(steps)])
        up, down = np.split(self.bind(0)(points), 2)
        hessian = (up - down) / (2 * steps[:, None])
        return np.asarray((hessian + hessian.T) / 2)


def check_gradient(potential: Potential) -> None:
    """Raise InvalidInputError unless the gradient takes and returns arrays of points by coordinates."""
    d = potential.dimension
    points = np.linspace(0.4, 0.6, (d + 1) * d).reshape(d + 1, d)
    try:
        with np.errstate(all="ignore"):
            gradient = potential.bind(0)(points)
            energies = None if potential.value is None else np.asarray(potential.value(points), dtype=float)
    except Exception as error:
        raise InvalidInputError(
            "the potential cannot be evaluated for a batch of points",
            f"{type(error).__name__}: {error}",
            fix=f"write functions that take points of shape (n, {d})",
        ) from error
    if gradient.shape != points.shape:
        raise InvalidInputError(
            "the gradient of a potential returns the wrong shape",
            f"{gradient.shape} for points of shape {points.shape}",
            fix="return one row per point",
        )
    if energies is not None and energies.shape != (d + 1,):
        raise InvalidInputError(
            "the value of a potential returns the wrong shape",
            f"{energies.shape} for points of shape {points.shape}",
            fix="return one number per point",
        )


def objective_potential(objective: Objective, *, batch_size: int | None = None) -> Potential:
    """Return an objective as a potential, so that Langevin dynamics runs on any recovery problem.

    Parameters
    ----------
    objective : Objective
    batch_size : int, optional
        Number of observations for each gradient, drawn anew for each chain and step.
    """

    def gradient(x: Matrix) -> Matrix:
        return np.stack([objective.gradient(theta) for theta in x])

    def batches(x: Matrix, rng: np.random.Generator) -> Matrix:
        source = check_offered(objective, HasBatchGradient, "a stochastic gradient").batch_gradient
        picks: list[Indices] = [rng.choice(source.size, batch_size, replace=False) for _ in x]
        return np.stack([source(theta, pick) for theta, pick in zip(x, picks, strict=True)])

    if batch_size is not None:
        check_offered(objective, HasBatchGradient, "a stochastic gradient")
    return Potential(
        "objective",
        int(objective.size),
        gradient if batch_size is None else batches,
        lambda x: np.array([objective.value(theta) for theta in x]),
        lambda x: np.stack([objective.hessian_product(x, unit) for unit in np.eye(x.size)]),
        stochastic=batch_size is not None,
    )
