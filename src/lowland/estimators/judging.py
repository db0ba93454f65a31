"""Certificates of fits, which are kept where judging is interrupted."""

from __future__ import annotations

from typing import Protocol, Self, TypeVar

import numpy as np

from lowland.core.results.findings import Certificate
from lowland.core.results.records import SearchResult
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import unless_interrupted


class Judged(Protocol):
    """A fit that can be judged."""

    @property
    def last_search(self) -> SearchResult:
        """The search that ended last."""

    def certify(self, rng: np.random.Generator, effort: str) -> tuple[Self, Certificate]:
        """Return the fit, refined if the certificate needs it, and what is proved about it."""


F = TypeVar("F", bound=Judged)


def judged(fit: F, rng: np.random.Generator, effort: str | None) -> tuple[F, Certificate | None]:
    """Return a fit with its certificate, None without an effort or if fit or judging are interrupted."""
    if effort is None or fit.last_search.stop_reason is StopReason.INTERRUPTED:
        return fit, None
    return unless_interrupted(lambda: fit.certify(rng, effort), "judging") or (fit, None)
