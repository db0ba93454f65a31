"""Laws of cells by their column alone: Student's, and those of other columns' spreads, by simulation."""

import numpy as np
import pytest
from scipy import stats

from lowland.completion.informed.laws import ColumnLaws, joint_columns, spread_of_spreads
from lowland.core.cells.observations import Observations


def laws_of(table):
    return ColumnLaws.of(Observations.from_array(np.asarray(table, float)))


def test_columns_of_three_cells_or_more_have_their_own_t_law():
    rng = np.random.default_rng(0)
    table = 3 + 10 ** np.arange(4) * rng.standard_normal((12, 4))
    table[3:, 1], table[:5, 2] = np.nan, np.nan
    laws = laws_of(table)
    for j, column in enumerate(table.T):
        known = column[~np.isnan(column)]
        n = known.size
        scale = known.std(ddof=1) * np.sqrt(1 + 1 / n)
        want = stats.t.interval(0.9, n - 1, known.mean(), scale)
        np.testing.assert_allclose(np.ravel(laws.intervals(np.array([j]), 0.9)), want)
        if n > 5:
            assert laws.standard_errors[j] == pytest.approx(stats.t.std(n - 1, scale=scale))


def test_draws_are_at_the_quantiles_of_intervals():
    laws = laws_of(np.random.default_rng(1).standard_normal((6, 2)))
    columns = np.array([0, 1, 1])
    low, high = laws.intervals(columns, 0.95)
    reach = stats.norm.ppf(0.975)
    np.testing.assert_allclose(laws.read(np.full(3, -reach), columns), low)
    np.testing.assert_allclose(laws.read(np.full(3, reach), columns), high)
    np.testing.assert_allclose(laws.read(np.zeros(3), columns), laws.centres[columns])


def test_spreads_that_scatter_as_inverse_chi_squares_are_found_again():
    rng = np.random.default_rng(2)
    for freedom in (1.5, 4.0, 20.0):
        found, variance = spread_of_spreads(7 * freedom / rng.chisquare(freedom, 20_000))
        assert found == pytest.approx(freedom, rel=0.05)
        assert variance == pytest.approx(7, rel=0.05)
    assert spread_of_spreads(np.ones(5))[0] == 4  # no more than the columns can say
    assert spread_of_spreads(np.ones(2))[0] == 0


def test_a_column_of_one_or_two_cells_has_the_spread_of_the_others():
    table = np.random.default_rng(3).standard_normal((30, 6))
    table[1:, 4], table[2:, 5] = np.nan, np.nan
    laws = laws_of(table)
    freedom, variance = spread_of_spreads(table[:, :4].var(axis=0, ddof=1))
    one, two = table[0, 4], table[:2, 5]
    want = stats.t.interval(0.8, freedom, one, np.sqrt(2 * variance))
    np.testing.assert_allclose(np.ravel(laws.intervals(np.array([4]), 0.8)), want)
    both = (freedom * variance + 2 * two.var()) / (freedom + 1)
    want = stats.t.interval(0.8, freedom + 1, two.mean(), np.sqrt(1.5 * both))
    np.testing.assert_allclose(np.ravel(laws.intervals(np.array([5]), 0.8)), want)


@pytest.mark.parametrize("count", [1, 2])
def test_intervals_of_few_cells_hold_what_they_say(count):
    """A new cell lies in its interval where columns differ in spread; by the usual spread it does not."""
    rng = np.random.default_rng(4)
    held, own, times = 0, 0, 400
    for _ in range(times):
        spreads = np.sqrt(3 / rng.chisquare(3, 8))
        table = spreads * rng.standard_normal((20, 8))
        new = table[-1, 7]
        table[count:, 7] = np.nan
        laws = laws_of(table)
        (low,), (high,) = laws.intervals(np.array([7]), 0.95)
        held += low <= new <= high
        usual = np.exp(np.log(table[:, :7].var(axis=0)).mean() / 2)
        own += abs(new - laws.centres[7]) <= 1.96 * usual * np.sqrt(1 + 1 / count)
    assert held >= 0.93 * times
    assert own < 0.92 * times


def test_columns_that_are_not_alike_say_nothing():
    table = np.random.default_rng(5).standard_normal((30, 5)) * 10.0 ** np.array([0, 3, -2, 5, 0])
    table[1:, 4] = np.nan
    laws = laws_of(table)
    assert np.ravel(laws.intervals(np.array([4]), 0.5)).tolist() == [-np.inf, np.inf]
    few = laws_of(table[:, 2:])  # only two others
    assert np.isinf(few.scales[2])
    empty = table.copy()
    empty[0, 4] = np.nan
    assert np.isinf(laws_of(empty[:, [0, 0, 0, 4]]).scales[3])


def test_constant_columns_have_no_spread_to_the_last_digit():
    table = np.random.default_rng(6).standard_normal((30, 3))
    table[:, 1] = 0.1
    assert laws_of(table).scales[1] == 0
    assert (laws_of(table).scales[[0, 2]] > 0).all()


def test_columns_seen_together_are_drawn_with_their_correlation():
    rng = np.random.default_rng(7)
    x = rng.standard_normal((400, 2))
    table = np.column_stack([x[:, 0], x[:, 0] + 0.5 * x[:, 1], x[:, 1], np.ones(400)])
    table[:200, 2] = np.nan
    table[200:, :2] = np.nan
    seen = Observations.from_array(table)
    columns, mixing = joint_columns(seen, ColumnLaws.of(seen))
    assert columns.tolist() == [0, 1, 2]  # not the constant one
    correlations = mixing @ mixing.T
    np.testing.assert_allclose(np.diag(correlations), 1)
    assert correlations[0, 1] == pytest.approx(np.corrcoef(table[:200, :2].T)[0, 1], abs=0.02)
    np.testing.assert_allclose(correlations[2, :2], 0, atol=1e-12)


def test_correlations_that_are_no_law_become_one():
    """Pairs seen in different rows, each with its own correlation: x = y, y = z, x = -z."""
    rng = np.random.default_rng(8)
    table = np.full((60, 3), np.nan)
    for k, (i, j, sign) in enumerate([(0, 1, 1), (1, 2, 1), (0, 2, -1)]):
        x = rng.standard_normal(20)
        table[20 * k : 20 * k + 20, [i, j]] = np.column_stack([x, sign * x])
    seen = Observations.from_array(table)
    _, mixing = joint_columns(seen, ColumnLaws.of(seen))
    correlations = mixing @ mixing.T
    np.testing.assert_allclose(np.diag(correlations), 1)
    assert correlations[0, 1] > 0.3
    assert correlations[0, 2] < -0.3
    assert np.linalg.eigvalsh(correlations).min() > -1e-12
