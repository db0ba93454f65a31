"""Rubin's rules for predictions."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

import lowland as ll
from lowland.core.errors import InvalidInputError


def naive(predictions, variances, degrees):
    """Rubin's rules case by case, in the order of a textbook."""
    m = len(predictions)
    out = []
    for case in zip(*predictions, strict=True):
        mean = sum(case) / m
        within = sum(row[len(out)] for row in variances) / m
        between = sum((one - mean) ** 2 for one in case) / (m - 1)
        total = within + between + between / m
        share = (between + between / m) / total
        old = (m - 1) / share**2
        observed = (degrees + 1) / (degrees + 3) * degrees * (1 - share)
        free = 1 / (1 / old + 1 / observed)
        reach = stats.t.ppf(0.95, free) * total**0.5
        out.append((mean, within, between, total**0.5, free, mean - reach, mean + reach))
    return np.array(out).T


def test_the_rules_case_by_case(rng):
    predictions, variances = rng.standard_normal((6, 4)), rng.random((6, 4)) + 0.1
    pooled = ll.pool_predictions(zip(predictions, variances, strict=True), degrees=31)
    stated = (pooled.means, pooled.within, pooled.between, pooled.errors, pooled.degrees)
    np.testing.assert_allclose([*stated, *pooled.interval(0.9)], naive(predictions, variances, 31))
    assert pooled.tables == 6
    assert repr(pooled) == "<PooledPrediction: 4 predictions of 6 completed tables>"
    share = np.mean(1 - pooled.within / pooled.errors**2)
    assert f"{share:.0%} lies between the tables" in str(pooled)
    # a prediction is an estimate
    same = ll.pool_estimates(zip(predictions, variances, strict=True), degrees=31)
    np.testing.assert_allclose(same.errors, pooled.errors)


def test_tables_that_agree_and_single_cases():
    pooled = ll.pool_predictions([(2.0, 0.25), (2.0, 0.25)])
    assert (pooled.errors[0], pooled.between[0]) == (0.5, 0.0)
    assert np.isinf(pooled.degrees[0])
    np.testing.assert_allclose(pooled.interval(0.95)[1], 2 + 0.5 * stats.norm.ppf(0.975))
    assert "1 prediction of" in repr(pooled)


def test_predictions_of_statsmodels_are_read(rng):
    means, errors = rng.standard_normal((3, 5)), rng.random((3, 5)) + 0.2
    given = [
        SimpleNamespace(predicted_mean=m, se_mean=e, df=df)
        for m, e, df in zip(means, errors, (40.0, None, 37.0), strict=True)
    ]
    expected = ll.pool_predictions(zip(means, errors**2, strict=True), degrees=37)
    np.testing.assert_allclose(ll.pool_predictions(given).interval(), expected.interval())


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ([(1.0, 0.1)], "two completed tables or more"),
        ([(1.0, 0.1), ([1.0, 2.0], [0.1, 0.1])], "the same cases"),
        ([(1.0, 0.0), (1.0, 0.1)], "variances positive"),
        ([(np.inf, 0.1), (1.0, 0.1)], "must be finite"),
        ([3.0, 4.0], "a pair of predictions and variances"),
        ([([1.0, 2.0], [0.1])] * 2, "a variance each"),
        ([(np.eye(2), np.eye(2))] * 2, "a variance each"),
    ],
)
def test_refusals(results, words):
    with pytest.raises(InvalidInputError, match=words):
        ll.pool_predictions(results)


def test_other_refusals():
    with pytest.raises(InvalidInputError, match="degrees must be positive"):
        ll.pool_predictions([(1.0, 0.1), (2.0, 0.1)], degrees=0)
    with pytest.raises(InvalidInputError, match="level"):
        ll.pool_predictions([(1.0, 0.1), (2.0, 0.1)]).interval(0)
