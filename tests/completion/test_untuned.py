"""`MatrixCompletion` without tuning: what its posterior says, and all that can be asked of it."""

import copy

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.settings import BayesianSettings
from lowland.completion.cells.summary import TableSummary
from lowland.core.errors import FileFormatError, InvalidInputError, UnsupportedError

# without certificate and forests
PLAIN = {"certify": False, "refine": False}


def planted(rng, shape=(80, 50), rank=3, noise=0.3, seen=0.4):
    m, n = shape
    truth = rng.standard_normal((m, rank)) @ rng.standard_normal((n, rank)).T
    truth += rng.standard_normal((m, 1)) + rng.standard_normal(n)
    table = truth + noise * rng.standard_normal(shape)
    return truth, table, np.where(rng.random(shape) < seen, table, np.nan)


@pytest.fixture(scope="module")
def instance():
    return planted(np.random.default_rng(0))


@pytest.fixture(scope="module")
def variational(instance):
    return ll.MatrixCompletion(method="variational", random_state=0, **PLAIN).fit(instance[2])


@pytest.fixture(scope="module", params=["variational", "gibbs"])
def model(request, instance):
    if request.param == "variational":
        return request.getfixturevalue("variational")
    return ll.MatrixCompletion(method="gibbs", n_draws=50, random_state=0, **PLAIN).fit(instance[2])


def test_cells_are_predicted_nearly_as_well_as_the_noise_allows(instance, model):
    truth, _, holes = instance
    missing = np.isnan(holes)
    error = np.sqrt(np.mean((model.transform(holes) - truth)[missing] ** 2))
    assert error < 0.35  # rank 16 was asked for, rank 3 is there: the priors switch the others off
    assert np.median(model.noise_) == pytest.approx(0.3, abs=0.08)


# what decides is where the factors end, which forests come after
@pytest.mark.parametrize(
    ("method", "refine"), [("variational", False), pytest.param("auto", "auto", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
@pytest.mark.parametrize(("shape", "rank"), [((80, 50), 3), ((60, 40), 2), ((100, 100), 5)])
def test_small_tables_of_strong_factors_do_not_end_in_bad_places(shape, rank, seed, method, refine):
    truth, _, holes = planted(np.random.default_rng(seed), shape, rank)
    model = ll.MatrixCompletion(method=method, refine=refine, random_state=seed, certify=False).fit(holes)
    assert np.sqrt(np.mean((model.transform(holes) - truth)[np.isnan(holes)] ** 2)) < 0.4


def test_noise_by_column_from_the_start_ends_in_bad_places(monkeypatch):
    """The mutant: columns get noise of their own before the factors are found."""
    monkeypatch.setattr("lowland.completion.bayesian.sweeps.grow", lambda *_: None)
    monkeypatch.setattr("lowland.completion.bayesian.sweeps.SETTLING", 1)
    monkeypatch.setattr("lowland.completion.bayesian.starting.start.FIRST_SIZE", 0.1)
    errors = []
    for seed in range(2):
        truth, _, holes = planted(np.random.default_rng(seed))
        filled = (
            ll.MatrixCompletion(method="variational", random_state=seed, **PLAIN).fit(holes).transform(holes)
        )
        errors.append(np.sqrt(np.mean((filled - truth)[np.isnan(holes)] ** 2)))
    assert max(errors) > 0.5


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_intervals_hold_new_observations(instance, model, level):
    _, table, holes = instance
    rows, columns = np.nonzero(np.isnan(holes))
    lower, upper = model.predict_interval(rows, columns, level)
    inside = np.mean((lower <= table[rows, columns]) & (table[rows, columns] <= upper))
    assert inside == pytest.approx(level, abs=0.06)


def test_draws_have_the_spread_of_the_intervals(model):
    rows, columns = np.arange(30), np.arange(30)
    draws = model.sample(rows, columns, 1500, random_state=1)
    lower, upper = model.predict_interval(rows, columns, 0.682689492137)
    assert draws.shape == (1500, 30)
    np.testing.assert_allclose(draws.std(axis=0), (upper - lower) / 2, rtol=0.25)
    np.testing.assert_array_equal(draws, model.sample(rows, columns, 1500, random_state=1))


def test_completions_keep_what_is_observed(instance, model):
    _, _, holes = instance
    tables = model.completions(5, random_state=0)
    seen = ~np.isnan(holes)
    assert tables.shape == (5, *holes.shape)
    for table in tables:
        np.testing.assert_array_equal(table[seen], holes[seen])
    assert tables.std(axis=0)[~seen].min() > 0


def test_asking_for_a_cell_two_ways_gives_one_answer(instance, model):
    _, _, holes = instance
    rows, columns = np.nonzero(np.isnan(holes))
    np.testing.assert_allclose(
        model.transform(holes)[rows, columns], model.predict_cells(rows, columns), rtol=1e-9
    )


@pytest.mark.slow
def test_a_new_row_is_folded_in_nearly_as_well_as_fitted(instance):
    """A row of which ten cells are known, by fold-in and by a full fit: errors within 3 % of each other."""
    truth, _, holes = instance
    rng, errors = np.random.default_rng(1), []
    for row in range(0, 40, 4):
        seen = rng.choice(50, 10, replace=False)
        few = np.full(50, np.nan)
        few[seen] = truth[row, seen] + 0.3 * rng.standard_normal(10)
        others = np.delete(holes, row, axis=0)
        settings = {"random_state": 0, "certify": False, "refine": False}
        folded = ll.MatrixCompletion(**settings).fit(others).transform(few[None])[0]
        full = (
            ll.MatrixCompletion(**settings).fit(np.vstack([others, few])).transform(np.vstack([others, few]))
        )
        unseen = np.isnan(few)
        errors.append([np.mean((x - truth[row])[unseen] ** 2) for x in (folded, full[-1])])
    folded, full = np.sqrt(np.mean(errors, axis=0))
    assert folded < 1.03 * full


def test_no_bias_no_noise_and_constant_columns():
    rng = np.random.default_rng(5)
    truth = rng.standard_normal((40, 2)) @ rng.standard_normal((2, 30))
    holes = np.where(rng.random(truth.shape) < 0.6, truth, np.nan)
    model = ll.MatrixCompletion(biases=False, random_state=0, tol=1e-6, **PLAIN).fit(holes)
    assert np.abs(model.transform(holes) - truth).max() < 0.05
    holes[:, 3] = 7.0
    brief = {"random_state": 0, "max_iter": 20, **PLAIN}
    filled = ll.MatrixCompletion(**brief).fit(holes).transform(holes)
    assert np.isfinite(filled).all()
    full = ll.MatrixCompletion(**brief).fit(truth)
    np.testing.assert_array_equal(full.transform(truth), truth)


def test_columns_in_different_units_are_scaled_and_scaled_back(instance, quick_starts):
    _, _, holes = instance
    units = np.logspace(-3, 3, 50)
    brief = {"method": "variational", "random_state": 0, "max_iter": 10, **PLAIN}
    plain = ll.MatrixCompletion(scale="column", **brief).fit(holes)
    own = ll.MatrixCompletion(**brief).fit(holes * units)
    np.testing.assert_allclose(
        own.transform(holes * units) / units, plain.transform(holes), rtol=1e-6, atol=1e-8
    )
    u, v = own.row_factors_, own.column_factors_
    made = u @ v.T + own.row_biases_[:, None] + own.column_biases_ + own.offset_
    missing = np.isnan(holes)
    np.testing.assert_allclose(made[missing], own.transform(holes * units)[missing], rtol=1e-6, atol=1e-9)
    alike = ll.MatrixCompletion(method="variational", max_iter=5, **PLAIN).fit(holes)
    assert alike._completed.table.fit.settings.scale == "common"


def test_what_auto_means():
    rng = np.random.default_rng(2)
    stars = ll.Observations.from_triples(
        *np.divmod(rng.choice(6000, 900, replace=False), 60),
        rng.integers(1, 6, 900).astype(float),
        shape=(100, 60),
    )
    found = BayesianSettings().resolve(TableSummary.of(TableCells.of(stars)))
    assert (found.rank, found.pattern, found.noise, found.scale) == (16, True, "common", "common")
    numbers = ll.Observations.from_array(rng.standard_normal((20, 8)))
    found = BayesianSettings().resolve(TableSummary.of(TableCells.of(numbers)))
    assert (found.rank, found.pattern, found.noise, found.scale) == (4, False, "column", "common")


@pytest.mark.usefixtures("plain_kernels")
def test_the_pattern_tells_rows_apart_before_their_values_do(rng):
    """Two groups of people see two kinds of films; prior means, which know no values, tell them apart."""
    m, n = 200, 120
    group, kind, liked = (rng.choice([-1, 1], size) for size in (m, n, n))
    stars = np.clip(np.rint(3 + np.outer(group, liked) + rng.standard_normal((m, n))), 1, 5)
    seen = rng.random((m, n)) < np.where(np.outer(group, kind) > 0, 0.12, 0.01)
    table = np.where(seen, stars, np.nan)
    found = {}
    for pattern in (True, False):
        model = ll.MatrixCompletion(pattern=pattern, random_state=0, **PLAIN).fit(table)
        posterior = model._completed.model
        prior = posterior.row_prior
        left = prior.means(TableCells.of(ll.Observations.from_array(table)), None)[:, :-1]
        scores = left @ posterior.columns.means[:, :-1].T @ liked
        found[pattern] = 0.0 if np.ptp(scores) == 0 else np.corrcoef(scores, group)[0, 1]
    assert found[True] > 0.6
    assert found[False] == 0.0


def test_covariates_make_cold_rows_known(rng, quick_starts):
    m, n = 80, 24
    about = rng.standard_normal((m, 2))
    table = about @ rng.standard_normal((2, n)) + 0.2 * rng.standard_normal((m, n))
    holes = np.where(rng.random((m, n)) < 0.3, table, np.nan)
    holes[:20] = np.nan  # cold rows
    errors, widths = [], []
    for known in (about, None):
        model = ll.MatrixCompletion(random_state=0, max_iter=40, **PLAIN).fit(holes, row_covariates=known)
        filled = model.transform(holes, row_covariates=known)
        errors.append(np.sqrt(np.mean((filled - table)[:20] ** 2)))
        lower, upper = model.predict_interval(np.r_[0, 60], np.r_[3, 3])
        widths.append(upper - lower)
    assert errors[0] < 0.5 * errors[1]
    assert widths[1][0] > 1.5 * widths[1][1]  # a cold row without covariates is uncertain, and says so
    with pytest.raises(InvalidInputError, match="covariates are missing"):
        ll.MatrixCompletion(max_iter=5, **PLAIN).fit(holes, row_covariates=about).transform(holes[:5])
    with pytest.raises(InvalidInputError, match="takes no covariates"):
        ll.MatrixCompletion(method="map", rank=1, penalty=1.0).fit(holes, row_covariates=about)
    with pytest.raises(InvalidInputError, match="no missing values"):
        ll.MatrixCompletion().fit(holes, row_covariates=np.full((m, 1), np.nan))


def test_covariates_by_label_whatever_their_order(rng, quick_starts):
    table = rng.standard_normal((15, 9))
    names = [f"r{i}" for i in range(15)]
    seen = ll.Observations.from_array(table, row_labels=names)
    about = rng.standard_normal(15)
    order = rng.permutation(15)
    frame = pd.DataFrame({"name": np.array(names)[order], "x": about[order]})
    fits = [
        ll.MatrixCompletion(random_state=0, max_iter=10, **PLAIN).fit(seen, row_covariates=known)
        for known in (about[:, None], frame, ll.read_covariates(frame))
    ]
    for other in fits[1:]:
        np.testing.assert_array_equal(other.row_factors_, fits[0].row_factors_)
    with pytest.raises(InvalidInputError, match="the table has none"):
        ll.MatrixCompletion().fit(table, row_covariates=ll.read_covariates(frame))


def test_updates_go_on_from_the_fit(instance, variational):
    truth, table, holes = instance
    model = copy.deepcopy(variational)
    rows, columns = np.nonzero(np.isnan(holes))
    some = np.random.default_rng(0).random(rows.size) < 0.3
    before = model.n_iter_
    model.update(rows[some], columns[some], table[rows[some], columns[some]])
    assert model.n_iter_ < before
    fresh = np.where(np.isnan(holes), np.nan, holes)
    fresh[rows[some], columns[some]] = table[rows[some], columns[some]]
    again = ll.MatrixCompletion(method="variational", random_state=0, **PLAIN).fit(fresh)
    rest = ~some
    errors = [
        np.sqrt(np.mean((m.predict_cells(rows[rest], columns[rest]) - truth[rows[rest], columns[rest]]) ** 2))
        for m in (model, again)
    ]
    assert errors[0] < 1.05 * errors[1]
    model.update([80, 80], [0, 1], [1.0, 2.0])
    assert model.row_factors_.shape[0] == 81
    assert np.isfinite(model.predict_cells([80], [5])).all()


def test_updates_of_a_penalised_fit_and_new_labels(rng):
    table = rng.standard_normal((12, 7))
    seen = ll.Observations.from_array(
        table, row_labels=[f"r{i}" for i in range(12)], column_labels=[f"c{j}" for j in range(7)]
    )
    model = ll.MatrixCompletion(rank=2, penalty=1.0, random_state=0).fit(seen)
    model.update(["r0", "new"], ["c1", "c2"], [5.0, 1.0])
    assert np.isfinite(model.predict_cells(["new"], ["c0"])).all()
    merged = np.vstack([table, np.full(7, np.nan)])
    merged[0, 1], merged[12, 2] = 5.0, 1.0
    again = ll.MatrixCompletion(rank=2, penalty=1.0, random_state=0).fit(merged)
    np.testing.assert_allclose(
        model.predict_cells(["r0"] * 3, ["c1", "c2", "c3"]),
        again.predict_cells([0, 0, 0], [1, 2, 3]),
        atol=1e-4,
    )
    assert model.certificate_["stationary"].verdict.name == "SUPPORTED"


def test_top_and_similar(rng, quick_starts):
    base = rng.standard_normal((60, 1))
    table = np.hstack([base + 0.1 * rng.standard_normal((60, 4)), -base + 0.1 * rng.standard_normal((60, 4))])
    table = np.hstack([table, rng.standard_normal((60, 6))])
    names = [f"c{j}" for j in range(14)]
    holes = np.where(rng.random(table.shape) < 0.8, table, np.nan)
    model = ll.MatrixCompletion(random_state=0, max_iter=40, **PLAIN).fit(pd.DataFrame(holes, columns=names))
    alike, correlations = model.similar("c0", 3)
    assert set(alike) == {"c1", "c2", "c3"}
    assert (correlations > 0.9).all()
    assert model.similar("c0", 13)[1][-1] < -0.9
    best, predictions = model.top(0, 2, exclude_observed=False)
    order = np.argsort(-model.predict_cells(np.zeros(14, int), names))[:2]
    assert best.tolist() == [names[k] for k in order]
    assert predictions[0] >= predictions[1]
    seen = set(np.array(names)[~np.isnan(holes[0])])
    assert not seen & set(model.top(0, 14)[0])
    several, numbers = model.top([0, 1], 14)
    assert several.shape == numbers.shape == (2, 14)
    for row, own, values in zip((0, 1), several, numbers, strict=True):
        best, predictions = model.top(row, 14)
        assert own[: best.size].tolist() == best.tolist()
        np.testing.assert_array_equal(values[: best.size], predictions)
        assert set(own[best.size :]) <= {None}
        assert np.isnan(values[best.size :]).all()
    assert set(model.top(0, 5, exclude_observed=False, candidates=["c3", "c9"])[0]) == {"c3", "c9"}
    with pytest.raises(InvalidInputError, match="k must be"):
        model.top(0, 0)


@pytest.fixture(params=["variational", "gibbs"])
def brief_model(request, quick_starts, instance):
    """A fit of few sweeps and draws, where it is not how good they are that is tested."""
    brief = {"n_draws": 5, "max_iter": 10} if request.param == "gibbs" else {"max_iter": 10}
    return ll.MatrixCompletion(method=request.param, random_state=0, **brief, **PLAIN).fit(instance[2])


def test_models_survive_a_file(brief_model, instance, tmp_path):
    model, (_, _, holes) = brief_model, instance
    model.save(tmp_path / "m.npz")
    again = ll.MatrixCompletion.load(tmp_path / "m.npz")
    rows, columns = np.arange(20), np.arange(20)
    np.testing.assert_array_equal(again.predict_cells(rows, columns), model.predict_cells(rows, columns))
    np.testing.assert_array_equal(
        again.predict_interval(rows, columns)[0], model.predict_interval(rows, columns)[0]
    )
    np.testing.assert_array_equal(
        again.sample(rows, columns, 3, random_state=0), model.sample(rows, columns, 3, random_state=0)
    )
    np.testing.assert_array_equal(again.transform(holes[:3]), model.transform(holes[:3]))
    assert again.method_ == model.method_
    for ask in (
        lambda m: m.completions(1, random_state=0),
        lambda m: m.predict_interval([0, 3], [0, 1], method="conformal")[1],
        lambda m: m.top(0)[1],
        lambda m: m.update([0, 90], [0, 1], [1.0, 2.0]).predict_cells([0, 3, 90], [0, 1, 4]),
        lambda m: m.update([5], [5], [2.0], refit=True).predict_table(),
    ):
        np.testing.assert_array_equal(ask(again), ask(copy.deepcopy(model)))
        again = ll.MatrixCompletion.load(tmp_path / "m.npz")
    model.save(tmp_path / "bare.npz", data=False)
    assert (tmp_path / "bare.npz").stat().st_size < (tmp_path / "m.npz").stat().st_size
    bare = ll.MatrixCompletion.load(tmp_path / "bare.npz")
    np.testing.assert_array_equal(bare.transform(holes[:3]), model.transform(holes[:3]))
    for act in (
        lambda: bare.update([0], [0], [1.0]),
        lambda: bare.completions(1),
        lambda: bare.predict_interval([0], [0], method="conformal"),
        lambda: bare.top(0),
    ):
        with pytest.raises(UnsupportedError):
            act()
    (tmp_path / "bad.npz").write_bytes(b"nothing")
    with pytest.raises((FileFormatError, InvalidInputError)):
        ll.MatrixCompletion.load(tmp_path / "bad.npz")


@pytest.mark.usefixtures("plain_kernels")
def test_a_penalised_fit_has_no_posterior(instance):
    model = ll.MatrixCompletion(rank=3, penalty=0.5, max_iter=20, random_state=0, certify=False)
    model.fit(instance[2])
    assert model.method_ == "map"
    for act in (lambda: model.sample([0], [0]), lambda: model.completions(2)):
        with pytest.raises(UnsupportedError, match="a posterior is needed"):
            act()
    with pytest.raises(UnsupportedError, match="needs a Bayesian fit"):
        model.predict_interval([0], [0], method="posterior")
    with pytest.raises(UnsupportedError, match="needs a penalised fit"):
        ll.MatrixCompletion(max_iter=20, **PLAIN).fit(instance[2]).predict_interval([0], [0], method="fisher")


def test_conformal_intervals_of_a_posterior(instance, variational):
    _, table, holes = instance
    rows, columns = np.nonzero(np.isnan(holes))
    lower, upper = variational.predict_interval(rows, columns, 0.9, method="conformal")
    assert np.mean((lower <= table[rows, columns]) & (table[rows, columns] <= upper)) > 0.84


def test_the_map_surrogate_is_certified(instance):
    settings = {"rank": 3, "max_iter": 20, "refine": False, "random_state": 0, "certify": "companion"}
    model = ll.MatrixCompletion(effort="standard", **settings).fit(instance[2][:32, :24])
    assert 0 < model.certificate_["globally_optimal"].witness["lower_bound"]
    assert model.certificate_["determined_by_data"].verdict.name == "PROVED"


def test_weights_are_precisions(rng, quick_starts):
    """Rows of weight zero count for nothing; heavier rows are fitted closer."""
    _, _, holes = planted(rng)
    weight = np.ones(80)
    weight[:10] = 0
    brief = {"random_state": 0, "max_iter": 30, **PLAIN}
    model = ll.MatrixCompletion(**brief).fit(holes, sample_weight=weight)
    other = holes.copy()
    other[:10] = 1e3
    again = ll.MatrixCompletion(**brief).fit(other, sample_weight=weight)
    np.testing.assert_allclose(again.column_factors_, model.column_factors_, atol=1e-8)
    weight[40:] = 100.0
    heavy = ll.MatrixCompletion(**brief).fit(holes, sample_weight=weight)
    rows, columns = np.nonzero(~np.isnan(holes))
    off = np.abs(heavy.predict_cells(rows, columns) - holes[rows, columns])
    assert off[rows >= 40].mean() < off[(rows >= 10) & (rows < 40)].mean()


def test_metadata_are_routed_through_a_pipeline(rng, quick_starts):
    from sklearn import config_context
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    about = rng.standard_normal((60, 2))
    table = about @ rng.standard_normal((2, 12)) + 0.1 * rng.standard_normal((60, 12))
    holes = np.where(rng.random(table.shape) < 0.5, table, np.nan)
    holes[:5] = np.nan
    with config_context(enable_metadata_routing=True):
        model = ll.MatrixCompletion(random_state=0, max_iter=40, **PLAIN)
        model.set_fit_request(row_covariates=True, sample_weight=True, column_covariates=False)
        model.set_transform_request(row_covariates=True)
        chain = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        chain.fit(holes, row_covariates=about, sample_weight=np.ones(60))
        filled = chain.transform(holes[:5], row_covariates=about[:5])
    scaled = StandardScaler().fit(holes).transform(table[:5])
    assert np.sqrt(np.mean((filled - scaled) ** 2)) < 0.5 * scaled.std()
    brief = ll.MatrixCompletion(random_state=0, max_iter=20, **PLAIN)
    search = GridSearchCV(brief, {"biases": [True, False]}, cv=[(np.arange(60), np.arange(60))])
    search.fit(holes[5:][np.arange(60) % 55])
    assert np.isfinite(search.best_score_)
