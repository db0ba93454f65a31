"""Scores: cells of other rows that are hidden and filled again, the same for all settings."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lowland as ll
from lowland.core.errors import InvalidInputError

PLAIN = {"method": "map", "penalty": 0.1, "max_iter": 30, "certify": False, "random_state": 0}


@pytest.fixture(scope="module")
def table():
    """Of rank two, with noise and holes."""
    rng = np.random.default_rng(0)
    full = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 10)) + 0.3 * rng.standard_normal((30, 10))
    return np.where(rng.random(full.shape) < 0.15, np.nan, full)


def naive_score(model, table, wrong=lambda found, value, column: found - value, words=()):
    """Hide each known cell once, cell by cell of a permutation, and look at what fills it."""
    units, counts = np.nanstd(table, axis=0), np.sum(~np.isnan(table), axis=0)
    units[counts < 10] = (
        np.median(units[counts >= 10])
        if (counts >= 10).any()
        else np.nanstd(table - np.nanmean(table, axis=0))
    )
    units[[*words]] = 1
    known = [(i, j) for i in range(len(table)) for j in range(table.shape[1]) if not np.isnan(table[i, j])]
    parts = np.random.default_rng(0).permutation(len(known)) % 5
    errors = []
    for part in range(5):
        holes, apart = table.copy(), [cell for cell, own in zip(known, parts, strict=True) if own == part]
        for cell in apart:
            holes[cell] = np.nan
        filled = np.asarray(model.transform(holes))
        errors += [wrong(filled[cell], table[cell], cell[1]) / units[cell[1]] for cell in apart]
    return -np.sqrt(np.mean(np.square(errors)))


@pytest.mark.parametrize("settings", [{"rank": 1}, {"rank": 3, "random_state": 7}, {"dtype": "float32"}])
def test_the_same_cells_are_hidden_whatever_the_settings(table, settings):
    model = ll.MatrixCompletion(**{**PLAIN, "rank": 2, **settings}).fit(table[:20])
    for rows in (table[20:], table[:20]):
        assert model.score(rows) == pytest.approx(naive_score(model, rows), rel=1e-6)


def test_a_search_finds_the_rank_by_an_imputer_alone(table):
    search = GridSearchCV(ll.MatrixCompletion(**PLAIN), {"rank": [1, 2, 3]}, cv=2).fit(table)
    assert search.best_params_ == {"rank": 2}
    assert search.best_estimator_.transform(table).shape == table.shape
    framed = GridSearchCV(
        make_pipeline(StandardScaler(), ll.MatrixCompletion(**PLAIN)),
        {"matrixcompletion__rank": [1, 2]},
        cv=2,
    )
    frame = pd.DataFrame(table * 10.0 ** np.arange(10), columns=list("abcdefghij"))
    assert framed.fit(frame).best_params_ == {"matrixcompletion__rank": 2}


def test_columns_count_alike_whatever_their_unit(table):
    """A column of large numbers decides nothing: scores and what a search finds are those of another unit."""
    wide = table * 10.0 ** np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 5])
    wide[:, 9] = np.random.default_rng(1).standard_normal(30) * 1e5  # noise, the largest numbers of all
    settings = {"method": "variational", "refine": False, "powers": False, "scale": "column"}
    model = ll.MatrixCompletion(**settings, rank=2, certify=False, random_state=0)
    scores = [model.fit(rows).score(rows) for rows in (wide, wide * 10.0 ** np.arange(-5, 5))]
    assert scores[0] == pytest.approx(scores[1], rel=1e-3)
    assert -1 < scores[0] < 0


def test_superfluous_factors_of_learnt_priors_cost_nothing(table):
    settings = {
        "method": "variational",
        "refine": False,
        "powers": False,
        "certify": False,
        "random_state": 0,
    }
    search = GridSearchCV(ll.MatrixCompletion(**settings), {"rank": [1, 2, 3]}, cv=2).fit(table)
    one, two, three = search.cv_results_["mean_test_score"]
    assert one < 1.2 * two
    assert three == pytest.approx(two, rel=0.05)


def test_a_wrong_word_is_an_error_of_one():
    rng = np.random.default_rng(0)
    a = rng.standard_normal(40)
    words = np.select([a < -0.5, a < 0.5], ["zinc", "ash"], "moss")
    frame = pd.DataFrame({"a": a, "b": a + 0.1 * rng.standard_normal(40), "kind": words})
    model = ll.MatrixCompletion(rank=1, refine=False, powers=False, certify=False, random_state=0).fit(frame)
    codes = frame.assign(kind=[float(model.levels_["kind"].index(word)) for word in words])

    def wrong(found, value, column):
        return float(found != value) if column == 2 else found - value

    class Coded:
        def transform(self, holes):
            rows = pd.DataFrame(holes, columns=list(frame))
            rows["kind"] = [None if np.isnan(k) else model.levels_["kind"][int(k)] for k in rows["kind"]]
            return model.transform(rows)

    assert model.score(frame) == pytest.approx(naive_score(Coded(), codes.to_numpy(), wrong, [2]))


def test_cells_of_the_fit_are_compared_with_its_predictions(table):
    model = ll.MatrixCompletion(**PLAIN, rank=2).fit(table)
    cells = ll.Observations.from_triples([3, 4], [2, 5], [1.0, 2.0], shape=table.shape)
    errors = model.predict_cells([3, 4], [2, 5]) - [1.0, 2.0]
    assert model.score(cells) == pytest.approx(-np.sqrt(np.mean(errors**2)))
    with pytest.raises(InvalidInputError, match="the table is empty"):
        model.score(np.full((2, 10), np.nan))


def test_covariates_of_rows_count(table):
    rng = np.random.default_rng(1)
    about = rng.standard_normal((30, 1))
    rows = about @ rng.standard_normal((1, 6)) + 0.05 * rng.standard_normal((30, 6))
    lone = np.where(np.arange(6) == rng.integers(6, size=(30, 1)), rows, np.nan)
    model = ll.MatrixCompletion(method="variational", rank=1, refine=False, certify=False, random_state=0)
    model.fit(rows, row_covariates=about)
    assert model.score(lone, row_covariates=about) > 0.3 * model.score(lone, row_covariates=about[::-1])
