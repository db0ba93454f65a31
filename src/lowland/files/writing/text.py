"""Completed tables as text files."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from typing import IO

from lowland.files.outputs import delimiter_of
from lowland.files.writing.filled import Filled, check_same
from lowland.files.writing.manners import as_text


def text_writer(ending: str, table: Filled) -> Callable[[IO[bytes]], None]:
    """Return a function that writes a table to an open file: by its ending with tabs."""
    original = table.original
    delimiter = delimiter_of(ending, original.delimiter, original.numerals.decimal)

    def write(file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
        writer.writerows(original.heading_lines)
        writer.writerows([as_text(cell, original) for cell in line] for line in table.lines())
        text.flush()
        text.seek(0)
        written = csv.reader(text, delimiter=delimiter)
        for line in original.heading_lines:
            check_same("the header", line, next(written))
        table.check(None, written, lambda name, cell: as_text(cell, original))
        text.seek(0, os.SEEK_END)
        text.detach()

    return write
