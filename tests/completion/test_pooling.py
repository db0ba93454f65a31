"""Rubin's rules."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError


def test_the_rules_by_hand():
    """Numbers of five tables worked through with a pocket calculator's steps."""
    estimates, variances = [10.0, 12.0, 11.0, 9.0, 13.0], [4.0, 5.0, 4.5, 4.2, 4.8]
    pooled = ll.pool_estimates(zip(estimates, variances, strict=True))
    within, between = 4.5, 2.5
    total = within + 1.2 * between
    share = 1.2 * between / total
    assert pooled.estimates[0] == 11
    assert pooled.errors[0] == pytest.approx(total**0.5)
    assert pooled.degrees[0] == pytest.approx(4 / share**2)
    ratio = 1.2 * between / within
    assert pooled.missing_information[0] == pytest.approx((ratio + 2 / (4 / share**2 + 3)) / (ratio + 1))
    few = ll.pool_estimates(zip(estimates, variances, strict=True), degrees=20)
    observed = 21 / 23 * 20 * (1 - share)
    assert few.degrees[0] == pytest.approx(1 / (share**2 / 4 + 1 / observed))
    low, high = few.interval(0.9)
    assert high[0] - 11 == pytest.approx(11 - low[0])
    assert few.interval(0.95)[1][0] > high[0] > pooled.interval(0.9)[1][0]


def test_covariances_and_models(rng):
    sm = pytest.importorskip("statsmodels.api")
    pd = pytest.importorskip("pandas")
    fits = []
    for k in range(4):
        x = pd.DataFrame({"age": rng.standard_normal(40), "dose": rng.standard_normal(40)})
        y = 1 + x["age"] - 2 * x["dose"] + 0.1 * k + rng.standard_normal(40)
        fits.append(sm.OLS(y, sm.add_constant(x)).fit())
    pooled = ll.pool_estimates(fits)
    assert list(pooled.names) == ["const", "age", "dose"]
    by_hand = ll.pool_estimates([(f.params, f.cov_params()) for f in fits], degrees=37)
    for name in ("estimates", "errors", "degrees", "covariance", "missing_information"):
        np.testing.assert_allclose(getattr(pooled, name), getattr(by_hand, name))
    np.testing.assert_allclose(np.diag(pooled.covariance), pooled.errors**2)
    assert pooled.tables == 4
    lines = str(pooled).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("age ")


def test_names_are_those_of_the_results():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    tables = [{"age": [30.0, 40.0, 50.0 + k], "dose": [1.0, 3.0, 2.0 * k]} for k in range(3)]
    frames = [pd.DataFrame(table) for table in tables]
    series = ll.pool_estimates((frame.mean(), frame.var() / 3) for frame in frames)
    assert series.names == ("age", "dose")
    of_rows = [(frame.mean(), frame.var() / 3) for frame in map(pl.DataFrame, tables)]
    keyed = [(dict(means), dict(variances / 3)) for means, variances in ((f.mean(), f.var()) for f in frames)]
    matrices = [(list(frame.mean()), frame.cov() / 3) for frame in frames]
    for results in (of_rows, keyed, matrices):
        pooled = ll.pool_estimates(results)
        assert pooled.names == series.names
        np.testing.assert_allclose(pooled.estimates, series.estimates)
        np.testing.assert_allclose(pooled.errors, series.errors)
    bare = [(frame.mean().to_numpy(), frame.var().to_numpy() / 3) for frame in frames]
    assert ll.pool_estimates(bare).names == ()
    assert "mean dose" in str(ll.pool_estimates(bare, names=["mean age", "mean dose"]))
    turned = [(frames[0].mean(), frames[0].var()), (frames[1].mean()[::-1], frames[1].var()[::-1])]
    for results, more, words in (
        (turned, {}, "the same order\n  found: age, dose and dose, age"),
        ([(frames[0].mean(), frames[0].var()[::-1])] * 2, {}, "estimates and their variances"),
        (bare, {"names": ["a"]}, "one per estimate\n  found: 1 for 2"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            ll.pool_estimates(results, **more)


def test_tables_that_agree_leave_the_errors_of_one():
    pooled = ll.pool_estimates([([1.0, 2.0], [0.1, 0.2])] * 3)
    np.testing.assert_allclose(pooled.errors**2, [0.1, 0.2])
    assert np.isinf(pooled.degrees).all()
    np.testing.assert_allclose(pooled.missing_information, 0, atol=1e-12)


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ([(1.0, 0.1)], "two completed tables or more"),
        ([(1.0, 0.1), ([1.0, 2.0], [0.1, 0.1])], "the same estimates"),
        ([(1.0, 0.0), (1.0, 0.1)], "variances positive"),
        ([(np.nan, 0.1), (1.0, 0.1)], "must be finite"),
        ([3.0, 4.0], "a pair of estimates and variances"),
        ([([1.0, 2.0], [0.1]), ([1.0, 2.0], [0.1])], "a variance each"),
    ],
)
def test_refusals(results, words):
    with pytest.raises(InvalidInputError, match=words):
        ll.pool_estimates(results)


def test_other_refusals():
    with pytest.raises(InvalidInputError, match="degrees must be positive"):
        ll.pool_estimates([(1.0, 0.1), (2.0, 0.1)], degrees=-1)
    with pytest.raises(InvalidInputError, match="level"):
        ll.pool_estimates([(1.0, 0.1), (2.0, 0.1)]).interval(1.0)


@pytest.mark.slow
def test_pooled_coefficients_are_covered_where_single_imputation_fails(rng):
    """A regression on columns of which a third is missing, more where another is large."""
    inside, single = [], []
    for seed in range(60):
        x = rng.standard_normal((60, 2)) @ np.array([[1, 0.6], [0, 0.8]])
        y = x @ [1.0, -0.5] + 0.7 * rng.standard_normal(60)
        table = np.column_stack([x, y])
        gaps = rng.random(60) < np.where(y > 0, 0.55, 0.15)
        table[gaps, 0] = np.nan
        fit = ll.MatrixCompletion(random_state=seed, certify=False, refine=False).fit(table)

        def slope(full):
            design = np.column_stack([np.ones(60), full[:, :2]])
            inverse = np.linalg.inv(design.T @ design)
            found = inverse @ design.T @ full[:, 2]
            rest = full[:, 2] - design @ found
            return found[1:], np.diag(inverse)[1:] * (rest @ rest) / 57

        low, high = ll.pool_estimates(
            map(slope, fit.completions(20, random_state=seed)), degrees=57
        ).interval()
        inside += ((low < [1.0, -0.5]) & ([1.0, -0.5] < high)).tolist()
        estimate, variance = slope(fit.transform(table))
        single += (np.abs(estimate - [1.0, -0.5]) < 2 * variance**0.5).tolist()
    assert 0.9 < np.mean(inside) <= 1
    assert np.mean(single) < np.mean(inside) - 0.05
