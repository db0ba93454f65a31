"""The page of a fit of columns of several kinds."""

import numpy as np

import lowland as ll
from lowland.completion.columns.losses import Columns
from lowland.completion.penalised.mixed_page import mixed_errors, mixed_predictions
from lowland.completion.tables.trial import Trial

# column a holds numbers, b zeros and ones, c counts
CELLS = np.column_stack([np.arange(12.0) * 10, np.arange(12) % 2, np.arange(12) % 4])
TABLE = ll.Observations.from_array(CELLS, column_labels=np.array(["a", "b", "c"], dtype=object))
KINDS = {"a": "squared", "b": "logistic", "c": "poisson"}


def trial_of(columns, observed, predicted):
    where, ones = np.array(columns), np.ones(len(columns))
    return Trial(None, where, np.array(observed, float), np.array(predicted, float), ones, 1.0)


def test_predictions_are_in_units_of_each_columns_spread():
    trial = trial_of([0, 0, 1, 1, 2], [10, 30, 0, 1, 5], [20, 40, 0.5, 1, 7])
    display = mixed_predictions(trial, Columns.of(TABLE, KINDS))
    # a column whose held-out values are all equal has unit one
    np.testing.assert_allclose(display.observed, [-1, 1, -1, 1, 0])
    np.testing.assert_allclose(display.predicted, [0, 2, 0, 1, 2])


def test_columns_are_listed_by_gain_with_the_error_of_their_mean():
    many = np.repeat([0, 1, 2], [6, 6, 2])
    observed = np.r_[CELLS[:6, 0], CELLS[:6, 1], CELLS[:2, 2]]
    predicted = observed + np.repeat([1.0, 0.45, 0.1], [6, 6, 2])
    table = mixed_errors(trial_of(many, observed, predicted), TABLE, Columns.of(TABLE, KINDS))
    assert table.header[:3] == ("column", "loss", "held-out cells")
    # c has too few held-out cells to be listed; b gains least over its mean
    assert [row[:4] for row in table.rows] == [
        ("b", "logistic", "6", "0.45"),
        ("a", "squared", "6", "1"),
    ]
    mean_error = np.sqrt(np.mean((CELLS[:6, 0] - CELLS[:, 0].mean()) ** 2))
    assert table.rows[1][4] == f"{mean_error:.4g}"
    few = mixed_errors(trial_of([2], [1.0], [1.5]), TABLE, Columns.of(TABLE, KINDS))
    assert [row[0] for row in few.rows] == ["c"]  # rather than an empty table
