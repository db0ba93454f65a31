"""Files of columns, as programs and people write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from tables_of_people.entry import File

Columns = Mapping[str, Sequence[Any]]


def as_bytes(data: bytes) -> Callable[[Path], None]:
    """Return a function that writes these bytes."""
    return lambda path: path.write_bytes(data) and None


def lines_of(columns: Columns) -> list[tuple[Any, ...]]:
    """Return the lines of a table."""
    return list(zip(*columns.values(), strict=True))


def text(
    columns: Columns,
    name: str = "table.csv",
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
    end: str = "\n",
    quoting: int = csv.QUOTE_MINIMAL,
    before: str = "",
    after: str = "",
    headed: bool = True,
    decimal: str = ".",
    change: Callable[[str], str] = str,
    out: str = "",
    under: tuple[str, ...] = (),
    short: bool = False,
) -> File:
    """Return a text file; `change` is applied to the whole text before it is encoded."""
    made = io.StringIO()
    writer = csv.writer(made, delimiter=delimiter, lineterminator="\n", quoting=quoting)
    if headed:
        writer.writerow(columns)
    if under:
        writer.writerow(under)
    writer.writerows(lines_of(columns))
    whole = change(before + made.getvalue() + after).replace("\n", end)
    return File(
        name,
        columns,
        as_bytes(whole.encode(encoding)),
        headed=headed,
        delimiter=out or (";" if decimal == "," and delimiter == "," else delimiter),
        decimal=decimal,
        above=before,
        below=after if after.strip() else "",
        under=under,
        encoding=encoding,
        end=end,
        short=short,
    )


def plain(columns: Columns, name: str, data: bytes | str, **about: Any) -> File:
    """Return a file of given contents, in which a person sees these columns."""
    return File(name, columns, as_bytes(data if isinstance(data, bytes) else data.encode()), **about)


def read_csv(**how: Any) -> Callable[[Path], Any]:
    """Return a function that reads text as pandas does, whole numbers with gaps as whole numbers."""
    return partial(pd.read_csv, **{"dtype_backend": "numpy_nullable", **how})
