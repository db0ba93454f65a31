"""A filled table that would change an observed cell is refused, with the cell."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.cells.observed_cells import check_kept, check_table_kept
from lowland.core.errors import InvalidInputError


def test_equal_cells_pass_and_the_first_other_one_is_named():
    seen = np.array([1.0, 2.0, 3.0])
    check_kept(seen, seen.copy(), str)
    with pytest.raises(InvalidInputError, match=r"would be changed(.|\n)*cell 1: 2.0 would become 2.5"):
        check_kept(seen, np.array([1.0, 2.5, 0.0]), lambda k: f"cell {k}")


@pytest.mark.parametrize("other", [np.nan, np.nextafter(2.0, 3.0), np.float32(2.1)])
def test_digits_count_and_a_hole_is_no_value(other):
    with pytest.raises(InvalidInputError, match="would become"):
        check_kept(np.array([2.0]), np.array([other]), str)


def test_cells_of_tables_are_named_by_their_labels():
    table = np.array([[1.0, np.nan], [3.0, 4.0]])
    seen = ll.Observations.from_array(table, row_labels=["a", "b"], column_labels=[7, 8])
    filled = np.nan_to_num(table)
    check_table_kept(seen, filled)
    filled[1, 0] = 3.5
    with pytest.raises(InvalidInputError, match=r"row 'b', column '7': 3.0 would become 3.5"):
        check_table_kept(seen, filled)
    with pytest.raises(InvalidInputError, match=r"row '1', column '0': 3.0 would become 3.5"):
        check_table_kept(ll.Observations.from_array(table), filled)
