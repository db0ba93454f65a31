"""Cells of data frames as they are held: which are missing, which are numbers, and fills of the same kind."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.files.beside_numbers import Beside
from lowland.files.numerals import MISSING, Numerals, find_numerals
from lowland.files.table_format import TableFormat
from lowland.files.text.column_numerals import plain_cells
from lowland.files.writing.manners import Manner, filled_text, whole_fill

# how numbers are written in columns of text, by name; as in programs in those that are not named
Written = Mapping[Any, Numerals]
PLAIN, NOTHING_SAID = Numerals(), TableFormat()
# cells of a column of text that are looked at before it is given up
SAMPLE = 200
# text such as "007" is a name, although it looks like a number
_NAMED_BY_DIGITS = re.compile(r"[+-]?0\d.*")


def is_declared(series: Any) -> bool:
    """Return whether the kind of a column says that it holds levels."""
    import narwhals as nw

    return series.dtype in (nw.Boolean, nw.Categorical) or isinstance(series.dtype, nw.Enum)


def are_values(series: Any) -> bool:
    """Return whether the kind of a column says that it holds binary numbers."""
    import narwhals as nw

    return bool(series.dtype.is_numeric()) and series.dtype != nw.Decimal


def is_empty(cell: Any) -> bool:
    """Return whether a cell holds nothing, whatever the rest of its column holds."""
    return (isinstance(cell, float) and cell != cell) or (isinstance(cell, str) and not cell.strip())


def is_mark(cell: Any) -> bool:
    """Return whether a cell means missing among numbers."""
    return isinstance(cell, str) and cell.strip() in MISSING


def gaps(series: Any, levels: Collection[Any] = ()) -> list[bool]:
    """Return which cells hold nothing: null, not a number, or blank, which may be a level of a category."""
    return [
        bool(gap) or (is_empty(cell) and cell not in levels)
        for cell, gap in zip(series.to_list(), series.is_null().to_list(), strict=True)
    ]


def missing_cells(series: Any, levels: Collection[Any] = ()) -> list[bool]:
    """Return which cells are missing: in columns of numbers or truth values the usual marks as well."""
    are_words = any(isinstance(level, str) for level in levels)
    return [
        gap or (not are_words and is_mark(cell))
        for cell, gap in zip(series.to_list(), gaps(series, levels), strict=True)
    ]


def known_cells(series: Any) -> list[Any]:
    """Return the cells that hold something, marks of missing ones among them."""
    return [cell for cell, gap in zip(series.to_list(), gaps(series), strict=True) if not gap]


def holds_number(cell: Any, numerals: Numerals = PLAIN) -> bool:
    """Return whether a cell is a number: in text, one that is no name."""
    if isinstance(cell, str):
        return not _NAMED_BY_DIGITS.fullmatch(cell.strip()) and numerals.number(cell) is not None
    return isinstance(cell, int | float | Decimal | np.number) and not isinstance(
        cell, bool | np.bool_ | np.complexfloating
    )


def as_numbers(series: Any, numerals: Numerals = PLAIN) -> list[float]:
    """Return objects and text that hold numbers as numbers.

    Raises
    ------
    InvalidInputError
        If a cell holds anything else.
    """
    numbers, declared = [], is_declared(series)
    for cell, gap in zip(series.to_list(), missing_cells(series), strict=True):
        if gap:
            numbers.append(np.nan)
        elif not declared and holds_number(cell, numerals):
            number = numerals.number(cell) if isinstance(cell, str) else cell
            numbers.append(float(np.nan if number is None else number))
        else:
            raise InvalidInputError(
                f"column {series.name!r} held numbers in the fit",
                f"{cell!r}, a category" if declared else repr(cell),
                fix="pass numbers, or fit again",
            )
    return numbers


def find_written(texts: Mapping[Any, Sequence[str]]) -> tuple[dict[Any, Numerals], frozenset[Any]]:
    """Return how columns of text write numbers, as in files, and those that may write them in two ways.

    Parameters
    ----------
    texts : mapping of str to sequence of str
        Distinct cells, by name of column.
    """
    some = {name: own for name, own in texts.items() if _have_digits(own[:SAMPLE])}
    plain, besides = plain_cells(some, NOTHING_SAID)
    # all columns tell how numbers are written, as in a file, unless one that differs tells it by itself
    whole = _found(set[str]().union(*plain.values()))
    alone = {name: _found(cells) for name, cells in plain.items()}
    differ = whole is None or any(
        _reads(one, cells) and not _reads(whole, cells)
        for one, cells in zip(alone.values(), plain.values(), strict=True)
    )
    written, doubtful = {}, set()
    for name in plain:
        found = (alone[name] if differ else whole) or PLAIN
        numerals = replace(found, beside=besides[name], signs=_held_signs(found.signs, texts[name]))
        if alone[name] is None and not _reads(numerals, texts[name]):
            doubtful.add(name)
        elif numerals != PLAIN:
            written[name] = numerals
    return written, frozenset(doubtful)


def _have_digits(cells: Collection[str]) -> bool:
    return 2 * sum(any(map(str.isdigit, cell)) for cell in cells) >= len(cells)


def _found(cells: Collection[str]) -> Numerals | None:
    """Return how numbers are written, None if that is unclear."""
    try:
        return find_numerals(cells, None, None, (), "the data frame")
    except InvalidInputError:
        return None


def _held_signs(signs: str, cells: Sequence[str]) -> str:
    return "".join(sign for sign in signs if any(sign in cell for cell in cells))


def _reads(numerals: Numerals | None, cells: Collection[str]) -> bool:
    """Return whether cells are numbers that are written so, or marks."""
    return numerals is not None and all(numerals.number(cell) is not None for cell in cells)


def manner_of(series: Any, numerals: Numerals = PLAIN) -> Manner:
    """Return how the cells of a column of text or objects are written."""
    manner = Manner()
    for cell in known_cells(series):
        manner.see(cell, numerals)
    return manner


def of_the_same_kind(
    series: Any,
    values: Sequence[float],
    numerals: Numerals = PLAIN,
    *,
    counts: bool = False,
    means: bool = False,
    signed: bool = False,
) -> list[Any]:
    """Return fills of a column of text, decimals or objects, as its known cells are held.

    Parameters
    ----------
    series : narwhals.Series
    values : sequence of float
    numerals : Numerals
        How it writes numbers in text.
    counts : bool
        Whether it holds whole numbers, whatever their kind.
    means : bool
        Whether fills among whole numbers stay means.
    signed : bool
        Whether a number of the fit was negative.
    """
    import narwhals as nw

    manner = manner_of(series, numerals)
    manner.signed = signed
    known = [cell for cell in known_cells(series) if not is_mark(cell)]
    # what pandas holds as objects is text to narwhals until something else is known
    if manner.texts if known else series.dtype == nw.String and not _holds_objects(series):
        return [filled_text(value, manner, numerals, means=means) for value in values]
    whole = manner.numbers and (counts or (manner.seen > 0 and manner.whole)) and not means
    made = [whole_fill(value, manner.least) if whole else value for value in values]
    places = _places(series, known)
    if places is not None:
        unit = Decimal(1).scaleb(-places)
        return [Decimal(one).quantize(unit) for one in made]
    kinds = {type(cell) for cell in known}
    kind: Any = kinds.pop() if len(kinds) == 1 else None
    if kind is None or (means and issubclass(kind, int | np.integer)):
        return made
    return [kind(one) for one in made]


def _holds_objects(series: Any) -> bool:
    return bool(series.implementation.is_pandas() and series.to_native().dtype == object)


def _places(series: Any, known: Sequence[Any]) -> int | None:
    """Return the decimals of a column of decimals, None of any other."""
    native = series.to_native()
    kind = native.type if series.implementation.is_pyarrow() else native.dtype
    scale = getattr(getattr(kind, "pyarrow_dtype", kind), "scale", None)
    if scale is not None:
        return int(scale)
    if known and all(isinstance(cell, Decimal) for cell in known):
        return max(0, *(-int(cell.as_tuple().exponent) for cell in known if cell.is_finite()))
    return None


def written_as_data(written: Written) -> list[Any]:
    """Return how numbers are written as lists for JSON, because names need not be text."""
    return [
        [name, one.decimal, one.thousands, {**asdict(one.beside), "marks": sorted(one.beside.marks)}]
        for name, one in written.items()
    ]


def written_from_data(data: Sequence[Any]) -> dict[Any, Numerals]:
    """Return how numbers are written from what `written_as_data` made."""
    return {
        name: Numerals(
            decimal=decimal,
            thousands=thousands,
            beside=Beside(**{**about, "marks": frozenset(about["marks"])}),
        )
        for name, decimal, thousands, about in data
    }
