"""Chains of a Gaussian are as long as asked for, and longer where averages have not settled."""

import numpy as np

import lowland as ll
from lowland.bayes.monte_carlo import MonteCarlo
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.gaussian import chain as chains
from lowland.completion.bayesian.gaussian.chain import run_chain
from lowland.completion.bayesian.gaussian.objective import GaussianRows
from lowland.completion.bayesian.gaussian.watched import watched_cells
from lowland.completion.bayesian.settings import BayesianSettings
from lowland.search.loop import Snapshot


def fitted(table, **settings):
    plain = {"method": "gaussian", "refine": False, "powers": False, "certify": False, "random_state": 0}
    return ll.MatrixCompletion(**plain | {"may_be_negative": True} | settings).fit(table)._completed.table.fit


def table_of(shape=(60, 6), seed=0):
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((shape[0], 1)) + rng.standard_normal(shape)
    return np.where(rng.random(shape) < 0.3, np.nan, table)


def run(table, saved=None, resume=None, draws=50):
    known = ~np.isnan(table)
    scaled = (table - np.nanmean(table, axis=0)) / np.nanstd(table, axis=0)
    cells = TableCells.of(ll.Observations.from_array(scaled))
    objective = GaussianRows(cells, watched=watched_cells(known), most_tables=10)
    settings = BayesianSettings(full=True, gaussian_draws=draws, max_iterations=5_000)
    keep = None if saved is None else saved.append
    return run_chain(objective, settings, known, rng=np.random.default_rng(1), checkpoint=keep, resume=resume)


def test_the_mean_of_what_was_watched_is_the_prediction():
    table = table_of()
    fit = fitted(table, n_draws=12)
    watched, (rows, columns) = fit.search.state.watched, fit.objective.watched
    assert watched.shape == (48, np.isnan(table).sum())  # four sweeps for each draw of so few cells
    means = fit.model.scaling.undo(watched.mean(axis=0), columns)
    np.testing.assert_allclose(means, fit.model.predict(rows, columns), rtol=1e-5, atol=1e-5)


def test_a_chain_that_has_not_settled_goes_on():
    table = table_of()
    short, long = fitted(table, n_draws=40), fitted(table, n_draws=41)
    assert short.search.state.kept == 160, "settings are compared by as many"
    assert 164 < long.search.state.kept <= chains.MOST_KEPT
    assert long.search.iterations == 40 + long.search.state.kept
    assert long.search.work > 1.5 * short.search.work
    errors = [
        np.median(MonteCarlo.of(fit.search.state.watched[None]).error / fit.model.scaling.spreads[0])
        for fit in (short, long)
    ]
    assert errors[1] < 0.8 * errors[0]
    assert len(long.search.state.tables) == 41


def test_a_chain_that_has_settled_ends_as_planned():
    rng = np.random.default_rng(0)
    table = rng.standard_normal((150, 1)) + rng.standard_normal((150, 3))
    table = np.where(rng.random(table.shape) < 0.1, np.nan, table)
    fit = fitted(table, n_draws=60)
    assert fit.search.state.kept == 60 * fit.settings.sweeps_per_draw


def test_it_goes_on_within_its_work(monkeypatch):
    monkeypatch.setattr(chains, "LONGER", 0.0)
    assert run(table_of()).state.kept == 100
    monkeypatch.setattr(chains, "MOST_KEPT", 70)
    assert run(table_of()).state.kept == 70


def test_it_goes_on_with_the_same_bits():
    """From its end, from within what is longer, and from before: whatever was saved."""
    table, saved = table_of(), []
    whole = run(table, saved)
    assert whole.state.kept > 50
    parts = []
    for sweeps in (30, 95):
        # the search is saved as an interruption would save it
        stopped = _saved_at(table, sweeps)
        parts.append(run(table, resume=stopped))
    parts.append(run(table, resume=saved[0]))
    for part in parts:
        assert part.state.kept == whole.state.kept
        np.testing.assert_array_equal(part.state.means, whole.state.means)
        np.testing.assert_array_equal(part.state.watched, whole.state.watched)


def _saved_at(table, sweeps) -> Snapshot:
    """Return what is saved after so many sweeps of the whole chain."""
    import signal

    count, saved = [0], []
    known = ~np.isnan(table)
    scaled = (table - np.nanmean(table, axis=0)) / np.nanstd(table, axis=0)
    objective = GaussianRows(
        TableCells.of(ll.Observations.from_array(scaled)), watched=watched_cells(known), most_tables=10
    )

    def interrupt(progress, theta):
        count[0] += 1
        if count[0] == sweeps:
            signal.raise_signal(signal.SIGINT)

    settings = BayesianSettings(full=True, gaussian_draws=50, max_iterations=5_000)
    rng = np.random.default_rng(1)
    run_chain(objective, settings, known, rng=rng, callbacks=[interrupt], checkpoint=saved.append)
    return saved[-1]
