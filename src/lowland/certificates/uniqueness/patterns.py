"""Whether observed entries determine a matrix of this rank: by counting, closure and exact ranks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lowland.certificates.uniqueness.completability import (
    Reach,
    finite_reach,
    unique_reach,
    unknowns_of_lines,
)
from lowland.certificates.uniqueness.exact import pattern_rank, rank_work
from lowland.certificates.uniqueness.identifiability_findings import (
    FINITE,
    GENERIC,
    UNIQUE,
    not_unique,
    proved,
    refuted,
    refuted_by_rank,
)
from lowland.core.arrays import Indices
from lowland.core.results.findings import Finding, undecided
from lowland.core.results.reasons import Reason, because
from lowland.core.results.records import ObservedPattern
from lowland.core.results.status import Rigour, Verdict
from lowland.core.work import UNLIMITED, Budget
from lowland.kernels.connected_components import connected_parts

LISTED_CELLS = 10_000
# largest number of unknowns of a core's columns, if the whole pattern is too large
MOST_CORE_UNKNOWNS = 1500
# most lines, and numbers in equations, per allowed unknown in an exact rank of the whole pattern
LINES, EQUATIONS = 10, 30_000
# largest number of unknowns for trying the whole pattern at once
MOST_UNKNOWNS_AT_ONCE = 400


def judge_pattern(
    pattern: ObservedPattern,
    *,
    nonzero: bool,
    largest: int,
    rng: np.random.Generator,
    budget: Budget = UNLIMITED,
) -> list[Finding]:
    """Judge whether the observed entries leave finitely many matrices of the rank, or one.

    Parameters
    ----------
    pattern : ObservedPattern
    nonzero : bool
        Whether no observed value is zero.
    largest : int
        Largest number of unknowns in an exact rank computation.
    rng : numpy.random.Generator
        For the integer points.
    budget : Budget
        Work that may be spent.

    Returns
    -------
    list of Finding
        On ``determined_by_data`` and ``uniquely_determined``.
    """
    seen = distinct_cells(pattern)
    if seen.size == pattern.shape[0] * pattern.shape[1]:
        reason = because("every_cell")
        whole = Finding(UNIQUE, Verdict.PROVED, reason=reason, rigour=Rigour.RIGOROUS)
        return [proved(FINITE, pattern.degrees_of_freedom, reason, ()), whole]
    unique = unique_reach(pattern, budget)
    if unique is not None and unique.is_all:
        return _all_unique(pattern, unique, nonzero)
    finite = _judge_finite(pattern, seen, largest, rng, budget)
    if finite.verdict is Verdict.REFUTED:
        return [finite, not_unique(finite)]
    open_yet = uniqueness_open(finite)
    if unique is not None and unique.share > 0:
        open_yet = replace(open_yet, method="", reason=open_yet.reason + _say_reach(unique, "unique_reach"))
        open_yet.witness.update(_reached(unique))
    return [finite, open_yet]


def uniqueness_open(finite: Finding) -> Finding:
    """Return the finding that leaves uniqueness open, after one on finiteness."""
    return undecided(UNIQUE, because("several_completions"), finite.limited_by)


def _all_unique(pattern: ObservedPattern, unique: Reach, nonzero: bool) -> list[Finding]:
    reason = because("block", rows=unique.core[0].size, columns=unique.core[1].size)
    assumptions: tuple[str, ...] = (GENERIC,)
    if pattern.rank == 1 and nonzero:
        reason, assumptions = because("connected"), ()
    only = Finding(UNIQUE, Verdict.PROVED, assumptions=assumptions, reason=reason, rigour=Rigour.RIGOROUS)
    only.witness.update(_reached(unique))
    finite = proved(FINITE, pattern.degrees_of_freedom, reason, assumptions)
    finite.witness.update({"core_rows": unique.core[0], "core_columns": unique.core[1]})
    return [finite, only]


def _judge_finite(
    pattern: ObservedPattern, seen: Indices, largest: int, rng: np.random.Generator, budget: Budget
) -> Finding:
    (m, n), expected = pattern.shape, pattern.degrees_of_freedom
    counts = np.bincount(seen // n, minlength=m), np.bincount(seen % n, minlength=n)
    short = short_lines(counts, pattern.rank, pattern.biases)
    finding = refuted_by_counts(int(seen.size), short, expected)
    size = min(m, n) * (pattern.rank + 1)
    affordable = _is_affordable(pattern, seen, largest) and budget.allows(rank_work(pattern), part=0.7)
    if not affordable or (size > MOST_UNKNOWNS_AT_ONCE and finding is None):
        by_core = _judge_by_core(pattern, finding, short, largest, rng, budget)
        if not affordable or by_core.verdict is Verdict.PROVED:
            return by_core
    result = pattern_rank(pattern, rng)
    if result.is_full:
        return proved(FINITE, result.rank, because("full_rank"))
    if finding is not None:
        finding = replace(finding, value=float(result.rank))
    else:
        finding = refuted_by_rank(FINITE, result.rank, expected, result.failure_probability)
    return _with_witness(finding, short, result.undetermined)


def _is_affordable(pattern: ObservedPattern, seen: Indices, largest: int) -> bool:
    """Whether an exact rank of the whole pattern is within the limits on unknowns, lines and equations."""
    longer, size = max(pattern.shape), min(pattern.shape) * (pattern.rank + 1)
    equations = max(seen.size - longer * pattern.rank, 0)
    return size <= largest and longer <= LINES * largest and equations * size <= EQUATIONS * largest


def _judge_by_core(
    pattern: ObservedPattern,
    finding: Finding | None,
    short: tuple[Indices, Indices],
    largest: int,
    rng: np.random.Generator,
    budget: Budget,
) -> Finding:
    """Judge a pattern by a core of it and the closure of that core."""
    reach = finite_reach(pattern, min(largest, MOST_CORE_UNKNOWNS), rng, budget)
    limit = _limit(pattern, largest, budget)
    if reach is None and finding is None:
        size = min(pattern.shape) * pattern.rank
        reason = because("rank_over_budget", unknowns=size, cells=pattern.rows.size)
        return undecided(FINITE, reason, limit)
    return found_by_core(reach, finding, short, pattern.degrees_of_freedom, limit)


def found_by_core(
    reach: Reach | None, finding: Finding | None, short: tuple[Indices, Indices], expected: int, limit: str
) -> Finding:
    """Return what follows from a core, if there is one.

    Parameters
    ----------
    reach : Reach or None
    finding : Finding or None
        What counting alone refutes.
    short : pair of ndarray of int
        Rows and columns with fewer cells than unknowns.
    expected : int
        Degrees of freedom.
    limit : str
        What kept a larger core from being tried.
    """
    if finding is not None:
        if reach is not None:
            finding = replace(finding, method="", reason=finding.reason + _say_reach(reach, "reach"))
            finding.witness.update(_reached(reach))
        return _with_witness(finding, short, None)
    if reach is None:
        return undecided(FINITE, because("no_core"), limit)
    if reach.is_all:
        rows, columns = reach.core
        outcome = proved(FINITE, expected, because("core", rows=rows.size, columns=columns.size))
    else:
        outcome = undecided(FINITE, _say_reach(reach, "reach"), limit)
    outcome.witness.update(_reached(reach))
    return outcome


def _limit(pattern: ObservedPattern, largest: int, budget: Budget) -> str:
    size = min(pattern.shape) * (pattern.rank + 1)
    return "largest_modular" if size > largest else budget.name


def _say_reach(reach: Reach, code: str) -> Reason:
    lost = [np.count_nonzero(~side) for side in (reach.rows, reach.columns)]
    return because(code, share=reach.share, lines=lost)


def _reached(reach: Reach) -> dict[str, Any]:
    return {
        "core_rows": reach.core[0],
        "core_columns": reach.core[1],
        "determined_share": reach.share,
        "unreached_rows": np.flatnonzero(~reach.rows),
        "unreached_columns": np.flatnonzero(~reach.columns),
    }


def distinct_cells(pattern: ObservedPattern) -> Indices:
    """Return the observed cells as ascending numbers row * n + column, each once."""
    cells = np.sort(pattern.rows * pattern.shape[1] + pattern.columns)
    first = np.ones(cells.size, dtype=bool)
    first[1:] = cells[1:] != cells[:-1]
    return cells[first]


def short_lines(
    counts: tuple[Indices, Indices], rank: int, biases: tuple[str, ...]
) -> tuple[Indices, Indices]:
    """Return rows and columns with fewer observations than unknowns of their own, by their counts."""
    (for_row, for_column), (m, n) = unknowns_of_lines(rank, biases), (side.size for side in counts)
    # a row of an r-dimensional row space has min(r, n) unknowns, and its bias
    return np.flatnonzero(counts[0] < min(for_row, n)), np.flatnonzero(counts[1] < min(for_column, m))


def refuted_by_counts(size: int, short: tuple[Indices, Indices], expected: int) -> Finding | None:
    """Return a finding that refutes finiteness where there are too few cells, in all or in some line."""
    if size < expected:
        reason = because("few_cells", size=size, freedom=expected)
        return refuted(FINITE, size, expected, reason, Rigour.RIGOROUS)
    if short[0].size or short[1].size:
        reason = because("short_lines", lines=[len(side) for side in short])
        return refuted(FINITE, None, expected, reason, Rigour.RIGOROUS)
    return None


def _with_witness(finding: Finding, short: tuple[Indices, Indices], open_cells: Any) -> Finding:
    finding.witness["short_rows"], finding.witness["short_columns"] = short
    if open_cells is not None:
        cells = np.argwhere(open_cells)
        finding.witness["open_cell_count"] = len(cells)
        finding.witness["open_cells"] = cells[:LISTED_CELLS]
        finding.witness["open_by_row"] = open_cells.sum(axis=1)
        finding.witness["open_by_column"] = open_cells.sum(axis=0)
        # no cell between two different parts is determined
        rows, columns = np.nonzero(~open_cells)
        parts = connected_parts(rows, columns, open_cells.shape)
        finding.witness["blocks_of_rows"], finding.witness["blocks_of_columns"] = np.split(
            parts, [open_cells.shape[0]]
        )
    return finding
