"""Completed tables as JSON: as the text that was read, with its holes filled, or as one object per row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import IO, Any

from lowland.files.foreign.json_records import Document, read_document
from lowland.files.foreign.json_shapes import Records
from lowland.files.sources import Opened
from lowland.files.writing.filled import Filled, check_end
from lowland.files.writing.manners import is_blank


def json_writer(ending: str, table: Filled) -> Callable[[IO[bytes]], None]:
    """Return a function that writes a table to an open file, in the way in which it was read."""
    original, plain = table.original, table.plain
    names, titles = original.names, original.titles

    def write(file: IO[bytes]) -> None:
        document = _patched(table) if original.document is not None else None
        as_read = document is not None and (document.by_line or ending == ".json")
        if document is None or not as_read:
            lines = (zip(names, line, strict=True) for line in table.lines())
            document = new_document(
                titles, ([plain[name](cell) for name, cell in line] for line in lines), ending
            )
        data = document.text().encode()
        file.write(data)
        again = read_document(Opened("the written file", ending, None, data)).records
        written = ([line.get(key) for key in (names if as_read else titles)] for line in again.lines)
        table.check(None, written, lambda name, cell: _held(plain[name](cell)))
        check_end(written)

    return write


def new_document(titles: Sequence[str], rows: Iterable[Sequence[Any]], ending: str) -> Document:
    """Return a table as one object per row, on lines of their own if the ending says so."""
    lines = [dict(zip(titles, map(_held, row), strict=True)) for row in rows]
    records = Records(lines, lambda k, name: (lines[k], name))
    return Document(lines, records, by_line=ending != ".json")


def _patched(table: Filled) -> Document:
    """Return the text that was read with its holes filled, and without columns that are left out."""
    assert table.original.document is not None
    document, names = table.original.document(), table.original.names
    place = document.records.place
    for k, (line, before) in enumerate(zip(table.lines(), document.records.lines, strict=True)):
        for name, cell in zip(names, line, strict=True):
            if name in table.fills and before.get(name) != cell:
                holder, key = place(k, name)
                holder[key] = _held(cell)
    return document


def _held(value: Any) -> Any:
    """Return a value as JSON holds it."""
    if is_blank(value):
        return value if isinstance(value, str) else None
    if isinstance(value, Decimal):
        return float(value)
    return value if isinstance(value, str | bool | int | float) else str(value)
