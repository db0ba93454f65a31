"""Contracts of solvers: progress, descent if promised, the same bits from the same seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lowland.core.doors import public
from lowland.core.results.records import SearchResult
from lowland.core.results.status import StopReason


@public("lowland.testing")
def check_progress(result: SearchResult, *, promises_descent: bool, ratio: float = 0.5) -> None:
    """Check that a search made progress and recorded it correctly.

    Parameters
    ----------
    result : SearchResult
    promises_descent : bool
        Whether no step may increase the objective (beyond rounding).
    ratio : float
        The best value must be at most this fraction of the first.

    Raises
    ------
    AssertionError
        If there was too little progress or an increase, or the returned value is not the best seen.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from dataclasses import replace
    >>> from lowland.testing import check_progress
    >>> A, plan = ll.gaussian(60, (5, 5), 0), dict(rank=1, structure="psd", start="random", rng=0)
    >>> found = ll.recover(A, A.measure_matrix(np.ones((5, 5))), solver="gradient", **plan).own_end
    >>> check_progress(found, promises_descent=True)
    >>> check_progress(replace(found, value=1.0), promises_descent=True)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: the returned value is not the smallest seen...
    """
    values = result.trace.values
    assert values.size == result.iterations + 1, f"{values.size} values for {result.iterations} iterations"
    assert result.value <= ratio * values[0], (
        f"from {values[0]:.3g} to {result.value:.3g} is too little progress"
    )
    assert result.value == np.nanmin(values), "the returned value is not the smallest seen"
    if promises_descent:
        rises = np.diff(values) > 1e-12 * np.abs(values[:-1])
        assert not rises.any(), f"the objective rose at step {int(np.argmax(rises)) + 1}"
    assert isinstance(result.stop_reason, StopReason), "no stop reason was given"
    assert result.message, "the stop reason has no message"


@public("lowland.testing")
def check_repeatable(search: Callable[[int], SearchResult]) -> None:
    """Check that the same seed gives bit-for-bit identical results.

    Parameters
    ----------
    search : callable
        Takes a seed, returns the result.

    Raises
    ------
    AssertionError
        If two runs differ.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import Iterations
    >>> from lowland.testing import check_repeatable
    >>> A, plan = ll.gaussian(60, (5, 5), 0), dict(rank=1, start="random", stop=Iterations(3), certify=False)
    >>> check_repeatable(lambda seed: ll.recover(A, np.ones(60), rng=seed, **plan).search)
    >>> check_repeatable(lambda seed: ll.recover(A, np.ones(60), **plan).search)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: two runs from one seed end at different points...
    """
    first, second = search(5), search(5)
    assert np.array_equal(first.theta, second.theta), "two runs from one seed end at different points"
    assert np.array_equal(first.trace.values, second.trace.values), (
        "two runs from one seed take different paths"
    )
