"""Sheets as people have them: truth values, errors, merged cells, dates and identifiers."""

import datetime
import re
import zipfile

import numpy as np
import pandas as pd
import pytest

from commands import call
from lowland.core.errors import InvalidInputError
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table
from lowland.files.writing.filled import ColumnFills, Filled
from lowland.files.writing.writing import write_filled

openpyxl = pytest.importorskip("openpyxl")
pytest.importorskip("python_calamine")

WORDS = Reading(words=True)
SMOKER = [None if k % 5 == 0 else k % 2 == 1 for k in range(12)]
LINES = [[f"{k:05d}", 1.5 * k, None if k == 4 else 3 * k, SMOKER[k]] for k in range(12)]


def write_book(path, rows, merged=(), **sheets):
    """Write an Excel file of a sheet, and further ones by name."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cells in merged:
        book.active.merge_cells(cells)
    for name, more in sheets.items():
        sheet = book.create_sheet(name)
        for row in more:
            sheet.append(row)
    book.save(path)
    return path


def cells_of(path):
    return [list(row) for row in openpyxl.load_workbook(path).active.iter_rows(values_only=True)]


def fill(table, path, **fills):
    """Write a table with numbers or words in the lines of its columns, and return the cells of the file."""
    columns = {
        name: ColumnFills(np.array(lines), np.array(values, float), words)
        for name, (lines, values, words) in fills.items()
    }
    write_filled(path, Filled(original=table.original, fills=columns, form=table.form))
    return cells_of(path) if path.suffix == ".xlsx" else path.read_text().splitlines()


def test_truth_values_are_two_levels_and_are_filled_as_such(tmp_path):
    path = write_book(tmp_path / "t.xlsx", [["zip", "x", "y", "smoker"], *LINES])
    result = call(
        *("complete", path, "--output", tmp_path / "out.xlsx", "--rank", "1", "--no-certify"), cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert "columns of words are levels: 'smoker'" in result.stdout
    header, *lines = cells_of(tmp_path / "out.xlsx")
    assert header == ["zip", "x", "y", "smoker"]
    for line, before in zip(lines, LINES, strict=True):
        assert type(line[3]) is bool
        assert all(was in (None, now) for was, now in zip(before, line, strict=True))


@pytest.mark.parametrize("ending", ["xlsx", "parquet", "jsonl"])
def test_truth_values_of_all_kinds_of_files(tmp_path, ending):
    path = tmp_path / f"t.{ending}"
    frame = pd.DataFrame(LINES, columns=["zip", "x", "y", "smoker"])
    frame["smoker"] = frame["smoker"].astype("boolean")
    if ending == "xlsx":
        write_book(path, [list(frame.columns), *LINES])
    elif ending == "parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=True)
    table = load_table(path, WORDS)
    assert table.levels == {"smoker": ("FALSE", "TRUE")}
    held = table.observations.to_array()[:, 2]
    np.testing.assert_array_equal(held, [np.nan if one is None else float(one) for one in SMOKER])
    assert load_table(path).levels == {}  # numbers for methods without levels
    np.testing.assert_array_equal(load_table(path).observations.to_array()[:, 2], held)


def test_numbers_fitted_to_truth_values_are_written_as_truth_values(tmp_path):
    table = load_table(write_book(tmp_path / "t.xlsx", [["zip", "x", "y", "smoker"], *LINES]))
    cells = fill(table, tmp_path / "out.xlsx", smoker=([0, 5, 10], [0.43, 0.5, 1.2], ()))
    assert [cells[k + 1][3] for k in (0, 5, 10)] == [False, True, True]


def test_a_truth_value_among_numbers_is_none(tmp_path):
    rows = [["id", "x", "y"], *([f"p{k}", k + 0.5, True if k == 3 else 2.0 * k] for k in range(6))]
    with pytest.raises(ValueError, match="'True' in column 'y', data line 4"):
        load_table(write_book(tmp_path / "t.xlsx", rows))


def test_cells_with_errors_are_missing_and_said(tmp_path):
    lines = [list(line) for line in LINES]
    lines[3][1], lines[7][2] = "#N/A", "#DIV/0!"
    path = write_book(tmp_path / "t.xlsx", [["zip", "x", "y", "smoker"], *lines])
    table = load_table(path, WORDS)
    assert "cells with errors, such as #N/A or #DIV/0!, are missing: 2" in table.decided
    assert np.argwhere(np.isnan(table.observations.to_array()[:, :2])).tolist() == [[3, 0], [4, 1], [7, 1]]


def test_names_over_several_columns_are_joined_with_those_below(tmp_path):
    head = [[None, "height", None, "year", None], ["id", "before", "after", 2020, 2021]]
    rows = [[f"p{k}", 170 + k, None if k == 3 else 171 + k, k, k + 1] for k in range(6)]
    path = write_book(tmp_path / "t.xlsx", [*head, *rows], ["B1:C1", "D1:E1"])
    table = load_table(path)
    names = ["height before", "height after", "year 2020", "year 2021"]
    assert table.observations.column_labels.tolist() == names
    assert "names of columns from 2 rows, because cells are merged" in table.decided
    assert fill(table, tmp_path / "out.xlsx")[0] == ["id", *names]


def test_a_title_over_the_whole_table_is_no_part_of_its_names(tmp_path):
    rows = [["Heights of 2020", None, None], ["id", "x", "y"], *([f"p{k}", k, k * 2.5] for k in range(6))]
    table = load_table(write_book(tmp_path / "t.xlsx", rows, ["A1:C1"]))
    assert table.observations.column_labels.tolist() == ["x", "y"]


def test_merged_cells_hold_the_same_in_all_of_their_range(tmp_path):
    rows = [["A" if k == 0 else "B" if k == 6 else None, 1.5 * k, 3 if k == 2 else k] for k in range(12)]
    rows[3][2] = None
    path = write_book(tmp_path / "t.xlsx", [["land", "x", "y"], *rows], ["A2:A7", "A8:A13", "C4:C5"])
    table = load_table(path, WORDS)
    assert table.levels["land"] == ("A", "B")
    assert table.observations.to_array()[:, 0].tolist() == [0.0] * 6 + [1.0] * 6
    assert table.observations.to_array()[3, 2] == 3.0
    assert "merged cells: 3 ranges, each holding the same in all of its cells" in table.decided


def test_dates_and_identifiers_are_written_back(tmp_path):
    start = datetime.datetime(2020, 1, 1)
    rows = [
        [start.date() + datetime.timedelta(k), f"{k:05d}", start + datetime.timedelta(hours=k * k), k, 2.5]
        for k in range(8)
    ]
    table = load_table(write_book(tmp_path / "t.xlsx", [["day", "zip", "seen", "x", "y"], *rows]), WORDS)
    out = fill(table, tmp_path / "out.xlsx")
    assert out[1:] == [[datetime.datetime.combine(row[0], datetime.time()), *row[1:]] for row in rows]
    text = fill(table, tmp_path / "out.csv")
    assert text[1] == "2020-01-01,00000,2020-01-01,0,2.5"
    assert text[2] == "2020-01-02,00001,2020-01-01 01:00:00,1,2.5"


def test_a_sheet_is_chosen_by_its_name(tmp_path):
    path = write_book(tmp_path / "t.xlsx", [["id", "x", "y"], ["a", 1, 2]], more=[["id", "x"], ["b", 7]] * 2)
    with pytest.raises(ValueError, match="several sheets with data"):
        load_table(path)
    table = load_table(path, Reading(form=TableFormat(sheet="Sheet")))
    assert table.observations.to_array().tolist() == [[1.0, 2.0]]


def test_a_sheet_without_names_is_written_without(tmp_path):
    path = write_book(tmp_path / "t.xlsx", [[k + 0.25, 2.5 * k, 3.5 + k * k] for k in range(6)])
    table = load_table(path)
    assert fill(table, tmp_path / "out.csv")[0] == "0.25,0,3.5"


def test_formulas_without_values_are_refused_and_with_values_read(tmp_path):
    """Programs that do not calculate write formulas alone: as missing cells, they would be overwritten."""
    book = openpyxl.Workbook()
    for line in [["shop", "a", "b"], *([f"s{k}", k + 0.5, f"=B{k + 2}*2"] for k in range(8))]:
        book.active.append(line)
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(InvalidInputError, match=r"formulas without values(.|\n)*8 cells"):
        load_table(tmp_path / "t.xlsx")
    with zipfile.ZipFile(tmp_path / "t.xlsx") as old, zipfile.ZipFile(tmp_path / "u.xlsx", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("sheet1.xml"):
                data = re.sub(rb"</f><v ?/?>(</v>)?", b"</f><v>3.5</v>", data)
                assert data.count(b"<v>3.5</v>") >= 8
            new.writestr(name, data)
    assert load_table(tmp_path / "u.xlsx").observations.to_array()[:, 1].tolist() == [3.5] * 8
