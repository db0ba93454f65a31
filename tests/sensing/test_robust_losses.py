"""Losses that bear gross errors: thresholds found by the search, exact answers, error bars, documents."""

import json

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import FileFormatError, InvalidInputError, UnsupportedError
from lowland.losses import robust_name
from lowland.objectives import make_objective
from lowland.recheck.documents import Document
from lowland.sensing.robust_losses import THRESHOLDS, spread_of

# of data with noise, of which all starts end alike
ONCE = {"rank": 2, "rng": 0, "n_restarts": 0, "certify": False}


def error(found, truth):
    return np.linalg.norm(found - truth) / np.linalg.norm(truth)


def with_gross_errors(seed, *, noise=0.0, share=0.05, size=100.0, is_complex=False, structure="general"):
    """Return measurements of a planted matrix, some of them far off, which these are, and the matrix."""
    rng = np.random.default_rng(seed)
    dtype = "complex128" if is_complex else "float64"
    left, right = (
        rng.standard_normal((10, 2)) + (1j * rng.standard_normal((10, 2)) if is_complex else 0)
        for _ in range(2)
    )
    truth = left @ (left if structure == "psd" else right).conj().T
    measurement = ll.gaussian(200, (10, 10), rng, dtype=dtype)
    clean = measurement.measure_matrix(truth)
    wrong = rng.random(clean.size) < share
    law = (1, 1j) if is_complex else (1,)
    errors = noise * sum(
        part * rng.standard_normal(clean.size) for part in law
    ) + size * wrong * rng.standard_normal(clean.size)
    return measurement, clean + errors, wrong, truth


@pytest.mark.covering
@pytest.mark.parametrize("loss", ["huber", "absolute", "huber:3"])
@pytest.mark.parametrize("size", [10.0, 1e6])
def test_exact_data_are_recovered_whatever_the_size_of_gross_errors(loss, size):
    measurement, y, _, truth = with_gross_errors(0, size=size)
    assert error(ll.recover(measurement, y, rank=2, loss=loss, rng=0, certify=False).matrix(), truth) < 1e-6
    if loss == "huber":  # squares alone, once
        assert error(ll.recover(measurement, y, rank=2, rng=0, certify=False).matrix(), truth) > 0.03


@pytest.mark.parametrize("kind", ["complex", "psd", "complex psd", "density"])
def test_all_structures(kind):
    is_complex = kind in ("complex", "complex psd", "density")
    structure = {"complex": "general", "density": "psd"}.get(kind, kind.split()[-1])
    measurement, y, wrong, truth = with_gross_errors(1, is_complex=is_complex, structure=structure)
    asked = "density" if kind == "density" else structure
    if kind == "density":
        clean = measurement.measure_matrix(truth / np.trace(truth))
        y, truth = np.where(wrong, y, clean), truth / np.trace(truth)
    fit = ll.recover(measurement, y, rank=2, structure=asked, loss="huber", rng=0, certify=False)
    assert error(fit.matrix(), truth) < 1e-6


@pytest.mark.parametrize("count", [4, pytest.param(8, marks=pytest.mark.slow)])
def test_the_threshold_is_that_of_the_noise_in_any_unit(count):
    """Huber's is 1.345 standard deviations; those of measurements without gross errors suit least squares."""
    found = []
    for seed in range(count):
        measurement, y, wrong, truth = with_gross_errors(seed, noise=1.0)
        fit = ll.recover(measurement, y, loss="huber", **ONCE)
        name, threshold = robust_name(fit.objective.loss)
        keep = np.flatnonzero(~wrong)
        best = ll.recover(measurement.subset(keep), y[keep], **ONCE)
        found.append((threshold, error(fit.matrix(), truth), error(best.matrix(), truth)))
        assert name == "huber"
        if seed < 2:
            scaled = ll.recover(measurement, 1e6 * y, loss="huber", **ONCE)
            assert robust_name(scaled.objective.loss)[1] == pytest.approx(1e6 * threshold, rel=0.05)
    thresholds, ours, oracles = np.mean(found, axis=0)
    assert thresholds == pytest.approx(THRESHOLDS["huber"], rel=0.2)
    assert ours < 1.15 * oracles  # 5 % fewer data and 95 % of the efficiency


def test_solvers_of_the_caller_search_with_the_loss():
    measurement, y, _, truth = with_gross_errors(2, noise=0.1)
    ends = {}
    for solver in ("auto", "gradient", "trust_region"):
        fit = ll.recover(measurement, y, loss="huber", solver=solver, **ONCE)
        ends[solver] = fit.search.value
        assert error(fit.matrix(), truth) < 0.05
    assert max(ends.values()) == pytest.approx(min(ends.values()), rel=1e-6)


def test_same_bits_from_the_same_seed():
    measurement, y, *_ = with_gross_errors(3, noise=0.1)
    fits = [ll.recover(measurement, y, loss="huber", **ONCE | {"rng": 7, "n_restarts": 1}) for _ in range(2)]
    assert np.array_equal(fits[0].matrix(), fits[1].matrix())


@pytest.mark.parametrize("is_complex", [False, True])
def test_gross_errors_are_named(is_complex, tmp_path, undrawn):
    measurement, y, *_ = with_gross_errors(7, noise=0.1, share=0.0, is_complex=is_complex)
    wrong = [5, 17, 160]
    y[wrong] += [30.0, -50.0, 1e5]
    fit = ll.recover(measurement, y, loss="huber", **ONCE)
    assert fit.gross_errors().tolist() == wrong
    said = "3 of 200 measurements are more than 5 standard deviations of the noise off"
    assert f"{said} (positions from 0: 5, 17, 160)" in str(fit)
    fit.report(tmp_path / "page.html")
    assert said in (tmp_path / "page.html").read_text()
    assert fit.gross_errors(1e9).size == 0
    with pytest.raises(InvalidInputError, match="spreads"):
        fit.gross_errors(0)
    squared = ll.recover(measurement, y, **ONCE)
    assert "standard deviations" not in str(squared)


def test_a_penalty_is_kept():
    """The ridge that fades on the way is not part of the answer's problem, and that of the caller is."""
    measurement, y, *_ = with_gross_errors(4, noise=0.1)
    for penalty in (0.0, 5.0):
        fit = ll.recover(measurement, y, rank=2, loss="huber", penalty=penalty, rng=0, n_restarts=0)
        assert fit.objective.penalty == penalty
        assert fit.certificate["stationary"].verdict is ll.Verdict.SUPPORTED


@pytest.mark.parametrize("count", [6, pytest.param(12, marks=pytest.mark.slow)])
def test_error_bars_cover_the_truth(count):
    """In three standard errors of 95 %, from residuals that gross errors do not widen."""
    inside = []
    for seed in range(count):
        measurement, y, _, truth = with_gross_errors(seed, noise=1.0)
        fit = ll.recover(measurement, y, loss="huber", **ONCE)
        rows, columns = np.indices(truth.shape).reshape(2, -1)
        bars = fit.interval(rows, columns)
        inside.append(np.mean((bars.lower <= truth.ravel()) & (truth.ravel() <= bars.upper)))
        assert 0.8 < bars.noise < 1.6
    assert abs(np.mean(inside) - 0.95) < 3 * np.std(inside) / np.sqrt(len(inside)) + 0.01
    with pytest.raises(UnsupportedError, match="new data"):
        fit.interval([0], [0], new_observation=True)
    sharp = ll.recover(measurement, y, loss="absolute", **ONCE)
    with pytest.raises(UnsupportedError, match="squared loss"):
        sharp.interval([0], [0])


@pytest.mark.parametrize("fitted", [0, 100])
def test_the_spread_ignores_what_is_fitted_and_what_is_far(fitted):
    rng = np.random.default_rng(0)
    errors = np.concatenate([2 * rng.standard_normal(4000), np.zeros(fitted), [1e9] * 40])
    assert spread_of(errors, fitted) == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("huber:0", "between"),
        ("huber:much", "between"),
        ("huber:nan", "between"),
        ("absolute:1", "loss is unknown"),
        ("squared:1", "loss is unknown"),
        ("Huber", "loss is unknown"),
        (3, "unknown"),
    ],
)
def test_bad_names(name, words):
    with pytest.raises(InvalidInputError, match=words):
        ll.recover(ll.gaussian(30, (4, 4), 0), np.ones(30), rank=1, loss=name)


def test_documents_say_the_threshold_and_refuse_others(tmp_path):
    measurement, y, *_ = with_gross_errors(5, noise=0.1)
    fit = ll.recover(measurement, y, rank=2, loss="huber", rng=0, n_restarts=0)
    path = tmp_path / "proof.json"
    fit.save_certificate(path)
    checked = ll.verify(path, (measurement, y))
    threshold = robust_name(fit.objective.loss)[1]
    assert checked.is_confirmed
    assert f"huber loss (threshold {threshold:.4g})" in str(checked)
    plain = json.loads(path.read_text())
    for changed in (1e-12, 1e9, -1.0):
        plain["problem"]["threshold"] = changed
        path.write_text(json.dumps(plain))
        with pytest.raises(FileFormatError):
            ll.verify(path, (measurement, y))
    assert Document.from_json(path.read_text()).problem["loss"] == "huber"


def test_other_clipped_losses_have_no_document():
    from lowland.losses import Clipped
    from lowland.objectives.plain import recovery_document

    measurement, y, *_ = with_gross_errors(6)
    objective = make_objective(measurement, y, ll.models.General((10, 10), 2), loss=Clipped.quantile(0.9))
    with pytest.raises(UnsupportedError, match="losses by column"):
        recovery_document(objective, np.ones(objective.size), None)
