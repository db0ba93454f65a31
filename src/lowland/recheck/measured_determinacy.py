"""Whether measurements determine the matrix, derived again from the measuring matrices."""

from __future__ import annotations

import numpy as np

from lowland.core.status import Rigour, Verdict
from lowland.core.verification import Check
from lowland.recheck.derivatives import gauge, gram, spectrum_off
from lowland.recheck.determinacy_words import (
    DEFICIENT,
    EVERY_MATRIX,
    FEW_MEASUREMENTS,
    FULL,
    GENERIC,
    LAST_DIGITS,
    PRIMES_USUAL,
    UNIQUE,
    UNSEEN,
    WHOLE,
    say_lines,
)
from lowland.recheck.lines import seen_cells
from lowland.recheck.matrix_problem import MatrixProblem
from lowland.recheck.modular_rank import (
    PRIMES,
    Residues,
    generic_rank,
    is_affordable,
    matrices_jacobian,
    rank,
    residues,
)
from lowland.recheck.statement import Statement


def check_operator(said: Statement, problem: MatrixProblem) -> Check:
    """Compare what is said of measuring matrices, but for a refuted uniqueness."""
    freedom, size = problem.freedom, problem.y.size
    if said.verdict is Verdict.SUPPORTED:
        said.fault("nothing supports this claim: it is proved, refuted or open")
        return said.settle("")
    if said.finding.claim == UNIQUE:
        return _check_every_matrix(said, problem)
    said.close("tolerance", 0.0)
    for name in ("bound", "expected"):
        said.close(name, float(freedom))
    said.is_empty("rank")
    if said.verdict is Verdict.REFUTED and said.says(
        FEW_MEASUREMENTS, {"size": float(size), "freedom": float(freedom)}
    ):
        said.require(size < freedom, f"{size} measurements are enough for {freedom} degrees of freedom")
        for name in ("value", "rank"):
            said.close(name, float(size))
        said.rigour(Rigour.RIGOROUS)
        said.assume((GENERIC,))
        return said.settle(f"{size} measurements, {freedom} degrees of freedom")
    if said.verdict is Verdict.REFUTED and said.method.endswith(UNSEEN):
        return _check_unseen(said, problem)
    return _check_operator_rank(said, problem)


def _check_operator_rank(said: Statement, problem: MatrixProblem) -> Check:
    """Compare the rank of the Jacobian at almost all points."""
    freedom, found = problem.freedom, operator_rank(problem)
    if found is None:
        return said.settle_unchecked("no exact Jacobian of these measurements is formed here")
    for name in ("value", "rank"):
        if name in said.unread:
            said.close(name, float(found[0]))
    if said.is_open:
        said.require(said.says(LAST_DIGITS), "words that nothing here derives")
        said.require(found[0] == freedom, f"the Jacobian has rank {found[0]} of {freedom}")
        share = _smallest_share(problem)
        said.require(share <= 1e-5, f"the smallest singular value is {share:.2g} of the largest")
        said.rigour(Rigour.ESTIMATE)
        said.assume()
    elif said.verdict is Verdict.PROVED:
        said.require(said.says(FULL), "words that nothing here derives")
        said.require(found[0] == freedom, f"the Jacobian has rank {found[0]} of {freedom}")
        said.rigour(Rigour.RIGOROUS)
        said.assume((GENERIC,))
    else:
        good = said.says(DEFICIENT, {"rank": float(found[0]), "freedom": float(freedom)})
        said.require(good, "words that nothing here derives")
        said.require(found[0] < freedom, f"the Jacobian has full rank {freedom}")
        said.at_least("failure_probability", found[1])
        said.rigour(Rigour.PROBABILISTIC)
        said.assume((GENERIC, PRIMES_USUAL))
    return said.settle(f"rank {found[0]} of {freedom}")


def _smallest_share(problem: MatrixProblem) -> float:
    """Return the smallest over the largest singular value of the Jacobian at random factors."""
    moved = problem.at(np.random.default_rng(5).standard_normal(problem.size)).balanced()
    values, _ = spectrum_off(gram(moved, np.ones(problem.y.size)), gauge(moved, penalised=False))
    return float(np.sqrt(max(values[0], 0.0) / values[-1])) if values.size and values[-1] > 0 else 0.0


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
        found = generic_rank(of_cells, i.size + beside, n * r, problem.freedom + beside)
        return None if found is None else (max(found[0] - beside, 0), found[1])
    if problem.matrices is None or not problem.exact:
        return None
    matrices, r, beside = problem.matrices, problem.rank, int(problem.has_unit_trace)
    found = generic_rank(
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
    return None if found is None else (max(found[0] - beside, 0), found[1])


def _check_unseen(said: Statement, problem: MatrixProblem) -> Check:
    """Compare the rows and columns that no measurement involves."""
    if problem.matrices is None and problem.cells is None:
        return said.settle_unchecked("the measurements are too large to be formed here")
    if problem.matrices is not None:
        used = np.any(problem.matrices != 0, axis=0)
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
    said.unread.discard("method")
    said.require(said.method == say_lines(rows.size, columns.size) + UNSEEN, "other lines than those found")
    said.is_empty("rank")
    said.rigour(Rigour.PROBABILISTIC)
    said.assume((GENERIC, PRIMES_USUAL))
    return said.settle(f"{rows.size} rows and {columns.size} columns are in no measurement")


def _check_every_matrix(said: Statement, problem: MatrixProblem) -> Check:
    """Compare a proof that the measurements determine every matrix."""
    said.rigour(Rigour.RIGOROUS)
    said.assume()
    if said.says(WHOLE):
        full = problem.cells is not None and seen_cells(problem.cells, problem.shape).all()
        said.require(bool(full), "not every cell is observed")
        return said.settle("every cell is observed")
    said.require(
        said.verdict is Verdict.PROVED and said.says(EVERY_MATRIX), "words that nothing here derives"
    )
    table = coordinates(problem, PRIMES[0])
    if table is None or not is_affordable(len(table), table.shape[1]):
        return said.settle_unchecked("the exact rank of these measurements is not computed here")
    found = rank(table, PRIMES[0])
    said.require(found == table.shape[1], f"the measurements have rank {found} of {table.shape[1]}")
    return said.settle(f"rank {found} of {table.shape[1]} on all matrices")


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
