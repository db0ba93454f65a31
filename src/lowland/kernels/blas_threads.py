"""One thread of linear algebra for problems so small that more threads only wait for each other.

BLAS libraries start a thread per processor for products of some thousand numbers, and their threads wait by
spinning: two programs at once then take many times as long as one after the other. Whether to limit depends
on the problem alone, not on how busy the machine is. A limit that a thread of a program holds is one for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

# held by the thread that has set the limit
_limiting = Lock()


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


@cache
def _libraries() -> Any:
    """Return the libraries that are loaded, with SciPy's own: looking for them takes some milliseconds."""
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
