"""Columns of several kinds: what is fitted, proved, predicted, folded in and kept."""

from copy import deepcopy
from functools import cache

import cvxpy as cp
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.special import expit

import lowland as ll
from cases import judgement, mixed_problem
from lowland.certificates.gaps import dual
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.results.status import Verdict
from lowland.judges import certify
from lowland.losses import Clipped, LogPoisson, Mixed, Ordinal, Squared
from lowland.measure import Entries
from lowland.models import General
from lowland.objectives import make_objective
from lowland.search import Alternating, GradientBelow, Iterations, TrustRegion, make_start, run
from lowland.testing import check_sound

KINDS = ("squared", "logistic", "poisson", "ordinal")
CUTS = np.array([-2.0, -0.5, 1.0])


def mixed_table(m=400, n=20, rank=2, seed=0, holes=0.3):
    """Return a table, its natural parameters, its holes and the parts of the model that made it."""
    rng = np.random.default_rng(seed)
    u, v = rng.standard_normal((m, rank)), rng.standard_normal((n, rank))
    v *= 1.2 / np.linalg.norm(v, axis=1)[:, None]  # every column holds about as much
    b = 0.3 * rng.standard_normal(n)
    z = u @ v.T + b
    table = np.empty((m, n))
    for j in range(n):
        kind, own = KINDS[j % 4], z[:, j]
        if kind == "squared":
            table[:, j] = 10 * j + 3 * (own + 0.5 * rng.standard_normal(m))
        elif kind == "logistic":
            table[:, j] = rng.random(m) < expit(1.5 * own)
        elif kind == "poisson":
            table[:, j] = rng.poisson(np.exp(0.6 * own + 0.5))
        else:
            table[:, j] = np.searchsorted(CUTS, 1.5 * own + rng.logistic(size=m))
    return table, z, rng.random((m, n)) < holes, (v, b)


def oracle(table, hidden, v, b):
    """Predict each row from its own cells by an oracle that knows all columns: Newton steps, dense."""
    m, n = table.shape
    j, seen = np.arange(n), ~hidden
    u = np.zeros((m, v.shape[1]))
    for step in range(60):
        z = u @ v.T + b
        slope, bend = np.empty((m, n)), np.empty((m, n))
        at = j % 4 == 0
        slope[:, at], bend[:, at] = (z - (table - 10 * j) / 3)[:, at] / 0.25, 4.0
        at = j % 4 == 1
        p = expit(1.5 * z[:, at])
        slope[:, at], bend[:, at] = 1.5 * (p - table[:, at]), 2.25 * p * (1 - p)
        at = j % 4 == 2
        mean = np.exp(0.6 * z[:, at] + 0.5)
        slope[:, at], bend[:, at] = 0.6 * (mean - table[:, at]), 0.36 * mean
        at = j % 4 == 3
        edges, y = np.r_[-np.inf, CUTS, np.inf], table[:, at].astype(int)
        more, less = expit(1.5 * z[:, at] - edges[y + 1]), expit(edges[y] - 1.5 * z[:, at])
        slope[:, at] = 1.5 * (more - less)
        bend[:, at] = 2.25 * (more * (1 - more) + less * (1 - less))
        gradient = (seen * slope) @ v + u
        hessian = np.einsum("ij,ja,jb->iab", seen * bend, v, v) + np.eye(v.shape[1])
        u -= (0.5 if step < 10 else 1.0) * np.linalg.solve(hessian, gradient[..., None])[..., 0]
    z = u @ v.T + b
    levels = 3 - expit(CUTS - 1.5 * z[..., None]).sum(axis=2)
    return np.choose(j % 4, [3 * z + 10 * j, expit(1.5 * z), np.exp(0.6 * z + 0.5), levels])


LOSSES = {j: KINDS[j % 4] for j in range(20)}


def learn_once(patch):
    patch.setattr("lowland.completion.penalised.rank_path.ROUNDS", 1)


@pytest.fixture
def one_round(monkeypatch):
    """Learn the noise and the thresholds from one fit, where it is not how good they are that is tested."""
    learn_once(monkeypatch)


@pytest.fixture(scope="module")
def fitted():
    table, _, hidden, parts = mixed_table(m=500)
    holes = np.where(hidden, np.nan, table)
    settings = {"rank": 2, "loss": LOSSES, "penalty": 5.0, "bias_penalty": 2.0, "random_state": 0}
    return ll.MatrixCompletion(certify=False, **settings).fit(holes), table, holes, hidden, parts


def column_errors(predicted, table, hidden):
    return np.array(
        [np.sqrt(np.mean((predicted - table)[hidden[:, j], j] ** 2)) for j in range(table.shape[1])]
    )


def test_every_column_is_predicted_nearly_as_well_as_by_an_oracle(fitted):
    model, table, holes, hidden, parts = fitted
    errors = column_errors(model.transform(holes), table, hidden)
    best = column_errors(oracle(table, hidden, *parts), table, hidden)
    means = column_errors(np.broadcast_to(np.nanmean(holes, axis=0), table.shape), table, hidden)
    assert (errors / best).max() < 1.2  # 350 cells a column; the benchmark has 3,500 and 1.15
    assert (errors < means).all()


def test_squares_alone_are_worse_on_columns_that_are_none(fitted):
    model, table, holes, hidden, _ = fitted
    # the penalties that cells held out choose
    settings = {"rank": 2, "penalty": 6.0, "bias_penalty": 5.0, "method": "map", "random_state": 0}
    squares = ll.MatrixCompletion(certify=False, **settings).fit(holes)
    ratio = column_errors(squares.transform(holes), table, hidden) / column_errors(
        model.transform(holes), table, hidden
    )
    assert np.median(ratio) > 1.02
    assert (np.exp(np.mean(np.log(ratio.reshape(5, 4)), axis=0)) > 1.0).all()


def test_predictions_keep_to_what_columns_hold(fitted):
    model, table, holes, _, _ = fitted
    filled = model.transform(holes)
    chances = filled[:, 1::4][np.isnan(holes[:, 1::4])]
    assert 0 < chances.min() < chances.max() < 1
    assert (filled[:, 2::4] >= 0).all()
    assert filled[:, 3::4].min() >= 0
    assert filled[:, 3::4].max() <= 3
    whole = model.fill(holes)
    assert set(np.unique(whole[:, 1::4])) == {0.0, 1.0}
    assert set(np.unique(whole[:, 3::4])) <= {0.0, 1.0, 2.0, 3.0}
    np.testing.assert_array_equal(whole[~np.isnan(holes)], table[~np.isnan(holes)])
    np.testing.assert_array_equal(whole[:, ::4], filled[:, ::4])


def test_folding_known_rows_in_gives_what_was_fitted(fitted):
    model, _, holes, _, _ = fitted
    known = model.transform(holes)[:50]
    np.testing.assert_allclose(model.transform(holes[:50]), known, rtol=1e-5, atol=1e-6)


def test_new_rows_are_predicted_like_known_ones():
    """Forty rows are seen by ten cells alone: folded in, they err at most 3 % more than refitted."""
    table, _, hidden, _ = mixed_table(m=250)
    rng = np.random.default_rng(1)
    for i in range(40):
        hidden[i] = True
        hidden[i, rng.choice(20, 10, replace=False)] = False
    holes = np.where(hidden, np.nan, table)
    settings = {"rank": 2, "loss": LOSSES, "penalty": 6.0, "bias_penalty": 2.0, "certify": False}
    without = ll.MatrixCompletion(random_state=0, **settings).fit(holes[40:])
    whole = ll.MatrixCompletion(random_state=0, **settings).fit(holes)
    units = np.nanstd(holes, axis=0)

    def error(filled):
        apart = ((filled - table[:40]) / units)[hidden[:40]]
        return np.sqrt(np.mean(apart**2))

    assert error(without.transform(holes[:40])) < 1.03 * error(whole.transform(holes)[:40])


ONE_LOSS = ("huber", "absolute", "poisson", "logistic", "ordinal", "quantile:0.5")


@pytest.mark.parametrize(
    ("loss", "tables", "rows"),
    [
        # one of each class: absolute is a narrow huber, logistic an ordinal loss of two levels
        *((loss, 1, 250) for loss in ("huber", "poisson", "ordinal")),
        *(pytest.param(loss, 3, 400, marks=pytest.mark.slow) for loss in ONE_LOSS),
    ],
)
def test_new_rows_of_one_loss(loss, tables, rows, one_round):
    """The same for each loss, over some tables."""
    squares = np.zeros(2)
    for seed in range(tables):
        rng = np.random.default_rng(seed)
        z = rng.standard_normal((rows, 2)) @ rng.standard_normal((2, 24))
        table = {
            "poisson": lambda z=z, rng=rng: rng.poisson(np.exp(0.5 * z)),
            "logistic": lambda z=z, rng=rng: rng.random(z.shape) < expit(2 * z),
            "ordinal": lambda z=z, rng=rng: np.searchsorted(CUTS, 2 * z + rng.logistic(size=z.shape)),
        }.get(loss, lambda z=z, rng=rng: z + 0.3 * rng.standard_t(3, z.shape))()
        holes = np.where(rng.random(z.shape) < 0.3, np.nan, table)
        for i in range(40):
            holes[i] = np.nan
            some = rng.choice(24, 10, replace=False)
            holes[i, some] = table[i, some]
        settings = {"rank": 2, "loss": loss, "penalty": 3.0, "certify": False, "random_state": 0}
        without = ll.MatrixCompletion(**settings).fit(holes[40:]).transform(holes[:40])
        whole = ll.MatrixCompletion(**settings).fit(holes).transform(holes)[:40]
        missing = np.isnan(holes[:40])
        squares += [np.sum((filled - table[:40])[missing] ** 2) for filled in (without, whole)]
    assert np.sqrt(squares[0]) < 1.03 * np.sqrt(squares[1])


# ---------------------------------------------------------------------------- what is proved


def relaxation(objective):
    """Solve the convex relaxation with an interior-point method: an optimum that owes nothing to this."""
    m, n = objective.shape
    low_rank, a, b = cp.Variable((m, n)), cp.Variable(m), cp.Variable(n)
    loss, total = objective.loss, []
    weights = np.ones(objective.y.size) if objective.weights is None else objective.weights
    for k, (i, j) in enumerate(zip(objective.measurement.rows, objective.measurement.columns, strict=True)):
        z, y, part = low_rank[i, j] + a[i] + b[j] + loss.shifts[k], objective.y[k], loss.parts[loss.which[k]]
        if isinstance(part, Squared):
            term = cp.square(z - y) / 2
        elif isinstance(part, LogPoisson):
            term = cp.exp(z) - y * z - (y - y * np.log(y) if y else 0)
        elif isinstance(part, Clipped):
            term = part.highest * cp.huber((z - y) / part.highest, 1.0) / 2 * part.highest
        else:
            edges = np.r_[-np.inf, part.thresholds, np.inf]
            upper, lower = edges[int(y) + 1], edges[int(y)]
            term = -np.log1p(-np.exp(lower - upper))
            term += cp.logistic(z - upper) if np.isfinite(upper) else 0
            term += cp.logistic(lower - z) if np.isfinite(lower) else 0
        total.append(weights[k] * term)
    held = objective.bias_penalty / 2 * (cp.sum_squares(a) + cp.sum_squares(b))
    problem = cp.Problem(
        cp.Minimize(cp.sum(cp.hstack(total)) + objective.penalty * cp.normNuc(low_rank) + held)
    )
    problem.solve(solver=cp.CLARABEL)
    return problem.value


def small_problem(rank, penalty, seed=3):
    rng = np.random.default_rng(seed)
    rows, columns = np.nonzero(rng.random((9, 8)) < 0.8)
    which = columns % 4
    z = 1.5 * rng.standard_normal((9, 2)) @ rng.standard_normal((2, 8))
    z = z[rows, columns]
    counts, levels = rng.poisson(np.exp(np.clip(z, -2, 2))), np.searchsorted([-1.0, 1.0], z)
    y = np.choose(which, [z, z > 0, counts, levels]).astype(float)
    parts = (Clipped.huber(1.2), Ordinal(), LogPoisson(), Ordinal((-1.0, 1.0)))
    loss = Mixed(parts, which, 0.2 * rng.standard_normal(z.size))
    model = General((9, 8), rank, ("row", "column"))
    weights = rng.uniform(0.5, 2, z.size)
    entries = Entries(rows, columns, (9, 8))
    return make_objective(entries, y, model, loss=loss, weights=weights, penalty=penalty, bias_penalty=0.7)


@cache
def found(rank, penalty, seed=3):
    """Where searches of a small problem end."""
    return searched(small_problem(rank, penalty, seed))


@cache
def optimum(rank, penalty, seed=3):
    """The best value of the relaxation of a small problem."""
    return relaxation(small_problem(rank, penalty, seed))


def searched(objective, seed=0):
    rng = np.random.default_rng(seed)
    rough = run(objective, Alternating(), make_start(objective, "random", rng), stop=Iterations(50), rng=rng)
    return run(
        objective, TrustRegion(), rough.theta, stop=GradientBelow(1e-11) | Iterations(100), rng=rng
    ).theta


@pytest.mark.parametrize("seed", [3, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (0, 1, 2))])
def test_a_proof_agrees_with_the_optimum_of_another_solver(seed):
    objective = small_problem(6, 1.5, seed)
    theta = found(6, 1.5, seed)
    certificate = certify(objective, theta)
    finding = certificate["convex_optimal"]
    assert finding.verdict is Verdict.PROVED
    best = optimum(6, 1.5, seed)
    assert finding.witness["lower_bound"] <= best * (1 + 1e-7)
    assert objective.value(theta) == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("spoil", [pytest.param(0.3, marks=pytest.mark.slow), 0.1])
def test_what_is_false_is_not_proved(spoil, rng):
    objective = small_problem(6, 1.5)
    theta = found(6, 1.5)
    worse = theta + spoil * rng.standard_normal(theta.size)
    assert objective.value(worse) > 1.02 * objective.value(theta)
    false = {"globally_optimal": False, "convex_optimal": False, "stationary": False}
    check_sound(certify(objective, worse), false)
    # a rank too low for the relaxation: its optimum is no optimum of that
    narrow = small_problem(1, 0.3)
    theta = found(1, 0.3)
    assert narrow.value(theta) > 1.02 * optimum(1, 0.3)
    check_sound(certify(narrow, theta), {"convex_optimal": False})


@pytest.mark.parametrize("fault", ["no limit on the slopes", "biases for nothing", "doubled conjugates"])
def test_faults_in_the_bound_are_found(fault, monkeypatch):
    objective = small_problem(1, 0.3)
    theta = found(1, 0.3)
    best = optimum(1, 0.3)
    honest = dual.dual_bound(objective, theta, np.inf, judgement())
    assert 0 < honest.value <= best * (1 + 1e-7)
    if fault == "no limit on the slopes":
        monkeypatch.setattr(dual, "_norm_bound", lambda *_: dual.Bound(1e-9, dual.Rigour.RIGOROUS))
    elif fault == "biases for nothing":
        monkeypatch.setattr(dual, "bias_square", lambda *_: 0.0)
        theta = 0 * theta  # where biases matter most
        objective = small_problem(1, 50.0)
        best = optimum(1, 50.0)
    else:
        objective = small_problem(6, 1.5)  # where the bound is sharp
        theta, best = found(6, 1.5), optimum(6, 1.5)
        honest_conjugate = Mixed.conjugate
        monkeypatch.setattr(Mixed, "conjugate", lambda *args: 2 * honest_conjugate(*args))
    false = dual.dual_bound(objective, theta, np.inf, judgement())
    assert false.value > best * (1 + 1e-7)


def test_free_biases_leave_the_bound_at_zero():
    objective = mixed_problem()
    free = make_objective(
        objective.measurement, objective.y, objective.model, loss=objective.loss, penalty=objective.penalty
    )
    theta = np.zeros(free.size)
    bound = dual.dual_bound(free, theta, free.value(theta), judgement())
    assert bound.value == 0


# ---------------------------------------------------------------------------- frames and files


@pytest.fixture(scope="module")
def survey():
    table, _, hidden, _ = mixed_table(m=300, n=8, seed=4)
    columns = {}
    for j in range(8):
        cells = [None if gap else x for x, gap in zip(table[:, j], hidden[:, j], strict=True)]
        columns[f"{KINDS[j % 4]}{j}"] = cells
    frame = pd.DataFrame(columns)
    for name in ("logistic1", "logistic5"):
        frame[name] = frame[name].map({0.0: False, 1.0: True}).astype("boolean")
    for name in ("ordinal3", "ordinal7"):
        words = ["never", "seldom", "often", "always"]
        codes = frame[name].fillna(-1).astype(int)
        frame[name] = pd.Categorical.from_codes(codes, words, ordered=True)
    return frame


SETTINGS = {"rank": 2, "penalty": 5.0, "bias_penalty": 2.0, "random_state": 0, "certify": False}


@pytest.fixture(scope="module")
def surveyed(survey):
    with pytest.MonkeyPatch.context() as patch:
        learn_once(patch)
        return ll.MatrixCompletion(**SETTINGS).fit(survey)


@pytest.fixture(scope="module")
def counting(survey):
    """The same with a loss of counts."""
    return ll.MatrixCompletion(loss={"poisson2": "poisson"}, **SETTINGS).fit(survey)


def test_a_frame_tells_its_losses_and_is_filled_in_kind(survey, surveyed, counting):
    model = surveyed
    assert model.method_ == "map"
    kinds = model._completed.model.columns
    words = {name: kinds.kinds[k].word for name, k in zip(survey.columns, kinds.which.tolist(), strict=True)}
    assert words == {
        "squared0": "squared",
        "logistic1": "logistic",
        "poisson2": "squared",  # counts are numbers unless asked for
        "ordinal3": "ordinal",
        "squared4": "squared",
        "logistic5": "logistic",
        "poisson6": "squared",
        "ordinal7": "ordinal",
    }
    filled = model.fill(survey, means=False)  # counts are filled as such
    assert list(filled.columns) == list(survey.columns)
    assert not filled.isna().any().any()
    assert (filled["poisson2"] % 1 == 0).all()
    assert filled["ordinal3"].dtype == survey["ordinal3"].dtype
    assert filled["logistic1"].dtype == survey["logistic1"].dtype
    seen = survey["ordinal3"].notna()
    assert (filled["ordinal3"][seen] == survey["ordinal3"][seen]).all()
    assert model.transform(survey).shape == survey.shape
    columns = counting._completed.model.columns
    assert columns.kinds[columns.which[2]].word == "poisson"


def test_frames_of_both_libraries_give_the_same_fit(survey, surveyed, one_round):
    plain = survey.astype({name: object for name in survey.columns if name.startswith("ordinal")})
    words = pl.Enum(["never", "seldom", "often", "always"])
    other = pl.from_pandas(plain).with_columns(pl.col("ordinal3", "ordinal7").cast(words))
    one, two = surveyed, ll.MatrixCompletion(**SETTINGS).fit(other)
    np.testing.assert_array_equal(one.row_factors_, two.row_factors_)
    filled = two.fill(other, means=False)
    assert filled.schema == other.schema
    assert filled["ordinal3"].to_list() == one.fill(survey, means=False)["ordinal3"].tolist()


def test_a_saved_model_knows_its_columns(survey, surveyed, tmp_path):
    model = surveyed
    model.save(tmp_path / "model.npz")
    loaded = ll.MatrixCompletion.load(tmp_path / "model.npz")
    pd.testing.assert_frame_equal(loaded.fill(survey, means=False), model.fill(survey, means=False))
    np.testing.assert_array_equal(loaded.transform(survey[:20]), model.transform(survey[:20]))
    assert loaded.levels_ == model.levels_


def test_an_update_goes_on_and_a_new_level_is_an_error(survey, surveyed):
    model = deepcopy(surveyed)
    unseen = int(np.flatnonzero(survey["logistic1"].isna())[0])
    before = model.predict_cells([unseen], ["logistic1"])[0]
    model.update([unseen], ["logistic1"], [float(before < 0.5)])
    after = model.predict_cells([unseen], ["logistic1"])[0]
    assert abs(after - float(before < 0.5)) < abs(before - float(before < 0.5))
    with pytest.raises(InvalidInputError, match="not one of the levels"):
        model.update([unseen], ["logistic1"], [3.0])


def test_intervals_are_conformal_and_for_numbers(survey, counting):
    model = counting
    rows = np.arange(300)
    low, high = model.predict_interval(rows, ["squared0"] * 300, 0.9)
    truth = mixed_table(m=300, n=8, seed=4)[0][:, 0]
    hidden = survey["squared0"].isna().to_numpy()
    assert 0.75 <= np.mean((low <= truth) & (truth <= high), where=hidden) <= 1.0
    with pytest.raises(UnsupportedError, match="levels"):
        model.predict_interval([0], ["logistic1"])
    with pytest.raises(UnsupportedError, match="penalised fit with squared losses"):
        model.predict_interval([0], ["squared0"], method="fisher")


# ---------------------------------------------------------------------------- what losses do


def test_huber_shrugs_off_outliers():
    rng = np.random.default_rng(5)
    truth = rng.standard_normal((80, 2)) @ rng.standard_normal((2, 24))
    table = truth + 0.1 * rng.standard_normal(truth.shape)
    wild = rng.random(truth.shape) < 0.05
    table[wild] += rng.choice([-30, 30], wild.sum())
    table[rng.random(truth.shape) < 0.3] = np.nan

    def error(loss):
        model = ll.MatrixCompletion(rank=2, loss=loss, method="map", certify=False, random_state=0)
        return np.sqrt(np.mean((model.fit(table)._completed.model.matrix() - truth) ** 2))

    squares = error("squared")
    assert error("huber") < 0.15 * squares
    assert error("absolute") < 0.25 * squares


@pytest.mark.parametrize("level", [0.2, pytest.param(0.9, marks=pytest.mark.slow)])
def test_a_quantile_loss_finds_quantiles(level, one_round):
    rng = np.random.default_rng(6)
    table = np.outer(rng.standard_normal(100), rng.standard_normal(30)) + rng.standard_exponential((100, 30))
    model = ll.MatrixCompletion(
        rank=1, loss=f"quantile:{level}", penalty=1.0, certify=False, random_state=0
    ).fit(table)
    assert np.mean(table <= model._completed.model.matrix()) == pytest.approx(level, abs=0.05)


def test_rank_and_penalty_are_chosen_for_counts():
    rng = np.random.default_rng(7)
    z = rng.standard_normal((50, 2)) @ rng.standard_normal((2, 14))
    table = rng.poisson(np.exp(0.5 * z + 1)).astype(float)
    table[rng.random(z.shape) < 0.4] = np.nan
    model = ll.MatrixCompletion(loss="poisson", random_state=0).fit(table)
    assert model.rank_ == 2
    assert len(model.rank_path_.steps) > 5
    assert model.certificate_["stationary"].verdict is Verdict.SUPPORTED


def test_the_same_seed_gives_the_same_bits(fitted, one_round):
    holes = fitted[2][:60]
    settings = {"rank": 2, "loss": LOSSES, "penalty": 6.0, "bias_penalty": 2.0, "random_state": 0}
    settings["certify"] = False
    model, again = (ll.MatrixCompletion(**settings).fit(holes) for _ in range(2))
    np.testing.assert_array_equal(again.row_factors_, model.row_factors_)


# ---------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("loss", "change", "words"),
    [
        ("poisson", lambda t: t.__setitem__((0, 0), -1.0), "needs counts"),
        ("poisson", lambda t: t.__setitem__((0, 0), 0.5), "needs counts"),
        ({0: "logistic"}, lambda t: t.__setitem__((slice(3), 0), [0, 1, 2]), "two levels"),
        ({0: "logistic"}, lambda t: t.__setitem__((slice(None), 0), 1.0), "2 to 50 levels"),
        ({0: "ordinal"}, lambda t: t.__setitem__((slice(None), 0), np.arange(60)), "2 to 50 levels"),
        ({9: "logistic"}, None, "does not exist"),
        ({"a": "logistic"}, None, "does not exist"),
        ({0: "hinge"}, None, "is unknown"),
        ("quantile:1.5", None, "between 0 and 1"),
        ("huber:-1", None, "between 0.001 and"),
        ("logistic:3", None, "takes no number"),
        (3, None, "a name or a mapping"),
    ],
)
def test_losses_that_do_not_fit_the_table(loss, change, words):
    table = np.random.default_rng(0).poisson(2.0, (60, 5)).astype(float)
    if change is not None:
        change(table)
    with pytest.raises(InvalidInputError, match=words):
        ll.MatrixCompletion(loss=loss, rank=1, penalty=1.0).fit(table)


def test_settings_that_losses_do_not_take():
    table = np.random.default_rng(0).poisson(2.0, (30, 6)).astype(float)
    with pytest.raises(InvalidInputError, match="loss is not used"):
        ll.MatrixCompletion(loss="poisson", method="variational").fit(table)
    for settings in ({"penalty": 0.0}, {"penalty": 1.0, "bias_penalty": 0.0}):
        with pytest.raises(InvalidInputError, match="must be positive"):
            ll.MatrixCompletion(loss="poisson", rank=1, **settings).fit(table)


@pytest.mark.parametrize(
    ("column", "loss", "words"),
    [
        (
            pd.Categorical(["a", "b", "c"] * 10),
            {"x": "ordinal"},
            r"neither numbers nor levels(.|\n)*without an order",
        ),
        (pd.Categorical(["a", "b", "c"] * 10, ordered=True), {"x": "squared"}, "holds levels"),
        (["a", "b"] * 15, "poisson", "holds levels"),
        (pd.date_range("2020-01-01", periods=30), {"x": "squared"}, "neither numbers nor levels"),
    ],
)
def test_frames_that_cannot_be_fitted(column, loss, words):
    frame = pd.DataFrame({"x": column, "y": np.arange(30.0), "z": np.arange(30.0) % 7})
    with pytest.raises(InvalidInputError, match=words):
        ll.MatrixCompletion(loss=loss, **SETTINGS).fit(frame)


def test_an_unknown_level_of_a_new_row(survey, surveyed):
    new = survey[:3].copy()
    new["ordinal3"] = pd.Categorical(["rarely", None, None])
    with pytest.raises(InvalidInputError, match="level that the fit does not know"):
        surveyed.transform(new)


def test_edges(one_round):
    """A constant column, one observation a row, an empty row, all cells observed."""
    rng = np.random.default_rng(8)
    counts = rng.poisson(3.0, (40, 6)).astype(float)
    counts[:, 2] = 4
    full = ll.MatrixCompletion(loss="poisson", rank=1, penalty=2.0, random_state=0).fit(counts)
    np.testing.assert_array_equal(full.transform(counts), counts)
    sparse = np.full((40, 6), np.nan)
    sparse[np.arange(39), rng.integers(0, 6, 39)] = rng.poisson(3.0, 39)
    model = ll.MatrixCompletion(loss="poisson", rank=1, penalty=2.0, random_state=0).fit(sparse)
    assert np.isfinite(model.transform(sparse)).all()
    same = np.full((30, 4), 2.0)
    constant = ll.MatrixCompletion(loss="huber", rank=1, penalty=1.0, random_state=0).fit(same)
    np.testing.assert_allclose(constant.predict_cells([0], [0]), 2.0, atol=1e-6)


# ---------------------------------------------------------------------------- draws


def test_draws_cover_what_was_hidden(fitted):
    model, table, _, hidden, _ = fitted
    rows, columns = np.nonzero(hidden)
    draws = model.sample(rows, columns, 200, random_state=0)
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    inside = (low <= table[hidden]) & (table[hidden] <= high)
    assert 0.87 < inside[columns % 4 == 0].mean() < 0.96  # numbers; of levels and counts more than asked for
    assert 0.9 < inside[columns % 4 == 2].mean()
    for kind, levels in ((1, [0, 1]), (3, [0, 1, 2, 3])):
        own = draws[:, columns % 4 == kind]
        assert np.unique(own).tolist() == levels
    ordered = draws[:, columns % 4 == 3]
    expected = model.predict_cells(rows, columns)[columns % 4 == 3]
    assert np.abs(ordered.mean(axis=0) - expected).mean() < 0.06
    np.testing.assert_array_equal(draws[:50], model.sample(rows, columns, 50, random_state=0))


def test_draws_of_a_row_vary_together(fitted):
    """Rows are uncertain: cells of one row that load alike move alike; without that they would not."""
    model, _, _, _, _ = fitted
    rows = np.arange(3, 33)
    draws = model.sample(np.tile(rows, 2), np.zeros(60, int), 200, random_state=1)  # one cell of each twice
    correlations = np.corrcoef(draws.T)
    same = np.mean(correlations[np.arange(30), np.arange(30, 60)])  # what is common is the row
    assert 0.02 < same < 0.6
    apart = correlations[:30, :30][np.triu_indices(30, 1)]
    assert abs(apart.mean()) < 0.06
    assert same > 3 * np.abs(apart).mean()


def test_completed_tables_keep_what_is_known(fitted):
    model, _, holes, hidden, _ = fitted
    tables = model.completions(3, random_state=0)
    assert tables.shape == (3, *holes.shape)
    for table in tables:
        np.testing.assert_array_equal(table[~hidden], holes[~hidden])
    assert (tables[0] != tables[1])[hidden].any()


def test_draws_need_the_data(surveyed, tmp_path):
    model = surveyed
    model.save(tmp_path / "m.npz")
    ask = [0], ["logistic1"], 3
    drawn = ll.MatrixCompletion.load(tmp_path / "m.npz").sample(*ask, random_state=0)
    np.testing.assert_array_equal(drawn, model.sample(*ask, random_state=0))
    model.save(tmp_path / "bare.npz", data=False)
    with pytest.raises(UnsupportedError, match="data are needed"):
        ll.MatrixCompletion.load(tmp_path / "bare.npz").sample(*ask)
