"""Query results from SQLite and PostgreSQL, through ADBC."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from lowland.core.errors import InvalidInputError, MissingExtraError

POSTGRESQL = ("postgresql", "postgres")
SQLITE_ENDINGS = (".db", ".sqlite", ".sqlite3")


def query_arrow(database: str | os.PathLike[str], query: str) -> Any:
    """Return the result of a query as an Arrow table; the query cannot change anything.

    Parameters
    ----------
    database : str or path
        "postgresql://user:password@host:port/name"; or "sqlite:///path", or the path of an SQLite file.
    query : str
        In the database's SQL.

    Raises
    ------
    InvalidInputError
        If the database is unknown or cannot be reached, or the query fails. Passwords are not repeated.
    MissingExtraError
        If the driver is not installed.
    """
    text = os.fspath(database)
    scheme = urlsplit(text).scheme.lower()
    if not query.strip():
        raise InvalidInputError(
            "the query is empty", repr(query), fix="pass an SQL query that returns a table"
        )
    if scheme in POSTGRESQL:
        return _fetch("postgresql", text, query, before="SET TRANSACTION READ ONLY", where=shown(text))
    if scheme == "sqlite" or (not scheme and Path(text).suffix.lower() in SQLITE_ENDINGS):
        path = Path(text.removeprefix("sqlite://").removeprefix("/") if scheme else text)
        if scheme and text.startswith("sqlite:////"):
            path = Path("/") / path
        if not path.is_file():  # SQLite would make an empty database
            raise InvalidInputError("there is no such database", str(path), fix="check the path")
        return _fetch("sqlite", f"file:{quote(str(path))}?mode=ro", query, before=None, where=str(path))
    raise InvalidInputError(
        "the database is of an unknown kind",
        shown(text),
        fix="use postgresql://user@host/name, sqlite:///path, or a path that ends in .db or .sqlite",
    )


def shown(uri: str) -> str:
    """Return an address without its password."""
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    rest = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{rest}", query=""))


def _fetch(kind: str, uri: str, query: str, *, before: str | None, where: str) -> Any:
    try:
        from importlib import import_module

        import pyarrow as pa
        from adbc_driver_manager import Error

        driver = import_module(f"adbc_driver_{kind}.dbapi")
    except ImportError as error:
        raise MissingExtraError(
            f"queries to {kind} need an optional package",
            f"{error.name or 'a driver'} is not installed",
            fix="pip install 'lowland[sql]'",
        ) from error
    try:
        with driver.connect(uri) as connection, connection.cursor() as cursor:
            if before is not None:
                cursor.execute(before)
            cursor.execute(query)
            return _plain(cursor.fetch_arrow_table())
    except (Error, pa.ArrowException) as error:
        reason = str(error).replace(uri, where).splitlines()
        raise InvalidInputError(
            f"the query to {where} failed",
            reason[0] if reason else type(error).__name__,
            fix="check the query",
        ) from error


def _plain(table: Any) -> Any:
    """Return a table with exact decimals, which come as text of a type of their own, as floats."""
    import pyarrow as pa

    for k, field in enumerate(table.schema):
        if isinstance(field.type, pa.BaseExtensionType):
            storage = pa.chunked_array(
                [chunk.storage for chunk in table.column(k).chunks], field.type.storage_type
            )
            exact = "numeric" in str(field.type)
            table = table.set_column(k, field.name, storage.cast(pa.float64()) if exact else storage)
    return table
