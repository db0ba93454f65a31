"""Completed tables and predictions as text."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from typing import IO, Any

from lowland.core.atomic import write_whole


def write_rows(path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV (or, by its ending, TSV) file, whole or not at all.

    Parameters
    ----------
    path : path
    header : sequence of str
    rows : iterable of sequences
        Python floats are written with nine significant digits, NumPy numbers with all that they have.
    """
    delimiter = "\t" if str(path).lower().endswith((".tsv", ".tab")) else ","

    def write(file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([cell_text(x) for x in row] for row in rows)
        text.flush()
        text.detach()

    write_whole(path, write)


def cell_text(value: Any) -> str:
    """Return a float with nine significant digits, anything else as it is."""
    return f"{value:.9g}" if type(value) is float else str(value)
