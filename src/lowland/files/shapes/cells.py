"""Columns of a table as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.cells.labels import LabelColumn
from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Remedy, Words
from lowland.files.beside_numbers import is_censored
from lowland.files.numerals import EITHER_MARK, MISSING, Numerals, are_exact, is_long, type_cells
from lowland.files.shapes.layouts import Reading
from lowland.files.text.delimited import marked_numbers, without_marks

# up to so many words of a column of numbers are offered as marks of missing cells
MOST_MARKS = 3
# between the ends of a scale
MOST_STEPS = 9


def number_column(
    values: Any, name: str, where: str, how: Reading, numerals: Numerals, *, wide: bool = False
) -> NDArray[Any]:
    """Return a column, perhaps of a wide table, as numbers, NaN where missing.

    Raises
    ------
    InvalidInputError
        If it holds text or an infinity.
    """
    values = typed_column(values, numerals)
    if values.dtype.kind == "U":
        cells = values.tolist()
        bad = first_text(cells, name, where, numerals, wide=wide)
        raise InvalidInputError(
            f"{where} has text where numbers are needed",
            f"{cells[bad]!r} in column {name!r}, data line {bad + 1}",
            fix=Remedy(*ways_out(cells, numerals)),
        )
    if values.dtype.kind in "iu" and not (exact := are_exact(values)).all():
        bad = int(np.argmin(exact))
        raise _too_long(values[bad], name, bad + 1, where, wide=wide)
    numbers: NDArray[Any] = without_marks(values, marked_numbers(how.form.missing)).astype(how.dtype)
    if np.isinf(numbers).any():
        bad = int(np.argmax(np.isinf(numbers)))
        raise InvalidInputError(
            f"{where} holds an infinite value",
            f"column {name!r}, data line {bad + 1}",
            fix="leave missing cells blank",
        )
    return numbers


def ways_out(cells: Sequence[str], numerals: Numerals) -> list[str | Words]:
    """Return what may be done about text in a column of numbers: bounds are said, few words may be missing.

    Words of which a column holds more than numbers are its values, and so are the ends of a scale, and
    numbers with something beside them: it would do harm to leave them out.
    """
    known = [cell.strip() for cell in cells if cell.strip()]
    held = [cell for cell in known if numerals.number(cell) is None]
    if all(map(is_censored, held)):
        return ["correct the cell", Words("say what bounds mean by ", Option("censored", "bound", "missing"))]
    texts, numbers = list(dict.fromkeys(held)), {cell for cell in known if cell not in MISSING} - {*held}
    ends = len(texts) == 2 < len(held) and 0 < len(numbers) <= MOST_STEPS
    if len(texts) > MOST_MARKS or 2 * len(held) > len(known) or ends or any(map(_has_digit, texts)):
        return ["correct the cell" if len(held) == 1 else "write such cells as numbers"]
    return ["correct the cell", Words("take such cells for missing ones (", Option("missing", texts), ")")]


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _too_long(cell: Any, name: str, line: int, where: str, *, wide: bool) -> InvalidInputError:
    """Return the error of a whole number of more digits than a double holds: it is a name, and no value."""
    return InvalidInputError(
        f"{where} holds whole numbers of more digits than a number in a fit has",
        f"{cell} in column {name!r}, data line {line}",
        "they would be changed, and look like names",
        Remedy(
            Words("leave the column as it is (", Option("as_is", [name]), ")"),
            Words("let it name the rows (", Option("row", name), ")"),
        )
        if wide
        else "round such numbers, or divide them by a unit",
    )


def first_text(cells: Sequence[str], name: str, where: str, numerals: Numerals, *, wide: bool) -> int:
    """Return the place of the first cell of a column of text that is no number.

    Raises
    ------
    InvalidInputError
        If all are, and it is text only because some have too many digits.
    """
    for k, cell in enumerate(cells):
        if numerals.number(cell) is None:
            return k
    bad = next(k for k, cell in enumerate(cells) if is_long(cell))
    raise _too_long(cells[bad], name, bad + 1, where, wide=wide)


def text_column(values: Any) -> NDArray[Any]:
    """Return a column as the text that it is."""
    cells = values.names[values.codes] if isinstance(values, LabelColumn) else values
    return np.asarray(cells).astype(str)


def typed_column(values: Any, numerals: Numerals) -> NDArray[Any]:
    """Return a column as numbers if all of its cells are, else as text."""
    if isinstance(values, LabelColumn):
        if values.names.dtype.kind != "U":
            return values.names[values.codes]
        return type_cells(values.codes, values.names.tolist(), numerals)
    if values.dtype.kind == "U":
        texts, codes = np.unique(values, return_inverse=True)
        return type_cells(codes, texts.tolist(), numerals)
    return np.asarray(values)


def mostly_numbers(column: Any, numerals: Numerals) -> bool:
    """Return whether at least half of a column's first cells are numbers."""
    if isinstance(column, LabelColumn):
        column = column.names[column.codes[:10_000]]
    if column.dtype.kind in "if":
        return True
    cells = [cell for cell in column[:10_000].tolist() if cell.strip() not in MISSING]
    are_numbers = [any(one.number(cell) is not None for one in (numerals, *EITHER_MARK)) for cell in cells]
    return bool(np.mean(are_numbers or [False]) >= 0.5)


def check_some(values: NDArray[Any], where: str) -> None:
    """Raise if a table has no observed cell."""
    if not values.size:
        raise InvalidInputError(f"{where} is empty", "no observed cell", fix="pass a table with data")
