"""Progress reports of long computations, with one signature for all."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias, final

from lowland.core.running.stages import announce

# called with the amount done, the total (0 if unknown), and the seconds since the start
OnProgress: TypeAlias = Callable[[int, int, float], None]


@final
class Reporter:
    """A caller of an optional progress function, which adds the seconds since its own start.

    Parameters
    ----------
    on_progress : callable or None
    total : int
        Total amount to do, 0 if unknown.
    what : str
        What is counted, for those who listen to stages.
    """

    def __init__(self, on_progress: OnProgress | None, total: int = 0, *, what: str) -> None:
        self._on_progress, self._total, self._started = on_progress, total, time.monotonic()
        self._what = what
        announce(what, 0, total, started=self._started)  # the first part may take long

    def __call__(self, done: int) -> None:
        """Report the amount done so far."""
        if self._on_progress is not None:
            self._on_progress(done, self._total, time.monotonic() - self._started)
        announce(self._what, done, self._total, started=self._started)
