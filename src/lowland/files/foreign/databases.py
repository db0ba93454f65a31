"""Query SQLite, DuckDB, and PostgreSQL through ADBC; none of them lets a query change anything."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lowland.core.errors import InvalidInputError, MissingExtraError
from lowland.core.running.interrupt import in_thread
from lowland.core.wording import Option, Words
from lowland.files.foreign.columnar import need_arrow
from lowland.files.foreign.sqlite_files import fetch_sqlite

POSTGRESQL = ("postgresql", "postgres")
SQLITE_ENDINGS = (".db", ".sqlite", ".sqlite3")
DUCKDB_ENDINGS = (".duckdb", ".ddb")
# what the files begin with; those of DuckDB with a checksum before
SQLITE, DUCKDB = b"SQLite format 3\0", b"DUCK"
# what lists the tables of a file
_TABLES = {
    "sqlite": "select name from sqlite_master where type in ('table', 'view') order by name",
    "duckdb": "select table_name from information_schema.tables order by table_name",
}
# statements that only return rows; others are refused before the database is contacted
READING = ("select", "with", "values", "table")
# PostgreSQL types whose values arrive in a form that is not meaningful here
FOREIGN = ("money", "bytea", "uuid", "inet", "cidr", "interval", "json", "jsonb", "point")


def query_arrow(database: str | os.PathLike[str], query: str) -> Any:
    """Return the result of a query as an Arrow table.

    Parameters
    ----------
    database : str or path
        "postgresql://user:password@host:port/name"; "sqlite:///path" or "duckdb:///path", or the path of an
        SQLite or DuckDB file.
    query : str
        SQL that begins with select, with, values or table; it runs read-only.

    Raises
    ------
    InvalidInputError
        If the database is unknown or cannot be reached, the query fails or would not only read, or its
        result cannot be used. Messages do not show passwords.
    MissingExtraError
        If the driver is not installed.
    """
    if not isinstance(query, str) or not isinstance(database, str | os.PathLike):
        raise InvalidInputError(
            "a query and a database must be text", f"{type(query).__name__} and {type(database).__name__}"
        )
    text = os.fspath(database)
    scheme = text.partition(":")[0].lower() if ":" in text else ""
    _check_query(query)
    if scheme in POSTGRESQL:
        return _fetch_postgresql(text, query, where=shown(text))
    kind = scheme if scheme in _TABLES else "" if scheme else database_kind(text)
    if kind:
        path = _file_of(text, kind if scheme else "")
        need_arrow(f".{kind}")
        return _plain_columns(_fetch_duckdb(path, query) if kind == "duckdb" else fetch_sqlite(path, query))
    raise InvalidInputError(
        "the kind of database is unknown",
        shown(text),
        fix="use postgresql://user@host/name, sqlite:///path, or a path that ends in .db, .sqlite or .duckdb",
    )


def _file_of(text: str, scheme: str) -> Path:
    """Return the file of an address; SQLite and DuckDB would create one that does not exist."""
    absolute = "/" if text.lower().startswith(f"{scheme}:////") else ""
    path = Path(re.sub(rf"^{scheme}:/*", absolute, text, flags=re.IGNORECASE) if scheme else text)
    if not path.is_file():
        raise InvalidInputError("the database does not exist", str(path), fix="check the path")
    return path


def database_kind(path: str | os.PathLike[str]) -> str:
    """Return "sqlite" or "duckdb" of a file by its ending, or else its first bytes; "" of others."""
    for kind, endings in (("sqlite", SQLITE_ENDINGS), ("duckdb", DUCKDB_ENDINGS)):
        if Path(path).suffix.lower() in endings:
            return kind
    try:
        with Path(path).open("rb") as file:
            head = file.read(len(SQLITE))
    except OSError:
        return ""
    return "sqlite" if head == SQLITE else "duckdb" if head[8:12] == DUCKDB else ""


def refuse_without_query(path: str | os.PathLike[str]) -> None:
    """Raise because a database holds tables, and a query says which is meant; the message lists them."""
    tables = query_arrow(path, _TABLES[database_kind(path)]).column(0).to_pylist()
    raise InvalidInputError(
        f"{path} is a database, which needs a query",
        f"tables {', '.join(map(str, tables)) or 'none'}",
        fix=Words(
            "pass a query, such as ", Option("query", f"select * from {tables[0] if tables else 'ratings'}")
        ),
    )


def _check_query(query: str) -> None:
    bare = re.sub(r"\A(\s+|--[^\n]*\n|/\*.*?\*/|\()*", "", query, flags=re.DOTALL)
    if not bare:
        raise InvalidInputError("the query is empty", repr(query), fix="pass SQL that returns a table")
    first = re.match(r"\w*", bare)
    word = first.group().lower() if first else ""
    if word not in READING:
        raise InvalidInputError(
            "the query must only read data",
            f"a statement that begins with {word or bare[:10]!r}",
            fix="begin it with select or with",
        )


def shown(uri: str) -> str:
    """Return the part of an address that is safe to show: scheme, host and database, if unambiguous."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return "a database"
    if parts.scheme.lower() in POSTGRESQL:
        name = parts.path if re.fullmatch(r"/[\w-]*", parts.path) and not parts.fragment else ""
        return f"{parts.scheme}://{host if parts.path or parts.query else ''}{name}"
    if parts.scheme.lower() == "sqlite" or ("=" not in uri and "@" not in uri):
        return uri
    return f"{parts.scheme}://..." if "://" in uri else "a connection string"


def _secrets(uri: str) -> list[str]:
    """Return possible passwords in an address, as written and decoded, longest first."""
    passwords = re.findall(r"://[^:@/]*:(.*)@", uri) + re.findall(r"password=([^&\s]*)", uri, re.IGNORECASE)
    pieces = [piece for text in passwords for piece in (text, unquote(text), *re.split(r"[@/#?\[\]]", text))]
    return sorted({piece for piece in pieces if piece}, key=len, reverse=True)


def _fetch_postgresql(uri: str, query: str, *, where: str) -> Any:
    try:
        import adbc_driver_postgresql.dbapi as driver
        import pyarrow as pa
        from adbc_driver_manager import Error
    except ImportError as error:
        raise MissingExtraError(
            "queries to PostgreSQL need an optional package",
            f"{error.name or 'a driver'} is not installed",
            fix="pip install 'lowland[sql]'",
        ) from error

    def ask(cancels: list[Callable[[], None]]) -> tuple[Any, bool]:
        with driver.connect(uri) as connection, connection.cursor() as cursor:
            cancels.append(cursor.adbc_cancel)
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute("select current_setting('is_superuser')")
            power = cursor.fetchone()[0] == "on"
            cursor.execute(query)  # a prepared statement, so only one
            return _plain_columns(cursor.fetch_arrow_table()), power

    try:
        table, power = in_thread(ask)
    except (Error, pa.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        for secret in _secrets(uri):
            reason = reason.replace(secret, "***")
        raise InvalidInputError(f"the query to {where} failed", reason, fix="check the query") from error
    if power:
        warnings.warn(
            "the database user is a superuser, whose queries can write files and end sessions even "
            "in a read-only transaction; connect as a user who may only read",
            UserWarning,
            stacklevel=4,
        )
    return table


def _fetch_duckdb(path: Path, query: str) -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtraError(
            "queries to DuckDB need an optional package",
            "duckdb is not installed",
            fix="pip install 'lowland[sql]'",
        ) from error
    # nothing outside the file: no copies to other files, no reading of them, no extensions
    config = {"enable_external_access": "false", "lock_configuration": "true"}

    def ask(cancels: list[Callable[[], None]]) -> Any:
        with duckdb.connect(str(path), read_only=True, config=config) as connection:
            statements = connection.extract_statements(query)
            if len(statements) != 1:
                counted = f"{len(statements)} statements"
                raise InvalidInputError("the query must be one statement", counted, fix="pass one of them")
            cancels.append(connection.interrupt)
            return connection.sql(query).to_arrow_table()

    try:
        return in_thread(ask)
    except duckdb.Error as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InvalidInputError(f"the query to {path} failed", reason, fix="check the query") from error


def _plain_columns(table: Any) -> Any:
    """Return a table of numbers, text and times, exact decimals as floats."""
    import pyarrow as pa

    names = table.column_names
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise InvalidInputError(
            "the result names a column twice", repr(repeated[0]), fix="rename one of them with AS"
        )
    for k, field in enumerate(table.schema):
        declared = ((field.metadata or {}).get(b"POSTGRESQL:type") or b"").decode()
        exact = "type_name=numeric" in str(field.type)
        foreign = isinstance(field.type, pa.BaseExtensionType) and not exact
        if declared in FOREIGN or foreign or pa.types.is_binary(field.type) or pa.types.is_nested(field.type):
            raise InvalidInputError(
                f"column {field.name!r} of the result holds neither numbers nor text",
                declared or str(field.type),
                fix="cast it to numeric or text in the query",
            )
        if exact:
            chunks = [chunk.storage for chunk in table.column(k).chunks]
            storage = pa.chunked_array(chunks, field.type.storage_type)
            table = table.set_column(k, field.name, storage.cast(pa.float64()))
    return table
