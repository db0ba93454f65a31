"""Signals that end a command: Ctrl-C, SIGTERM and SIGHUP are one request, told at once and given seconds."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import final

from lowland.core.interrupt import arrive, telling_requests

# seconds from a request until a search that has not ended is broken off, and until the process is ended
PATIENCE, LAST = 3.0, 1.5
ENDING = "lowland: interrupted; ending the current step (once more: ends at once)\n"


@final
class Signals:
    """The signals that have arrived."""

    def __init__(self) -> None:
        self.last = int(signal.SIGINT)
        self._over = threading.Event()

    def take(self, number: int, frame: FrameType | None) -> None:
        """Treat SIGTERM or SIGHUP as the handler of SIGINT treats that."""
        self.last = number
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler):
            handler(number, frame)

    def told(self, number: int) -> None:
        """Say that a request has arrived and watch how long it takes; 0 says that all has ended."""
        if number == 0:
            self._over.set()
            return
        # not by print, which this may have interrupted
        os.write(2, (b"\r\x1b[K" if sys.stderr.isatty() else b"") + ENDING.encode())
        self._over.clear()
        threading.Thread(target=self._watch, args=(number,), daemon=True).start()

    def _watch(self, number: int) -> None:
        if self._over.wait(PATIENCE):
            return
        os.kill(os.getpid(), number)
        time.sleep(LAST)
        if not self._over.is_set():
            # the main thread is inside a library's code, which sees no signal
            os.write(2, b"lowland: interrupted in the middle of a computation, which is lost\n")
            os._exit(128 + number)


def ignore_interrupts(number: int, frame: FrameType | None) -> None:
    """Take other signals only: SIGINT was ignored when the process began."""
    if number != signal.SIGINT:
        arrive(number, frame)


@contextmanager
def taking_signals() -> Iterator[Signals]:
    """Treat SIGTERM and SIGHUP like Ctrl-C within the block, unless they are ignored, as by nohup."""
    signals, before = Signals(), {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            before[number] = signal.signal(number, signals.take)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, ignore_interrupts)
    try:
        with telling_requests(signals.told):
            yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
