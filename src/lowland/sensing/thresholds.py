r"""Constants of restricted isometry below which something is known of factors: one row for each.

All rows are of exact data, of ``|A(X) - y|^2 / 2`` as it is minimised here: no weights, no penalty, and no
balancing term. Published theorems on ``U V^T`` (Park et al. 2017, Ge, Jin and Zheng 2017, Zhang, Bi and
Lavaei 2021, Zhang 2025) have such a term; what is used instead is proved in
`docs/explanation/the-premise.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.results.reasons import Reason, because
from lowland.models import General
from lowland.objectives import RecoveryObjective


def sharp(truth: int, columns: int) -> float:
    """Return 1 / (1 + sqrt(r* / r)), of the largest rank of the truth and the columns of the factor."""
    return float(1 / (1 + np.sqrt(truth / columns)))


def fifth(truth: int, columns: int) -> float:
    """Return 1/5, below which 1 - 5 delta is positive."""
    return 0.2


@final
@dataclass(frozen=True)
class Threshold:
    """A constant below which a claim holds, and for what.

    Parameters
    ----------
    claim : {"no_false_minimum", "saddles_curved"}
    is_psd : bool
        Whether of factors U U^H, or of U V^H.
    fields : tuple of bool
        Whether of complex matrices: (False,) for real ones only.
    limit : callable
        From the largest rank of the truth and the columns of the factor.
    source : str
        Code of the sentence that names the theorem and its condition.
    """

    claim: str
    is_psd: bool
    fields: tuple[bool, ...]
    limit: Callable[[int, int], float]
    source: str

    def names(self) -> Reason:
        """Return the theorem and its condition as a part of a reason."""
        return because(self.source)


THRESHOLDS = (
    # R. Y. Zhang, arXiv 2104.10790 (2021); 1/2 is sharp, and so are all of rank-one truths
    Threshold("no_false_minimum", True, (False,), sharp, "by_zhang"),
    # the proof on the page, which needs no more than the two conditions of second order
    Threshold("no_false_minimum", True, (True,), sharp, "by_page_hermitian"),
    Threshold("no_false_minimum", False, (False, True), sharp, "by_page_general"),
    # R. Ge, C. Jin, Y. Zheng (2017), with the constants of `conditional`; U + i V is [[U, -V], [V, U]]
    Threshold("saddles_curved", True, (False, True), fifth, "by_ge"),
)


def threshold_of(claim: str, objective: RecoveryObjective) -> Threshold | None:
    """Return the row of a claim that covers a problem with exact data, None if there is none."""
    model = objective.model
    if not is_plain(objective):
        return None
    rows = (
        row
        for row in THRESHOLDS
        if row.claim == claim and row.is_psd == model.is_psd and model.is_complex in row.fields
    )
    return next(rows, None)


def is_plain(objective: RecoveryObjective) -> bool:
    """Whether only the squared residuals of a matrix U U^H or U V^H count, with factors that are free."""
    model = objective.model
    is_free = not (model.has_unit_trace or objective.is_nonnegative)
    is_free = is_free and not (isinstance(model, General) and model.biases)
    return bool(
        is_free and objective.loss.name == "squared" and objective.weights is None and not objective.penalties
    )
