"""The claim `better_than`: whether held-out cells are predicted better than by plain baselines."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from lowland.completion.auditing.audit import Audit
from lowland.completion.comparing.comparison import BETTER, WORSE, Comparison
from lowland.core.results.findings import Finding
from lowland.core.results.reasons import Reason, because
from lowland.core.results.status import Rigour, Verdict


def better_than(audit: Audit) -> Finding:
    """Return whether the audit's fit predicts the cells of its statement better than plain baselines do.

    Its intervals are of the average over rows like these: a large-sample estimate, so no proof.
    """
    began, found = perf_counter(), audit.compared
    words = [one.word for one in found]
    strongest = min(found, key=lambda one: one.baseline_error)
    reason: Reason = ()
    for one in found:
        reason += _told(one)
    return Finding(
        "better_than",
        Verdict.SUPPORTED if all(word == BETTER for word in words) else Verdict.INCONCLUSIVE,
        value=strongest.error,
        bound=strongest.baseline_error,
        rigour=Rigour.ESTIMATE,
        seconds=perf_counter() - began,
        witness={
            "cells": strongest.cells,
            "rows": strongest.rows,
            "gains": [one.gain for one in found],
            "lower": [_finite(one.lower) for one in found],
            "upper": [_finite(one.upper) for one in found],
        },
        reason=reason,
    )


def _told(one: Comparison) -> Reason:
    code = {BETTER: "surely_better", WORSE: "surely_worse"}.get(one.word, "not_told_apart")
    name = one.baseline.replace(" ", "_")
    return because(code, error=one.error, other=one.baseline_error, name=name)


def _finite(end: float) -> float | None:
    return end if np.isfinite(end) else None
