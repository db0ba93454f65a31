"""Minima of small networks of one input, one knot more at a time, beside plain least squares."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import linprog

from lowland.core.results.status import Verdict
from lowland.networks import stability_report
from lowland.networks.certificates.sharpness import largest_gauss_newton
from lowland.networks.kernels import minima_path as kernel
from lowland.networks.splines.descent import Descent
from lowland.networks.splines.linear_spline import LinearSpline, _shares, mean_spline
from lowland.networks.splines.minima_path import APART, minima, spline_paths
from lowland.networks.splines.variation import knots


def sample(seed, n=60):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-1, 1, n))
    return x, np.interp(x, [-1, -0.5, 0.1, 0.4, 1], [0, 1, -1, 0.5, 0.5]) + 0.3 * rng.standard_normal(n)


def naive_fit(x, y, weights, places):
    """Coefficients and loss of least squares with the hinge functions of given knots."""
    basis = np.column_stack([np.ones(x.size), x, *(np.maximum(x - t, 0) for t in places)])
    root = np.sqrt(weights)
    coefficients = np.linalg.lstsq(basis * root[:, None], y * root, rcond=None)[0]
    return coefficients, float(weights @ (basis @ coefficients - y) ** 2)


def least_points(x, places):
    """The smallest number of points between neighbouring knots, one on a knot counted on both sides."""
    ends = np.r_[x[0], places, x[-1]]
    return min(np.count_nonzero((x >= a) & (x <= b)) for a, b in pairwise(ends))


def is_at_rest(x, y, weights, places, step=1e-6):
    """Return whether no knot that may move a little lowers the loss by more than its square."""
    here = naive_fit(x, y, weights, places)[1]
    moved = [places + sign * step * unit for unit in np.eye(places.size) for sign in (1, -1)]
    allowed = [there for there in moved if least_points(x, there) >= APART]
    return all(naive_fit(x, y, weights, there)[1] >= here - 20 * step**2 for there in allowed)


@pytest.mark.parametrize("weighted", [False, True])
def test_fits_are_least_squares_at_rest(weighted, rng):
    bitten = 0
    for seed in range(8):
        x, y = sample(seed)
        weights = rng.uniform(0.2, 2, x.size) if weighted else np.ones(x.size)
        weights /= weights.sum()
        ((splines, losses),) = spline_paths(x, y, weights[None], 6)
        assert [spline.knots.size for spline in splines] == list(range(len(splines)))
        for spline, loss in zip(splines, losses, strict=True):
            coefficients, expected = naive_fit(x, y, weights, spline.knots)
            assert 2 * loss == pytest.approx(expected, rel=1e-9)
            basis = [np.ones(x.size), x, *(np.maximum(x - t, 0) for t in spline.knots)]
            np.testing.assert_allclose(spline(x), coefficients @ basis, atol=1e-7)
            assert is_at_rest(x, y, weights, spline.knots)
            assert least_points(x, spline.knots) >= APART
            if spline.knots.size:
                bitten += not is_at_rest(x, y, weights, spline.knots + 0.01)
    assert bitten >= 25  # the check sees knots that were moved


def test_the_first_knot_is_no_worse_than_any_between_two_points():
    for seed in range(5):
        x, y = sample(seed)
        weights = np.full(x.size, 1 / x.size)
        ((_, losses),) = spline_paths(x, y, weights[None], 1)
        middles = (x[1:] + x[:-1])[APART - 1 : 1 - APART] / 2
        assert 2 * losses[1] <= min(naive_fit(x, y, weights, np.array([t]))[1] for t in middles) + 1e-12


def test_weights_are_those_of_repeated_points(rng):
    x, y = sample(0)
    counts = rng.integers(0, 4, x.size)
    ((weighted, losses),) = spline_paths(x, y, counts[None].astype(float), 3)
    many = np.repeat(x, counts), np.repeat(y, counts)
    ((repeated, others),) = spline_paths(*many, np.ones((1, counts.sum())), 3)
    np.testing.assert_allclose(losses, others, rtol=1e-9)
    for one, two in zip(weighted, repeated, strict=True):
        np.testing.assert_allclose(one.places, two.places, atol=1e-6)


def test_the_number_of_threads_changes_no_bit(monkeypatch):
    x, y = sample(1)
    weights = np.random.default_rng(0).uniform(0.5, 1, (8, x.size))
    monkeypatch.setattr(kernel, "even_bounds", lambda length, work: np.arange(length + 1))
    many = spline_paths(x, y, weights, 4)
    for k, (splines, losses) in enumerate(many):
        ((alone, own),) = spline_paths(x, y, weights[k : k + 1], 4)
        np.testing.assert_array_equal(losses, own)
        for one, two in zip(splines, alone, strict=True):
            np.testing.assert_array_equal(one.values, two.values)


def test_one_distinct_input_gives_a_constant():
    weights = np.array([[1.0, 1.0, 0.0]])
    ((splines, losses),) = spline_paths(np.array([0.0, 0.0, 1.0]), np.array([1.0, 3.0, 9.0]), weights, 3)
    np.testing.assert_allclose(splines[0](np.array([0.0, 0.5, 2.0])), 2.0)
    assert losses == pytest.approx([0.5])
    both = spline_paths(
        np.array([0.0, 0.0, 1.0]), np.array([1.0, 3.0, 9.0]), np.vstack([weights, np.ones(3)]), 3
    )
    np.testing.assert_allclose([spline(np.array([1.0]))[0] for (spline,), _ in both], [2.0, 9.0])


# ------------------------------------------------------------------ networks of splines
def random_spline(rng, knots_in=4):
    return LinearSpline(
        np.r_[-1, np.sort(rng.uniform(-0.9, 0.9, knots_in)), 1], rng.standard_normal(knots_in + 2)
    )


def test_networks_compute_their_spline(rng):
    x = np.sort(rng.uniform(-1, 1, 50))
    weights = rng.uniform(0.5, 1, 50)
    weights /= weights.sum()
    for k in range(40):
        spline = random_spline(rng, k % 6)
        network = spline.network(x, weights)
        grid = np.linspace(-1, 1, 200)
        np.testing.assert_allclose(network(grid), spline(grid), atol=1e-10)
        places, jumps = knots(*network.univariate()[:3])
        inside = np.abs(places) < 1
        np.testing.assert_allclose(places[inside], spline.knots, atol=1e-12)
        np.testing.assert_allclose(jumps[inside], np.diff(spline.slopes), rtol=1e-7, atol=1e-9)
    constant = LinearSpline(np.array([-1.0, 1.0]), np.full(2, 3.0))
    np.testing.assert_array_equal(constant.network(x, weights)(x), 3.0)


def test_splines_go_on_straight():
    spline = LinearSpline(np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, 1.0]))
    np.testing.assert_allclose(spline(np.array([-1.0, 0.5, 2.0, 5.0])), [-2.0, 1.0, 1.5, 0.0])
    other = LinearSpline(np.array([0.0, 2.0, 3.0]), np.array([0.0, 0.0, 1.0]))
    mean = mean_spline([spline, other])
    np.testing.assert_allclose(mean.knots, [1.0, 2.0])
    grid = np.linspace(-1, 4, 30)
    np.testing.assert_allclose(mean(grid), (spline(grid) + other(grid)) / 2)


def test_shares_are_those_of_a_linear_programme(rng):
    gained = 0
    for _ in range(200):
        k = int(rng.integers(1, 6))
        jumps, slope = rng.standard_normal(k), float(2 * rng.standard_normal())
        to_left, to_right, everywhere = (
            rng.uniform(0.1, 1, k),
            rng.uniform(0.1, 1, k),
            float(rng.uniform(0.1, 2)),
        )
        left, rest = _shares(jumps, slope, to_left, to_right, everywhere)
        assert rest == pytest.approx(slope + left.sum(), abs=1e-12)
        cost = to_left @ np.abs(left) + to_right @ np.abs(jumps - left) + everywhere * abs(rest)
        # variables: left, right and rest, each split into a positive and a negative part
        eye, none = np.eye(k), np.zeros((k, 1))
        of_jumps = np.hstack([eye, -eye, eye, -eye, none, none])
        of_slope = np.r_[np.ones(k), -np.ones(k), np.zeros(2 * k), -1, 1]
        best = linprog(
            np.r_[to_left, to_left, to_right, to_right, everywhere, everywhere],
            A_eq=np.vstack([of_jumps, of_slope]),
            b_eq=np.r_[jumps, -slope],
        )
        assert cost == pytest.approx(best.fun, rel=1e-7)
        plain = np.where(to_left < to_right, jumps, 0.0)
        gained += cost < 0.999 * (
            to_left @ np.abs(plain) + to_right @ np.abs(jumps - plain) + everywhere * abs(slope + plain.sum())
        )
    assert gained > 50


def test_descent_stays_up_to_the_largest_step(rng):
    """At minima whose knots lie between points: proved at the step given, and so it is seen."""
    seen = 0
    for seed in range(12):
        x, y = sample(seed)
        weights = np.full(x.size, 1 / x.size)
        path = minima(x, weights, *spline_paths(x, y, weights[None], 3)[0])
        for minimum in path[1:]:
            network, step = minimum.network, minimum.largest_step
            curvature = largest_gauss_newton(network, x[:, None], weights)
            assert 1e-4 < 1 - step * curvature / 2 < 2e-3  # what a proof needs, and little more
            assert float(f"{step:.4g}") * curvature < 2  # of the step as it is written, too
            verdict = stability_report(network, x, y, float(f"{step:.4g}")).certificate.verdict
            if np.abs(x[:, None] - minimum.spline.knots).min() == 0:
                assert verdict is Verdict.INCONCLUSIVE  # the loss has no Hessian there
                continue
            assert verdict is Verdict.PROVED
            assert stability_report(network, x, y, 1.002 * step).certificate.verdict is Verdict.REFUTED
            seen += 1
            if seen > 5:
                continue
            w, b, v, c = network.univariate()
            start = np.concatenate([w, b, v, [c]])[None]
            start = start + 1e-7 * rng.standard_normal(start.shape)
            losses = []
            for factor in (0.95, 1.05):
                task = Descent(x, y, factor * step)
                losses.append(task.run(start, 2000)[0].losses[0])
            assert losses[0] == pytest.approx(minimum.loss, rel=1e-6)
            assert losses[1] > losses[0] * (1 + 1e-5)
    assert seen > 10
