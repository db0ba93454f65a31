"""Powers, the optional abilities of objectives: each is a protocol that adds one member.

On an objective without the power the member is absent or None, such as `block_solver` if the rows of a
table are not least-squares problems. `lowland.core.promises.capabilities.offered` checks for a power.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.promises.objectives import FitLinearisation, Linearisation, Objective, Searchable
from lowland.core.results.records import Factors


class HasLinearisation(Objective, Protocol):
    """Products with the Hessian at a point, with direction-independent parts computed once."""

    def linearise(self, theta: Vector) -> Linearisation:
        """Return the objective at a point, for repeated products."""


class BlockSolver(Protocol):
    """Exact minimisation over one block of coordinates, the others held fixed."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the blocks, in the order of a sweep."""

    def solve(self, theta: Vector, name: str, *, penalty: float | None = None) -> Vector:
        """Return the point with block `name` at its minimiser, with another penalty if one is given."""

    def coordinates(self, name: str) -> NDArray[np.bool_]:
        """Return which coordinates of a point block `name` sets, shape (size,)."""


class BatchGradient(Protocol):
    """Unbiased gradients from some of the observations."""

    size: int

    def __call__(self, theta: Vector, batch: Indices) -> Vector:
        """Return the gradient with the data term of `batch` scaled up to all observations."""


class ModularJacobian(Protocol):
    """The Jacobian of the observations at random integer factors, modulo a prime."""

    @property
    def expected_rank(self) -> int:
        """Rank at generic factors if the measurements determine them."""

    @property
    def has_fractions(self) -> bool:
        """Whether numbers in the measuring matrices may have been rounded: not all are whole."""

    @property
    def rows(self) -> int:
        """Number p of observations, in real numbers."""

    @property
    def unknowns(self) -> int:
        """Number of unknowns."""

    @property
    def holds_matrices(self) -> bool:
        """Whether measuring matrices are stored number by number, so that sparse factors save much."""

    def matrix(
        self, prime: int, rng: np.random.Generator, most: int | None = None, *, few: bool = False
    ) -> NDArray[np.float64]:
        """Return residues modulo `prime`, shape (p, unknowns), or at most `most` random rows of them.

        With `few`, at factors with only a few nonzero rows.
        """

    def work(self, rows: int, *, few: bool = False) -> float:
        """Return the work of `matrix` with a given number of rows (`lowland.core.work`)."""


class Regions(Protocol):
    """Best points of activation regions of a network."""

    def pattern(self, theta: Vector) -> NDArray[np.bool_]:
        """Return the pattern of a point, shape (n, k)."""

    def best(self, pattern: NDArray[np.bool_]) -> tuple[Vector, Matrix]:
        """Return the best point of the closed region, and the multiplier of each boundary."""


class HasMatrix(Objective, Protocol):
    """Points that represent matrices of low rank."""

    def matrix(self, theta: Vector) -> Factors:
        """Return the matrix of a point as factors."""

    def canonical(self, theta: Vector) -> Vector:
        """Return the balanced point of the same matrix."""

    def from_factors(self, factors: Factors) -> Vector:
        """Return the point with given factors and zero biases."""


class HasResidual(Objective, Protocol):
    """Products with the Jacobian of the residual."""

    def linearise(self, theta: Vector) -> FitLinearisation:
        """Return the objective at a point, for repeated products."""


class HasFactors(Searchable, Protocol):
    """Factors at the head of a point, with a ridge on them."""

    def value(self, theta: Vector) -> float:
        """Return the objective."""

    @property
    def factor_size(self) -> int:
        """Length of the leading part of a point that holds the factors."""

    @property
    def penalty(self) -> float:
        """Strength of the ridge, 0 without one."""


class HasBlockSolver(HasFactors, Protocol):
    """An exact solve of one factor with the others fixed."""

    @property
    def block_solver(self) -> BlockSolver:
        """The solver of blocks."""


class HasDifferentiableBlocks(HasBlockSolver, Protocol):
    """Exact solves of one factor, and gradients that show how far sweeps have come."""

    def gradient(self, theta: Vector) -> Vector:
        """Return the gradient."""

    def value_and_gradient(self, theta: Vector) -> tuple[float, Vector]:
        """Return both at little more than the cost of one."""


class HasBatchGradient(HasResidual, Protocol):
    """Gradients from some of the measurements."""

    @property
    def batch_gradient(self) -> BatchGradient:
        """The gradient of a batch."""


class HasScaledGradient(Objective, Protocol):
    """Gradients of each factor in the metric of the other."""

    def scaled(self, theta: Vector, gradient: Vector, share: float) -> Vector:
        """Return a gradient with each factor's part divided by the damped Gram matrix of its partner."""


class ReducedProblem(Protocol):
    """The reduction of a table at one point: coordinates of one side, with the other eliminated."""

    @property
    def own_curvatures(self) -> tuple[float, float]:
        """Bounds on the eigenvalues of the blocks of both sides, from below and from above."""

    def product(self, y: Vector) -> Vector:
        """Return the reduced Hessian, relative to the side's own block, times coordinates."""

    def direction(self, y: Vector) -> Vector:
        """Return the direction of a point with given coordinates, including the change of the other side."""

    def coordinates(self, direction: Vector) -> Vector:
        """Return the coordinates of a direction."""


class SideReduction(Protocol):
    """A table's objective as a function of one side alone, with the other eliminated."""

    @property
    def size(self) -> int:
        """Number of kept coordinates."""

    @property
    def start_work(self) -> float:
        """Work before the first product."""

    @property
    def product_work(self) -> float:
        """Work of one product."""

    def at(self, theta: Vector, *, exact: bool = False) -> ReducedProblem:
        """Return the reduced problem at a point; with `exact`, as if the point fitted the data exactly."""

    def without_offset(self, gauge: Matrix) -> Matrix:
        """Return the gauge directions that do not change an offset included in free biases."""


class HasNormalMatrix(Objective, Protocol):
    """The normal equations of a small problem, as a matrix."""

    def normal_matrix(self, theta: Vector) -> Matrix:
        """Return J^T W J of the data term of a squared loss."""


class HasRegions(Objective, Protocol):
    """The best point of an activation region."""

    @property
    def regions(self) -> Regions:
        """Best points by region."""


class HasPosteriorBlocks(Searchable, Protocol):
    """A posterior in blocks, each known given the others."""

    @property
    def block_names(self) -> tuple[str, ...]:
        """Names of the blocks, in the order of a sweep."""

    def first_posterior(self, theta: Vector) -> Any:
        """Return a posterior around a point."""


class HasAverages(HasPosteriorBlocks, Protocol):
    """Gaussian averages over one factor given the other."""

    def bound(self, posterior: Any) -> float:
        """Return minus the lower bound on the log evidence: lower is better."""

    def average(self, posterior: Any, name: str) -> Any:
        """Return the posterior with one block averaged over."""


class HasDraws(HasPosteriorBlocks, Protocol):
    """Draws of one factor given the other."""

    def first_draw(self, start: Any, key: int) -> Any:
        """Return the first draw: the means of a posterior."""

    def energy(self, state: Any) -> float:
        """Return minus the log density of a draw, up to a constant."""

    def draw(self, state: Any, name: str, rng: np.random.Generator) -> Any:
        """Return the state with one block drawn."""


class HasAugmentation(Searchable, Protocol):
    """Draws of missing numbers given a distribution, and of the distribution given all numbers."""

    def first_draw(self, theta: Vector, key: int, rng: np.random.Generator) -> Any:
        """Return a distribution drawn given completed data."""

    def draw(self, state: Any, rng: np.random.Generator) -> Any:
        """Return the next draw of missing numbers and distribution."""

    def keep(self, state: Any) -> Any:
        """Return a state with its distribution added to what is kept."""

    def energy(self, state: Any) -> float:
        """Return minus the log density of a draw, up to a constant."""


class EliminatedProblem(Protocol):
    """The reduced problem of the kept factor at one point; complex if the matrix is."""

    b: Matrix
    energy: float

    @property
    def squares(self) -> float:
        """Weighted sum of squares of the residual."""

    @property
    def value(self) -> float:
        """Weighted squares plus the prior term."""

    @property
    def scatter(self) -> Matrix:
        """The second moment of the eliminated rows."""

    @property
    def gradient(self) -> Matrix:
        """Gradient in the kept factor."""

    def product(self, d: Matrix) -> Matrix:
        """Return the Gauss-Newton matrix times a direction."""

    def blocks(self) -> Matrix:
        """Return its diagonal blocks, one per row."""


class Elimination(Protocol):
    """One factor eliminated, row by row, for observed entries without penalties."""

    @property
    def density(self) -> float:
        """Weighted cells per eliminated row."""

    def split(self, theta: Vector, side: str) -> tuple[Matrix, Matrix]:
        """Return the kept factor, orthonormal, and the other one."""

    def join(self, kept: Matrix, other: Matrix, side: str) -> Vector:
        """Return the point of both factors."""

    def at(self, kept: Matrix, prior: Matrix, side: str) -> EliminatedProblem:
        """Return the reduced problem of a kept factor."""
