"""The naive comparison of a completed file with what was read: by characters, or by value and kind."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from tables_of_people.entry import NUMBER, TRUTH, WHOLE, Entry, File

_NUMBER = re.compile(r"-?(\d+(\.\d+)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def read_output(path: Path, file: File) -> tuple[list[str] | None, list[list[Any]]]:
    """Return the names and the lines of a completed file, by readers that the package does not use."""
    headed = file.headed
    if path.suffix in (".parquet", ".feather"):
        import pandas as pd

        frame = (pd.read_parquet if path.suffix == ".parquet" else pd.read_feather)(
            path, dtype_backend="pyarrow"
        )
        index = frame.index.name
        frame = frame.reset_index() if index else frame
        return list(frame.columns), [[_plain(x) for x in line] for line in frame.itertuples(index=False)]
    if path.suffix == ".xlsx":
        rows = cells_from(path, file.corner, len(file.columns))
        return ([str(name or "") for name in rows[0]], rows[1:]) if headed else (None, rows)
    if path.suffix == ".json":
        records = json.loads(path.read_bytes())
        return list(records[0]), [list(one.values()) for one in records]
    text = path.read_bytes().decode(file.encoding)
    assert text.count(file.end) == max(text.count("\n"), text.count("\r")) > 0
    text = text.replace(file.end, "\n")
    above, below = file.above, file.below
    assert text.startswith(above), text[: len(above)]
    assert text.endswith(below), text[len(text) - len(below) :]
    inner = io.StringIO(text[len(above) : len(text) - len(below)], newline="")
    rows = list(csv.reader(inner, delimiter=file.delimiter))
    return (rows[0], rows[1:]) if headed else (None, rows)


def cells_from(path: Path, corner: str, width: int | None) -> list[list[Any]]:
    """Return the cells of a sheet from one on, merged cells with what stands in the first of them."""
    import openpyxl

    sheet = openpyxl.load_workbook(path, data_only=True).active
    for merged in list(sheet.merged_cells.ranges):
        sheet.unmerge_cells(merged.coord)
        first = sheet.cell(merged.min_row, merged.min_col).value
        for row, column in merged.cells:
            sheet.cell(row, column).value = first
    start = sheet[corner]
    last = None if width is None else start.column + width - 1
    return [list(row) for row in sheet.iter_rows(start.row, None, start.column, last, values_only=True)]


def check_workbook(before: Path, after: Path, filled: int) -> None:
    """Raise unless all but as many cells of a workbook as were filled are what they were, looks included."""
    import openpyxl

    old, new = openpyxl.load_workbook(before), openpyxl.load_workbook(after)
    assert old.sheetnames == new.sheetnames
    differing = 0
    for was, now in zip(old, new, strict=True):
        assert was.dimensions == now.dimensions
        assert was.merged_cells == now.merged_cells
        for row, others in zip(was.iter_rows(), now.iter_rows(), strict=True):
            for cell, other in zip(row, others, strict=True):
                assert cell.number_format == other.number_format or cell.value is None
                differing += cell.value != other.value
    assert differing == filled


def _plain(cell: Any) -> Any:
    return None if type(cell).__name__ in ("NAType", "NaTType") else cell


def cells_of(frame: Any, name: str) -> list[Any]:
    """Return the cells of a column of a data frame, None where pandas says that there is none."""
    return [_plain(cell) for cell in frame[name]]


def is_blank(cell: Any) -> bool:
    """Return whether a cell holds nothing."""
    return cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))


def as_written(cell: Any) -> str:
    """Return how a text file holds a value."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, datetime) and cell.time() == datetime.min.time():
        return cell.date().isoformat()
    return str(cell)


def is_same(before: Any, after: Any) -> bool:
    """Return whether a cell is what it was: the same characters, or a value of the same kind."""
    if isinstance(before, str) or is_blank(before):
        return (is_blank(before) and is_blank(after)) or (isinstance(after, str) and before == after)
    if isinstance(after, str):  # a value that became text
        return as_written(before) == after or _says(after, before)
    if isinstance(before, bool) or isinstance(after, bool):
        return isinstance(before, bool) and isinstance(after, bool) and before == after
    if isinstance(before, date):
        return as_written(before) == as_written(after)
    if isinstance(before, float) and before.is_integer() and isinstance(after, int):
        return before == after  # sheets do not tell 4 from 4.0
    return type(before) is type(after) and before == after


def _says(text: str, value: Any) -> bool:
    """Return whether text says a number."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return text == str(value)
    try:
        return isinstance(value, float) and float(text) == value
    except ValueError:
        return False


def number_in(cell: Any, decimal: str = ".") -> float:
    """Return the number of a cell, without signs and marks of thousands."""
    if not isinstance(cell, str):
        return float(cell)
    text = cell.replace("\u2212", "-").replace(decimal, "#")
    text = re.sub(r"[.,'\u2019\s]", "", text).replace("#", ".")
    found = _NUMBER.search(text)
    assert found, f"no number in {cell!r}"
    return float(found[0])


def last_digit(cell: Any, decimal: str = ".") -> float:
    """Return what one more in the last digit of a number is."""
    single = not isinstance(cell, str) and float(np.float32(cell)) == cell
    text = cell.strip() if isinstance(cell, str) else str(np.float32(cell) if single else float(cell))
    text = text if isinstance(cell, str) else text.removesuffix(".0")
    found = re.search(rf"\d(?:{re.escape(decimal)}(\d*))?(?:[eEdD]([+-]?\d+))?\D*$", text)
    if found is None:  # no digit before the point
        found = re.search(rf"()?{re.escape(decimal)}(\d+)\D*$", text)
    return 10.0 ** (int(found[2] or 0) - len(found[1] or ""))


def check_fill(cell: Any, kind: str, column: Sequence[Any], decimal: str) -> None:
    """Raise unless a filled cell is of the kind of its column."""
    known = [one for one in column if not is_blank(one)]
    if kind == NUMBER:
        assert math.isfinite(number_in(cell, decimal)), cell
    elif kind == WHOLE:
        number = number_in(cell, decimal)
        assert number.is_integer(), cell
        assert number >= min(0, *(number_in(one, decimal) for one in known))
    elif kind == TRUTH:
        assert str(cell).upper() in {str(one).upper() for one in known}, cell
    else:
        assert cell in known or str(cell) in map(str, known), cell


def filled_cells(entry: Entry, lines: Sequence[Sequence[Any]]) -> Iterator[tuple[int, str, Any]]:
    """Yield line, column and cell of all that was filled; raise if anything else is not as it was."""
    columns = entry.file.columns
    height = len(next(iter(columns.values())))
    assert len(lines) == height, f"{len(lines)} lines for {height}"
    for place, (name, column) in enumerate(columns.items()):
        for k, cell in enumerate(column):
            after = lines[k][place]
            missing = name in entry.fills and (is_blank(cell) or cell in entry.holes)
            if missing:
                assert not is_blank(after), f"{name!r}, line {k}: not filled"
                known = [one for one in column if one not in entry.holes]
                check_fill(after, entry.fills[name], known, entry.file.decimal)
                if entry.spelt and entry.fills[name] in (NUMBER, WHOLE):
                    assert re.fullmatch(entry.spelt, str(after)), f"{name!r}, line {k}: {after!r}"
                yield k, name, after
            else:
                assert is_same(cell, after), f"{name!r}, line {k}: {cell!r} became {after!r}"


def check_frame(entry: Entry, frame: Any, filled: Any, fills: Sequence[tuple[int, str, Any]]) -> None:
    """Raise unless the holes of a data frame are filled by what a file was filled with, and no other cell."""
    expected = {(k, name): cell for k, name, cell in fills}
    shift = len(entry.file.columns) - len(frame.columns)  # an index comes first
    for place, name in list(enumerate(entry.file.columns))[shift:]:
        title = name if name in frame.columns else frame.columns[place - shift]
        pairs = zip(cells_of(frame, title), cells_of(filled, title), strict=True)
        for k, (before, after) in enumerate(pairs):
            where = f"{name!r}, row {k}: {before!r} became {after!r}"
            if not (is_blank(before) and name in entry.fills):
                became_number = isinstance(before, str) and isinstance(after, int | float)
                kept = became_number and number_in(before, entry.file.decimal) == after
                assert kept or is_same(before, after), where
                continue
            cell = expected[k, name]
            if entry.fills[name] in (NUMBER, WHOLE):
                number = number_in(cell, entry.file.decimal)
                found = number_in(after, entry.file.decimal)
                # a file has the decimals of its column, a frame all digits
                step = 0.0 if entry.fills[name] == WHOLE else 0.5 * last_digit(cell, entry.file.decimal)
                near = math.isclose(found, number, rel_tol=1e-6, abs_tol=step * 1.001)
                assert near, f"{where}, not {cell}"
            else:
                assert str(after).upper() == str(cell).upper(), f"{where}, not {cell}"


def check_sums(entry: Entry, lines: Sequence[Sequence[Any]]) -> None:
    """Raise unless the columns that are sums of others are so in the completed file."""
    places = {name: place for place, name in enumerate(entry.file.columns)}
    for name, parts in entry.sums.items():
        for line in lines:
            whole = sum(number_in(line[places[part]], entry.file.decimal) for part in parts)
            assert math.isclose(number_in(line[places[name]], entry.file.decimal), whole), line
    for parts, whole in entry.whole.items():
        for line in lines:
            held = sum(number_in(line[places[part]], entry.file.decimal) for part in parts)
            assert math.isclose(held, whole), line


def check_output(entry: Entry, path: Path) -> list[tuple[int, str, Any]]:
    """Return what was filled in a completed file; raise unless every other cell is as it was."""
    file = entry.file
    names, lines = read_output(path, file)
    if names is not None:
        assert names == list(file.columns)[int(file.short) :], names
    if file.under:
        assert tuple(lines.pop(0)) == file.under
    if path.suffix == ".xlsx" and Path(file.name).suffix == ".xlsx":
        height = len(next(iter(file.columns.values())))
        filled = list(filled_cells(entry, lines[:height]))
        check_workbook(path.with_name(file.name), path, len(filled))
        return filled
    assert all(len(line) == len(entry.file.columns) for line in lines)
    check_sums(entry, lines)
    return list(filled_cells(entry, lines))
