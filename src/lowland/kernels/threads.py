"""Serial compiled loops over fixed chunks, one chunk per thread.

Kernels release the interpreter's lock and never share what they write, so the result does not
depend on the number of threads. Plain threads compile three times faster than Numba's parallel
loops and start in about 0.1 ms; work below `WORTH_IT` elementary steps runs in the calling thread.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from threading import Lock, Thread, local

import numpy as np

WORTH_IT = 2_000_000
_own = local()


def thread_count() -> int:
    """Return the number of threads: NUMBA_NUM_THREADS, or the processors of this process; or the limit."""
    limit = getattr(_own, "limit", 0)
    if limit:
        return int(limit)
    affinity = getattr(os, "sched_getaffinity", None)
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    compiler = sys.modules.get("lowland.kernels.compiler")
    if compiler is not None:  # a program may have changed Numba's number
        return min(int(compiler.get_num_threads()), processors)
    # Numba's own rule, without half a second of importing it
    asked = os.environ.get("NUMBA_NUM_THREADS", "")
    return min(int(asked), processors) if asked.isdigit() and int(asked) else processors


@contextmanager
def limited_to(count: int) -> Iterator[None]:
    """Let kernels that the calling thread starts share their work among this many threads."""
    before, _own.limit = getattr(_own, "limit", 0), count
    try:
        yield
    finally:
        _own.limit = before


def chunk_count() -> int:
    """Return the number of chunks: two per thread, so that a slow thread does less."""
    threads = thread_count()
    return 2 * threads if threads > 1 else 1


def run_chunks(function: Callable[[int, int], None], bounds: np.ndarray) -> None:
    """Call function(bounds[t], bounds[t + 1]) for every chunk, the chunks shared out among threads.

    Parameters
    ----------
    function : callable
        Takes the two ends of a range; must release the lock to gain anything, and write where no
        other chunk writes.
    bounds : ndarray of int
        Ends of the chunks, ascending.

    Raises
    ------
    Exception
        The first one that a chunk raised, after all threads have ended.
    """
    if len(bounds) == 2:
        if bounds[1] > bounds[0]:
            function(int(bounds[0]), int(bounds[1]))
        return
    chunks = [(int(low), int(high)) for low, high in pairwise(bounds) if high > low]
    waiting, lock = iter(chunks), Lock()
    errors: list[BaseException] = []

    def work() -> None:
        while not errors:
            with lock:
                chunk = next(waiting, None)
            if chunk is None:
                return
            try:
                function(*chunk)
            except BaseException as error:
                errors.append(error)

    helpers = [Thread(target=work) for _ in range(min(thread_count(), len(chunks)) - 1)]
    for helper in helpers:
        helper.start()
    work()  # this thread works too, which saves one thread start
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[0]


def even_bounds(length: int, work: int) -> np.ndarray:
    """Return the ends of chunks of equal length, a single one if `work` is too small for threads."""
    if work < WORTH_IT:
        return np.array((0, length))
    return np.linspace(0, length, chunk_count() + 1).astype(np.int64)


def balanced_bounds(starts: np.ndarray, row_cost: int, multiple: int = 1) -> np.ndarray:
    """Return row ranges of about equal cost, where a row costs its entries plus `row_cost`.

    Parameters
    ----------
    starts : ndarray of int, shape (rows + 1,)
        Row starts of a compressed matrix.
    row_cost : int
        Cost of a row besides its entries, in entries.
    multiple : int
        Bounds are multiples of this, except the last one.

    Returns
    -------
    ndarray of int64
    """
    rows = starts.size - 1
    if (int(starts[-1]) + row_cost * rows) * row_cost < WORTH_IT:
        return np.array((0, rows))
    cost = starts + row_cost * np.arange(rows + 1)
    bounds = np.searchsorted(cost, np.linspace(0, cost[-1], chunk_count() + 1))
    bounds = np.minimum(-(-bounds // multiple) * multiple, rows)
    bounds[0], bounds[-1] = 0, rows
    return bounds.astype(np.int64)
