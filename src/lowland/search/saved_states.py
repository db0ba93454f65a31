"""Check the saved state of a search against one that has just begun, before it goes on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from lowland.core.damage import require
from lowland.core.errors import FileFormatError
from lowland.search.stops import Progress


def restored(begun: Any, fields: Mapping[str, Any]) -> Any:
    """Return the state whose fields were saved, given one of the same search that has just begun.

    Raises
    ------
    FileFormatError
        If there are other fields.
    ValueError
        Unless the fields are of the kinds and shapes of those that have just begun: compiled loops run over
        these arrays without looking at their lengths.
    """
    names = [field.name for field in dataclasses.fields(begun) if field.init]
    if set(names) != set(fields):
        raise FileFormatError(
            "the saved search is of another version of lowland, or damaged",
            f"fields {', '.join(sorted(set(names) ^ set(fields)))} that only one of them has",
            fix="fit again, without the saved search",
        )
    return type(begun)(
        **{
            name: _restored_field(name, getattr(begun, name), fields[name], begun.theta.size)
            for name in names
        }
    )


def _restored_field(name: str, begun: Any, saved: Any, size: int) -> Any:
    if isinstance(begun, np.ndarray):
        require(isinstance(saved, np.ndarray), f"{name} is no array")
        difference = f"{name} holds {saved.dtype} of shape {saved.shape}, not {begun.dtype} of {begun.shape}"
        require(saved.dtype == begun.dtype and _may_grow_into(begun.shape, saved.shape), difference)
        require(saved.dtype.kind not in "fc" or np.isfinite(saved).all(), f"{name} is not finite")
    elif isinstance(begun, float | int | np.number):
        require(isinstance(saved, float | int | np.number), f"{name} is {saved!r}")
        require(np.isfinite(saved) or not np.isfinite(begun), f"{name} is {saved!r}")
    elif isinstance(begun, tuple):
        require(isinstance(saved, tuple | list | np.ndarray), f"{name} is of type {type(saved).__name__}")
        if not begun:  # draws that are kept are added to it
            _check_draws(saved, size)
        return tuple(saved)
    else:
        require(isinstance(saved, type(begun)), f"{name} is of type {type(saved).__name__}")
    return saved


def _may_grow_into(begun: tuple[int, ...], saved: tuple[int, ...]) -> bool:
    """Return whether shapes agree, but for axes that are empty at the beginning."""
    return len(begun) == len(saved) and all(m in (0, n) for m, n in zip(begun, saved, strict=True))


def _check_draws(draws: Any, length: int) -> None:
    """Raise ValueError unless saved draws are finite points of a length."""
    for draw in draws:
        require(
            np.shape(draw) == (length,) and np.isfinite(draw).all(), f"a draw is no point of {length} numbers"
        )


def check_progress(progress: Progress) -> None:
    """Raise ValueError unless the series of a saved search are numbers, one for each step."""
    count = progress.iteration
    require(isinstance(count, int) and count >= 0, f"iteration is {count!r}")
    require(np.isfinite(progress.seconds), f"seconds is {progress.seconds}")
    for name in ("values", "gradient_norms", "times"):
        series = _numbers(getattr(progress, name), name)
        require(len(series) == count + 1, f"{name} has {len(series)} numbers, not {count + 1}")
    require(np.isfinite(progress.values[-1]), f"the objective is {progress.values[-1]}")
    for name, measured in progress.measures.items():
        _numbers(measured, name)


def _numbers(series: Any, name: str) -> list[float]:
    """Return a series of a saved search, which must be a list of numbers and nothing else."""
    # whole numbers beyond 64 bits would be kept as objects
    good = isinstance(series, list) and all(
        isinstance(one, float) or (isinstance(one, int) and abs(one) < 2**53) for one in series
    )
    require(good, f"{name} is no series of numbers")
    return list(series)
