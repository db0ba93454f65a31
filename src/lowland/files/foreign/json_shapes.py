"""The ways in which tables are written in JSON, as lines of cells by names of columns.

Records are one object per row. pandas writes five other ways: objects by column (its default) or by row, a
list of rows, and objects that name the columns beside the data. They are told apart by what they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from lowland.core.cells.labels import label_text
from lowland.core.errors import FileFormatError
from lowland.files.table_format import ROW_LABELS
from lowland.files.text.header_lines import is_header

RECORDS = "write one object per line, or one list of objects"
Lines = list[dict[str, Any]]
# what holds a cell of a line by the name of its column, and the key or place of the cell there
Place = Callable[[int, str], tuple[Any, Any]]


@final
@dataclass(frozen=True, eq=False)
class Records:
    """The lines of a table.

    Parameters
    ----------
    lines : list of dict of str to value
        By names of columns.
    place : callable
        Takes a line and the name of a column, and returns what holds the cell, and where in that.
    index : str
        The column that names the rows; "" if none is named as such.
    headed : bool
        Whether the columns have names.
    """

    lines: Lines
    place: Place
    index: str = ""
    headed: bool = True


def records_of(content: Any, where: str) -> Records:
    """Return a table from what a JSON text holds.

    Raises
    ------
    FileFormatError
        If it is none of the known ways, or a cell holds more than one value.
    """
    made = _by_shape(content, where)
    if not made.lines:
        raise FileFormatError(f"{where} is empty", "no record", fix="pass a table with data")
    for line in made.lines:
        for name, cell in line.items():
            if isinstance(cell, dict | list):
                raise FileFormatError(
                    f"{where} holds a {type(cell).__name__} where a number or text is needed",
                    f"under {name!r}",
                    fix="flatten the records",
                )
    return made


def _by_shape(content: Any, where: str) -> Records:
    if isinstance(content, list):
        if all(isinstance(one, dict) for one in content):
            return _of_records(content)
        if all(isinstance(one, list) for one in content):
            return _of_rows(content, where)
        raise _unknown(where, "a list of other things than objects")
    if not isinstance(content, dict):
        raise _unknown(where, f"a {type(content).__name__}")
    if {"columns", "data"} <= set(content) and isinstance(content["data"], list):
        return _split(content, where)
    if {"schema", "data"} <= set(content) and isinstance(content["data"], list):
        return _with_schema(content, where)
    values = list(content.values())
    if len(values) == 1:
        return _of_records([content])
    if values and all(isinstance(one, dict) for one in values):
        return _of_objects(content)
    if values and all(isinstance(one, list) for one in values):
        return _of_columns(content, where)
    raise _unknown(where, f"one object with {', '.join(map(repr, list(content)[:6]))}, not a list of records")


def _unknown(where: str, found: str) -> FileFormatError:
    return FileFormatError(f"{where} is not JSON of records", found, fix=RECORDS)


def _of_records(lines: Lines, index: str = "") -> Records:
    """Return objects, one per row."""
    return Records(lines, lambda k, name: (lines[k], name), index)


def _of_rows(rows: Sequence[list[Any]], where: str) -> Records:
    """Return a list of rows, the first of which may name the columns."""
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise _unknown(where, f"rows of {min(widths)} to {max(widths)} cells")
    if not rows or not rows[0]:
        return _of_records([])
    texts = [["" if cell is None else label_text(cell) for cell in row] for row in rows[:1_000]]
    headed = all(isinstance(cell, str) for cell in rows[0]) and is_header(texts, where)
    names = texts[0] if headed else [str(k + 1) for k in range(len(rows[0]))]
    _check_distinct(names, where)
    lines = [dict(zip(names, row, strict=True)) for row in rows[int(headed) :]]
    places, first = {name: k for k, name in enumerate(names)}, int(headed)
    return Records(lines, lambda k, name: (rows[k + first], places[name]), headed=headed)


def _split(content: Mapping[str, Any], where: str) -> Records:
    """Return an object of columns, data and maybe an index."""
    names, rows = content["columns"], content["data"]
    if not isinstance(names, list) or not all(
        isinstance(row, list) and len(row) == len(names) for row in rows
    ):
        raise _unknown(where, "rows of other lengths than the columns have")
    texts = [label_text(name) for name in names]
    _check_distinct(texts, where)
    lines = [dict(zip(texts, row, strict=True)) for row in rows]
    places = {name: k for k, name in enumerate(texts)}
    made = Records(lines, lambda k, name: (rows[k], places[name]))
    index = content.get("index")
    if not isinstance(index, list) or len(index) != len(rows):
        return made
    return _indexed([label_text(one) for one in index], made)


def _with_schema(content: Mapping[str, Any], where: str) -> Records:
    """Return an object of records and a schema, which says what names the rows."""
    lines, schema = content["data"], content["schema"]
    if not all(isinstance(line, dict) for line in lines) or not isinstance(schema, dict):
        raise _unknown(where, "a schema without records")
    keys = schema.get("primaryKey") or []
    key = keys[0] if isinstance(keys, list) and len(keys) == 1 and isinstance(keys[0], str) else ""
    if not lines or key not in lines[0]:
        return _of_records(lines)
    if [line.get(key) for line in lines] == list(range(len(lines))):
        plain = [{name: cell for name, cell in line.items() if name != key} for line in lines]
        return Records(plain, lambda k, name: (lines[k], name))
    return _of_records(lines, key)


def _of_objects(content: Mapping[str, Mapping[str, Any]]) -> Records:
    """Return an object of objects: by column, as pandas has it by default, or by row."""
    inner = list(dict.fromkeys(name for one in content.values() for name in one))
    if _count_on(list(content)) and not _count_on(inner):
        return _by_row(content)
    lines = [{name: one.get(key) for name, one in content.items()} for key in inner]
    if not _count_on(inner) and _alike(content.values()) < _alike(lines):
        return _by_row(content)
    return _indexed(inner, Records(lines, lambda k, name: (content[name], inner[k])))


def _by_row(content: Mapping[str, Mapping[str, Any]]) -> Records:
    """Return an object of objects by row."""
    lines = list(content.values())
    return _indexed(list(content), Records([dict(one) for one in lines], lambda k, name: (lines[k], name)))


def _count_on(names: Sequence[str]) -> bool:
    """Return whether names are the positions of rows."""
    return list(names) == [str(k) for k in range(len(names))]


def _alike(parts: Any) -> float:
    """Return the share of parts whose cells are all of one kind: numbers or not, as those of columns are."""
    kinds = [{isinstance(cell, int | float) for cell in part.values() if cell is not None} for part in parts]
    return sum(len(kind) <= 1 for kind in kinds) / max(len(kinds), 1)


def _of_columns(content: Mapping[str, list[Any]], where: str) -> Records:
    """Return an object of lists, one per column."""
    lengths = {len(one) for one in content.values()}
    if len(lengths) > 1:
        raise _unknown(where, f"columns of {min(lengths)} to {max(lengths)} cells")
    lines = [dict(zip(content, row, strict=True)) for row in zip(*content.values(), strict=True)]
    return Records(lines, lambda k, name: (content[name], k))


def _indexed(index: Sequence[str], made: Records) -> Records:
    """Return lines with the names of their rows first, unless these are positions alone."""
    if _count_on(index) or not made.lines or ROW_LABELS in made.lines[0]:
        return made
    named = [{ROW_LABELS: name, **line} for name, line in zip(index, made.lines, strict=True)]
    return Records(named, made.place, ROW_LABELS)


def _check_distinct(names: Sequence[str], where: str) -> None:
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise FileFormatError(f"{where} names a column twice", repr(repeated[0]), fix="rename one of them")
