"""Probabilities of grades are calibrated, and better than those of rounded normal numbers."""

import numpy as np
import pytest

import lowland as ll
from lowland.completion.grades.grade_trial import GradeTrial
from lowland.errors import UnsupportedError

M, N = 150, 100


def stars(seed=0):
    """Five stars by uneven cut points, where half of the rows never give two or four."""
    rng = np.random.default_rng(seed)
    likes = rng.standard_normal((M, 2)) @ rng.standard_normal((2, N)) / 1.5
    likes += 0.5 * rng.standard_normal((M, N))
    table = 1.0 + np.digitize(likes, [-1.5, -1.1, 0.2, 0.5])
    coarse = rng.random(M) < 0.5
    table[coarse] = np.where(np.isin(table[coarse], (2, 4)), 3, table[coarse])
    table[rng.random(table.shape) < 0.75] = np.nan
    return table


@pytest.fixture(scope="module")
def model():
    return ll.MatrixCompletion(certify=False, random_state=0).fit(stars())


def test_probabilities_are_better_than_rounded_normal_numbers(model):
    trial = model.held_out_grades()
    assert trial.log_score < trial.log_score_of_normal - 0.1
    assert trial.probabilities.shape == (trial.observed.size, 5)
    expected = trial.probabilities @ trial.grades
    found = model.held_out_errors()
    np.testing.assert_allclose(expected, np.clip(found.predicted, 1.02, 4.98), atol=1e-6)
    assert "log score" in str(trial)


def test_probabilities_are_calibrated(model):
    counts, stated, observed = model.held_out_grades().reliability()
    assert counts.sum() == model.held_out_grades().probabilities.size
    some = counts >= 50
    errors = np.sqrt(stated * (1 - stated) / np.maximum(counts, 1))[some]
    assert (np.abs(stated - observed)[some] < 4 * errors + 0.02).all()


def test_reliability_tells_a_fault():
    observed = np.zeros(400, np.intp)
    sure = np.tile([0.45, 0.55], (400, 1))
    counts, stated, found = GradeTrial(np.array([1.0, 2.0]), observed, sure, sure).reliability()
    np.testing.assert_array_equal(np.flatnonzero(counts), [4, 5])
    np.testing.assert_allclose(stated[[4, 5]], [0.45, 0.55])
    np.testing.assert_array_equal(found[[4, 5]], [1, 0])


def test_probabilities_know_the_habits_of_rows(model):
    table = stars()
    rows, columns = np.nonzero(np.isnan(table))
    chances = model.grade_probabilities(rows, columns)
    coarse = ~np.isin(table, (2, 4)).any(axis=1)
    even = chances.probabilities[:, [1, 3]].sum(axis=1)
    assert even[coarse[rows]].mean() < 0.4 * even[~coarse[rows]].mean()
    np.testing.assert_allclose(chances.at_least(1), 1)
    np.testing.assert_allclose(
        chances.expected, np.clip(model.predict_cells(rows, columns), 1.02, 4.98), atol=1e-6
    )
    assert chances.probabilities.min() > 0


def test_pages_show_reliability(model, tmp_path):
    model.report(tmp_path / "page.html")
    assert "Probabilities of 5 grades of" in (tmp_path / "page.html").read_text()


def test_other_tables_have_no_grades():
    rng = np.random.default_rng(0)
    numbers = ll.MatrixCompletion(certify=False, random_state=0).fit(rng.standard_normal((40, 30)))
    with pytest.raises(UnsupportedError, match="only tables of grades"):
        numbers.grade_probabilities([0], [0])
    with pytest.raises(UnsupportedError, match="only tables of grades"):
        numbers.held_out_grades()
