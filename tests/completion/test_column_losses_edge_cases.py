"""What once went wrong with losses by column, so that it does not again."""

import mpmath
import numpy as np
import pandas as pd
import polars as pl
import pytest

import lowland as ll
from cases import judgement
from lowland.certificates.gaps.dual import dual_bound
from lowland.completion.columns.losses import Columns
from lowland.completion.penalised.fit import completion_objective
from lowland.completion.penalised.settings import CompletionSettings
from lowland.completion.tables.conformal import Conformal
from lowland.completion.tables.trial import Trial
from lowland.core.errors import InvalidInputError
from lowland.core.results.status import Verdict
from lowland.judges import certify
from lowland.losses import Clipped, LogPoisson, Mixed, Ordinal, Squared

QUICK = {"certify": False, "random_state": 0}


@pytest.fixture
def one_round(monkeypatch):
    """Learn the noise and the thresholds from one fit, where it is not how good they are that is tested."""
    monkeypatch.setattr("lowland.completion.penalised.rank_path.ROUNDS", 1)


def factors_of(objective, left, right):
    m, n = objective.shape
    return objective.model.pack(left, right, np.zeros(m), np.zeros(n), 0.0)


def test_levels_that_are_reproduced_as_numbers_are_no_exact_fit(rng):
    table = (np.outer(np.sign(rng.standard_normal(8)), np.sign(rng.standard_normal(6))) > 0) * 1.0
    seen = ll.Observations.from_array(table)
    columns = Columns.of(seen, "logistic")
    objective = completion_objective(
        seen, CompletionSettings(rank=2, biases=False, penalty=1e-30, columns=columns)
    )
    u, s, v = np.linalg.svd(table)
    theta = factors_of(objective, u[:, :2] * np.sqrt(s[:2]), v[:2].T * np.sqrt(s[:2]))
    certificate = certify(objective, theta)
    assert objective.value(50 * theta) < 0.9 * objective.value(theta)
    for claim in ("globally_optimal", "convex_optimal"):
        assert certificate[claim].verdict is not Verdict.PROVED


@pytest.mark.parametrize("points", [5, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("count", [20.0, 2e4, 953779.0, 1e9, 1e12])
def test_bounds_hold_where_large_counts_cancel(count, points, rng):
    seen = ll.Observations.from_array(np.full((6, 5), count))
    for _ in range(points):
        penalty, size = 10 ** rng.uniform(-6, 1), 10 ** rng.uniform(-10, -3)
        settings = CompletionSettings(
            rank=1, biases=False, penalty=penalty, columns=Columns.of(seen, "poisson")
        )
        objective = completion_objective(seen, settings)
        theta = factors_of(objective, np.full((6, 1), size**0.5), np.full((5, 1), -(size**0.5)))
        found = dual_bound(objective, theta, np.inf, judgement())
        nothing = objective.value(0 * theta)
        assert found.value <= nothing * (1 + 1e-12)
        if objective.value(theta) > 1.02 * nothing:
            assert certify(objective, theta)["globally_optimal"].verdict is not Verdict.PROVED


def conjugate_in_fifty_digits(loss, s, y):
    s, y = mpmath.mpf(s), mpmath.mpf(y)
    if isinstance(loss, LogPoisson):
        total = [x * mpmath.log(x) if x > 0 else mpmath.mpf(0) for x in (s + y, y)]
        return total[0] - s - total[1]
    if isinstance(loss, Clipped):
        return s * y + mpmath.mpf(loss.width) * s**2 / 2
    c, last, level = [mpmath.mpf(x) for x in loss.thresholds], len(loss.thresholds), int(y)
    if level in (0, last):
        t = s if level == 0 else -s
        entropy = sum(x * mpmath.log(x) if x > 0 else mpmath.mpf(0) for x in (t, 1 - t))
        return s * c[0 if level == 0 else -1] + entropy
    low, high = c[level - 1], c[level]
    middle, cosh = (low + high) / 2, mpmath.cosh((high - low) / 2)
    q = (s * cosh + mpmath.sqrt((s * cosh) ** 2 + 1 - s**2)) / (1 - s)
    z = middle + mpmath.log(q)
    constant = -mpmath.log1p(-mpmath.exp(low - high))
    return s * z - mpmath.log1p(mpmath.exp(z - high)) - mpmath.log1p(mpmath.exp(low - z)) - constant


@pytest.mark.parametrize(
    "loss", [LogPoisson(), Ordinal((-40.0, -1.0, 0.5, 0.5001, 30.0)), Ordinal(), Clipped.huber(1e-3)], ids=str
)
def test_what_is_charged_covers_the_rounding_of_conjugates(loss, rng):
    size = 300
    if isinstance(loss, LogPoisson):
        y = np.r_[np.round(10 ** rng.uniform(0, 15, size - 40)), np.zeros(40)]
        tiny = 10 ** rng.uniform(-12, -0.01, size)
        s = np.where(y > 0, y * rng.choice([-1, 1], size) * tiny, rng.uniform(0, 5, size))
    elif isinstance(loss, Clipped):
        y, s = rng.standard_normal(size) * 1e6, rng.uniform(-1e-3, 1e-3, size)
    else:
        last = len(loss.thresholds)
        y = rng.integers(0, last + 1, size).astype(float)
        low, high = np.where(y == 0, 0, -1.0), np.where(y == last, 0, 1.0)
        s = np.clip(rng.uniform(low, high) * rng.choice([1, 1e-9, 1 - 1e-12], size), low, high)
    found, charged = loss.conjugate(s, y), 32 * np.finfo(float).eps / 2 * loss.conjugate_size(s, y)
    with mpmath.workdps(50):
        exact = [conjugate_in_fifty_digits(loss, a, b) for a, b in zip(s, y, strict=True)]
        errors = np.array([float(abs(mpmath.mpf(a) - b)) for a, b in zip(found, exact, strict=True)])
    assert (errors <= charged).all()


def test_sizes_of_mixed_losses_count_their_shifts(rng):
    loss = Mixed((Squared(), LogPoisson()), np.array([0, 1]), np.array([1e6, 0.0]))
    s, y = np.array([2.0, 1.0]), np.array([1.0, 3.0])
    assert loss.conjugate_size(s, y)[0] >= 2e6


def test_a_zero_matrix_is_judged():
    model = ll.MatrixCompletion(
        loss="poisson", rank=1, penalty=0.009, noise="common", biases=False, max_iter=1, random_state=48
    ).fit(np.full((6, 5), 51748660.0))
    assert model.certificate_ is not None


@pytest.mark.parametrize(
    ("loss", "penalty"),
    [
        ("huber", "auto"),
        pytest.param("absolute", "auto", marks=pytest.mark.slow),
        ({0: "huber"}, 1.0),
        ("quantile:0.3", 1.0),
        pytest.param("quantile:0.3", "auto", marks=pytest.mark.slow),
        ("poisson", "auto"),
    ],
)
def test_a_column_without_cells_lies_at_the_tables_level(loss, penalty, rng, one_round):
    table = np.round(1000 + 3 * rng.standard_normal((30, 6)))
    table[:, 2] = np.nan
    model = ll.MatrixCompletion(loss=loss, rank=1, penalty=penalty, **QUICK).fit(table)
    assert np.abs(model.transform(table)[:, 2] - 1000).max() < 20


def test_levels_without_any_number_keep_their_unit(rng, one_round):
    table = (rng.standard_normal((30, 6)) > 0) * 1.0
    table[:, 0] = np.nan
    losses = {j: "logistic" for j in range(1, 6)}
    model = ll.MatrixCompletion(loss=losses, scale="common", rank=1, penalty=2.0, **QUICK).fit(table)
    assert np.isfinite(model.transform(table)).all()


def spoilt(rng):
    z = rng.standard_normal((45, 2)) @ rng.standard_normal((2, 6))
    table, good = z + 0.05 * rng.standard_normal(z.shape), np.arange(45) % 3 != 0
    table[~good] = 1e4 * rng.standard_normal(table[~good].shape)
    table[rng.random(table.shape) < 0.2] = np.nan
    return z, table, good


@pytest.mark.parametrize("loss", ["huber", {0: "huber"}, pytest.param("absolute", marks=pytest.mark.slow)])
def test_tiny_weights_are_like_none(loss, rng, one_round):
    z, table, good = spoilt(rng)
    errors = []
    for weight in (0.0, 1e-12):
        model = ll.MatrixCompletion(rank=2, loss=loss, penalty=0.1, max_iter=100, **QUICK)
        model.fit(table, sample_weight=np.where(good, 1.0, weight))
        errors.append(np.sqrt(np.mean((model.predict_table() - z)[good] ** 2)))
    assert errors[1] < 1.5 * errors[0] + 0.05


def test_noise_may_be_small_beside_the_spread(rng):
    truth = 100 * rng.standard_normal((100, 2)) @ rng.standard_normal((2, 30))
    table = truth + rng.standard_normal(truth.shape)
    wild = rng.random(truth.shape) < 0.03
    table[wild] += 5000
    table[rng.random(truth.shape) < 0.2] = np.nan
    model = ll.MatrixCompletion(rank=2, loss="huber", **QUICK).fit(table)
    assert np.sqrt(np.mean((model.predict_table() - truth) ** 2)) < 2


def test_single_precision_survives_a_file(rng, tmp_path, one_round):
    table = np.digitize(rng.standard_normal((30, 6)), [-1, 0, 1]) * 0.1
    model = ll.MatrixCompletion(loss="ordinal", dtype="float32", rank=1, penalty=2.0, **QUICK).fit(table)
    model.save(tmp_path / "m.npz")
    loaded = ll.MatrixCompletion.load(tmp_path / "m.npz")
    assert loaded.dtype == "float32"
    np.testing.assert_array_equal(loaded.transform(table), model.transform(table))


# ---------------------------------------------------------------------------- frames


def numbers_and_yes(rng, m=40):
    z = rng.standard_normal((m, 1)) @ np.ones((1, 5))
    frame = pd.DataFrame(z, columns=list("abcde"))
    frame["a"] = pd.array(z[:, 0] > 0, dtype="boolean")
    frame.loc[0, list("bcde")], frame.loc[1, list("bcde")] = 9.0, -9.0
    frame.loc[[0, 1], "a"] = pd.NA
    return frame


@pytest.mark.parametrize(
    "loss", [{"a": "squared", "b": "huber"}, pytest.param({"a": "poisson"}, marks=pytest.mark.slow)]
)
def test_yes_and_no_by_another_loss_stay_yes_and_no(loss, rng, one_round):
    frame = numbers_and_yes(rng)
    filled = ll.MatrixCompletion(loss=loss, rank=1, penalty=0.1, **QUICK).fit(frame).fill(frame)
    assert filled["a"].dtype == "boolean"
    if loss["a"] == "squared":
        assert filled["a"][:2].tolist() == [True, False]


def test_a_posterior_takes_yes_and_no_for_numbers(rng):
    frame = numbers_and_yes(rng)
    model = ll.MatrixCompletion(method="variational", refine=False, max_iter=40, **QUICK).fit(frame)
    assert model.method_ == "variational"
    assert model.fill(frame)["a"][:2].tolist() == [True, False]


@pytest.mark.parametrize(
    ("rank", "dtype"),
    [
        (1, "float32"),
        (2, "float64"),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((1, "float64"), (2, "float32"))),
    ],
)
def test_columns_that_are_copies_leave_digits_to_the_others(dtype, rank, rng):
    frame = numbers_and_yes(rng).astype(float)
    model = ll.MatrixCompletion(rank=rank, dtype=dtype, refine=False, **QUICK).fit(frame)
    others = np.polyfit(frame["b"][2:], frame["a"][2:], 1)
    expected = np.polyval(others, [9.0, -9.0])
    np.testing.assert_allclose(model.predict_cells(frame.index[:2], ["a", "a"]), expected, rtol=0.25)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_single_precision_frames_are_filled_in_kind(library, rng):
    frame = pd.DataFrame((rng.standard_normal((30, 6))).astype("f4"), columns=list("abcdef"))
    frame.loc[::3, "a"] = np.nan
    frame = frame if library == "pandas" else pl.from_pandas(frame)
    filled = ll.MatrixCompletion(rank=1, **QUICK).fit(frame).fill(frame)
    assert filled["a"].dtype == frame["a"].dtype


def test_columns_without_names(rng, tmp_path, one_round):
    table = rng.standard_normal((40, 1)) @ np.ones((1, 4)) > 0
    frame = pd.DataFrame(table)
    model = ll.MatrixCompletion(rank=1, penalty=2.0, **QUICK).fit(frame)
    assert model.method_ == "map"
    words = pd.DataFrame(np.where(table, "yes", "no"))
    words.iloc[3, 2] = None
    model = ll.MatrixCompletion(rank=1, penalty=2.0, loss="logistic", **QUICK).fit(words)
    model.save(tmp_path / "m.npz")
    pd.testing.assert_frame_equal(ll.MatrixCompletion.load(tmp_path / "m.npz").fill(words), model.fill(words))


@pytest.mark.parametrize(
    "column",
    [
        [True] * 20,
        ["same"] * 20,
        [True, False, None, None] * 5,
        pd.Categorical(["a"] * 20, categories=["a", "b", "c"], ordered=True),
        pd.Categorical([1, 2, 3, 2] * 5, ordered=True),
    ],
    ids=["constant", "one word", "python booleans", "one level", "numbers"],
)
def test_columns_of_few_levels_do_not_stop_a_fit(column, rng, tmp_path, one_round):
    frame = pd.DataFrame({"x": column, "y": rng.standard_normal(20), "z": rng.standard_normal(20)})
    model = ll.MatrixCompletion(rank=1, penalty=2.0, **QUICK).fit(frame)
    model.save(tmp_path / "m.npz")
    assert np.isfinite(model.transform(frame)).all()
    assert len(model.fill(frame)) == 20


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame(np.ones((9, 4)), columns=list("aabc")), "same name"),
        (
            pd.DataFrame({"x": pd.Categorical(pd.date_range("2020", periods=9), ordered=True)}),
            "holds numbers or levels",
        ),
    ],
)
def test_frames_that_cannot_be_used(frame, words):
    with pytest.raises(InvalidInputError, match=words):
        ll.MatrixCompletion(rank=1, penalty=1.0, **QUICK).fit(frame)


# ---------------------------------------------------------------------------- words


CONSTANT, ONE_ROW = np.full((6, 4), 3.0), np.array([[1.0, 2.0, np.nan, 4.0]])
EVERY_DAY = {("constant", "mapping"), ("one row", "poisson")}


@pytest.mark.parametrize(
    ("loss", "table"),
    [
        pytest.param(
            loss, table, id=f"{name}-{word}", marks=[pytest.mark.slow] * ((name, word) not in EVERY_DAY)
        )
        for name, table in (("constant", CONSTANT), ("one row", ONE_ROW))
        for word, loss in {
            "mapping": {0: "huber"},
            **{k: k for k in ("huber", "absolute", "poisson")},
        }.items()
    ],
)
def test_tables_with_nothing_to_fit(loss, table, one_round):
    model = ll.MatrixCompletion(loss=loss, random_state=0).fit(table)
    assert np.isfinite(model.transform(table)).all()


def test_columns_of_a_named_table_by_position(rng, one_round):
    frame = pd.DataFrame(rng.standard_normal((30, 3)), columns=list("abc"))
    model = ll.MatrixCompletion(loss={0: "huber"}, rank=1, penalty=1.0, **QUICK).fit(frame)
    assert model._completed.model.columns.describe(model._completed.table.fit.observations).startswith(
        "huber (a)"
    )


def test_squares_are_not_asked_of_columns_that_are_not_there(rng):
    frame = pd.DataFrame(rng.standard_normal((30, 3)), columns=list("abc"))
    with pytest.raises(InvalidInputError, match="does not exist"):
        ll.MatrixCompletion(loss={"nope": "squared"}, **QUICK).fit(frame)


def test_intervals_of_counts_are_calibrated_by_themselves(rng, one_round):
    z = rng.standard_normal((400, 1)) @ rng.standard_normal((1, 8))
    table = np.where(
        np.arange(8) % 2, rng.poisson(np.exp(0.5 * z)), 100 * (z + 0.3 * rng.standard_normal(z.shape))
    )
    hidden = rng.random(z.shape) < 0.2
    holes = np.where(hidden, np.nan, table)
    losses = {j: "poisson" for j in range(1, 8, 2)}
    model = ll.MatrixCompletion(loss=losses, rank=1, penalty=3.0, **QUICK).fit(holes)
    rows, columns = np.nonzero(hidden)
    low, high = model.predict_interval(rows, columns, 0.9)
    inside = (low <= table[hidden]) & (table[hidden] <= high)
    counts = columns % 2 == 1
    assert 0.85 < inside[counts].mean() <= 1
    assert 0.85 < inside[~counts].mean() < 0.96
    assert low[counts].min() >= 0
    assert isinstance(model._completed.intervals.conformal[0][1], Conformal)


def test_scores_of_no_cell():
    trial = Trial(None, np.zeros(0, int), np.zeros(0), np.zeros(0), np.zeros(0), 1.0)
    assert trial.scores_of(np.ones(3, bool)).size == 0


# ---------------------------------------------------------------------------- what a new user found


# unclipped, the largest counts of these tables leave no factor
@pytest.mark.parametrize(
    ("rows", "seed"), [(60, 1), *(pytest.param(400, seed, marks=pytest.mark.slow) for seed in (2, 3))]
)
def test_large_counts_do_not_choose_a_model_of_nothing(rows, seed):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((rows, 2)) @ rng.standard_normal((2, 10))
    table = z + 0.3 * rng.standard_normal(z.shape)
    table[:, 8:] = rng.poisson(np.exp(1 + 1.2 * z[:, 8:]))
    hidden = rng.random(z.shape) < 0.25
    model = ll.MatrixCompletion(loss={8: "poisson", 9: "poisson"}, **QUICK).fit(
        np.where(hidden, np.nan, table)
    )
    hidden[:, 8:] = False
    error = np.sqrt(np.mean((model.predict_table() - table)[hidden] ** 2))
    assert error < 0.6 * table[hidden].std()


def test_an_index_names_the_rows(rng):
    table = rng.standard_normal((30, 1)) @ np.ones((1, 4)) + 0.1 * rng.standard_normal((30, 4))
    frame = pd.DataFrame(table, columns=list("abcd"), index=rng.permutation(np.arange(100, 130)))
    light = {"rank": 1, "refine": False, "max_iter": 10, **QUICK}
    model = ll.MatrixCompletion(**light).fit(frame)
    place = int(np.flatnonzero(frame.index == 105)[0])
    assert model.predict_cells([105], ["a"])[0] == model.predict_table()[place, 0]
    with pytest.raises(InvalidInputError, match="row"):
        model.predict_cells([5], ["a"])
    words = frame.set_axis([f"p{k}" for k in range(30)])
    model = ll.MatrixCompletion(**light).fit(words)
    assert model.predict_cells(["p7"], ["b"])[0] == model.predict_table()[7, 1]
    counting = ll.MatrixCompletion(**light).fit(frame.reset_index(drop=True))
    assert counting.predict_cells([7], ["b"])[0] == counting.predict_table()[7, 1]
    repeated = ll.MatrixCompletion(**light).fit(frame.set_axis([0] * 30))
    assert repeated.predict_cells([7], ["b"])[0] == repeated.predict_table()[7, 1]


def test_a_saved_model_keeps_its_settings(rng, tmp_path, one_round):
    from sklearn.base import clone

    table = rng.poisson(2.0, (30, 5)).astype(float)
    model = ll.MatrixCompletion(rank=2, loss={0: "poisson"}, penalty=3.0, random_state=7, certify=False).fit(
        table
    )
    model.save(tmp_path / "m.npz")
    loaded = ll.MatrixCompletion.load(tmp_path / "m.npz")
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(clone(loaded).fit(table).row_factors_, model.row_factors_)


def test_probabilities_of_levels(rng, one_round):
    z = rng.standard_normal((200, 1)) @ np.ones((1, 6))
    table = np.digitize(z + 0.5 * rng.standard_normal(z.shape), [-0.5, 0.5]).astype(float)
    table[:, 0] = z[:, 0]
    losses = {j: "ordinal" for j in range(1, 6)}
    model = ll.MatrixCompletion(rank=1, loss=losses, penalty=3.0, **QUICK).fit(table)
    found = model.level_probabilities(np.arange(200), 2)
    assert found.shape == (200, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(
        found @ [0, 1, 2], model.predict_cells(np.arange(200), np.full(200, 2)), atol=1e-9
    )
    assert (found.argmax(axis=1) == table[:, 2]).mean() > 0.6
    with pytest.raises(ll.errors.LowlandError, match="only columns of levels"):
        model.level_probabilities([0], 0)


def test_a_report_from_python(rng, undrawn, tmp_path):
    table = rng.standard_normal((40, 8)) + rng.standard_normal((40, 1))
    table[rng.random(table.shape) < 0.2] = np.nan
    light = {"refine": False, "max_iter": 10, "random_state": 0}
    ll.MatrixCompletion(**light).fit(table).report(tmp_path / "r.html", title="Trial")
    page = (tmp_path / "r.html").read_text()
    assert "<h1>Trial" in page
    assert "Calibration" in page


def test_a_map_surrogate_is_not_asked_whether_it_settled(rng):
    how = {"rank": 2, "certify": "companion", "random_state": 0}
    model = ll.MatrixCompletion(**how).fit(rng.standard_normal((30, 8)))
    claims = [finding.claim for finding in model.certificate_]
    assert "globally_optimal" in claims
    assert "stationary" not in claims


def test_covariates_of_indexed_frames_are_matched_by_the_index(rng, quick_starts):
    about = rng.standard_normal((40, 2))
    table = about @ rng.standard_normal((2, 6)) + 0.1 * rng.standard_normal((40, 6))
    table[rng.random(table.shape) < 0.3] = np.nan
    names = [f"p{k}" for k in range(40)]
    frame, known = pd.DataFrame(table, index=names), pd.DataFrame(about, index=names)
    frame.columns, known.columns = list("abcdef"), ["x", "y"]
    settings = {"rank": 2, "refine": False, "max_iter": 20, **QUICK}
    plain = ll.MatrixCompletion(**settings).fit(frame, row_covariates=about)
    order = rng.permutation(40)
    shuffled = ll.MatrixCompletion(**settings).fit(frame, row_covariates=known.iloc[order])
    np.testing.assert_array_equal(plain.row_factors_, shuffled.row_factors_)
    counting = ll.MatrixCompletion(**settings).fit(frame, row_covariates=known.reset_index(drop=True))
    np.testing.assert_allclose(plain.row_factors_, counting.row_factors_, rtol=1e-8)
    with pytest.raises(InvalidInputError, match="row_covariates"):
        ll.MatrixCompletion(**settings).fit(frame, row_covariates=known.iloc[:30])
