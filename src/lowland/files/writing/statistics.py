"""Completed tables as files of Stata and SPSS, through pyreadstat."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from lowland.core.errors import InvalidInputError
from lowland.files.foreign.columnar import names_index_first
from lowland.files.foreign.statistics_files import ABOUT, need_pyreadstat, read_statistics
from lowland.files.sources import Opened
from lowland.files.table_format import TableFormat
from lowland.files.writing.columnar import filled_arrow
from lowland.files.writing.filled import Filled, check_end

# the kind of whole numbers that is written, and the largest that Stata holds in it
WHOLE, LARGEST = "Int32", 2_147_483_620
# by ending, the function of pyreadstat that writes such a file, and its options
WRITTEN: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    ".dta": ("write_dta", {}),
    ".sav": ("write_sav", {}),
    ".zsav": ("write_sav", {"compress": True}),
}


def statistics_writer(ending: str, table: Filled) -> Callable[[IO[bytes]], None]:
    """Return a function that writes a table to an open file, with the labels of values that it came with."""
    plain = table.plain

    def write(file: IO[bytes]) -> None:
        made = filled_arrow(table)
        titles, names, _ = names_index_first(made)
        named = made.select(titles).rename_columns(names).replace_schema_metadata(made.schema.metadata)
        data = statistics_bytes(ending, named)
        file.write(data)
        again = read_statistics(Opened("the written file", ending, None, data), TableFormat()).table
        written = zip(*(column.to_pylist() for column in again.columns), strict=True)
        table.check(None, written, lambda name, cell: _held(plain[name](cell)))
        check_end(written)

    return write


def _held(value: Any) -> Any:
    """Return a value as these files hold it."""
    if isinstance(value, Decimal | bool):
        return float(value)
    kept = value is None or isinstance(value, str | int | float | date | datetime | time)
    return value if kept and getattr(value, "tzinfo", None) is None else str(value)


def statistics_bytes(ending: str, made: Any) -> bytes:
    """Return the bytes of a file of an Arrow table.

    Raises
    ------
    InvalidInputError
        If such a file cannot hold it, as when names of columns hold blanks.
    """
    pyreadstat = need_pyreadstat(ending)
    import pandas as pd

    about = json.loads((made.schema.metadata or {}).get(ABOUT, b"{}"))

    def told(what: str) -> dict[str, Any]:
        return {name: x for name, x in about.get(what, {}).items() if name in made.column_names}

    cells = {name: made.column(name).to_pylist() for name in made.column_names}
    labels = {name: _labels(held, cells[name], ending) for name, held in told("labels").items()}
    numbered = {name: _numbered(held, labels.get(name, {})) for name, held in cells.items()}
    kinds = told("kinds")
    columns = {name: _in_kind(held, kinds.get(name, WHOLE)) for name, held in numbered.items()}
    declared = _declare(columns, told("missing"), labels, ending)
    formats = about.get("formats", {}).get(ending.replace("z", ""), {})
    for name, column in columns.items():
        if ending != ".dta" and name not in formats and str(getattr(column, "dtype", "")) == WHOLE:
            formats[name] = "F8.0"
    given: dict[str, Any] = {"variable_value_labels": labels, "column_labels": told("titles") or None}
    given |= {"file_label": about.get("title") or "", "variable_format": formats}
    given |= declared
    if ending != ".dta":
        given |= {"variable_measure": told("measures"), "variable_display_width": told("widths")}
        given |= {"note": about["notes"]} if about.get("notes") else {}
    function, options = WRITTEN[ending]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table{ending}"
        try:
            getattr(pyreadstat, function)(
                pd.DataFrame(columns),
                str(path),
                **given,
                **options,
            )
        except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, ValueError, TypeError) as error:
            raise InvalidInputError(
                f"a {ending} file cannot hold this table",
                (str(error).strip().splitlines() or [type(error).__name__])[0],
                fix="write a .csv or .parquet file",
            ) from error
        return path.read_bytes()


def _numbered(cells: list[Any], labels: Mapping[int | float, str]) -> list[Any]:
    """Return cells as such files hold them, words that label numbers as these."""
    numbers = {word: number for number, word in labels.items()}
    return [numbers.get(cell, cell) if isinstance(cell, str) else _held(cell) for cell in cells]


def _in_kind(cells: list[Any], kind: str) -> Any:
    """Return whole numbers in a kind of such, unless their column held others; Stata tells these apart."""
    import pandas as pd

    numbers = [cell for cell in cells if cell is not None]
    whole = all(isinstance(x, int) and abs(x) <= LARGEST for x in numbers)
    if whole and numbers and "int" in kind.lower():
        return pd.array(cells, WHOLE)
    return [float(cell) if isinstance(cell, int) else cell for cell in cells]


def _plain(cells: Any) -> list[Any]:
    """Return cells as values of Python, None where missing."""
    import pandas as pd

    return [None if cell is pd.NA else cell for cell in cells]


def _labels(pairs: list[tuple[Any, str]], cells: list[Any], ending: str) -> dict[Any, str]:
    """Return the labels of a column's values that a kind of file can hold, whole numbers as such.

    Stata labels numbers, and in their columns the letters of missing values; SPSS labels what a column holds.
    """
    values = [value for value, _ in pairs] + [cell for cell in cells if cell is not None]
    texts = all(isinstance(value, str) for value in values)
    made = {int(x) if isinstance(x, float) and x.is_integer() else x: word for x, word in pairs}
    if ending == ".dta":
        return {} if texts else made
    return {value: word for value, word in made.items() if isinstance(value, str) == texts}


def _declare(
    columns: dict[str, Any], missing: Mapping[str, Any], labels: Mapping[str, Mapping[Any, str]], ending: str
) -> dict[str, Any]:
    """Put values that were declared missing back where nothing was filled; return how they are declared."""
    letters = ending == ".dta"
    what, option = ("codes", "missing_user_values") if letters else ("ranges", "missing_ranges")
    declared = {name: held[what] for name, held in missing.items() if held[what]}
    for name in declared:
        cells = [None if cell in (None, "") else cell for cell in _plain(columns[name])]
        kept = {k: value for k, value in missing[name]["cells"] if cells[k] is None}
        if kept:
            columns[name] = [kept.get(k, cell) for k, cell in enumerate(cells)]
    for name, held in labels.items() if letters else ():
        named = [value for value in held if isinstance(value, str)]
        if named:
            declared[name] = sorted({*declared.get(name, ()), *named})
    return {option: declared} if declared else {}
