"""The best loss within one activation region of a layer of ReLU neurons: a convex quadratic program.

Within a region the outputs are linear in the first layer's weights. Where rows have two numbers (one input
and a bias), the weights of a neuron form a cone with two extreme rays, and the program is one of nonnegative
least squares; otherwise an interior-point solver takes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import LowlandError, MissingExtraError
from lowland.kernels.exact_integers import product_signs

# a loss below this part of the loss without a network counts as zero
ZERO = 1e-12
# a point whose least margin is above this part of its size lies inside
INSIDE = 1e-7


@final
@dataclass(frozen=True, eq=False)
class RegionOptimum:
    """The best network of a region.

    Parameters
    ----------
    loss : float
        1/(2 n) times the sum of squared residuals, the least in the closed region.
    weights : ndarray, shape (k, d)
        First layer (biases last) that attains it, as far inside the region as one can be.
    margin : float
        Least distance of data points from the neurons' hyperplanes on their own side, over the size of the
        weights; above 0 the optimum lies in the open region.
    interior : bool
        Whether it does, numerically: a differentiable minimum.
    relative_loss : float
        The loss over that of the best constant zero, y = 0 apart.
    pulls : ndarray, shape (n, k)
        Multipliers: how hard the loss pulls across each boundary; 0 where it does not.
    """

    loss: float
    weights: Matrix
    margin: float
    interior: bool
    relative_loss: float
    pulls: Matrix

    @property
    def is_zero(self) -> bool:
        """Whether the loss is zero to rounding."""
        return self.relative_loss <= ZERO


def region_optimum(
    points: Matrix, targets: Vector, outer: Vector, active: NDArray[np.bool_], *, offset: float = 0.0
) -> RegionOptimum:
    """Return the best network whose first layer has a given pattern, the output layer held fixed.

    Parameters
    ----------
    points : ndarray, shape (n, d)
        Data, a column of ones behind them where neurons have biases.
    targets : ndarray, shape (n,)
    outer : ndarray, shape (k,)
        Output weights.
    active : ndarray of bool, shape (n, k)
    offset : float
        Output bias.

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
    program = _Program(points, targets - offset, outer, active)
    weights, pulls = program.solve()
    inside, margin = program.inside(weights)
    misfit = program.predict(weights) - program.targets
    loss, unfitted = 0.5 * float(np.mean(misfit**2)), 0.5 * float(np.mean(program.targets**2))
    interior = margin > INSIDE
    relative = loss / unfitted if unfitted > 0 else 0.0
    return RegionOptimum(loss, inside if interior else weights, margin, interior, relative, pulls)


def region_loss(points: Matrix, targets: Vector, outer: Vector, active: NDArray[np.bool_]) -> float:
    """Return the best loss of a closed region over that of zero outputs, but not where it is attained."""
    program = _Program(points, targets, outer, active)
    weights, _ = program.solve(pulls=False)
    misfit = program.predict(weights) - targets
    return float(misfit @ misfit / max(float(targets @ targets), np.finfo(float).tiny))


class _Program:
    """The program in units in which points, targets and output weights are about one."""

    def __init__(self, points: Matrix, targets: Vector, outer: Vector, active: NDArray[np.bool_]) -> None:
        self.points, self.targets, self.outer, self.active = points, targets, outer, active
        self.sides = np.where(active, 1.0, -1.0)
        self.lengths = np.linalg.norm(points, axis=1)
        self.lengths[self.lengths == 0] = 1.0
        self.unit = float(np.linalg.norm(targets)) or 1.0

    def solve(self, *, pulls: bool = True) -> tuple[Matrix, Matrix]:
        """Return the best weights, and how hard the loss pulls over each boundary, if asked."""
        return self.by_rays(pulls=pulls) if self.points.shape[1] == 2 else self.by_interior_points()

    def predict(self, weights: Matrix) -> Vector:
        """Return the outputs of weights that have the pattern."""
        outputs: Vector = np.where(self.active, self.points @ weights.T, 0.0) @ self.outer
        return outputs

    def by_rays(self, *, pulls: bool = True) -> tuple[Matrix, Matrix]:
        """Solve by nonnegative least squares over the extreme rays of every neuron's cone."""
        from scipy.optimize import nnls

        rays, owner = _extreme_rays(self.points, self.active)
        columns = np.where(self.active[:, owner], self.points @ rays.T, 0.0) * self.outer[owner]
        sizes = np.linalg.norm(columns, axis=0)
        used = np.flatnonzero(sizes > 0)
        amounts = np.zeros(len(rays))
        if used.size:
            scaled = columns[:, used] / sizes[used]
            amounts[used] = nnls(scaled, self.targets / self.unit, maxiter=30 * used.size)[0] / sizes[used]
        weights = np.zeros((self.outer.size, 2))
        np.add.at(weights, owner, self.unit * amounts[:, None] * rays)
        return weights, self._pulls_of(weights) if pulls else np.zeros(self.active.shape)

    def by_interior_points(self) -> tuple[Matrix, Matrix]:
        """Solve by Clarabel, residuals as variables of their own."""
        n, k, d = *self.active.shape, self.points.shape[1]
        sparse = _scipy_sparse()
        design = sparse.csc_array(self._design())
        pattern = _block_diagonal(self._constraints())
        quadratic = sparse.diags_array(np.r_[np.zeros(k * d), np.ones(n)], format="csc")
        equal = sparse.hstack([design, -sparse.eye_array(n)])
        below = sparse.hstack([-pattern, sparse.csc_array((n * k, n))])
        rows = sparse.csc_array(sparse.vstack([equal, below]))
        right = np.r_[self.targets / self.unit, np.zeros(n * k)]
        found = _solve_cones(quadratic, np.zeros(k * d + n), rows, right, n, n * k)
        weights = self.unit * np.array(found.x[: k * d]).reshape(k, d)
        pulls = self.unit * np.array(found.z[n:]).reshape(k, n).T / self.lengths[:, None]
        return weights, pulls

    def inside(self, weights: Matrix) -> tuple[Matrix, float]:
        """Return weights with the same outputs as far inside the region as can be, and their margin."""
        from scipy.optimize import linprog

        n, k, d = *self.active.shape, self.points.shape[1]
        sparse = _scipy_sparse()
        scale = float(np.abs(weights).max(initial=0.0)) or 1.0
        # weights = scale w; w in a box, so that the margin is one of directions
        below = sparse.hstack([-_block_diagonal(self._constraints()), np.ones((n * k, 1))])
        design = self._design()
        equal = np.hstack([design, np.zeros((n, 1))])
        aim = np.zeros(k * d + 1)
        aim[-1] = -1.0
        box = [(-10.0, 10.0)] * (k * d) + [(None, 1.0)]
        # the outputs are those of the weights themselves, whatever rounding did to their signs
        right = design @ (weights / scale).ravel()
        used = np.abs(design).sum(axis=1) > 0
        found = linprog(aim, A_ub=below, b_ub=np.zeros(n * k), A_eq=equal[used], b_eq=right[used], bounds=box)
        if found.x is None:
            return weights, 0.0
        return scale * found.x[:-1].reshape(k, d), float(found.x[-1])

    def _design(self) -> Matrix:
        """Return the matrix from weights (neuron by neuron) to outputs, shape (n, k d)."""
        rows = (self.active * self.outer)[:, :, None] * self.points[:, None, :]
        return rows.reshape(len(self.points), -1)

    def _constraints(self) -> Matrix:
        """Return for every neuron the rows that must not be negative, shape (k, n, d)."""
        unit = self.points / self.lengths[:, None]
        rows: Matrix = self.sides.T[:, :, None] * unit
        return rows

    def _pulls_of(self, weights: Matrix) -> Matrix:
        """Return how hard the loss pulls over each tight boundary, by least squares neuron by neuron."""
        from scipy.optimize import nnls

        misfit = self.predict(weights) - self.targets
        pulls = np.zeros(self.active.shape)
        for k, v in enumerate(self.outer):
            slope = v * (self.points.T @ (misfit * self.active[:, k]))
            values = self.sides[:, k] * (self.points @ weights[k]) / self.lengths
            size = float(np.abs(weights[k]).max()) or 1.0
            tight = np.flatnonzero(values <= 1e-9 * size)
            if tight.size:
                rows = self.sides[tight, k, None] * self.points[tight]
                pulls[tight, k] = nnls(rows.T, slope)[0]
        return pulls


def _extreme_rays(points: Matrix, active: NDArray[np.bool_]) -> tuple[Matrix, NDArray[np.intp]]:
    """Return the extreme rays of the cones of neurons in the plane, and the neuron of each."""
    candidates = np.stack([-points[:, 1], points[:, 0]], axis=1)
    candidates = candidates[np.abs(candidates).max(axis=1) > 0]
    candidates /= np.abs(candidates).max(axis=1)[:, None]
    candidates = np.unique(np.concatenate([candidates, -candidates]), axis=0)
    signs = _clean_signs(points, candidates)
    patterns, owners = np.unique(active.T, axis=0, return_inverse=True)
    rays, owner = [], []
    fits = [
        np.flatnonzero(np.all(np.where(pattern[:, None], signs >= 0, signs <= 0), axis=0))
        for pattern in patterns
    ]
    for k, which in enumerate(owners.ravel()):
        rays.append(candidates[fits[which]])
        owner.append(np.full(fits[which].size, k))
    return np.concatenate(rays), np.concatenate(owner)


def _clean_signs(points: Matrix, candidates: Matrix) -> NDArray[np.int8]:
    # a ray was rounded when it was scaled: products that are rounding are zero
    product = points @ candidates.T
    size = np.abs(points).max(axis=1)[:, None]
    return np.where(np.abs(product) <= 4 * np.finfo(float).eps * size, 0, np.sign(product)).astype(np.int8)


def _block_diagonal(blocks: Matrix) -> Any:
    """Return a sparse matrix with the blocks (k, n, d) on its diagonal."""
    k, n, d = blocks.shape
    starts = d * np.arange(k * n + 1)
    columns = (d * np.arange(k)[:, None, None] + np.arange(d)[None, None]).repeat(n, axis=1)
    return _scipy_sparse().csr_array((blocks.ravel(), columns.ravel(), starts), shape=(k * n, k * d))


def _scipy_sparse() -> Any:
    from scipy import sparse

    return sparse


def _solve_cones(P: Any, q: Vector, A: Any, b: Vector, zero: int, nonnegative: int) -> Any:
    try:
        import clarabel
    except ImportError as error:
        raise MissingExtraError(
            "the best loss of a region needs an optional package",
            "clarabel is not installed",
            fix="pip install 'lowland[regions]'",
        ) from error
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    cones = [clarabel.ZeroConeT(zero), clarabel.NonnegativeConeT(nonnegative)]
    found = clarabel.DefaultSolver(_csc(P), q, _csc(A), b, cones, settings).solve()
    if str(found.status) not in ("Solved", "AlmostSolved", "InsufficientProgress"):
        raise LowlandError("the best loss of a region was not found", f"the solver says {found.status}")
    return found


def _csc(matrix: Any) -> Any:
    from scipy.sparse import csc_matrix

    out = csc_matrix(matrix)
    out.sort_indices()
    return out


@final
class Regions:
    """The regions of a network of which the first of two layers is trained, for a walk over them.

    Parameters
    ----------
    points : ndarray, shape (n, d)
        Data, ones behind them where neurons have biases.
    targets : ndarray, shape (n,)
    outer : ndarray, shape (k,)
    offset : float
    bias : bool
        Whether the last of the d numbers is a bias: in a point, biases follow all weights.
    """

    def __init__(self, points: Matrix, targets: Vector, outer: Vector, offset: float, bias: bool) -> None:
        self.points, self.targets, self.outer = points, targets - offset, outer
        self.bias = bias

    def pattern(self, theta: Vector) -> NDArray[np.bool_]:
        """Return the activation pattern of a point, shape (n, k)."""
        return product_signs(self.points, self._weights(theta)) > 0

    def best(self, pattern: NDArray[np.bool_]) -> tuple[Vector, Matrix]:
        """Return the best point of a closed region, and how hard the loss pulls over each boundary."""
        weights, pulls = _Program(self.points, self.targets, self.outer, pattern).solve()
        if not self.bias:
            return weights.ravel(), pulls
        return np.r_[weights[:, :-1].ravel(), weights[:, -1]], pulls

    def _weights(self, theta: Vector) -> Matrix:
        k, d = self.outer.size, self.points.shape[1]
        if not self.bias:
            return theta.reshape(k, d)
        return np.hstack([theta[: k * (d - 1)].reshape(k, d - 1), theta[k * (d - 1) :, None]])
