"""Text tables read with PyArrow and without it: the same columns and the same errors."""

import sys

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import FileFormatError
from lowland.files.sources import open_source
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table
from lowland.files.text.delimited import read_delimited
from lowland.files.text.text_layout import find_text_layout

TEXT = """id,whole,real,word,gap,price
007,1,1.5,red,,"1,200"
 8,2,NA,"a, b",3,$3
9,3,2e3,NaN,NULL,-
"""


@pytest.fixture(params=["pyarrow", "plain"])
def reader(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setitem(sys.modules, "pyarrow", None)  # as if it were not installed
    return request.param


def read(path, labels=(), form=None):
    form = form or TableFormat()
    opened = open_source(path)
    layout = find_text_layout(opened, form)
    return read_delimited(opened, layout, labels, form, layout.names)


def test_columns(reader, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("\ufeff" + TEXT, encoding="utf-8")
    found, numerals = read(path, {"id"}, TableFormat(thousands=","))
    assert list(found) == ["id", "whole", "real", "word", "gap", "price"]
    names = found["id"].names[found["id"].codes].tolist()
    assert names == ["007", " 8", "9"]  # labels are kept as they are written
    assert found["whole"].dtype == np.int64
    np.testing.assert_array_equal(found["real"], [1.5, np.nan, 2000.0])
    assert found["word"].tolist() == ["red", "a, b", "NaN"]
    np.testing.assert_array_equal(found["gap"], [np.nan, 3.0, np.nan])
    np.testing.assert_array_equal(found["price"], [1200.0, 3.0, np.nan])
    assert numerals.signs == "$"


def test_what_the_first_lines_do_not_show(reader, tmp_path, monkeypatch):
    """The decimal mark is decided by the whole file, although columns are typed by its first lines."""
    monkeypatch.setattr("lowland.files.text.text_layout.SAMPLE", 3)
    path = tmp_path / "late.csv"
    path.write_text("a;b\n1;2\n3;4\n5;1.250\n6;7,5\n")
    found, numerals = read(path)
    assert (numerals.decimal, numerals.thousands) == (",", ".")
    np.testing.assert_array_equal(found["b"], [2.0, 4.0, 1250.0, 7.5])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1,2\n3\n", "not a regular text table"),
        (b"a,b\n1,\xd0\xcc\xd1\xd0\xd1\n\xd0\xd2,2", "encoding of .* cannot be told"),
        (b"a,a\n1,2\n", "names a column twice"),
        (b"a,b\n\x00\x01\x00\x00,\x00\x02\x00", "not a text file"),
        (b"# only\n# comments\n", "is empty"),
    ],
)
def test_files_that_are_no_tables(reader, tmp_path, content, words):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=words):
        read(path)


def test_text_that_turns_out_to_be_none(reader, tmp_path, monkeypatch):
    monkeypatch.setattr("lowland.files.text.text_layout.HEAD", 64)
    path = tmp_path / "table.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 40 + b"\xff,3\n")
    with pytest.raises(FileFormatError, match="not a UTF-8 text file"):
        read(path, {"a"})


@pytest.mark.parametrize("late", ["", "7"])
def test_a_column_without_name_counts_if_it_holds_anything(reader, tmp_path, monkeypatch, late):
    """Delimiters at the ends of lines make no column; a number on the last line does."""
    monkeypatch.setattr("lowland.files.text.text_layout.SAMPLE", 5)
    path = tmp_path / "late.csv"
    path.write_text("id,a,b,\n" + "".join(f"r{k},{k},{k % 3},\n" for k in range(20)) + f"r20,1,2,{late}\n")
    assert ll.read_table(path).shape == (21, 3 if late else 2)


def test_signs_of_unicode_end_no_lines(reader, tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("city\u2028x,a\x0b,b\nberlin,1,2\nbonn,3,\n", encoding="utf-8")
    table = ll.read_table(path)
    assert table.shape == (2, 2)
    assert table.row_labels.tolist() == ["berlin", "bonn"]


def test_a_line_may_be_longer_than_a_megabyte(tmp_path):
    names = [f"g{k}" + "x" * 4000 for k in range(300)]
    lines = [",".join(["id", *names]), *(",".join([f"s{i}", *["1.5"] * 300]) for i in range(2))]
    path = tmp_path / "wide.csv"
    path.write_text("\n".join(lines) + "\n")
    table = load_table(path)
    assert table.observations.shape == (2, 300)
    assert table.observations.column_labels[-1] == names[-1]
