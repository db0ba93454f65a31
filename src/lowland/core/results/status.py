"""Three separate vocabularies: why a search stopped, what is proved, and what a proof rests on.

None is derived from another: a converged search proves nothing, and a point may be proved optimal
although the search that found it was interrupted.
"""

from __future__ import annotations

from enum import Enum

from lowland.core.doors import public


@public("lowland")
class StopReason(Enum):
    """Why a search ended. It implies nothing about optimality.

    ``DRAWN`` says that there are as many draws as were asked for.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> A = ll.gaussian(60, (5, 5), 0)
    >>> fit = ll.recover(A, A.measure_matrix(np.ones((5, 5))), rank=1, structure="psd", rng=0)
    >>> fit.search.stop_reason is ll.StopReason.CONVERGED
    True
    >>> fit.search.stop_reason in (ll.StopReason.TIME_LIMIT, ll.StopReason.ITERATION_LIMIT)
    False
    """

    CONVERGED = "converged"
    DRAWN = "drawn"
    ITERATION_LIMIT = "iteration_limit"
    TIME_LIMIT = "time_limit"
    STALLED = "stalled"
    DIVERGED = "diverged"
    NON_FINITE = "non_finite"
    INTERRUPTED = "interrupted"


@public("lowland")
class Verdict(Enum):
    """What is known about a claim.

    ``PROVED`` and ``REFUTED`` hold under the assumptions that the finding names, all rounding bounded.
    ``SUPPORTED`` is numerical or conditional evidence, not a proof.

    Examples
    --------
    >>> import lowland as ll
    >>> answer = ll.diagnose(ll.Entries([0, 0, 1], [0, 1, 0], (2, 2)), rank=1)
    >>> answer.unique.verdict is ll.Verdict.PROVED
    True
    >>> answer.unique.verdict in (ll.Verdict.INCONCLUSIVE, ll.Verdict.REFUTED)
    False
    """

    PROVED = "proved"
    SUPPORTED = "supported"
    INCONCLUSIVE = "inconclusive"
    REFUTED = "refuted"


@public("lowland")
class Rigour(Enum):
    """What a verdict rests on, from the strongest to the weakest.

    Examples
    --------
    >>> import lowland as ll
    >>> A = ll.Entries([0, 0, 1], [0, 1, 0], (2, 2))
    >>> proof = ll.certify_matrix(A, [1.0, 2.0, 3.0], [[1.0], [3.0]], [[1.0], [2.0]])
    >>> proof["uniquely_determined"].rigour is ll.Rigour.RIGOROUS
    True
    >>> [finding.claim for finding in proof if finding.rigour is ll.Rigour.WORKING_PRECISION]
    ['stationary', 'second_order_stationary', 'strict_local_minimum']
    >>> ll.Rigour.PROBABILISTIC.is_proof, ll.Rigour.WORKING_PRECISION.is_proof
    (True, False)
    """

    RIGOROUS = "rigorous"
    PROBABILISTIC = "probabilistic"
    WORKING_PRECISION = "working_precision"
    ESTIMATE = "estimate"

    @property
    def is_proof(self) -> bool:
        """Whether verdicts of PROVED and REFUTED may rest on it: all rounding is bounded."""
        return self in (Rigour.RIGOROUS, Rigour.PROBABILISTIC)


def allowed_verdict(verdict: Verdict, rigour: Rigour) -> Verdict:
    """Return a verdict, or the weaker one that a rigour allows which proves nothing."""
    if rigour.is_proof:
        return verdict
    weaker = {Verdict.PROVED: Verdict.SUPPORTED, Verdict.REFUTED: Verdict.INCONCLUSIVE}
    return weaker.get(verdict, verdict)
