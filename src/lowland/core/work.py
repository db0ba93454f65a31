"""Counted work: what a computation touches, in nominal nanoseconds, and never in seconds.

Effort is bounded by counts, so that verdicts and bits depend neither on the load of a machine nor on its
speed. One unit is about a nanosecond of one processor: a number that is read and used once, or some sixteen
operations of a matrix product. Whoever does much work says so by `touch`; `counted` adds up what is said
within it, also by functions that it calls.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Self, final

# what a call of a vectorised function costs, whatever its size
CALL = 3e4


@final
@dataclass
class Work:
    """What has been touched so far.

    Parameters
    ----------
    spent : float
        In nominal nanoseconds.
    """

    spent: float = 0.0


_COUNTERS: ContextVar[tuple[Work, ...]] = ContextVar("counters", default=())


def touch(numbers: float) -> None:
    """Count numbers that are read and used once, in every counter that is open."""
    for counter in _COUNTERS.get():
        counter.spent += numbers


@contextmanager
def counted() -> Iterator[Work]:
    """Open a counter for what is touched within the block."""
    counter = Work()
    token = _COUNTERS.set((*_COUNTERS.get(), counter))
    try:
        yield counter
    finally:
        _COUNTERS.reset(token)


@final
class Budget:
    """So much work that may be spent, counted while the budget is open.

    Parameters
    ----------
    limit : float
        In nominal nanoseconds; infinite for no limit.
    seconds : float, optional
        Also at most so many seconds of wall-clock time from now on. What is done then depends on the machine
        and its load, so this is for whoever asks for it.

    Examples
    --------
    >>> from lowland.core.work import Budget, touch
    >>> budget = Budget(100.0)
    >>> with budget:
    ...     touch(60.0)
    >>> budget.left, budget.allows(50.0)
    (40.0, False)
    """

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
        """Whether the seconds asked for are over."""
        return time.perf_counter() > self._deadline

    @property
    def name(self) -> str:
        """What sets the limit, for findings: "seconds" or "work"."""
        return "seconds" if self.is_late else "work"

    def allows(self, work: float, *, part: float = 1.0) -> bool:
        """Whether so much may be done, from a part of what is left."""
        return bool(work <= part * self.left)

    def times(self, each: float, most: int, *, part: float = 1.0) -> int:
        """Return how often something may be done that takes so much work each, at most `most` times."""
        return int(min(most, part * self.left / each)) if each > 0 else most


UNLIMITED = Budget(float("inf"))


def matrix_work(numbers: float, columns: float = 1.0, *, is_complex: bool = False) -> float:
    """Return the work of a dense matrix of so many numbers times a block of columns."""
    return CALL + numbers * (0.35 + columns / 24) * (4 if is_complex else 1)


def rows_work(cells: float, lines: float, width: float, *, single: bool = False) -> float:
    """Return the work of solving lines of a table, each a least-squares problem of so many unknowns."""
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
