"""What is being computed, on standard error: a live line on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

from lowland.core.doors import public
from lowland.core.running.stages import Stage, listening

# seconds between two states of the live line, before the first plain line, and between plain lines
LIVE, FIRST, LATER = 0.2, 2.0, 10.0
WIDTH = 100


@final
class StageLine:
    """A listener that shows the latest stages, also while nothing is announced.

    Parameters
    ----------
    live : bool
        Whether a line on a terminal is rewritten.
    """

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._path: tuple[Stage, ...] = ()
        self._shown = ""
        self._since = self._spoken = time.monotonic()
        self._wait = FIRST
        self._over = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, path: tuple[Stage, ...]) -> None:
        """Keep what is being done; a thread of its own shows it."""
        if not self._path or path[0].what != self._path[0].what:
            self._since = time.monotonic()
        self._path = path

    def watch(self) -> None:
        """Show what is being done until `stop` is called."""
        while not self._over.wait(LIVE):
            path, now = self._path, time.monotonic()
            if path and self._live:
                self._rewrite(words_of(path, now - self._since))
            elif path and now - self._spoken >= self._wait:
                self._spoken, self._wait = now, LATER
                print(words_of(path, now - self._since), file=sys.stderr, flush=True)  # noqa: T201

    def clear(self) -> None:
        """Remove the line, so that other words can be printed."""
        with self._lock:
            if self._shown:
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
                self._shown = ""
            self._path, self._spoken, self._wait = (), time.monotonic(), FIRST

    def stop(self) -> None:
        """Show nothing more."""
        self._over.set()
        self.clear()

    def _rewrite(self, text: str) -> None:
        with self._lock:
            if text != self._shown and not self._over.is_set():
                sys.stderr.write(f"\r\x1b[K{text[:WIDTH]}")
                sys.stderr.flush()
                self._shown = text


def words_of(path: tuple[Stage, ...], seconds: float) -> str:
    """Return the stages in words, with the time left where the total is known, or the time spent."""
    text = " \u203a ".join(map(str, path))
    left = next((remaining for one in path if (remaining := one.seconds_left()) is not None), None)
    return f"{text}; " + (f"{_duration(seconds)} so far" if left is None else f"about {_duration(left)} left")


_CURRENT: list[StageLine] = []


@public("lowland")
@contextmanager
def show_progress() -> Iterator[None]:
    """Show on standard error what is being computed within a `with` block, and how long it will take.

    Fits, choices of ranks, certificates, resamples and surveys tell what they do. On a terminal one line is
    rewritten; elsewhere there is a line after two seconds and then every ten.

    Returns
    -------
    context manager

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> table = np.outer(np.arange(1.0, 9.0), np.arange(1.0, 7.0))
    >>> table[2, 3] = table[5, 1] = np.nan
    >>> with ll.show_progress():
    ...     model = ll.MatrixCompletion(rank=1, certify=False, random_state=0).fit(table)
    """
    line = StageLine(live=sys.stderr.isatty())
    watcher = threading.Thread(target=line.watch, daemon=True)
    _CURRENT.append(line)
    watcher.start()
    try:
        with listening(line):
            yield
    finally:
        _CURRENT.remove(line)
        line.stop()
        watcher.join(1.0)


def clear_line() -> None:
    """Remove the live line before other words are printed."""
    for line in _CURRENT:
        line.clear()


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
