"""Findings on determinacy, with the wording and assumptions that all its judges share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lowland.core.results.findings import Finding
from lowland.core.results.reasons import Reason, assumption, because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.work import UNLIMITED, Budget
from lowland.kernels.modular_arithmetic import modular

FINITE, UNIQUE = "determined_by_data", "uniquely_determined"
GENERIC = assumption("generic")


def proved(claim: str, rank: int, reason: Reason, assumptions: tuple[str, ...] = (GENERIC,)) -> Finding:
    """Return a rigorous finding from a full rank."""
    return Finding(
        claim,
        Verdict.PROVED,
        value=float(rank),
        bound=float(rank),
        tolerance=0.0,
        assumptions=assumptions,
        reason=reason,
        rigour=Rigour.RIGOROUS,
        witness={"rank": rank},
    )


def refuted(claim: str, rank: int | None, expected: int, reason: Reason, rigour: Rigour) -> Finding:
    """Return a finding that refutes finiteness, from a deficient rank or from counting."""
    usual = (assumption("usual_primes"),) if rigour is Rigour.PROBABILISTIC else ()
    return Finding(
        claim,
        Verdict.REFUTED,
        value=None if rank is None else float(rank),
        bound=float(expected),
        tolerance=0.0,
        assumptions=(GENERIC, *usual),
        reason=reason,
        rigour=rigour,
        witness={"rank": rank, "expected": expected},
    )


def rank_modulo_primes(
    jacobian: Any,
    expected: int,
    sizes: Sequence[int | None],
    rng: np.random.Generator,
    budget: Budget = UNLIMITED,
) -> tuple[int, bool]:
    """Return the largest rank of a modular Jacobian over some primes, and whether it is final.

    Parameters
    ----------
    jacobian : ModularJacobian
    expected : int
    sizes : sequence of int or None
        Number of rows used with each prime, None for all. Some may suffice for a proof; only all can refute.
    rng : numpy.random.Generator
        For the integer points.
    budget : Budget
        Each prime may take half of the remaining budget.

    Returns
    -------
    int, bool
        The second is False if the budget ran out before the rank was full or all primes were tried.
    """
    most = sizes[0]
    few = jacobian.holds_matrices and most is not None
    if few and budget.allows(_work(jacobian, most, few=True), part=0.5):
        # for generic matrices sparse factors show as much as dense ones, at almost no cost
        sparse = modular.rank(jacobian.matrix(modular.PRIME, rng, most, few=True), modular.PRIME)
        if sparse == expected:
            return expected, True
    best = 0
    for prime, most in zip(modular.PRIMES, sizes, strict=False):
        if not budget.allows(_work(jacobian, most), part=0.5):
            return best, False
        best = max(best, int(modular.rank(jacobian.matrix(prime, rng, most), prime)))
        if best == expected:
            break
    return best, True


def _work(jacobian: Any, most: int | None, *, few: bool = False) -> float:
    rows = jacobian.rows if most is None else min(most, jacobian.rows)
    return float(jacobian.work(rows, few=few)) + modular.elimination_work(rows, jacobian.unknowns)


def refuted_by_rank(claim: str, rank: int, expected: int, chance: float | None = None) -> Finding:
    """Return a finding that refutes a claim, from deficient ranks modulo two primes."""
    reason = because("deficient", rank=rank, freedom=expected)
    finding = refuted(claim, rank, expected, reason, Rigour.PROBABILISTIC)
    usual = (expected / modular.PRIMES[-1]) ** 2
    finding.witness["failure_probability"] = usual if chance is None else chance
    return finding


def not_unique(finite: Finding) -> Finding:
    """Return the finding that refutes uniqueness because finiteness is refuted."""
    return Finding(
        UNIQUE, Verdict.REFUTED, assumptions=finite.assumptions, reason=finite.reason, rigour=finite.rigour
    )
