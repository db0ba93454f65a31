"""A fit beside plain baselines on held-out cells."""

import numpy as np
import pytest

import lowland as ll
from lowland.completion.comparing.comparison import compare_with_baselines
from lowland.core.errors import InvalidInputError


def naive_means(table, i, j, numbers):
    """Mean of the column plus what the row's cells, and then the column's, lie above theirs, in spreads."""
    means, spreads = np.nanmean(table[:, numbers], axis=0), np.nanstd(table[:, numbers], axis=0)
    scaled = (table[:, numbers] - means) / spreads
    of_rows = np.array([np.nanmean(row) if (~np.isnan(row)).any() else np.nanmean(scaled) for row in scaled])
    rest = np.nanmean(scaled - of_rows[:, None], axis=0)
    at = numbers.index(j)
    return means[at] + spreads[at] * (of_rows[i] + rest[at])


def naive_along(places, values, place, otherwise):
    """Between the two nearest known cells on either side, else the nearest."""
    known = [(x, y) for x, y in zip(places, values, strict=True) if not np.isnan(y)]
    below = max((pair for pair in known if pair[0] <= place), default=None)
    above = min((pair for pair in known if pair[0] > place), default=None)
    if below is None or above is None:
        return (above or below or (place, otherwise))[1]
    share = (place - below[0]) / (above[0] - below[0])
    return below[1] + share * (above[1] - below[1])


@pytest.fixture
def cells(rng):
    """Numbers in four columns of different units, words in the fifth; a fifth of all held out."""
    table = rng.standard_normal((80, 1)) * [1.0, 2.0, 30.0, 4.0, 0.0] + rng.standard_normal((80, 5))
    table[:, 4] = rng.integers(0, 3, 80)
    table[rng.random(table.shape) < 0.1] = np.nan
    known = ll.Observations.from_array(table)
    training, held = known.hide(rng.random(known.size) < 0.2)
    return training, held, held.values + rng.standard_normal(held.size) * (held.columns < 4)


def test_errors_are_those_cell_by_cell(cells):
    training, held, predicted = cells
    table, numbers = training.to_array(), [0, 1, 2, 3]
    years, times = np.array([3.0, 1.0, 7.0, 2.0, 9.0]), np.arange(80.0) ** 2
    found = compare_with_baselines(
        training, held, predicted, words=[4], column_places=years, row_places=times
    )
    squares = {name: [] for name in ("own", *(one.baseline for one in found))}
    for i, j, value, guess in zip(held.rows, held.columns, held.values, predicted, strict=True):
        column = table[:, j][~np.isnan(table[:, j])]
        if j == 4:
            levels = sorted(set(column))
            usual = max(levels, key=lambda level: (column == level).sum())
            squares["column means"].append(float(usual != value))
            squares["own"].append(float(guess != value))
            continue
        unit = column.std()
        squares["own"].append(((guess - value) / unit) ** 2)
        squares["column means"].append(((column.mean() - value) / unit) ** 2)
        by_means = naive_means(table, i, j, numbers)
        squares["row and column means"].append(((by_means - value) / unit) ** 2)
        along = naive_along(years[:4], table[i, :4], years[j], by_means)
        squares["interpolation along rows"].append(((along - value) / unit) ** 2)
        down = naive_along(times, table[:, j], times[i], by_means)
        squares["interpolation along columns"].append(((down - value) / unit) ** 2)
    for one in found:
        assert one.baseline_error == pytest.approx(np.sqrt(np.mean(squares[one.baseline])))
        assert one.cells == len(squares[one.baseline])
        assert one.gain == pytest.approx(one.baseline_error**2 - one.error**2)
        assert one.lower < one.gain < one.upper
    assert found[0].error == pytest.approx(np.sqrt(np.mean(squares["own"])))
    assert found[0].rows == len(set(held.rows))


def test_words_that_compare(cells):
    training, held, _ = cells
    perfect = compare_with_baselines(training, held, held.values, words=[4])
    assert [one.baseline for one in perfect] == ["column means", "row and column means"]
    assert {one.word for one in perfect} == {"better"}
    usual = np.nanmean(training.to_array(), axis=0)
    same = compare_with_baselines(training, held, usual[held.columns])[0]
    assert (same.word, same.gain, same.lower) == ("not told apart", 0.0, 0.0)
    far = compare_with_baselines(training, held, usual[held.columns] + 100.0, words=[4])
    assert {one.word for one in far} == {"worse"}


def test_units_change_nothing(cells):
    training, held, predicted = cells
    factors = np.array([1e3, 0.1, 7.0, 1.0, 1.0])

    def scaled(table):
        return ll.Observations(table.rows, table.columns, table.values * factors[table.columns], table.shape)

    found = compare_with_baselines(training, held, predicted, words=[4])
    again = compare_with_baselines(
        scaled(training), scaled(held), predicted * factors[held.columns], words=[4]
    )
    for one, other in zip(found, again, strict=True):
        assert one.baseline == other.baseline
        assert other.gain == pytest.approx(one.gain)
        assert (other.lower, other.upper) == pytest.approx((one.lower, one.upper))


def test_words_alone_and_censored_cells(rng):
    levels = ll.Observations.from_array(rng.integers(0, 2, (20, 3)).astype(float))
    training, held = levels.hide(rng.random(60) < 0.3)
    (only,) = compare_with_baselines(training, held, held.values, words=[0, 1, 2])
    assert (only.baseline, only.error, only.cells) == ("column means", 0.0, held.size)
    # of a censored cell a bound is known, no value
    table, side = rng.standard_normal((20, 3)), np.zeros((20, 3), int)
    side[:5] = -1
    training, held = ll.Observations.from_array(table, censored=side).hide(np.arange(60) % 4 == 0)
    wrong = np.where(held.censored == -1, 99.0, held.values)
    assert compare_with_baselines(training, held, wrong)[0].error == 0.0


def test_rows_and_columns_without_training_cells():
    table = np.array([[1.0, np.nan, 3.0], [2.0, np.nan, 5.0], [np.nan, 4.0, np.nan], [4.0, np.nan, 6.0]])
    known = ll.Observations.from_array(table)
    training, held = known.hide(known.columns == 1)
    found = compare_with_baselines(training, held, held.values, column_places=np.arange(3.0))
    assert all(np.isfinite(one.baseline_error) for one in found)
    assert {(one.rows, one.lower, one.word) for one in found} == {(1, -np.inf, "not told apart")}


def test_what_cannot_be_compared_is_refused(cells):
    training, held, predicted = cells
    with pytest.raises(InvalidInputError, match="one number per held-out cell"):
        compare_with_baselines(training, held, predicted[1:])
    with pytest.raises(InvalidInputError, match="of one table"):
        compare_with_baselines(ll.Observations.from_array(np.eye(3)), held, predicted)
    with pytest.raises(InvalidInputError, match="nothing to compare"):
        compare_with_baselines(training, held.select(np.zeros(held.size, bool)), predicted[:0])
    with pytest.raises(InvalidInputError, match="predicted must be finite"):
        compare_with_baselines(training, held, np.full(held.size, np.nan))
