"""Lines cut into cells: quotation marks around line ends, and those that are not closed."""

import sys

import pytest

import lowland as ll
from lowland.core.errors import FileFormatError
from lowland.files.tables import load_table
from lowland.files.text.records import sample_records
from round_trips import assert_only_filled, cells_of, complete_text

NOTES = """city,a,note,b
Berlin,1,"two lines,
one comma",2.5
Bonn,,"said ""no""
and left",3.5
"Ulm
on the Danube",3,"windows\r
ends",
Kiel,4,plain,6
"""


@pytest.fixture(params=["pyarrow", "plain"])
def reader(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setitem(sys.modules, "pyarrow", None)  # as if it were not installed


def test_cells_over_several_lines(reader, tmp_path):
    said, text = complete_text(tmp_path, "notes.csv", NOTES)
    assert_only_filled(cells_of(NOTES), cells_of(text))
    assert "two lines,\none comma" in text
    assert "'note' (text)" in said


def test_a_cell_over_lines_that_the_sample_cuts(reader, tmp_path, monkeypatch):
    for sample in range(4, 9):
        monkeypatch.setattr("lowland.files.text.text_layout.SAMPLE", sample)
        (tmp_path / "notes.csv").write_text(NOTES, newline="")
        assert load_table(tmp_path / "notes.csv").observations.shape == (4, 2)


def test_the_first_quotation_mark_far_below(reader, tmp_path, monkeypatch):
    monkeypatch.setattr("lowland.files.text.text_layout.SAMPLE", 5)
    monkeypatch.setattr("lowland.files.text.delimited.QUOTED", 30)
    (tmp_path / "late.csv").write_text(
        "city,a,b\n" + "".join(f"c{k},{k},{k % 3}\n" for k in range(20)) + '"last\none",1,2\n'
    )
    assert ll.read_table(tmp_path / "late.csv").row_labels[-1] == "last\none"


@pytest.mark.parametrize(
    "text",
    [
        'a,b,c\n"x,2,3\nmid,3,4\n"y,4,5\n',  # the second mark opens a cell, and would close the first
        'a,b,c\n"x,2,3\nmid,3,4\nlong 5",4,5\n',  # inches
        'a,b,c\nx,2,3\n"y,3,4\nz,5,6\n',  # never closed
    ],
)
def test_quotation_marks_that_are_not_closed(tmp_path, text):
    with pytest.raises(FileFormatError, match="not closed"):
        sample_records(text.splitlines(keepends=True), ",", "a.csv", padded=False, whole=True)
    (tmp_path / "open.csv").write_text(text)
    with pytest.raises(FileFormatError, match="not closed"):
        ll.read_table(tmp_path / "open.csv")


def test_semicolons_within_sentences(tmp_path):
    text = "city,a,b,note\nBerlin,1,2.5,so; far\nBonn,,3.5,and; so\nUlm,3,4,on; and\nKiel,4,6,end; here\n"
    _, out = complete_text(tmp_path, "t.csv", text)
    assert_only_filled(cells_of(text), cells_of(out))
