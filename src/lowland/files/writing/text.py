"""Completed tables as text files."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable
from typing import IO

from lowland.files.outputs import delimiter_of
from lowland.files.writing.filled import Filled, check_same
from lowland.files.writing.manners import as_text

_SAID = re.compile(r"sep=.\s*")


def text_writer(ending: str, table: Filled) -> Callable[[IO[bytes]], None]:
    """Return a function that writes a table to an open file: by its ending with tabs.

    Of a text file the encoding and the ends of lines are kept: an encoding guessed wrongly is no harm then.
    """
    original = table.original
    delimiter = delimiter_of(ending, original.delimiter, original.numerals.decimal)

    # what separates the fields is said for spreadsheets in a line of its own
    above = [line for line in original.above if delimiter == original.delimiter or not _SAID.match(line)]

    end, quotes = original.line_end, original.quotes

    def write(file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, encoding=original.encoding, newline="", write_through=True)
        text.writelines(line + end for line in above)
        writer = csv.writer(
            text,
            delimiter=delimiter,
            lineterminator=end,
            quoting=csv.QUOTE_NONNUMERIC if quotes else csv.QUOTE_MINIMAL,
        )
        lines = ([as_text(cell, original) for cell in line] for line in table.lines())
        writer.writerows(map(quotes.of_names, original.heading_lines) if quotes else original.heading_lines)
        writer.writerows(map(quotes.of_cells, lines) if quotes else lines)
        text.writelines(line + end for line in original.below)
        text.flush()
        text.seek(0)
        for before in above:
            check_same("a line above the table", [before], [text.readline().rstrip("\r\n")])
        written = csv.reader(text, delimiter=delimiter)
        for cells in original.heading_lines:
            check_same("the header", cells, next(written))
        table.check(None, written, lambda name, cell: as_text(cell, original))
        check_same("the lines below the table", original.below, [one.rstrip("\r\n") for one in text])
        text.seek(0, os.SEEK_END)
        text.detach()

    return write
