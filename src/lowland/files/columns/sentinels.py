"""Numbers that stand for missing cells, such as -999: they lie far from all others of a column."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Words

# numbers that programs and people write for missing cells; others are data, however far they lie
CODES = (
    *(sign * float("9" * digits) for digits in range(1, 10) for sign in (-1, 1)),
    *(97.0, 98.0, -99.99, -200.0, 999.9, -999.9, -999.99, -9999.9, -9999.99, -32768.0, -2147483648.0),
    *(1e20, 1e30, -1e30, 1e34, -1e34, 1e36, 9.969209968386869e36, -3.4028234663852886e38),
)
_SORTED = np.sort(np.array(CODES))
# relative: that of single numbers
PRECISION = 1e-6
# others that a column must have before its range means something
LEAST = 3


def find_sentinels(column: NDArray[np.floating]) -> list[float]:
    """Return the numbers of a column that stand for missing cells, as far as their distance tells.

    Such a number lies farther from all others than these from each other; numbers that may themselves
    stand for missing cells do not count as others. One of a single digit must occur twice.

    Parameters
    ----------
    column : ndarray of float, shape (p,)
        NaN where missing.
    """
    known = column[~np.isnan(column)]
    present = _codes_among(known)
    sentinels: list[float] = []
    # those that lie near the others are data: they widen the range for the next look
    while present:
        others = known[~_near(known, present)]
        if others.size < LEAST:
            return []
        low, high = float(others.min()), float(others.max())
        reach = (high - low) or max(1.0, abs(high))
        far = [code for code in present if max(low - code, code - high) > reach]
        if len(far) == len(present):
            sentinels = far
            break
        present = far
    return [code for code in sentinels if abs(code) >= 10 or (known == code).sum() >= 2]


def _codes_among(known: NDArray[np.floating]) -> list[float]:
    """Return the codes that occur among numbers, by a search for each number: tables have many columns."""
    above = np.searchsorted(_SORTED, known)
    beside = np.concatenate([np.minimum(above, _SORTED.size - 1), np.maximum(above - 1, 0)])
    near = np.abs(np.tile(known, 2) - _SORTED[beside]) <= PRECISION * np.abs(_SORTED[beside])
    return [float(_SORTED[k]) for k in np.unique(beside[near])]


def _near(known: NDArray[np.floating], codes: Sequence[float]) -> NDArray[np.bool_]:
    """Return which numbers are one of the codes."""
    same = np.zeros(known.size, bool)
    for code in codes:
        same |= np.abs(known - code) <= PRECISION * abs(code)
    return same


def warn_of_sentinels(columns: Mapping[str, NDArray[np.floating]]) -> None:
    """Warn of numbers in a data frame that may stand for missing cells; they are taken as they are."""
    for name, column in columns.items():
        codes = find_sentinels(column)
        if codes:
            words = ", ".join(f"{code:g}" for code in codes)
            warnings.warn(
                f"column {name!r} holds {words} {int(_near(column, codes).sum())} times, far from all other "
                "numbers of it; if that stands for missing cells, replace it by NaN, else it spoils the fit",
                UserWarning,
                stacklevel=4,
            )
            return


def settle_sentinels(
    columns: Mapping[str, NDArray[np.floating]],
    rule: str,
    where: str,
    *,
    offered: Sequence[str] = ("missing", "values"),
) -> tuple[dict[str, NDArray[np.floating]], str]:
    """Return columns after a rule of `TableFormat`, and a sentence on what was done; "" if nothing.

    Rules that the caller has are `offered` where there is no rule.

    Raises
    ------
    InvalidInputError
        If there are such numbers and the rule is "error".
    """
    by_column = {name: find_sentinels(column) for name, column in columns.items()}
    by_column = {name: codes for name, codes in by_column.items() if codes}
    if rule == "values" or not by_column:
        return dict(columns), ""
    all_codes = sorted({code for codes in by_column.values() for code in codes})
    words = ", ".join(f"{code:g}" for code in all_codes)
    counts = {name: int(_near(columns[name], codes).sum()) for name, codes in by_column.items()}
    if rule == "error":
        first = next(iter(by_column))
        others = f" and {len(by_column) - 1} more columns" if len(by_column) > 1 else ""
        raise InvalidInputError(
            f"{where} holds {words}, which may stand for missing cells",
            f"{sum(counts.values())} times, far from all other numbers of column {first!r}{others}",
            "as numbers they would spoil the fit",
            Words("say which: ", Option("sentinels", *offered)),
        )
    settled = dict(columns)
    for name, codes in by_column.items():
        settled[name] = np.where(_near(columns[name], codes), np.nan, columns[name]).astype(
            columns[name].dtype
        )
    return settled, f"{sum(counts.values())} cells of {words} taken as missing (--sentinels)"
