"""`PlainFit`: what every problem with a point, as plain arrays, can compute."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from lowland.core.arrays import Matrix, Vector
from lowland.recheck.plain_losses import PlainLosses


class PlainFit(Protocol):
    """A problem and a point of it; see `MatrixProblem` and `TensorProblem`."""

    @property
    def y(self) -> Vector:
        """Data."""

    @property
    def weights(self) -> Vector:
        """Weights of the data."""

    @property
    def losses(self) -> PlainLosses:
        """Losses of predictions."""

    @property
    def words(self) -> str:
        """A description."""

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the problem is not that of the data; then nothing is confirmed."""

    @property
    def size(self) -> int:
        """Number of coordinates of a point."""

    @property
    def is_formed(self) -> bool:
        """Whether the problem is small enough to be formed."""

    @property
    def is_penalised(self) -> bool:
        """Whether anything but the matrix or tensor itself counts."""

    @property
    def is_matrix(self) -> bool:
        """Whether the point stands for a matrix or tensor."""

    @property
    def imbalance(self) -> float:
        """How far the point is from balanced, as a fraction."""

    @property
    def is_feasible(self) -> bool:
        """Whether the point satisfies what is asked of factors."""

    @property
    def is_constrained(self) -> bool:
        """Whether anything is asked of factors, such as signs."""

    @property
    def exact(self) -> bool:
        """Whether the rounding of predictions is bounded."""

    @property
    def slopes(self) -> Vector:
        """Weighted slopes of the losses."""

    def point(self) -> Vector:
        """Return the point."""

    def at(self, point: Vector) -> Any:
        """Return the same problem at another point."""

    def balanced(self) -> Any:
        """Return the same problem at the balanced point of the same matrix or tensor."""

    def sizes(self) -> Any:
        """Return the problem at absolute values, for bounds on rounding."""

    def matrix(self) -> Matrix:
        """Return the matrix or tensor."""

    def predictions(self) -> Vector:
        """Return the predictions."""

    def coarse_error(self) -> Vector:
        """Return bounds on the rounding of predictions."""

    def without_biases(self, y: Vector) -> Vector:
        """Return data minus the biases that fit them best."""

    def objective(self) -> float:
        """Return the objective."""

    def pull(self, numbers: Vector) -> Vector:
        """Return the gradient of the sum of numbers times predictions."""

    def gradient(self) -> Vector:
        """Return the gradient of the objective."""

    def unfitted_value(self) -> float:
        """Return the data term when only biases are fitted, a natural unit."""


P = TypeVar("P", bound=PlainFit)
