"""The flattest rescaling of a network, beside explicit derivatives, other searches and the closed form."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.core.results.status import StopReason
from lowland.networks.certificates.sharpness import largest_gauss_newton, rescaling_bracket
from lowland.networks.curvature.rescaled_kernel import ReluLayers, RescaledKernel
from lowland.networks.curvature.rescaling_search import least_flow

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
    own = ReluLayers(net.weights, net.biases).rescaled(logs)
    return ll.networks.ReluNetwork(own.weights, own.biases)


def kernel(net, x):
    return RescaledKernel(ReluLayers(net.weights, net.biases), x, np.ones((len(x), 1, 1)))


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
        return np.linalg.eigvalsh(kernel(scaled(net, logs), x).kernel(np.zeros(size)))[-1]

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


def test_a_lower_end_whose_shares_are_no_flow_is_no_bound():
    """Mutant: shares as they are at a point give the eigenvalue there, which other rescalings are below."""

    def as_they_are(shares):
        c = np.concatenate([own[own > 0] for own in shares])
        p = c / c.sum()
        return float(np.exp(p @ np.log(c / p)))

    rng, net = np.random.default_rng(0), network((3, 5, 4, 1))
    x = rng.standard_normal((25, 3))
    parts = kernel(net, x)
    least = ll.networks.flattest_rescaling(net, x).upper
    for size in (0.3, 1.0, 3.0):
        at = size * rng.standard_normal(9)
        shares = parts.shares(at, np.ones(1), np.linalg.eigh(parts.kernel(at))[1][:, -1:])
        assert least_flow(shares) <= least < as_they_are(shares)


@pytest.mark.parametrize("unit", [1e-8, 1e-3, 1e6])
def test_units_of_the_data_do_not_matter(unit):
    net = network((2, 6, 1), biases=(False, False))
    x = np.random.default_rng(1).standard_normal((25, 2))
    one, other = (ll.networks.flattest_rescaling(net, own) for own in (x, unit * x))
    assert other.stop_reason is StopReason.CONVERGED
    assert other.lower / unit**2 == pytest.approx(one.lower, rel=1e-3)
    assert other.upper / unit**2 == pytest.approx(one.upper, rel=1e-3)


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


def torch_like(sizes, seed=0):
    """Return the state of a module of several outputs, and its arrays."""
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((b, a)) for a, b in pairwise(sizes)]
    biases = [rng.standard_normal(b) for b in sizes[1:]]
    state = {}
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        state |= {f"{2 * k}.weight": w, f"{2 * k}.bias": b}
    return state, weights, biases


def outputs_of(weights, biases, x):
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        x = x @ w.T + b
        x = np.maximum(x, 0) if k + 1 < len(weights) else x
    return x


def curvature_by_definition(weights, biases, x, loss):
    """Return the largest eigenvalue of the mean of J^T H J, by central differences of all parameters."""
    parts = [*weights, *biases]
    flat, n = np.concatenate([part.ravel() for part in parts]), len(weights)

    def outputs(theta):
        ends = np.cumsum([part.size for part in parts])[:-1]
        own = [a.reshape(part.shape) for a, part in zip(np.split(theta, ends), parts, strict=True)]
        return outputs_of(own[:n], own[n:], x)

    J = np.stack([(outputs(flat + h) - outputs(flat - h)) / 2e-6 for h in 1e-6 * np.eye(flat.size)], axis=-1)
    z = outputs(flat)
    total = 0.0
    for own, logits in zip(J, z, strict=True):
        p = np.exp(logits - logits.max())
        p /= p.sum()
        if len(logits) == 1:
            p = 1 / (1 + np.exp(-logits))
            H = np.diag(p * (1 - p))
        else:
            H = np.diag(p) - np.outer(p, p)
        total = total + own.T @ (own if loss == "squared" else H @ own)
    return np.linalg.eigvalsh(total / len(x))[-1]


@pytest.mark.parametrize(
    ("outputs", "loss"),
    [(3, "cross_entropy"), (1, "squared")]
    + [pytest.param(*own, marks=pytest.mark.slow) for own in ((3, "squared"), (1, "cross_entropy"))],
)
def test_several_outputs_and_classes(loss, outputs):
    state, weights, biases = torch_like((2, 5, 4, outputs))
    x = np.random.default_rng(1).standard_normal((15, 2))
    found = ll.networks.flattest_rescaling(state, x, loss=loss)
    assert found.given == pytest.approx(curvature_by_definition(weights, biases, x, loss), rel=1e-4)
    flat = curvature_by_definition(found.weights, found.biases, x, loss)
    assert found.upper == pytest.approx(flat, rel=1e-4)
    assert found.lower <= found.upper <= 1.011 * found.lower
    np.testing.assert_allclose(
        outputs_of(found.weights, found.biases, x), outputs_of(weights, biases, x), atol=1e-9
    )
    rng = np.random.default_rng(2)
    for size in (0.1, 0.5, 2.0):
        for _ in range(10):
            own = ReluLayers(tuple(found.weights), tuple(found.biases)).rescaled(
                size * rng.standard_normal(9)
            )
            assert curvature_by_definition(own.weights, own.biases, x, loss) >= found.lower * (1 - 1e-4)
    if outputs > 1:
        with pytest.raises(InvalidInputError, match="one output"):
            _ = found.network


def test_what_is_no_network_is_refused():
    x = np.zeros((3, 2))
    with pytest.raises(InvalidInputError, match="cannot be read"):
        ll.networks.flattest_rescaling(7, x)
    with pytest.raises(InvalidInputError, match="loss is unknown"):
        ll.networks.flattest_rescaling(network((2, 3, 1)), x, loss="hinge")
    state, *_ = torch_like((2, 5, 3))
    state["2.weight"] = np.ones((3, 6))
    with pytest.raises(InvalidInputError, match="wrong shape"):
        ll.networks.flattest_rescaling(state, x)
