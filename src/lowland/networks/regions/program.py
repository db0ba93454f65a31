"""The best loss within one activation region of a layer of ReLU neurons: a convex quadratic program.

Within a region the outputs are linear in the first layer's weights. If rows have two numbers (one input and
a bias), the weights of a neuron form a cone with two extreme rays, and the program is a nonnegative
least-squares problem; otherwise an interior-point solver is used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.kernels.modular_arithmetic.exact_integers import product_signs
from lowland.networks.certificates.region_minima import InnerMinimum, prove_inner_minimum
from lowland.networks.regions.cone_programs import OnStep, block_diagonal, most_inside, solve_region
from lowland.networks.regions.units import RegionUnits

# a loss below this fraction of that of zero outputs counts as zero: solvers do not reach rounding level
ZERO = 1e-9


@public("lowland.networks")
@final
@dataclass(frozen=True, eq=False)
class RegionOptimum:
    """The best network of a region.

    Parameters
    ----------
    loss : float
        1/(2 n) times the sum of squared residuals, the smallest in the closed region.
    weights : ndarray, shape (k, d)
        First layer (biases last) that attains it.
    margin : float
        How far inside the open region the best unconstrained least-squares solution lies: the smallest
        distance of data points from the neurons' hyperplanes on their own side, over the size of the
        weights; negative if none lies inside, 0 if that is not known. Any such solution inside is a
        stationary point.
    relative_loss : float
        The loss over that of zero outputs.
    pulls : ndarray, shape (n, k)
        Multipliers of the boundaries: how strongly the loss pulls across each; 0 where it does not.
    program : RegionProgram
        The program in its units, for judges.
    candidate : ndarray, shape (k, d)
        The unconstrained least-squares solution, in the program's units.
    inner : InnerMinimum or None
        A judge's proof, from the candidate, that the open region has a minimum.

    Examples
    --------
    >>> import lowland as ll
    >>> network = ll.networks.ReluNetwork(([[1.0], [-1.0]], [1.0, 1.0]), ([1.0, 1.0], None))
    >>> x, y = [-3.0, -2.0, -1.5, 1.5, 2.0], [1.0, 2.0, 0.0, 1.0, 3.0]
    >>> best = ll.networks.region_report(network, x, y).optimum
    >>> round(best.loss, 6), best.weights.shape, best.interior, best.is_zero
    (0.178571, (2, 2), True, False)
    """

    loss: float
    weights: Matrix
    margin: float
    relative_loss: float
    pulls: Matrix
    program: RegionProgram
    candidate: Matrix
    inner: InnerMinimum | None = None

    @property
    def is_zero(self) -> bool:
        """Whether the loss is zero to solver precision."""
        return self.relative_loss <= ZERO

    @property
    def interior(self) -> bool:
        """Whether the best loss is proved to be attained inside the region."""
        return self.inner is not None


def region_optimum(
    points: Matrix,
    targets: Vector,
    outer: Vector,
    active: NDArray[np.bool_],
    *,
    offset: float = 0.0,
    on_step: OnStep | None = None,
) -> RegionOptimum:
    """Return the best network whose first layer has a given pattern, with the output layer fixed.

    Parameters
    ----------
    points : ndarray, shape (n, d)
        Data, with a final column of ones if neurons have biases.
    targets : ndarray, shape (n,)
    outer : ndarray, shape (k,)
        Output weights.
    active : ndarray of bool, shape (n, k)
    offset : float
        Output bias.
    on_step : callable, optional
        Called after each step of the interior-point solver with its number.

    Returns
    -------
    RegionOptimum

    Raises
    ------
    MissingExtraError
        If rows have more than two numbers and Clarabel is not installed.
    LowlandError
        If the solver fails.
    """
    program = RegionProgram(points, targets - offset, outer, active)
    weights, pulls = program.solve(on_step=on_step)
    relative = program.relative_loss(weights)
    multipliers = pulls.T * program.lengths
    candidate, margin = most_inside(
        program.design(), program.aim, program.constraints(), weights, multipliers
    )
    inside = program.relative_loss(candidate) if margin > 0 else np.inf
    if inside < relative:  # when points differ much in size the solver stops too early
        weights, relative, pulls = candidate, inside, np.zeros_like(pulls)
    unit = 0.5 * float(np.mean(program.targets**2))
    return RegionOptimum(
        relative * unit, program.units.restore(weights), margin, relative, pulls, program, candidate
    )


def region_loss(points: Matrix, targets: Vector, outer: Vector, active: NDArray[np.bool_]) -> float:
    """Return the best loss of a closed region relative to that of zero outputs, without its location."""
    program = RegionProgram(points, targets, outer, active)
    return program.relative_loss(program.solve(pulls=False)[0])


@final
class RegionProgram:
    """The program in units in which points, targets and output weights are about one.

    Parameters
    ----------
    points : ndarray, shape (n, d)
    targets : ndarray, shape (n,)
    outer : ndarray, shape (k,)
    active : ndarray of bool, shape (n, k)
    """

    given: Matrix
    targets: Vector
    active: NDArray[np.bool_]
    points: Matrix
    aim: Vector
    signs: Vector

    def __init__(self, points: Matrix, targets: Vector, outer: Vector, active: NDArray[np.bool_]) -> None:
        self.given, self.targets, self.active = points, targets, active
        self.units: RegionUnits = RegionUnits.of(points, targets, outer)
        self.points, self.aim, self.signs = self.units.points, self.units.targets, self.units.outer
        self.sides: Matrix = np.where(active, 1.0, -1.0)
        self.lengths: Vector = np.linalg.norm(self.points, axis=1)
        self.lengths[self.lengths == 0] = 1.0

    def solve(self, *, pulls: bool = True, on_step: OnStep | None = None) -> tuple[Matrix, Matrix]:
        """Return the best weights, and how strongly the loss pulls across each boundary, if requested."""
        return self.by_rays(pulls=pulls) if self.points.shape[1] == 2 else self.by_interior_points(on_step)

    def relative_loss(self, weights: Matrix) -> float:
        """Return the loss of weights relative to that of zero outputs."""
        misfit = self.predict(weights) - self.aim
        total = float(self.aim @ self.aim)
        return float(misfit @ misfit) / total if total > 0 else 0.0

    def predict(self, weights: Matrix) -> Vector:
        """Return the outputs of weights that have the pattern."""
        outputs: Vector = np.where(self.active, self.points @ weights.T, 0.0) @ self.signs
        return outputs

    def by_rays(self, *, pulls: bool = True) -> tuple[Matrix, Matrix]:
        """Solve by nonnegative least squares over the extreme rays of every neuron's cone."""
        from scipy.optimize import nnls

        rays, owner, signs = _extreme_rays(self.points, self.active)
        # an exactly zero product may be nonzero after rounding
        felt = self.active[:, owner] & (signs != 0)
        columns = np.where(felt, self.points @ rays.T, 0.0) * self.signs[owner]
        sizes = np.linalg.norm(columns, axis=0)
        used = np.flatnonzero(sizes > 0)
        amounts = np.zeros(len(rays))
        if used.size:
            scaled = columns[:, used] / sizes[used]
            amounts[used] = nnls(scaled, self.aim, maxiter=30 * used.size)[0] / sizes[used]
        weights = np.zeros((self.signs.size, 2))
        np.add.at(weights, owner, amounts[:, None] * rays)
        return weights, self._pulls_of(weights) if pulls else np.zeros(self.active.shape)

    def by_interior_points(self, on_step: OnStep | None = None) -> tuple[Matrix, Matrix]:
        """Solve by Clarabel, with residuals as separate variables."""
        weights, pulls = solve_region(self.design(), block_diagonal(self.constraints()), self.aim, on_step)
        k, n = self.signs.size, len(self.points)
        return weights.reshape(k, -1), pulls.reshape(k, n).T / self.lengths[:, None]

    def design(self) -> Matrix:
        """Return the matrix from weights (neuron by neuron) to outputs, shape (n, k d)."""
        rows = (self.active * self.signs)[:, :, None] * self.points[:, None, :]
        return rows.reshape(len(self.points), -1)

    def has_pattern(self, weights: Matrix) -> bool:
        """Return whether weights for the original points have the pattern, exactly."""
        signs, asked = product_signs(self.given, weights), np.any(self.given != 0, axis=1)
        return bool(np.array_equal(signs[asked], np.where(self.active, 1, -1)[asked]))

    def constraints(self) -> Matrix:
        """Return for every neuron the rows that must not be negative, shape (k, n, d)."""
        unit = self.points / self.lengths[:, None]
        rows: Matrix = self.sides.T[:, :, None] * unit
        return rows

    def _pulls_of(self, weights: Matrix) -> Matrix:
        """Return how strongly the loss pulls across each tight boundary, by least squares per neuron."""
        from scipy.optimize import nnls

        misfit = self.predict(weights) - self.aim
        pulls = np.zeros(self.active.shape)
        for k, v in enumerate(self.signs):
            slope = v * (self.points.T @ (misfit * self.active[:, k]))
            values = self.sides[:, k] * (self.points @ weights[k]) / self.lengths
            size = float(np.abs(weights[k]).max()) or 1.0
            tight = np.flatnonzero(values <= 1e-9 * size)
            if tight.size:
                rows = self.sides[tight, k, None] * self.points[tight]
                pulls[tight, k] = nnls(rows.T, slope)[0]
        return pulls


def _extreme_rays(
    points: Matrix, active: NDArray[np.bool_]
) -> tuple[Matrix, NDArray[np.intp], NDArray[np.int8]]:
    """Return rays that generate the cones of neurons in the plane, the neuron and exact signs of each.

    A cone's extreme rays are orthogonal to rows; if all rows are parallel it is a half plane, which needs
    the rows themselves as well.
    """
    rows = points[np.abs(points).max(axis=1) > 0]
    across = np.stack([-rows[:, 1], rows[:, 0]], axis=1)
    parallel = not product_signs(rows, across[:1]).any()
    around = [across, -across, rows, -rows] if parallel else [across, -across]
    candidates = np.unique(np.concatenate(around), axis=0)
    signs = product_signs(points, candidates)
    # rays are scaled only now: signs must be those of the exact numbers
    scaled = candidates / np.abs(candidates).max(axis=1, initial=1e-300)[:, None]
    patterns, owners = np.unique(active.T, axis=0, return_inverse=True)
    fits = [
        np.flatnonzero(np.all(np.where(pattern[:, None], signs >= 0, signs <= 0), axis=0))
        for pattern in patterns
    ]
    rays = [scaled[fits[which]] for which in owners.ravel()]
    owner = [np.full(fits[which].size, k) for k, which in enumerate(owners.ravel())]
    picks = np.concatenate([fits[which] for which in owners.ravel()])
    return np.concatenate(rays), np.concatenate(owner), signs[:, picks]


@final
class Regions:
    """The regions of a two-layer network with the first layer trained, for a walk over them.

    Parameters
    ----------
    points : ndarray, shape (n, d)
        Data, with a final column of ones if neurons have biases.
    targets : ndarray, shape (n,)
    outer : ndarray, shape (k,)
    offset : float
    bias : bool
        Whether the last of the d numbers is a bias: in a point, biases follow all weights.
    """

    points: Matrix
    targets: Vector
    outer: Vector

    def __init__(self, points: Matrix, targets: Vector, outer: Vector, offset: float, bias: bool) -> None:
        self.points, self.targets, self.outer = points, targets - offset, outer
        self.bias = bias

    def pattern(self, theta: Vector) -> NDArray[np.bool_]:
        """Return the activation pattern of a point, shape (n, k)."""
        return product_signs(self.points, self._weights(theta)) > 0

    def best(self, pattern: NDArray[np.bool_]) -> tuple[Vector, Matrix]:
        """Return the best point of a closed region, and how strongly the loss pulls across each boundary."""
        program = RegionProgram(self.points, self.targets, self.outer, pattern)
        solved, pulls = program.solve()
        weights = program.units.restore(solved)
        if not self.bias:
            return weights.ravel(), pulls
        return np.r_[weights[:, :-1].ravel(), weights[:, -1]], pulls

    def _weights(self, theta: Vector) -> Matrix:
        k, d = self.outer.size, self.points.shape[1]
        if not self.bias:
            return theta.reshape(k, d)
        return np.hstack([theta[: k * (d - 1)].reshape(k, d - 1), theta[k * (d - 1) :, None]])


def with_inner_minimum(optimum: RegionOptimum, rank: int) -> RegionOptimum:
    """Return the optimum with the proof of a minimum inside, if any, for a design of this rank."""
    if not optimum.margin > 0:
        return optimum
    return replace(optimum, inner=prove_inner_minimum(optimum.program, optimum.candidate, rank))
