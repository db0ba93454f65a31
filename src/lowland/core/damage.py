"""What a file of arrays must hold: kinds, shapes that agree with each other, finite numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.errors import FileFormatError, LowlandError

# kinds of arrays by NumPy's letters
KINDS = {"f": "numbers", "iu": "whole numbers", "U": "text"}
# what the parts of a damaged file raise when they are put together
_FAULTS = (
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,
    ZeroDivisionError,
    EOFError,
)


@contextmanager
def reading(path: str | os.PathLike[str], kind: str) -> Iterator[None]:
    """Raise FileFormatError in place of what a damaged file of a kind makes its reader raise."""
    try:
        yield
    except LowlandError:
        raise
    except _FAULTS as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise FileFormatError(f"{path} is a damaged {kind}", what, fix=f"use a whole {kind}") from error


def check_arrays(
    arrays: Mapping[str, NDArray[Any]],
    shapes: Mapping[str, str],
    sizes: dict[str, int] | None = None,
    *,
    kind: str = "f",
    infinite: Sequence[str] = (),
) -> dict[str, int]:
    """Check arrays against shapes such as "m r", where a letter stands for the same length everywhere.

    Parameters
    ----------
    arrays : mapping of str to ndarray
    shapes : mapping of str to str
        Letters, or whole numbers, for every axis of each array.
    sizes : dict of str to int, optional
        Lengths that are known.
    kind : str
        "f" for numbers in one of the two usual precisions, "iu" for whole numbers.
    infinite : sequence of str
        Arrays that may hold infinite numbers.

    Returns
    -------
    dict of str to int
        Length of each letter.

    Raises
    ------
    KeyError
        If an array is missing.
    ValueError
        If one is not as it should be.
    """
    lengths = dict(sizes or {})
    for name, letters in shapes.items():
        array = arrays[name]
        axes = letters.split()
        if array.dtype.kind not in kind or (kind == "f" and array.dtype not in (np.float64, np.float32)):
            raise ValueError(f"{name} holds {array.dtype}, not {KINDS[kind]}")
        expected = [lengths.get(axis, int(axis) if axis.isdigit() else None) for axis in axes]
        if array.ndim != len(axes) or any(
            wanted not in (None, length) for wanted, length in zip(expected, array.shape, strict=True)
        ):
            wanted = " x ".join(axis if n is None else str(n) for axis, n in zip(axes, expected, strict=True))
            raise ValueError(f"{name} has shape {array.shape}, not {wanted}")
        lengths |= {axis: n for axis, n in zip(axes, array.shape, strict=True) if not axis.isdigit()}
        if kind == "f" and not _is_sound(array, may_be_infinite=name in infinite):
            raise ValueError(f"{name} holds numbers that are not finite")
    return lengths


def _is_sound(array: NDArray[Any], *, may_be_infinite: bool) -> bool:
    return bool((~np.isnan(array) if may_be_infinite else np.isfinite(array)).all())


def number(plain: Mapping[str, Any], name: str, default: float | None = None) -> float:
    """Return a finite number of a header.

    Raises
    ------
    KeyError, ValueError, TypeError
        If there is none.
    """
    value = float(plain[name] if default is None else plain.get(name, default))
    if not np.isfinite(value):
        raise ValueError(f"{name} is {value}")
    return value


def require(holds: object, words: str) -> None:
    """Raise ValueError with these words unless something holds."""
    if not holds:
        raise ValueError(words)
