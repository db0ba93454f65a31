"""What ranks the columns of rows: which of three ways, and what each of them says."""

import numpy as np
import pytest

import lowland as ll
from lowland.cells.sides import TableCells
from lowland.completion.ranking.chances import Chances
from lowland.completion.ranking.scorers import BY, ByChance, resolve_by, usual_by
from lowland.core.errors import InvalidInputError, UnsupportedError

pytestmark = pytest.mark.usefixtures("plain_kernels_throughout", "light_fits_throughout")
SHAPE = (90, 30)


@pytest.fixture(scope="module")
def seen():
    """Rows of three kinds, which list columns of their kind; what they list they like alike."""
    rng = np.random.default_rng(0)
    alike = rng.integers(3, size=(SHAPE[0], 1)) == np.arange(SHAPE[1]) % 3
    listed = rng.random(SHAPE) < np.where(alike, 0.5, 0.05)
    stars = np.clip(np.rint(3.5 + rng.standard_normal(SHAPE)), 1, 5)
    return ll.Observations.from_array(np.where(listed, stars, np.nan))


@pytest.fixture(scope="module")
def model(seen):
    return ll.MatrixCompletion(method="variational", rank=2, certify=False, random_state=0, max_iter=10).fit(
        seen
    )


def usual(table):
    return usual_by(TableCells.of(ll.Observations.from_array(table)))


def test_lists_are_ranked_by_chance_where_cells_are_few_grades(seen, rng):
    assert usual_by(TableCells.of(seen)) == "chance"
    assert usual_by(None) == "value"  # a model without its data
    few = rng.random(SHAPE) < 0.1
    assert usual(np.where(few, rng.standard_normal(SHAPE), np.nan)) == "value"  # no grades
    assert usual(np.where(few, rng.integers(1, 6, SHAPE), np.nan)) == "chance"
    assert usual(np.where(rng.random(SHAPE) < 0.5, rng.integers(1, 6, SHAPE), np.nan)) == "value"  # not few


def test_each_way_ranks_by_what_it_says(model, seen):
    rows, everything = np.arange(SHAPE[0]), {"k": SHAPE[1], "exclude_observed": False}
    cells = TableCells.of(seen)
    n = SHAPE[1]
    lower = model.predict_interval(np.repeat(rows, n), np.tile(np.arange(n), rows.size), 0.8)[0]
    expected = {
        "chance": ByChance(Chances.of(cells), lambda _: seen).of_rows(rows),
        "value": model._completed.model.row_scores(rows),
        "lower": lower.reshape(SHAPE),
    }
    assert set(expected) == set(BY)
    for by, scores in expected.items():
        found = model.top(rows, rank_by=by, **everything)
        assert found.by == by
        np.testing.assert_allclose(found.scores, -np.sort(-scores, axis=1), rtol=1e-6)
        np.testing.assert_allclose(found.scores, np.take_along_axis(scores, found.columns, 1), rtol=1e-6)
        predicted = model.predict_cells(np.repeat(rows, n), found.columns.ravel())
        np.testing.assert_allclose(found.predictions.ravel(), predicted, rtol=1e-12)
        np.testing.assert_array_equal(found.known, seen.column_counts()[found.columns])
    assert model.top(rows, **everything).by == "chance"


def test_rows_are_shown_columns_of_their_kind(model):
    """By chance nine in ten, by value no more than the third that guessing finds, or little."""
    kinds = {}
    for by in ("chance", "value"):
        columns, _ = model.top(np.arange(SHAPE[0]), 3, rank_by=by)
        known = [
            model._completed.table.observations.select(model._completed.table.observations.rows == i)
            for i in range(SHAPE[0])
        ]
        kinds[by] = np.mean(
            [
                np.bincount(k.columns % 3, minlength=3).argmax() == c % 3
                for k, c in zip(known, columns, strict=True)
            ]
        )
    assert kinds["chance"] > 0.9
    assert kinds["value"] < 0.7


def test_a_new_row_is_ranked_as_if_it_were_one_of_the_fit(model, seen):
    mine = seen.select(seen.rows == 7)
    known = dict(zip(mine.columns.tolist(), mine.values.tolist(), strict=True))
    new, old = model.top(known, 5, rank_by="chance"), model.top(7, 5, rank_by="chance")
    np.testing.assert_array_equal(new.columns, old.columns)
    np.testing.assert_array_equal(new.scores, old.scores)
    for by in ("value", "lower"):
        np.testing.assert_allclose(
            model.top(known, 5, rank_by=by).scores, model.top(7, 5, rank_by=by).scores, rtol=0.05
        )


def test_chances_are_learnt_once_and_again_after_a_refit(model, seen, monkeypatch):
    calls = []
    learn = Chances.of
    monkeypatch.setattr(Chances, "of", lambda cells: calls.append(1) or learn(cells))
    again = ll.MatrixCompletion(method="variational", rank=2, certify=False, random_state=0, max_iter=5).fit(
        seen
    )
    before = again.top(3, 5)
    again.top([3, 4], 5)
    assert len(calls) == 1
    again.update([3], [before.columns[0]], [5.0], refit=False)
    assert before.columns[0] not in again.top(3, 5).columns
    assert len(calls) == 1
    again.fit(seen)
    np.testing.assert_array_equal(again.top(3, 5).scores, before.scores)
    assert len(calls) == 2


def test_refusals(model, seen, tmp_path):
    with pytest.raises(InvalidInputError, match="rank_by is unknown"):
        model.top(0, rank_by="stars")
    with pytest.raises(InvalidInputError, match="rank_by is unknown"):
        resolve_by("", lambda: "value")
    penalised = ll.MatrixCompletion(method="map", rank=2, penalty=2.0, certify=False, random_state=0).fit(
        seen
    )
    with pytest.raises(UnsupportedError, match="only Bayesian fits rank by lower bounds"):
        penalised.top(0, rank_by="lower")
    assert penalised.top(0).by == "chance"
    model.save(tmp_path / "m.npz", data=False)
    bare = ll.MatrixCompletion.load(tmp_path / "m.npz")
    assert bare.top(0, exclude_observed=False).by == "value"
    assert bare.top(0, exclude_observed=False).known is None
    with pytest.raises(UnsupportedError, match="the fitted data are needed for a ranking by chance"):
        bare.top(0, exclude_observed=False, rank_by="chance")
