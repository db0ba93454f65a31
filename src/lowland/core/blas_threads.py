"""One thread of linear algebra for problems so small that more threads only wait for each other.

BLAS libraries start a thread per processor for products of some thousand numbers, and their threads wait by
spinning: two programs at once then take many times as long as one after the other. The limit depends on the
problem alone, not on how busy the machine is, so bits do not depend on what else runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

# held by the thread that has set the limit; and the libraries as they were last looked for
_limiting = Lock()
_state: dict[str, Any] = {"libraries": None, "scipy": False}


@contextmanager
def one_blas_thread(*, applies: bool = True) -> Iterator[None]:
    """Limit BLAS libraries to one thread, and restore what was set before.

    The limit is that of the whole process. The caller that sets it also ends it; others that come meanwhile,
    from within or from other threads, change nothing.

    Parameters
    ----------
    applies : bool
        Whether to limit at all: not if single products are large enough to gain from more threads.
    """
    if not applies or not _limiting.acquire(blocking=False):
        yield
        return
    try:
        with _libraries().limit(limits=1, user_api="blas"):
            yield
    finally:
        _limiting.release()


def _libraries() -> Any:
    """Return the libraries that are loaded; looking for them takes a millisecond."""
    loaded = "scipy.linalg" in sys.modules  # which brings a library of its own
    if _state["libraries"] is None or loaded != _state["scipy"]:
        from threadpoolctl import ThreadpoolController

        _state["libraries"], _state["scipy"] = ThreadpoolController(), loaded
    return _state["libraries"]
