"""Checks that traces of training loops share: of the steps to record, and of records to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lowland.core.errors import InvalidInputError


class StepRecord(Protocol):
    """What was recorded after a step."""

    @property
    def step(self) -> int:
        """Which step."""


def is_due(records: Sequence[StepRecord], step: int, every: int) -> bool:
    """Return whether a step is one to record; raise unless it is later than the last record."""
    if records and step <= records[-1].step:
        raise InvalidInputError("steps must ascend", f"{step} after {records[-1].step}")
    return step % every == 0


def check_recorded(records: Sequence[StepRecord]) -> None:
    """Raise if nothing was recorded."""
    if not records:
        raise InvalidInputError("the trace is empty", "no record", fix="call record in the training loop")
