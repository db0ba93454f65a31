"""Whether the known cells determine a tensor or its components: exact ranks modulo a prime."""

from __future__ import annotations

from dataclasses import replace

from lowland.certificates.settings import Judgement
from lowland.certificates.uniqueness.identifiability_findings import (
    FINITE,
    UNIQUE,
    not_unique,
    proved,
    rank_modulo_primes,
    refuted,
    refuted_by_rank,
)
from lowland.core.arrays import Vector
from lowland.core.promises.powers import ModularJacobian
from lowland.core.results.findings import Finding, undecided
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour, Verdict
from lowland.tensors.capabilities import ComponentsFit, TensorFit

COMPONENTS = "components_determined"
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
        known = because("every_cell_known")
        return [
            Finding(claim, Verdict.PROVED, reason=known, rigour=Rigour.RIGOROUS) for claim in (FINITE, UNIQUE)
        ]
    finite = judge_generic_rank(FINITE, objective.modular_jacobian, given)
    if finite.verdict is Verdict.REFUTED:
        return [finite, not_unique(finite)]
    return [finite, undecided(UNIQUE, because("several_tensors"))]


def judge_components(objective: ComponentsFit, theta: Vector, given: Judgement) -> list[Finding]:
    """Judge whether only finitely many sets of components have the known cells.

    With the scales of columns fixed, R components have R (sum of lengths - N + 1) degrees of freedom. Where
    the Jacobian of the known cells has that rank at generic components, only finitely many sets have the same
    cells; where it has less, such sets come in continuous families.

    Parameters
    ----------
    objective : ComponentsFit
        Only its number of components and the positions of its cells are used.
    theta : ndarray, shape (size,)
        Not used: the claim is about generic components.
    given : Judgement
        The largest size of an exact rank computation, and the budget.

    Returns
    -------
    list of Finding
        PROVED by a full rank, REFUTED by counting or by deficient ranks modulo two primes.
    """
    return [judge_generic_rank(COMPONENTS, objective.modular_jacobian, given)]


def judge_generic_rank(claim: str, jacobian: ModularJacobian, given: Judgement) -> Finding:
    """Judge a claim that holds where the Jacobian of the known cells has full rank at generic points.

    Parameters
    ----------
    claim : str
    jacobian : ModularJacobian
        Of the known cells, one row each.
    given : Judgement
        The largest size of an exact rank computation, and the budget.
    """
    known, unknowns, expected = jacobian.rows, jacobian.unknowns, jacobian.expected_rank
    largest, budget = given.settings.largest_modular, given.budget
    if known < expected:
        reason = because("few_known_cells", size=known, freedom=expected)
        return refuted(claim, known, expected, reason, Rigour.RIGOROUS)
    if unknowns > largest or (expected + SPARE_ROWS) * unknowns > MOST_RESIDUES:
        reason = because("over_limit", unknowns=unknowns, limit=largest)
        return undecided(claim, reason, "largest_modular")
    everything = known * unknowns <= MOST_RESIDUES
    sizes = (expected + SPARE_ROWS, None, None) if everything else (expected + SPARE_ROWS,)
    best, done = rank_modulo_primes(jacobian, expected, sizes, given.rng(), budget)
    if best == expected:
        return proved(claim, best, because("full_rank"))
    if not done:
        return undecided(claim, because("over_budget", unknowns=unknowns), budget.name)
    if not everything:
        reason = because("some_cells", cells=expected + SPARE_ROWS)
        return replace(undecided(claim, reason), value=float(best), bound=float(expected))
    return refuted_by_rank(claim, best, expected)
