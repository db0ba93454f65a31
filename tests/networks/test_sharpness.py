"""Sharpness at any depth, beside dense Hessians; PyTorch and JAX are used where they are installed."""

import signal
from itertools import pairwise

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.core.results.status import StopReason, Verdict
from lowland.networks.curvature.batches import batches_of
from lowland.networks.curvature.sharpness import SharpnessEstimate, measured

TIGHT = {"tolerance": 1e-8, "rng": 0}


class Quadratic:
    """A loss with a given Hessian, that may be random."""

    def __init__(self, matrix, noise=0.0):
        self.matrix, self.noise, self.rng = matrix, noise, np.random.default_rng(0)
        self.size = len(matrix)

    def gradient(self):
        return 1.0, self.matrix[0] + self.noise * self.rng.standard_normal(self.size)

    def hessian_product(self, vector):
        return self.matrix @ vector

    def gauss_newton_product(self, vector):
        return np.diag(self.matrix) * vector


def symmetric(size, seed=0):
    matrix = np.random.default_rng(seed).standard_normal((size, size))
    return matrix + matrix.T


def test_any_loss_that_offers_products_is_measured():
    matrix = symmetric(50)
    values = np.linalg.eigvalsh(matrix)
    found = measured(Quadratic(matrix), **TIGHT)
    assert found.lower == pytest.approx(values[-1], rel=1e-7)
    assert found.lower <= values[-1] + 1e-12 <= found.upper + 2e-12
    assert found.direction @ matrix @ found.direction == pytest.approx(found.lower, rel=1e-9)
    diagonal = measured(Quadratic(matrix), operator="gauss_newton", **TIGHT)
    assert diagonal.lower == pytest.approx(np.diag(matrix).max(), rel=1e-7)


def test_step_sizes_are_judged_by_both_ends():
    found = measured(Quadratic(symmetric(300)), tolerance=0.2, rng=0)
    assert found.lower < found.upper
    assert found.stable_at(2 / found.lower * 1.001) is Verdict.INCONCLUSIVE  # rounding is not bounded
    assert found.stable_at(2 / found.upper * 0.999) is Verdict.SUPPORTED
    assert found.stable_at(4 / (found.upper + found.lower)) is Verdict.INCONCLUSIVE
    assert found.largest_step() == (2 / found.upper, 2 / found.lower)
    words = str(found)
    assert f"sharpness {found.lower:.6g} to {found.upper:.6g}" in words
    assert "stopped" not in words
    with pytest.raises(InvalidInputError, match="step_size"):
        found.stable_at(0)


def test_without_positive_curvature_every_step_is_stable():
    found = measured(Quadratic(-np.eye(5)), rng=0)
    assert found.largest_step() == (np.inf, np.inf)
    assert found.stable_at(1e6) is Verdict.SUPPORTED


def test_limits_are_kept_and_said():
    found = measured(Quadratic(symmetric(200)), tolerance=1e-12, max_products=4, rng=0)
    assert found.products == 4
    assert found.stop_reason is StopReason.ITERATION_LIMIT
    assert "stopped: iteration_limit" in str(found)


def test_the_same_seed_gives_the_same_bits():
    first, again, other = (measured(Quadratic(symmetric(80)), rng=seed) for seed in (1, 1, 2))
    assert (first.lower, first.upper) == (again.lower, again.upper)
    assert first.upper != other.upper


def test_what_cannot_be_measured_is_said():
    with pytest.raises(InvalidInputError, match="the loss is random"):
        measured(Quadratic(symmetric(5), noise=0.1))
    with pytest.raises(InvalidInputError, match="not finite"):
        measured(Quadratic(np.full((3, 3), np.nan)))
    for name, value in (("tolerance", 0), ("failure_probability", 1), ("max_products", -1)):
        with pytest.raises(InvalidInputError, match=name):
            measured(Quadratic(np.eye(3)), **{name: value})
    x = np.ones((4, 2))
    with pytest.raises(InvalidInputError, match="no network that can be differentiated"):
        ll.networks.sharpness("model", (x, x), None)
    with pytest.raises(InvalidInputError, match="operator is unknown"):
        ll.networks.sharpness("model", (x, x), None, operator="fisher")


def test_data_are_a_pair_or_batches():
    x, y = np.ones((4, 2)), np.ones(4)
    assert len(batches_of((x, y))) == 1
    assert len(batches_of([(x, y), (x, y), (x[:2], y[:2])])) == 3
    assert len(batches_of(pair for pair in [(x, y)])) == 1
    for wrong in (7, [x], []):
        with pytest.raises(InvalidInputError, match="data"):
            batches_of(wrong)
    with pytest.raises(InvalidInputError, match="4 inputs, 3 targets"):
        batches_of((x, y[:3]))
    with pytest.raises(InvalidInputError, match="0 inputs"):
        batches_of((x[:0], y[:0]))


def traced(sharpnesses, losses, step_size=0.5):
    trace = ll.networks.SharpnessTrace(None, None, None, step_size=step_size, every=10)
    from lowland.networks.curvature.trace import TraceRecord

    for k, (sharp, loss) in enumerate(zip(sharpnesses, losses, strict=True)):
        found = SharpnessEstimate(
            0.99 * sharp,
            1.01 * sharp,
            (0.0, 0.0),
            1e-6,
            np.ones(1),
            loss,
            1.0,
            5,
            "hessian",
            StopReason.CONVERGED,
        )
        trace.records.append(TraceRecord(10 * k, found))
    return trace


def test_edges_and_catapults_are_told_from_records():
    quiet = traced([1, 1.5, 2, 2, 2], [1, 0.5, 0.2, 0.1, 0.1])
    assert quiet.limit == 4
    assert quiet.edge_share() == 0
    assert quiet.catapults() == []
    assert quiet.stability() == [Verdict.SUPPORTED] * 5
    assert traced([1, 3, 4.1, 3.9, 4.2, 4], [1, 0.5, 0.3, 0.2, 0.2, 0.1]).edge_share() == 1
    thrown = traced([9, 8.8, 3, 3], [1, 5, 0.5, 0.2])
    assert thrown.catapults() == [10]
    assert thrown.stability()[0] is Verdict.INCONCLUSIVE
    # the loss rose, but where it went is no flatter
    assert traced([3, 3, 3.1], [1, 5, 0.5]).catapults() == []


def test_traces_are_drawn_and_want_ascending_steps():
    trace = traced([1, 3, 4], [1, 0.5, 0.2])
    axes = trace.plot()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "sharpness",
        "2 / step size",
        "loss",
    ]
    with pytest.raises(InvalidInputError, match="steps must ascend"):
        trace.record(10)
    with pytest.raises(InvalidInputError, match="the trace is empty"):
        ll.networks.SharpnessTrace(None, None, None, step_size=0.1).plot()


# --- PyTorch ---


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed (gigabytes)")


def module_of(torch, depth, inputs, width, seed, activation="Tanh"):
    torch.manual_seed(seed)
    sizes = [inputs, *[width] * (depth - 1), 1]
    layers = []
    for a, b in pairwise(sizes):
        layers += [torch.nn.Linear(a, b), getattr(torch.nn, activation)()]
    return torch.nn.Sequential(*layers[:-1])


def half_squares(outputs, targets):
    return ((outputs - targets) ** 2).mean() / 2


def dense_torch(torch, module, x, y, loss):
    """The whole Hessian, entry by entry, by PyTorch's own function."""
    named = {name: p.detach().double() for name, p in module.named_parameters()}
    flat = torch.cat([p.ravel() for p in named.values()])

    def value(point):
        parts = torch.split(point, [p.numel() for p in named.values()])
        given = {name: part.reshape(p.shape) for (name, p), part in zip(named.items(), parts, strict=True)}
        return loss(torch.func.functional_call(module, given, (x.double(),)), y.double())

    return torch.autograd.functional.hessian(value, flat).numpy()


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("activation", ["Tanh", "ReLU"])
def test_torch_modules_have_the_sharpness_of_their_dense_hessian(torch, depth, activation):
    for seed in range(3):
        module = module_of(torch, depth, 3 + seed, 6, seed, activation)
        x, y = torch.randn(40, 3 + seed), torch.randn(40, 1)
        values = np.linalg.eigvalsh(dense_torch(torch, module, x, y, half_squares))
        found = ll.networks.sharpness(module, (x, y), half_squares, **TIGHT)
        assert found.lower == pytest.approx(values[-1], rel=1e-6)
        slack = 1e-9 * values[-1]
        assert found.lower - slack <= values[-1] <= found.upper + slack
        assert found.smallest[0] - slack <= values[0] <= found.smallest[1] + slack
        batches = [(x[:10], y[:10]), (x[10:], y[10:])]
        parts = ll.networks.sharpness(module, batches, half_squares, **TIGHT)
        assert parts.lower == pytest.approx(found.lower, rel=1e-9)
        assert parts.loss == pytest.approx(found.loss, rel=1e-12)


def test_gauss_newton_is_that_of_the_linearised_network(torch):
    module = module_of(torch, 3, 4, 5, 0)
    x, y = torch.randn(30, 4), torch.randn(30, 1)
    named = {name: p.detach().double() for name, p in module.named_parameters()}
    rows = torch.func.jacrev(lambda p: torch.func.functional_call(module, p, (x.double(),)))(named)
    jacobian = torch.cat([part.reshape(30, -1) for part in rows.values()], dim=1).numpy()
    expected = np.linalg.eigvalsh(jacobian.T @ jacobian / 30)[-1]
    found = ll.networks.sharpness(module, (x, y), half_squares, operator="gauss_newton", **TIGHT)
    assert found.lower == pytest.approx(expected, rel=1e-7)
    assert found.smallest[1] > -1e-9


def test_modules_are_left_as_they_are(torch):
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1))
    module[0].weight.requires_grad_(False)
    before = {name: own.clone() for name, own in module.state_dict().items()}
    x, y = torch.randn(20, 3), torch.randn(20, 1)
    found = ll.networks.sharpness(module, (x, y), half_squares, rng=0)
    assert found.direction.size == sum(p.numel() for p in module.parameters() if p.requires_grad)
    for name, own in module.state_dict().items():
        assert torch.equal(own, before[name])
        assert own.dtype == before[name].dtype
    assert all(p.grad is None for p in module.parameters())
    assert module.training


def test_classifiers_and_loaders_are_measured(torch):
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(3 * 36, 4)
    )
    images, classes = torch.randn(50, 1, 8, 8), torch.randint(0, 4, (50,))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, classes), batch_size=16)
    loss = torch.nn.CrossEntropyLoss()
    found = ll.networks.sharpness(module, loader, loss, rng=0)
    named = {name: p.detach().double() for name, p in module.named_parameters()}
    along = torch.split(torch.as_tensor(found.direction), [p.numel() for p in named.values()])

    def at(t):
        given = {name: p + t * a.reshape(p.shape) for (name, p), a in zip(named.items(), along, strict=True)}
        return float(loss(torch.func.functional_call(module, given, (images.double(),)), classes))

    h = 1e-4
    assert (at(h) - 2 * at(0) + at(-h)) / h**2 == pytest.approx(found.lower, rel=1e-3)


def test_random_losses_and_models_without_parameters_are_refused(torch):
    x, y = torch.randn(20, 3), torch.randn(20, 1)
    module = torch.nn.Sequential(torch.nn.Linear(3, 50), torch.nn.Dropout(0.5), torch.nn.Linear(50, 1))
    with pytest.raises(InvalidInputError, match="the loss is random"):
        ll.networks.sharpness(module, (x, y), half_squares)
    ll.networks.sharpness(module.eval(), (x, y), half_squares, rng=0)
    with pytest.raises(InvalidInputError, match="no parameter"):
        ll.networks.sharpness(torch.nn.ReLU(), (x, y), half_squares)
    with pytest.raises(InvalidInputError, match="must be a scalar"):
        ll.networks.sharpness(module, (x, y), lambda out, target: out - target)


def test_a_trace_follows_training_to_the_edge(torch):
    torch.manual_seed(1)
    module = module_of(torch, 2, 1, 30, 1)
    x = torch.linspace(-2, 2, 20)[:, None]
    y, step_size = torch.sin(2 * x), 0.4
    trace = ll.networks.SharpnessTrace(module, (x, y), half_squares, step_size=step_size, every=250, rng=0)
    for step in range(3001):
        loss = half_squares(module(x), y)
        module.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in module.parameters():
                p -= step_size * p.grad
        trace.record(step)
    assert [record.step for record in trace.records] == list(range(0, 3001, 250))
    sharp = [record.estimate.lower for record in trace.records]
    # it began where the step size is unstable, and settled where it just is
    assert trace.stability()[0] is Verdict.REFUTED
    assert sharp[-1] == pytest.approx(trace.limit, rel=0.02)
    assert trace.edge_share() > 0.8


def test_gradients_may_be_switched_off_around(torch):
    module, x, y = module_of(torch, 2, 3, 5, 0), torch.randn(20, 3), torch.randn(20, 1)
    usual = ll.networks.sharpness(module, (x, y), half_squares, **TIGHT)
    for off in (torch.no_grad, torch.inference_mode):
        with off():
            found = ll.networks.sharpness(module, (x, y), half_squares, **TIGHT)
        assert found.lower == usual.lower > 0
    with pytest.raises(InvalidInputError, match="does not depend on the parameters"):
        ll.networks.sharpness(module, (x, y), lambda out, target: half_squares(out.detach(), target))


def test_attention_and_losses_with_tensors_of_their_own(torch):
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    model = torch.nn.Sequential(layer, torch.nn.Flatten(), torch.nn.Linear(8 * 3, 2))
    x, classes = torch.randn(10, 3, 8), torch.randint(0, 2, (10,))
    loss = torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0]))
    found = ll.networks.sharpness(model, (x, classes), loss, rng=0)
    assert found.lower > 0
    assert loss.weight.dtype == torch.float32


def test_what_cannot_be_differentiated_is_said(torch):
    class Fixed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Linear(3, 1)

        def forward(self, x):
            return self.inner(x.float())

    x, y = torch.randn(20, 3), torch.randn(20, 1)
    with pytest.raises(InvalidInputError, match="double precision"):
        ll.networks.sharpness(Fixed(), (x, y), half_squares)
    turning = torch.nn.Linear(3, 1, dtype=torch.complex64)
    with pytest.raises(InvalidInputError, match="complex"):
        ll.networks.sharpness(turning, (x, y), half_squares)


def test_traces_read_data_once_and_leave_random_numbers_alone(torch):
    module, x, y = module_of(torch, 2, 3, 5, 0), torch.randn(20, 3), torch.randn(20, 1)
    pairs = torch.utils.data.TensorDataset(x, y)
    loader = torch.utils.data.DataLoader(pairs, batch_size=7, shuffle=True)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    trace = ll.networks.SharpnessTrace(module, loader, half_squares, step_size=0.1, rng=0)
    first, second = trace.record(1), trace.record(2)
    assert torch.rand(1) == expected
    assert first.loss == pytest.approx(second.loss)
    generator = ll.networks.SharpnessTrace(module, ((x, y) for _ in range(1)), half_squares, step_size=0.1)
    assert generator.record(1).loss == pytest.approx(generator.record(2).loss)


def test_an_interrupted_measurement_is_no_record(torch):
    def loss(outputs, targets):
        calls.append(1)
        if len(calls) == 4:
            signal.raise_signal(signal.SIGINT)
        return half_squares(outputs, targets)

    calls = []
    module, x, y = module_of(torch, 3, 5, 20, 0), torch.randn(20, 5), torch.randn(20, 1)
    trace = ll.networks.SharpnessTrace(module, (x, y), loss, step_size=0.1, tolerance=1e-9)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            trace.record(1)
    finally:
        signal.signal(signal.SIGINT, before)
    assert trace.records == []


# --- JAX ---


def test_jax_leaves_that_are_no_numbers_are_constants(jax):
    jnp = jax.numpy
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 3)), rng.standard_normal(30)
    weights = {
        "w": rng.standard_normal(3),
        "times": 3,
        "mask": np.array([True, False, True]),
        "at": np.arange(30),
    }

    def apply(p, inputs):
        return p["times"] * ((inputs * p["mask"]) @ p["w"])[p["at"]]

    def loss(outputs, targets):
        return jnp.mean((outputs - targets) ** 2) / 2

    found = ll.networks.sharpness((apply, weights), (x, y), loss, **TIGHT)
    assert found.direction.size == 3
    design = 3 * x * weights["mask"]
    assert found.lower == pytest.approx(np.linalg.eigvalsh(design.T @ design / 30)[-1], rel=1e-9)
    with pytest.raises(InvalidInputError, match="complex"):
        ll.networks.sharpness((apply, {**weights, "w": weights["w"] + 0j}), (x, y), loss)

    def broken(p, inputs):
        raise TypeError("a mistake in the model")

    with pytest.raises(TypeError, match="a mistake in the model"):
        ll.networks.sharpness((broken, weights), (x, y), loss)


@pytest.fixture(scope="module")
def jax():
    return pytest.importorskip("jax", reason="JAX is not installed")


def test_jax_functions_have_the_sharpness_of_their_dense_hessian(jax):
    jnp = jax.numpy

    def apply(weights, x):
        for a in weights["inner"]:
            x = jnp.tanh(x @ a)
        return x @ weights["last"]

    def loss(outputs, targets):
        return jnp.mean((outputs - targets) ** 2) / 2

    rng = np.random.default_rng(0)
    shapes = [(3, 5), (5, 5)]
    weights = {
        "inner": [rng.standard_normal(shape).astype(np.float32) for shape in shapes],
        "last": rng.standard_normal((5, 1)).astype(np.float32),
    }
    x, y = rng.standard_normal((40, 3)), rng.standard_normal((40, 1))
    with (jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64)(True):
        from jax.flatten_util import ravel_pytree

        flat, unravel = ravel_pytree(jax.tree_util.tree_map(lambda a: jnp.asarray(a, float), weights))
        dense = np.asarray(jax.hessian(lambda point: loss(apply(unravel(point), x), y))(flat))
        rows = np.asarray(jax.jacobian(lambda point: apply(unravel(point), x))(flat))[:, 0]
    values = np.linalg.eigvalsh(dense)
    for data in ((x, y), [(x[:10], y[:10]), (x[10:], y[10:])]):
        found = ll.networks.sharpness((apply, weights), data, loss, **TIGHT)
        assert found.lower == pytest.approx(values[-1], rel=1e-7)
        assert found.smallest[1] == pytest.approx(values[0], rel=1e-3)
    bent = ll.networks.sharpness((apply, weights), (x, y), loss, operator="gauss_newton", **TIGHT)
    assert bent.lower == pytest.approx(np.linalg.eigvalsh(rows.T @ rows / 40)[-1], rel=1e-7)
    # what JAX is set to stays as it is
    assert jnp.asarray(1.0).dtype == np.float32
    with pytest.raises(InvalidInputError, match="must be a scalar"):
        ll.networks.sharpness((apply, weights), (x, y), lambda out, target: out - target)


@pytest.mark.parametrize("widths", [(4,), (4, 3), (3, 4, 2)])
def test_relu_networks_have_the_sharpness_of_second_differences_of_their_loss(widths):
    """Around these weights the loss is a polynomial: its kinks are farther than a difference."""
    rng = np.random.default_rng(len(widths))
    sizes = (2, *widths, 1)
    layers = [(rng.standard_normal((b, a)), rng.standard_normal(b)) for a, b in pairwise(sizes)]
    net = ll.networks.ReluNetwork(*zip(*layers, strict=True))
    x, y = rng.standard_normal((15, 2)), rng.standard_normal(15)

    def value(theta):
        hidden, at = x, 0
        for k, (w, b) in enumerate(layers):
            own, at = theta[at : at + w.size].reshape(w.shape), at + w.size
            hidden, at = hidden @ own.T + theta[at : at + b.size], at + b.size
            hidden = np.maximum(hidden, 0) if k + 1 < len(layers) else hidden
        return np.mean((hidden[:, 0] - y) ** 2) / 2

    here = np.concatenate([part.ravel() for pair in layers for part in pair])
    h, unit = 1e-4, np.eye(here.size)

    def second(a, b):
        signs = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
        return sum(s * t * value(here + h * (s * a + t * b)) for s, t in signs) / (4 * h * h)

    dense = np.array([[second(a, b) for b in unit] for a in unit])
    values = np.linalg.eigvalsh(dense)
    found = ll.networks.sharpness(net, (x, y), "squared", tolerance=1e-6, rng=0)
    assert found.lower == pytest.approx(values[-1], rel=1e-4)
    assert found.upper >= found.lower
    assert found.smallest[0] <= values[0] + 1e-4 * values[-1]
    assert found.loss == pytest.approx(value(here))
    # batches of unequal lengths are the same data
    parts = ll.networks.sharpness(net, [(x[:4], y[:4]), (x[4:], y[4:])], "squared", tolerance=1e-6, rng=0)
    assert parts.lower == pytest.approx(found.lower, rel=1e-9)
    assert parts.gradient_norm == pytest.approx(found.gradient_norm)
    linear = ll.networks.sharpness(net, (x, y), "squared", operator="gauss_newton", tolerance=1e-6, rng=0)
    assert linear.lower == pytest.approx(ll.networks.flattest_rescaling(net, x).given, rel=1e-5)


def test_losses_of_relu_networks_are_named():
    net, data = ll.networks.ReluNetwork(([[1.0]], [1.0])), (np.ones((2, 1)), np.ones(2))
    with pytest.raises(InvalidInputError, match='pass "squared"'):
        ll.networks.sharpness(net, data, lambda a, b: 0.0)
    with pytest.raises(InvalidInputError, match="pass a function"):
        ll.networks.sharpness((lambda p, x: x, np.ones(2)), data, "squared")
    with pytest.raises(InvalidInputError, match="do not match"):
        ll.networks.sharpness(net, (np.ones((2, 3)), np.ones(2)), "squared")
