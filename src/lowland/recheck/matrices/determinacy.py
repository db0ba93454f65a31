"""Whether the data determine the matrix, derived again."""

from __future__ import annotations

from typing import Any

from lowland.core.results.findings import Certificate
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check, Outcome
from lowland.recheck.matrices.derivatives import Progress
from lowland.recheck.matrices.determinacy_words import FINITE, OPEN, UNIQUE
from lowland.recheck.matrices.measured_determinacy import check_operator
from lowland.recheck.matrices.observed_cells import check_pattern
from lowland.recheck.matrices.pairs import check_two_answers, is_pair
from lowland.recheck.matrices.problem import MatrixProblem
from lowland.recheck.statement import Statement


def check_determinacy(
    said: Statement, problem: MatrixProblem, beside: Certificate, progress: Progress | None = None
) -> Check:
    """Compare a claim that finitely many matrices, or one, fit such data."""
    if progress is not None:
        progress(f"{said.finding.claim}: rank of the Jacobian")
    if not problem.is_formed and not (said.is_open and "exceeds" in said.method):
        return said.settle_unchecked("the measurements are too large to be formed here")
    r = problem.rank
    unknowns = (min(problem.shape) * r, problem.size)
    if said.is_open:
        limits: dict[str, Any] = {"limit": ("to", float(problem.size)), "cells": float(problem.y.size)}
        for words in OPEN:
            for size in unknowns:
                trial = Statement(said.finding)
                if trial.says(words, {"unknowns": float(size)} | limits) and not trial.faults:
                    said.unread.discard("method")
                    return _open(said)
    if said.verdict is Verdict.REFUTED and said.finding.claim == UNIQUE:
        return check_two_answers(said, problem) if is_pair(said) else _as_finite(said, problem, beside)
    if problem.cells is not None and not problem.is_psd and not problem.is_complex:
        return check_pattern(said, problem)
    return check_operator(said, problem)


def _open(said: Statement) -> Check:
    said.rigour(Rigour.ESTIMATE)
    said.assume()
    return said.settle("nothing is claimed")


def _as_finite(said: Statement, problem: MatrixProblem, beside: Certificate) -> Check:
    """Compare a refutation of uniqueness with that of finiteness, which it repeats."""
    said.rigour(Rigour.RIGOROUS, Rigour.PROBABILISTIC)
    if FINITE not in beside or beside[FINITE].verdict is not Verdict.REFUTED:
        said.fault("no finding refutes that the matrix is determined")
        return said.settle("")
    finite = beside[FINITE]
    said.unread.discard("method")
    said.require(said.method == finite.method, "other words than those of the finding that it repeats")
    said.require(said.finding.rigour is finite.rigour, "another rigour than the finding that it repeats")
    said.assume(finite.assumptions)
    again = check_determinacy(Statement(finite), problem, beside)
    if again.outcome is Outcome.CONTRADICTED:
        said.fault("the finding that it repeats is contradicted")
    elif again.outcome is Outcome.NOT_CHECKED:
        said.not_derived(f"determined_by_data: {again.words}")
    return said.settle(again.words)
