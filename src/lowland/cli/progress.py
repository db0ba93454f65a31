"""Progress of a search: a live line on a terminal, occasional plain lines elsewhere, nothing if quiet."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, final

from lowland.core.arrays import Vector
from lowland.search.stops import Progress


@final
class SearchProgress:
    """A context manager that is also a callback of the search loop.

    Parameters
    ----------
    limit : int
        Maximum number of iterations, for the bar.
    quiet : bool
        Whether to print nothing.
    """

    def __init__(self, limit: int, *, quiet: bool = False) -> None:
        self._live = not quiet and sys.stderr.isatty()
        self._plain = not quiet and not self._live
        self._limit = limit
        self._bar: Any = None
        self._spoken = time.monotonic()

    def __enter__(self) -> SearchProgress:
        if self._live:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("searching", total=self._limit)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress, theta: Vector) -> None:
        """Show the iteration and the objective."""
        words = f"objective {progress.values[-1]:.5g}"
        if self._bar is not None:
            self._bar.update(self._task, completed=progress.iteration, description=words)
        elif self._plain and time.monotonic() - self._spoken > 10:
            self._spoken = time.monotonic()
            print(f"iteration {progress.iteration}, {words}", file=sys.stderr)  # noqa: T201


@final
class CountProgress:
    """Work done and time left: one line, rewritten, on a terminal; occasional lines elsewhere.

    Parameters
    ----------
    things : str
        What is counted, in the plural.
    first : int, optional
        How many were already done at the start; by default one less than at the first call.
    """

    def __init__(self, things: str, first: int | None = None) -> None:
        self._things = things
        self._first = first
        self._spoken = 0.0

    def __call__(self, done: int, total: int, seconds: float) -> None:
        """Show how much of the total is done, `seconds` after the start."""
        # work done by an earlier run says nothing about the pace of this one
        self._first = done - 1 if self._first is None else self._first
        live, now = sys.stderr.isatty(), time.monotonic()
        if now - self._spoken < (0.2 if live else 15.0) and done < total:
            return
        self._spoken = now
        left = seconds / max(done - self._first, 1) * (total - done)
        text = f"{done} of {total} {self._things}, about {_duration(left)} left"
        print(f"\r{text:60}" if live else text, end="" if live and done < total else "\n", file=sys.stderr)  # noqa: T201


@final
class StepProgress:
    """Steps of a search of unknown length: one line, rewritten, on a terminal; occasional lines elsewhere.

    Parameters
    ----------
    what : str
        What is counted, in words before the number.
    """

    def __init__(self, what: str) -> None:
        self._what, self._spoken, self._live = what, time.monotonic(), sys.stderr.isatty()

    def __enter__(self) -> StepProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            print(f"\r{'':60}\r", end="", file=sys.stderr)  # noqa: T201

    def __call__(self, done: int, total: int, seconds: float) -> None:
        """Show how many steps are done; the total is not known."""
        now = time.monotonic()
        if now - self._spoken < (0.5 if self._live else 15.0):
            return
        self._spoken = now
        text = f"{self._what} {done}"
        print(f"\r{text:60}" if self._live else text, end="" if self._live else "\n", file=sys.stderr)  # noqa: T201


@final
class StageProgress:
    """What is being computed: one line, rewritten, on a terminal; occasional lines elsewhere.

    Parameters
    ----------
    quiet : bool
        Whether to print nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet, self._live, self._spoken = quiet, sys.stderr.isatty(), time.monotonic()

    def __enter__(self) -> StageProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live and not self._quiet:
            print(f"\r{'':70}\r", end="", file=sys.stderr)  # noqa: T201

    def __call__(self, words: str) -> None:
        """Show what is being computed."""
        if self._quiet or (not self._live and time.monotonic() - self._spoken < 10):
            return
        self._spoken = time.monotonic()
        print(f"\r{words:70}" if self._live else words, end="" if self._live else "\n", file=sys.stderr)  # noqa: T201


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
