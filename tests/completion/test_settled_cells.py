"""Errors by chance of filled cells are those that other seeds show."""

from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from lowland.completion.refinement.forests import other_columns
from lowland.completion.settled import cells as settled
from lowland.completion.settled.cells import settled_cells
from lowland.completion.settled.chains import another_chain, kept_draws
from lowland.core.errors import InvalidInputError, UnsupportedError

pytestmark = pytest.mark.usefixtures("quick_starts")


def linear(m=50, n=6, seed=0):
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((m, 2)) @ rng.standard_normal((2, n)) + 0.5 * rng.standard_normal((m, n))
    table[rng.random(table.shape) < 0.3] = np.nan
    return table


def fit_of(table, **settings):
    plain = {"random_state": 0, "refine": False, "powers": False, "row_units": False}
    return ll.MatrixCompletion(certify=False, **plain | settings).fit(table)


def judged(table, seed=5, **settings):
    fitted = fit_of(table, **settings)._completed.table
    return settled_cells(fitted, *np.nonzero(np.isnan(table)), np.random.default_rng(seed))


GAUSSIAN = {"method": "gaussian", "n_draws": 40}


@pytest.fixture(scope="module")
def gaussian():
    """A table, its missing cells, and the fit."""
    table = linear()
    return table, np.nonzero(np.isnan(table)), fit_of(table, **GAUSSIAN)._completed.table


def test_errors_are_those_of_other_seeds(gaussian):
    table, gaps, fitted = gaussian
    within = settled.fit_within(fitted, *gaps)
    told = settled._of_fit(within, np.random.default_rng(1)).errors
    errors = fitted.model.standard_errors(*gaps)
    fills = [fit_of(table, **GAUSSIAN | {"random_state": k}).predict_table()[gaps] for k in range(8)]
    seen = np.std(fills, axis=0, ddof=1) / errors
    ratio = np.sqrt(np.mean(told**2) / np.mean(seen**2))
    assert 0.7 < ratio < 1.4


def test_a_chain_is_judged(gaussian):
    table, gaps, fitted = gaussian
    found = settled_cells(fitted, *gaps, np.random.default_rng(2))
    assert found.kind == "draws"
    assert found.cells == gaps[0].size
    assert found.draws == 160  # four sweeps for each draw of so few cells
    assert 1 < found.r_hat < 1.3
    assert 0.5 < found.apart < 2
    assert (found.share >= 0.99) == (found.worst < 0.05)
    assert found.draws_needed == 160 or found.worst >= 0.05
    again = settled_cells(fitted, *gaps, np.random.default_rng(2))
    assert again == found
    few = judged(table, **GAUSSIAN | {"n_draws": 4})
    assert few.verdict is ll.Verdict.INCONCLUSIVE
    assert few.draws_needed > few.draws == 16


def test_means_of_a_chain_are_conditional_means(gaussian):
    """Draws would be spread as cells are; their means move by what is learnt of the covariance."""
    _, gaps, fitted = gaussian
    fit = fitted.fit
    chain = another_chain(fit.objective, fit.settings, *gaps, np.random.default_rng(3))
    assert chain.shape == (1, 160, gaps[0].size)
    scaling = fitted.model.scaling
    ours = scaling.undo(chain.mean(axis=(0, 1)), gaps[1])
    errors = fitted.model.standard_errors(*gaps)
    assert np.sqrt(np.mean(((ours - fitted.model.scores(*gaps)) / errors) ** 2)) < 0.2
    assert (chain[0].std(axis=0) * scaling.spreads[gaps[1]] < 0.8 * errors).mean() > 0.9


def test_a_chain_that_is_somewhere_else_is_seen(gaussian, monkeypatch):
    _, gaps, fitted = gaussian

    def elsewhere(*given):
        return another_chain(*given) + 1

    monkeypatch.setattr(settled, "another_chain", elsewhere)
    found = settled_cells(fitted, *gaps, np.random.default_rng(2))
    assert found.apart > 2
    assert found.verdict is ll.Verdict.INCONCLUSIVE


def test_draws_that_were_kept_are_judged():
    table = linear(40, 30)
    fitted = fit_of(table, method="gibbs", n_draws=30)._completed.table
    gaps = np.nonzero(np.isnan(table))
    model = fitted.model
    half = replace(model, row_draws=model.row_draws[:0], column_draws=model.column_draws[:0])
    drawn = kept_draws(model, *gaps)
    assert drawn.shape == (1, 30, gaps[0].size)
    parts = model.scaling.apply(half.scores(*gaps), gaps[1]) / 2 + drawn[0].mean(axis=0)
    np.testing.assert_allclose(model.scaling.undo(parts, gaps[1]), model.scores(*gaps), atol=1e-5)
    found = settled_cells(fitted, *gaps, np.random.default_rng(0))
    assert (found.kind, found.draws, found.apart) == ("draws", 30, None)
    assert found.effective < 31
    assert found == settled_cells(fitted, *gaps, np.random.default_rng(1)), "nothing is drawn"


def test_starts_are_compared_without_draws():
    found = judged(linear(40, 30), method="variational")
    assert (found.kind, found.r_hat, found.draws) == ("starts", None, 0)
    assert 0 <= found.share <= 1
    assert len(found.left_out) == 2


def test_trees_count_by_their_spread():
    rng = np.random.default_rng(4)
    z = rng.standard_normal((90, 2))
    table = np.column_stack([z, z[:, :1] ** 2, z[:, 0] * z[:, 1], np.sin(2 * z[:, 1])])
    table[rng.random(table.shape) < 0.2] = np.nan
    fitted = fit_of(
        table, refine=True, powers=False, n_draws=20, method="gaussian", may_be_negative=True
    )._completed.table
    gaps = np.nonzero(np.isnan(table))
    found = settled_cells(fitted, *gaps, np.random.default_rng(0))
    assert found.trees == 60
    within = settled.fit_within(fitted, *gaps)
    single = settled.single_trees(fitted.model, within.table, *gaps)
    count, errors = len(single), single.std(axis=0, ddof=1) / np.sqrt(len(single))
    known = fitted.model.refinement
    k = int(np.flatnonzero(np.isin(gaps[1], list(known.forests)))[0])
    i, j = gaps[0][k], gaps[1][k]
    filled = np.where(np.isnan(table[i]), fitted.model.row_scores(np.array([i]))[0], table[i])
    inputs = other_columns(((filled - known.centres) / known.spreads)[None], j, known.groups)
    trees = []
    for node in known.forests[j].roots:  # one after the other, by hand
        forest = known.forests[j]
        while forest.features[node] >= 0:
            right = not inputs[0, forest.features[node]] <= forest.numbers[node]
            node = forest.children[node, int(right)]
        trees.append(forest.numbers[node])
    by_hand = known.weights[j] * known.spreads[j] * np.std(trees, ddof=1) / np.sqrt(count)
    assert errors[k] == pytest.approx(by_hand / fitted.model.standard_errors(gaps[0], gaps[1])[k], rel=1e-5)
    assert (errors[~np.isin(gaps[1], list(known.forests))] == 0).all()
    assert found.worst > np.quantile(errors, 0.9)
    assert found.trees_needed > 60


def test_levels_are_judged_in_their_numbers():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(6)
    z = rng.standard_normal(60)
    frame = pd.DataFrame(
        {"a": z + 0.3 * rng.standard_normal(60), "b": z, "kind": np.where(z > 0.5, "x", "y")}
    )
    frame.loc[:7, "kind"], frame.loc[8:15, "a"] = None, np.nan
    fitted = fit_of(frame, method="gaussian", n_draws=10)._completed.table
    rows, columns = np.r_[0:8, 8:16], np.r_[[2] * 8, [0] * 8]
    found = settled_cells(fitted, rows, columns, np.random.default_rng(0))
    width = fitted.model.columns_within(np.array([2])).size
    assert found.cells == 8 + 8 * width


def test_cells_are_a_sample(gaussian, monkeypatch):
    _, gaps, fitted = gaussian
    monkeypatch.setattr(settled, "MOST_CELLS", 10)
    assert settled_cells(fitted, *gaps, np.random.default_rng(0)).cells == 10
    assert settled_cells(fitted, gaps[0][:0], gaps[1][:0], np.random.default_rng(0)).kind == "none"


def test_what_cannot_be_judged_is_said(gaussian, tmp_path):
    table, gaps, fitted = gaussian
    found = judged(table, method="gaussian", predictors={0: [1, 2]}, n_draws=4)
    assert found.kind == "none"
    assert "some of the others" in str(found)
    with pytest.raises(InvalidInputError, match="equally long"):
        settled_cells(fitted, gaps[0], gaps[1][:-1], np.random.default_rng(0))
    penalised = fit_of(table, method="map", rank=1, penalty=1.0, refine="auto")._completed.table
    with pytest.raises(UnsupportedError, match="only averages"):
        settled_cells(penalised, *gaps, np.random.default_rng(0))


@pytest.mark.parametrize("width", [6, 18])
def test_models_from_files(width, tmp_path):
    """They have their cells, but not what the mean of the covariance's prior was, if it was learnt."""
    table = linear(60, width)
    fit_of(table, method="gaussian", n_draws=4).save(tmp_path / "model.npz")
    fitted = ll.MatrixCompletion.load(tmp_path / "model.npz")._completed.table
    found = settled_cells(fitted, *np.nonzero(np.isnan(table)), np.random.default_rng(0))
    assert found.kind == ("draws" if width == 6 else "none")
