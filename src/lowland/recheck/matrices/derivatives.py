"""Jacobian, Hessian and gauge of a plain problem as dense matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.complex_views import as_reals
from lowland.recheck.matrices.problem import MatrixProblem
from lowland.recheck.plain_fit import PlainFit

Progress = Callable[[str], None]
# largest point whose Hessian or Jacobian is formed and decomposed, and numbers of a Jacobian
MOST_UNKNOWNS, MOST_JACOBIAN = 4000, 100_000_000
# step of differences, as a fraction of the point's size per coordinate
STEP = 1e-2


def is_jacobian_formed(problem: MatrixProblem, most: int = MOST_UNKNOWNS) -> bool:
    """Whether a Jacobian of the problem is small enough to be formed."""
    sparse = problem.cells is not None and not problem.is_psd
    fits = sparse or problem.y.size * problem.size <= MOST_JACOBIAN
    return problem.is_formed and problem.size <= most and fits


def jacobian(problem: MatrixProblem) -> Matrix:
    """Return the derivative of the predictions in the real coordinates of a point, shape (p, size)."""
    if problem.is_psd:
        unit = problem.scaled_factor
        both = _side(problem, unit, right=True) + _side(problem, unit, right=False)
        if not problem.has_unit_trace:
            return both
        along = as_reals(np.ascontiguousarray(unit))
        length = float(np.linalg.norm(problem.u)) or np.inf
        return np.asarray((both - np.outer(both @ along, along)) / length)
    parts = [_side(problem, problem.v, right=True), _side(problem, problem.u, right=False)]
    for side in ("row", "column", "global"):
        if side in problem.free:
            parts.append(_bias_columns(problem, side))
    return np.hstack(parts)


def _side(problem: MatrixProblem, other: Matrix, *, right: bool) -> Matrix:
    """Return the derivative in one factor; `other` is the one that it multiplies."""
    count, r = problem.y.size, problem.rank
    length = problem.shape[0 if right else 1]
    if problem.cells is not None:
        lines, partner = problem.cells if right else problem.cells[::-1]
        values = other[partner].conj() if right else other[partner]
        out = np.zeros((count, length * r), values.dtype)
        for k in range(r):
            out[np.arange(count), lines * r + k] = values[:, k]
    else:
        assert problem.matrices is not None
        turned = problem.matrices if right else problem.matrices.transpose(0, 2, 1)
        out = (turned @ (other.conj() if right else other)).reshape(count, length * r)
    if not problem.is_complex:
        return np.asarray(out.real)
    # i times an entry of U adds i times its measurement, i times one of V, which is conjugated, takes it off
    pair = (out.real, -out.imag if right else out.imag)
    return np.stack(pair, axis=-1).reshape(count, -1)


def _bias_columns(problem: MatrixProblem, side: str) -> Matrix:
    """Return the derivative in the biases of one side."""
    m, n = problem.shape
    if problem.cells is not None:
        if side == "global":
            return np.ones((problem.y.size, 1))
        lines, length = (problem.cells[0], m) if side == "row" else (problem.cells[1], n)
        return np.asarray((lines[:, None] == np.arange(length)).astype(float))
    assert problem.matrices is not None
    sums = {"row": (2,), "column": (1,), "global": (1, 2)}[side]
    return np.asarray(problem.matrices.real.sum(axis=sums).reshape(problem.y.size, -1))


def gram(problem: MatrixProblem, bend: Vector) -> Matrix:
    """Return J^T diag(bend) J, for observed cells without forming J."""
    if problem.cells is None or problem.is_psd or problem.is_complex:
        derivative = jacobian(problem)
        return np.asarray(derivative.T @ (bend[:, None] * derivative))
    (i, j), (m, n), r = problem.cells, problem.shape, problem.rank
    # the coordinates that a cell depends on, and its derivative in each
    terms = [(i * r + k, problem.v[j, k]) for k in range(r)]
    terms += [(m * r + j * r + k, problem.u[i, k]) for k in range(r)]
    start, ones = (m + n) * r, np.ones(i.size)
    for side, lines, length in (("row", i, m), ("column", j, n), ("global", 0 * i, 1)):
        if side in problem.free:
            terms.append((start + lines, ones))
            start += length
    out = np.zeros((start, start))
    for a, by_a in terms:
        for b, by_b in terms:
            np.add.at(out, (a, b), bend * by_a * by_b)
    return out


def hessian(problem: MatrixProblem, progress: Progress | None = None) -> Matrix:
    """Return the Hessian of the objective.

    The curvature of the losses goes through the Jacobian; the rest is a polynomial gradient with the slopes
    held fixed, differenced exactly but for rounding.
    """
    bend = problem.weights * problem.losses.each("curvature", problem.predictions(), problem.y)
    out = gram(problem, bend)
    if not (problem.has_unit_trace or problem.balancing or problem.is_complex):
        return out + _fixed_slopes(problem)
    return with_fixed_slopes(out, problem, progress)


def with_fixed_slopes(out: Matrix, problem: PlainFit, progress: Progress | None) -> Matrix:
    """Add to a matrix the derivative of a gradient with the slopes of the losses held fixed."""
    slopes, point = problem.slopes, problem.point()

    def fixed(theta: Vector) -> Vector:
        moved = problem.at(theta)
        return np.asarray(moved.pull(slopes) + moved.penalty_gradient())

    for k, column in enumerate(differences(fixed, point)):
        out[:, k] += column
        if progress is not None and k % 100 == 0:
            progress(f"Hessian, column {k} of {point.size}")
    return np.asarray((out + out.T) / 2)


def _fixed_slopes(problem: MatrixProblem) -> Matrix:
    """Return the derivative of a real problem's gradient with the slopes of the losses held fixed."""
    mixed, r, (m, n) = problem.spread(problem.slopes), problem.rank, problem.shape
    a, b = problem.side_weights
    if problem.is_psd:
        return np.asarray(np.kron(mixed + mixed.T, np.eye(r)) + 2 * problem.penalty * np.eye(n * r))
    ridges = [problem.penalty * np.repeat(a, r), problem.penalty * np.repeat(b, r)]
    ridges += [problem.bias_penalty * w for side, w in (("row", a), ("column", b)) if side in problem.free]
    ridges += [np.zeros(1)] if "global" in problem.free else []
    out = np.diag(np.concatenate(ridges))
    crossed = np.kron(mixed, np.eye(r))
    out[: m * r, m * r : (m + n) * r] += crossed
    out[m * r : (m + n) * r, : m * r] += crossed.T
    return out


def differences(function: Callable[[Vector], Vector], point: Vector) -> Iterator[Vector]:
    """Yield the derivatives of a function along each coordinate; exact, but for rounding, for cubics."""
    step = STEP * (float(np.linalg.norm(point)) / np.sqrt(point.size) or 1.0)
    for k in range(point.size):
        moved = [point.copy() for _ in range(4)]
        for theta, multiple in zip(moved, (1, -1, 2, -2), strict=True):
            theta[k] += multiple * step
        ahead, behind, far, back = (function(theta) for theta in moved)
        yield (8 * (ahead - behind) - (far - back)) / (12 * step)


def gauge(problem: MatrixProblem, *, penalised: bool = True) -> Matrix:
    """Return an orthonormal basis of directions that leave the matrix, and the penalties, unchanged.

    Parameters
    ----------
    problem : MatrixProblem
    penalised : bool
        Whether the penalties count; otherwise only the matrix.
    """
    u, r, (m, n) = problem.u, problem.rank, problem.shape
    linear = not (penalised and (problem.penalty or problem.balancing))
    units: list[Matrix] = [np.outer(a, b) for a in np.eye(r) for b in np.eye(r)]
    units += [1j * unit for unit in units] if problem.is_complex else []
    skew = [k - k.conj().T for k in units]
    zero = {"u": 0 * u, "v": 0 * problem.v, "row": np.zeros(m), "column": np.zeros(n), "global": 0.0}
    moves: list[dict[str, object]] = []
    if problem.is_psd:
        moves = [{"u": u @ k} for k in skew]
        if problem.has_unit_trace:
            moves.append({"u": u})
    else:
        moves = [{"u": u @ k, "v": -problem.v @ k.conj().T} for k in (units if linear else skew)]
        moves += _bias_moves(problem, linear=linear, penalised=penalised)
    columns = [_packed(problem, zero | move) for move in moves]
    if not columns:
        return np.zeros((problem.size, 0))
    basis, s, _ = np.linalg.svd(np.stack(columns, axis=1), full_matrices=False)
    return np.asarray(basis[:, s > 1e-10 * max(s[0], np.finfo(float).tiny)])


def _bias_moves(problem: MatrixProblem, *, linear: bool, penalised: bool) -> list[dict[str, object]]:
    """Return exchanges of biases with each other, and with factors where nothing holds these."""
    (m, n), free = problem.shape, set(problem.free)
    if penalised and problem.bias_penalty:
        return []
    moves: list[dict[str, object]] = []
    if {"row", "column"} <= free:
        moves.append({"row": np.ones(m), "column": -np.ones(n)})
    if "global" in free:
        moves += [
            {side: np.ones(length), "global": -1.0}
            for side, length in (("row", m), ("column", n))
            if side in free
        ]
    if linear:
        for k in range(problem.rank):
            unit = np.eye(problem.rank)[k]
            if "row" in free:
                moves.append({"v": np.outer(np.ones(n), unit), "row": -problem.u[:, k]})
            if "column" in free:
                moves.append({"u": np.outer(np.ones(m), unit), "column": -problem.v[:, k]})
    return moves


def _packed(problem: MatrixProblem, move: dict[str, object]) -> Vector:
    parts = [as_reals(np.ascontiguousarray(np.asarray(move["u"], problem.u.dtype)))]
    if not problem.is_psd:
        parts.append(as_reals(np.ascontiguousarray(np.asarray(move["v"], problem.u.dtype))))
    parts += [
        np.atleast_1d(np.asarray(move[s], float)) for s in ("row", "column", "global") if s in problem.free
    ]
    return np.concatenate(parts)


def spectrum_off(matrix: Matrix, basis: Matrix) -> tuple[Vector, Matrix]:
    """Return the eigenvalues of a symmetric matrix on the complement of a basis, and their vectors."""
    whole = np.linalg.qr(basis, mode="complete")[0] if basis.shape[1] else np.eye(len(matrix))
    rest = whole[:, basis.shape[1] :]
    values, vectors = np.linalg.eigh(rest.T @ matrix @ rest)
    return values, rest @ vectors
