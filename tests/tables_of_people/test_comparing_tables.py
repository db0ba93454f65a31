"""The comparison of completed files with what was read refuses every change of a known cell."""

import pytest

from tables_of_people.cells import prices, values
from tables_of_people.comparing import check_frame, check_output, is_same
from tables_of_people.entry import NUMBER, Entry
from tables_of_people.writers import text

FILLS = {"tea": NUMBER, "milk": NUMBER, "rice": NUMBER}


def entry_of(columns):
    return Entry(name="some", file=text(columns), labels="shop", fills=FILLS)


def filled(columns):
    return {name: ["7.5" if cell == "" else cell for cell in column] for name, column in columns.items()}


def check(before, after, tmp_path):
    file = text(after)
    file.write(tmp_path / "out.csv")
    return check_output(entry_of(before), tmp_path / "out.csv")


def test_holes_may_be_filled(tmp_path):
    holes = sum(column.count("") for column in prices().values())
    assert len(check(prices(), filled(prices()), tmp_path)) == holes > 5


@pytest.mark.parametrize(
    ("name", "line", "cell"),
    [
        ("tea", 0, "7.5"),  # a known cell
        ("tea", 1, "18.140"),  # the same number in other characters
        ("tea", 2, ""),  # a hole that is left
        ("tea", 2, "x"),  # one that is filled by no number
        ("salt", 3, ""),
        ("shop", 4, "shop"),
    ],
)
def test_any_other_change_is_refused(tmp_path, name, line, cell):
    after = filled(prices())
    assert after[name][line] != cell
    after[name][line] = cell
    with pytest.raises(AssertionError):
        check(prices(), after, tmp_path)


def test_lines_and_columns_must_be_those_that_were_read(tmp_path):
    after = filled(prices())
    for changed in (
        {name: column[:-1] for name, column in after.items()},
        {name: column for name, column in after.items() if name != "salt"},
        {name.upper(): column for name, column in after.items()},
    ):
        with pytest.raises(AssertionError):
            check(prices(), changed, tmp_path)


def test_values_keep_their_kind():
    assert is_same(4, 4)
    assert is_same(4.0, 4)  # of a sheet
    assert is_same(None, float("nan"))
    assert is_same(4, "4")
    for before, after in (
        (4, 4.0),
        (4, "4.0"),
        (True, 1),
        (True, 1.0),
        ("4", 4),
        ("007", "7"),
        (0.1, "0.10001"),
    ):
        assert not is_same(before, after)


def test_frames_are_held_to_what_the_file_was_filled_with(tmp_path):
    import pandas as pd

    entry = entry_of(prices())
    fills = check(prices(), filled(prices()), tmp_path)
    before = pd.DataFrame(values())
    after = before.fillna(7.5)
    check_frame(entry, before, after, fills)
    for line in (0, 2):  # a known cell, and a hole
        changed = after.copy()
        changed.loc[line, "tea"] = 7.6
        with pytest.raises(AssertionError):
            check_frame(entry, before, changed, fills)
