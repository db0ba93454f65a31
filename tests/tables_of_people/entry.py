"""`Entry`, a row of the table that is a test: a file, what is typed, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# kinds of fills: any number, a whole one, one of the column's words, a truth value
NUMBER, WHOLE, WORD, TRUTH = "number", "whole", "word", "truth"


@dataclass(frozen=True)
class File:
    """A file that is made, and the table that a person sees in it.

    Parameters
    ----------
    name : str
    columns : mapping of str to list
        Cells by the name of their column, as they are to be seen again: text as it is written, else values.
    write : callable
        Takes the path at which it writes the file.
    headed : bool
        Whether a line of the file holds the names.
    delimiter : str
        Of the completed file, if that is text.
    decimal : str
    above, below : str
        What the completed text holds around the table, which is no data.
    under : tuple of str or None
        The line that it holds below the names, which is no data.
    encoding, end : str
        Of a text file and of its lines, as of the completed one.
    short : bool
        Whether the names lack that of the first column.
    corner : str
        The cell at which the table begins in the completed workbook.
    """

    name: str
    columns: Mapping[str, Sequence[Any]]
    write: Callable[[Path], None]
    headed: bool = True
    delimiter: str = ","
    decimal: str = "."
    above: str = ""
    below: str = ""
    under: tuple[str | None, ...] = ()
    encoding: str = "utf-8"
    end: str = "\n"
    short: bool = False
    corner: str = "A1"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file, what is typed, and what must come of it.

    Parameters
    ----------
    name : str
    file : File
    labels : str or None
        The column that names the rows.
    fills : mapping of str to str
        The kind of fills, by column; all other cells must stay as they are.
    spelt : str
        A pattern of all numbers that are filled.
    holes : collection
        Cells that are filled in those columns, besides blank ones.
    passed : tuple of str
        Columns that take no part in the fit, which is said.
    nothing : tuple of str
        Columns without a name and a cell, of which nothing need be said.
    sums : mapping of str to tuple of str
        Columns that are the sums of others, which they stay.
    whole : mapping of tuple of str to float
        What columns add up to, which they do when filled.
    typed : tuple of str
        Options that are needed, in the view of a person.
    refused : str
        A part of the message, if the file is refused without more options.
    fix : tuple of str
        The options that this message names, and with which the file is read.
    said : tuple of str
        Words that must be said.
    output : str
        Name of the completed file.
    frame : callable or None
        Takes a path and returns the data frame that other programs read from it, if they do.
    settings : mapping
        Of the estimator, where options were typed.
    """

    name: str
    file: File
    labels: str | None = None
    fills: Mapping[str, str] = field(default_factory=dict)
    spelt: str = ""
    holes: frozenset[Any] = frozenset()
    passed: tuple[str, ...] = ()
    nothing: tuple[str, ...] = ()
    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    whole: Mapping[tuple[str, ...], float] = field(default_factory=dict)
    typed: tuple[str, ...] = ()
    refused: str = ""
    fix: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    output: str = "completed.csv"
    frame: Callable[[Path], Any] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> int:
        """How many columns are data."""
        left = (*self.passed, *self.nothing, *self.sums, *(() if self.labels is None else (self.labels,)))
        return len(self.file.columns) - len(left)
