"""Skewed columns as square roots or logarithms: there and back, when, and what is asked of such tables."""

import json
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lowland as ll
from lowland.completion.bounded.layer import without_bounds
from lowland.completion.encoded import power_choice
from lowland.completion.encoded.power_model import PowerLayer
from lowland.completion.encoded.powers import BEYOND, READ, Power
from lowland.core.errors import FileFormatError, InvalidInputError, UnsupportedError
from lowland.core.results.claims import OF_CELLS
from lowland.files.bundle import load_bundle, save_bundle
from lowland.files.certificates import write_certificate
from lowland.trials import choices
from lowland.trials.gains import Rule
from lowland.verifying import verify

pytestmark = pytest.mark.usefixtures("light_fits_throughout")

FAST = {"certify": False, "random_state": 0, "refine": False, "max_iter": 25}


def optimum_is_confirmed(path, data):
    """Whether what is stated of the penalised problem is derived again; audits have tests of their own."""
    return all(
        check.outcome is ll.Outcome.CONFIRMED for check in verify(path, data) if check.claim not in OF_CELLS
    )


def save_proof(model, path):
    """Write what is stated of the penalised problem alone."""
    write_certificate(path, model._completed.table.document())


def products(rng, m=150, n=6, share=0.75):
    """A table of products of two hidden numbers per row and column, and the table with holes."""
    rows, columns = 0.8 * rng.standard_normal((m, 2)), rng.standard_normal((n, 2))
    table = np.exp(rows @ columns.T + 0.2 * rng.standard_normal((m, n)) + np.arange(n) / 2)
    holes = np.where(rng.random(table.shape) < share, table, np.nan)
    holes[~np.isfinite(holes).any(axis=1), 0] = 1.0
    return table, holes


@pytest.fixture(scope="module")
def fitted():
    table, holes = products(np.random.default_rng(0))
    return ll.MatrixCompletion(**FAST | {"certify": "companion"}).fit(holes), table, holes


def powers_of(model):
    return without_bounds(model._completed.model).powers


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("law", ["logarithm", "root"])
def test_there_and_back(law, zeros, rng):
    x = np.exp(1.5 * rng.standard_normal(200)) if law == "logarithm" else (3 + rng.standard_normal(200)) ** 2
    if zeros:
        x[:5] = 0
    power = Power.of(x)
    assert zeros or power.exponent == {"logarithm": 0.0, "root": 0.5}[law]
    assert (power.shift > 0) == zeros
    np.testing.assert_allclose(power.read(power.write(x)), x, atol=1e-12, rtol=1e-12)
    np.testing.assert_allclose([power.centre, power.spread], [power.write(x).mean(), power.write(x).std()])
    step = 1e-6 * x
    slope = np.log((power.write(x + step) - power.write(x - step))[x > 0] / (2 * step[x > 0]))
    np.testing.assert_allclose(power.log_slope(x)[x > 0], slope, atol=1e-6)
    # numbers below all known ones are written as half the smallest, and nothing absurd is read
    assert power.write(np.array([-5.0])) == power.write(np.array([power.lowest]))
    assert power.read(np.array([1e9])) == pytest.approx(READ * x.max())


def test_the_likeliest_power_is_chosen(rng):
    """By the profile likelihoods of Box and Cox, as SciPy computes them."""
    for _ in range(20):
        x = np.exp(rng.uniform(0.1, 1.5) * rng.standard_normal(60)) + rng.uniform(0, 3)
        own = {p: stats.boxcox_llf(p, x) for p in (1.0, 0.5, 0.0)}
        best = max(own, key=own.__getitem__)
        found = Power.of(x)
        if best == 1.0 or own[best] - own[1.0] < 2:
            assert found is None
        else:
            assert found.exponent == best


def test_what_is_not_skewed_stays(rng):
    assert Power.of(rng.standard_normal(50)) is None, "some are negative"
    assert Power.of(5 + rng.random(50)) is None
    assert Power.of(np.zeros(50)) is None
    assert Power.of(rng.integers(2, size=50).astype(float)) is None
    assert Power.of(np.array([1.0, 2.0, 4.0])) is None, "few values"


def test_expectations_are_those_of_the_law(rng):
    """Lognormal moments, and those of squares of normal numbers, where nothing is cut off."""
    power = Power(0.0, 0.5, 1e-6, 1e6, 0.0, 1.0)
    mean, spread = power.expect(np.array([1.0, 2.0]), np.array([0.3, 0.5]))
    law = stats.lognorm(s=[0.3, 0.5], scale=np.exp([1.0, 2.0]))
    np.testing.assert_allclose(mean, law.mean() - 0.5, rtol=1e-6)
    np.testing.assert_allclose(spread, law.std(), rtol=1e-4)
    root = Power(0.5, 0.0, 1e-9, 1e6, 0.0, 1.0)
    mean, spread = root.expect(np.array(7.0), np.array(0.5))
    np.testing.assert_allclose([mean, spread], [49.25, np.sqrt(4 * 49 * 0.25 + 2 * 0.25**2)], rtol=1e-8)
    # the far end of a wide law does not rule the mean
    cut = Power(0.0, 0.0, 1.0, 10.0, 0.0, 1.0)
    assert cut.expect(np.array(2.0), np.array(5.0))[0] <= 10 + BEYOND * 9


def test_products_are_predicted_better_and_intervals_hold(fitted):
    model, table, holes = fitted
    assert isinstance(model._completed.model, PowerLayer)
    assert len(powers_of(model)) == table.shape[1]
    plain = ll.MatrixCompletion(powers=False, **FAST).fit(holes)
    gaps = np.isnan(holes)
    errors = [
        np.abs(np.log(table / np.maximum(m.predict_table(), 1e-3)))[gaps].mean() for m in (model, plain)
    ]
    assert errors[0] < 0.6 * errors[1]
    assert (model.predict_table() > 0).all()
    at = np.nonzero(gaps)
    for level, least, most in ((0.5, 0.4, 0.6), (0.9, 0.83, 0.97)):
        low, high = model.predict_interval(*at, level)
        assert least < np.mean((low <= table[at]) & (table[at] <= high)) < most
        assert (low > 0).all()
    for name in ("conformal", "conformal_gaps"):
        low, high = model.predict_interval(*at, 0.9, method=name)
        assert np.mean((low <= table[at]) & (table[at] <= high)) > 0.8
        assert (low >= 0).all()


def test_draws_have_the_stated_moments(fitted):
    model, _, holes = fitted
    at = tuple(part[:40] for part in np.nonzero(np.isnan(holes)))
    draws = model.sample(*at, 4000, random_state=0)
    errors = model._completed.model.standard_errors(*at)
    np.testing.assert_allclose(
        draws.mean(axis=0), model.predict_cells(*at), atol=4 * (errors / 40).max(), rtol=0.15
    )
    ratios = draws.std(axis=0) / errors
    assert 0.8 < np.median(ratios) < 1.2
    # without noise: draws of what is expected, which differ less
    without = model._completed.model.draws(*at, 500, np.random.default_rng(0), noise=False)
    of_table = np.stack(list(without))
    assert np.median(of_table.std(axis=0) / draws.std(axis=0)) < 0.9


@pytest.mark.parametrize("method", ["auto", "variational", "gibbs"])
def test_new_rows_and_known_ones_agree(method, rng):
    _, holes = products(rng, m=80)
    settings = {**FAST, "method": method, "powers": True} | ({"n_draws": 10} if method == "gibbs" else {})
    model = ll.MatrixCompletion(**settings).fit(holes)
    np.testing.assert_allclose(model.predict_table()[:5], model._completed.model.row_scores(np.arange(5)))
    i, j = np.nonzero(np.isnan(holes))
    np.testing.assert_allclose(model.predict_cells(i, j), model.predict_table()[i, j])
    new = model.transform(holes[:7] * 1.0001)
    assert (new > 0).all()
    gaps = np.isnan(holes[:7])
    tolerance = 0.5 if method == "gibbs" else 0.35
    np.testing.assert_allclose(new[gaps], model.predict_table()[:7][gaps], rtol=tolerance)


def test_without_skewed_columns_nothing_changes(rng):
    table = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 8)) + 10
    table[rng.random(table.shape) < 0.3] = np.nan
    found = [
        ll.MatrixCompletion(powers=powers, **FAST).fit(table).predict_table() for powers in ("auto", False)
    ]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("of_rows", [True, False])
def test_predicted_cells_decide(of_rows, rng, monkeypatch):
    """Skewed noise is no reason: what is surely not better stays as it is."""
    smooth = rng.standard_normal((120, 2)) @ rng.standard_normal((2, 6))
    table = smooth + 12 + 0.05 * rng.standard_normal(smooth.shape)
    table[:, 0] = np.abs(smooth[:, 0]) ** 3  # skewed, and no power of a linear function
    table[rng.random(table.shape) < 0.25] = np.nan
    asked = ll.MatrixCompletion(powers=True, **FAST).fit(table)
    assert list(powers_of(asked)) == [0]
    if not of_rows:
        monkeypatch.setattr(power_choice, "_of_few_columns", lambda *_: False)
    names = ("POWERS_OF_ROWS",) if of_rows else ("POWERS", "CLEARLY_SKEWED")
    monkeypatch.setattr(power_choice, names[0], replace(getattr(choices, names[0]), rules=(Rule(),)))
    told = ll.MatrixCompletion(**FAST).fit(table)
    assert list(powers_of(told)) == [0]
    for name in names:
        monkeypatch.setattr(power_choice, name, replace(getattr(choices, name), rules=()))
    assert not isinstance(ll.MatrixCompletion(**FAST).fit(table)._completed.model, PowerLayer)


def test_columns_without_spread_have_no_say(rng):
    _, holes = products(rng, m=60)
    holes[:, 5] = 3.0
    assert powers_of(ll.MatrixCompletion(**FAST).fit(holes))


@pytest.mark.parametrize("about", ["row_covariates", "column_covariates"])
def test_beside_covariates_hidden_cells_decide(about, rng, monkeypatch):
    def refuse(*_):
        raise AssertionError("rows are no draws from one Gaussian here")

    monkeypatch.setattr(power_choice, "_predicted_by_rows", refuse)
    holes = products(rng, m=60)[1]
    covariates = rng.uniform(1, 2, {"row_covariates": (60, 2), "column_covariates": (6, 2)}[about])
    model = ll.MatrixCompletion(**FAST).fit(holes, **{about: covariates})
    assert powers_of(model)


@pytest.mark.parametrize("data", [True, False])
def test_files_keep_it_all(data, fitted, tmp_path):
    model, _, holes = fitted
    model.save(tmp_path / "model.npz", data=data)
    again = ll.MatrixCompletion.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(again.predict_table(), model.predict_table())
    np.testing.assert_array_equal(again.transform(holes[:9] * 1.1), model.transform(holes[:9] * 1.1))
    if data:
        np.testing.assert_array_equal(again._completed.table.observations.values, holes[~np.isnan(holes)])
        i, j = (part[:5] for part in np.nonzero(np.isnan(holes)))
        again.update(i, j, 2 * model.predict_cells(i, j))
        assert again._completed.table.observations.size == np.isfinite(holes).sum() + 5
        assert (again.predict_table() > 0).all()


def test_damaged_files_are_refused(fitted, tmp_path):
    model, _, _ = fitted
    model.save(tmp_path / "model.npz")
    header, arrays = load_bundle(tmp_path / "model.npz", "model")
    for name, wrong in (
        ("column", 99),
        ("column", 1),
        ("exponent", 2.0),
        ("shift", -1.0),
        ("highest", "inf"),
        ("whole", 7.0),
        ("whole", 1.0),
    ):
        damaged = json.loads(json.dumps(header))
        damaged["model"]["powers"][0][name] = wrong
        save_bundle(tmp_path / "damaged.npz", "model", damaged, arrays)
        with pytest.raises(FileFormatError):
            ll.MatrixCompletion.load(tmp_path / "damaged.npz")


def test_certificates_are_derived_again_from_the_table(fitted, tmp_path):
    model, _, holes = fitted
    save_proof(model, tmp_path / "proof.json")
    data = ll.Observations.from_array(holes)
    assert optimum_is_confirmed(tmp_path / "proof.json", data)
    proof = json.loads((tmp_path / "proof.json").read_text())
    for name, wrong in (
        ("exponent", 0.5),
        ("shift", 0.7),
        ("shift", 1e-4),
    ):  # another problem, or unit
        forged = json.loads(json.dumps(proof))
        forged["problem"]["powers"][2][name] = wrong
        (tmp_path / "forged.json").write_text(json.dumps(forged))
        with suppress(FileFormatError):
            assert not optimum_is_confirmed(tmp_path / "forged.json", data)
    for name, wrong in (("exponent", 1.0), ("column", 2.5), ("column", 1), ("lowest", -1.0), ("whole", 7.0)):
        forged = json.loads(json.dumps(proof))
        forged["problem"]["powers"][2][name] = wrong
        (tmp_path / "forged.json").write_text(json.dumps(forged))
        with pytest.raises(FileFormatError):
            verify(tmp_path / "forged.json", data)


def test_frames_with_levels_and_counts(rng):
    table, holes = products(rng, m=200)
    frame = pd.DataFrame(holes, columns=list("abcdef"))
    counts = rng.poisson(table[:, 0])
    frame["count"] = np.where(rng.random(200) < 0.2, np.nan, counts)
    frame["size"] = pd.Categorical(np.where(table[:, 1] > np.median(table[:, 1]), "large", "small"))
    model = ll.MatrixCompletion(powers=True, **FAST).fit(frame)
    assert set(powers_of(model)) == set(range(7))
    out = model.fill(frame, means=True)
    assert not out.isna().any().any()
    assert (out.select_dtypes("number") >= 0).all().all()
    known = frame["a"].notna()
    np.testing.assert_array_equal(out["a"][known], frame["a"][known])


def test_pages_speak_of_the_table(fitted, undrawn, tmp_path):
    model, _, _ = fitted
    path = tmp_path / "report.html"
    model.report(path)
    text = path.read_text()
    assert "6 of 6 columns are fitted as square roots or logarithms" in text
    assert "Calibration of intervals" in text
    assert "A cell chosen at random is off by" in text


def test_what_has_no_powers(rng, tmp_path):
    _, holes = products(rng, m=40)
    with pytest.raises(InvalidInputError, match='powers is not used by method "map"'):
        ll.MatrixCompletion(method="map", rank=1, penalty=1.0, powers=True).fit(holes)
    with pytest.raises(InvalidInputError, match="powers must be"):
        ll.MatrixCompletion(powers="maybe").fit(holes)
    pq = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa

    i, j = np.nonzero(~np.isnan(holes))
    pq.write_table(pa.table({"i": i, "j": j, "x": holes[i, j]}), tmp_path / "cells.parquet")
    stored = ll.StoredObservations.from_parquet(
        tmp_path / "cells.parquet", tmp_path / "cells", row="i", column="j", value="x"
    )
    with pytest.raises(UnsupportedError, match="powers is not there"):
        ll.MatrixCompletion(powers=True, certify=False).fit(stored)


@pytest.mark.usefixtures("plain_kernels")
def test_powers_beside_levels_are_no_grades():
    """Logarithms of few prices beside zeros and ones have few values; intervals were cut to their range."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal(240)
    price = np.exp(np.linspace(1, 6, 16))[np.clip(((z + 2) * 4).astype(int), 0, 15)]
    gap = rng.random(240) < 0.25
    frame = pd.DataFrame({"price": np.where(gap, np.nan, price)})
    for k in range(3):
        levels = np.clip(((z + 2) * 2 + rng.standard_normal(240)).astype(int), 0, 7)
        words = pd.Series([f"level {level}" for level in levels]).where(rng.random(240) > 0.15)
        frame[f"c{k}"] = pd.Categorical(words)
    model = ll.MatrixCompletion(powers=True, **FAST).fit(frame)
    at = np.flatnonzero(gap)
    for method in ("auto", "conformal"):
        low, high = model.predict_interval(at, ["price"] * at.size, level=0.8, method=method)
        assert np.mean((low <= price[at]) & (price[at] <= high)) > 0.6


def test_updates_go_beyond_what_was_known():
    rng = np.random.default_rng(1)
    full = np.exp(rng.standard_normal((60, 2)) @ rng.standard_normal((2, 6)))
    holes = np.where(rng.random(full.shape) < 0.25, np.nan, full)
    model = ll.MatrixCompletion(powers=True, **FAST).fit(holes)
    larger = 100 * full[:40]
    gaps = rng.random(larger.shape) < 0.2
    i, j = np.nonzero(~gaps)
    model.update(i + 60, j, larger[i, j], allow_far=True)
    rows, columns = np.nonzero(gaps)
    low, high = model.predict_interval(rows + 60, columns, level=0.9)
    assert (low < high).all()
    assert np.mean((low <= larger[gaps]) & (larger[gaps] <= high)) > 0.75
    ratios = model.predict_cells(rows + 60, columns) / larger[gaps]
    assert 0.6 < np.median(ratios) < 1.6


def test_intervals_beyond_all_that_is_known_have_a_width():
    """Rows whose other numbers lie far beyond: what is read is bounded, and an interval was a point."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal(60)
    table = np.exp(np.column_stack([x, x, 2 * x]) + 0.05 * rng.standard_normal((60, 3)))
    table[x > 0.8, 2] = np.nan
    table[0, :2] = 1e4
    table[0, 2] = np.nan
    model = ll.MatrixCompletion(powers=True, **FAST).fit(table)
    rows = np.flatnonzero(np.isnan(table[:, 2]))
    columns = np.full(rows.size, 2)
    for level in (0.8, 0.95):
        low, high = model.predict_interval(rows, columns, level)
        assert (low < high).all()
        assert (low <= model.predict_cells(rows, columns)).all()


def test_tiny_and_huge_numbers_are_left_alone():
    assert Power.of(np.array([0, 5e-324, 1, 2, 3, 50, 1e3, 1e4])) is None
    assert Power.of(np.geomspace(1, 1e301, 20)) is None


def test_a_document_may_not_change_positive_numbers(fitted, tmp_path):
    model, _, holes = fitted
    save_proof(model, tmp_path / "proof.json")
    proof = json.loads((tmp_path / "proof.json").read_text())
    proof["problem"]["powers"][0]["lowest"] = float(np.nanmedian(holes[:, 0]))
    (tmp_path / "forged.json").write_text(json.dumps(proof))
    with pytest.raises(FileFormatError, match="change positive numbers"):
        verify(tmp_path / "forged.json", ll.Observations.from_array(holes))


@pytest.mark.parametrize(
    ("errors", "densities", "pays"),
    [
        (0.02, 0.0, True),  # errors surely smaller
        (0.0, 0.2, True),  # what happened surely likelier, and errors as before
        (-0.005, 0.2, False),  # surely likelier, and errors surely larger
        (-0.005, 0.5, True),  # far likelier: errors that are hardly larger do not count
        (-0.02, 0.5, False),
        (0.0, 0.0, False),
    ],
)
def test_powers_pay_by_errors_or_by_what_is_likelier(errors, densities, pays):
    noise = np.tile([1.0, -1.0], 500)
    assert bool(power_choice._pays(errors + 0.1 * noise, densities + noise, choices.POWERS)) is pays


def few_rows(kind, seed):
    """A table of some 40 rows: lognormal numbers of a hidden line, or sums of skewed numbers."""
    rng = np.random.default_rng(seed)
    m, n = int(rng.integers(30, 45)), int(rng.integers(5, 9))
    if kind == "sums":
        table = 3 * rng.exponential(size=(m, 2)) ** 1.5 @ rng.uniform(0.2, 2, (2, n))
        return table + np.abs(0.3 * rng.normal(size=(m, n)))
    line = rng.normal(size=(m, 2)) @ rng.normal(size=(2, n)) + 0.4 * rng.normal(size=(m, n))
    return np.exp(0.8 * line + rng.uniform(0, 5, n))


@pytest.mark.parametrize("of_rows", [True, False])
@pytest.mark.parametrize(("kind", "seed", "pays"), [("products", 3, True), ("sums", 0, False)])
def test_known_cells_speak_where_few_can_be_hidden(kind, seed, pays, of_rows, monkeypatch):
    """Clearly skewed columns are logarithms unless hidden cells speak against it; so do those of sums."""
    if not of_rows:
        monkeypatch.setattr(power_choice, "_of_few_columns", lambda *_: False)
    table = few_rows(kind, seed)
    rng = np.random.default_rng(7)
    hidden = rng.random(table.shape) < 0.12
    hidden &= hidden.sum(axis=1, keepdims=True) <= table.shape[1] - 2
    model = ll.MatrixCompletion(row_units=False, **FAST).fit(np.where(hidden, np.nan, table))
    assert isinstance(model._completed.model, PowerLayer) is pays


def test_shares_are_not_clearly_skewed(rng):
    shares = 1 / (1 + np.exp(-3 * rng.standard_normal((40, 1))))
    seen, power = ll.Observations.from_array(shares), Power.of_shares(shares[:, 0])
    assert power is not None
    assert not power_choice._are_clearly_skewed(seen, {0: power})
    numbers = shares / (1 - shares)
    seen = ll.Observations.from_array(numbers)
    assert power_choice._are_clearly_skewed(seen, {0: Power.of(numbers[:, 0])})


@pytest.mark.parametrize("values", [[0.0, 0.0, 12.5, 18.0, 25.0, 100.0], [0.0, 0.0, 0.3, 0.7, 11.0, 101.0]])
def test_what_is_written_below_the_least_number_is_read_as_it(values):
    """Rounding made some 1e-16 of zero, and intervals that reach down to zero did not hold it."""
    power = Power.of(np.array(values))
    assert power.lowest == 0
    ends = power.write(np.array([0.0])) - [0.0, 1.0, 50.0]
    np.testing.assert_array_equal(power.read(ends), 0.0)


def shares(rng, m=200, n=5, whole=1.0):
    """Shares of which logits are products, and other columns that tell of them; the shares come last."""
    rows = rng.standard_normal((m, 2))
    logits = 1.5 * rows @ rng.standard_normal((2, n)) + 0.3 * rng.standard_normal((m, n)) - 1
    table = np.column_stack([rows + 0.3 * rng.standard_normal((m, 2)), whole / (1 + np.exp(-logits))])
    holes = np.where(rng.random(table.shape) < 0.75, table, np.nan)
    holes[np.isnan(holes).all(axis=1), 0] = 0.0
    return table, holes


@pytest.mark.parametrize("whole", [1.0, 100.0])
@pytest.mark.parametrize("ends", [False, True])
def test_shares_there_and_back(whole, ends, rng):
    """Folded logarithms are logits, SciPy's; at the bounds both parts get half the smallest one."""
    from scipy.special import logit

    x = 1 / (1 + np.exp(-2 * rng.standard_normal(300)))
    x[0] = 0.97
    if ends:
        x[1:4] = [0.0, 1.0, 1.0]
    power = Power.of_shares(whole * x)
    assert power.whole == whole
    assert (power.shift > 0) == (power.rest_shift > 0) == ends
    if not ends:
        assert power.exponent == 0.0
        np.testing.assert_allclose(power.write(whole * x), logit(x), atol=1e-12)
    for exponent in (0.0, 0.5):
        own = replace(power, exponent=exponent)
        np.testing.assert_allclose(own.read(own.write(whole * x)), whole * x, atol=1e-12 * whole)
        inside = (x > 0.01) & (x < 0.99)
        y, step = whole * x[inside], 1e-6 * whole
        slope = np.log((own.write(y + step) - own.write(y - step)) / (2 * step))
        np.testing.assert_allclose(own.log_slope(y), slope, atol=1e-6)
        far = own.read(np.array([-1e9, 1e9]))
        np.testing.assert_array_equal(far, [own.lowest, whole - own.least_rest])
        mean, spread = own.expect(np.array(0.4), np.array(0.7))
        drawn = own.read(0.4 + 0.7 * rng.standard_normal(200_000))
        np.testing.assert_allclose([mean, spread], [drawn.mean(), drawn.std()], rtol=0.01)


def test_what_holds_no_shares(rng):
    x = rng.random(100)
    assert Power.of_shares(0.5 * x) is None, "far from the whole"
    assert Power.of_shares(130 * x) is None
    assert Power.of_shares(2 * x - 1) is None, "some are negative"
    assert Power.of_shares(np.append(0.7 + 0.06 * rng.standard_normal(99), 0.93)) is None, "as likely"
    assert Power.of_shares(np.exp(-3 * x) * 0.95) is None, "a power is as likely"
    assert Power.of_shares(np.array([])) is None


def test_shares_are_predicted_better_and_stay_shares(tmp_path):
    table, holes = shares(np.random.default_rng(0))
    gaps = np.isnan(holes) & (np.arange(7) > 1)
    model = ll.MatrixCompletion(**FAST | {"certify": "companion"}).fit(holes)
    plain = ll.MatrixCompletion(powers=False, **FAST).fit(holes)
    assert {j for j, power in powers_of(model).items() if power.whole} == {2, 3, 4, 5, 6}
    errors = [np.sqrt(np.mean((m.predict_table() - table)[gaps] ** 2)) for m in (model, plain)]
    assert errors[0] < 0.85 * errors[1]
    at = np.nonzero(gaps)
    widths = []
    for m in (model, plain):
        low, high = m.predict_interval(*at, 0.9)
        assert 0.85 < np.mean((low <= table[at]) & (table[at] <= high)) < 0.95
        widths.append(np.mean(high - low))
    assert widths[0] < 0.8 * widths[1]
    low, high = model.predict_interval(*at, 0.999)
    assert (low >= 0).all()
    assert (high <= 1).all()
    draws = model.sample(*at, 200, random_state=0)
    assert (draws >= 0).all()
    assert (draws <= 1).all()
    for shift in (-5.0, 5.0):
        far = next(model.sensitivity(shift, random_state=0, n_completions=1).tables(shift))[:, 2:]
        assert far.min() >= 0
        assert far.max() <= 1
    # files, the certificate's own arithmetic, and what may be added
    model.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(
        ll.MatrixCompletion.load(tmp_path / "model.npz").predict_table(), model.predict_table()
    )
    model.save_certificate(tmp_path / "proof.json")
    assert optimum_is_confirmed(tmp_path / "proof.json", ll.Observations.from_array(holes))
    new = np.where(np.arange(7) == 3, 1.2, holes[:2])
    for refused in (lambda: model.update([0], [3], [1.2]), lambda: model.transform(new)):
        with pytest.raises(InvalidInputError, match="lies beyond its column"):
            refused()
    assert np.isfinite(model.transform(np.where(np.arange(7) == 3, 0.0, holes[:2]))).all()
    model.certify = False  # what is judged again is not looked at
    i, j = (part[:3] for part in at)
    model.update(i, j, np.array([1e-9, 1.0, 1 - 1e-9]))
    assert model.predict_table()[:, 2:].max() <= 1


def test_shares_that_sum_to_the_whole_stay():
    """What is linear as it is, is not folded: the last part is the whole without the others."""
    rng = np.random.default_rng(0)
    parts = np.exp(2.0 * rng.standard_normal((300, 4)))
    table = parts / parts.sum(axis=1, keepdims=True)
    holes = table.copy()
    for row in holes:
        row[rng.integers(4)] = np.nan if rng.random() < 0.8 else 0.5
    model = ll.MatrixCompletion(**FAST | {"max_iter": 40}).fit(np.where(holes == 0.5, table, holes))
    at = np.nonzero(np.isnan(holes))
    np.testing.assert_allclose(model.predict_cells(*at), table[at], atol=0.03)


def test_an_update_outside_a_column_of_powers_is_refused(fitted):
    model, _, _ = fitted
    with pytest.raises(InvalidInputError, match="numbers from 0 on"):
        model.update([0], [1], [-1.0])


def test_ends_of_shares_are_of_their_own():
    """Tiny shares said that the least rest is as tiny, and all of the whole was infinite."""
    rng = np.random.default_rng(0)
    x = np.append(10.0 ** rng.uniform(-20, 0, 200), 0.95)
    power = Power.of_shares(x)
    assert np.isfinite(power.write(np.array([0.0, 1.0, 1 - 1e-16]))).all()
    assert power.least_rest == pytest.approx((1 - x.max()) / 2)
    assert power.lowest == x.min() / 2
    again = power.renewed(np.array([1e-30, 1 - 1e-3]))
    assert (again.lowest, again.least_rest) == (5e-31, pytest.approx(5e-4))
    full = Power.of_shares(np.append(x, [1.0, 1.0]))
    assert (full.shift, full.least_rest) == (0.0, 0.0)
    assert full.rest_shift > 1e-3
    np.testing.assert_allclose(full.read(full.write(x)), x, rtol=1e-9)


def test_documents_with_numbers_beyond_their_columns_are_refused(tmp_path):
    """What lies beyond was written as the end: other tables were proved by the same document."""
    _, holes = shares(np.random.default_rng(0))
    holes[:4, 3], holes[4:8, 4] = 1.0, 0.0
    model = ll.MatrixCompletion(**FAST | {"certify": "companion", "powers": True}).fit(holes)
    save_proof(model, tmp_path / "proof.json")
    assert optimum_is_confirmed(tmp_path / "proof.json", ll.Observations.from_array(holes))
    for j, wrong in ((3, 7.0), (4, -3.0)):
        other = holes.copy()
        other[holes[:, j] == (1.0 if j == 3 else 0.0), j] = wrong
        data = ll.Observations.from_array(other)
        proof = json.loads((tmp_path / "proof.json").read_text())
        proof["data"] = data.fingerprint()
        (tmp_path / "forged.json").write_text(json.dumps(proof))
        with pytest.raises(FileFormatError, match="beyond the certificate's powers"):
            verify(tmp_path / "forged.json", data)


def test_a_table_says_which_powers_are_of_shares():
    _, holes = shares(np.random.default_rng(0))
    model = ll.MatrixCompletion(powers=True, **FAST).fit(holes)
    told = model._completed.table.describe_method()
    assert told.endswith("5 of 7 columns as square roots or logarithms, of 5 shares less those of the rest")


@pytest.mark.parametrize("make", [Power.of, Power.of_shares])
@pytest.mark.parametrize("zeros", [False, True])
def test_a_power_that_is_fitted_again_has_the_ends_of_its_numbers(make, zeros, rng):
    first, later = (np.exp(-2 * rng.exponential(size=60)) for _ in range(2))
    first[0], later[0] = 0.95, 0.98
    later[1] = 0.0 if zeros else 1e-6
    again, fresh = make(first).anew(later), make(later)
    for name in ("shift", "lowest", "highest", "whole", "rest_shift", "least_rest"):
        assert getattr(again, name) == getattr(fresh, name)
    assert (again.shift > 0) == zeros
    np.testing.assert_allclose(again.write(later).mean(), again.centre)
