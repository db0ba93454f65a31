"""Protocols of objectives: values, gradients and Hessian products, also prepared at one point."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np

from lowland.core.arrays import Matrix, Vector


@runtime_checkable
class Linearisation(Protocol):
    """An objective at one point, with everything that does not depend on a direction computed once."""

    @property
    def value(self) -> float:
        """The objective."""

    @property
    def gradient(self) -> Vector:
        """The gradient, shape (size,)."""

    def hessian_product(self, direction: Vector) -> Vector:
        """Return the exact Hessian times a direction."""


@runtime_checkable
class FitLinearisation(Linearisation, Protocol):
    """A comparison of predictions with data at one point."""

    @property
    def predictions(self) -> Vector:
        """Predictions of the data, shape (p,)."""

    @property
    def residual(self) -> Vector:
        """Predictions minus data, shape (p,)."""

    def jacobian_product(self, direction: Vector) -> Vector:
        """Return the derivative of the predictions along a direction, shape (p,)."""

    def jacobian_transpose(self, weights: Vector) -> Vector:
        """Return the adjoint of `jacobian_product`, shape (size,)."""

    def gauss_newton_product(self, direction: Vector) -> Vector:
        """Return (J^T diag(curvature) J + penalty Hessian) times a direction."""

    def jacobian(self) -> Any:
        """Return J as a dense or sparse matrix, if that takes no product per column; else None."""

    @property
    def normal_matrix(self) -> Matrix:
        """J^T W J of a squared loss, as a matrix of shape (size, size)."""

    def second_matrix(self) -> Matrix | None:
        """Return the part of the Hessian due to the model's curvature as a matrix, or None if unavailable."""


class Searchable(Protocol):
    """What the loop itself needs of a problem; a stepper may need more."""

    @property
    def size(self) -> int:
        """Length of a point."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of a point."""


class Objective(Searchable, Protocol):
    """A smooth function of a point, one contiguous real vector."""

    def value(self, theta: Vector) -> float:
        """Return the objective."""

    def gradient(self, theta: Vector) -> Vector:
        """Return the gradient."""

    def value_and_gradient(self, theta: Vector) -> tuple[float, Vector]:
        """Return both at little more than the cost of one."""

    def hessian_product(self, theta: Vector, direction: Vector) -> Vector:
        """Return the Hessian times a direction."""
