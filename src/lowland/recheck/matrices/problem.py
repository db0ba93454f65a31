"""A recovery problem and a point of it, as plain arrays, with every formula written again."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, replace
from functools import cached_property
from typing import final

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.complex_views import as_complexes, as_reals
from lowland.core.rounding import gamma
from lowland.recheck.matrices.bias_fit import without_biases
from lowland.recheck.plain_losses import PlainLosses

# numbers of a matrix, and of all measuring matrices, that are formed
MOST_CELLS, MOST_NUMBERS = 4_000_000, 50_000_000
# biases of the shorter side, for which a system is solved
MOST_BIASES = 4000
SIDES = ("row", "column", "global")


@final
@dataclass(frozen=True, eq=False)
class MatrixProblem:
    """Weighted losses of measurements of X = U V^H + biases, plus penalties; and a point.

    Parameters
    ----------
    y, weights : ndarray, shape (p,)
    u, v : ndarray, shapes (m, r) and (n, r)
        Real or complex; for positive semidefinite X both are the same array.
    cells : tuple of ndarray, optional
        Rows and columns of the observed cells.
    matrices : ndarray, shape (p, m, n), optional
        Otherwise the measuring matrices: measurement k is the real part of the sum of A_k * X.
    exact : bool
        Whether the measuring matrices are exactly these but for rounding that is bounded.
    losses : PlainLosses
    free : tuple of {"row", "column", "global"}
        Which biases are fitted.
    row_biases, column_biases : ndarray, shapes (m,) and (n,)
    offset : float
    penalty, bias_penalty, balancing : float
        Strengths: of the nuclear norm, of the ridge on row and column biases, of the balancing term.
    by_row, by_column : ndarray, shapes (m,) and (n,)
        Weights of rows and columns in the first two.
    is_psd, has_unit_trace, is_nonnegative : bool
    words : str
        A description of the problem.
    is_rounded : bool
        Whether the data are rounded to single precision, as premises on what was measured must allow for.
    doubts : tuple of str
        Why it is not the problem of these data; then nothing is confirmed.
    is_given : bool
        Whether the measuring matrices are those of the measurement to the last bit, as exact ranks need.
    """

    y: Vector
    weights: Vector
    u: Matrix
    v: Matrix
    _: KW_ONLY
    cells: tuple[Indices, Indices] | None = None
    matrices: Matrix | None = None
    exact: bool = True
    losses: PlainLosses = field(default_factory=PlainLosses)
    free: tuple[str, ...] = ()
    row_biases: Vector = field(default_factory=lambda: np.zeros(0))
    column_biases: Vector = field(default_factory=lambda: np.zeros(0))
    offset: float = 0.0
    penalty: float = 0.0
    bias_penalty: float = 0.0
    balancing: float = 0.0
    by_row: Vector | None = None
    by_column: Vector | None = None
    is_psd: bool = False
    has_unit_trace: bool = False
    is_nonnegative: bool = False
    words: str = ""
    is_rounded: bool = False
    doubts: tuple[str, ...] = ()
    is_given: bool = True

    @property
    def is_constrained(self) -> bool:
        """Whether factors must be nonnegative."""
        return self.is_nonnegative

    @property
    def is_feasible(self) -> bool:
        """Whether factors are nonnegative that must be."""
        return not self.is_nonnegative or bool(self.u.min() >= 0 and self.v.min() >= 0)

    # ---------------------------------------------------------------- shapes

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the matrix."""
        return len(self.u), len(self.v)

    @property
    def rank(self) -> int:
        """Columns of the factors."""
        return int(self.u.shape[1])

    @property
    def is_complex(self) -> bool:
        """Whether the matrix is complex."""
        return bool(np.iscomplexobj(self.u))

    @property
    def is_formed(self) -> bool:
        """Whether the matrix and the measurements are small enough to be formed."""
        known = self.cells is not None or self.matrices is not None
        fits = not self.free or min(self.shape) <= MOST_BIASES
        return known and fits and self.shape[0] * self.shape[1] <= MOST_CELLS

    @property
    def size(self) -> int:
        """Number of real coordinates of a point."""
        return int(self.point().size)

    @property
    def is_penalised(self) -> bool:
        """Whether anything but the matrix itself counts."""
        return bool(self.penalty or self.balancing or self.bias_penalty)

    @property
    def is_matrix(self) -> bool:
        """Whether the point stands for a matrix: with unit trace the factor must have a usual length."""
        length = float(np.linalg.norm(self.u))
        return not self.has_unit_trace or 1e-100 < length < 1e100

    @property
    def imbalance(self) -> float:
        """How far the point is from balanced and its biases from centred, as a fraction."""
        if self.is_psd:
            return abs(float(np.linalg.norm(self.u)) - 1) if self.has_unit_trace else 0.0
        a, b = self.u.conj().T @ self.u, self.v.conj().T @ self.v
        off = float(np.linalg.norm(a - b)) / max(float(np.linalg.norm(a)), 1e-300)
        if "global" in self.free:
            for bias in (self.row_biases, self.column_biases):
                if bias.size:
                    off = max(off, abs(float(bias.mean())) / max(float(np.abs(bias).max()), 1e-300))
        return off

    def sizes(self) -> MatrixProblem:
        """Return the problem at absolute values, for bounds on rounding."""
        matrices = None if self.matrices is None else np.abs(self.matrices)
        return replace(self, u=np.abs(self.u), v=np.abs(self.v), matrices=matrices, has_unit_trace=False)

    @property
    def freedom(self) -> int:
        """Dimension, in real numbers, of the set of matrices of the rank with such biases."""
        (m, n), r = self.shape, min(self.rank, *self.shape)
        if self.is_psd:
            dimension = 2 * n * r - r * r if self.is_complex else n * r - r * (r - 1) // 2
            return dimension - self.has_unit_trace
        if self.is_complex:
            return 2 * r * (m + n - r)
        # the column of ones takes one dimension of the other side for each kind of free bias
        a, b = "row" in self.free, "column" in self.free
        beside = m * a + n * b - (a and b) + ("global" in self.free and not (a or b))
        left, right = m - b, n - a  # factors modulo the columns of ones
        r = min(r, left, right)
        return int(min(r * (left + right - r) + beside, m * n))

    # ---------------------------------------------------------------- points

    def point(self) -> Vector:
        """Return factors and biases as one real vector, in the order of points."""
        factors = [as_reals(np.ascontiguousarray(self.u))]
        if not self.is_psd:
            factors.append(as_reals(np.ascontiguousarray(self.v)))
        biases = {"row": self.row_biases, "column": self.column_biases, "global": np.array([self.offset])}
        free = [biases[side] for side in SIDES if side in self.free]
        return np.concatenate([*factors, *free])

    def at(self, point: Vector) -> MatrixProblem:
        """Return the same problem at another point."""
        (m, n), r, parts = self.shape, self.rank, 2 if self.is_complex else 1
        lengths = [m * r * parts, *([] if self.is_psd else [n * r * parts])]
        lengths += [{"row": m, "column": n, "global": 1}[s] for s in SIDES if s in self.free]
        pieces = iter(np.split(point, np.cumsum(lengths)[:-1]))
        factors = [
            as_complexes(next(pieces)) if self.is_complex else next(pieces)
            for _ in range(1 if self.is_psd else 2)
        ]
        u = factors[0].reshape(m, r)
        moved = replace(self, u=u, v=u if self.is_psd else factors[1].reshape(n, r))
        if "row" in self.free:
            moved = replace(moved, row_biases=next(pieces))
        if "column" in self.free:
            moved = replace(moved, column_biases=next(pieces))
        return replace(moved, offset=float(next(pieces)[0])) if "global" in self.free else moved

    def balanced(self) -> MatrixProblem:
        """Return the problem at balanced factors of the same matrix, with biases centred."""
        if self.is_psd:
            left, s, _ = np.linalg.svd(self.scaled_factor, full_matrices=False)
            return replace(self, u=left * s, v=left * s)
        (p, a), (q, b) = np.linalg.qr(self.u), np.linalg.qr(self.v)
        left, s, right = np.linalg.svd(a @ b.conj().T)
        root = np.sqrt(s)
        even = replace(self, u=(p @ left) * root, v=(q @ right.conj().T) * root)
        if "global" not in self.free:
            return even
        rows, columns = self.row_biases, self.column_biases
        offset = self.offset + sum(float(b.mean()) for b in (rows, columns) if b.size)
        centred = [b - b.mean() if b.size else b for b in (rows, columns)]
        return replace(even, row_biases=centred[0], column_biases=centred[1], offset=offset)

    # ---------------------------------------------------------------- predictions

    @property
    def scaled_factor(self) -> Matrix:
        """The factor of a positive semidefinite matrix, scaled to unit trace if that is fixed."""
        length = float(np.linalg.norm(self.u))
        return np.asarray(self.u / length if self.has_unit_trace and length > 0 else self.u)

    def low_rank(self) -> Matrix:
        """Return the matrix without biases."""
        if self.is_psd:
            return np.asarray(self.scaled_factor @ self.scaled_factor.conj().T)
        return np.asarray(self.u @ self.v.conj().T)

    def matrix(self) -> Matrix:
        """Return the matrix with its biases."""
        out = self.low_rank()
        if "row" in self.free:
            out = out + self.row_biases[:, None]
        if "column" in self.free:
            out = out + self.column_biases
        return np.asarray(out + self.offset if "global" in self.free else out)

    def measure(self, matrix: Matrix) -> Vector:
        """Return the measurements of a matrix."""
        if self.cells is not None:
            return np.asarray(matrix[self.cells].real)
        assert self.matrices is not None
        return np.asarray((self.matrices.reshape(self.y.size, -1) @ matrix.ravel()).real)

    def spread(self, numbers: Vector) -> Matrix:
        """Return A*(numbers), the adjoint of `measure` in the inner product Re tr(X^H Y)."""
        if self.cells is not None:
            out = np.zeros(self.shape)
            np.add.at(out, self.cells, numbers)
            return out
        assert self.matrices is not None
        return np.asarray((numbers @ self.matrices.reshape(self.y.size, -1)).reshape(self.shape).conj())

    def predictions(self) -> Vector:
        """Return the predictions of all data."""
        return self.measure(self.matrix())

    @cached_property
    def slopes(self) -> Vector:
        """Weighted slopes of the losses at the point."""
        return self.weights * self.losses.each("slope", self.predictions(), self.y)

    # ---------------------------------------------------------------- the objective

    @property
    def side_weights(self) -> tuple[Vector, Vector]:
        """Weights of rows and columns in the penalties."""
        given = zip(self.shape, (self.by_row, self.by_column), strict=True)
        sides = [np.ones(length) if weights is None else weights for length, weights in given]
        return sides[0], sides[1]

    def data_term(self) -> float:
        """Return the weighted losses."""
        return float(np.sum(self.weights * self.losses.each("value", self.predictions(), self.y)))

    def paid(self, *, biases: bool = True) -> float:
        """Return the penalties of the point."""
        a, b = self.side_weights
        squares = np.sum(a * np.sum(np.abs(self.u) ** 2, axis=1)) + np.sum(
            b * np.sum(np.abs(self.v) ** 2, axis=1)
        )
        excess = np.abs(self.u.conj().T @ self.u - self.v.conj().T @ self.v) ** 2 if self.balancing else 0.0
        paid = 0.5 * self.penalty * float(squares) + self.balancing * float(np.sum(excess))
        return paid + (self.paid_for_biases() if biases else 0.0)

    def paid_for_biases(self) -> float:
        """Return the ridge on the biases."""
        pairs = zip(self.side_weights, (self.row_biases, self.column_biases), strict=True)
        return 0.5 * self.bias_penalty * sum(float(np.sum(w * b**2)) for w, b in pairs if b.size)

    def objective(self) -> float:
        """Return the objective."""
        return self.data_term() + self.paid()

    def convex_objective(self, low_rank: Matrix) -> float:
        """Return the convex objective of another matrix without biases, the biases kept."""
        z = self.measure(low_rank + (self.matrix() - self.low_rank()))
        fit = float(np.sum(self.weights * self.losses.each("value", z, self.y)))
        return fit + self.penalty * self.nuclear_norm(low_rank) + self.paid_for_biases()

    def nuclear_norm(self, low_rank: Matrix) -> float:
        """Return the weighted nuclear norm of a matrix without biases, zero if nothing is paid for it."""
        weighted = low_rank * np.sqrt(np.outer(*self.side_weights))
        return float(np.linalg.norm(weighted, "nuc")) if self.penalty else 0.0

    def unfitted_value(self) -> float:
        """Return the data term when only biases are fitted, a natural unit."""
        if self.losses.is_squared:
            return 0.5 * float(np.sum(self.weights * self.without_biases(self.y) ** 2))
        value = replace(self, u=0 * self.u, v=0 * self.v).data_term()
        return value if np.isfinite(value) else float(np.sum(self.weights))

    def coarse_error(self) -> Vector:
        """Return bounds on the rounding of predictions in double precision."""
        left = np.abs(self.scaled_factor if self.is_psd else self.u)
        matrix = left @ (left if self.is_psd else np.abs(self.v)).T
        if "global" in self.free:
            matrix = matrix + abs(self.offset)
        if "row" in self.free:
            matrix = matrix + np.abs(self.row_biases)[:, None]
        if "column" in self.free:
            matrix = matrix + np.abs(self.column_biases)
        kind = "complex128" if self.is_complex else "float64"
        if self.cells is not None:
            terms, size = self.rank + 6, matrix[self.cells]
        else:
            assert self.matrices is not None
            terms = self.rank + matrix.size + 6
            size = np.abs(self.matrices).reshape(self.y.size, -1) @ matrix.ravel()
        digits = 2 * np.finfo(float).eps * (np.abs(self.predictions()) + np.abs(self.y))
        return np.asarray(gamma(terms, kind) * size + digits)

    # ---------------------------------------------------------------- derivatives

    def pull(self, numbers: Vector) -> Vector:
        """Return the gradient in the point of the sum of numbers times predictions."""
        slope, u = self.spread(numbers), self.u
        if self.is_psd:
            image = (slope + slope.conj().T) @ self.scaled_factor
            if self.has_unit_trace:
                unit = self.scaled_factor
                image = (image - np.real(np.vdot(unit, image)) * unit) / (float(np.linalg.norm(u)) or np.inf)
            return np.array(as_reals(np.ascontiguousarray(image.astype(u.dtype))))
        sides = {
            "row": slope.real.sum(axis=1),
            "column": slope.real.sum(axis=0),
            "global": np.array([slope.real.sum()]),
        }
        parts = [as_reals(np.ascontiguousarray((slope @ self.v).astype(u.dtype)))]
        parts.append(as_reals(np.ascontiguousarray((slope.conj().T @ u).astype(u.dtype))))
        return np.concatenate([*parts, *(sides[side] for side in SIDES if side in self.free)])

    def gradient(self) -> Vector:
        """Return the gradient of the objective."""
        return self.pull(self.slopes) + self.penalty_gradient()

    def penalty_gradient(self) -> Vector:
        """Return the gradient of the penalties."""
        a, b = self.side_weights
        du, dv = self.penalty * a[:, None] * self.u, self.penalty * b[:, None] * self.v
        if self.is_psd:
            return np.array(as_reals(np.ascontiguousarray(du + dv)))
        if self.balancing:
            excess = self.u.conj().T @ self.u - self.v.conj().T @ self.v
            du, dv = du + 4 * self.balancing * self.u @ excess, dv - 4 * self.balancing * self.v @ excess
        parts = [as_reals(np.ascontiguousarray(du)), as_reals(np.ascontiguousarray(dv))]
        for side, weights, bias in (("row", a, self.row_biases), ("column", b, self.column_biases)):
            if side in self.free:
                parts.append(self.bias_penalty * weights * bias)
        return np.concatenate([*parts, *([np.zeros(1)] if "global" in self.free else [])])

    def without_biases(self, y: Vector) -> Vector:
        """Return squared-loss data minus the biases that fit them best."""
        if not self.free:
            return y
        if self.cells is None:
            return np.asarray(y - np.average(y, weights=self.weights)) if "global" in self.free else y
        ridge = self.bias_penalty * np.concatenate([*self.side_weights, [0.0]])
        return without_biases(y, self.weights, self.cells, self.shape, self.free, ridge)
