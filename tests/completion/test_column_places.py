"""Columns in order, in tables of few columns: the covariance shrinks along the order where cells want it."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from scipy.special import logsumexp
from scipy.stats import invwishart, multivariate_normal

import lowland as ll
from lowland.bayes.full_gaussian import LEAST_EXCESS, MOST_EXCESS, STEPS, draw_target
from lowland.bayes.side_orders import coordinates_of, times_of
from lowland.completion.bayesian.factor_covariance import LENGTHS, along_columns
from lowland.core.errors import InvalidInputError

PLAIN = {"certify": False, "refine": False, "random_state": 0}
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]


def series(seed, rows=40, columns=12, length=8.0):
    """Rows that wander along their columns, a fifth of the cells missing."""
    rng = np.random.default_rng(seed)
    distances = np.abs(np.subtract.outer(np.arange(columns), np.arange(columns)))
    root = np.linalg.cholesky(np.exp(-distances / length))
    full = rng.standard_normal((rows, columns)) @ root.T
    return full, np.where(rng.random(full.shape) < 0.2, np.nan, full)


def error(fit, full, holes):
    return float(np.sqrt(np.mean((np.asarray(fit.predict_table()) - full)[np.isnan(holes)] ** 2)))


@pytest.mark.slow
def test_columns_in_order_are_predicted_better_and_a_wrong_order_costs_little():
    ratios, wrong = [], []
    for seed in range(6):
        full, holes = series(seed)
        plain = ll.MatrixCompletion(**PLAIN).fit(holes)
        named = ll.MatrixCompletion(**PLAIN).fit(pd.DataFrame(holes, columns=MONTHS))
        mixed = np.random.default_rng(seed).permutation(12)
        other = ll.MatrixCompletion(**PLAIN).fit(holes, column_order=mixed)
        assert plain.method_ == named.method_ == other.method_ == "gaussian"
        ratios.append(error(named, full, holes) / error(plain, full, holes))
        wrong.append(error(other, full, holes) / error(plain, full, holes))
    assert np.exp(np.mean(np.log(ratios))) < 0.95
    assert np.exp(np.mean(np.log(wrong))) < 1.02
    assert "shrunk along the order of columns" in named._completed.table.describe_method()
    assert "shrunk" not in plain._completed.table.describe_method()


def test_columns_in_order_of_one_table():
    full, holes = series(1)
    plain = ll.MatrixCompletion(max_iter=60, **PLAIN).fit(holes)
    named = ll.MatrixCompletion(max_iter=60, **PLAIN).fit(pd.DataFrame(holes, columns=MONTHS))
    assert error(named, full, holes) < error(plain, full, holes)
    assert "shrunk along the order of columns" in named._completed.table.describe_method()
    assert "shrunk" not in plain._completed.table.describe_method()


@pytest.mark.parametrize(
    ("count", "most"), [(1_200, 0.06), pytest.param(20_000, 0.02, marks=pytest.mark.slow)]
)
def test_targets_are_drawn_by_their_evidence(count, most, rng):
    """Frequencies of a chain beside evidence by its definition: a ratio of densities at one covariance."""
    rows = np.cumsum(rng.standard_normal((6, 3)), axis=1) / 1.5
    roots = [None, *(np.linalg.cholesky(own) for own in along_columns([[0.0], [1.0], [2.0]])[:2])]
    m, p = rows.shape
    # rows with a flat mean say what m - 1 contrasts without one do
    contrasts = np.linalg.qr(np.column_stack([np.ones(m), np.eye(m)[:, 1:]]))[0][:, 1:].T @ rows
    covariance, evidences = np.cov(rows.T) + np.eye(p), []
    for root in roots:
        mean = np.eye(p) if root is None else root @ root.T
        densities = []
        for excess in np.geomspace(LEAST_EXCESS, MOST_EXCESS * m, STEPS):
            before = invwishart.logpdf(covariance, p + 1 + excess, excess * mean)
            scale = excess * mean + contrasts.T @ contrasts
            after = invwishart.logpdf(covariance, p + 1 + excess + m - 1, scale)
            likelihood = multivariate_normal.logpdf(contrasts, np.zeros(p), covariance).sum()
            densities.append(before + likelihood - after)
        evidences.append(logsumexp(densities))
    expected = np.exp(evidences - logsumexp(evidences))
    current, counts = 0, np.zeros(3)
    for _ in range(count):
        current = draw_target(rows, rng, roots, current)
        counts[current] += 1
    np.testing.assert_allclose(counts / counts.sum(), expected, atol=most)
    assert expected.min() > 0.02


def test_correlations_fall_with_distance_in_units_of_the_spacing():
    found = along_columns([[1990.0], [2000.0], [2020.0], [2030.0]])
    assert len(found) == len(LENGTHS)
    unit = 40 / 3
    for length, own in zip(LENGTHS, found, strict=True):
        assert own[0, 2] == pytest.approx(np.exp(-30 / unit / length))
        assert (np.linalg.eigvalsh(own) > 0).all()
    assert along_columns(None) == []


@pytest.mark.parametrize(
    ("labels", "places"),
    [
        (MONTHS, range(1, 13)),
        (["March", "january", "Dec"], [3, 1, 12]),
        (["Mon", "Wednesday", "sun"], [1, 3, 7]),
        (["May", "may"], None),
        (["Jan", "Mon"], None),
        (["Mars", "Venus"], None),
    ],
)
def test_months_and_weekdays_are_places(labels, places):
    found = coordinates_of(np.array(labels))
    if places is None:
        assert found is None
    else:
        np.testing.assert_array_equal(found[:, 0], places)


def test_months_are_looked_at_unasked_if_enough():
    assert times_of(np.array(MONTHS)) is not None
    assert times_of(np.array(MONTHS[:5])) is None


def test_the_gaussian_takes_an_order_of_columns_and_none_of_rows():
    _, holes = series(0)
    ll.MatrixCompletion(method="gaussian", n_draws=10, **PLAIN).fit(holes, column_order=np.arange(12))
    with pytest.raises(InvalidInputError, match="knows no order of rows"):
        ll.MatrixCompletion(method="gaussian", **PLAIN).fit(holes, row_order=np.arange(40))
    chain = np.eye(12, k=1) + np.eye(12, k=-1)
    with pytest.raises(InvalidInputError, match="knows no graph of columns"):
        ll.MatrixCompletion(method="gaussian", **PLAIN).fit(holes, column_order=csr_array(chain))


def test_files_and_updates_keep_the_order(tmp_path):
    _, holes = series(0)
    years = [str(year) for year in range(2000, 2012)]
    fit = ll.MatrixCompletion(max_iter=30, **PLAIN).fit(pd.DataFrame(holes, columns=years))
    fit.save(tmp_path / "model.npz")
    read = ll.MatrixCompletion.load(tmp_path / "model.npz")
    assert len(read._completed.table.known("settings").settings.column_places) == 12
    read.update([40], ["2005"], [0.5])
    assert read._completed.model.shape == (41, 12)
    read.update([40], ["2012"], [0.5])
    assert len(read._completed.table.known("settings").settings.column_places) == 13
    read.update([40], ["some time"], [0.5])
    assert read._completed.table.known("settings").settings.column_places is None
