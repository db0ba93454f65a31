"""Protocols of tensor fits that the judges of tensors read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from lowland.core.arrays import Matrix, Vector
from lowland.core.error_free import Close
from lowland.core.promises.fits import Fit
from lowland.core.promises.powers import ModularJacobian
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.tucker_tensor import TuckerTensor


class TensorModel(Protocol):
    """How a point makes a tensor."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""

    @property
    def size(self) -> int:
        """Length of a point."""

    @property
    def degrees_of_freedom(self) -> int:
        """Dimension of the set of tensors of the model."""

    @property
    def operations(self) -> int:
        """Most rounded operations, one after another, between a point and a predicted cell."""

    def lifted(self, theta: Vector) -> TuckerTensor:
        """Return the tensor of a point in Tucker form."""

    def changed(self, direction: Vector) -> TuckerTensor:
        """Return the change of the Tucker form along a direction."""

    def lowered(self, slopes: TuckerTensor) -> Vector:
        """Return slopes in the point, given those in core and factors: the adjoint of `changed`."""


class CellFit(Fit, Protocol):
    """A fit to the known cells of a tensor."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""

    def flat_rank(self, modes: tuple[int, ...]) -> int:
        """Return the largest rank of the flattening with these modes as rows."""

    @property
    def data(self) -> TensorObservations:
        """The known cells."""

    @property
    def modular_jacobian(self) -> ModularJacobian:
        """The Jacobian of the known cells at random integer points, modulo a prime."""

    def slabs(self, theta: Vector) -> Iterator[tuple[slice, Vector]]:
        """Yield predictions of the known cells and their places, of large tensors a part at a time."""

    def close_slabs(self, theta: Vector) -> Iterator[tuple[slice, Close]]:
        """Yield predictions with twice the digits, bounds on their errors, and places, some at a time."""

    def data_value(self, theta: Vector) -> float:
        """Return half the weighted sum of squares of the residuals."""

    def value_bounds(self, theta: Vector) -> tuple[float, float]:
        """Return a lower and an upper bound on the objective, all rounding included."""

    @property
    def full_tensor(self) -> Matrix | None:
        """The dense tensor if every cell is known and has the same weight, None otherwise."""

    @property
    def square(self) -> float:
        """The weighted sum of squares of the data."""


class ComponentsFit(CellFit, Protocol):
    """A fit of a sum of products of one vector per mode."""

    @property
    def components(self) -> int:
        """How many there are."""

    def unpack(self, theta: Vector) -> tuple[Matrix, ...]:
        """Return the factors of a point, a column per component."""

    def needs_sign(self, mode: int) -> bool:
        """Whether a mode's factor must be nonnegative."""

    def allows_mixing(self) -> bool:
        """Whether nothing but signs is asked of any factor, so that sums of columns satisfy it too."""


class HasModeRows(ComponentsFit, Protocol):
    """A fit one of whose factors can be solved for, given the others."""

    def with_solved_mode(self, theta: Vector, mode: int) -> Vector:
        """Return the point with the best factor of one mode, given the others."""


class TensorFit(CellFit, Protocol):
    """A fit of low Tucker rank to the known cells of a tensor."""

    @property
    def ranks(self) -> tuple[int, ...]:
        """Tucker ranks."""

    def orthonormal(self, theta: Vector) -> TuckerTensor:
        """Return orthonormal factors and an all-orthogonal core of the same tensor."""

    def balanced(self, parts: TuckerTensor) -> Vector:
        """Return the balanced point of a tensor."""

    def unpack(self, theta: Vector) -> TuckerTensor:
        """Return the core and the factors of a point."""

    def residual_tensor(self, theta: Vector) -> Matrix:
        """Return weights * (data - X) as a dense tensor, zero where nothing is known."""


class HasFullTensor(TensorFit, Protocol):
    """A fit to a dense tensor whose cells are all known and have the same weight."""

    @property
    def full_tensor(self) -> Matrix:
        """The tensor."""
