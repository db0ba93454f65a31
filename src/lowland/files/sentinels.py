"""Numbers that stand for missing cells, such as -999: they lie far from all others of a column."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lowland.core.errors import InvalidInputError

# numbers that programs write for missing cells; others are data, however far they lie
CODES = (
    *(sign * float("9" * digits) for digits in range(1, 8) for sign in (-1, 1)),
    *(
        -99.99,
        -999.9,
        -999.99,
        -9999.9,
        -9999.99,
        -32768.0,
        -2147483648.0,
        1e20,
        1e30,
        -1e30,
        1e34,
        -1e34,
        1e36,
    ),
)
# others that a column must have before its range means something
LEAST = 3


def find_sentinels(column: NDArray[np.floating]) -> list[float]:
    """Return the numbers of a column that stand for missing cells, as far as their distance tells.

    Such a number is the smallest or the largest, and farther from the next one than the others are from each
    other. One of a single digit must occur twice.

    Parameters
    ----------
    column : ndarray of float, shape (p,)
        NaN where missing.
    """
    known = column[~np.isnan(column)]
    found = []
    for code in (code for code in CODES if code in (known.min(initial=0), known.max(initial=0))):
        marked = known == code
        others = known[~marked]
        if others.size < LEAST or (abs(code) < 10 and marked.sum() < 2):
            continue
        low, high = others.min(), others.max()
        gap = low - code if code < low else code - high
        if gap > high - low and gap > 0 and high > low:
            found.append(code)
    return found


def settle_sentinels(
    columns: Mapping[str, NDArray[np.floating]], rule: str, where: str
) -> tuple[dict[str, NDArray[np.floating]], str]:
    """Return columns after a rule of `TableFormat`, and a sentence on what was done; "" if nothing.

    Raises
    ------
    InvalidInputError
        If there are such numbers and the rule is "error".
    """
    found = {name: find_sentinels(column) for name, column in columns.items()}
    found = {name: codes for name, codes in found.items() if codes}
    if rule == "values" or not found:
        return dict(columns), ""
    all_codes = sorted({code for codes in found.values() for code in codes})
    words = ", ".join(f"{code:g}" for code in all_codes)
    counts = {name: int(np.isin(columns[name], codes).sum()) for name, codes in found.items()}
    if rule == "error":
        first = next(iter(found))
        others = f" and {len(found) - 1} more columns" if len(found) > 1 else ""
        raise InvalidInputError(
            f"{where} holds {words}, which may stand for missing cells",
            f"{sum(counts.values())} times, far from all other numbers of column {first!r}{others}",
            "as numbers they would spoil the fit",
            "say which: sentinels 'missing' or 'values'",
        )
    settled = dict(columns)
    for name, codes in found.items():
        settled[name] = np.where(np.isin(columns[name], codes), np.nan, columns[name]).astype(
            columns[name].dtype
        )
    return settled, f"{sum(counts.values())} cells of {words} taken as missing (--sentinels)"
