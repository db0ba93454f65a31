"""Where a command's table comes from: a file or a database query."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import final

from lowland.core.errors import InvalidInputError
from lowland.files.databases import shown
from lowland.files.layouts import Reading, Table
from lowland.files.queries import load_query
from lowland.files.tables import load_table


@final
@dataclass(frozen=True)
class Source:
    """A file, or a query to a database.

    Parameters
    ----------
    file : Path or None
    database, query : str
        Where there is no file.
    """

    file: Path | None
    database: str = ""
    query: str = ""

    @property
    def name(self) -> str:
        """What to call it in titles."""
        return "a query" if self.file is None else self.file.name

    @property
    def words(self) -> str:
        """The part of a command that names it, without passwords."""
        if self.file is not None:
            return shlex.quote(self.file.name)
        return f"--database {shlex.quote(shown(self.database))} --query {shlex.quote(self.query)}"

    def load(self, how: Reading) -> Table:
        """Read the table."""
        if self.file is not None:
            return load_table(self.file, how)
        if how.delimiter is not None:
            raise InvalidInputError("--delimiter is for text files", repr(how.delimiter), fix="leave it out")
        return load_query(self.query, self.database, how)


def source_of(table: Path | None, database: str | None, query: str | None) -> Source:
    """Return the source that arguments name: exactly one."""
    if table is not None:
        if query is not None:
            raise InvalidInputError("a table and a query were given", str(table), fix="leave one of them out")
        return Source(table)
    if not database or query is None:
        raise InvalidInputError(
            "there is no table",
            "no file, and no --database with --query",
            fix="name a file, or a database and a query",
        )
    return Source(None, database, query)
