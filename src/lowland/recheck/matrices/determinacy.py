"""Whether the data determine the matrix, derived again."""

from __future__ import annotations

from typing import Any

from lowland.core.results.findings import Certificate
from lowland.core.results.status import Verdict
from lowland.core.results.verification import Check
from lowland.recheck.matrices.derivatives import Progress
from lowland.recheck.matrices.measured_determinacy import check_operator
from lowland.recheck.matrices.observed_cells import check_pattern
from lowland.recheck.matrices.pairs import check_two_answers, is_pair
from lowland.recheck.matrices.problem import MatrixProblem
from lowland.recheck.ranks import FINITE, UNIQUE
from lowland.recheck.statement import Statement

# open questions: what was beyond limits, and what is said of uniqueness
OVER = ("over_limit", "over_budget", "rank_over_budget", "no_core")
OPEN_UNIQUE = ("several_completions", "several_solutions")


def check_determinacy(
    said: Statement, problem: MatrixProblem, beside: Certificate, progress: Progress | None = None
) -> Check:
    """Compare a claim that finitely many matrices, or one, fit such data."""
    if progress is not None:
        progress(f"{said.finding.claim}: rank of the Jacobian")
    if not problem.is_formed and not (said.is_open and said.code in OVER):
        return said.settle_unchecked("the measurements are too large to be formed here")
    if said.is_open and _says_nothing(said, problem):
        return said.nothing_claimed()
    if said.verdict is Verdict.REFUTED and said.finding.claim == UNIQUE:
        return check_two_answers(said, problem) if is_pair(said) else _as_finite(said, problem, beside)
    if problem.cells is not None and not problem.is_psd and not problem.is_complex:
        return check_pattern(said, problem)
    return check_operator(said, problem)


def _says_nothing(said: Statement, problem: MatrixProblem) -> bool:
    """Whether the sentence states nothing about the data but sizes, which are compared."""
    if said.code in OPEN_UNIQUE and len(said.phrases) > 1:  # how much follows from a core comes after it
        return False
    sizes = ("of", (min(problem.shape) * problem.rank, problem.size))
    known: dict[str, Any] = {"unknowns": sizes, "limit": ("to", problem.size), "cells": problem.y.size}
    return any(said.says(code, **known) for code in (*OVER, *OPEN_UNIQUE, "no_jacobian"))


def _as_finite(said: Statement, problem: MatrixProblem, beside: Certificate) -> Check:
    """Compare a refutation of uniqueness with that of finiteness, which it repeats."""
    if FINITE not in beside or beside[FINITE].verdict is not Verdict.REFUTED:
        said.fault("no finding refutes that the matrix is determined")
        return said.settle("")
    return said.repeats(beside[FINITE], lambda finite: check_determinacy(finite, problem, beside))
