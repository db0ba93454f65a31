"""Tables of few columns: one Gaussian of any covariance for all rows."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_t

import lowland as ll
from lowland.bayes import full_gaussian
from lowland.bayes.full_gaussian import Excesses, FullGaussian, draw_gaussian
from lowland.bayes.row_scales import RowScales
from lowland.cells.labels import TableLabels
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.factor_covariance import along_columns, factor_covariance
from lowland.completion.bayesian.gaussian.fit import _noise_of
from lowland.completion.bayesian.gaussian.objective import GaussianRows
from lowland.completion.bayesian.settings import BayesianSettings
from lowland.completion.bayesian.sweeps import fit_cells
from lowland.completion.cells.blocks import hidden_scores
from lowland.completion.cells.summary import TableSummary
from lowland.core.errors import FileFormatError, InvalidInputError, UnsupportedError
from lowland.files.bundle import load_bundle, save_bundle
from lowland.kernels.systems.rows import Noise
from lowland.kernels.threads import limited_to
from lowland.search import Iterations, run
from lowland.search.augmentation import Augmentation

UNREFINED = {"random_state": 0, "certify": False, "refine": False}
SMALL = {**UNREFINED, "n_draws": 10, "method": "gaussian"}


def units(rng):
    """Forty rows of five related columns in different units, a fifth of the cells missing."""
    full = rng.standard_normal((40, 2)) @ rng.standard_normal((2, 5)) + 0.3 * rng.standard_normal((40, 5))
    full = full * [1, 10, 100, 0.1, 1] + [0, 5, -300, 2, 0]
    full[rng.random(full.shape) < 0.2] = np.nan
    full[3] = [1.0, np.nan, np.nan, 2.1, np.nan]
    full[4] = np.nan
    return full


@pytest.fixture
def table(rng):
    return units(rng)


@pytest.fixture(scope="module")
def fitted():
    """The fit of the table."""
    return ll.MatrixCompletion(**SMALL).fit(units(np.random.default_rng(20160523)))


def given(row, mean, covariance):
    """Mean and covariance of the missing cells of a row, given the others."""
    gaps = np.isnan(row)
    seen = covariance[np.ix_(~gaps, ~gaps)]
    gain = (
        np.linalg.solve(seen, covariance[np.ix_(~gaps, gaps)]) if (~gaps).any() else np.zeros((0, gaps.sum()))
    )
    left = covariance[np.ix_(gaps, gaps)] - covariance[np.ix_(gaps, ~gaps)] @ gain
    return mean[gaps] + (row - mean)[~gaps] @ gain, left


# ---------------------------------------------------------------- the distribution


@pytest.mark.parametrize("count", [2_500, pytest.param(20_000, marks=pytest.mark.slow)])
def test_draws_have_the_moments_of_their_posterior(count, rng, monkeypatch):
    monkeypatch.setattr(full_gaussian, "STEPS", 1)
    monkeypatch.setattr(full_gaussian, "LEAST_EXCESS", 2.5)
    rows = rng.standard_normal((12, 3)) @ rng.standard_normal((3, 3)) + [0, 1, 2]
    centred = rows - rows.mean(axis=0)
    expected = (centred.T @ centred + 2.5 * np.eye(3)) / (12 - 1 + 2.5)
    found = [draw_gaussian(rows, rng)[0] for _ in range(count)]
    covariances, means = np.array([g.covariance for g in found]), np.array([g.mean for g in found])
    error = covariances.std(axis=0) / count**0.5
    assert (np.abs(covariances.mean(axis=0) - expected) < 5 * error).all()
    spread = np.cov(means.T)
    np.testing.assert_allclose(means.mean(axis=0), rows.mean(axis=0), atol=5 * (spread.max() / count) ** 0.5)
    np.testing.assert_allclose(spread, expected / 12, atol=0.05 * expected.max() / 12)


def test_the_evidence_of_shrinkage_is_that_of_one_row_after_the_other(rng):
    rows = rng.standard_normal((7, 3)) @ rng.standard_normal((3, 3))
    # contrasts without the mean: independent rows of mean zero with the same covariance
    basis = np.linalg.svd(np.eye(7) - 1 / 7)[0][:, :6]
    contrasts, excesses = basis.T @ rows, np.array([0.4, 3.0, 40.0])
    expected = []
    for e in excesses:
        degrees, scale, total = 3 + 1 + e, e * np.eye(3), 0.0
        for row in contrasts:
            t = degrees - 3 + 1
            total += multivariate_t.logpdf(row, np.zeros(3), scale / t, df=t)
            degrees, scale = degrees + 1, scale + np.outer(row, row)
        expected.append(total)
    found = Excesses.of(excesses, 7, 3).log_evidence(contrasts.T @ contrasts)
    np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=1e-10)


def test_shrinkage_follows_the_data(rng):
    alone = rng.standard_normal((30, 6))
    together = rng.standard_normal((30, 1)) + 0.05 * rng.standard_normal((30, 6))
    medians = [np.median([draw_gaussian(rows, rng)[1] for _ in range(50)]) for rows in (alone, together)]
    assert medians[0] > 20
    assert medians[1] < 2


# ---------------------------------------------------------------- rows


@pytest.mark.parametrize("count", [1200, pytest.param(4000, marks=pytest.mark.slow)])
def test_rows_are_drawn_given_the_others(count, table, rng):
    cells = TableCells.of(ll.Observations.from_array(table))
    mean, root = rng.standard_normal(5), rng.standard_normal((5, 5))
    objective = GaussianRows(cells)
    start = objective.first_draw(np.zeros(objective.size), 7, rng)
    precision = np.linalg.inv(root @ root.T)
    state = replace(start, mean=mean, covariance=root @ root.T, precision=precision)
    means = objective._lines(state, None)
    draws = np.array([objective._lines(state, Noise(7, k)) for k in range(count)])
    for i in (0, 3, 4, 9):
        gaps = np.isnan(table[i])
        expected, left = given(table[i], mean, root @ root.T)
        np.testing.assert_allclose(means[i, gaps], expected, rtol=1e-8)
        np.testing.assert_array_equal(means[i, ~gaps], table[i, ~gaps])
        own = draws[:, i, gaps]
        scale = np.sqrt(np.diag(left))
        assert (np.abs(own.mean(axis=0) - expected) < 5 * scale / count**0.5).all()
        np.testing.assert_allclose(np.cov(own.T), left, atol=0.12 * scale.max() ** 2)


def test_noise_leaves_a_covariance(rng):
    for _ in range(20):
        root = rng.standard_normal((6, 6)) * rng.lognormal(0, 2, 6)
        gaussian = FullGaussian.of(np.zeros(6), root @ root.T)
        noise = _noise_of(gaussian)
        assert (noise > 0).all()
        assert np.linalg.eigvalsh(gaussian.covariance - np.diag(noise))[0] > 0
        # a tenth more than the largest would not
        with pytest.raises(np.linalg.LinAlgError):
            np.linalg.cholesky(gaussian.covariance - 1.2 * np.diag(noise))


# ---------------------------------------------------------------- the fit


def test_new_rows_get_conditional_means_whatever_is_called_noise(fitted, table):
    model = fitted._completed.model
    covariance = np.linalg.inv(model.row_prior.precision) + np.diag(1 / model.column_precisions)
    scaled = (table - model.scaling.centres) / model.scaling.spreads
    row = np.array([[0.3, np.nan, np.nan, -1.0, 0.2]])
    expected, left = given(row[0], model.row_prior.coefficients[0], covariance)
    whole = row * model.scaling.spreads + model.scaling.centres
    found = (fitted.transform(whole) - model.scaling.centres) / model.scaling.spreads
    np.testing.assert_allclose(found[0, [1, 2]], expected, rtol=1e-6)
    moments = model.fold_in(ll.Observations.from_array(whole))
    own = moments.covariances[0][[2, 5]]  # (1, 1) and (2, 2) of a lower triangle
    np.testing.assert_allclose(own + 1 / model.column_precisions[[1, 2]], np.diag(left), rtol=1e-6)
    assert np.isnan(scaled).any()


@pytest.mark.parametrize("tables", [4, pytest.param(8, marks=pytest.mark.slow)])
def test_the_fit_predicts_and_covers(tables, rng):
    errors, others, inside = [], [], []
    for _ in range(tables):
        full = rng.standard_normal((24, 2)) @ rng.standard_normal((2, 6))
        full = full / full.std(axis=0) + 0.1 * rng.standard_normal((24, 6))
        gaps = rng.random(full.shape) < 0.12
        seen = np.where(gaps, np.nan, full)
        model = ll.MatrixCompletion(**UNREFINED, max_iter=60).fit(seen)
        assert model.method_ == "gaussian"
        factors = ll.MatrixCompletion(method="variational", **UNREFINED).fit(seen)
        for fit, own in ((model, errors), (factors, others)):
            own.append(np.sqrt(np.mean((fit.predict_table() - full)[gaps] ** 2)))
        low, high = model.predict_interval(*np.nonzero(gaps), 0.9)
        inside += ((low <= full[gaps]) & (full[gaps] <= high)).tolist()
    assert np.median(errors) < min(0.2, 1.1 * np.median(others))
    assert 0.85 < np.mean(inside) < 0.98


def test_useless_columns_do_little(rng, table):
    table = table[~np.isnan(table).all(axis=1)]
    gaps = rng.random(table.shape) < 0.1
    seen = np.where(gaps, np.nan, table)
    scale = np.nanstd(table, axis=0)

    def error(*more):
        fit = ll.MatrixCompletion(**{**SMALL, "n_draws": 30}).fit(np.column_stack([seen, *more]))
        return np.sqrt(np.nanmean(((fit.predict_table()[:, :5] - table) / scale)[gaps] ** 2))

    plain = error()
    for more in (np.full(len(seen), 3.0), seen[:, 0], rng.standard_normal(len(seen))):
        assert error(more) < 1.15 * plain


def test_where_the_default_is_gaussian(rng):
    def method(shape, density=0.8, unseen=0, **settings):
        full = rng.standard_normal(shape)
        full[rng.random(shape) > density] = np.nan
        full[:unseen, 1] = np.nan
        summary = TableSummary.of(TableCells.of(ll.Observations.from_array(full)))
        return BayesianSettings(full=None, **settings).resolve(summary).full

    assert method((40, 6))
    assert method((30, 25))
    assert method((25, 30)), "more columns than rows"
    assert method((12, 6)), "ten cells per column"
    assert not method((15, 80)), "far more columns than rows"
    assert method((60, 45))
    assert not method((150, 110)), "many columns"
    assert not method((4, 6)), "few cells per column"
    assert not method((200, 30), 0.1), "few cells"
    assert not method((90_000, 10)), "much work"
    assert not method((40, 6), pattern=True)
    assert not method((100, 6), unseen=70), "a column of which little is seen"


def test_the_plan_leaves_it_open_only_without_settings_of_factors(table, quick_starts):
    rows = table[~np.isnan(table).all(axis=1)]
    table, brief = np.vstack([rows, rows + 0.1]), {**UNREFINED, "max_iter": 10}
    for settings in (
        {"rank": 2},
        {"biases": False},
        {"noise": "common"},
        {"tol": 0.1},
        {"scale": "column"},
    ):
        fit = ll.MatrixCompletion(**brief, **settings).fit(table)
        assert fit.method_ == "variational", settings
    fit = ll.MatrixCompletion(**brief).fit(table, sample_weight=np.linspace(1, 2, len(table)))
    assert fit.method_ == "variational"
    about = np.arange(len(table), dtype=float)[:, None]
    fit = ll.MatrixCompletion(**brief).fit(table, row_covariates=about)
    assert fit.method_ == "variational"
    assert ll.MatrixCompletion(**brief).fit(table).method_ == "gaussian"


def test_refusals(table):
    for name, value in (
        ("rank", 2),
        ("biases", False),
        ("pattern", True),
        ("noise", "common"),
        ("tol", 1.0),
    ):
        with pytest.raises(InvalidInputError, match=f'{name} is not used by method "gaussian"'):
            ll.MatrixCompletion(method="gaussian", **{name: value}).fit(table)
    with pytest.raises(UnsupportedError, match="neither weights nor covariates"):
        ll.MatrixCompletion(**SMALL).fit(table, sample_weight=np.linspace(1, 2, len(table)))
    with pytest.raises(InvalidInputError, match="burn_in"):
        Augmentation(-1)


@pytest.mark.parametrize(
    ("rows", "tables"),
    [(5, 2), (8, 2), *(pytest.param(rows, 4, marks=pytest.mark.slow) for rows in (5, 8, 12))],
)
def test_short_tables_of_several_units(rows, tables):
    """Few cells say what the unit of a column is: fits in a common unit were off by tens of its spreads."""
    errors, chosen = {"auto": [], "variational": [], "means": []}, set()
    for seed in range(tables):
        rng = np.random.default_rng(seed)
        full = rng.standard_normal((rows, 2)) @ rng.standard_normal((2, 20))
        full = (full + 0.3 * rng.standard_normal(full.shape)) * np.geomspace(1e-3, 1e3, 20) + 5
        gaps = rng.random(full.shape) < 0.3
        gaps[:3, (~gaps).sum(axis=0) < 3] = False
        holes = np.where(gaps, np.nan, full)
        for method, own in errors.items():
            if method == "means":
                found = np.broadcast_to(np.nanmean(holes, axis=0), full.shape)
            else:
                model = ll.MatrixCompletion(method=method, max_iter=60, **UNREFINED).fit(holes)
                found = model.predict_table()
                chosen.add(model.method_)
            own.append((((found - full) / full.std(axis=0))[gaps] ** 2).mean())
    least = {name: np.sqrt(np.mean(own)) for name, own in errors.items()}
    assert rows == 5 or "gaussian" in chosen
    assert least["auto"] < least["means"]
    assert max(least.values()) < 2


def test_bits_do_not_depend_on_threads(table, fitted):
    with limited_to(1):
        one = ll.MatrixCompletion(**SMALL).fit(table)
    np.testing.assert_array_equal(one.predict_table(), fitted.predict_table())
    assert one.search_.iterations == 40 + 4 * 10, "four sweeps for each of ten draws of a small table"


def test_single_precision_agrees(table, fitted):
    single = ll.MatrixCompletion(**SMALL, dtype="float32").fit(table)
    scale = np.nanstd(table, axis=0)
    error = (single.predict_table() - fitted.predict_table()) / scale
    assert np.abs(error).max() < 0.02


def test_a_saved_model_goes_on(table, fitted, tmp_path):
    fitted.save(tmp_path / "model.npz")
    again = ll.MatrixCompletion.load(tmp_path / "model.npz")
    assert again.method_ == "gaussian"
    np.testing.assert_array_equal(again.predict_table(), fitted.predict_table())
    cells = np.nonzero(np.isnan(table))
    for level in (0.5, 0.9):
        expected, found = (fit.predict_interval(*cells, level) for fit in (fitted, again))
        np.testing.assert_array_equal(found, expected)
    kinds = [fit.completions(2, random_state=1) for fit in (fitted, again)]
    np.testing.assert_array_equal(kinds[0], kinds[1])
    assert np.isfinite(kinds[0]).all()
    np.testing.assert_array_equal(kinds[0][0][~np.isnan(table)], table[~np.isnan(table)])
    assert kinds[0][0][4].tolist() != kinds[0][1][4].tolist()


def test_updates_fit_the_table_again(table):
    grown = np.copy(table)
    grown[3, 1] = 25.0
    found = []
    for refit in ("auto", False):
        fit = ll.MatrixCompletion(**SMALL).fit(table)
        fit.update([3], [1], [25.0], refit=refit)
        found.append(fit.predict_table())
        assert fit.method_ == "gaussian"
        np.testing.assert_array_equal(fit.completions(1, random_state=0)[0][3, 1], 25.0)
    np.testing.assert_array_equal(*found)
    expected = ll.MatrixCompletion(**{**SMALL, "n_draws": 20}).fit(grown).predict_table()
    spread = np.nanstd(grown, axis=0)
    assert np.median(np.abs(found[0] - expected) / spread) < 0.05


def test_completions_share_their_doubt_between_rows(rng):
    """Means of a column of the completed tables vary as its mean does, not as those of independent cells."""
    full = rng.standard_normal((120, 1)) + 0.5 * rng.standard_normal((120, 3))
    full[12:, 2] = np.nan
    fit = ll.MatrixCompletion(**{**SMALL, "n_draws": 50}).fit(full)
    tables = fit.completions(25, random_state=0)
    np.testing.assert_array_equal(tables[:, ~np.isnan(full)], np.tile(full[~np.isnan(full)], (25, 1)))
    cells = tables[:, 12:, 2]
    alone = np.sqrt(np.mean(cells.var(axis=0)) / cells.shape[1])
    assert cells.mean(axis=1).std() > 1.5 * alone


@pytest.mark.parametrize("ordered", [False, True])
def test_a_broken_search_goes_on_with_the_same_bits(table, ordered):
    standard = (table - np.nanmean(table, axis=0)) / np.nanstd(table, axis=0)
    targets = [None, *along_columns([[float(j)] for j in range(table.shape[1])])][: None if ordered else 1]
    cells = TableCells.of(ll.Observations.from_array(standard))
    objective, saved = GaussianRows(cells, targets=targets), []

    def search(stop, resume=None, checkpoint=None):
        rng = np.random.default_rng(5)
        start = np.zeros(objective.size)
        return run(
            objective,
            Augmentation(3),
            start,
            stop=Iterations(stop),
            rng=rng,
            resume=resume,
            checkpoint=checkpoint,
        )

    whole = search(12)
    search(7, checkpoint=saved.append)
    rest = search(12, resume=saved[-1])
    assert whole.state.kept == rest.state.kept == 9
    for name in ("means", "squares", "covariance_sum", "theta", "target"):
        np.testing.assert_array_equal(getattr(rest.state, name), getattr(whole.state, name))


def test_certificates_speak_of_the_penalised_problem(table):
    fit = ll.MatrixCompletion(**{**SMALL, "certify": "companion"}).fit(table)
    assert {finding.claim for finding in fit.certificate_} >= {"globally_optimal", "determined_by_data"}
    words = fit._completed.table.describe_certificate()
    assert "penalised (MAP) problem of rank 2" in words
    assert "one Gaussian of any covariance" in fit._completed.table.describe_method()
    assert fit._completed.table.describe_search() == [
        f"10 draws kept after 80 sweeps in {fit.search_.seconds:.2g} s"
    ]


def test_few_sweeps_are_shared(table):
    fit = ll.MatrixCompletion(**{**SMALL, "max_iter": 6}).fit(table)
    assert fit.search_.iterations == 6
    assert fit.search_.state.kept == 3


def test_factors_say_which_columns_are_alike(rng):
    common = rng.standard_normal((60, 2))
    full = np.column_stack([common[:, 0], common[:, 1], common[:, 0], common[:, 1]])
    full += 0.1 * rng.standard_normal(full.shape)
    full[rng.random(full.shape) < 0.1] = np.nan
    fit = ll.MatrixCompletion(**SMALL).fit(full)
    for column in range(4):
        assert fit.similar(column)[0][0] == (column + 2) % 4
    product = fit.row_factors_ @ fit.column_factors_.T + fit.row_biases_[:, None] + fit.column_biases_
    np.testing.assert_allclose(product, fit.predict_table(), atol=1e-10)


def test_one_column_and_more_columns_than_rows(rng):
    for shape in ((30, 2), (6, 9)):
        full = rng.standard_normal(shape)
        full[0, 0] = np.nan
        fit = ll.MatrixCompletion(**SMALL).fit(full)
        assert np.isfinite(fit.predict_table()).all()
        assert np.isfinite(fit.completions(2, random_state=0)).all()


def test_exact_relations_are_found(rng):
    a, b = rng.normal(50, 10, (2, 60))
    full = np.column_stack([a, b, a + b, 2 * a])
    gaps = rng.random(full.shape) < 0.1
    gaps[gaps.sum(axis=1) > 1] = False  # what remains is determined
    fit = ll.MatrixCompletion(**UNREFINED).fit(np.where(gaps, np.nan, full))
    assert fit.method_ == "gaussian"
    assert np.abs(fit.predict_table() - full)[gaps].max() < 1e-3
    low, high = fit.predict_interval(*np.nonzero(gaps), 0.9)
    assert np.median(high - low) < 0.01


@pytest.mark.slow
def test_constant_columns_stay_constant_beside_large_ones(rng):
    full = np.column_stack([rng.lognormal(11, 1, 60), rng.normal(40, 10, 60), np.full(60, 7.0), np.zeros(60)])
    full[rng.random(full.shape) < 0.15] = np.nan
    for method in ("gaussian", "variational"):
        fit = ll.MatrixCompletion(random_state=0, certify=False, method=method).fit(full)
        np.testing.assert_allclose(fit.predict_table()[:, 2], 7.0, atol=0.01)
        np.testing.assert_allclose(fit.predict_table()[:, 3], 0.0, atol=0.01)


def test_more_columns_than_rows_can_be_fitted_again(rng):
    full = rng.standard_normal((6, 9))
    full[0, 0] = np.nan
    fit = ll.MatrixCompletion(**SMALL).fit(full)
    fit.update([0], [0], [1.0])
    assert fit.method_ == "gaussian"
    assert fit.held_out_errors() is not None


def test_the_number_of_sweeps_leaves_the_method_open(table):
    rows = table[~np.isnan(table).all(axis=1)]
    fit = ll.MatrixCompletion(random_state=0, certify=False, max_iter=60).fit(np.vstack([rows, rows + 0.1]))
    assert fit.method_ == "gaussian"
    assert fit.search_.iterations == 60
    with pytest.raises(InvalidInputError, match='choose method="gibbs" or "gaussian"'):
        ll.MatrixCompletion(n_draws=50).fit(rows)


def test_many_draws_converge_to_the_intervals(table, fitted):
    cells = np.nonzero(np.isnan(table))
    draws = fitted.sample(*cells, 4000, random_state=0)
    model = fitted._completed.model
    errors = model.standard_errors(*cells)
    np.testing.assert_allclose(draws.std(axis=0), errors, rtol=0.1)
    assert (np.abs(draws.mean(axis=0) - fitted.predict_cells(*cells)) < 0.1 * errors).all()


@pytest.mark.usefixtures("plain_kernels")
def test_the_prior_of_many_columns_is_what_factors_say(rng):
    """As good as factors where they are right, and better where there is more than they can say."""
    low = rng.standard_normal((80, 2)) @ rng.standard_normal((2, 40)) + 0.5 * rng.standard_normal((80, 40))
    blocks = np.repeat(rng.standard_normal((120, 15)), 2, axis=1) + 0.3 * rng.standard_normal((120, 30))
    ratios = []
    for full in (low, blocks):
        gaps = rng.random(full.shape) < 0.2
        errors = []
        for settings in ({"max_iter": 50}, {"method": "variational"}):
            fit = ll.MatrixCompletion(**settings, **UNREFINED)
            found = fit.fit(np.where(gaps, np.nan, full)).predict_table()
            errors.append(np.sqrt(np.mean((found - full)[gaps] ** 2)))
        ratios.append(errors[0] / errors[1])
    assert ratios[0] < 1.03
    assert ratios[1] < 1


def test_a_target_is_the_mean_of_the_prior(rng, monkeypatch):
    """With a prior worth many rows, draws of the covariance are near its mean, whatever the rows."""
    monkeypatch.setattr(full_gaussian, "STEPS", 1)
    monkeypatch.setattr(full_gaussian, "LEAST_EXCESS", 1e6)
    target = np.array([[4.0, 1.0], [1.0, 0.5]])
    found = draw_gaussian(rng.standard_normal((20, 2)), rng, np.linalg.cholesky(target))[0]
    np.testing.assert_allclose(found.covariance, target, rtol=0.01)
    np.testing.assert_allclose(found.covariance @ found.precision, np.eye(2), atol=1e-9)


def test_the_covariance_of_factors_is_that_of_new_rows(rng):
    """Rows drawn from a fitted factor model have the covariance that is said."""
    full = rng.standard_normal((300, 3)) @ rng.standard_normal((3, 6)) + rng.standard_normal((300, 6))
    standard = (full - full.mean(axis=0)) / full.std(axis=0)
    settings = BayesianSettings(rank=3, pattern=False, noise="column", scale="common")
    cells = TableCells.of(ll.Observations.from_array(standard))
    fit = fit_cells(cells, TableLabels((300, 6)), settings, rng=rng)
    found = factor_covariance(fit.objective, fit.search.state)
    np.testing.assert_allclose(found, np.cov(standard.T), atol=0.15)


@pytest.mark.parametrize(
    ("dtype", "most"), [("float64", 1e-4), pytest.param("float32", 0.02, marks=pytest.mark.slow)]
)
def test_tables_of_exactly_low_rank(dtype, most, rng):
    full = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 20))
    seen = np.where(rng.random(full.shape) < 0.7, full, np.nan)
    fit = ll.MatrixCompletion(dtype=dtype, max_iter=200, **UNREFINED).fit(seen)
    assert fit.method_ == "gaussian"
    assert fit.search_.stop_reason.value == "iteration_limit"
    assert np.median(np.abs(fit.predict_table() - full)) < most


def test_files_hold_draws_of_rows_alone(fitted, tmp_path):
    fitted.save(tmp_path / "model.npz")
    header, arrays = load_bundle(tmp_path / "model.npz", "model")
    assert arrays["column_draws"].shape[0] == 0 < arrays["row_draws"].shape[0]
    header["model"]["axes"] = False
    save_bundle(tmp_path / "damaged.npz", "model", header, arrays)
    with pytest.raises(FileFormatError, match="draws of its rows have no columns"):
        ll.MatrixCompletion.load(tmp_path / "damaged.npz")


@pytest.mark.parametrize("scales", [None, RowScales(3.0, 0.8, 1.1)], ids=["alike", "of a size"])
def test_hidden_cells_are_predicted_from_the_others_of_their_row(rng, scales):
    holes = np.where(rng.random((30, 4)) < 0.2, np.nan, rng.standard_normal((30, 4)))
    covariance, mean = np.cov(rng.standard_normal((4, 20))), rng.standard_normal(4)
    masks = rng.random((7, 4)) < 0.4
    block = TableCells.of(ll.Observations.from_array(holes)).sides[0].block
    (found,) = hidden_scores(block, covariance, mean, masks, scales, 1)
    expected = []
    for k, row in enumerate(holes):
        known = ~np.isnan(row)
        gone, others = np.flatnonzero(known & masks[k % 7]), np.flatnonzero(known & ~masks[k % 7])
        if not gone.size or not others.size:
            continue
        inner = np.linalg.inv(covariance[np.ix_(others, others)])
        away = row[others] - mean[others]
        factor = 1.0
        if scales is not None:
            factor = 1.1 * (0.8 * 3.0 + away @ inner @ away) / (3.0 + others.size)
        for j in gone:
            along = covariance[j, others] @ inner
            error = row[j] - mean[j] - along @ away
            variance = factor * (covariance[j, j] - along @ covariance[others, j])
            expected.append(abs(error) / np.sqrt(variance))
    assert len(expected) > 10
    np.testing.assert_allclose(found, expected)
    (some,) = hidden_scores(block, covariance, mean, masks, scales, 7)
    assert 0 < some.size < found.size


def of_different_sizes(seed):
    rng = np.random.default_rng(seed)
    sizes = np.exp(0.9 * rng.standard_normal((400, 1)))
    full = sizes * (
        rng.standard_normal((400, 2)) @ rng.standard_normal((2, 6)) + rng.standard_normal((400, 6))
    )
    return full, np.where(rng.random(full.shape) < 0.2, np.nan, full)


def test_intervals_are_as_wide_as_rows_are_large():
    """Rows of very different sizes: intervals that are all alike hold their share, but are too wide."""
    held, costs = {0.5: [], 0.9: []}, []
    for seed in range(3):
        full, holes = of_different_sizes(seed)
        fit = ll.MatrixCompletion(max_iter=60, **UNREFINED).fit(holes)
        at = np.nonzero(np.isnan(holes))
        errors = np.abs(fit.predict_cells(*at) - full[at])
        for level, inside in held.items():
            low, high = fit.predict_interval(*at, level)
            inside.append((low <= full[at]) & (full[at] <= high))
        # interval scores, beside widths that are the same in all rows
        reaches = np.stack([(high - low) / 2, np.full(errors.size, np.quantile(errors, 0.9))])
        costs.append(np.mean(2 * reaches + 20 * np.maximum(errors - reaches, 0), axis=1))
    for level, inside in held.items():
        assert abs(np.concatenate(inside).mean() - level) < 0.03
    own, alike = np.mean(costs, axis=0)
    assert own < 0.9 * alike


def test_rows_given_later_have_the_sizes_of_the_fit(tmp_path):
    _, holes = of_different_sizes(0)
    fit = ll.MatrixCompletion(max_iter=60, **UNREFINED).fit(holes)
    model = fit._completed.model
    assert model.row_scales is not None
    again = model.of_rows(ll.Observations.from_array(holes))
    np.testing.assert_allclose(again.row_weights, model.row_weights, rtol=1e-5)
    assert np.ptp(np.log(again.row_weights)) > 2
    fit.save(tmp_path / "model.npz")
    assert ll.MatrixCompletion.load(tmp_path / "model.npz")._completed.model.row_scales == model.row_scales


def test_scores_are_saved(rng, tmp_path):
    fit = ll.MatrixCompletion(max_iter=60, **UNREFINED)
    fit.fit(np.where(rng.random((150, 4)) < 0.1, np.nan, rng.standard_normal((150, 4))))
    assert fit._completed.model.error_scores.size > 100
    fit.save(tmp_path / "model.npz")
    read = ll.MatrixCompletion.load(tmp_path / "model.npz")
    for one, other in zip(*(own.predict_interval([3, 5], [0, 2], 0.5) for own in (fit, read)), strict=True):
        np.testing.assert_array_equal(one, other)
    few = ll.MatrixCompletion(max_iter=60, **UNREFINED).fit(rng.standard_normal((40, 4)))
    assert few._completed.model.error_scores.size == 0


def test_columns_of_few_cells_keep_their_unit(rng):
    """One sparse column sends a table to factors; a common unit predicted thousands where 1 was known."""
    holes = rng.standard_normal((12, 6)) * [1, 1e5, 1e5, 1e5, 1e5, 1e5]
    holes[2:, 0], holes[:2, 0] = np.nan, [1.0, 1.2]
    found = ll.MatrixCompletion(max_iter=60, **UNREFINED).fit(holes).predict_table()[:, 0]
    assert np.abs(found - 1.1).max() < 5
    holes = rng.standard_normal((20, 5)) * np.geomspace(1, 1e5, 5)
    holes[1:, 0], holes[0, 0] = np.nan, 3.0
    found = ll.MatrixCompletion(max_iter=60, **UNREFINED).fit(holes).predict_table()[:, 0]
    assert np.abs(found - 3.0).max() < 15
    holes = rng.standard_normal((8, 3)) * [1, 1, 1e4]
    holes[:6, 0], holes[6:, 0], holes[2:, 1] = 7.0, np.nan, np.nan
    found = ll.MatrixCompletion(max_iter=60, **UNREFINED).fit(holes).predict_table()[:, 0]
    assert np.abs(found - 7.0).max() < 1
