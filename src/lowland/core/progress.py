"""How long work shows how far it is: one signature for all."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias, final

# called with what is done, of what total (0 where it is not known), and the seconds since the start
OnProgress: TypeAlias = Callable[[int, int, float], None]


@final
class Reporter:
    """Calls a progress function, if there is one, with the seconds since its own start.

    Parameters
    ----------
    on_progress : callable or None
    total : int
        How much there is to do, 0 where that is not known.
    """

    def __init__(self, on_progress: OnProgress | None, total: int = 0) -> None:
        self._on_progress, self._total, self._started = on_progress, total, time.perf_counter()

    def __call__(self, done: int) -> None:
        """Tell what is done so far."""
        if self._on_progress is not None:
            self._on_progress(done, self._total, time.perf_counter() - self._started)
