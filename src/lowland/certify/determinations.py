"""Findings on determinacy, in the words and with the assumptions that all judges of it share."""

from __future__ import annotations

from lowland.core.arrays import Indices
from lowland.core.findings import Finding
from lowland.core.status import Rigour, Verdict

FINITE, UNIQUE = "determined_by_data", "uniquely_determined"
GENERIC = "generic values of the factors (all but a set of measure zero)"


def proved(claim: str, rank: int, method: str, assumptions: tuple[str, ...]) -> Finding:
    """Return a rigorous finding from a rank that is full."""
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
    """Return a finding against finiteness, from a rank that is short or from counting."""
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


def not_unique(finite: Finding) -> Finding:
    """Return that uniqueness is refuted with finiteness, on the same grounds."""
    return Finding(
        UNIQUE, Verdict.REFUTED, assumptions=finite.assumptions, method=finite.method, rigour=finite.rigour
    )


def say_lines(lines: tuple[Indices, Indices]) -> str:
    """Return for instance "3 rows and 2 columns"."""
    named = zip(lines, ("rows", "columns"), strict=True)
    return " and ".join(f"{len(some)} {name}" for some, name in named if len(some))
