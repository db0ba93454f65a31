"""Write completed tables and predictions to text or columnar files."""

from __future__ import annotations

import csv
import io
import os
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import IO, Any, final

import numpy as np

from lowland.core.atomic import write_whole
from lowland.files.foreign.columnar import COLUMNAR, need_arrow

# with what a cell begins that spreadsheets run, also after blanks and in letters of full width
FORMULA = ("=", "+", "-", "@", "\t", "\r")
# marks without a width, which some of them skip as they skip blanks
UNSEEN = "\ufeff\u200b\u200c\u200d\u2060"
# text files whose fields tabs separate, by the endings of their names
TABS = (".tsv", ".tab")
# rows of a columnar file converted at once
BATCH_ROWS = 100_000


def write_rows(
    path: str | os.PathLike[str],
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    labels: int = 0,
    formulas: bool = False,
    delimiter: str = "",
    decimal: str = ".",
) -> None:
    """Write a CSV file (by its extension also TSV, Parquet or Feather), atomically.

    Parameters
    ----------
    path : path
    header : sequence of str
    rows : iterable of sequences
        In text files, Python floats are written with nine significant digits, NumPy numbers in full.
    labels : int
        Number of columns, the first ones, that hold labels of rows and columns; the others hold cells.
    formulas : bool
        Whether labels (and names of columns) that begin as formulas do are written to text files as they are.
        Otherwise an apostrophe comes before them, because a spreadsheet that opens the file would run them,
        and a warning says so. Cells are written as they are.
    delimiter, decimal : str
        Between the fields of a text file, by default what its extension says, and the decimal mark of floats.
    """
    if str(path).lower().endswith(COLUMNAR):
        _write_columnar(path, header, rows)
        return
    separator = delimiter_of(os.path.splitext(path)[1].lower(), delimiter, decimal)
    guard = _Guard(formulas=formulas)

    def write(file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text, delimiter=separator, lineterminator="\n")
        writer.writerow([guard.text(x) for x in header])
        writer.writerows(
            [*map(guard.text, row[:labels]), *(cell_text(x, decimal) for x in row[labels:])] for row in rows
        )
        text.flush()
        text.detach()

    write_whole(path, write)
    if guard.guarded:
        warnings.warn(
            f"{len(guard.guarded)} labels begin as formulas do, such as {min(guard.guarded)!r}; in {path} an "
            "apostrophe comes before them (--keep-formulas writes them as they are)",
            UserWarning,
            stacklevel=2,
        )


def delimiter_of(ending: str, delimiter: str, decimal: str) -> str:
    """Return what separates the fields of a text file that is written.

    Parameters
    ----------
    ending : str
        Of its name.
    delimiter : str
        Of the text that was read, "" if it had no single one.
    decimal : str
        Decimal mark.
    """
    if ending in TABS:
        return "\t"
    separator = "," if ending == ".csv" and delimiter == "\t" else delimiter or ","
    return ";" if separator == decimal else separator


@final
class _Guard:
    """Labels of a text file as they are written, and those that had to be guarded."""

    def __init__(self, *, formulas: bool) -> None:
        self._formulas, self.guarded = formulas, set[str]()

    def text(self, value: Any) -> str:
        """Return a label as it is written."""
        text = cell_text(value)
        if self._formulas or not isinstance(value, str) or not _is_formula(text) or _is_number(text):
            return text
        self.guarded.add(text)
        return f"'{text}"


def _is_formula(text: str) -> bool:
    """Return whether a spreadsheet might run a text."""
    seen = unicodedata.normalize("NFKC", text.translate(dict.fromkeys(map(ord, UNSEEN))))
    return seen.startswith(FORMULA) or seen.lstrip().startswith(FORMULA)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _write_columnar(
    path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write rows batch by batch; the first batch sets the types of the columns."""
    need_arrow(os.path.splitext(path)[1])
    import pyarrow as pa
    from pyarrow import parquet

    iterator = iter(rows)

    def batches() -> Iterable[Any]:
        schema = None
        while chunk := list(islice(iterator, BATCH_ROWS)):
            arrays = [_columnar_array(column) for column in zip(*chunk, strict=True)]
            batch = pa.table(arrays, names=list(header))
            schema = schema or batch.schema
            yield batch.cast(schema)

    def write(file: IO[bytes]) -> None:
        made = batches()
        first = next(iter(made), None)
        if first is None:
            first = pa.table([pa.array([], pa.float64()) for _ in header], names=list(header))
        as_parquet = str(path).lower().endswith(".parquet")
        open_writer = parquet.ParquetWriter if as_parquet else pa.ipc.new_file
        with open_writer(file, first.schema) as writer:
            writer.write_table(first)
            for batch in made:
                writer.write_table(batch)

    write_whole(path, write)


def _columnar_array(cells: Sequence[Any]) -> Any:
    """Return cells as an Arrow array: numbers beside words as text, "" beside numbers as null."""
    import pyarrow as pa

    values = [_python_value(x) for x in cells]
    for made in (values, [None if x == "" else x for x in values]):
        with suppress(pa.ArrowInvalid, pa.ArrowTypeError):
            return pa.array(made)
    return pa.array([x if x is None else cell_text(x) for x in values])


def _python_value(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def cell_text(value: Any, decimal: str = ".") -> str:
    """Return a Python float with nine significant digits, and anything else as text."""
    text = f"{value:.9g}" if type(value) is float else str(value)
    return text if decimal == "." or isinstance(value, str) else text.replace(".", decimal)
