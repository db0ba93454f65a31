"""Baselines of a comparison."""

import numpy as np

import lowland as ll
from lowland.completion.comparing.baselines import (
    predict_by_interpolation,
    predict_by_means,
    turned,
    usual_of_columns,
)


def test_what_is_usual_in_columns():
    table = [[1.0, 2.0, np.nan, np.nan], [2.0, 1.0, np.nan, np.nan], [6.0, 1.0, np.nan, np.nan]]
    usual = usual_of_columns(ll.Observations.from_array(table), words=[1, 3])
    np.testing.assert_array_equal(usual, [3, 1, 3, 0])


def test_sums_of_rows_and_columns_are_found():
    full = np.add.outer([0.0, 2.0, 5.0], [1.0, -1.0, 3.0, 0.0])
    known = ll.Observations.from_array(full)
    np.testing.assert_allclose(predict_by_means(known, known), known.values)


def test_interpolation_by_places_and_either_way():
    row = ll.Observations.from_array([[0.0, np.nan, 8.0, np.nan]])
    missing = ll.Observations.from_triples([0, 0], [1, 3], [0.0, 0.0], shape=(1, 4))
    np.testing.assert_array_equal(predict_by_interpolation(row, missing), [4, 8])
    np.testing.assert_array_equal(predict_by_interpolation(row, missing, np.array([0.0, 1, 4, 9])), [2, 8])
    backwards = -np.array([0.0, 1, 4, 9])
    np.testing.assert_array_equal(predict_by_interpolation(row, missing, backwards), [2, 8])
    down = turned(row), turned(missing)
    assert down[0].shape == (4, 1)
    np.testing.assert_array_equal(predict_by_interpolation(turned(down[0]), turned(down[1])), [4, 8])


def test_columns_at_one_place_count_by_their_mean():
    row = ll.Observations.from_array([[0.0, 2.0, 6.0, np.nan]])
    missing = ll.Observations.from_triples([0], [3], [0.0], shape=(1, 4))
    assert predict_by_interpolation(row, missing, np.array([0.0, 0.0, 2.0, 1.0]))[0] == 3.5
