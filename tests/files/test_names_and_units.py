"""Headers of several lines: groups and names, units and descriptions."""

import csv

import numpy as np
import pytest

import lowland as ll
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table
from lowland.files.text.names_and_units import are_names, are_units
from round_trips import assert_only_filled, cells_of, complete_text, written_by

LINES = "a,1.5,2,3,4\nb,,3,4,5\nc,1,,1,2\nd,2,3,,1\n"
NUMBERS = np.array([[1.5, 2, 3, 4], [np.nan, 3, 4, 5], [1, np.nan, 1, 2], [2, 3, np.nan, 1]])
SIZES = ["height min", "height max", "weight min", "weight max"]
# what stands above the lines, the names of the columns, and what is said
HEADINGS = {
    "units": ("id,a,b,c,d\n,kg,cm,degC,-\n", list("abcd"), "left out below the header: 'kg cm degC -'"),
    "bracketed units": ("id,a,b,c,d\n(unit),[kg],[m/s],[1],\n", list("abcd"), "'(unit) [kg] [m/s] [1]'"),
    "descriptions": (
        "id,a,b,c,d\nWho?,How old?,How tall?,Far?,Big?\n",
        list("abcd"),
        "'Who? How old?",
    ),
    "merged groups": ("id,height,,weight,\n,min,max,min,max\n", SIZES, "names of columns from 2 lines"),
    "repeated groups": (",height,height,weight,weight\nid,min,max,min,max\n", SIZES, "from 2 lines"),
    "years above": ("id,2001,,2002,\n,x,y,x,y\n", ["2001 x", "2001 y", "2002 x", "2002 y"], "from 2 lines"),
    "years": ("id,x,,y,\n,2001,2002,2001,2002\n", ["x 2001", "x 2002", "y 2001", "y 2002"], "from 2 lines"),
    "an index": (",a,a,b,b\n,x,y,x,y\nid,,,,\n", ["a x", "a y", "b x", "b y"], "from 3 lines"),
    "levels of names and an index": (
        "g,a,a,b,b\nk,x,y,x,y\nid,,,,\n",
        ["a x", "a y", "b x", "b y"],
        "from 3 lines",
    ),
    "groups and units": (
        "id,height,,weight,\n,min,max,min,max\n,cm,cm,kg,kg\n",
        SIZES,
        "left out below the header: 'cm cm kg kg'",
    ),
    "a title, groups and units": (
        "Sizes\n\nid,height,,weight,\n,min,max,min,max\n,cm,cm,kg,kg\n",
        SIZES,
        "left out above the table: 'Sizes'",
    ),
}


@pytest.mark.parametrize("kind", HEADINGS)
def test_headings(tmp_path, kind):
    above, names, words = HEADINGS[kind]
    said, text = complete_text(tmp_path, "t.csv", above + LINES)
    assert words in said
    assert text.startswith(above)
    assert_only_filled(cells_of(LINES), cells_of(text[len(above) :]))
    table = load_table(tmp_path / "t.csv")
    assert table.observations.column_labels.tolist() == names
    np.testing.assert_array_equal(table.observations.to_array(), NUMBERS)


# first lines that hold data
DATA = [
    "id,a,b,c,d\nx,n.d.,n.d.,n.d.,n.d.\n",  # a word that marks missing cells
    "id,a,b,c,d\nx,NA,NA,NA,NA\n",
    "id,a,b,c,d\nx,5,low,5,5\n",
    "id,a,b,c,d\n,5,kg,cm,5\n",
    "id,a,a,c,c\nx,5,6,7,8\n",
]


@pytest.mark.parametrize("text", DATA)
def test_lines_of_data(text):
    records = list(csv.reader((text + LINES).splitlines()))
    assert not are_units(records)
    assert not are_names(records)


def test_marks_that_stand_below_are_no_units():
    records = list(csv.reader(("id,a,b,c,d\n,none yet,none yet,none yet,none yet\n" + LINES).splitlines()))
    assert are_units(records)
    records[4][1] = records[4][2] = "none yet"
    assert not are_units(records)


def test_units_above_numbers_that_have_units_themselves():
    assert are_units([["id", "a", "b"], ["", "EUR", "kg"], ["x", "1", "3 kg"], ["y", "2", "4 kg"]])
    assert not are_units([["id", "a", "b"], ["", "EUR", "old"], ["x", "1", "new"], ["y", "2", "new"]])


@pytest.mark.parametrize("words", [",,kg,Stück,cm", ",,€,€,pcs", ",,pcs,pcs,", "Einheit,,Stück,Stück,Stück"])
def test_words_above_numbers_alone_are_units_whatever_they_are(words):
    """Below a blank or a word such as "unit" where the rows have names, be these numbers."""
    lines = (
        "01,N0,61.1,7,3 €",
        "02,N1,46.8,8,4 €",
        "03,N2,1,5,6 €",
        "04,N3,2,6,7 €",
        "05,N4,,8,",
        "06,N5,3,<5,9 €",
    )
    records = [line.split(",") for line in ("id,name,w,h,t", words, *lines)]
    assert are_units(records)
    records[1][0] = "03"  # a row of data
    assert not are_units(records)


@pytest.mark.parametrize(
    "lines",
    [
        ["id,a,b,c", ",broken,late,", "1,2,3,4", "2,late,3,5"],  # words among the numbers
        ["id,a,b,c", ",broken,,", "1,2,3,4", "2,4,3,5"],  # a single one
        ["a,b,c", "broken,late,", "1,2,3", "2,4,3"],  # no names of rows, and nothing above a column
        ["id,a,b,c", ",low,high,dry", "1,2,3,wet", "2,4,3,dry"],  # a word of a column of words
        ["id,a,b,c", ",the patient withdrew her consent,not known to us,", "1,2,3,4", "2,4,3,5"],
    ],
)
def test_words_that_are_no_units_whatever_they_are(lines):
    assert not are_units([line.split(",") for line in lines])


def test_a_title_with_a_date_is_no_line_of_groups():
    lines = [["id", "a", "b", "c"], ["x", "1", "2", "3"], ["y", "4", "5", "6"]]
    assert not are_names([["Prices", "", "", "as of 2024"], *lines])
    assert are_names([["", "old", "", "new"], *lines])


def test_a_line_of_units_without_a_column_that_is_left_out(tmp_path):
    text = "id,a,b,c,d\n,kg,cm,degC,s\n" + LINES
    _, out = complete_text(tmp_path, "t.csv", text, "--drop", "b")
    assert cells_of(out)[:2] == [["id", "a", "c", "d"], ["", "kg", "degC", "s"]]
    table = ll.read_table(tmp_path / "t.csv", form=TableFormat(header=True))
    np.testing.assert_array_equal(table.to_array(), NUMBERS)


def test_names_of_two_lines_in_a_parquet_file(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    above, names, _ = HEADINGS["groups and units"]
    path = written_by(tmp_path, "t.csv", above + LINES, output="o.parquet")
    assert parquet.read_table(path).column_names == ["id", *names]
