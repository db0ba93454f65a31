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
# what is loaded before anything is parsed: address space, most of which is never used
LOADED = 2 << 30
_CHILD = "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); from {} import serve; serve()"


class ParserDiedError(ValueError):
    """A parser has ended its process."""


def apart(parse: Callable[..., R], *arguments: Any) -> R:
    """Return what a function returns that runs in a process of its own, with a limit on its memory.

    Parameters
    ----------
    parse : callable
        Of the top level of a module, as the process finds it by its name.
    *arguments
        Whatever can be pickled.

    Raises
    ------
    ParserDiedError
        If the process has died.
    Exception
        What the function raises, with its words.
    """
    room = available_memory()
    limit = None if room == float("inf") else max(int(room) - RESERVE, RESERVE) + LOADED
    asked = pickle.dumps(sys.path) + pickle.dumps((limit, parse, arguments))
    command = [sys.executable, "-c", _CHILD.format(__name__)]
    done = subprocess.run(command, input=asked, capture_output=True, check=False)
    if done.returncode:
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
    limit, parse, arguments = pickle.load(sys.stdin.buffer)
    _limit_memory(limit)
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


def _limit_memory(limit: int | None) -> None:
    with suppress(ImportError, OSError, ValueError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
