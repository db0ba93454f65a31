"""Cells that are watched along a chain are those that its averages are averages of."""

import numpy as np
import pytest

import lowland as ll
from lowland.completion.bayesian.gaussian.watched import MOST_WATCHED, Watched, watched_cells


def fitted(table, **settings):
    model = ll.MatrixCompletion(
        method="gaussian", n_draws=12, refine=False, powers=False, certify=False, random_state=0, **settings
    )
    return model.fit(table)._completed.table


def test_the_mean_of_what_was_watched_is_the_prediction():
    rng = np.random.default_rng(0)
    table = rng.standard_normal((60, 1)) + rng.standard_normal((60, 4))
    table[rng.random(table.shape) < 0.2] = np.nan
    fit = fitted(table, may_be_negative=True).fit
    chain = fit.watched.chain(fit.search.state.kept)
    assert chain.shape == (48, np.isnan(table).sum())  # four sweeps for each draw of so few cells
    rows, columns = fit.watched.rows, fit.watched.columns
    assert np.isnan(table[rows, columns]).all()
    means = fit.model.scaling.undo(chain.mean(axis=0), columns)
    np.testing.assert_allclose(means, fit.model.predict(rows, columns), rtol=1e-5, atol=1e-5)


def test_a_chain_of_which_a_part_was_not_watched_is_none():
    watched = Watched(np.zeros(0, np.intp), np.zeros(0, np.intp))
    assert watched.chain(0) is None
    assert watched.chain(3) is None


@pytest.mark.parametrize("shape", [(5, 4), (90, 20)])
def test_cells_are_found_again_by_the_pattern(shape):
    known = np.random.default_rng(1).random(shape) < 0.7
    rows, columns = watched_cells(known)
    assert rows.size == min(MOST_WATCHED, (~known).sum())
    assert not known[rows, columns].any()
    assert (np.diff(rows * shape[1] + columns) > 0).all()
    again = watched_cells(known)
    assert np.array_equal(rows, again[0])
    assert np.array_equal(columns, again[1])
