"""Another matrix of the rank that reproduces the data: what refutes that there is one answer."""

from __future__ import annotations

import numpy as np

from lowland.certify.exact_fit import misfit
from lowland.certify.exclusion import prove_exclusion
from lowland.core.arrays import Vector
from lowland.core.findings import Finding
from lowland.core.status import Rigour, Verdict
from lowland.objectives import RecoveryObjective
from lowland.search import GaussNewton, Iterations, RelativeDecreaseBelow, ValueBelow, make_start, run
from lowland.systems.solvers import exact_value

# searches for answers, where one costs little (measurements times unknowns); the first few must reach one
TRIES, FIRST_TRIES = 40, 8
CHEAP = 200_000
# residual beyond rounding, as a part of each datum, that still counts as reproduced
REPRODUCED = 1e-12
# matrices that differ by less than this part of their size may be one: near a double root much does
DIFFERENT = 1e-3
# least ratio of the measurements on the tangent space to their norm at which an answer stands alone
ALONE = 1e-5


def refute_uniqueness(
    objective: RecoveryObjective, unique: Finding, known: Vector | None, rng: np.random.Generator
) -> Finding:
    """Return the finding on uniqueness, refuted where two answers are found.

    Answers are looked for from random starts, only where the question is open, there is no penalty, and a
    search is cheap.

    Parameters
    ----------
    objective : RecoveryObjective
    unique : Finding
        What is known so far.
    known : ndarray or None
        A point that may reproduce the data.
    rng : numpy.random.Generator

    Returns
    -------
    Finding
        REFUTED with both matrices, or `unique` itself.
    """
    objective = objective.in_double()
    costly = objective.measurement.size * objective.size > CHEAP
    if unique.verdict is not Verdict.INCONCLUSIVE or costly or objective.penalties:
        return unique
    answers: list[Vector] = []
    if known is not None:
        if not misfit(objective, known) <= REPRODUCED:
            return unique  # it is nothing against uniqueness that other data have several answers
        if not _stands_alone(objective, known):
            return unique
        answers.append(known)
    stop = ValueBelow(1e-4 * exact_value(objective)) | RelativeDecreaseBelow(1e-3, 5) | Iterations(100)
    for k in range(TRIES):
        if k == FIRST_TRIES and not answers:
            break
        found = run(objective, GaussNewton(), make_start(objective, "random", rng), stop=stop, rng=rng).theta
        if not misfit(objective, found) <= REPRODUCED:
            continue
        if not _stands_alone(objective, found):
            continue
        if answers and _distance(objective, answers[0], found) > DIFFERENT:
            return _refuted(objective, unique.claim, answers[0], found)
        answers.append(found)
    return unique


def _stands_alone(objective: RecoveryObjective, theta: Vector) -> bool:
    """Whether a point that reproduces the data to rounding is near one exact answer, and near no other."""
    exclusion = prove_exclusion(objective, theta)
    return (
        exclusion is not None and exclusion.norm is not None and exclusion.smallest >= ALONE * exclusion.norm
    )


def _distance(objective: RecoveryObjective, one: Vector, other: Vector) -> float:
    """Return the Frobenius norm of the difference, as a part of the first matrix's."""
    a, b = objective.matrix(one), objective.matrix(other)
    size = a.norm()
    return a.minus(b).norm() / size if size > 0 else 0.0


def _refuted(objective: RecoveryObjective, claim: str, one: Vector, other: Vector) -> Finding:
    first, second = objective.matrix(one), objective.matrix(other)
    share = _distance(objective, one, other)
    return Finding(
        claim,
        Verdict.REFUTED,
        share,
        DIFFERENT,
        REPRODUCED,
        method=f"two matrices of the rank, {share:.2g} of the norm apart, both reproduce every datum",
        rigour=Rigour.WORKING_PRECISION,
        witness={
            "left": first.left,
            "right": first.right,
            "other_left": second.left,
            "other_right": second.right,
            "misfit": max(misfit(objective, one), misfit(objective, other)),
        },
    )
