"""Lines that name the columns of a text file."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import FileFormatError
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table
from round_trips import assert_only_filled, cells_of, complete_text

# as R's write.table writes a data frame with the names of its rows
R_TABLE = """"tea" "milk" "price"
"New  York" 1 2.5 3
"Oslo" NA 3.5 4
"Rome" 3 4.5 5.25
"Lima" 4 NA 6
"""


@pytest.mark.parametrize("separator", [" ", "\t", ",", ";"])
def test_a_header_one_field_short(tmp_path, separator):
    path = tmp_path / "r.txt"
    lines = [line.replace("  ", "##").replace(" ", separator) for line in R_TABLE.splitlines(keepends=True)]
    path.write_text("".join(lines).replace("##", "  ").replace(f"New{separator}", "New "))
    table = load_table(path)
    assert table.observations.row_labels.tolist() == ["New  York", "Oslo", "Rome", "Lima"]
    assert table.observations.column_labels.tolist() == ["tea", "milk", "price"]
    right = [[1, 2.5, 3], [np.nan, 3.5, 4], [3, 4.5, 5.25], [4, np.nan, 6]]
    np.testing.assert_array_equal(table.observations.to_array(), right)
    assert "names the rows" in " ".join(table.decided)


def test_a_header_one_field_short_with_years_and_numbered_rows(tmp_path):
    (tmp_path / "r.txt").write_text("2001 2002 2003\n1 2.5 3 4\n2 3.5 NA 5\n3 1.5 2 7\n")
    table = ll.read_table(tmp_path / "r.txt")
    assert table.row_labels.tolist() == [1, 2, 3]
    assert table.column_labels.tolist() == ["2001", "2002", "2003"]


@pytest.mark.parametrize("marks", ["NA NA 4", "NA n.d. 4"])
def test_a_short_header_above_missing_cells(tmp_path, marks):
    (tmp_path / "r.txt").write_text(f"a b c\nr1 {marks}\nr2 3.5 NA 5\nr3 1.5 2 7\nr4 1.5 2.5 7\n")
    table = ll.read_table(tmp_path / "r.txt", form=TableFormat(missing=["n.d."]))
    assert table.column_labels.tolist() == ["a", "b", "c"]
    assert table.shape == (4, 3)


def test_numbers_that_lack_one_are_no_header(tmp_path):
    (tmp_path / "cut.csv").write_text("1,2\n4,5,6\n7,8,9\n")
    with pytest.raises(FileFormatError, match="not a regular text table"):
        ll.read_table(tmp_path / "cut.csv", form=TableFormat(header=False, row_labels=False))


@pytest.mark.parametrize("kept", [["row labels", "tea", "price"], ["tea", "milk", "price"]])
def test_a_short_header_is_written_as_it_was(tmp_path, kept):
    options = [word for name in kept for word in ("--keep", name)]
    said, text = complete_text(tmp_path, "r.txt", R_TABLE, *options)
    before = [
        ["row labels", "tea", "milk", "price"],
        ["New  York", "1", "2.5", "3"],
        ["Oslo", "", "3.5", "4"],
        ["Rome", "3", "4.5", "5.25"],
        ["Lima", "4", "", "6"],
    ]
    chosen = [[line[before[0].index(name)] for name in kept] for line in before]
    chosen[0] = [name for name in chosen[0] if name != "row labels"]
    assert_only_filled(chosen, cells_of(text))
    assert "its header has no name for the first column" in said
