"""What is said of the columns of a data frame before it is fitted."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Any

from lowland.core.errors import InvalidInputError
from lowland.estimators.frames.held import Written, is_mark
from lowland.estimators.frames.kinds import Levels
from lowland.estimators.frames.wrapping import wrap_frame
from lowland.files.columns.times import EITHER_FIRST
from lowland.files.numerals import Numerals


def warn_of_untouched(untouched: Mapping[Any, str], asked: Any) -> None:
    """Warn that columns take no part in a fit.

    Raises
    ------
    InvalidInputError
        If a loss was asked for such a column.
    """
    for name in untouched:
        if isinstance(asked, Mapping) and name in asked:
            raise InvalidInputError(
                f"loss names column {name!r}, which holds neither numbers nor levels",
                untouched[name],
                fix="make it an ordered category (an Enum in Polars), or one boolean column per level",
            )
    if untouched:
        columns = ", ".join(f"{name!r} ({what})" for name, what in untouched.items())
        unclear = any(what.endswith(EITHER_FIRST) for what in untouched.values())
        warnings.warn(
            f"columns that hold neither numbers nor levels take no part in the fit: {columns}; name numbers "
            "that are data in as_data, make words ordered categories (Enum in Polars), or booleans per level"
            + ('; dates="dmy" or dates="mdy" says which is the day' if unclear else ""),
            stacklevel=4,
        )


def warn_of_marks(frame: Any, levels: Levels) -> None:
    """Warn of words that are levels, and may mean missing; an order of the levels tells that they do not.

    Parameters
    ----------
    frame : data frame or anything else
    levels : dict of str to tuple
    """
    import narwhals as nw

    wrapped = wrap_frame(frame)
    said = []
    for name, words in levels.items():
        marks = [word for word in words if is_mark(word)]
        if marks and not isinstance(wrapped.get_column(name).dtype, nw.Enum):
            cells = Counter(wrapped.get_column(name).to_list())
            said.append(f"{name!r} holds " + ", ".join(f"{mark!r} ({cells[mark]} cells)" for mark in marks))
    if said:
        warnings.warn(
            f"words that may mean missing are levels like others: column {'; '.join(said)}; if they are "
            "missing, replace them by None, else make the column an ordered category (Enum in Polars)",
            stacklevel=4,
        )


def warn_of_written(written: Written) -> None:
    """Warn that text is read as numbers in a way that its columns show."""
    # of bounds more is said elsewhere
    said = {name: words for name, one in written.items() if (words := _manner(one))}
    if said:
        columns = ", ".join(f"{name!r} ({words})" for name, words in said.items())
        warnings.warn(
            f"columns of text are read as numbers, and filled as text: {columns}; make them numbers to have "
            "numbers filled, or name those that are none in as_is",
            stacklevel=4,
        )


def _manner(numerals: Numerals) -> str:
    """Return how the numbers of a column of text are written, in a few words."""
    beside = numerals.beside
    words = ["decimal commas"] * (numerals.decimal == ",")
    words += [f"{numerals.thousands!r} between thousands"] * bool(numerals.thousands)
    words += [f"{sign.strip()!r} left off" for sign in (numerals.signs, beside.before, beside.unit) if sign]
    words += ["brackets for losses"] * beside.losses
    words += [f"marks {', '.join(sorted(beside.marks))}"] * bool(beside.marks)
    return ", ".join(words)
