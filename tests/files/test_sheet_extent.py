"""Workbooks whose cells lie far apart are refused before a reader allocates all that lies between."""

import io
import zipfile

import pytest

import lowland as ll
from commands import call
from lowland.core.errors import InvalidInputError
from lowland.files.foreign import sheet_extent
from lowland.files.tables import load_table
from workbooks import write_cells, write_sheet

TABLE = {"A1": "a", "B1": "b", "A2": 1.0, "B2": 2.0, "A3": 3.0, "B3": 4.5}


def test_stray_cells_are_left_out_with_a_word(tmp_path):
    """The reader would ask for 550 GB and abort."""
    write_cells(tmp_path / "far.xlsx", {**TABLE, "B90000": "see below", "XFD1048576": 7.0})
    table = load_table(tmp_path / "far.xlsx")
    assert table.observations.values.tolist() == [1.0, 2.0, 3.0, 4.5]
    assert "left out, far from the table: B90000, XFD1048576" in table.decided


def test_stray_cells_stay_in_a_completed_workbook(tmp_path):
    rows = {f"{c}{i}": float(i * k) for k, c in enumerate("ABC", 1) for i in range(2, 12)}
    rows |= {"A1": "a", "B1": "b", "C1": "c", "ZZ90000": "a note"}
    del rows["B5"]
    write_cells(tmp_path / "far.xlsx", rows)
    done = call("complete", "far.xlsx", "--rank", "1", "--output", "full.xlsx", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "full.xlsx") as book:
        text = book.read("xl/worksheets/sheet1.xml")
    assert b"a note" in text
    assert b'r="B5"' in text


def test_many_cells_far_apart_are_refused(tmp_path):
    far = {f"XFD{1048570 - k}": 1.0 for k in range(9, -1, -1)}
    write_cells(tmp_path / "far.xlsx", {**TABLE, **far})
    with pytest.raises(InvalidInputError) as error:
        ll.read_table(tmp_path / "far.xlsx")
    for words in ("far.xlsx, sheet1.xml spans more cells", "cells up to XFD1048570", "delete stray cells"):
        assert words in str(error.value)


@pytest.mark.parametrize("cell", ["A60000", "XFD3", "B5000"])
def test_cells_that_are_far_in_one_direction_are_read(tmp_path, cell):
    write_cells(tmp_path / "far.xlsx", {**TABLE, cell: 7.0})
    seen = ll.read_table(tmp_path / "far.xlsx")
    assert seen.size == 5
    assert 7.0 in seen.values


def test_extents_do_not_depend_on_how_files_are_cut(tmp_path, monkeypatch):
    rows = [["x", *(f"c{k}" for k in range(20))]] + [[f"r{i}", *range(20)] for i in range(50)]
    write_sheet(tmp_path / "t.xlsx", rows)
    monkeypatch.setattr(sheet_extent, "available_memory", lambda: sheet_extent.PER_CELL * 51 * 21)
    for chunk in (64, 777, 1 << 20):
        monkeypatch.setattr(sheet_extent, "CHUNK", chunk)
        with (tmp_path / "t.xlsx").open("rb") as file:
            sheet_extent.near_cells(file, "t")
    monkeypatch.setattr(sheet_extent, "available_memory", lambda: sheet_extent.PER_CELL * (51 * 21 - 1))
    for chunk in (64, 777, 1 << 20):
        monkeypatch.setattr(sheet_extent, "CHUNK", chunk)
        with (
            (tmp_path / "t.xlsx").open("rb") as file,
            pytest.raises(InvalidInputError, match="up to U51"),
        ):
            sheet_extent.near_cells(file, "t")


def test_cells_with_a_style_alone_do_not_count():
    empty = b'<c r="XFD1048576" s="1"/><c r="B9" t="n"><v>1</v></c><x:c s="2" r="c10"><v>2</v></x:c>'
    assert list(sheet_extent._cells(io.BytesIO(empty))) == [(9, 2), (10, 3)]


@pytest.mark.parametrize("chunk", [7, 64, 1 << 20])
@pytest.mark.parametrize(
    ("written", "places"),
    [
        ('<row r="400"><c r="ZZ400"><v>1</v></c></row>', [(400, 702)]),
        ("<row r='400'><c r='ZZ400'><v>1</v></c></row>", [(400, 702)]),
        ('<row><c r = "ZZ400"><v>1</v></c></row>', [(400, 702)]),
        ('<row><c q="a>b" r="ZZ400"><v>1</v></c></row>', [(400, 702)]),
        ('<row><c q=" r=&quot;A1&quot;" r="ZZ400"><v>1</v></c></row>', [(400, 702)]),
        (
            '<row r="400"><c><v>1</v></c><c t="n"><v>2</v></c></row><row><c><v>3</v></c></row>',
            [(400, 1), (400, 2), (401, 1)],
        ),
        (
            '<cols><col min="1"/></cols><row r="2"><c r="B2" s="1"></c><c r="C2"/><c><v>1</v></c></row>',
            [(2, 4)],
        ),
    ],
)
def test_places_are_read_however_they_are_written(written, places, chunk, monkeypatch):
    monkeypatch.setattr(sheet_extent, "CHUNK", chunk)
    assert list(sheet_extent._cells(io.BytesIO(written.encode()))) == places
