"""Run a parser that damaged files can end, with the interpreter around it, in a process of its own."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from lowland.core.errors import LowlandError
from lowland.core.memory import RESERVE, available_memory

R = TypeVar("R")
# CPU seconds of a parser: so many, and one for so many bytes of its file; by the clock so many times as long
LEAST_SECONDS, BYTES_PER_SECOND, BY_THE_CLOCK = 15, 1_000_000, 20
# what is loaded before anything is parsed: address space, most of which is never used
LOADED = 2 << 30
ENDLESS = "its reader did not come to an end"
_CHILD = "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); from {} import serve; serve()"


class ParserDiedError(ValueError):
    """A parser has ended its process, or has not come to an end."""


def apart(parse: Callable[..., R], *arguments: Any, size: int) -> R:
    """Return what a function returns that runs in a process of its own, with limits on memory and time.

    Parameters
    ----------
    parse : callable
        Of the top level of a module, as the process finds it by its name.
    *arguments
        Whatever can be pickled.
    size : int
        Bytes of the file, for the time that it may take.

    Raises
    ------
    ParserDiedError
        If the process has died, or its time is up.
    Exception
        What the function raises, with its words.
    """
    room = available_memory()
    limit = None if room == float("inf") else max(int(room) - RESERVE, RESERVE) + LOADED
    seconds = LEAST_SECONDS + size // BYTES_PER_SECOND
    asked = pickle.dumps(sys.path) + pickle.dumps((limit, seconds, parse, arguments))
    command = [sys.executable, "-c", _CHILD.format(__name__)]
    try:
        done = subprocess.run(
            command, input=asked, capture_output=True, check=False, timeout=BY_THE_CLOCK * seconds
        )
    except subprocess.TimeoutExpired:
        raise ParserDiedError(ENDLESS) from None
    if done.returncode:
        if done.returncode == -getattr(signal, "SIGXCPU", 0):
            raise ParserDiedError(ENDLESS)
        raise ParserDiedError(f"its reader ended with {_ending(done.returncode)}")
    returned, error = pickle.loads(done.stdout)
    if error is not None:
        raise error
    return returned  # type: ignore[no-any-return]


def _ending(code: int) -> str:
    if code < 0:
        with suppress(ValueError):
            return signal.Signals(-code).name
    return f"code {code}"


def serve() -> None:
    """Run what standard input asks for, and write what comes of it; whatever else is printed is dropped."""
    out = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    memory, seconds, parse, arguments = pickle.load(sys.stdin.buffer)
    _limit(memory, seconds)
    try:
        answer = pickle.dumps((parse(*arguments), None))
    except Exception as error:
        answer = pickle.dumps((None, _plain(error)))
    with out:
        out.write(answer)


def _plain(error: Exception) -> Exception:
    """Return an error that the caller can load, without what belongs to this process."""
    if isinstance(error, LowlandError):
        return error
    if isinstance(error, MemoryError):
        return MemoryError("the file needs more memory than is left")
    if isinstance(error, OSError) and error.errno is not None:
        return OSError(error.errno, error.strerror)
    return ValueError((str(error).splitlines() or [type(error).__name__])[0])


def _limit(memory: int | None, seconds: int) -> None:
    with suppress(ImportError, OSError, ValueError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
