"""What is being computed right now, told to whoever listens: the command line, or a caller's own function.

Long computations announce their stages where they happen; nothing is passed through the layers above. Without
a listener an announcement costs less than a microsecond.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TypeAlias, final

from lowland.core.doors import public
from lowland.core.running.interrupt import stop_if_requested


@public("lowland")
@final
@dataclass(frozen=True)
class Stage:
    """A computation and its progress.

    Parameters
    ----------
    what : str
        "choosing the rank", "judging", or what is counted: "Gibbs draws".
    done, total : int
        Total 0: not known beforehand.
    note : str
        Such as the objective.
    started : float
        When it began, in seconds of `time.monotonic`.

    Examples
    --------
    >>> from lowland import Stage
    >>> str(Stage("fits", 2, 5, "rank 3"))
    'fits 2 of 5, rank 3'
    """

    what: str
    done: int = 0
    total: int = 0
    note: str = ""
    started: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        number = f" {self.done}" if self.done or self.total else ""
        number += f" of {self.total}" if self.total else ""
        note = f", {self.note}" if self.note else ""
        return f"{self.what}{number}{note}"

    def seconds_left(self) -> float | None:
        """Return the estimated seconds left, at the speed so far; None if unknown."""
        if not self.total or not self.done:
            return None
        return (time.monotonic() - self.started) / self.done * (self.total - self.done)


# called with the stages that are under way, the outermost first
Listener: TypeAlias = Callable[[tuple[Stage, ...]], None]

_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)
_PATH: ContextVar[tuple[Stage, ...]] = ContextVar("path", default=())


@public("lowland")
@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call a function for every stage of computation that is announced within a `with` block.

    Parameters
    ----------
    listener : callable
        Called with a tuple of stages, the outermost first, each time one begins or goes on.

    Returns
    -------
    context manager

    Examples
    --------
    >>> import lowland as ll
    >>> told, A = [], ll.gaussian(60, (5, 5), 0)
    >>> with ll.listening(lambda path: told.append(str(path[-1]))):
    ...     fit = ll.recover(A, [1.0] * 60, rank=1, solver="gradient", n_restarts=0, certify=False, rng=0)
    >>> told[0].split(",")[0]
    'gradient iteration 1'
    """
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def announce(what: str, done: int = 0, total: int = 0, note: str = "", started: float | None = None) -> None:
    """Tell the listener, if there is one, what is being computed within the stages that are under way.

    Examples
    --------
    >>> from lowland.core.running.stages import announce, listening, stage
    >>> with listening(lambda path: print(" > ".join(map(str, path)))), stage("fits", total=2) as count:
    ...     announce("sweep", 7)
    ...     count(1)
    fits 0 of 2
    fits 0 of 2 > sweep 7
    fits 1 of 2
    """
    listener = _LISTENER.get()
    if listener is None:
        return
    now = Stage(what, done, total, note) if started is None else Stage(what, done, total, note, started)
    listener((*_PATH.get(), now))


@contextmanager
def interlude(what: str) -> Iterator[None]:
    """Announce what has to be done in between, and afterwards again what was under way.

    Examples
    --------
    >>> from lowland.core.running.stages import interlude, listening, stage
    >>> with listening(lambda path: print(" > ".join(map(str, path)))), stage("fits", total=2):
    ...     with interlude("compiling"):
    ...         pass
    fits 0 of 2
    fits 0 of 2 > compiling
    fits 0 of 2
    """
    listener = _LISTENER.get()
    announce(what)
    try:
        yield
    finally:
        if listener is not None:
            listener(_PATH.get() or (Stage("computing"),))


@contextmanager
def stage(what: str, total: int = 0) -> Iterator[Callable[[int], None]]:
    """Announce a stage that contains others; the function that it gives tells how much of it is done.

    Raises KeyboardInterrupt if a stop was requested before, so that the stage does not begin.
    """
    stop_if_requested()
    listener = _LISTENER.get()
    if listener is None:
        yield lambda done: None
        return
    outer, entered = _PATH.get(), Stage(what, 0, total)
    token = _PATH.set((*outer, entered))
    listener((*outer, entered))

    def tell(done: int) -> None:
        now = (*outer, replace(entered, done=done))
        _PATH.set(now)
        listener(now)

    try:
        yield tell
    finally:
        _PATH.reset(token)
