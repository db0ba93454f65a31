import datetime

import numpy as np
import pytest

from lowland.core.cells.labels import find_labels, label_text, order_labels
from lowland.core.errors import InvalidInputError


def test_whole_numbers_are_ordered_as_numbers():
    column = order_labels(np.array([0, 1, 2, 1]), ["10", "9", "-1"])
    assert column.names.tolist() == [-1, 9, 10]
    assert column.names[column.codes].tolist() == [10, 9, -1, 9]


@pytest.mark.parametrize("name", ["007", "+7", "7.0", " 7", "7 ", "1e3", "9" * 19, "", "True", "NA"])
def test_anything_else_makes_all_of_them_text(name):
    column = order_labels(np.array([0, 1]), ["7", name])
    assert column.names.dtype.kind == "U"
    assert sorted(column.names.tolist()) == sorted(["7", name])
    assert column.names[column.codes].tolist() == ["7", name]


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (7, "7"),
        (7.0, "7"),
        (7.5, "7.5"),
        ("07", "07"),
        (datetime.datetime(2024, 1, 2), "2024-01-02"),
        (datetime.datetime(2024, 1, 2, 3), "2024-01-02 03:00:00"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
    ],
)
def test_text_of_a_label(label, text):
    assert label_text(label) == text


def test_labels_are_found_whatever_their_type():
    known = np.array([3, 5, 9])
    for labels in ([9, 3], [9.0, 3.0], ["9", "3"], np.array([9, 3], np.uint8)):
        assert find_labels(labels, known, "row").tolist() == [2, 0]
    dates = np.array(["2024-01-01", "2024-01-02"])
    assert find_labels(np.array(["2024-01-02"], "datetime64[ns]"), dates, "row").tolist() == [1]
    assert find_labels([], known, "row").size == 0


@pytest.mark.parametrize("labels", [[4], [3.5], ["x"], [None], [10**30], [np.nan]])
def test_unknown_labels_are_named(labels):
    with pytest.raises(InvalidInputError, match="has no such column"):
        find_labels(labels, np.array([3, 5, 9]), "column")


def test_unknown_labels_are_counted():
    with pytest.raises(InvalidInputError, match="'a' and 2 more"):
        find_labels(["a", "b", "c"], np.array(["x"]), "row")
    with pytest.raises(InvalidInputError, match="one-dimensional"):
        find_labels([["a"]], np.array(["x"]), "row")
