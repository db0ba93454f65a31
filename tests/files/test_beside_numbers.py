"""Units, marks, brackets and bounds beside numbers: read where a column agrees, and written as they were."""

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from commands import assert_clean_error, call
from lowland.core.errors import InvalidInputError
from lowland.files.beside_numbers import NOTHING
from lowland.files.numerals import Numerals, beside
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table
from round_trips import QUICK, assert_only_filled, cells_of, complete_text, written_by


@pytest.fixture(autouse=True, scope="module")
def light():
    """Numbers of draws are looked at here: they are those of whole fits."""


# cells of a column, and the numbers that they say
READ = {
    "unit": (["63.6 kg", "70 kg", "0", "NA"], [63.6, 70, 0, np.nan]),
    "unit without a space": (["5.5ml", "6ml"], [5.5, 6]),
    "spaces within and a unit": (["1 200 kg", "3.5 kg"], [1200, 3.5]),
    "currency": (["EUR 5", "EUR 6.5"], [5, 6.5]),
    "unknown unit at a distance": (["5 stars", "4 stars"], [5, 4]),
    "degrees": (["-3.1 °C", "21 °C"], [-3.1, 21]),
    "marks": (["22.06*", "1.5", "7**", "8 †", "9[a]", "3 (p)"], [22.06, 1.5, 7, 8, 9, 3]),
    "letters": (["5.1 e", "6.2", "7.3", "8.1 bp", "9.1"], [5.1, 6.2, 7.3, 8.1, 9.1]),
    "unit and mark": (["5.1 kg*", "6.2 kg"], [5.1, 6.2]),
    "losses": (["1.2", "(0.90)", "3"], [1.2, -0.9, 3]),
    "losses of money": (["$1.2", "($0.90)", "$3"], [1.2, -0.9, 3]),
    "Fortran": (["1.9D+01", "-.5d2", "3.D-1"], [19, -50, 0.3]),
    "lakhs": (["12,34,567.5", "1,234", "10"], [1234567.5, 1234, 10]),
}
# cells of columns that are no numbers, or not surely
WORDS = {
    "two units": ["5 kg", "6 lbs", "7 kg"],
    "a unit that some lack": ["5 kg", "6", "7 kg"],
    "dates": ["12 Jan", "13 Jan"],
    "times": ["5 pm", "6 pm"],
    "ranks": ["1st", "2nd", "3rd"],
    "seats": ["12A", "13A"],
    "codes": ["ABC 101", "ABC 102"],
    "numbered names": ["SKU101", "SKU102"],
    "errors in brackets": ["1.2", "(0.3)", "2.5", "(0.4)"],
    "brackets and minus": ["-1.2", "(0.3)", "2.5"],
    "estimates and errors": ["1.2 (0.3)", "2.5 (0.4)"],
    "words": ["red", "blue 2", "green"],
}


@pytest.mark.parametrize("kind", READ)
def test_numbers(kind):
    cells, numbers = READ[kind]
    numerals = Numerals(thousands="," if kind == "lakhs" else "", beside=beside(cells, ()))
    np.testing.assert_allclose([numerals.number(cell) for cell in cells], numbers, rtol=1e-15)


@pytest.mark.parametrize("kind", WORDS)
def test_words(kind):
    cells = WORDS[kind]
    numerals = Numerals(beside=beside(cells, ()))
    assert None in [numerals.number(cell) for cell in cells]


def test_nothing_stands_beside_numbers():
    assert beside(["1", "2.5", "-3", "4e5", "$5", "6 %", "", "NA"], ()) is NOTHING


TABLE = """city,weight,price,profit,level
a,63.6 kg,22.06*,1.2,5.5D+00
b,70.1 kg,,2.4,6.5D+00
c,,23.5,(0.90),7.5D+00
d,55 kg,24.5 e,,8.5D+00
e,80.5 kg,25.5,4.5,
f,77.5 kg,21.5,3.5,9.5D+00
g,66.5 kg,21.25,(1.1),7.25D+00
"""


def _plain(cell):
    return cell.replace(" kg", "").strip("()").replace("D+", "e+")


def test_a_table_of_numbers_that_are_not_alone(tmp_path):
    said, text = complete_text(tmp_path, "t.csv", TABLE)
    assert_only_filled(
        *([[_plain(cell) for cell in line] for line in cells_of(one)] for one in (TABLE, text))
    )
    assert "\nc," in text
    assert cells_of(text)[3][1].endswith(" kg")  # in the manner of the column
    assert "kg left off the numbers of 'weight'" in said
    assert "2 numbers of 'price' have marks, which stay as they are: '*', 'e'" in said
    assert "2 numbers of 'profit' in brackets are below zero" in said
    values = load_table(tmp_path / "t.csv").observations.to_array()
    np.testing.assert_array_equal(values[2], [np.nan, 23.5, -0.9, 7.5])


def test_units_and_marks_stay_in_files_of_values(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.read_parquet(written_by(tmp_path, "t.csv", TABLE, output="o.parquet"))
    assert frame["weight"][0] == "63.6 kg"
    assert frame["weight"][2].endswith(" kg")
    assert frame["price"][0] == "22.06*"
    assert frame["profit"][2] == -0.9


BOUNDS = "city,a,b,c\nx,<0.05,1,2\ny,0.5,>200,3\nz,,3,4\nu,0.75,5,\nv,0.25,7,6\n"


def test_bounds_are_fitted_left_out_or_refused_as_is_said(tmp_path):
    (tmp_path / "t.csv").write_text(BOUNDS)
    refusal = call("complete", "t.csv", *QUICK, "--censored", "error", cwd=tmp_path)
    assert_clean_error(refusal, "'<0.05' in column 'a'", "--censored bound or missing")
    said_of = {
        (): "whose bounds are taken for values",  # method "map" knows no bounds
        ("--censored", "bound"): "whose bounds are taken for values",
        ("--censored", "missing"): "left out of the fit",
    }
    for choice, words in said_of.items():
        said, text = complete_text(tmp_path, "t.csv", BOUNDS, *choice)
        assert_only_filled(cells_of(BOUNDS), cells_of(text))
        assert f"2 censored cells of 'a', 'b', {words}" in said
        assert f"{11 if 'missing' in choice else 13} observed cells" in said


def test_bounds_with_units(tmp_path):
    text = "city,a,b\nx,<5 mg,1\ny,5.5 mg,2\nz,,3\nu,7.5 mg,\nv,> 2.5 mg,7\n"
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InvalidInputError, match="'<5 mg' in column 'a'"):
        ll.read_table(tmp_path / "t.csv", form=TableFormat(censored="error"))
    table = ll.read_table(tmp_path / "t.csv")
    np.testing.assert_array_equal(table.to_array()[:2], [[5, 1], [5.5, 2]])
    at = np.flatnonzero(table.censored)
    np.testing.assert_array_equal(
        [table.rows[at], table.columns[at], table.censored[at]], [[0, 4], [0, 0], [-1, 1]]
    )


@pytest.mark.parametrize(
    "cells",
    [
        ["<=50K", ">50K", ">50K", "<=50K"],
        ["<18", "18-25", "26-64", ">64"],
        ["<5", "5", "<5", "5"],
        ["<1:10", "1:20", "1:40", "<1:10"],
        ["< 5 items", "7 or 8", "9", "10"],
        ["<b>1</b>", "<i>2</i>", "3", "4"],
    ],
)
def test_words_that_begin_as_bounds_are_words(cells):
    found = beside(cells, ())
    assert (found.censored, found.unit) == ("error", "")


def test_bounds_in_files_of_values_and_in_lists_are_on_their_sides(tmp_path):
    rows = [line.split(",") for line in BOUNDS.split()]
    frame = pd.DataFrame(rows[1:], columns=rows[0])
    values = frame.map(lambda x: x if x[:1] in "xyzuv<>" else float(x))
    values.to_excel(tmp_path / "t.xlsx", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text(BOUNDS)
    frame.melt("city").to_csv(tmp_path / "l.csv", index=False)
    for name in ("t.csv", "t.xlsx", "t.parquet", "l.csv"):
        table = ll.read_table(tmp_path / name)
        at = np.flatnonzero(table.censored)
        names = zip(table.row_labels[table.rows[at]], table.column_labels[table.columns[at]], strict=True)
        found = dict(zip(names, table.censored[at].tolist(), strict=True))
        assert found == {("x", "a"): -1, ("y", "b"): 1}, name
    table = ll.read_table(frame)
    assert sorted(table.censored[table.censored != 0].tolist()) == [-1, 1]


def test_bounds_of_merged_rows_bound_their_means(tmp_path):
    (tmp_path / "t.csv").write_text("city,a,b,c\nx,<2,1,1\nx,4,3,2\ny,>6,5,4\ny,<8,7,2\nz,5,,3\nu,7,2,6\n")
    table = ll.read_table(tmp_path / "t.csv", duplicates="mean")
    of_a = table.columns == 0
    np.testing.assert_array_equal(table.values[of_a], [3, 7, 5, 7])
    np.testing.assert_array_equal(table.censored[of_a], [-1, 0, 0, 0])


def test_drawn_tables_have_numbers_beyond_the_bounds(tmp_path):
    (tmp_path / "t.csv").write_text(BOUNDS)
    called = call("completions", "t.csv", "-o", "drawn", "-n", "2", cwd=tmp_path)
    assert "2 censored cells of 'a', 'b', fitted as what lies beyond their bounds" in called.stdout
    assert "in each, 2 censored cells drawn beyond the bounds" in called.stdout
    for k in (1, 2):
        table = cells_of((tmp_path / "drawn" / f"t-{k}.csv").read_text())
        assert 0 <= float(table[1][1]) < 0.05
        assert float(table[2][2]) > 200
        assert [line[3] for line in table[:4]] == ["c", "2", "3", "4"]


def test_what_bounds_are_taken_for(tmp_path):
    (tmp_path / "t.csv").write_text(BOUNDS)
    known = [[0.05, 1, 2], [0.5, 200, 3], [np.nan, 3, 4], [0.75, 5, np.nan], [0.25, 7, 6]]
    table = ll.read_table(tmp_path / "t.csv", form=TableFormat(censored="bound"))
    np.testing.assert_array_equal(table.to_array(), known)
    known[0][0] = known[1][1] = np.nan
    table = ll.read_table(tmp_path / "t.csv", form=TableFormat(censored="missing"))
    np.testing.assert_array_equal(table.to_array(), known)


def test_bounds_that_stay_are_not_listed_as_filled(tmp_path):
    complete_text(tmp_path, "t.csv", BOUNDS, "--censored", "missing", "--mark", "marks.csv")
    listed = cells_of((tmp_path / "marks.csv").read_text())
    assert [line[:2] for line in listed[1:]] == [["z", "a"], ["u", "c"]]


def test_bounds_of_a_list_cannot_stay(tmp_path):
    lines = "".join(f"u{k},i{j},{'<' * (k == j)}{k + j + 1}.5\n" for k in range(5) for j in range(4))
    (tmp_path / "t.csv").write_text("user,item,rating\n" + lines)
    assert ll.read_table(tmp_path / "t.csv", form=TableFormat(censored="bound")).values.size == 20
    with pytest.raises(InvalidInputError, match="only a wide table"):
        ll.read_table(tmp_path / "t.csv", form=TableFormat(censored="missing"))
