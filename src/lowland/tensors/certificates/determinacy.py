"""Whether the known cells determine a tensor: exact ranks of the Jacobian modulo a prime."""

from __future__ import annotations

import numpy as np

from lowland.certificates.identifiability_findings import (
    FINITE,
    GENERIC,
    UNIQUE,
    not_unique,
    proved,
    rank_modulo_primes,
    refuted,
    refuted_by_rank,
)
from lowland.certificates.settings import Judgement
from lowland.core.arrays import Vector
from lowland.core.findings import Finding
from lowland.core.status import Rigour, Verdict
from lowland.core.work import Budget
from lowland.tensors.capabilities import TensorFit

# extra rows when only some of the cells are used, and largest number of residues formed
SPARE_ROWS, MOST_RESIDUES = 40, 200_000_000


def judge_tensor_determinacy(objective: TensorFit, theta: Vector, given: Judgement) -> list[Finding]:
    """Judge whether only finitely many tensors of the ranks have the known cells, and whether only one.

    Parameters
    ----------
    objective : TensorFit
        Only its ranks and the positions of its cells are used.
    theta : ndarray, shape (size,)
        Not used: the claims are about generic points.
    given : Judgement
        The largest size of an exact rank computation, and the budget.

    Returns
    -------
    list of Finding
        On ``determined_by_data`` and ``uniquely_determined``.
    """
    if objective.data.is_full:
        words = "every cell is known"
        return [
            Finding(claim, Verdict.PROVED, method=words, rigour=Rigour.RIGOROUS) for claim in (FINITE, UNIQUE)
        ]
    finite = _finite(objective, given.settings.largest_modular, given.rng(), given.budget)
    if finite.verdict is Verdict.REFUTED:
        return [finite, not_unique(finite)]
    return [
        finite,
        Finding(UNIQUE, Verdict.INCONCLUSIVE, method="finitely many solutions may still be more than one"),
    ]


def _finite(objective: TensorFit, largest: int, rng: np.random.Generator, budget: Budget) -> Finding:
    known, expected = objective.data.size, objective.degrees_of_freedom
    if known < expected:
        words = f"{known} known cells for {expected} degrees of freedom"
        return refuted(FINITE, known, expected, words, Rigour.RIGOROUS)
    if objective.size > largest or (expected + SPARE_ROWS) * objective.size > MOST_RESIDUES:
        words = f"an exact Jacobian of {objective.size} unknowns exceeds the limit of {largest}"
        return Finding(FINITE, Verdict.INCONCLUSIVE, method=words, limited_by="largest_modular")
    everything = known * objective.size <= MOST_RESIDUES
    sizes = (expected + SPARE_ROWS, None, None) if everything else (expected + SPARE_ROWS,)
    best, done = rank_modulo_primes(objective.modular_jacobian, expected, sizes, rng, budget)
    if best == expected:
        return proved(FINITE, best, "full rank of the Jacobian modulo a prime", (GENERIC,))
    if not done:
        words = f"an exact Jacobian of {objective.size} unknowns exceeds the budget"
        return Finding(FINITE, Verdict.INCONCLUSIVE, method=words, limited_by=budget.name)
    if not everything:
        words = (
            f"{expected + SPARE_ROWS} of the cells do not show full rank, and using all exceeds the budget"
        )
        return Finding(FINITE, Verdict.INCONCLUSIVE, float(best), float(expected), method=words)
    return refuted_by_rank(best, expected)
