"""The flattest rescaling of a network, beside explicit derivatives, other searches and the closed form."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.core.status import StopReason
from lowland.networks.certificates.sharpness import largest_gauss_newton, rescaling_bracket
from lowland.networks.curvature import rescaling

NETWORKS = {
    "one hidden layer": (2, 6, 1),
    "two hidden layers": (3, 5, 4, 1),
    "three hidden layers": (2, 4, 4, 4, 1),
}


def network(sizes, seed=0, biases=(True, True, True, True)):
    rng = np.random.default_rng(seed)
    weights = tuple(rng.standard_normal((b, a)) * rng.lognormal(0, 1, (b, 1)) for a, b in pairwise(sizes))
    own = tuple(
        rng.standard_normal(b) if has else None
        for b, has in zip(sizes[1:], biases[: len(sizes) - 1], strict=True)
    )
    return ll.networks.ReluNetwork(weights, own)


def sharpness_by_definition(net, x):
    """Return the largest eigenvalue of J^T J / n, J by central differences of all parameters."""
    parts = [*net.weights, *(b for b in net.biases if b is not None)]
    flat = np.concatenate([part.ravel() for part in parts])

    def outputs(theta):
        hidden, first = x, 0
        arrays = []
        for part in parts:
            arrays.append(theta[first : first + part.size].reshape(part.shape))
            first += part.size
        biases = iter(arrays[len(net.weights) :])
        for k, w in enumerate(arrays[: len(net.weights)]):
            hidden = hidden @ w.T + (next(biases) if net.biases[k] is not None else 0.0)
            hidden = np.maximum(hidden, 0) if k + 1 < len(net.weights) else hidden
        return hidden[:, 0]

    steps = 1e-6 * np.maximum(np.abs(flat), 1e-2)
    J = np.stack([(outputs(flat + h) - outputs(flat - h)) / (2 * h.sum()) for h in np.diag(steps)], axis=1)
    return np.linalg.eigvalsh(J.T @ J / len(x))[-1]


def scaled(net, logs):
    return rescaling._rescaled(net, np.split(np.exp(logs), np.cumsum(net.widths)[:-1]))


@pytest.fixture(scope="module", params=NETWORKS)
def case(request):
    net = network(NETWORKS[request.param])
    x = np.random.default_rng(1).standard_normal((25, net.n_inputs))
    return net, x, ll.networks.flattest_rescaling(net, x, tolerance=0.005)


def test_ends_are_sharpnesses_by_definition(case):
    net, x, found = case
    assert found.given == pytest.approx(sharpness_by_definition(net, x), rel=1e-5)
    assert found.upper == pytest.approx(sharpness_by_definition(found.network, x), rel=1e-5)
    np.testing.assert_allclose(found.network(x), net(x), rtol=1e-10, atol=1e-10)


def test_the_bracket_closes_and_no_rescaling_lies_below(case):
    net, x, found = case
    assert found.stop_reason is StopReason.CONVERGED
    assert found.lower <= found.upper <= 1.0051 * found.lower
    assert found.upper < 0.9 * found.given
    rng = np.random.default_rng(2)
    size = sum(net.widths)

    def value(logs):
        return np.linalg.eigvalsh(rescaling._Derivatives(scaled(net, logs), x).kernel(np.zeros(size)))[-1]

    near = np.array([0.1, 0.5, 2.0]).repeat(20)[:, None] * rng.standard_normal((60, size))
    best = min(near, key=value)
    for start in (best, np.zeros(size)):
        other = minimize(value, start, method="Powell", options={"maxiter": 20})
        assert other.fun >= found.lower * (1 - 1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_closed_form_of_one_input_and_layer(seed):
    rng = np.random.default_rng(seed)
    net, x = network((1, 8, 1), seed), rng.uniform(-1, 1, (20, 1))
    closed, found = rescaling_bracket(net, x), ll.networks.flattest_rescaling(net, x, tolerance=1e-3)
    assert closed.lower <= found.upper * (1 + 1e-9)
    assert found.lower <= closed.upper * (1 + 1e-9)
    assert found.lower >= closed.lower * (1 - 1e-3)
    assert found.upper == pytest.approx(largest_gauss_newton(found.network, x), rel=1e-10)


def test_scales_of_the_given_network_do_not_matter():
    net, x = network((3, 5, 4, 1)), np.random.default_rng(1).standard_normal((25, 3))
    moved = scaled(net, np.random.default_rng(3).standard_normal(9))
    first, second = (ll.networks.flattest_rescaling(own, x, tolerance=1e-3) for own in (net, moved))
    assert first.lower <= second.upper
    assert second.lower <= first.upper
    assert abs(second.given - first.given) > 0.1 * first.given


@pytest.mark.parametrize("biases", [(False, False, False), (True, False, True), (False, True, False)])
def test_layers_with_and_without_biases(biases):
    net = network((2, 4, 3, 1), 4, biases)
    x = np.random.default_rng(5).standard_normal((15, 2))
    found = ll.networks.flattest_rescaling(net, x)
    assert found.upper == pytest.approx(sharpness_by_definition(found.network, x), rel=1e-5)
    assert found.lower <= found.upper <= 1.011 * found.lower


def test_neurons_that_no_path_crosses():
    # of four neurons one is never active, one has no output weight; only |x| is left
    net = ll.networks.ReluNetwork(
        (np.array([[10.0], [-10.0], [0.0], [1.0]]), [[0.1, 0.1, 5.0, 0.0]]), ([0.0, 0.0, -1.0, 0.3], None)
    )
    x = np.array([-1.0, 0.5, 1.0])
    plain = ll.networks.ReluNetwork(([[10.0], [-10.0]], [0.1, 0.1]), (np.zeros(2), None))
    found, alone = (ll.networks.flattest_rescaling(own, x, tolerance=1e-3) for own in (net, plain))
    assert found.lower == pytest.approx(alone.lower, rel=2e-3)
    assert found.upper == pytest.approx(alone.upper, rel=2e-3)
    nothing = ll.networks.ReluNetwork(([[1.0]], [[1.0]]), ([-9.0], None))
    zero = ll.networks.flattest_rescaling(nothing, x)
    assert (zero.lower, zero.upper, zero.largest_step()) == (0.0, 0.0, (np.inf, np.inf))


def test_a_lower_end_that_leaves_shares_unbalanced_is_no_bound(monkeypatch):
    """The flow is what makes the mean's inequality hold for every rescaling: without it the bound breaks."""

    def unbalanced(shares):
        c = np.concatenate([own[own > 0] for own in shares])
        p = np.full(c.size, 1 / c.size)
        return float(np.exp(p @ np.log(c / p)))

    rng, broken = np.random.default_rng(0), 0
    parts = rescaling._Derivatives(network((3, 5, 4, 1)), rng.standard_normal((25, 3)))
    x = 3 * rng.standard_normal(9)
    values, vectors = np.linalg.eigh(parts.kernel(x))
    shares = parts.shares(x, np.ones(1), vectors[:, -1:])
    least = ll.networks.flattest_rescaling(network((3, 5, 4, 1)), parts.read[0]).upper
    assert rescaling._least_flow(shares) <= least
    for own in (unbalanced(shares), values[-1]):
        broken += own > least
    assert broken


def test_limits_and_wrong_input():
    net, x = network((3, 5, 4, 1)), np.random.default_rng(1).standard_normal((25, 3))
    short = ll.networks.flattest_rescaling(net, x, tolerance=1e-9, max_rounds=3)
    assert short.stop_reason is StopReason.ITERATION_LIMIT
    assert "stopped: iteration limit" in str(short).replace("_", " ")
    assert short.lower <= short.upper
    with pytest.raises(InvalidInputError, match="inputs do not match"):
        ll.networks.flattest_rescaling(net, x[:, :2])
    with pytest.raises(InvalidInputError, match="too large"):
        ll.networks.flattest_rescaling(network((1, 1, 1), 0), np.array([1e200]))
