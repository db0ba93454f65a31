"""Counted work: the numbers a computation reads and uses, in nominal nanoseconds rather than seconds.

Effort is bounded by counts, so that verdicts and bits depend neither on the load of a machine nor on its
speed. One unit is about a nanosecond of one processor: a number that is read and used once, or some sixteen
operations of a matrix product. Expensive functions report their work by `touch`; `counted` sums the work
reported within it, including that of nested calls.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Self, final

# fixed cost of a call to a vectorised function, whatever its size
CALL = 3e4


@final
@dataclass
class Work:
    """A counter of the work done so far.

    Parameters
    ----------
    spent : float
        In nominal nanoseconds.
    """

    spent: float = 0.0


_COUNTERS: ContextVar[tuple[Work, ...]] = ContextVar("counters", default=())


def touch(numbers: float) -> None:
    """Add numbers that are read and used once to every open counter."""
    for counter in _COUNTERS.get():
        counter.spent += numbers


@contextmanager
def counted() -> Iterator[Work]:
    """Open a counter for the work done within the block."""
    counter = Work()
    token = _COUNTERS.set((*_COUNTERS.get(), counter))
    try:
        yield counter
    finally:
        _COUNTERS.reset(token)


@final
class Budget:
    """An amount of work that may be spent, counted while the budget is open.

    Parameters
    ----------
    limit : float
        In nominal nanoseconds; infinite for no limit.
    seconds : float, optional
        Also a limit in seconds of wall-clock time from now on. Results then depend on the machine and its
        load, so there is no such limit by default.

    Examples
    --------
    >>> from lowland.core.work import Budget, touch
    >>> budget = Budget(100.0)
    >>> with budget:
    ...     touch(60.0)
    >>> budget.left, budget.allows(50.0)
    (40.0, False)
    """

    limit: float

    def __init__(self, limit: float, *, seconds: float | None = None) -> None:
        self.limit, self._work = float(limit), Work()
        self._deadline = float("inf") if seconds is None else time.perf_counter() + seconds
        self._token: Token[tuple[Work, ...]] | None = None

    def __enter__(self) -> Self:
        self._token = _COUNTERS.set((*_COUNTERS.get(), self._work))
        return self

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _COUNTERS.reset(self._token)

    @property
    def spent(self) -> float:
        """Work done so far."""
        return self._work.spent

    @property
    def left(self) -> float:
        """Work that may still be done; none once the time is up."""
        return 0.0 if self.is_late else max(self.limit - self._work.spent, 0.0)

    @property
    def is_late(self) -> bool:
        """Whether the time limit has passed."""
        return time.perf_counter() > self._deadline

    @property
    def name(self) -> str:
        """What sets the limit, for findings: "seconds" or "work"."""
        return "seconds" if self.is_late else "work"

    def allows(self, work: float, *, part: float = 1.0) -> bool:
        """Whether an amount of work fits into a fraction of the remaining budget."""
        return bool(work <= part * self.left)

    def would_allow(self, work: float) -> bool:
        """Whether an amount of work fits into the whole budget, whatever is spent, and there is time."""
        return bool(work <= self.limit) and not self.is_late

    def times(self, each: float, most: int, *, part: float = 1.0) -> int:
        """Return how often a step of the given work may be done, at most `most` times."""
        return int(min(most, part * self.left / each)) if each > 0 else most


UNLIMITED = Budget(float("inf"))


def matrix_work(numbers: float, columns: float = 1.0, *, is_complex: bool = False) -> float:
    """Return the work of multiplying a dense matrix, given by its count of numbers, by a block of columns."""
    return CALL + numbers * (0.35 + columns / 24) * (4 if is_complex else 1)


def rows_work(cells: float, lines: float, width: float, *, single: bool = False) -> float:
    """Return the work of solving lines of a table, each a least-squares problem with `width` unknowns."""
    each = cells * (width**2 / 32 + width / 4 + 1) + lines * (width**3 / 32 + 8 * width)
    return CALL + each * (0.5 if single else 1)


def cholesky_work(side: float) -> float:
    """Return the work of a Cholesky factorisation."""
    return CALL + side**3 / 20


def eigenvalue_work(side: float) -> float:
    """Return the work of all eigenvalues of a symmetric matrix; twice as much with vectors."""
    return CALL + side**3 / 4


def singular_value_work(rows: float, columns: float) -> float:
    """Return the work of all singular values; twice as much with vectors."""
    short, long = sorted((rows, columns))
    return CALL + short**2 * long / 2
