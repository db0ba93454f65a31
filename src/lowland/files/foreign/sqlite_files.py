"""Query SQLite files with the library that Python has, in blocks of rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lowland.core.errors import InvalidInputError
from lowland.core.running.interrupt import HeldInterrupt

# rows that are held as Python objects at once, and steps of SQLite between two looks for an interrupt
BLOCK, LOOK = 20_000, 100_000
# what a connection may do: SQLite asks before it does anything else
_ALLOWED = (
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
)


def fetch_sqlite(path: Path, query: str) -> Any:
    """Return the result of one statement on a file as an Arrow table.

    The connection itself refuses everything but reading: writing, attaching other files, settings.
    """
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection,
            HeldInterrupt() as held,
        ):
            # SQLite itself calls this, so no exception can pass: an interrupt waits and is then delivered
            connection.set_progress_handler(lambda: held.has_arrived, LOOK)
            connection.set_authorizer(_authorise)
            return _table(connection.execute(query), held)
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:  # ValueError: text or cells of no kind
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InvalidInputError(f"the query to {path} failed", reason, fix="check the query") from error


def _authorise(action: int, *_: object) -> int:
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _table(cursor: sqlite3.Cursor, held: HeldInterrupt) -> Any:
    import pyarrow as pa

    names = [column[0] for column in cursor.description or ()]
    blocks = [list(map(_column, zip(*block, strict=True))) for block in _blocks(cursor, held)]
    columns = [_joined([block[k] for block in blocks]) for k in range(len(names))]
    return pa.Table.from_arrays(columns, names=names)


def _blocks(cursor: sqlite3.Cursor, held: HeldInterrupt) -> Iterator[list[tuple[Any, ...]]]:
    while (block := cursor.fetchmany(BLOCK)) and not held.has_arrived:
        yield block


def _column(cells: tuple[Any, ...]) -> Any:
    """Return some cells of a column, whose kinds SQLite does not fix: numbers, or text if any is text."""
    import pyarrow as pa

    kinds = {type(cell) for cell in cells} - {type(None)}
    if bytes in kinds:  # neither numbers nor text, which is said later; other cells with them
        plain = [cell if cell is None or isinstance(cell, bytes) else str(cell).encode() for cell in cells]
        return pa.array(plain, pa.binary())
    if str in kinds and len(kinds) > 1:
        return pa.array([cell if cell is None else str(cell) for cell in cells])
    if kinds == {int, float}:
        return pa.array(cells, pa.float64())
    return pa.array(cells)


def _joined(parts: list[Any]) -> Any:
    """Return the parts of a column as one, of the widest kind among them."""
    import pyarrow as pa

    kinds = {part.type for part in parts} - {pa.null()}
    if len(kinds) <= 1:
        kind = next(iter(kinds), pa.null())
    else:
        kind = pa.string() if pa.string() in kinds else pa.float64()
    return pa.chunked_array([part if part.type == kind else part.cast(kind) for part in parts], kind)
