"""Check a certificate's numbers and witnesses again, by formulas written anew for tables.

Nothing here calls the judges, the objectives or the search: only NumPy, dense matrices, and the data. It is
slow and short on purpose, so that it can be read, and disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import final

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.findings import Certificate, Finding
from lowland.core.status import Verdict

# numbers that were computed twice agree to this, relative
AGREE = 1e-6
# largest number of parameters whose Jacobian is formed
LARGEST = 2000


class Outcome(Enum):
    """What came of checking one finding."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    NOT_CHECKED = "not checked"


@final
@dataclass(frozen=True)
class Check:
    """One finding checked: the outcome, and what was compared."""

    claim: str
    outcome: Outcome
    words: str


@final
@dataclass(frozen=True, eq=False)
class TableProblem:
    """A completion problem and a point of it, as plain arrays.

    Parameters
    ----------
    rows, columns : ndarray of int, shape (p,)
    y, weights : ndarray, shape (p,)
    u : ndarray, shape (m, r)
    v : ndarray, shape (n, r)
    row_biases, column_biases : ndarray, shape (m,) and (n,)
    offset : float
    biases : bool
        Whether row, column and global biases are fitted.
    penalty : float
        Of the nuclear norm.
    bias_penalty : float
        Ridge on row and column biases.
    penalty_weights : {"uniform", "counts"}
        Whether both count a row or column by its number of cells over the mean.
    """

    rows: Indices
    columns: Indices
    y: Vector
    weights: Vector
    u: Matrix
    v: Matrix
    row_biases: Vector
    column_biases: Vector
    offset: float
    biases: bool
    penalty: float
    bias_penalty: float = 0.0
    penalty_weights: str = "uniform"

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the table."""
        return len(self.u), len(self.v)

    def matrix(self) -> Matrix:
        """Return all predictions."""
        biases = self.row_biases[:, None] + self.column_biases + self.offset
        return np.asarray(self.u @ self.v.T + biases)

    def residual(self) -> Vector:
        """Return predictions minus data."""
        low_rank = np.sum(self.u[self.rows] * self.v[self.columns], axis=1)
        biases = self.row_biases[self.rows] + self.column_biases[self.columns] + self.offset
        return np.asarray(low_rank + biases - self.y)

    def objective(self) -> float:
        """Return the data term plus half the penalties times the squares of factors and biases."""
        a, b = self.side_weights()
        squares = np.sum(a * np.sum(self.u**2, axis=1)) + np.sum(b * np.sum(self.v**2, axis=1))
        biases = np.sum(a * self.row_biases**2) + np.sum(b * self.column_biases**2)
        paid = self.penalty * squares + self.bias_penalty * biases
        return float(0.5 * np.sum(self.weights * self.residual() ** 2) + 0.5 * paid)

    def side_weights(self) -> tuple[Vector, Vector]:
        """Return how often the penalties count each row, and each column."""
        (m, n), p = self.shape, self.y.size
        if self.penalty_weights == "uniform":
            return np.ones(m), np.ones(n)
        counts = np.bincount(self.rows, minlength=m), np.bincount(self.columns, minlength=n)
        return np.maximum(counts[0], 1) * m / p, np.maximum(counts[1], 1) * n / p

    def scatter(self, numbers: Vector) -> Matrix:
        """Return the matrix with the numbers at the observed cells, repeats summed."""
        out = np.zeros(self.shape)
        np.add.at(out, (self.rows, self.columns), numbers)
        return out


def recheck(certificate: Certificate, problem: TableProblem) -> tuple[Check, ...]:
    """Check every finding of a certificate against data and point.

    Parameters
    ----------
    certificate : Certificate
    problem : TableProblem

    Returns
    -------
    tuple of Check
        CONTRADICTED names the number that differs. Numerical evidence that is not a proof is not
        checked, nor is what would need matrices that are too large.
    """
    checks = []
    for finding in certificate:
        check = _CHECKS.get(finding.claim, _skip)
        checks.append(check(finding, problem))
    return tuple(checks)


def _skip(finding: Finding, problem: TableProblem) -> Check:
    return Check(finding.claim, Outcome.NOT_CHECKED, "no second way to check this is known")


def _agree(finding: Finding, stated: float | None, found: float, words: str) -> Check:
    if stated is not None and np.isclose(stated, found, rtol=AGREE, atol=1e-12):
        return Check(finding.claim, Outcome.CONFIRMED, f"{words}: {found:.6g}")
    return Check(finding.claim, Outcome.CONTRADICTED, f"{words}: {stated} stated, {found:.9g} found")


def _check_stationary(finding: Finding, problem: TableProblem) -> Check:
    weighted = problem.weights * problem.residual()
    slope, (by_row, by_column) = problem.scatter(weighted), problem.side_weights()
    parts = [
        slope @ problem.v + problem.penalty * by_row[:, None] * problem.u,
        slope.T @ problem.u + problem.penalty * by_column[:, None] * problem.v,
    ]
    if problem.biases:
        parts.append(slope.sum(axis=1) + problem.bias_penalty * by_row * problem.row_biases)
        parts.append(slope.sum(axis=0) + problem.bias_penalty * by_column * problem.column_biases)
        parts.append(np.array([slope.sum()]))
    size = float(np.sqrt(sum(np.sum(part**2) for part in parts)))
    unfitted = problem.scatter(problem.weights * (problem.y - np.average(problem.y, weights=problem.weights)))
    scale = float(np.hypot(np.linalg.norm(unfitted @ problem.v), np.linalg.norm(unfitted.T @ problem.u)))
    words = f"gradient {size:.2g}, beside {scale:.2g} with nothing fitted"
    claimed = finding.verdict is Verdict.SUPPORTED
    tolerance = finding.tolerance if finding.tolerance is not None else 1e-6
    small = size <= 10 * tolerance * scale + 1e-12
    if claimed == small or finding.verdict is Verdict.INCONCLUSIVE:
        return Check(finding.claim, Outcome.CONFIRMED, words)
    return Check(finding.claim, Outcome.CONTRADICTED, words)


def _check_optimal(finding: Finding, problem: TableProblem) -> Check:
    if "left" in finding.witness:
        return _check_descent(finding, problem)
    if "misfit" in finding.witness:
        worst = float(np.max(np.abs(problem.residual()) / np.maximum(np.abs(problem.y), 1e-300), initial=0.0))
        good = worst <= 1e-9 or finding.verdict is not Verdict.PROVED
        return Check(
            finding.claim,
            Outcome.CONFIRMED if good else Outcome.CONTRADICTED,
            f"largest residual {worst:.2g} of its datum",
        )
    if "objective" not in finding.witness or min(problem.shape) > LARGEST or not problem.penalty:
        return Check(finding.claim, Outcome.NOT_CHECKED, "no gap is stated, or its matrix is too large")
    value = problem.objective()
    stated = float(finding.witness["objective"])
    if finding.claim == "globally_optimal" and not np.isclose(stated, value, rtol=AGREE):
        return _agree(finding, stated, value, "objective")
    bound = _dual_bound(problem)
    gap = (value - bound) / value if value > 0 else 0.0
    words = f"objective {value:.6g}, lower bound {bound:.6g}, gap {gap:.2g} of it"
    claimed = finding.value if finding.value is not None else np.inf
    # another route to the dual vector: its bound may be a little worse, never much
    good = finding.verdict is not Verdict.PROVED or gap <= claimed + 1e-6 + 0.05 * claimed
    apart = finding.witness.get("fitted_distance")
    needed = max(0.95 * (value - bound) - 1e-6 * value, 0.0)
    if apart is not None and apart < 2 * np.sqrt(2 * needed / problem.weights.sum()):
        return Check(finding.claim, Outcome.CONTRADICTED, f"fitted values within {apart:.3g}: {words}")
    if finding.verdict is Verdict.PROVED and not claimed <= (finding.tolerance or 0.0):
        return Check(finding.claim, Outcome.CONTRADICTED, f"PROVED with a gap of {claimed:.3g}: {words}")
    return Check(finding.claim, Outcome.CONFIRMED if good else Outcome.CONTRADICTED, words)


def _dual_bound(problem: TableProblem) -> float:
    """Return a lower bound on the convex problem from the residual with biases refitted."""
    m, n = problem.shape
    y = problem.y - np.sum(problem.u[problem.rows] * problem.v[problem.columns], axis=1)
    fitted, (by_row, by_column) = np.zeros_like(y), problem.side_weights()
    if problem.biases:  # weighted least squares in row, column and global biases by its normal equations
        size, w = m + n + 1, problem.weights
        columns = (problem.rows, m + problem.columns, np.full(y.size, m + n))
        gram, right = np.zeros((size, size)), np.zeros(size)
        for a in columns:
            np.add.at(right, a, w * y)
            for b in columns:
                np.add.at(gram, (a, b), w)
        held = problem.bias_penalty * np.concatenate([by_row, by_column])
        gram[np.arange(m + n), np.arange(m + n)] += held
        solution = np.linalg.lstsq(gram, right, rcond=None)[0]
        fitted = sum(solution[k] for k in columns)
    nu = problem.weights * (y - fitted)
    scattered = problem.scatter(nu)
    norm = float(np.linalg.norm(scattered / np.sqrt(np.outer(by_row, by_column)), 2))
    square = float(np.sum(nu**2 / problem.weights))
    if problem.bias_penalty:
        sums = np.sum(scattered.sum(axis=1) ** 2 / by_row) + np.sum(scattered.sum(axis=0) ** 2 / by_column)
        square += float(sums) / problem.bias_penalty
    if not (norm > 0 and square > 0):
        return 0.0
    linear = float(problem.y @ nu)
    scale = min(max(linear / square, 0.0), problem.penalty / norm)
    return scale * linear - 0.5 * scale**2 * square


def _check_descent(finding: Finding, problem: TableProblem) -> Check:
    """Add the rank-one matrix, which must lower the convex objective."""
    left, right = (np.asarray(finding.witness[side], dtype=float) for side in ("left", "right"))
    step = float(finding.witness["length"]) * left[problem.rows] * right[problem.columns]
    before, residual = problem.objective(), problem.residual()
    matrix = problem.u @ problem.v.T
    by_row, by_column = problem.side_weights()
    changed = matrix + float(finding.witness["length"]) * np.outer(left, right)
    nuclear = float(np.linalg.norm(changed * np.sqrt(np.outer(by_row, by_column)), "nuc"))
    biases = np.sum(by_row * problem.row_biases**2) + np.sum(by_column * problem.column_biases**2)
    after = 0.5 * float(np.sum(problem.weights * (residual + step) ** 2))
    after += problem.penalty * nuclear + 0.5 * problem.bias_penalty * float(biases)
    good = after < before
    words = f"the matrix attached has the objective {after:.9g}, the point {before:.9g}"
    return Check(finding.claim, Outcome.CONFIRMED if good else Outcome.CONTRADICTED, words)


def _check_curvature(finding: Finding, problem: TableProblem) -> Check:
    if "direction" not in finding.witness:
        return Check(finding.claim, Outcome.NOT_CHECKED, "numerical evidence, not a proof")
    direction = np.asarray(finding.witness["direction"], dtype=float)
    sizes = [problem.u.size, problem.v.size, *((*problem.shape, 1) if problem.biases else ())]
    if direction.size != sum(sizes):
        return Check(finding.claim, Outcome.CONTRADICTED, f"direction of {direction.size} numbers")
    parts = np.split(direction, np.cumsum(sizes)[:-1])

    def moved(step: float) -> float:
        point = replace(
            problem,
            u=problem.u + step * parts[0].reshape(problem.u.shape),
            v=problem.v + step * parts[1].reshape(problem.v.shape),
            row_biases=problem.row_biases + (step * parts[2] if problem.biases else 0.0),
            column_biases=problem.column_biases + (step * parts[3] if problem.biases else 0.0),
            offset=problem.offset + (step * float(parts[4][0]) if problem.biases else 0.0),
        )
        return point.objective()

    step = 1e-3 * float(np.sqrt(np.sum(problem.u**2) + np.sum(problem.v**2)) or 1.0)
    curvature = (moved(step) + moved(-step) - 2 * moved(0.0)) / step**2
    good = curvature < 0 or finding.verdict is not Verdict.REFUTED
    words = f"curvature {curvature:.3g} along the direction attached"
    return Check(finding.claim, Outcome.CONFIRMED if good else Outcome.CONTRADICTED, words)


def _check_pair(finding: Finding, problem: TableProblem) -> Check:
    """Compare two matrices that both reproduce the data, or one that has the predictions of the point."""
    sides = ("left", "right", "other_left", "other_right")
    if finding.verdict is not Verdict.REFUTED or "left" not in finding.witness:
        return Check(finding.claim, Outcome.NOT_CHECKED, "rests on the pattern, or on a matrix too large")
    found = [np.asarray(finding.witness[side], dtype=float) for side in sides if side in finding.witness]
    one = found[0] @ found[1].T
    other = found[2] @ found[3].T if len(found) == 4 else problem.matrix()
    off = float(np.abs((one - other)[problem.rows, problem.columns]).max(initial=0.0))
    apart, size = float(np.linalg.norm(one - other)), float(np.linalg.norm(other))
    good = off <= 1e-8 * size and apart > 1e-7 * size
    words = f"two matrices {apart:.3g} apart, whose observed cells differ by {off:.1g}"
    return Check(finding.claim, Outcome.CONFIRMED if good else Outcome.CONTRADICTED, words)


def _check_determined(finding: Finding, problem: TableProblem) -> Check:
    """Compare with the rank of the Jacobian at random factors, in floating point."""
    (m, n), r = problem.shape, problem.u.shape[1]
    width = (m + n) * r + (m + n + 1) * problem.biases
    if width > LARGEST or finding.verdict is Verdict.INCONCLUSIVE:
        return Check(finding.claim, Outcome.NOT_CHECKED, "not decided, or a Jacobian that is too large")
    rng = np.random.default_rng(1)
    u, v = rng.standard_normal((m, r)), rng.standard_normal((n, r))
    cells = np.unique(problem.rows * n + problem.columns)
    gram = np.zeros((width, width))
    full = np.zeros((width, width))
    for target, some in ((gram, cells), (full, np.arange(m * n))):
        jacobian = np.zeros((some.size, width))
        at = np.arange(some.size)
        i, j = some // n, some % n
        for k in range(r):
            jacobian[at, i * r + k] = v[j, k]
            jacobian[at, m * r + j * r + k] = u[i, k]
        if problem.biases:
            base = (m + n) * r
            jacobian[at, base + i] = jacobian[at, base + m + j] = jacobian[at, base + m + n] = 1.0
        target += jacobian.T @ jacobian
    ranks = [int(np.sum((e := np.linalg.eigvalsh(g)) > 1e-9 * e[-1])) for g in (gram, full)]
    determined = ranks[0] == ranks[1]
    good = determined == (finding.verdict is Verdict.PROVED)
    words = f"rank {ranks[0]} of {ranks[1]} at random factors"
    return Check(finding.claim, Outcome.CONFIRMED if good else Outcome.CONTRADICTED, words)


_CHECKS = {
    "stationary": _check_stationary,
    "second_order_stationary": _check_curvature,
    "strict_local_minimum": _check_curvature,
    "globally_optimal": _check_optimal,
    "convex_optimal": _check_optimal,
    "locally_unique": _check_pair,
    "determined_by_data": _check_determined,
    "uniquely_determined": _check_pair,
}
