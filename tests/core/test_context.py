"""The context of cells: dates, numbers or words, of known cells and of others."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest

import lowland as ll
from lowland.cells.labels import TableLabels
from lowland.core.cells.context import CellContext
from lowland.errors import InvalidInputError

ROWS, COLUMNS, SHAPE = np.array([1, 0, 1, 2]), np.array([0, 2, 3, 1]), (3, 4)


def context_of(given):
    return CellContext.of(ROWS, COLUMNS, given, SHAPE)


def test_numbers_are_places():
    known = context_of([3.0, 1.0, np.nan, 2.0])
    assert known.kind == "numbers"
    np.testing.assert_array_equal(known.at(ROWS, COLUMNS), [3, 1, np.nan, 2])
    assert np.isnan(known.at(np.array([0]), np.array([0]))).all()
    assert known.size == 3


@pytest.mark.parametrize(
    "given",
    [
        np.array(["2020-01-01", "2020-01-02T12", "NaT", "1969-12-31"], "datetime64[s]"),
        [date(2020, 1, 1), datetime(2020, 1, 2, 12), None, date(1969, 12, 31)],
        [
            datetime(2020, 1, 1, tzinfo=UTC),
            datetime(2020, 1, 2, 14, tzinfo=timezone(timedelta(hours=2))),
            None,
            datetime(1969, 12, 31, tzinfo=UTC),
        ],
    ],
    ids=["numpy", "objects", "zones"],
)
def test_dates_are_seconds(given):
    known = context_of(given)
    assert known.kind == "dates"
    start = 18262 * 86400.0
    np.testing.assert_array_equal(known.at(ROWS, COLUMNS), [start, start + 1.5 * 86400, np.nan, -86400])


def test_words_are_places_in_a_list():
    known = context_of(["b", "a", "", "b"])
    assert known.kind == "words"
    places = known.at(ROWS, COLUMNS)
    assert known.words[places[[0, 1, 3]].astype(int)].tolist() == ["b", "a", "b"]
    assert np.isnan(places[2])


def test_of_a_cell_listed_twice_the_last_counts():
    known = CellContext.of(np.array([0, 0]), np.array([1, 1]), [5.0, 7.0], SHAPE)
    assert known.at(np.array([0]), np.array([1])) == 7
    table = ll.Observations.from_triples([0, 0], [1, 1], [1.0, 2.0], duplicates="mean", context=[5.0, 7.0])
    assert table.context.at(np.array([0]), np.array([1])) == 7


def test_rows_know_their_cells():
    where, columns = context_of([3.0, 1.0, 4.0, 2.0]).in_rows(np.array([2, 1]))
    assert list(zip(where.tolist(), columns.tolist(), strict=True)) == [(0, 1), (1, 0), (1, 3)]


def test_hidden_cells_have_no_context_in_what_is_kept():
    table = ll.Observations.from_triples(ROWS, COLUMNS, np.ones(4), shape=SHAPE, context=[3.0, 1.0, 4.0, 2.0])
    kept, apart = table.hide(np.array([True, False, False, True]))
    assert np.isnan(kept.context.at(apart.rows, apart.columns)).all()
    np.testing.assert_array_equal(kept.context.at(kept.rows, kept.columns), [1, 4])
    np.testing.assert_array_equal(apart.context.at(apart.rows, apart.columns), [3, 2])


def test_context_follows_labels():
    names = np.array(["a", "b", "c", "d"])
    table = ll.Observations.from_triples(
        ROWS, COLUMNS, np.ones(4), shape=SHAPE, column_labels=names, context=[3.0, 1.0, 4.0, 2.0]
    )
    aligned = TableLabels((3, 4), None, names[::-1]).align(table, rows=True)
    np.testing.assert_array_equal(aligned.context.at(aligned.rows, aligned.columns), [3, 1, 4, 2])
    np.testing.assert_array_equal(aligned.columns, 3 - COLUMNS)


def test_joined_contexts_replace_and_grow():
    old = context_of(["b", "a", "b", "c"])
    new = CellContext.of(np.array([1, 3]), np.array([0, 4]), ["x", "a"], (4, 5))
    both = old.joined(new, (4, 5))
    places = both.at(np.array([1, 0, 3]), np.array([0, 2, 4])).astype(int)
    assert both.words[places].tolist() == ["x", "a", "a"]
    assert both.shape == (4, 5)
    numbers = context_of([3.0, 1.0, 4.0, 2.0]).joined(None, (5, 6))
    np.testing.assert_array_equal(numbers.at(ROWS, COLUMNS), [3, 1, 4, 2])


def test_contexts_of_arrays_tell_of_missing_cells():
    table = np.array([[1.0, np.nan], [2.0, 3.0]])
    seen = ll.Observations.from_array(table, context=np.array([[5.0, 6.0], [np.nan, 7.0]]))
    np.testing.assert_array_equal(seen.context.at(np.array([0, 0, 1]), np.array([0, 1, 0])), [5, 6, np.nan])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([1.0, 2.0], "one entry per cell"),
        ([1.0, np.inf, 2.0, 3.0], "finite"),
        ([1j, 2, 3, 4], "dates, numbers or words"),
    ],
)
def test_what_is_no_context_is_refused(given, words):
    with pytest.raises(InvalidInputError, match=words):
        context_of(given)


def test_contexts_of_two_kinds_are_not_joined():
    with pytest.raises(InvalidInputError, match="another kind"):
        context_of([1.0, 2.0, 3.0, 4.0]).joined(context_of(["a", "b", "c", "d"]), SHAPE)
