"""The table in a sheet: rows that repeat its header or head groups of others are none of its rows."""

import pytest

from lowland.files.foreign.sheet_tables import find_table
from lowland.files.table_format import TableFormat

HEAD = ["shop", "tea", "milk"]
LINES = [[f"shop {k}", 2.5 + k, None if k % 4 == 1 else 1.0 + k] for k in range(8)]
TABLE = [HEAD, *LINES]
NORTH, SOUTH = ["North", None, None], ["South", None, None]


def test_rows_that_repeat_the_header_are_none():
    found = find_table([*TABLE, HEAD, *LINES], [], TableFormat(), "t.xlsx")
    assert found.lines == [*LINES, *LINES]
    assert found.rows == [*range(1, 9), *range(10, 18)]
    assert "left out: rows that repeat the header" in found.decided


@pytest.mark.parametrize(
    ("lines", "merged", "data", "left"),
    [
        ([NORTH, *LINES[:4], SOUTH, *LINES[4:]], (), (), ["North", "South"]),
        ([NORTH, *LINES[:4], SOUTH, *LINES[4:]], (), ("South",), ["North"]),
        ([*LINES[:4], SOUTH, *LINES[4:]], (((5, 0), (5, 2)),), (), ["South"]),
        ([*LINES[:4], SOUTH, *LINES[4:], NORTH], (), (), []),  # shops without a price
        ([NORTH, *LINES], (), (), []),
        ([NORTH, SOUTH, *LINES], (), (), []),
        ([*LINES[:2], NORTH, *LINES[2:4], SOUTH, *LINES[4:]], (), (), []),
    ],
)
def test_names_alone_above_groups_of_rows(lines, merged, data, left):
    found = find_table([HEAD, *lines], merged, TableFormat(as_data=data), "t.xlsx")
    assert found.lines == [line for line in lines if line[0] not in left]
    said = f"head those below: {', '.join(map(repr, left))} (--as-data)"
    assert (said in " ".join(found.decided)) == bool(left)
