"""Fits in which cells that are not listed count: how they are chosen, kept, served and refused."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

import lowland as ll
from lowland.completion.penalised.list_path import ListPath, weight_of_unlisted
from lowland.core.errors import InvalidInputError, UnsupportedError

pytestmark = pytest.mark.usefixtures("plain_kernels_throughout")

SHAPE = (80, 30)


@pytest.fixture(scope="module")
def clicks():
    """Columns of two kinds, and rows that choose one of them; columns differ in how often they are chosen."""
    rng = np.random.default_rng(0)
    alike = rng.integers(2, size=(SHAPE[0], 1)) == np.arange(SHAPE[1]) % 2
    chance = np.where(alike, 0.55, 0.06) * rng.uniform(0.4, 1, SHAPE[1])
    rows, columns = np.nonzero(rng.random(SHAPE) < chance)
    return ll.Observations.from_triples(rows, columns, np.ones(rows.size), shape=SHAPE)


@pytest.fixture(scope="module")
def fitted(clicks):
    return ll.MatrixCompletion(unlisted=0, certify=False, random_state=0).fit(clicks)


def fit_of(clicks, **settings):
    settings = {"unlisted": 0, "rank": 3, "penalty": 2.0, "certify": False, "random_state": 0, **settings}
    return ll.MatrixCompletion(**settings).fit(clicks)


def test_lists_choose_the_penalty(fitted, clicks):
    path = fitted.rank_path_
    assert isinstance(path, ListPath)
    assert (np.diff(path.penalties) < 0).all()
    best, chosen = np.argmax(path.gains), np.flatnonzero(path.penalties == path.settings.penalty)[0]
    assert path.uncertainties[best] == 0
    near = path.gains[best] - path.gains <= path.uncertainties
    assert chosen == np.flatnonzero(near)[0]
    # the path goes on below the best, and above where that would be the first
    assert 0 < best < path.gains.size - 1
    again = fit_of(clicks, rank="auto", penalty="auto")
    assert np.array_equal(again.rank_path_.gains, path.gains)


def test_lists_beat_those_of_what_most_rows_list(fitted):
    lists = fitted.held_out_lists()
    assert lists.recall["value"][0] > 1.2 * lists.recall["known"][0]
    assert fitted.top(0).by == "value"


def test_what_it_fits_are_all_cells_with_their_weights(clicks):
    model = fit_of(clicks, penalty=0.3, tol=1e-12, max_iter=2_000)
    table, weights = np.zeros(SHAPE), np.full(SHAPE, 0.2)
    table[clicks.rows, clicks.columns], weights[clicks.rows, clicks.columns] = 1, 1
    u, v = model.row_factors_, model.column_factors_
    pull = weights * (u @ v.T - table)
    np.testing.assert_allclose(pull @ v + 0.3 * u, 0, atol=1e-5)
    np.testing.assert_allclose(pull.T @ u + 0.3 * v, 0, atol=1e-5)
    assert not model.row_biases_.any()
    assert model.offset_ == 0


def test_another_value_shifts_what_is_fitted(clicks):
    at = clicks.rows, clicks.columns
    moved = ll.Observations.from_triples(*at, np.full(clicks.size, 4.0), shape=SHAPE)
    plain, other = fit_of(clicks), fit_of(moved, unlisted=3)
    np.testing.assert_allclose(other.predict_table(), plain.predict_table() + 3, atol=1e-9)


def test_rows_that_come_later_are_those_of_the_fit(clicks):
    model = fit_of(clicks, tol=1e-13, max_iter=2_000)
    listed = {int(j): 1.0 for j in clicks.columns[clicks.rows == 3]}
    np.testing.assert_allclose(model.fold_in(listed), model.predict_table()[3], atol=1e-5)
    assert np.array_equal(model.top(listed, 5).columns, model.top(3, 5).columns)


def test_reasons_sum_to_the_prediction(clicks):
    model = fit_of(clicks, tol=1e-13, max_iter=2_000)
    reasons = model.explain(0, 1)
    assert reasons.intercept == pytest.approx(0, abs=1e-6)
    assert reasons.contributions.sum() + reasons.rest == pytest.approx(reasons.prediction, abs=1e-6)


def test_files_keep_what_counts(clicks, tmp_path):
    model = fit_of(clicks, unlisted_weight=0.4)
    model.save(tmp_path / "m.npz")
    loaded = ll.MatrixCompletion.load(tmp_path / "m.npz")
    new = dict.fromkeys(range(4), 1.0)
    np.testing.assert_array_equal(loaded.fold_in(new), model.fold_in(new))
    assert loaded.top(2).columns.tolist() == model.top(2).columns.tolist()
    lighter = fit_of(clicks, unlisted_weight=0.1)
    assert lighter.predict_table().mean() > model.predict_table().mean()


def test_a_search_finds_the_penalty_by_lists(clicks):
    """Scores are gains of lists of hidden cells: of rows that are folded in, and of cells of the table."""
    table = np.full(SHAPE, np.nan)
    table[clicks.rows, clicks.columns] = 1
    model = ll.MatrixCompletion(unlisted=0, rank=4, certify=False, random_state=0)
    search = GridSearchCV(model, {"penalty": [1e-6, 2.0, 1e3]}, cv=2).fit(table)
    assert search.best_params_ == {"penalty": 2.0}
    assert 0 < search.best_score_ < 1
    kept, apart = clicks.hide(np.arange(clicks.size) % 5 == 0)
    assert fit_of(kept).score(apart) > 1.2 * fit_of(kept, penalty=1e3).score(apart)


def test_weights_that_are_not_given():
    cells = np.arange(4), np.zeros(4, int)
    plain = ll.Observations.from_triples(*cells, np.ones(4))
    heavy = ll.Observations.from_triples(*cells, np.ones(4), weights=np.full(4, 10.0))
    uneven = ll.Observations.from_triples(*cells, np.ones(4), weights=np.array([0.1, 1, 1, 1]))
    assert [weight_of_unlisted(one, None) for one in (plain, heavy, uneven)] == [0.2, 2.0, 0.05]
    assert weight_of_unlisted(heavy, 3.0) == 3.0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loss": "huber"}, "squared losses"),
        ({"nonnegative": True, "biases": False}, "factors of any sign"),
        ({"penalty_weights": "counts"}, "penalty_weights"),
        ({"bias_penalty": 1.0}, "bias_penalty"),
        ({"unlisted": None, "unlisted_weight": 0.1}, "unlisted_weight needs unlisted"),
        ({"unlisted_weight": 0}, "unlisted_weight must be positive"),
        ({"unlisted_weight": 1.5}, "unlisted_weight must be smaller than the weight of each listed cell"),
        ({"unlisted": 1}, "what all listed cells hold"),
        ({"unlisted": np.inf}, "finite"),
        ({"method": "gibbs", "penalty": "auto"}, "not used by method"),
    ],
    ids=lambda one: "-".join(one) if isinstance(one, dict) else "",
)
def test_what_does_not_go_together_is_refused(clicks, settings, words):
    with pytest.raises((InvalidInputError, UnsupportedError), match=words):
        fit_of(clicks, **settings)


def test_what_is_about_missing_cells_is_refused(fitted):
    for ask in (fitted.held_out_errors, lambda: fitted.predict_interval([0], [0])):
        with pytest.raises(UnsupportedError, match="missing cells, of which there are none"):
            ask()


def test_the_page_tells_what_counts(fitted, clicks, tmp_path):
    fitted.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    others = SHAPE[0] * SHAPE[1] - clicks.size
    assert f"each of the other {others:,} counts as 0 with weight 0.2." in page
    assert "that were held out of another fit" in page
    assert "Choice of the penalty" in page
    assert "are missing" not in page.split("<table", 1)[0]
