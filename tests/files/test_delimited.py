"""Text tables read with PyArrow and without it: the same columns and the same errors."""

import sys

import numpy as np
import pytest

from lowland.core.errors import FileFormatError
from lowland.files.delimited import read_delimited, read_header

TEXT = """id,whole,real,word,gap
007,1,1.5,red,
 8,2,NA,"a, b",3
9,3,2e3,NaN,NULL
"""


@pytest.fixture(params=["pyarrow", "plain"])
def reader(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setitem(sys.modules, "pyarrow", None)  # as if it were not installed
    return request.param


def test_columns(reader, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("\ufeff" + TEXT, encoding="utf-8")
    found = read_delimited(path, ",", {"id"})
    assert list(found) == ["id", "whole", "real", "word", "gap"]
    names = found["id"].names[found["id"].codes].tolist()
    assert names == ["007", " 8", "9"]  # labels are kept as they are written
    assert found["whole"].dtype == np.int64
    np.testing.assert_array_equal(found["real"], [1.5, np.nan, 2000.0])
    assert found["word"].tolist()[:2] == ["red", "a, b"]
    np.testing.assert_array_equal(found["gap"], [np.nan, 3.0, np.nan])


def header_then_all(path):
    read_header(path, ",")
    return read_delimited(path, ",", set())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1,2\n3\n", "not a regular text table"),
        (b"a,b\n1,\xff\xfe\n", "not a UTF-8 text file"),
        (b"a,a\n1,2\n", "names a column twice"),
        (b"a;b\n1;2\n", "separated by semicolons"),
    ],
)
def test_files_that_are_no_tables(reader, tmp_path, content, words):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=words):
        header_then_all(path)
