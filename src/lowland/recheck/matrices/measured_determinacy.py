"""Whether measurements determine the matrix, derived again from the measuring matrices."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check
from lowland.recheck.matrices.derivatives import gauge, gram, spectrum_off
from lowland.recheck.matrices.lines import seen_cells
from lowland.recheck.matrices.problem import MatrixProblem
from lowland.recheck.modular_rank import (
    PRIMES,
    Residues,
    generic_rank,
    is_affordable,
    matrices_jacobian,
    rank,
    residues,
)
from lowland.recheck.ranks import LIKELY, UNIQUE, compare_deficient, compare_freedom, compare_full, is_counted
from lowland.recheck.statement import UNKNOWN_WORDS, Statement

# singular values below which a rank may be due to last digits, and what the judges' random points may make of
# them
LAST_SHARE = 1e-6
SMALLEST_PROVED, LARGEST_OPEN = 1e-8, 1e-5


def check_operator(said: Statement, problem: MatrixProblem) -> Check:
    """Compare what is said of measuring matrices, but for a refuted uniqueness."""
    freedom, size = problem.freedom, problem.y.size
    if said.verdict is Verdict.SUPPORTED:
        said.fault("nothing supports this claim: it is proved, refuted or open")
        return said.settle("")
    if said.finding.claim == UNIQUE:
        return _check_every_matrix(said, problem)
    compare_freedom(said, freedom)
    said.is_empty("rank")
    if is_counted(said, "few_measurements", size, freedom):
        return said.settle(f"{size} measurements, {freedom} degrees of freedom")
    if said.verdict is Verdict.REFUTED and said.code == "unseen_lines":
        return _check_unseen(said, problem)
    return _check_operator_rank(said, problem)


def _check_operator_rank(said: Statement, problem: MatrixProblem) -> Check:
    """Compare the rank of the Jacobian at almost all points."""
    freedom, generic = problem.freedom, operator_rank(problem)
    if generic is None:
        return said.settle_unchecked("no exact Jacobian of these measurements is formed here")
    for name in ("value", "rank"):
        if name in said.unread:
            said.close(name, float(generic[0]))
    if said.is_open:
        said.must_say("last_digits")
        said.require(generic[0] == freedom, f"the Jacobian has rank {generic[0]} of {freedom}")
        share = _smallest_share(problem)
        said.require(share <= LARGEST_OPEN, f"the smallest singular value is {share:.2g} of the largest")
        said.rigour(Rigour.ESTIMATE)
        said.assume()
    elif said.verdict is Verdict.PROVED:
        compare_full(said, generic[0], freedom)
        share = 1.0 if problem.matrices is None or _are_whole(problem.matrices) else _smallest_share(problem)
        said.require(
            share >= SMALLEST_PROVED, f"that depends on the last digits: a singular value is {share:.2g}"
        )
    else:
        compare_deficient(said, generic, freedom)
    return said.settle(f"rank {generic[0]} of {freedom}")


def _smallest_share(problem: MatrixProblem) -> float:
    """Return the smallest over the largest singular value of the Jacobian at random factors."""
    if not problem.freedom:
        return 1.0
    moved = problem.at(np.random.default_rng(5).standard_normal(problem.size)).balanced()
    weights = np.ones(problem.y.size)
    if problem.matrices is not None:
        sizes = _sizes(problem.matrices)
        weights = np.where(sizes > 0, sizes, 1.0) ** -2.0
    values, _ = spectrum_off(gram(moved, weights), gauge(moved, penalised=False))
    return float(np.sqrt(max(values[0], 0.0) / max(values[-1], 1.0))) if values.size else 0.0


def operator_rank(problem: MatrixProblem) -> tuple[int, float] | None:
    """Return the generic rank of exact measuring matrices; None if they are computed or too many."""
    if problem.free:
        return None
    if problem.cells is not None and not problem.is_complex:
        i, j = problem.cells
        if not problem.is_psd:
            return None
        (n, _), r = problem.shape, problem.rank

        def of_cells(prime: int, seed: int) -> Residues:
            u = np.random.default_rng(seed).integers(1, prime, (n, r))
            out, at = np.zeros((i.size, n * r), np.int64), np.arange(i.size)
            for k in range(r):
                np.add.at(out, (at, i * r + k), u[j, k])
                np.add.at(out, (at, j * r + k), u[i, k])
            trace = [] if not problem.has_unit_trace else [2 * u.reshape(1, -1)]
            return np.asarray(np.concatenate([out, *trace]) % prime)

        beside = int(problem.has_unit_trace)
        generic = generic_rank(of_cells, i.size + beside, n * r, problem.freedom + beside)
        return None if generic is None else (max(generic[0] - beside, 0), generic[1])
    if problem.matrices is None or not problem.exact:
        return None
    if not problem.is_given:
        # rounded products: their exact rank means nothing, but a rank that is full far beyond rounding stays
        return (problem.freedom, 0.0) if _smallest_share(problem) >= SMALLEST_PROVED else None
    matrices, r, beside = problem.matrices, problem.rank, int(problem.has_unit_trace)
    generic = generic_rank(
        lambda prime, seed: matrices_jacobian(
            matrices,
            r,
            is_psd=problem.is_psd,
            has_unit_trace=problem.has_unit_trace,
            prime=prime,
            seed=seed,
        ),
        len(matrices) + beside,
        problem.size,
        problem.freedom + beside,
    )
    return None if generic is None else (max(generic[0] - beside, 0), generic[1])


def _check_unseen(said: Statement, problem: MatrixProblem) -> Check:
    """Compare the rows and columns that no measurement involves."""
    if problem.matrices is None and problem.cells is None:
        return said.settle_unchecked("the measurements are too large to be formed here")
    if problem.matrices is not None:
        seen = problem.matrices
        if problem.is_psd:  # only the Hermitian part of a matrix measures anything
            seen = seen + seen.conj().transpose(0, 2, 1)
        used = np.any(seen != 0, axis=0)
    else:
        assert problem.cells is not None
        used = seen_cells(problem.cells, problem.shape)
    rows, columns = np.flatnonzero(~used.any(axis=1)), np.flatnonzero(~used.any(axis=0))
    if problem.is_psd:
        rows = columns = np.intersect1d(rows, columns)
    said.positions("short_rows", rows)
    said.positions("short_columns", columns)
    left = (rows.size or columns.size) and not problem.has_unit_trace
    said.require(bool(left), "the measurements, or the trace, involve all rows and columns")
    said.must_say("unseen_lines", lines=[rows.size, columns.size])
    said.is_empty("rank")
    said.rigour(Rigour.PROBABILISTIC)
    said.bounded(problem.exact)
    said.assume(LIKELY)
    return said.settle(f"{rows.size} rows and {columns.size} columns are in no measurement")


def _check_every_matrix(said: Statement, problem: MatrixProblem) -> Check:
    """Compare a proof that the measurements determine every matrix."""
    said.rigour(Rigour.ESTIMATE if said.is_open else Rigour.RIGOROUS)
    said.assume()
    if said.says("every_cell"):
        full = problem.cells is not None and seen_cells(problem.cells, problem.shape).all()
        said.require(bool(full), "not every cell is observed")
        return said.settle(said.own_words)
    if problem.cells is not None and problem.is_psd:
        return _check_every_cell(said, problem)
    table = coordinates(problem, PRIMES[0])
    if table is None or not is_affordable(len(table), table.shape[1]):
        return said.settle_unchecked("the exact rank of these measurements is not computed here")
    exact_rank, share = rank(table, PRIMES[0]), _whole_share(problem)
    if not problem.is_given and share < 0.9 * LAST_SHARE:
        return said.settle_unchecked(
            "these measuring matrices are known but for rounding, which decides here"
        )
    said.require(exact_rank == table.shape[1], f"the measurements have rank {exact_rank} of {table.shape[1]}")
    if said.is_open:
        said.must_say("last_digits")
        said.require(share <= 1.1 * LAST_SHARE, f"the smallest singular value is {share:.2g}")
    else:
        said.require(said.verdict is Verdict.PROVED, UNKNOWN_WORDS)
        said.must_say("every_matrix")
        digits = f"all that depends on the last digits: a singular value is {share:.2g}"
        said.require(share >= 0.9 * LAST_SHARE, digits)
    return said.settle(f"rank {exact_rank} of {table.shape[1]} on all matrices")


def _check_every_cell(said: Statement, problem: MatrixProblem) -> Check:
    """Compare a proof that observed cells, with their mirror images and the trace, are all there are."""
    assert problem.cells is not None
    said.require(said.verdict is Verdict.PROVED, UNKNOWN_WORDS)
    said.must_say("every_matrix")
    seen = seen_cells(problem.cells, problem.shape)
    open_cells = np.argwhere(~np.tril(seen | seen.T) & np.tril(np.ones(problem.shape, bool)))
    by_trace = problem.has_unit_trace and len(open_cells) == 1 and open_cells[0, 0] == open_cells[0, 1]
    said.require(not len(open_cells) or by_trace, f"{len(open_cells)} cells are not observed")
    return said.settle("every cell is observed, or follows from symmetry or the trace")


def _whole_share(problem: MatrixProblem) -> float:
    """Return the smallest singular value on all matrices, for measuring matrices of largest entry one."""
    assert problem.matrices is not None
    if problem.is_given and _are_whole(problem.matrices):
        return 1.0
    sizes = _sizes(problem.matrices)
    scaled = problem.matrices / np.where(sizes > 0, sizes, 1.0)[:, None, None]
    if problem.has_unit_trace:
        scaled = np.concatenate([scaled, np.eye(problem.shape[1], dtype=scaled.dtype)[None]])
    if problem.is_psd:
        scaled = scaled + scaled.conj().transpose(0, 2, 1)
    every = np.nonzero(np.ones(problem.shape))
    i, j = np.tril_indices(problem.shape[0]) if problem.is_psd else every
    parts = [scaled.real[:, i, j]]
    if problem.is_complex:
        i, j = np.tril_indices(problem.shape[0], -1) if problem.is_psd else every
        parts.append(scaled.imag[:, i, j])
    values = np.linalg.svd(np.hstack(parts), compute_uv=False)
    return float(values[-1] / max(values[0], 1.0)) if values.size and len(scaled) >= values.size else 0.0


def _sizes(matrices: Matrix) -> Vector:
    return np.asarray(np.abs(matrices).reshape(len(matrices), -1).max(axis=1, initial=0.0))


def _are_whole(matrices: Matrix) -> bool:
    return bool(np.all(matrices.real % 1 == 0) and np.all(matrices.imag % 1 == 0))


def coordinates(problem: MatrixProblem, prime: int) -> Residues | None:
    """Return exact measuring matrices modulo a prime, as rows of real coordinates; None if not exact.

    Of symmetric and Hermitian matrices only that part of a measuring matrix counts.
    """
    if problem.matrices is None or not problem.exact:
        return None
    given, n = problem.matrices, problem.shape[1]
    if problem.has_unit_trace:
        given = np.concatenate([given, np.eye(n, dtype=given.dtype)[None]])
    parts = [residues(given.real, prime)]
    if problem.is_complex:
        parts.append(residues(given.imag, prime))
    if not problem.is_psd:
        return np.hstack([part.reshape(len(given), -1) for part in parts])
    i, j = np.tril_indices(n)
    whole = [parts[0][:, i, j] + parts[0][:, j, i]]
    if problem.is_complex:
        i, j = np.tril_indices(n, -1)
        whole.append(parts[1][:, i, j] - parts[1][:, j, i])
    return np.asarray(np.hstack(whole) % prime)
