"""Signals that end a command: Ctrl-C, SIGTERM and SIGHUP are one request, told at once and given seconds."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import final

from lowland.core.running.interrupt import arrive, telling_requests

# seconds from a request until a search that has not ended is broken off, and until the process is ended
PATIENCE, LAST = 3.0, 1.5
# seconds between two looks at an import
LOOK = 0.02
ENDING = "lowland: interrupted; ending the current step (once more: ends at once)\n"
LOST = b"lowland: interrupted in the middle of a computation, which is lost\n"


@final
class Signals:
    """The signals that have arrived."""

    def __init__(self) -> None:
        self.last: int = int(signal.SIGINT)
        self._over = threading.Event()
        self._waits = False
        self.earlier = sys.unraisablehook

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Take a SIGINT, or what is treated as one; during an import it waits for the end of that.

        Code that libraries run when they are imported may lose a KeyboardInterrupt.
        """
        if not _is_importing():
            arrive(number, frame)
        elif not self._waits:
            self._waits = True
            threading.Thread(target=self._send_again, args=(number,), daemon=True).start()

    def _send_again(self, number: int, after: float = 0.0) -> None:
        time.sleep(after)
        while _is_importing():
            time.sleep(LOOK)
        self._waits = False
        os.kill(os.getpid(), number)

    def unraisable(self, lost: sys.UnraisableHookArgs) -> None:
        """Send a signal again whose KeyboardInterrupt Python could not raise, as in a destructor."""
        if lost.exc_type is not KeyboardInterrupt:
            self.earlier(lost)
        elif not self._waits:
            self._waits = True
            threading.Thread(target=self._send_again, args=(self.last, 2 * LOOK), daemon=True).start()

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
            _end(number)

    def listen(self, arrivals: socket.socket, ignored: set[int]) -> None:
        """End the process if a signal has arrived and the main thread, inside a library, has not heard of it.

        Python writes each signal's number to a socket when it arrives; its handlers wait for the main thread.
        """
        stuck: object = None
        with arrivals:
            while numbers := arrivals.recv(16):
                for number in set(numbers) & ({signal.SIGINT, signal.SIGTERM, _HANGUP} - ignored):
                    place = _place()
                    if stuck is not None and place == stuck:  # once more
                        _end(number)
                    stuck = place
                    threading.Thread(target=self._watch_place, args=(number, place), daemon=True).start()

    def _watch_place(self, number: int, place: object) -> None:
        time.sleep(PATIENCE + LAST)
        if place == _place():
            _end(number)


_HANGUP = getattr(signal, "SIGHUP", signal.SIGTERM)  # Windows has none


def _frame() -> FrameType | None:
    """Return the innermost frame of the main thread."""
    return sys._current_frames().get(threading.main_thread().ident or 0)


def _place() -> object:
    """Return where in its code the main thread is; inside a library's compiled code it does not move."""
    frame = _frame()
    return None if frame is None else (id(frame), frame.f_lasti)


def _is_importing() -> bool:
    """Return whether the main thread is importing a library."""
    frame = _frame()
    while frame is not None:
        code = frame.f_code
        if code.co_name == "_find_and_load" and code.co_filename.startswith("<frozen importlib"):
            name = str(frame.f_locals.get("name"))
            if name.split(".")[0] != __package__.split(".")[0]:
                return True
        frame = frame.f_back
    return False


def _end(number: int) -> None:
    os.write(2, LOST)
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
    ignored: set[int] = set()
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.SIG_IGN:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, ignore_interrupts)
        ignored.add(signal.SIGINT)
    elif usual is signal.default_int_handler:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, signals.interrupt)
    arrivals, writer = socket.socketpair()
    writer.setblocking(False)
    earlier = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=signals.listen, args=(arrivals, ignored), daemon=True).start()
    sys.unraisablehook = signals.unraisable
    try:
        with telling_requests(signals.told):
            yield signals
    finally:
        sys.unraisablehook = signals.earlier
        signal.set_wakeup_fd(earlier)
        writer.close()  # which ends the thread
        for number, handler in before.items():
            signal.signal(number, handler)
