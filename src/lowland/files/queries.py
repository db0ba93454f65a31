"""Read tables of observations from database queries."""

from __future__ import annotations

import os
from dataclasses import replace

from lowland.core.cells.observations import Observations
from lowland.core.doors import public
from lowland.files.foreign.databases import query_arrow
from lowland.files.frames import frame_columns
from lowland.files.shapes.assembling import table_from_columns
from lowland.files.shapes.layouts import Reading, Table
from lowland.files.writing.original import original_arrow


@public("lowland")
def read_sql(
    query: str,
    database: str | os.PathLike[str],
    *,
    row: str | None = None,
    column: str | None = None,
    value: str | None = None,
    layout: str = "auto",
    duplicates: str = "error",
    dtype: str = "float64",
) -> Observations:
    """Read a table of observations from a database.

    Parameters
    ----------
    query : str
        SQL that returns the table; it cannot change anything.
    database : str or path
        "postgresql://user:password@host:port/name"; "sqlite:///path", or the path of an SQLite file.
    row, column, value : str, optional
        Names of the columns of a long table, as in `read_table`.
    layout : {"auto", "long", "wide"}
        "auto" decides as in `read_table`.
    duplicates : {"error", "mean", "last"}
        What to do with a cell that is listed twice.
    dtype : {"float64", "float32"}
        Precision of the values.

    Returns
    -------
    Observations
        With the table's labels; NULL is missing. The order of lines does not affect a fit.

    Raises
    ------
    InvalidInputError
        If the database cannot be reached, the query fails, or its result cannot be used.
    MissingExtraError
        If the driver is not installed (``pip install 'lowland[sql]'``).

    Examples
    --------
    >>> import os, sqlite3, tempfile, lowland as ll
    >>> path = os.path.join(tempfile.mkdtemp(), "shop.db")
    >>> with sqlite3.connect(path) as connection:
    ...     _ = connection.execute("create table ratings (user text, item text, stars real)")
    ...     _ = connection.execute("insert into ratings values ('ann', 'tea', 5), ('bob', 'tea', 3)")
    >>> connection.close()
    >>> ll.read_sql("select user, item, stars from ratings", path).shape
    (2, 1)
    """
    how = Reading(row=row, column=column, value=value, layout=layout, duplicates=duplicates, dtype=dtype)
    return load_query(query, database, how).observations


def load_query(query: str, database: str | os.PathLike[str], how: Reading) -> Table:
    """Read a query's result and keep its layout; errors are those of `read_sql`."""
    result = query_arrow(database, query)
    table = table_from_columns(frame_columns(result), "the result", how)
    wide = table.layout == "wide"
    return replace(table, original=original_arrow(lambda: result, result.column_names)) if wide else table
