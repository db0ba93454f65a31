"""Several tables in one sheet are told from parts of one, and ranges are read."""

import pytest

from lowland.core.errors import InvalidInputError
from lowland.files.foreign.sheet_blocks import check_one_table, cut_range

HEAD = ["shop", "tea", "milk"]
LINES = [[f"shop {k}", 2.5 + k, None if k % 4 == 1 else 1.0 + k] for k in range(8)]
BLANK = [None] * 3


def beside(left, right, gap=1):
    """Return rows of two parts with blank columns between them."""
    width = max(map(len, right))
    rows = max(len(left), len(right))
    left, right = ([*part, *([[None] * len(part[0])] * (rows - len(part)))] for part in (left, right))
    return [[*a, *[None] * gap, *b, *[None] * (width - len(b))] for a, b in zip(left, right, strict=True)]


TABLE = [HEAD, *LINES]
SMALL = [["town", "staff"], *([f"town {k}", k] for k in range(4))]
SPARSE = [["sold", "left"], *([k, 2.5] if k in (1, 5, 6) else [None, None] for k in range(8))]
ONE = {
    "a blank column within": beside(TABLE, [row[1:] for row in TABLE]),
    "few numbers beside": beside(TABLE, SPARSE),
    "a key beside": beside(TABLE, [["key", "what"], ["*", "estimated"], ["-", "not sold"]]),
    "a blank row within": [*TABLE, BLANK, *LINES],
    "totals below a blank row": [*TABLE, BLANK, ["Total", 48.0, 30.0]],
    "notes below": [*TABLE, BLANK, ["Source", "the shops", "of the town"]],
    "values above": [["Lab", "no. 7", None], ["degrees", 21.5, None], BLANK, *TABLE],
    "a header that repeats": [*TABLE, BLANK, *TABLE],
    "groups under names": [HEAD, ["North", None, None], *LINES, BLANK, ["South", None, None], *LINES],
}
SEVERAL = {
    "side by side": (beside(TABLE, SMALL), ["A1:C9", "E1:F5"]),
    "far apart": (beside(TABLE, SMALL, 3), ["A1:C9", "G1:H5"]),
    "one below the other": ([*TABLE, BLANK, ["town", "staff", "hours"], *LINES], ["A1:C9", "A11:C19"]),
    "with a title": (
        [*TABLE, BLANK, ["Staff", None, None], BLANK, ["town", "staff", "hours"], *LINES],
        ["A1:C9", "A11:C21"],
    ),
}


@pytest.mark.parametrize("rows", ONE.values(), ids=ONE)
def test_parts_of_one_table(rows):
    check_one_table(rows, (0, 0), "Prices", "t.xlsx")


@pytest.mark.parametrize(("rows", "ranges"), SEVERAL.values(), ids=SEVERAL)
def test_several_tables(rows, ranges):
    with pytest.raises(InvalidInputError) as refused:
        check_one_table(rows, (2, 1), "Prices", "t.xlsx")
    moved = [f"Prices!{_moved(a)}:{_moved(b)}" for a, b in (one.split(":") for one in ranges)]
    assert f"found: {', '.join(moved)}" in str(refused.value)
    for one in moved:
        (_, _), (top, left) = cut_range(one)[1], cut_range(one)[1][0]
        assert top >= 2
        assert left >= 1


def _moved(place):
    """Return the name of a cell two rows further down and one column to the right."""
    return f"{chr(ord(place[0]) + 1)}{int(place[1:]) + 2}"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("Prices!A1:E25", ("Prices", ((0, 0), (24, 4)))),
        ("'My prices'!$B$2:$AA$9", ("My prices", ((1, 1), (8, 26)))),
        ("b2:c3", ("", ((1, 1), (2, 2)))),
        ("Prices", None),
    ],
)
def test_ranges(asked, expected):
    assert cut_range(asked) == expected
