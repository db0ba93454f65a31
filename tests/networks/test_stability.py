"""Stable minima: the weight of knots, sharpness, descent with large steps, verdicts, the spline regressor."""

import pickle
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut, TimeSeriesSplit

import lowland as ll
from cases import random_network
from lowland import networks as ln
from lowland.core.errors import InvalidInputError, LowlandError
from lowland.core.results.status import Rigour, Verdict
from lowland.networks.certificates import sharpness as sharpness_module
from lowland.networks.certificates import stability as stability_module
from lowland.networks.certificates.sharpness import Sharpness, kernel, measure_sharpness, rescaling_bracket
from lowland.networks.certificates.slopes import Slopes
from lowland.networks.certificates.stability import judge_stability
from lowland.networks.kernels import descent as relu_descent
from lowland.networks.kernels.descent import DIVERGED, descend
from lowland.networks.network import two_layer
from lowland.networks.regions.model import Relu
from lowland.networks.regions.objective import ReluObjective
from lowland.networks.splines import descent as descent_module
from lowland.networks.splines import knot_choice as spline_choice
from lowland.networks.splines.descent import random_starts, unpack
from lowland.networks.splines.displays import EdgeDisplay
from lowland.networks.splines.variation import effective_knots, knots, variation_of_knots
from lowland.report.plain_findings import answer
from oracles import relu as naive


def univariate(rng, width=12, scale=1.0):
    w, b, v = rng.standard_normal((3, width))
    return two_layer(scale * w[:, None], b, v, float(rng.standard_normal()))


# ------------------------------------------------------------------ the weight and the knots
def test_published_weights():
    found = ln.variation_weight([-1.0, 0.0, 1.0], [-0.5, 0.0, 0.5, 2.0, -2.0])
    np.testing.assert_allclose(found, [0.0785674, 0.1571348, 0.0785674, 0, 0], atol=5e-8)
    ties = ln.variation_weight([0.0, 0.0, 1.0, 2.0, 2.0], [0.5, 1.0, 1.5])
    np.testing.assert_allclose(ties, [0.08, 0.16, 0.178885], atol=5e-7)


def test_weight_by_its_definition(rng):
    x = np.round(rng.uniform(-2, 3, 40), 1)  # with ties
    t = np.r_[rng.uniform(-3, 4, 50), x[:10]]
    expected = [naive.variation_weight(x, ti) for ti in t]
    np.testing.assert_allclose(ln.variation_weight(x, t), expected, atol=1e-12)


def test_weight_of_inputs_far_from_zero():
    from fractions import Fraction

    x = 1e8 + np.array([0.0, 0.25, 1.0, 1.5, 3.0])
    for t in (1e8 + 0.5, 1e8 + 1.25, 1e8 + 2.0):
        sides = [[Fraction(v) for v in x if v < t], [Fraction(v) for v in x if v > t]]
        exact = []
        for side, sign in zip(sides, (1, -1), strict=True):
            mean = sum(side) / len(side)
            share = Fraction(len(side), 5)
            exact.append(float(share**2 * sign * (Fraction(t) - mean)) * float(np.hypot(1, float(mean))))
        assert float(ln.variation_weight(x, t)) == pytest.approx(min(exact), rel=1e-12)
    assert ln.variation_weight(x, t).shape == ()


def test_weight_of_many_inputs():
    x = np.linspace(-1, 1, 200_001)
    np.testing.assert_allclose(ln.variation_weight(x, [0.0, 0.5]), [0.13975, 0.019531], rtol=1e-4)


def test_equal_knots_are_one(rng):
    x = rng.uniform(-1, 1, 30)
    w, b, v = (np.array(part) for part in ([1.0, 1.0, -2.0], [0.3, 0.3, 0.2], [1.0 + 1e6, -1e6, 0.5]))
    places, jumps = knots(w, b, v)
    np.testing.assert_allclose(places, [-0.3, 0.1])
    np.testing.assert_allclose(jumps, [1.0, 1.0], rtol=1e-9)
    merged = variation_of_knots(x, *knots(np.array([1.0, -2.0]), np.array([0.3, 0.2]), np.array([1.0, 0.5])))
    assert variation_of_knots(x, places, jumps) == pytest.approx(merged)
    naive_sum = float(np.abs(v * w) @ ln.variation_weight(x, -b / w))
    assert naive_sum > 1000 * merged  # what forgets to merge
    assert knots(np.zeros(2), np.ones(2), np.ones(2))[0].size == 0


def test_knots_that_data_can_tell_apart():
    x = np.array([0.0, 1.0, 2.0, 3.0])
    places, jumps = (
        np.array([-1.0, 0.2, 0.4, 1.5, 2.5, 2.6, 9.0]),
        np.array([5.0, 1.0, 3.0, 0.01, 2.0, -2.0, 5.0]),
    )
    found, sizes = effective_knots(x, places, jumps)
    np.testing.assert_allclose(found, [0.35])
    np.testing.assert_allclose(sizes, [4.0])
    for outside in (-1.0, 0.0, 3.0, 4.0):
        assert effective_knots(x, np.array([outside]), np.array([1.0]))[0].size == 0
    with np.errstate(all="raise"):
        assert knots(np.array([1e-310]), np.array([0.05]), np.ones(1))[0].size == 0


# ------------------------------------------------------------------ sharpness
@pytest.mark.covering
@pytest.mark.parametrize("count", [6, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("sizes", [(1, 7, 1), (3, 6, 1)])
@pytest.mark.parametrize("biased", [(True, True), (False, True), (True, False)])
def test_sharpness_is_the_hessians(sizes, biased, count, rng, monkeypatch):
    for _ in range(count):
        network = random_network(rng, sizes, biased)
        inputs, targets = rng.standard_normal((11, sizes[0])), rng.standard_normal(11)
        objective = ReluObjective(inputs, targets, Relu(network))
        theta = objective.model.point(network)
        hessian = np.stack([objective.hessian_product(theta, unit) for unit in np.eye(theta.size)])
        values = np.linalg.eigvalsh(hessian)
        found = measure_sharpness(network, inputs, targets)
        assert found.largest == pytest.approx(values[-1], rel=1e-10)
        assert found.smallest == pytest.approx(values[0], abs=1e-9 * values[-1])
        assert found.gradient_norm == pytest.approx(np.linalg.norm(objective.gradient(theta)))
        here = objective.linearise(theta)
        gauss_newton = np.stack([here.gauss_newton_product(unit) for unit in np.eye(theta.size)])
        assert found.gauss_newton == pytest.approx(np.linalg.eigvalsh(gauss_newton)[-1], rel=1e-10)
        assert found.remainder == pytest.approx(np.linalg.norm(hessian - gauss_newton, 2), abs=1e-9)
        monkeypatch.setattr(sharpness_module, "DENSE", 5)
        iterated = measure_sharpness(network, inputs, targets)
        assert abs(iterated.largest - found.largest) <= iterated.error + 1e-9
        assert iterated.lower <= found.upper
        assert found.lower <= found.largest <= found.upper
        assert found.upper - found.lower <= 1e-9 * found.upper
        assert iterated.gauss_newton == pytest.approx(found.gauss_newton, rel=1e-8)
        monkeypatch.undo()


@pytest.mark.parametrize("count", [50, pytest.param(120, marks=pytest.mark.slow)])
@pytest.mark.parametrize("wide", [1.0, 3.0])
def test_bounds_below_the_sharpness(wide, count, rng):
    ratios = []
    for _ in range(count):
        network, x = univariate(rng, int(rng.integers(1, 40))), wide * rng.uniform(-1, 1, (30, 1))
        variation = variation_of_knots(x[:, 0], *knots(*network.univariate()[:3]))
        bracket = rescaling_bracket(network, x)
        largest = measure_sharpness(network, x, rng.standard_normal(30)).gauss_newton
        assert 1 + 2 * variation <= bracket.lower + 1e-9
        assert bracket.lower <= min(largest, bracket.upper) + 1e-9
        np.testing.assert_allclose(bracket.network(x), network(x), rtol=1e-9, atol=1e-9)
        ratios.append(bracket.upper / bracket.lower)
    assert max(ratios) < 2.5


def test_dead_networks_are_as_flat_as_can_be(rng):
    network = two_layer(np.ones((4, 1)), -9 * np.ones(4), np.ones(4), 0.5)
    x = rng.uniform(-1, 1, (20, 1))
    assert measure_sharpness(network, x, np.zeros(20)).largest == pytest.approx(1.0)
    assert rescaling_bracket(network, x).lower == pytest.approx(1.0)


def test_published_rescalings():
    x = np.array([[-1.0], [0.0], [1.0]])
    for scale, sharp in ((1, 4.957216), (2, 4.785836), (4, 14.095039), (10, 83.902026)):
        network = two_layer(np.array([[1.0 * scale]]), np.array([0.5 * scale]), np.array([2.0 / scale]), 0.0)
        assert np.linalg.eigvalsh(kernel(network, x))[-1] == pytest.approx(sharp, abs=2e-3)
        assert variation_of_knots(x[:, 0], *knots(*network.univariate()[:3])) == pytest.approx(0.1571348)


# ------------------------------------------------------------------ verdicts
def fitted_exactly():
    """A network that interpolates: stationary, H = G."""
    network = two_layer(np.array([[1.0]]), np.array([0.5]), np.array([1.0]), 0.0)
    x = np.array([-1.0, 0.0, 1.0])
    return network, x, network(x)


def test_stability_at_a_stationary_point():
    network, x, y = fitted_exactly()
    largest = measure_sharpness(network, x[:, None], y).largest
    stable = ln.stability_report(network, x, y, 1.999 / largest)
    assert stable.certificate["stable_at_step_size"].verdict is Verdict.PROVED
    assert ln.stability_report(network, x, y, 2.001 / largest).certificate.verdict is Verdict.REFUTED
    assert stable.largest_step_of_function > 2 / largest
    low, high = stable.largest_step_of_rescalings
    assert low <= high <= stable.largest_step_of_function


def test_stability_is_what_descent_does(rng):
    """Near a stationary point the distance shrinks under a stable step and grows under an unstable one."""
    network, x, y = fitted_exactly()
    objective = ReluObjective(x, y, Relu(network))
    theta = objective.model.point(network)
    largest = measure_sharpness(network, x[:, None], y).largest
    for factor in (0.98, 1.02):
        at = theta + 1e-7 * rng.standard_normal(theta.size)
        first = objective.value(at)
        for _ in range(400):
            at = at - factor * 2 / largest * objective.gradient(at)
        report = ln.stability_report(network, x, y, factor * 2 / largest)
        shrinks = objective.value(at) < first
        assert shrinks == (report.certificate.verdict is Verdict.PROVED)


def test_what_is_not_at_rest_or_at_a_kink_is_not_proved():
    network, x, y = fitted_exactly()
    moved = ln.stability_report(network, x, y + 0.1, 0.01)
    assert moved.certificate.verdict is Verdict.INCONCLUSIVE
    kink = ln.stability_report(network, [-1.0, -0.5, 1.0], [0.0, 0.0, 1.5], 0.01)
    assert kink.certificate.verdict is Verdict.INCONCLUSIVE


def test_saddles_are_refuted():
    # an output weight of zero, and residuals that neither the neuron nor the offset can lower
    network = two_layer(np.array([[1.0]]), np.array([0.5]), np.array([0.0]), 0.0)
    found = ln.stability_report(network, [-1.0, 0.0, 1.0], [-2.0, 3.0, -1.0], 0.1)
    assert found.sharpness.gradient_norm < 1e-12
    assert found.sharpness.smallest < -0.1
    assert found.certificate.verdict is Verdict.REFUTED


def test_a_saddle_beside_a_large_curvature_is_a_saddle():
    from scipy.optimize import brentq

    x = np.linspace(-1, 1, 40)
    y = np.sin(5 * x) + x**2
    a, c = np.linalg.lstsq(np.c_[x, np.ones(40)], y, rcond=None)[0]
    rest = a * x + c - y
    t = brentq(lambda t: float(np.mean(rest * np.maximum(x - t, 0))), 0.3, 0.45, xtol=1e-15)
    for size in (1.0, 1e5):
        network = ln.ReluNetwork(
            ([[a / size], [1.0]], [size, 0.0]), ([2 * abs(a / size), -t], [c - 2 * abs(a)])
        )
        verdict = ln.stability_report(network, x, y, 2e-11).certificate.verdict
        assert verdict is Verdict.REFUTED


def test_a_constant_does_not_make_a_point_rest():
    x = np.linspace(-1, 1, 30)
    for shift in (0.0, 1e6):
        y = shift + np.sin(3 * x)
        network = ln.ReluNetwork(([[1.0]], [0.5]), ([-5.0], [shift - 0.9]))
        assert ln.stability_report(network, x, y, 0.1).certificate.verdict is Verdict.INCONCLUSIVE


def test_nearly_at_rest_is_no_saddle(rng):
    """Residuals of a minimum that is not quite reached curve a little down."""
    x, y = np.sort(rng.uniform(-1, 1, 40)), rng.standard_normal(40)
    start = random_starts(1, 2, rng)
    status = np.zeros(1, np.int8)
    descend(x, y, start, 0.1, 400_000, status)
    network = unpack(start[0])
    w, b, v, c = network.univariate()
    assert ln.stability_report(network, x, y, 0.1).certificate.verdict is Verdict.PROVED
    moved = two_layer(w[:, None], b, v, c + 1e-7)
    verdict = ln.stability_report(moved, x, y, 0.1).certificate.verdict
    assert verdict in (Verdict.PROVED, Verdict.INCONCLUSIVE)


def test_many_parameters_never_make_a_saddle(rng, monkeypatch):
    x, y = np.sort(rng.uniform(-1, 1, 40)), rng.standard_normal(40)
    start = random_starts(1, 2, rng)
    descend(x, y, start, 0.1, 30_000, np.zeros(1, np.int8))
    network = unpack(start[0])
    dense = ln.stability_report(network, x, y, 0.1)
    monkeypatch.setattr(sharpness_module, "DENSE", 5)
    found = ln.stability_report(network, x, y, 0.1)
    assert found.sharpness.smallest_is_bound
    assert found.sharpness.smallest <= dense.sharpness.smallest + 1e-12
    assert found.certificate.verdict is not Verdict.REFUTED
    dead = two_layer(np.ones((4, 1)), -9 * np.ones(4), np.ones(4), None)
    assert ln.stability_report(dead, x, 0 * y, 0.1).sharpness.largest == 0


def test_weights_are_those_of_repeated_points(rng):
    x, y, counts = rng.uniform(-1, 1, 12), rng.standard_normal(12), rng.integers(1, 4, 12)
    network = univariate(rng, 6)
    weighted = ln.stability_report(network, x, y, 0.1, weights=counts)
    repeated = ln.stability_report(network, np.repeat(x, counts), np.repeat(y, counts), 0.1)
    for name in ("largest", "smallest", "gauss_newton", "remainder", "gradient_norm", "loss"):
        pair = (getattr(r.sharpness, name) for r in (weighted, repeated))
        assert next(pair) == pytest.approx(next(pair), rel=1e-9), name
    assert weighted.variation == pytest.approx(repeated.variation)
    assert weighted.bracket.lower == pytest.approx(repeated.bracket.lower)
    assert weighted.bracket.upper == pytest.approx(repeated.bracket.upper)
    with pytest.raises(InvalidInputError, match="weights"):
        ln.stability_report(network, x, y, 0.1, weights=-counts)


def test_judges_that_forget_are_caught(monkeypatch):
    """The mutants: a judge without the limit, without the gradient, without the smallest eigenvalue."""
    good = Sharpness(
        largest=1.0,
        error=1e-12,
        smallest=0.0,
        gauss_newton=1.0,
        remainder=0.0,
        gradient_norm=0.0,
        loss=0.5,
        kinks=0,
        lower=1 - 1e-12,
        upper=1 + 1e-12,
        lowest=0.0,
        slopes=Slopes(most_unrest=1e-9, idle_ends=(0.0, 0.0)),
    )
    cases = {
        "limit": replace(good, largest=3.0, gauss_newton=3.0, lower=3.0, upper=3.0),
        "rest": replace(good, gradient_norm=0.3, slopes=replace(good.slopes, unrest=0.3, most_unrest=0.3)),
        "saddle": replace(good, smallest=-0.5, remainder=0.5, lowest=-0.5),
        "kink": replace(good, kinks=1),
        "edge": replace(good, largest=2.0, gauss_newton=2.0, lower=1.999, upper=2.001),
        "bound": replace(good, smallest=-0.1, remainder=0.1, smallest_is_bound=True, lowest=-0.1),
        "upper": replace(good, upper=np.inf),
        "upper is no number": replace(good, upper=np.nan),
        "lowest": replace(good, lowest=-1e-6),
        "slopes": replace(good, slopes=replace(good.slopes, most_unrest=1e-5)),
        "idle": replace(good, slopes=replace(good.slopes, idle_ends=(0.0, 1e-5))),
        "an idle neuron": replace(good, slopes=replace(good.slopes, idle_pull=1e-5)),
    }
    proof = judge_stability(good, 1.0)
    assert (proof.verdict, proof.rigour) == (Verdict.PROVED, Rigour.RIGOROUS)
    for name, case in cases.items():
        found = judge_stability(case, 1.0)
        assert found.verdict is not Verdict.PROVED, name
        assert found.rigour.is_proof == (found.verdict is Verdict.REFUTED), name
    for name in ("upper", "lowest", "slopes", "idle"):
        assert judge_stability(cases[name], 1.0).verdict is Verdict.SUPPORTED, name
    monkeypatch.setattr(stability_module, "STATIONARY", 1.0)
    assert judge_stability(cases["rest"], 1.0).verdict is Verdict.PROVED


def test_only_what_is_proved_is_refuted():
    pull = Slopes(idle_pull=0.5, most_unrest=1e-9, idle_ends=(0.4, 0.6))
    saddle = Sharpness(
        largest=1.0,
        error=1e-12,
        smallest=-0.5,
        gauss_newton=1.0,
        remainder=0.5,
        gradient_norm=0.0,
        loss=0.5,
        kinks=0,
        lower=1.0,
        upper=1.0,
        slopes=pull,
    )
    found = judge_stability(saddle, 1.0)
    assert (found.verdict, found.rigour, len(found.assumptions)) == (Verdict.REFUTED, Rigour.RIGOROUS, 1)
    unproved = (
        replace(saddle, slopes=replace(pull, most_unrest=1e-5)),
        replace(saddle, slopes=replace(pull, idle_ends=(1e-5, 0.6))),
        replace(saddle, largest=3.0, lower=-np.inf, upper=np.inf),
        replace(saddle, largest=2.0, lower=2.0, upper=2.0),
    )
    for case in unproved:
        found = judge_stability(case, 1.0)
        assert (found.verdict, found.rigour) == (Verdict.INCONCLUSIVE, Rigour.WORKING_PRECISION)


def test_what_underflow_forbids_to_prove_is_supported(tmp_path, undrawn):
    x = np.linspace(-2.1, 2, 9)
    network = two_layer(np.array([[1.0], [1e-70]]), np.array([0.5, 1e-70]), np.array([1.0, -1.5]), 0.1)
    report = ln.stability_report(network, x, network(x), 0.05)
    finding = report.certificate["stable_at_step_size"]
    assert (finding.verdict, finding.rigour) == (Verdict.SUPPORTED, Rigour.WORKING_PRECISION)
    assert answer(finding).words.startswith("Probably: a stationary point")
    report.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "Supported, not proved: gradient descent with step 0.05 stays here." in page


def test_a_kink_within_rounding_is_a_kink():
    """What the neuron reads is not zero in exact arithmetic, nor is it told from zero."""
    x = np.array([0.1, 0.5, 0.7, 1.1])
    network = two_layer(np.array([[3.0]]), np.array([np.nextafter(-1.5, 0)]), np.array([1.0]), 0.1)
    report = ln.stability_report(network, x, network(x), 0.05)
    assert network.layers(x[:, None])[0][1] != 0
    assert report.certificate["stable_at_step_size"].reason[0].code == "no_hessian"


# ------------------------------------------------------------------ descent
def one_step(x, y, parameters, step_size):
    """A run's parameters after one step; x ascends."""
    out = np.array([parameters])
    descend(x, y, out, step_size, 1, np.zeros(1, np.int8))
    return out[0]


@pytest.mark.parametrize("kind", ["plain", "ties", "flat neurons", "outside"])
def test_descent_is_gradient_descent(kind, rng):
    x, y = np.sort(rng.uniform(-1, 1, 20)), rng.standard_normal(20)
    start = random_starts(1, 15, rng)[0]
    if kind == "ties":
        x = np.sort(np.round(x, 1))
    if kind == "flat neurons":
        start[:4], start[15:17] = 0.0, (1.0, -1.0)
    if kind == "outside":
        start[15:25] += 5
    objective = ReluObjective(x, y, Relu(unpack(start)))
    theta = objective.model.point(unpack(start))
    stepped = objective.model.lift(theta - 0.1 * objective.gradient(theta)).univariate()
    np.testing.assert_allclose(one_step(x, y, start, 0.1), np.hstack([*stepped[:3], stepped[3]]), atol=1e-14)
    many = start[None].copy()
    status = np.zeros(1, np.int8)
    mean = descend(x, y, many, 0.05, 200, status)
    np.testing.assert_allclose(many[0], naive.descend(x, y, start, 0.05, 200), atol=1e-9)
    assert mean[0] < objective.value(theta)


def test_explosions_stand_still(rng):
    x, y = np.sort(rng.uniform(-1, 1, 20)), rng.standard_normal(20)
    parameters, status = 10 * random_starts(3, 10, rng), np.zeros(3, np.int8)
    parameters[1] *= 1e4
    mean = descend(x, y, parameters, 0.001, 500, status)
    assert status.tolist() == [0, DIVERGED, 0]
    assert np.isfinite(mean[[0, 2]]).all()
    assert np.isinf(mean[1])
    with pytest.raises(LowlandError, match="every run diverged"):
        ln.fit_stable(x, y, step_size=1e4, n_runs=2, n_steps=100, rng=0)


def test_the_number_of_threads_changes_no_bit(rng, monkeypatch):
    x, y = rng.uniform(-1, 1, 20), rng.standard_normal(20)
    first = ln.fit_stable(x, y, step_size=0.1, n_steps=2000, rng=1)
    monkeypatch.setattr(
        relu_descent, "run_chunks", lambda work, bounds: work(int(bounds[0]), int(bounds[-1]))
    )
    second = ln.fit_stable(x, y, step_size=0.1, n_steps=2000, rng=1)
    np.testing.assert_array_equal(first.runs.parameters, second.runs.parameters)


def hat(seed, n=30, noise=0.5):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, n)
    return x, 1 - 2 * np.abs(x) + noise * rng.standard_normal(n)


# enough to settle at the edge of stability for the large steps; small ones lose their knots slowly
SETTLED, SLOWLY = {"n_steps": 15_000}, {"n_steps": 30_000}


@cache
def unrestarted(step):
    return ln.fit_stable(
        *hat(0), step_size=step, rng=1, restart=False, **(SETTLED if step >= 0.4 else SLOWLY)
    )


def test_step_size_chooses_the_number_of_knots():
    x, y = hat(0)
    counts = {}
    for step in (0.05, 0.4):
        fit = unrestarted(step)
        reports = [ln.stability_report(fit.runs.network(k), x, y, step) for k in range(8)]
        assert max(r.sharpness.largest for r in reports) <= 1.02 * 2 / step
        assert all(r.variation <= 1 / step - 0.5 for r in reports)
        counts[step] = [r.effective[0].size for r in reports if r.effective[0].size]
    assert np.median(counts[0.4]) <= 5 < 9 <= np.median(counts[0.05])


def test_sharpness_is_tracked_to_the_edge(tmp_path, undrawn):
    x, y = hat(0)
    fit = ln.fit_stable(x, y, step_size=0.1, rng=1, n_steps=20_000, n_runs=3, restart=False, track=True)
    track = fit.runs.track
    assert track.steps[-1] == fit.runs.steps
    assert track.losses.shape == track.sharpness.shape == (track.steps.size, 3)
    np.testing.assert_array_equal(track.losses[-1], fit.runs.losses)
    last = [measure_sharpness(fit.runs.network(k), x[:, None], y).gauss_newton for k in range(3)]
    np.testing.assert_allclose(track.sharpness[-1], last)
    assert 0.9 < np.median(track.sharpness[5:]) / 20 < 1.05  # it hovers about 2 over the step size
    fit.report(tmp_path / "fit.html")
    assert "Edge of stability" in (tmp_path / "fit.html").read_text()
    fit.stability.report(tmp_path / "stability.html")
    assert "Largest" not in (tmp_path / "stability.html").read_text()[:200]
    untracked = ln.fit_stable(x, y, step_size=0.1, rng=1, n_steps=100)
    assert untracked.runs.track is None
    with pytest.raises(InvalidInputError, match="track=True"):
        EdgeDisplay.from_fit(untracked)


def test_lost_knots_are_counted_and_restarted():
    x, y = hat(0)
    lost = unrestarted(0.4)
    assert lost.collapsed == lost.runs.status.count("collapsed") > 0
    assert lost.restarts == 0
    again = ln.fit_stable(x, y, step_size=0.4, rng=1, **SETTLED)
    assert again.restarts >= lost.collapsed
    assert again.runs.status.count("collapsed") < lost.collapsed
    assert again.knots.size > 0
    straight = ln.fit_stable(x, y, step_size=0.8, rng=1, n_runs=3, restart=False, **SETTLED)
    assert "collapsed" in straight.runs.status


def test_a_warm_up_keeps_knots():
    x, y = hat(0)
    cold = unrestarted(0.8)
    warm = ln.fit_stable(x, y, step_size=0.8, rng=1, restart=False, warm_up=True, **SETTLED)
    assert warm.collapsed < cold.collapsed
    variations = [ln.stability_report(warm.runs.network(k), x, y, 0.8).variation for k in range(8)]
    assert max(variations) <= 1 / 0.8 - 0.5
    sizes = []

    def spy(x, y, parameters, step_size, steps, status):
        sizes.extend([step_size] * steps)
        return np.zeros(len(parameters))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(descent_module, "descend", spy)
        ln.fit_stable(x, y, step_size=0.8, rng=1, n_steps=1000, warm_up=True, restart=False)
    assert [sizes[k] for k in (0, 49, 50, 100, 150, 199, 200, 999)] == [
        0.05, 0.05, 0.1, 0.2, 0.4, 0.4, 0.8, 0.8,
    ]  # fmt: skip


def test_interrupts_keep_what_there_is():
    x, y = hat(1)

    def stop(done, total, seconds):
        if done >= 4000:
            raise KeyboardInterrupt

    fit = ln.fit_stable(x, y, step_size=0.05, rng=0, n_steps=50_000, on_progress=stop)
    assert fit.message == "interrupted"
    assert fit.runs.steps == 4000


@pytest.mark.parametrize(
    ("x", "y", "settings", "words"),
    [
        ([0.0, 1.0], [0.0, 1.0], {}, "three numbers"),
        ([0.0, 0.0, 0.0], [0.0, 1.0, 2.0], {}, "distinct"),
        ([0.0, 1.0, np.nan], [0.0, 1.0, 2.0], {}, "finite"),
        ([0.0, 1.0, 2.0], [0.0, 1.0], {}, "targets"),
        ([0.0, 1.0, 2.0], [0.0, 1.0, np.inf], {}, "finite"),
        ([0.0, 1.0, 2.0], [0.0, 1.0, 2.0], {"step_size": 0.0}, "step_size"),
        ([0.0, 1.0, 2.0], [0.0, 1.0, 2.0], {"width": 0}, "width"),
        ([0.0, 1.0, 2.0], [0.0, 1.0, 2.0], {"n_runs": 1.5}, "n_runs"),
    ],
)
def test_bad_input(x, y, settings, words):
    with pytest.raises(InvalidInputError, match=words):
        ln.fit_stable(x, y, **{"step_size": 0.1, **settings})


# ------------------------------------------------------------------ the estimator
@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    x = np.linspace(0, 10, 90)
    y = np.minimum(x, 5) + 0.1 * rng.standard_normal(90)
    return ll.StableSplineRegressor(random_state=0).fit(x, y), x, y


def test_a_spline_with_one_knot(fitted):
    model, x, y = fitted
    assert np.sqrt(np.mean((model.predict(x) - np.minimum(x, 5)) ** 2)) < 0.06
    assert model.score(x, y) > 0.99
    assert model.n_knots_ == 1
    assert model.cv_errors_[1] <= 1.5 * min(model.cv_errors_.values())
    assert model.stability_.certificate.verdict is not Verdict.REFUTED
    assert model.n_features_in_ == 1


def test_the_read_out_is_the_function(fitted):
    model, _, _ = fitted
    assert model.slopes_.size == model.knots_.size + 1
    ends = np.r_[model.support_[0], model.knots_, model.support_[1]]
    middles = (ends[1:] + ends[:-1]) / 2
    rises = (model.predict(ends[1:]) - model.predict(ends[:-1])) / np.diff(ends)
    wide = np.diff(ends) > 1e-6
    np.testing.assert_allclose(rises[wide], model.slopes_[wide], atol=1e-6)
    assert np.isin(np.searchsorted(model.knots_, middles), np.arange(model.slopes_.size)).all()


def test_intervals_cover_new_observations():
    inside = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x, new = rng.uniform(-1, 1, (2, 60))
        y, target = (np.abs(t) + 0.3 * rng.standard_normal(60) for t in (x, new))
        model = ll.StableSplineRegressor(random_state=seed).fit(x, y)
        lower, upper = model.predict_interval(new, 0.8)
        within = (new >= x.min()) & (new <= x.max())
        inside.append(np.mean((lower <= target) & (target <= upper), where=within))
    assert 0.74 < np.mean(inside) < 0.88


def test_nothing_is_said_outside_the_data(fitted):
    model, _, _ = fitted
    lower, upper = model.predict_interval([-1.0, 5.0, 11.0], 0.9)
    np.testing.assert_array_equal(np.isinf(lower), [True, False, True])
    np.testing.assert_array_equal(np.isinf(upper), [True, False, True])
    risk = model.boundary_risk([5.0, 0.5, -1.0])
    assert risk[0] < risk[1] < risk[2] == np.inf
    assert model.boundary_risk(np.linspace(0, 10, 999)).min() == pytest.approx(1.0, rel=0.01)
    lower, upper = model.predict_interval([5.0], 0.999)  # more than 90 points can tell
    assert np.isinf([lower[0], upper[0]]).all()
    with pytest.raises(InvalidInputError, match="level"):
        model.predict_interval([5.0], 1.0)


def test_means_vary_no_more_than_their_parts(fitted):
    model, x, _ = fitted
    scaled = (x - 5) / 5
    parts = [variation_of_knots(scaled, part.knots, np.diff(part.slopes)) for part in model._cross.splines]
    assert model.variation_ <= max(parts)
    single = clone(model).set_params(average=False).fit(*fitted[1:])
    assert single.knots_.size == single.n_knots_ < model.knots_.size
    chosen = single.path_[single.n_knots_].spline
    np.testing.assert_array_equal(single.predict(x), single._mean + single._unit * chosen(scaled))
    np.testing.assert_allclose(single.network_(scaled), chosen(scaled), atol=1e-9)


def test_a_step_size_leaves_what_is_stable():
    x, y = hat(0, 80, 0.2)
    free = ll.StableSplineRegressor(random_state=0).fit(x, y)
    budget = free.path_[2].largest_step
    model = ll.StableSplineRegressor(budget, random_state=0).fit(x, y)
    assert model.step_size_ == budget
    assert min(minimum.largest_step for minimum in model.path_) >= budget
    assert len(model.path_) < len(free.path_)
    most = max(minimum.largest_step for minimum in free.path_)
    with pytest.raises(InvalidInputError, match="step_size is too large") as refused:
        ll.StableSplineRegressor(1.01 * most).fit(x, y)
    advised = float(str(refused.value).partition("give at most ")[2])
    assert ll.StableSplineRegressor(advised).fit(x, y).step_size_ == advised
    straight = ll.StableSplineRegressor(max_knots=0).fit(x, y)
    np.testing.assert_allclose(straight.predict(x), np.polyval(np.polyfit(x, y, 1), x), atol=0.1)
    assert straight.knots_.size == 0


def test_a_coarser_spline_needs_few_knots(fitted, tmp_path, undrawn):
    model, _, _ = fitted
    few = model.effective_knots_
    assert 1 <= few.size <= 6
    assert np.abs(few - 5).min() < 1
    ends = np.r_[model.support_[0], few, model.support_[1]]
    grid = np.linspace(0, 10, 500)
    coarse = np.interp(grid, ends, model.predict(ends))
    error = np.sqrt(model.cv_errors_[model.n_knots_])
    assert np.abs(coarse - model.predict(grid)).max() <= 0.5001 * error
    model.report(tmp_path / "page.html", ("time", "height"))
    assert "height by time" in (tmp_path / "page.html").read_text()
    assert len(repr(model.plot())) < 200


@pytest.mark.parametrize("n", [20, 100])
@pytest.mark.parametrize(("truth", "count"), [(lambda x: 2 * x + 0.1, 0), (lambda x: np.abs(x - 3.1), 1)])
def test_exact_data_get_no_more_knots_than_they_have(n, truth, count):
    x = np.linspace(0, 10, n)
    model = ll.StableSplineRegressor(random_state=0).fit(x, truth(x))
    assert model.n_knots_ == model.knots_.size == model.effective_knots_.size == count
    np.testing.assert_allclose(model.predict(x), truth(x), atol=1e-9)
    slopes = [2.0] if count == 0 else [-1.0, 1.0]
    np.testing.assert_allclose(model.slopes_, slopes, atol=1e-6)


def test_the_number_of_threads_changes_no_choice(monkeypatch):
    rng = np.random.default_rng(1)
    for _ in range(5):
        x, y = rng.uniform(-1, 1, 19), rng.standard_normal(19)
        found = []
        for count in (1, 2, 16):
            monkeypatch.setattr(spline_choice, "thread_count", lambda count=count: count)
            found.append(ll.StableSplineRegressor(random_state=0).fit(x, y).cv_errors_)
        assert found[0] == found[1] == found[2]


def test_the_callback_sees_the_fits():
    seen = []
    ll.StableSplineRegressor(cv=4, on_progress=lambda *a: seen.append(a[:2])).fit(*hat(0))
    assert seen[-1] == (5, 5)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_an_interrupt_leaves_no_fit():
    def stop(done, total, seconds):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ll.StableSplineRegressor(on_progress=stop).fit(*hat(0))


def test_units_do_not_matter(fitted):
    model, x, y = fitted
    other = clone(model).fit(1000 + 50 * x[:, None], 3 - 0.01 * y)
    np.testing.assert_allclose(other.predict(1000 + 50 * x), 3 - 0.01 * model.predict(x), atol=2e-3)
    assert other.step_size_ == pytest.approx(model.step_size_, rel=1e-3)


def test_weights_of_zero_leave_points_out():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, 40), rng.standard_normal(40)
    weights = (np.arange(40) < 30).astype(float)
    make = lambda: ll.StableSplineRegressor(random_state=0)  # noqa: E731
    weighted, short = make().fit(x, y, weights), make().fit(x[:30], y[:30])
    np.testing.assert_array_equal(weighted.predict(x), short.predict(x))


def test_whole_weights_count_points_and_others_are_relative():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 40)
    y = np.abs(x) + 0.3 * rng.standard_normal(40)
    counts, fold = rng.integers(1, 4, 40), np.arange(40) % 4
    many = np.repeat(np.arange(40), counts)
    splits, split_many = (list(LeaveOneGroupOut().split(own, groups=own)) for own in (fold, fold[many]))
    make = lambda cv: ll.StableSplineRegressor(max_knots=4, cv=cv, random_state=0)  # noqa: E731
    weighted, repeated = make(splits).fit(x, y, counts), make(split_many).fit(x[many], y[many])
    assert weighted.n_knots_ == repeated.n_knots_
    np.testing.assert_allclose(weighted.predict(x), repeated.predict(x), atol=1e-6)
    shares = counts / 7.3
    first, second = (make(splits).fit(x, y, scale * shares).predict(x) for scale in (1.0, 1e-3))
    np.testing.assert_allclose(first, second, atol=1e-9)


def test_splits_are_those_of_the_folds():
    x, y = hat(0)
    drawn = ll.StableSplineRegressor(max_knots=2, cv=3, random_state=0).fit(x, y)
    folds = drawn._cross.folds
    given = [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(3)]
    same = ll.StableSplineRegressor(max_knots=2, cv=given).fit(x, y)
    np.testing.assert_array_equal(same.predict(x), drawn.predict(x))
    for cv in (TimeSeriesSplit(3), given[:2], [(np.arange(1, x.size), np.arange(x.size))], "five", 1):
        with pytest.raises(InvalidInputError, match="cv must"):
            ll.StableSplineRegressor(max_knots=2, cv=cv).fit(x, y)


def test_constant_values_are_a_line():
    model = ll.StableSplineRegressor(random_state=0).fit(np.arange(9.0), np.full(9, 4.0))
    np.testing.assert_array_equal(model.predict([2.0, 5.5, 50.0]), 4.0)
    assert model.knots_.size == model.effective_knots_.size == 0


def test_the_estimator_is_a_good_citizen(fitted):
    model, x, y = fitted
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(x), model.predict(x))
    search = GridSearchCV(ll.StableSplineRegressor(random_state=0), {"max_knots": [0, 3]}, cv=3)
    search.fit(x[:, None], y)
    assert search.best_params_["max_knots"] == 3
    np.testing.assert_array_equal(clone(model).fit(x, y).predict(x), model.predict(x))


@pytest.mark.parametrize(
    ("x", "y", "settings", "words"),
    [
        (np.zeros((5, 2)), np.arange(5.0), {}, "one feature"),
        (np.arange(2.0), np.arange(2.0), {}, "n_samples = 2"),
        (np.zeros(5), np.arange(5.0), {}, "distinct"),
        (np.arange(5.0), np.arange(5.0), {"step_size": "large"}, "step_size"),
        (np.arange(5.0), np.arange(5.0), {"step_size": -1.0}, "step_size"),
        (np.arange(5.0), np.arange(5.0), {"cv": 1}, "cv"),
        (np.arange(5.0), np.arange(5.0), {"max_knots": -1}, "max_knots"),
        (1e300 * np.arange(5.0), np.arange(5.0), {}, "X is out of scale"),
        (np.arange(5.0), 1e-162 * np.arange(5.0), {}, "y is out of scale"),
    ],
)
def test_bad_input_of_the_estimator(x, y, settings, words):
    with pytest.raises(InvalidInputError, match=words):
        ll.StableSplineRegressor(**settings).fit(x, y)
