"""Ctrl-C as a request to stop: searches end at their next step, everything else ends at once.

Searches and other loops that can end with what they have run within `Interruption`. There the first SIGINT
is a request, which they poll, and the second raises KeyboardInterrupt; elsewhere the first one raises. A
computation of several searches is `Interruptible`: a request then holds for all that follows within it, so
that the next search ends at its first step and the next stage does not begin.
"""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ContextDecorator, contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any, TypeVar, final

from lowland.core.errors import InterruptedWarning

T = TypeVar("T")

# seconds between two looks at a thread, and those that it gets to end after it was cancelled
_LOOK, _CANCELLED = 0.05, 2.0


class _Request:
    """The state of the main thread: what is open, and whether a stop was requested within it."""

    def __init__(self) -> None:
        self.open = self.loops = 0
        self.requested = self.installed = False
        self.listener: Callable[[int], None] = lambda number: None

    def begin(self) -> None:
        self.open += 1
        if self.open == 1:
            self.requested = False
            # a program with a handler of its own keeps it
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                signal.signal(signal.SIGINT, arrive)
                self.installed = True

    def end(self) -> None:
        self.open -= 1
        if self.open == 0:
            if self.installed:
                signal.signal(signal.SIGINT, signal.default_int_handler)
            if self.requested:
                self.listener(0)
            self.requested = self.installed = False


_REQUEST = _Request()


def arrive(number: int, frame: FrameType | None = None) -> None:
    """Take a signal: as a request within a loop that has none yet, else by raising KeyboardInterrupt."""
    if _REQUEST.loops and not _REQUEST.requested:
        _REQUEST.requested = True
        _REQUEST.listener(number)
        return
    raise KeyboardInterrupt


def is_requested() -> bool:
    """Whether a stop was requested within the computation that is under way."""
    return _REQUEST.requested and _is_main()


def unless_interrupted(compute: Callable[[], T], what: str) -> T | None:
    """Return a result that can be done without, or None with a warning if it is interrupted.

    The request then holds for what follows within a computation that is `Interruptible`.
    """
    try:
        return compute()
    except KeyboardInterrupt:
        if _is_main() and _REQUEST.open:
            _REQUEST.requested = True
        warnings.warn(
            f"{what} was interrupted; the fit is returned without it", InterruptedWarning, stacklevel=3
        )
        return None


def in_full(compute: Callable[[], T]) -> T:
    """Return a result that is of no use if a search within it ends early: then raise KeyboardInterrupt."""
    with Interruptible():
        result = compute()
        stop_if_requested()
    return result


def stop_if_requested() -> None:
    """Raise KeyboardInterrupt if a stop was requested and no loop will see to it."""
    if is_requested() and not _REQUEST.loops:
        raise KeyboardInterrupt


@contextmanager
def telling_requests(listener: Callable[[int], None]) -> Iterator[None]:
    """Call a function with the signal's number when a stop is requested, and with 0 when all has ended."""
    before, _REQUEST.listener = _REQUEST.listener, listener
    try:
        yield
    finally:
        _REQUEST.listener = before


@final
class Interruptible(ContextDecorator):
    """Context of a computation of several loops, or decorator of a function that is one.

    Outside the main thread nothing is changed.
    """

    def __enter__(self) -> None:
        if _is_main():
            _REQUEST.begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if _is_main():
            _REQUEST.end()


@final
class Interruption:
    """Context of a loop that polls `requested` and ends with what it has.

    Outside the main thread nothing is ever requested.
    """

    def __enter__(self) -> Interruption:
        if _is_main():
            _REQUEST.begin()
            _REQUEST.loops += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if _is_main():
            _REQUEST.loops -= 1
            _REQUEST.end()

    @property
    def requested(self) -> bool:
        """Whether the loop should end."""
        return is_requested()


@final
class HeldInterrupt:
    """Context at whose end the program's handler is told of every SIGINT that arrived within.

    Outside the main thread, or if SIGINT is ignored or ends the process, nothing is changed.
    """

    def __init__(self) -> None:
        self._handler: Callable[[int, FrameType | None], Any] | None = None
        self._arrived: list[int] = []

    def __enter__(self) -> HeldInterrupt:
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler) and _is_main():
            self._handler = handler
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handler is None:
            return
        signal.signal(signal.SIGINT, self._handler)
        for number in self._arrived:
            self._handler(number, None)

    @property
    def has_arrived(self) -> bool:
        """Whether an interrupt waits."""
        return bool(self._arrived)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._arrived.append(number)


def in_thread(work: Callable[[list[Callable[[], None]]], T]) -> T:
    """Return the result of work that waits inside a library's code, where no signal is heard.

    It runs in a thread of its own while the main thread listens.

    Parameters
    ----------
    work : callable
        Takes a list, to which it adds what cancels it: functions that are called from the main thread when an
        interrupt arrives. It should then end soon.

    Raises
    ------
    KeyboardInterrupt
        If an interrupt arrives; also if the work does not end soon.
    """
    if not _is_main():
        return work([])
    cancels: list[Callable[[], None]] = []
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work(cancels))
        except BaseException as error:
            errors.append(error)
        over.set()

    # not by joining the thread, which an interrupt would make appear to have ended
    over = threading.Event()
    threading.Thread(target=run, daemon=True).start()
    try:
        while not over.wait(_LOOK):
            pass
    except KeyboardInterrupt:
        for cancel in cancels:
            with suppress(Exception):  # it may have ended meanwhile
                cancel()
        over.wait(_CANCELLED)
        raise
    if errors:
        raise errors[0]
    return results[0]


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()
