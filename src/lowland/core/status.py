"""Three separate vocabularies: why a search stopped, what is proved, and what a proof rests on.

They are never derived from one another: a search that converged proves nothing, and a point
may be proved optimal although the search that found it was interrupted.
"""

from __future__ import annotations

from enum import Enum


class StopReason(Enum):
    """Why a search ended. It never says anything about optimality."""

    CONVERGED = "converged"
    ITERATION_LIMIT = "iteration_limit"
    TIME_LIMIT = "time_limit"
    STALLED = "stalled"
    DIVERGED = "diverged"
    NON_FINITE = "non_finite"
    INTERRUPTED = "interrupted"


class Verdict(Enum):
    """What is known about a claim.

    ``PROVED`` and ``REFUTED`` hold under the assumptions and the rigour that the finding
    names. ``SUPPORTED`` is numerical or conditional evidence, not a proof.
    """

    PROVED = "proved"
    SUPPORTED = "supported"
    INCONCLUSIVE = "inconclusive"
    REFUTED = "refuted"


class Rigour(Enum):
    """What a verdict rests on, from the strongest to the weakest."""

    RIGOROUS = "rigorous"
    PROBABILISTIC = "probabilistic"
    WORKING_PRECISION = "working_precision"
    ESTIMATE = "estimate"
