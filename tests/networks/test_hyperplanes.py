"""The weighted variation of networks of several inputs, and what it says of sharpness and step sizes."""

import numpy as np
import pytest

from cases import random_network
from lowland import networks as ln
from lowland.core.errors import InvalidInputError
from lowland.networks.certificates.sharpness import measure_sharpness
from lowland.networks.network import two_layer
from lowland.networks.regions.model import Relu
from lowland.networks.regions.objective import ReluObjective
from lowland.networks.splines import variation
from lowland.networks.splines.variation import knots, variation_of_knots
from oracles import relu as naive


def network_and_data(rng, dimension, bias=True, offset=True):
    width, n = int(rng.integers(1, 7)), int(rng.integers(3, 20))
    network = two_layer(
        rng.standard_normal((width, dimension)) * rng.lognormal(size=(width, 1)),
        rng.standard_normal(width) if bias else None,
        rng.standard_normal(width),
        float(rng.standard_normal()) if offset else None,
    )
    return network, rng.lognormal() * rng.standard_normal((n, dimension)) + rng.standard_normal(dimension)


def largest(network, x, y):
    return float(np.linalg.eigvalsh(naive.dense_hessian(network, x, y))[-1])


# ------------------------------------------------------------------ the weight
def test_weight_by_its_definition(rng, monkeypatch):
    x, u, t = rng.standard_normal((25, 3)) + 0.5, rng.standard_normal((30, 3)), 2 * rng.standard_normal(30)
    units = u / np.linalg.norm(u, axis=1)[:, None]
    expected = [naive.variation_across(x, *plane) for plane in zip(units, t, strict=True)]
    assert min(expected) == 0 < max(expected)
    for pairs in (2**20, 100):
        monkeypatch.setattr(variation, "PAIRS", pairs)
        for scale in (1.0, 1e-200, 1e200):
            found = ln.variation_weight(x, t, directions=scale * u)
            np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(ln.variation_weight(x, -t, directions=-u), expected, atol=1e-12)
    weights = rng.integers(1, 4, 25)
    weighted = ln.variation_weight(x, t, directions=u, weights=weights)
    repeated = ln.variation_weight(np.repeat(x, weights, axis=0), t, directions=u)
    np.testing.assert_allclose(weighted, repeated, atol=1e-12)


def test_of_one_input_it_is_the_weight_of_knots(rng):
    x, t = rng.uniform(-2, 3, 40), rng.uniform(-3, 4, 50)
    expected = ln.variation_weight(x, t)
    for sign in (1.0, -1.0):
        across = ln.variation_weight(x, sign * t, directions=np.full((50, 1), 3 * sign))
        np.testing.assert_allclose(across, expected, atol=1e-12)
    np.testing.assert_array_equal(ln.variation_weight(x[:, None], t), expected)


# ------------------------------------------------------------------ the variation
def test_of_one_input_it_is_the_univariate_variation(rng):
    for _ in range(10):
        network, x = network_and_data(rng, 1)
        w, b, v, c = network.univariate()
        expected = variation_of_knots(x[:, 0], *knots(w, b, v))
        assert ln.weighted_variation(network, x).value == expected
        assert ln.stability_report(network, x, 0 * x[:, 0], 0.1).variation == expected
        unit = np.linalg.qr(rng.standard_normal((3, 3)))[0][0]
        # the same along a line of three inputs
        found = ln.weighted_variation(two_layer(w[:, None] * unit, b, v, c), x * unit)
        assert found.value == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_rescaled_and_split_neurons_change_nothing(rng):
    for dimension in (1, 2, 5):
        network, x = network_and_data(rng, dimension)
        (inner, (outer,)), (bias, (c,)) = network.weights, network.biases
        expected = ln.weighted_variation(network, x)
        scale = rng.lognormal(0, 3, outer.size)
        rescaled = two_layer(inner * scale[:, None], bias * scale, outer / scale, c)
        assert ln.weighted_variation(rescaled, x).value == pytest.approx(expected.value, rel=1e-9)
        # relu(s) - relu(-s) is linear: a neuron may face either way, or be the sum of large parts of both
        parts = [(1.0, 1e6), (-3.0, -1e6 / 3), (7.0, 1 / 7)]
        split = two_layer(
            np.vstack([a * inner for a, _ in parts]),
            np.hstack([a * bias for a, _ in parts]),
            np.hstack([o * outer for _, o in parts]),
            c,
        )
        found = ln.weighted_variation(split, x)
        assert found.places.size == expected.places.size
        assert found.value == pytest.approx(expected.value, rel=1e-8)


@pytest.mark.covering
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("offset", [True, False])
@pytest.mark.parametrize("dimension", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("count", [4, pytest.param(30, marks=pytest.mark.slow)])
def test_no_network_is_flatter(count, dimension, bias, offset, rng):
    for noise in (0.0, 0.1, 1.0, 10.0):
        for _ in range(count):
            network, x = network_and_data(rng, dimension, bias, offset)
            y = network(x) + noise * rng.standard_normal(len(x))
            sharp, found = largest(network, x, y), ln.weighted_variation(network, x, y)
            assert found.sharpness_bound <= sharp + 1e-9 * (1 + sharp)
            assert sharp == 0 or found.value <= found.limit(2 / sharp) + 1e-9 * (1 + sharp)
            assert found.sharpness_bound * found.largest_step <= 2 + 1e-12 or found.sharpness_bound <= 0
            assert found.constant == offset
            if noise == 0:
                assert found.residual_term <= 1e-12 * (1 + sharp)
                assert found.value == ln.weighted_variation(network, x).value
            # no more than the residuals can give
            rows = np.c_[x, np.ones(len(x))] if bias else x
            reach, error = np.linalg.norm(rows, axis=1).max(), np.sqrt(np.mean((network(x) - y) ** 2))
            assert found.residual_term <= reach * error / 2 * (1 + 1e-9)


def test_at_rest_the_term_is_zero_however_large_the_residuals(rng):
    for dimension in (1, 3, 5):
        network = random_network(rng, (dimension, 3, 1), (True, True))
        x = rng.standard_normal((60, dimension))
        objective = ReluObjective(x, network(x), Relu(network))
        theta = objective.model.point(network)
        # the slopes are linear in the residuals: those of unit residuals are the features
        features = np.stack(
            [
                ReluObjective(x, network(x) - unit, Relu(network)).gradient(theta) * len(x)
                for unit in np.eye(60)
            ]
        )
        rest = rng.standard_normal(60)
        rest -= features @ np.linalg.lstsq(features, rest, rcond=None)[0]
        y = network(x) - 5 * rest
        assert measure_sharpness(network, x, y).gradient_norm < 1e-9
        found = ln.weighted_variation(network, x, y)
        assert found.residual_term < 1e-9
        assert found.value <= largest(network, x, y) / 2 - 0.5 + 1e-9
        moving = ln.weighted_variation(network, x, y + 1)
        assert moving.residual_term > 0.05
        # a neuron without an output weight adds nothing, whatever pulls at it
        (inner, (outer,)), (shifts, (c,)) = network.weights, network.biases
        idle = two_layer(np.vstack([inner, -inner[:1]]), np.r_[shifts, 0.3], np.r_[outer, 0.0], c)
        assert measure_sharpness(idle, x, y).remainder > 0.01
        beside = ln.weighted_variation(idle, x, y)
        assert beside.residual_term < 1e-9
        assert beside.value == pytest.approx(found.value)


# ------------------------------------------------------------------ mutants
def nearly_tight(dimension):
    """A neuron at one of two points, where the bound is off by a share of a^2 / 2: a network, inputs, a."""
    a, here = 0.1, np.ones(dimension)
    x = np.stack([here, -here])
    inner = np.eye(dimension)[:1]
    return two_layer(inner, np.array([a - 1.0]), np.array([a / np.hypot(1, np.linalg.norm(here))]), 0.0), x


def weight_with(x, u, t, root=lambda mean, u: np.sqrt(1 + mean @ mean), of=min, power=2, factor=1):
    sides = []
    for sign in (1, -1):
        side = x[sign * (x @ u) > sign * t]
        mean = side.mean(axis=0)
        share = len(side) / len(x)
        sides.append(factor * share**power * sign * (mean @ u - t) * root(mean, u))
    return of(sides)


MUTANTS = {
    "doubled": {"factor": 2},
    "the larger side": {"of": max},
    "the share instead of its square": {"power": 1},
    "without the root": {"root": lambda mean, u: 1.0},
    "the root without its 1": {"root": lambda mean, u: np.linalg.norm(mean)},
    "the root of the mean along the direction": {"root": lambda mean, u: np.hypot(1, mean @ u)},
}


@pytest.mark.parametrize("dimension", [2, 3, 5])
def test_the_bound_is_nearly_tight_and_mutants_break_it(dimension):
    network, x = nearly_tight(dimension)
    (inner, outer), (bias, _) = network.weights, network.biases
    sharp = largest(network, x, network(x))

    def kept(value):
        return 0.99 * (sharp - 1) <= 2 * value <= sharp - 1 + 1e-12

    found = ln.weighted_variation(network, x)
    assert kept(found.value)
    assert found.value == pytest.approx(outer[0, 0] * weight_with(x, inner[0], -bias[0]))
    for name, mutant in MUTANTS.items():
        assert not kept(outer[0, 0] * weight_with(x, inner[0], -bias[0], **mutant)), name


def test_away_from_rest_the_term_is_needed():
    for dimension in (1, 2, 5):
        network, x = nearly_tight(dimension)
        y = network(x) + np.array([0.1, -0.1])
        found, sharp = ln.weighted_variation(network, x, y), largest(network, x, y)
        assert found.constant + 2 * found.value > sharp >= found.sharpness_bound
        assert found.residual_term == pytest.approx(np.hypot(1, np.linalg.norm(x[0])) / 40)


def test_without_biases_the_one_under_the_root_falls_away():
    """Of one input, too, where the report once took the biases for granted."""
    x, y = np.array([-0.1, 0.1]), np.array([0.0, 1.0])
    for width in (1, 2):
        points = np.repeat(x[:, None], width, axis=1)
        network = two_layer(np.full((1, width), 0.1 * 30), None, np.array([1 / 0.3]), None)
        found, sharp = ln.weighted_variation(network, points), largest(network, points, network(points))
        with_biases = two_layer(network.weights[0], np.zeros(1), network.weights[1][0], None)
        assert 2 * found.value <= sharp < largest(with_biases, points, network(points))
        across = ln.variation_weight(points, [0.0], directions=np.ones((1, width)))
        assert 2 * float(np.abs(found.jumps) @ across) > sharp  # what forgets that
    report = ln.stability_report(two_layer(np.ones((1, 1)), None, np.ones(1)), [*x, 0.2], [*y, 1.0], 0.5)
    assert report.variation == pytest.approx(0.1 * 0.1 / 9)
    assert dict(report.facts())["weighted variation"].endswith("limit 2")


def descended(x, y, width, step_size, steps, rng):
    """The network at which gradient descent ends, by matrices."""
    rows, d = np.c_[x, np.ones(len(x))], x.shape[1]
    inner = rng.standard_normal((d + 1, width)) * np.r_[np.ones(d), 0.5][:, None]
    outer, c = rng.standard_normal(width) * np.sqrt(2 / width), 0.0
    for _ in range(steps):
        before = rows @ inner
        hidden = np.maximum(before, 0)
        rest = (hidden @ outer + c - y) / len(x)
        slopes = rows.T @ ((before > 0) * rest[:, None]) * outer
        inner, outer, c = (
            inner - step_size * slopes,
            outer - step_size * hidden.T @ rest,
            c - step_size * rest.sum(),
        )
    return two_layer(inner[:-1].T, inner[-1], outer, float(c))


@pytest.mark.parametrize(
    ("dimensions", "seeds", "steps"),
    [((3,), 1, 6_000), pytest.param((1, 2, 3, 5), 4, 20_000, marks=pytest.mark.slow)],
)
def test_descent_settles_within_the_limit(dimensions, seeds, steps):
    found = {}
    for dimension in dimensions:
        for step_size in (0.1, 0.4) if seeds == 1 else (0.05, 0.1, 0.2, 0.4):
            for seed in range(seeds):
                rng = np.random.default_rng(seed)
                x = rng.uniform(-1, 1, (40, dimension))
                y = 1 - 2 * np.abs(x[:, 0]) + 0.5 * rng.standard_normal(40)
                network = descended(x, y, 30, step_size, steps, rng)
                end = ln.weighted_variation(network, x, y)
                assert end.value <= 1 / step_size - 0.5
                sharp = measure_sharpness(network, x, y).largest
                assert sharp < 1.1 * 2 / step_size
                assert end.value <= sharp / 2 - 0.5 + end.residual_term
                found.setdefault(step_size, []).append(end.value)
    assert np.median(found[0.4]) < np.median(found[0.1])


# ------------------------------------------------------------------ edges
def test_dead_idle_and_flat_neurons(rng):
    x = rng.standard_normal((20, 2))
    dead = two_layer(np.ones((2, 2)), np.array([-99.0, 99.0]), np.ones(2), 0.0)
    assert ln.weighted_variation(dead, x).value == 0
    assert ln.weighted_variation(dead, x).largest_step == 2
    flat = two_layer(np.zeros((2, 2)), np.ones(2), np.ones(2), None)
    found = ln.weighted_variation(flat, x)
    assert (found.value, found.places.size, found.directions.shape) == (0.0, 0, (0, 2))
    assert found.largest_step == np.inf
    assert found.limit(0.5) == 2
    kink = two_layer(np.eye(2)[:1], -x[:1, 0], np.ones(1), 0.0)
    assert ln.weighted_variation(kink, x).kinks == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net, x: ln.weighted_variation(net, x[:, :1]), "inputs do not match"),
        (lambda net, x: ln.weighted_variation(net, x, x[:, 0] * np.nan), "finite"),
        (lambda net, x: ln.weighted_variation(net, x, np.ones(3)), "targets"),
        (lambda net, x: ln.weighted_variation(net, x, weights=-np.ones(9)), "weights"),
        (lambda net, x: ln.weighted_variation(net, 1e300 * x), "too large"),
        (lambda net, x: ln.weighted_variation(net, x).limit(0.0), "step_size"),
        (
            lambda net, x: ln.weighted_variation(
                ln.ReluNetwork((np.ones((2, 2)), np.ones((2, 2)), np.ones(2))), x
            ),
            "one hidden layer",
        ),
        (lambda net, x: ln.variation_weight(x, [0.0]), "need directions"),
        (lambda net, x: ln.variation_weight(x, [0.0], directions=[[1.0]]), "directions"),
        (lambda net, x: ln.variation_weight(x, [0.0], directions=[[0.0, 0.0]]), "zero"),
    ],
)
def test_bad_input(call, words, rng):
    network = two_layer(1e300 * np.ones((1, 2)), np.zeros(1), np.ones(1), 0.0)
    with pytest.raises(InvalidInputError, match=words):
        call(network, rng.standard_normal((9, 2)))
