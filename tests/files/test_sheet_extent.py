"""Workbooks whose cells lie far apart are refused before a reader allocates all that lies between."""

import io
import subprocess
import sys

import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.files.foreign import sheet_extent
from workbooks import write_cells, write_sheet

TABLE = {"A1": "a", "B1": "b", "A2": 1.0, "B2": 2.0, "A3": 3.0, "B3": 4.5}


READ = """
import sys
import lowland as ll
try:
    ll.read_table(sys.argv[1])
except ValueError as error:
    print(error)
"""


def test_a_stray_cell_does_not_end_the_interpreter(tmp_path):
    """In a process of its own, which the reader would abort."""
    write_cells(tmp_path / "far.xlsx", {**TABLE, "XFD1048576": 7.0})
    command = [sys.executable, "-c", READ, str(tmp_path / "far.xlsx")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:500]
    for words in ("far.xlsx, sheet1.xml spans more cells", "cells up to XFD1048576", "delete stray cells"):
        assert words in done.stdout


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
            sheet_extent.check_extent(file, "t")
    monkeypatch.setattr(sheet_extent, "available_memory", lambda: sheet_extent.PER_CELL * (51 * 21 - 1))
    for chunk in (64, 777, 1 << 20):
        monkeypatch.setattr(sheet_extent, "CHUNK", chunk)
        with (
            (tmp_path / "t.xlsx").open("rb") as file,
            pytest.raises(InvalidInputError, match="up to U51"),
        ):
            sheet_extent.check_extent(file, "t")


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
