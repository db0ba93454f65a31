"""Which columns count as never negative: by their known numbers, and by what a person says."""

import numpy as np
import pytest

from lowland.cells.labels import TableLabels
from lowland.completion.bounded.signs import (
    columns_named,
    lowest_of,
    nonnegative_columns,
    read_signed,
)
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError


class Model:
    """A model whose intervals end at `floor`."""

    def __init__(self, floor=-np.inf):
        self.floor = floor

    def clip(self, lower, upper, columns):
        return np.maximum(lower, self.floor), upper


def columns_of(rng):
    """Columns by what they are; those that count as never negative come first."""
    n = 40
    return {
        "positive": np.abs(rng.standard_normal(n)) + 0.1,
        "with zeros": np.maximum(rng.standard_normal(n), 0) * 30,
        "larger than signed ones": 50 + 9 * rng.standard_normal(n),
        "counts": rng.integers(0, 4, n) * 100.0,
        "of the spread of signed ones, near zero": 3000 * rng.standard_normal(n) ** 2 + 1,
        "far above zero": 300 + rng.standard_normal(n),
        "signed": 4000 + 4000 * rng.standard_normal(n),
        "in the unit of the signed": 7000 + 2000 * rng.random(n),
        "two levels": rng.integers(0, 2, n) * 1.0,
        "few cells": np.r_[rng.random(9), np.full(n - 9, np.nan)],
        "all equal": np.full(n, 3.0),
        "no cell": np.full(n, np.nan),
    }


@pytest.fixture
def table(rng):
    columns = columns_of(rng)
    return list(columns), Observations.from_array(np.column_stack(list(columns.values())))


def test_columns_that_count_as_never_negative(table):
    names, cells = table
    columns, touches = nonnegative_columns(cells, Model())
    assert columns.tolist() == [0, 1, 2, 3, 4]
    assert touches.tolist() == [False, True, False, True, False]
    assert nonnegative_columns(cells, Model(), {1, 2, 9})[0].tolist() == [0, 3, 4]
    # what the model within keeps from going below zero is left to it
    assert not nonnegative_columns(cells, Model(0.0))[0].size
    assert lowest_of(cells)[names.index("no cell")] == np.inf


def test_one_negative_number_is_enough(table):
    _, cells = table
    at = int(np.flatnonzero(cells.columns == 0)[0])
    values = cells.values.copy()
    values[at] = -0.01
    other = Observations(cells.rows, cells.columns, values, cells.shape)
    assert 0 not in nonnegative_columns(other, Model())[0]


def test_large_tables_and_empty_ones_are_left(table, monkeypatch):
    _, cells = table
    monkeypatch.setattr("lowland.completion.bounded.signs.MOST_CELLS", cells.shape[0] * cells.shape[1] - 1)
    assert not nonnegative_columns(cells, Model())[0].size
    assert not nonnegative_columns(cells.select(np.zeros(cells.size, bool)), Model())[0].size


def test_what_a_person_says():
    named, plain = TableLabels((3, 3), None, np.array(["a", "b", "c"], object)), TableLabels((3, 3))
    assert read_signed(None, named) == read_signed([], plain) == frozenset()
    assert read_signed(True, named) == {0, 1, 2}
    assert read_signed(["c", "a"], named) == {0, 2}
    assert read_signed(np.array([1]), plain) == {1}
    assert columns_named({"b": (None, None)}, named) == {1}
    assert columns_named(np.zeros((3, 2)), plain) == columns_named(None, plain) == frozenset()
    with pytest.raises(InvalidInputError, match="no such column"):
        read_signed(["d"], named)
