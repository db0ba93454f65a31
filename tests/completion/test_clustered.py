"""Intervals of means whose cells go together by row."""

import numpy as np
import pytest
from scipy import stats

from lowland.completion.comparing.clustered import clustered_interval


def naive(numbers, rows, level):
    """Leave out one row after the other."""
    names = sorted(set(rows))
    left = [np.mean([x for x, row in zip(numbers, rows, strict=True) if row != name]) for name in names]
    count = len(names)
    error = np.sqrt((count - 1) / count * sum((one - np.mean(numbers)) ** 2 for one in left))
    sizes = [sum(row == name for row in rows) for name in names]
    degrees = max(1, sum(sizes) ** 2 / sum(size**2 for size in sizes) - 1)
    reach = stats.t.ppf((1 + level) / 2, degrees) * error
    return np.mean(numbers) - reach, np.mean(numbers) + reach


@pytest.mark.parametrize("rows", [[3] * 6 + [0, 0, 0, 7, 7, 9], range(12), [0, 1] * 6])
def test_the_interval_row_by_row(rng, rows):
    numbers = rng.standard_normal(12) + 1
    found = clustered_interval(numbers, np.array(rows), 0.99)
    assert found == pytest.approx(naive(numbers, list(rows), 0.99))


def test_cells_that_are_alone_have_the_usual_t_interval(rng):
    numbers = rng.standard_normal(15)
    usual = stats.t.interval(0.9, 14, numbers.mean(), numbers.std(ddof=1) / np.sqrt(15))
    assert clustered_interval(numbers, np.arange(15), 0.9) == pytest.approx(usual)


def test_one_row_says_nothing_of_others():
    assert clustered_interval(np.ones(5), np.zeros(5, int), 0.99) == (-np.inf, np.inf)


def misses(interval, draws=1500):
    """Return how often intervals of 90 % miss zero, where all cells of a row are alike."""
    rng, rows = np.random.default_rng(0), np.repeat(np.arange(15), 6)
    ends = [interval(rng.standard_normal(15)[rows], rows, 0.9) for _ in range(draws)]
    return np.mean([not low < 0 < high for low, high in ends])


def test_intervals_hold_where_rows_go_together_and_those_of_single_cells_do_not():
    def of_single_cells(numbers, rows, level):
        return clustered_interval(numbers, np.arange(numbers.size), level)

    assert misses(clustered_interval) < 0.12  # 1.5 standard errors above .108 at most
    assert misses(of_single_cells) > 0.4
