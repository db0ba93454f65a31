"""Tables on clusters of real processes: the bits of the local fit, whatever happens to the workers."""

import pickle
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import lowland as ll
from dask_clusters import Closer, Killer, make_cluster
from lowland.cells.sides import TableCells
from lowland.completion.bayesian import pattern_choice
from lowland.completion.bayesian import settings as bayesian_settings
from lowland.completion.bayesian import sweeps as posterior_fit
from lowland.completion.bayesian.drawn_tables import draw_table
from lowland.completion.bayesian.settings import BayesianSettings
from lowland.completion.bayesian.starting import grown_start, residual_structure
from lowland.completion.elsewhere import judges as line_judges
from lowland.completion.elsewhere import penalised_fit as line_fit
from lowland.completion.elsewhere.audit import judge_elsewhere
from lowland.completion.elsewhere.fit import fit_elsewhere
from lowland.completion.plan import CompletionPlan
from lowland.core.cells import line_bounds
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.dask import (
    ClusterError,
    DaskMatrixCompletion,
    DaskObservations,
    cluster_blocks,
    collections,
    waiting,
)

pytestmark = pytest.mark.usefixtures("plain_kernels_throughout")
FITS = (("variational", False), ("variational", True))
COLUMNS = {"row": "user", "column": "film", "value": "stars"}
# fits elsewhere are not refined
PLAIN = {"certify": False, "refine": False}


@pytest.fixture(scope="module", autouse=True)
def small_blocks_and_few_rounds():
    """Small tables in many blocks. Rounds of tasks take the scheduler much time, so there are few.

    The same fits in this process, with which results are compared, take as few.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_bounds, "BLOCK", 250)
        patch.setattr(cluster_blocks, "LARGE", 2_000)
        patch.setattr(cluster_blocks, "TILE", 13)
        patch.setattr(grown_start, "WAY_SWEEPS", 1)
        patch.setattr(residual_structure, "PASSES", 1)
        patch.setattr(pattern_choice, "SWEEPS", 1)
        patch.setattr(posterior_fit, "SETTLING", 2)
        patch.setattr(line_fit, "ESTIMATE_STEPS", 3)
        patch.setattr(line_fit, "GATHERED", 0)
        patch.setattr(line_fit, "LEAST_SWEEPS", 2)
        patch.setitem(line_judges.STEPS, "quick", 4)
        patch.setitem(BayesianSettings.__init__.__kwdefaults__, "burn_in", 2)
        yield


@pytest.fixture(scope="module")
def frame():
    """Grades by label, in any order."""
    rng = np.random.default_rng(0)
    full = rng.standard_normal((120, 2)) @ rng.standard_normal((2, 30)) + 3
    rows, columns = np.nonzero(rng.random(full.shape) < 0.25)
    stars = np.clip(np.rint(full[rows, columns]), 1, 5)
    names = np.array([f"film {k:02}" for k in range(30)])
    whole = pd.DataFrame({"user": rows + 7, "film": names[columns], "stars": stars})
    return whole.sample(frac=1, random_state=1)


@pytest.fixture(scope="module")
def about(frame):
    rng = np.random.default_rng(1)
    return {
        "row_covariates": rng.standard_normal((frame["user"].nunique(), 2)),
        "column_covariates": rng.standard_normal((frame["film"].nunique(), 1)),
    }


def settings(method):
    return {
        "method": method,
        "rank": 2,
        "random_state": 0,
        "max_iter": 2,
        "certify": False,
        "refine": False,
    } | ({"n_draws": 2} if method == "gibbs" else {})


SMALL = settings("variational") | {"rank": 1, "max_iter": 2}


@pytest.fixture(scope="module")
def small(frame):
    """A fit of few rounds, in this process."""
    return ll.MatrixCompletion(**SMALL).fit(ll.Observations.from_frame(frame, **COLUMNS))


class LocalFits(dict):
    """Fits by method, and by whether covariates are known, in this process; each when it is asked for."""

    def __init__(self, frame, about):
        self.table, self.about = ll.Observations.from_frame(frame, **COLUMNS), about

    def __missing__(self, key):
        method, described = key
        fit = ll.MatrixCompletion(**settings(method)).fit(self.table, **(self.about if described else {}))
        return self.setdefault(key, fit)


@pytest.fixture(scope="module")
def local(frame, about):
    """The same fits in this process."""
    return LocalFits(frame, about)


@pytest.fixture(scope="module")
def seen(client, frame):
    return DaskObservations.from_frame(dd.from_pandas(frame, npartitions=4, sort=False), **COLUMNS)


@pytest.fixture
def two_blocks(monkeypatch):
    """Cut sides in two, where plain fits show that more blocks change no bit."""
    monkeypatch.setattr(line_bounds, "BLOCK", 400)


@pytest.fixture
def halves(client, frame, two_blocks):
    halves = DaskObservations.from_frame(dd.from_pandas(frame, npartitions=2, sort=False), **COLUMNS)
    assert [len(side.blocks) for side in halves.cells.sides] == [2, 2]
    return halves


@pytest.fixture(scope="module")
def fitted(client, seen):
    """The plain fit on the cluster, which no test changes."""
    return DaskMatrixCompletion(client=client, **settings("variational")).fit(seen)


def assert_same(found, expected):
    np.testing.assert_array_equal(found.predict_table(), expected.predict_table())
    np.testing.assert_array_equal(found.row_factors_, expected.row_factors_)
    assert found.search_.value == expected.search_.value
    one, other = (model._completed.model for model in (found, expected))
    np.testing.assert_array_equal(one.rows.covariances, other.rows.covariances)
    np.testing.assert_array_equal(one.row_draws, other.row_draws)


# three are begun with where workers are lost
@pytest.mark.parametrize("workers", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_other_numbers_of_workers_give_the_local_bits(workers, frame, small, quiet):
    from distributed import Client

    with make_cluster(workers) as cluster, Client(cluster) as client:
        seen = DaskObservations.from_frame(dd.from_pandas(frame, npartitions=3, sort=False), **COLUMNS)
        assert_same(DaskMatrixCompletion(client=client, **SMALL).fit(seen), small)


# calibrated fits show it of the other method
@pytest.mark.parametrize(
    ("method", "described"), [*FITS, pytest.param("gibbs", False, marks=pytest.mark.slow)]
)
def test_the_fit_has_the_local_bits(method, described, fitted, seen, frame, about, local):
    assert min(len(side.blocks) for side in seen.cells.sides) > 2
    assert seen.cells.sides[0].blocks[0].type.__name__ == "CellBlock"
    fit = fitted
    if (method, described) != ("variational", False):
        fit = DaskMatrixCompletion(**settings(method)).fit(seen, **(about if described else {}))
    assert fit._completed.model.row_prior.mapping.partners == seen.shape[1]  # the pattern is a feature
    assert_same(fit, local[method, described])
    assert fit.row_labels_.tolist() == sorted(set(frame["user"].tolist()))


def test_calibrated_fits_have_the_local_bits(halves, frame, monkeypatch):
    monkeypatch.setattr(bayesian_settings, "LEAST_CALIBRATED", 500)
    how = settings("gibbs") | {"max_iter": 4}  # after which the priors are held
    fit = DaskMatrixCompletion(**how).fit(halves)
    expected = ll.MatrixCompletion(**how).fit(ll.Observations.from_frame(frame, **COLUMNS))
    assert expected._completed.table.fit.settings.calibrated
    assert_same(fit, expected)


def test_one_gaussian_has_the_local_bits(halves, frame):
    how = {"method": "gaussian", "random_state": 0, "n_draws": 2, "max_iter": 2, **PLAIN}
    fit = DaskMatrixCompletion(**how).fit(halves)
    expected = ll.MatrixCompletion(**how).fit(ll.Observations.from_frame(frame, **COLUMNS))
    np.testing.assert_array_equal(fit.to_local().predict_table(), expected.predict_table())


def test_certificates_have_the_local_bits(halves, frame):
    """Of a Bayesian and of a penalised fit: every number that is stated, and the penalised fit itself."""
    whole = TableCells.of(ll.Observations.from_frame(frame, **COLUMNS))
    for options in ({}, {"method": "map", "penalty": 3.0, "bias_penalty": 1.0}):
        plan = CompletionPlan(rank=1, max_iter=2, **options)
        found, expected = (
            fit_elsewhere(table, plan, "anywhere", rng=np.random.default_rng(0)).certify(
                np.random.default_rng(0), "quick"
            )
            for table in (halves, Local(whole, halves.labels))
        )
        assert found[1].to_json() == expected[1].to_json()
        np.testing.assert_array_equal(found[0].table.model.matrix(), expected[0].table.model.matrix())


def test_missing_cells_are_proved_as_locally(halves, frame, tmp_path):
    """What is held out, fitted and stated has the bits of an audit in this process."""
    whole = Local(TableCells.of(ll.Observations.from_frame(frame, **COLUMNS)), halves.labels)
    fit = DaskMatrixCompletion(**SMALL | {"certify": True}).fit(halves)
    plan = CompletionPlan(rank=1, max_iter=2, method="variational", refine=False)
    local = fit_elsewhere(whole, plan, "here", rng=np.random.default_rng(0))
    expected = judge_elsewhere(local, np.random.default_rng(0), "auto")
    found = fit.certificate_
    assert [one.claim for one in found] == ["covered", "alike", "better_than"]
    assert found["covered"].value is not None
    for one, other in zip(found, expected[1], strict=True):
        assert replace(one, seconds=0.0) == replace(other, seconds=0.0)
    again = pickle.loads(pickle.dumps(fit))
    low, high = again.predict_interval([8], ["film 02"], 0.5, method="proved")
    wanted = expected[0].audit.intervals(
        *(np.array([k]) for k in (again.row_labels_.tolist().index(8), 2)),
        0.5,
        expected[0].audit.proving(0.5),
    )
    np.testing.assert_array_equal([low, high], wanted)
    fit.save_certificate(tmp_path / "proof.json")
    checked = ll.verify(tmp_path / "proof.json", ll.Observations.from_frame(frame, **COLUMNS))
    assert checked["covered"].outcome is ll.Outcome.CONFIRMED


class Local:
    """The same table with its cells in this process."""

    def __init__(self, cells, labels):
        self.cells, self.labels = cells, labels


def test_lost_workers_change_no_bit(frame, small, quiet):
    """Two of three workers are gone, with all that they held, in the middle of rounds of tasks."""
    from distributed import Client

    with make_cluster(3) as cluster, Client(cluster) as client:
        seen = DaskObservations.from_frame(dd.from_pandas(frame, npartitions=4, sort=False), **COLUMNS)
        with Closer(client, [6, 14]) as closer:
            fit = DaskMatrixCompletion(client=client, **SMALL).fit(seen)
        assert len(closer.lost) == 2
        assert len(cluster.scheduler.workers) == 1
        assert_same(fit, small)


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [[9], [6, 14]], ids=["once", "twice"])
def test_killed_workers_change_no_bit(rounds, frame, local, quiet):
    from distributed import Client

    with make_cluster(2, processes=True) as cluster, Client(cluster) as client:
        seen = DaskObservations.from_frame(dd.from_pandas(frame, npartitions=4, sort=False), **COLUMNS)
        with Killer(client, rounds, delay=0.01) as killer:
            fit = DaskMatrixCompletion(client=client, **settings("variational")).fit(seen)
        assert len(killer.killed) == len(rounds)
        assert_same(fit, local["variational", False])


def test_without_workers_it_ends_with_a_clear_error(monkeypatch):
    from concurrent.futures import CancelledError

    tried = []
    monkeypatch.setattr(waiting, "PAUSE", 0)

    def lose():
        tried.append(1)
        raise CancelledError("lost dependencies")

    with pytest.raises(ClusterError, match="lost again and again"):
        waiting.persistently(SimpleNamespace(status="running"), lose)
    assert len(tried) == waiting.ROUNDS


def test_a_lost_scheduler_is_told_at_once():
    tried = []

    def lose():
        tried.append(1)
        raise OSError("timed out trying to connect")

    with pytest.raises(ClusterError, match="the scheduler of the cluster is lost"):
        waiting.persistently(SimpleNamespace(status="connecting"), lose)
    assert len(tried) == 1


def test_workers_that_are_all_short_of_memory_are_told(frame, quiet, monkeypatch):
    from distributed import Client

    monkeypatch.setattr(waiting, "LOOK", 0.1)
    full = dask.config.set({"distributed.worker.memory.pause": 1e-6})
    with full, make_cluster(2) as cluster, Client(cluster):
        while any(worker.status.name != "paused" for worker in cluster.scheduler.workers.values()):
            time.sleep(0.01)
        with pytest.raises(ClusterError, match=r"no worker of the cluster begins a task.*\n.*2 paused"):
            DaskObservations.from_frame(dd.from_pandas(frame, npartitions=2, sort=False), **COLUMNS)


def test_a_scheduler_that_is_lost_in_mid_fit(frame, quiet, monkeypatch):
    from distributed import Client

    soon = dask.config.set({"distributed.comm.timeouts.connect": "1s"})
    with soon, make_cluster(1) as cluster, Client(cluster) as client:
        seen = DaskObservations.from_frame(dd.from_pandas(frame, npartitions=2, sort=False), **COLUMNS)
        gathered, inner = [], client.gather

        def gather(*arguments, **options):
            gathered.append(1)
            if len(gathered) == 3:
                cluster.sync(cluster.scheduler.close)
            return inner(*arguments, **options)

        monkeypatch.setattr(client, "gather", gather)
        with pytest.raises(ClusterError, match="the scheduler of the cluster is lost"):
            DaskMatrixCompletion(client=client, **SMALL).fit(seen)


def test_arrays_and_files(client, frame, two_blocks, tmp_path, rng):
    dense = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 20))
    dense[rng.random(dense.shape) < 0.4] = np.nan
    dense[7] = np.nan  # nothing is known of a row
    how = {"rank": 1, "random_state": 0, "max_iter": 2, **PLAIN}
    expected = ll.MatrixCompletion(**how).fit(dense)
    found = DaskMatrixCompletion(**how).fit(da.from_array(dense, chunks=(31, 11)))
    np.testing.assert_array_equal(found.predict_table(), expected.predict_table())
    for k, part in enumerate(np.array_split(np.arange(len(frame)), 3)):
        frame.iloc[part].to_parquet(tmp_path / f"part-{k}.parquet")
    seen = DaskObservations.from_parquet(tmp_path, dtype="float32", **COLUMNS)
    table = ll.Observations.from_frame(frame, **COLUMNS)
    again = ll.MatrixCompletion(dtype="float32", **how).fit(table)
    found = DaskMatrixCompletion(dtype="float32", **how).fit(seen)
    np.testing.assert_array_equal(found.predict_table(), again.predict_table())
    with pytest.raises(InvalidInputError, match="precision of X"):
        DaskMatrixCompletion().fit(seen)


def test_a_fitted_model_needs_no_cluster(fitted, seen, frame, local, tmp_path):
    fit = fitted
    read = pickle.loads(pickle.dumps(fit))
    assert read.client is None
    for asked in (int(frame["user"].iloc[0]), frame["user"].to_numpy()[:3]):  # asked of the cluster
        found, expected = (model.top(asked, 3) for model in (fit, local["variational", False]))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
    plain = fit.to_local()
    assert type(plain) is ll.MatrixCompletion
    users, films = frame["user"].to_numpy()[:9], frame["film"].to_numpy(str)[:9]
    expected = local["variational", False].predict_cells(users, films)
    for model in (fit, read, plain):
        np.testing.assert_array_equal(model.predict_cells(users, films), expected)
    lazy = fit.predict_cells(da.from_array(users, chunks=4), da.from_array(films, chunks=4))
    np.testing.assert_array_equal(lazy.compute(), expected)
    rows = np.full((5, seen.shape[1]), np.nan)
    rows[:, :4] = [5, 1, 2, 3]
    filled = fit.transform(da.from_array(rows, chunks=(2, 11))).compute()
    np.testing.assert_allclose(filled, plain.transform(rows), rtol=1e-13)  # products of other lengths
    columns, values = fit.top(int(users[0]), 3, exclude_observed=False)
    assert len(columns) == 3
    assert (np.diff(values) <= 0).all()
    lower, upper = fit.predict_interval(users, films)
    assert (lower < upper).all()
    fit.save(tmp_path / "model.npz")
    for kind in (ll.MatrixCompletion, DaskMatrixCompletion):
        loaded = kind.load(tmp_path / "model.npz")
        assert type(loaded) is kind
        np.testing.assert_array_equal(loaded.predict_cells(users, films), expected)
    for refused in (
        lambda: fit.to_local().top(int(users[0]), 3),
        lambda: fit.report(tmp_path / "page.html"),
        lambda: fit.update([1], ["film 01"], [2.0]),
        lambda: fit.predict_interval(users, films, method="conformal"),
    ):
        with pytest.raises(UnsupportedError, match="fitted data are needed"):
            refused()
    with pytest.raises(UnsupportedError, match="no certificate to save"):
        fit.save_certificate(tmp_path / "proof.json")
    with pytest.raises(UnsupportedError, match="not saved"):
        fit.save(tmp_path / "model.npz", data=True)


def test_rankings_are_dask_arrays(fitted, frame, local):
    users = frame["user"].to_numpy()[:11]
    for options in ({}, {"exclude_observed": False}, {"candidates": ["film 01", "film 07", "film 20"]}):
        expected = local["variational", False].top(users, 4, **options)
        for one, other in zip(
            fitted.top(da.from_array(users, chunks=4), 4, **options), expected, strict=True
        ):
            assert one.shape == other.shape
            np.testing.assert_array_equal(one.compute(), other)
    with pytest.raises(InvalidInputError, match="one dimension of known size"):
        fitted.top(da.from_array(users.reshape(1, -1), chunks=4), 4)


def assert_same_law(tables, others, given):
    """Two sets of 40 completed tables: the observed cells, and means and spreads of the missing ones."""
    for own in (tables, others):
        np.testing.assert_array_equal(
            own[:, given.rows, given.columns], np.broadcast_to(given.values, (40, given.size))
        )
    holes = np.ones(given.shape, bool)
    holes[given.rows, given.columns] = False
    means, variances = (
        [own.mean(axis=0)[holes] for own in (tables, others)],
        [own.var(axis=0)[holes] for own in (tables, others)],
    )
    spread = np.sqrt((variances[0] + variances[1]) / 39)
    free = spread > 0  # the others are at an end of the range in all draws
    assert free.mean() > 0.9
    off = (means[0] - means[1])[free] / spread[free]
    assert 0.7 < off.std() < 1.12  # kept draws of both may be the same
    assert abs(off.mean()) < 0.1
    ratio = variances[0].mean() / variances[1].mean()
    assert 0.95 < ratio < 1.05


@pytest.mark.slow
@pytest.mark.parametrize("method", ["variational", "gibbs", "gaussian"])
def test_completions_are_a_dask_array(method, seen, frame, monkeypatch):
    monkeypatch.setattr(collections, "CHUNK", 700)
    given = ll.Observations.from_frame(frame, **COLUMNS)
    own = {"variational": {"rank": 2}, "gibbs": {"rank": 2, "n_draws": 60}, "gaussian": {}}[method]
    options = {"random_state": 0, "method": method, **own, **PLAIN}
    lazy = DaskMatrixCompletion(client=seen.client, **options).fit(seen).completions(40, random_state=1)
    assert isinstance(lazy, da.Array)
    assert lazy.chunks[0] == (1,) * 40
    assert max(lazy.chunks[1]) <= 700 // 30
    tables = lazy.compute()
    assert tables.shape == (40, *given.shape)
    np.testing.assert_array_equal(tables, lazy.compute())  # a draw is a function of the seed
    # the same law as draws in memory
    assert_same_law(tables, ll.MatrixCompletion(**options).fit(given).completions(40, random_state=2), given)


def test_completions_are_drawn_as_in_this_process(fitted, frame, local, monkeypatch):
    """Some of many tables from the cluster; the law of all of them, drawn by the same rows without it."""
    monkeypatch.setattr(collections, "CHUNK", 700)
    given = ll.Observations.from_frame(frame, **COLUMNS)
    lazy = fitted.completions(40, random_state=1)
    assert isinstance(lazy, da.Array)
    assert lazy.chunks[0] == (1,) * 40
    assert max(lazy.chunks[1]) <= 700 // 30
    seed = int(np.random.default_rng(1).integers(2**63))
    ends = np.cumsum(lazy.chunks[1])
    tables = np.empty((40, *given.shape))
    for number in range(40):
        drawn = draw_table(fitted._completed.model, 40, number, seed)
        for first, last in zip([0, *ends[:-1]], ends, strict=True):
            tables[number, first:last] = drawn.rows(first, last).values(first)
    tables[:, given.rows, given.columns] = given.values
    some = [3, 38]
    for _ in range(2):  # a draw is a function of the seed
        np.testing.assert_array_equal(lazy[some].compute(), tables[some])
    one_by_one = fitted.iter_completions(40, random_state=1)
    np.testing.assert_array_equal(next(one_by_one).compute(), tables[0])
    # other rows are drawn in this process, as by the local model
    rows = given.to_array()[:3]
    expected = fitted.to_local().completions(2, rows, random_state=1)
    np.testing.assert_array_equal(fitted.completions(2, rows, random_state=1), expected)
    np.testing.assert_array_equal(list(fitted.iter_completions(2, rows, random_state=1)), expected)
    assert_same_law(tables, local["variational", False].completions(40, random_state=2), given)


def test_completions_need_cells_and_a_posterior(client, seen, tmp_path):
    options = {"rank": 2, "penalty": 1.0, "method": "map", "max_iter": 2, **PLAIN}
    fit = DaskMatrixCompletion(client=client, **options).fit(seen)
    with pytest.raises(UnsupportedError, match="Bayesian"):
        fit.completions(2)
    fit.save(tmp_path / "model.npz")
    with pytest.raises(UnsupportedError, match="fitted cells are needed"):
        DaskMatrixCompletion.load(tmp_path / "model.npz").completions(2)


def test_repeated_cells(client, frame):
    twice = pd.concat([frame, frame.iloc[[5]].assign(stars=2.0)])
    lazy = dd.from_pandas(twice, npartitions=2, sort=False)
    with pytest.raises(InvalidInputError, match=r"listed more than once[\s\S]*1 repeat in all"):
        DaskObservations.from_frame(lazy, **COLUMNS)
    last = DaskObservations.from_frame(lazy, duplicates="last", **COLUMNS)
    assert last.size == len(frame)
    expected = ll.Observations.from_frame(twice, duplicates="last", **COLUMNS)
    fits = [
        DaskMatrixCompletion(rank=1, random_state=0, max_iter=1, pattern=False, **PLAIN).fit(last),
        ll.MatrixCompletion(rank=1, random_state=0, max_iter=1, pattern=False, **PLAIN).fit(expected),
    ]
    np.testing.assert_array_equal(fits[0].predict_table(), fits[1].predict_table())


def test_labels_of_parts_are_those_of_the_whole(client):
    """Whole numbers in one part and text in another: text everywhere, as in one frame."""
    frame = pd.DataFrame(
        {"user": ["10", "9", "x1", "x2"], "film": [3, 1, 1, 2], "stars": [1.0, 2, 3, np.nan]}
    )
    seen = DaskObservations.from_frame(dd.from_pandas(frame, npartitions=2, sort=False), **COLUMNS)
    expected = ll.Observations.from_frame(frame, **COLUMNS)
    # also of a row and a column of which nothing is known
    assert seen.labels.rows.tolist() == expected.row_labels.tolist() == ["10", "9", "x1", "x2"]
    assert seen.labels.columns.tolist() == expected.column_labels.tolist() == [1, 2, 3]
    assert seen.shape == expected.shape


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"method": "map", "rank": 1}, UnsupportedError, 'method "map"'),
        ({"loss": "huber"}, UnsupportedError, 'loss="huber"'),
        ({"loss": {0: "squared"}}, UnsupportedError, "losses must be squared"),
        ({"penalty": 1.0}, UnsupportedError, "penalty=1.0"),
        ({"bounds": {0: (0, 1)}}, UnsupportedError, "bounds is not there"),
        ({"predictors": {0: [1]}}, UnsupportedError, "predictors is not there"),
        ({"effort": "bogus"}, InvalidInputError, "effort"),
        ({"dtype": "float16"}, InvalidInputError, "dtype is unknown"),
        ({"rank": 99}, InvalidInputError, "rank"),
    ],
)
def test_what_is_not_there_is_refused(client, options, error, words):
    table = da.from_array(np.eye(6), chunks=3)
    with pytest.raises(error, match=words):
        DaskMatrixCompletion(**options).fit(table)


def test_bad_input(client, frame, tmp_path):
    lazy = dd.from_pandas(frame, npartitions=2, sort=False)
    with pytest.raises(InvalidInputError, match="no column 'money'"):
        DaskObservations.from_frame(lazy, row="user", column="film", value="money")
    with pytest.raises(InvalidInputError, match="must hold numbers"):
        DaskObservations.from_frame(lazy, row="user", column="stars", value="film")
    with pytest.raises(InvalidInputError, match="no such Parquet file"):
        DaskObservations.from_parquet(tmp_path, **COLUMNS)
    with pytest.raises(InvalidInputError, match="infinit"):
        DaskObservations.from_array(da.from_array(np.array([[1.0, np.inf]]), chunks=1))
    with pytest.raises(InvalidInputError, match="the table is empty"):
        DaskObservations.from_array(da.from_array(np.full((3, 3), np.nan), chunks=2))
    with pytest.raises(InvalidInputError, match="two dimensions"):
        DaskObservations.from_array(da.zeros(3))
    with pytest.raises(InvalidInputError, match="below 2\\^31"):
        DaskObservations.from_array(da.zeros((2**31 + 1, 1), chunks=2**20))
    with pytest.raises(InvalidInputError, match="must be a Dask array"):
        DaskObservations.from_array(np.eye(3))
    with pytest.raises(InvalidInputError, match="must be a Dask data frame"):
        DaskObservations.from_frame(frame, **COLUMNS)
    for build in (DaskObservations.from_frame, DaskObservations.from_parquet):
        given = lazy if build == DaskObservations.from_frame else tmp_path
        (tmp_path / "broken.parquet").write_text("nothing")
        with pytest.raises(InvalidInputError, match="dtype is unknown"):
            build(given, dtype="int32", **COLUMNS)
    with pytest.raises(InvalidInputError, match=r"cannot read .*broken.parquet"):
        DaskObservations.from_parquet(tmp_path, **COLUMNS)
    frame.to_parquet(tmp_path / "broken.parquet")
    with pytest.raises(InvalidInputError, match=r"broken.parquet has no column 'money'"):
        DaskObservations.from_parquet(tmp_path, row="user", column="film", value="money")
    without = pd.DataFrame({"user": ["a", None], "film": ["x", "y"], "stars": [1.0, 2.0]})
    with pytest.raises(InvalidInputError, match="empty label"):
        DaskObservations.from_frame(dd.from_pandas(without, npartitions=1), **COLUMNS)
    with pytest.raises(InvalidInputError, match="duplicates is unknown"):
        DaskObservations.from_frame(lazy, duplicates="first", **COLUMNS)
    with pytest.raises(InvalidInputError, match="Dask array or DaskObservations"):
        DaskMatrixCompletion().fit(np.eye(3))
    with pytest.raises(UnsupportedError, match="no weights"):
        DaskMatrixCompletion().fit(da.from_array(np.eye(6), chunks=3), sample_weight=np.ones(6))


def test_an_interrupted_fit_keeps_what_it_had(client, frame, monkeypatch):
    """Ctrl-C between rounds of tasks ends the sweeps; the model so far is kept."""
    import signal

    seen = DaskObservations.from_frame(dd.from_pandas(frame, npartitions=2, sort=False), **COLUMNS)
    inner, rounds = cluster_blocks.ClusterBlocks.map, []

    def interrupting(self, *arguments):
        rounds.append(time.monotonic())
        if len(rounds) == 30:
            signal.raise_signal(signal.SIGINT)
        return inner(self, *arguments)

    monkeypatch.setattr(cluster_blocks.ClusterBlocks, "map", interrupting)
    # before the sweeps begin there is nothing to keep
    monkeypatch.setattr("lowland.completion.bayesian.sweeps.grow", lambda *_: None)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        fit = DaskMatrixCompletion(rank=2, random_state=0, tol=0, max_iter=200, **PLAIN).fit(seen)
    finally:
        signal.signal(signal.SIGINT, before)
    assert fit.search_.stop_reason is ll.StopReason.INTERRUPTED
    assert fit.n_iter_ < 20


def test_masks_hide_cells(client):
    table = np.ma.masked_array(np.arange(30.0).reshape(6, 5), mask=np.eye(6, 5, dtype=bool))
    assert DaskObservations.from_array(da.from_array(table, chunks=(3, 5))).size == 25


def test_rows_may_be_columns(client, frame):
    """Each user beside itself: the same column names both sides, in memory and here."""
    some = frame.drop_duplicates("user")
    names = {"row": "user", "column": "user", "value": "stars"}
    seen = DaskObservations.from_frame(dd.from_pandas(some, npartitions=2, sort=False), **names)
    assert seen.labels.rows.tolist() == ll.Observations.from_frame(some, **names).row_labels.tolist()


def test_clones_share_the_client(client):
    again = clone(DaskMatrixCompletion(rank=3, client=client))
    assert again.client is client
    assert again.rank == 3


def test_other_uses_of_distributed_tables_are_refused(fitted, seen, local):
    for refused in (
        lambda: ll.MatrixCompletion(**PLAIN).fit(seen),
        lambda: local["variational", False].transform(seen),
        lambda: local["variational", False].score(seen),
    ):
        with pytest.raises(InvalidInputError, match="can be fitted"):
            refused()
    users = da.from_array(np.array([7, 8, 9]), chunks=2)
    with pytest.raises(InvalidInputError, match="both be Dask arrays"):
        fitted.predict_cells(users, np.array(["film 01"] * 3))
    with pytest.raises(InvalidInputError, match="unknown must be"):
        fitted.predict_cells(users, users, unknown="guess")
    lazy = fitted.predict_cells(users, da.from_array(np.array(["film 01"] * 3), chunks=2))
    assert lazy.dtype == lazy.compute().dtype


def test_errors_of_tasks_are_not_taken_for_losses(monkeypatch):
    tried = []

    def fail():
        tried.append(1)
        raise FileNotFoundError("part-7.parquet")

    with pytest.raises(FileNotFoundError):
        waiting.persistently(SimpleNamespace(status="running"), fail)
    assert len(tried) == 1


def test_without_dask_the_error_says_what_to_install():
    code = (
        "import sys\nsys.modules['distributed'] = None\nimport lowland\n"
        "try:\n    import lowland.dask\nexcept lowland.errors.LowlandError as error:\n    print(error.fix)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "lowland[distributed]" in done.stdout
