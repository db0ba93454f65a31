"""Findings on determinacy, with the wording and assumptions that all its judges share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lowland.core.arrays import Indices
from lowland.core.results.findings import Finding
from lowland.core.results.status import Rigour, Verdict
from lowland.core.work import UNLIMITED, Budget
from lowland.kernels.modular_arithmetic import modular

FINITE, UNIQUE = "determined_by_data", "uniquely_determined"
GENERIC = "generic values of the factors (all but a set of measure zero)"


def proved(claim: str, rank: int, method: str, assumptions: tuple[str, ...]) -> Finding:
    """Return a rigorous finding from a full rank."""
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


def refuted(claim: str, rank: int | None, expected: int, method: str, rigour: Rigour) -> Finding:
    """Return a finding that refutes finiteness, from a deficient rank or from counting."""
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


def refuted_by_rank(rank: int, expected: int) -> Finding:
    """Return a finding that refutes finiteness, from deficient ranks modulo two primes."""
    words = f"the Jacobian has rank {rank} of {expected} modulo two primes"
    finding = refuted(FINITE, rank, expected, words, Rigour.PROBABILISTIC)
    finding.witness["failure_probability"] = (expected / modular.PRIMES[-1]) ** 2
    return finding


def not_unique(finite: Finding) -> Finding:
    """Return the finding that refutes uniqueness because finiteness is refuted."""
    return Finding(
        UNIQUE, Verdict.REFUTED, assumptions=finite.assumptions, method=finite.method, rigour=finite.rigour
    )


def say_lines(lines: tuple[Indices, Indices]) -> str:
    """Return a phrase such as "3 rows and 2 columns"."""
    named = zip(lines, ("rows", "columns"), strict=True)
    return " and ".join(f"{len(some)} {name}" for some, name in named if len(some))
