"""Do the data determine the matrix at all, whatever a solver found?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lowland.certify.exact import pattern_rank
from lowland.core.arrays import Indices
from lowland.core.findings import Finding
from lowland.core.records import ObservedPattern
from lowland.core.status import Rigour, Verdict
from lowland.kernels import modular

GENERIC = "generic values of the factors (all but a set of measure zero)"
LISTED_CELLS = 10_000


def judge_identifiability(objective: Any, *, largest: int, rng: np.random.Generator) -> list[Finding]:
    """Judge whether the measurements determine a matrix of this rank.

    Parameters
    ----------
    objective : Objective
        A recovery objective; only its measurement, rank and data (are they zero?) are used.
    largest : int
        Most unknowns of an exact rank computation.
    rng : numpy.random.Generator
        For the integer points.

    Returns
    -------
    list of Finding
        On ``determined_by_data`` (finitely many matrices) and ``uniquely_determined``.
    """
    pattern = objective.observed_pattern
    if pattern is not None:
        finite = judge_pattern(pattern, largest=largest, rng=rng)
        nonzero = bool(np.all(objective.y != 0))
        return [finite, _unique_pattern(pattern, finite, nonzero)]
    finite = _judge_operator(objective, largest, rng)
    return [finite, _unique_operator(objective, finite, largest)]


def judge_pattern(pattern: ObservedPattern, *, largest: int, rng: np.random.Generator) -> Finding:
    """Judge whether the seen entries leave finitely many matrices of the rank."""
    claim = "determined_by_data"
    m, n = pattern.shape
    seen = distinct_cells(pattern)
    cells = seen.size
    expected = pattern.degrees_of_freedom
    if cells == m * n:
        return _proved(claim, expected, "every cell is observed", ())
    short = _short_lines(pattern, seen)
    if cells < expected or short[0].size or short[1].size:
        words = f"{_say_lines(short)} with fewer observations than unknowns of their own"
        if cells < expected:
            words = f"{cells} cells for {expected} degrees of freedom"
        finding = _refuted(claim, cells if cells < expected else None, expected, words, Rigour.RIGOROUS)
    else:
        finding = None
    if min(m, n) * (pattern.rank + 1) > largest:
        if finding is not None:
            return _with_witness(finding, short, None)
        method = f"the exact rank of {min(m, n) * pattern.rank} unknowns is beyond the budget of {largest}"
        return Finding(claim, Verdict.INCONCLUSIVE, method=method)
    result = pattern_rank(pattern, rng)
    if result.rank == result.expected:
        return _proved(claim, result.rank, "full rank of the Jacobian modulo a prime", (GENERIC,))
    if finding is not None:
        finding = replace(finding, value=float(result.rank))
    else:
        words = f"the Jacobian lacks {result.expected - result.rank} of {result.expected} modulo two primes"
        finding = _refuted(claim, result.rank, expected, words, Rigour.PROBABILISTIC)
        finding.witness["failure_probability"] = result.failure_probability
    return _with_witness(finding, short, result.undetermined)


def distinct_cells(pattern: ObservedPattern) -> Indices:
    """Return the seen cells as ascending numbers row * n + column, each once."""
    cells = np.sort(pattern.rows * pattern.shape[1] + pattern.columns)
    first = np.ones(cells.size, dtype=bool)
    first[1:] = cells[1:] != cells[:-1]
    return cells[first]


def _short_lines(pattern: ObservedPattern, seen: Indices) -> tuple[Indices, Indices]:
    """Return rows and columns with fewer observations than they have unknowns of their own."""
    m, n = pattern.shape
    # a row of an r-dimensional row space has min(r, n) unknowns, and its bias
    for_row = min(pattern.rank + ("row" in pattern.biases), n)
    for_column = min(pattern.rank + ("column" in pattern.biases), m)
    by_row, by_column = np.bincount(seen // n, minlength=m), np.bincount(seen % n, minlength=n)
    return np.flatnonzero(by_row < for_row), np.flatnonzero(by_column < for_column)


def _say_lines(lines: tuple[Indices, Indices]) -> str:
    """Return for instance "3 rows and 2 columns"."""
    named = zip(lines, ("rows", "columns"), strict=True)
    return " and ".join(f"{len(some)} {name}" for some, name in named if len(some))


def _proved(claim: str, rank: int, method: str, assumptions: tuple[str, ...]) -> Finding:
    return Finding(
        claim,
        Verdict.PROVED,
        float(rank),
        float(rank),
        0.0,
        assumptions,
        method,
        Rigour.RIGOROUS,
        witness={"rank": rank},
    )


def _refuted(claim: str, rank: int | None, expected: int, method: str, rigour: Rigour) -> Finding:
    assumptions: tuple[str, ...] = (GENERIC,)
    if rigour is Rigour.PROBABILISTIC:
        assumptions = (GENERIC, "two primes that are not exceptional")
    return Finding(
        claim,
        Verdict.REFUTED,
        None if rank is None else float(rank),
        float(expected),
        0.0,
        assumptions,
        method,
        rigour,
        witness={"rank": rank, "expected": expected},
    )


def _with_witness(finding: Finding, short: tuple[Indices, Indices], open_cells: Any) -> Finding:
    finding.witness["short_rows"], finding.witness["short_columns"] = short
    if open_cells is not None:
        cells = np.argwhere(open_cells)
        finding.witness["open_cell_count"] = len(cells)
        finding.witness["open_cells"] = cells[:LISTED_CELLS]
    return finding


def _unique_pattern(pattern: ObservedPattern, finite: Finding, nonzero: bool) -> Finding:
    claim = "uniquely_determined"
    m, n = pattern.shape
    if finite.verdict is Verdict.REFUTED:
        return Finding(
            claim, Verdict.REFUTED, assumptions=finite.assumptions, method=finite.method, rigour=finite.rigour
        )
    if distinct_cells(pattern).size == m * n:
        return Finding(claim, Verdict.PROVED, method="every cell is observed", rigour=Rigour.RIGOROUS)
    if pattern.rank == 1 and not pattern.biases and nonzero and _components(pattern) == 1:
        return Finding(
            claim,
            Verdict.PROVED,
            method="rank one, no observed value is zero, and observed cells connect all rows and columns",
            rigour=Rigour.RIGOROUS,
        )
    return Finding(claim, Verdict.INCONCLUSIVE, method="finitely many completions may still be several")


def _components(pattern: ObservedPattern) -> int:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    m, n = pattern.shape
    links = coo_array((np.ones(pattern.rows.size), (pattern.rows, pattern.columns + m)), shape=(m + n, m + n))
    return int(connected_components(links, directed=False)[0])


def _judge_operator(objective: Any, largest: int, rng: np.random.Generator) -> Finding:
    claim = "determined_by_data"
    size, expected = objective.measurement.size, objective.model.degrees_of_freedom
    unseen = unseen_lines(objective, rng)
    if unseen[0].size or unseen[1].size:
        words = f"{_say_lines(unseen)} that no measurement sees"
        finding = _refuted(claim, None, expected, words, Rigour.PROBABILISTIC)
        finding.witness["short_rows"], finding.witness["short_columns"] = unseen
        return finding
    if size < expected:
        words = f"{size} measurements for {expected} degrees of freedom"
        return _refuted(claim, size, expected, words, Rigour.RIGOROUS)
    jacobian = objective.modular_jacobian
    if jacobian is None or objective.size > largest:
        return Finding(claim, Verdict.INCONCLUSIVE, method="no exact Jacobian, or one beyond the budget")
    best = 0
    for prime in modular.PRIMES[:2]:
        best = max(best, int(modular.rank(jacobian.matrix(prime, rng), prime)))
        if best == expected:
            return _proved(claim, best, "full rank of the Jacobian modulo a prime", (GENERIC,))
    words = f"the Jacobian lacks {expected - best} of {expected} modulo two primes"
    finding = _refuted(claim, best, expected, words, Rigour.PROBABILISTIC)
    finding.witness["failure_probability"] = (expected / modular.PRIMES[0]) ** 2
    return finding


def unseen_lines(objective: Any, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Return the rows and columns of the matrix that no measurement sees.

    A random combination of the measuring matrices has a row of zeros only where they all have.
    """
    nothing = np.zeros(0, np.intp)
    if objective.has_unit_trace:  # the trace sees them all
        return nothing, nothing
    operator = objective.adjoint(rng.standard_normal(objective.measurement.size))
    m, n = objective.shape
    by_row = operator.matmat(rng.standard_normal((n, 2)))
    by_column = operator.rmatmat(rng.standard_normal((m, 2)))
    rows, columns = (np.flatnonzero((block == 0).all(axis=1)) for block in (by_row, by_column))
    if objective.structure == "psd":  # X is symmetric: a row is seen where its column is
        rows = columns = np.intersect1d(rows, columns)
    return rows, columns


def _unique_operator(objective: Any, finite: Finding, largest: int) -> Finding:
    claim = "uniquely_determined"
    if finite.verdict is Verdict.REFUTED:
        return Finding(
            claim, Verdict.REFUTED, assumptions=finite.assumptions, method=finite.method, rigour=finite.rigour
        )
    (m, n), symmetric = objective.shape, objective.structure == "psd"
    dimension = n * (n + 1) // 2 if symmetric else m * n
    rows = (
        objective.exact_rows() if objective.measurement.size >= dimension and dimension <= largest else None
    )
    if rows is not None and modular.rank(modular.residues(rows, modular.PRIME), modular.PRIME) == dimension:
        method = "the measurements determine every matrix, low-rank or not: full rank modulo a prime"
        return Finding(claim, Verdict.PROVED, method=method, rigour=Rigour.RIGOROUS)
    return Finding(claim, Verdict.INCONCLUSIVE, method="finitely many solutions may still be several")
