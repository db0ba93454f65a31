"""What surrounds a cell says nothing of the cell itself."""

import numpy as np

import lowland as ll
from lowland.trials.audits.surroundings import RATES, Surroundings, in_column_units, standard


def a_table(rng, m=30, n=6):
    values = rng.standard_normal((m, n)) + np.arange(n)
    values[:, 1:][rng.random((m, n - 1)) < 0.3] = np.nan
    return values


def of_one(values, row, column, known):
    """Return the features of one cell."""
    table = ll.Observations.from_array(values)
    own = in_column_units(table)[(table.rows == row) & (table.columns == column)]
    cell = np.array([row]), np.array([column])
    return Surroundings.of(table).of_odds(*cell, np.array([known]), own if own.size else np.zeros(1))[0]


def test_rates_are_the_same_whether_the_cell_is_known_or_not(rng):
    values = a_table(rng)
    row, column = np.argwhere(~np.isnan(values[:, 1:]))[3] + [0, 1]
    without = values.copy()
    without[row, column] = np.nan
    seen, unseen = of_one(values, row, column, True), of_one(without, row, column, False)
    # the rate of the whole table, from which these are counted, has one cell more or less
    np.testing.assert_allclose(seen, unseen, atol=0.05)
    forgetful = of_one(without, row, column, True)
    assert np.abs(forgetful[:RATES] - seen[:RATES]).max() > 0.05, "a rate that counts the cell itself"


def test_a_row_is_described_by_its_other_values(rng):
    values = a_table(rng)
    row, column = np.argwhere(~np.isnan(values[:, 1:]))[5] + [0, 1]
    before = of_one(values, row, column, True)
    values[row, column] += 0.5
    np.testing.assert_allclose(of_one(values, row, column, True), before, atol=0.02)


def test_always_known_columns_are_described_by_ranks(rng):
    values = a_table(rng)
    cells = np.nonzero(np.isnan(values))
    unknown, none = np.zeros(cells[0].size, bool), np.zeros(cells[0].size)

    def scores(table):
        return Surroundings.of(ll.Observations.from_array(table)).lines(*cells, unknown, none)[:, RATES + 1 :]

    plain = scores(values)
    assert plain.shape[1] == 1
    values[:, 0] = np.exp(3 * values[:, 0])
    np.testing.assert_allclose(scores(values), plain)
    values[:, 0] = 1.0
    assert scores(values).shape[1] == 0, "a constant column says nothing"


def test_units_are_those_of_the_column():
    table = ll.Observations.from_array(np.array([[1e9, 5.0], [1e9 + 2, 5.0], [1e9 + 4, np.nan]]))
    # listed row by row
    np.testing.assert_allclose(in_column_units(table), [-np.sqrt(1.5), 0, 0, 0, np.sqrt(1.5)], atol=1e-9)


def test_standard_features_are_uncorrelated_and_span_the_same(rng):
    features = rng.standard_normal((50, 3)) @ rng.standard_normal((3, 5)) + 7
    made = standard(features)
    assert made.shape[1] == 3
    np.testing.assert_allclose(made.T @ made / 50, np.eye(3), atol=1e-9)
    centred = features - features.mean(axis=0)
    np.testing.assert_allclose(made @ np.linalg.lstsq(made, centred)[0], centred, atol=1e-9)
    assert standard(np.ones((5, 2))).shape == (5, 0)
