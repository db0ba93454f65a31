"""Regions along training: ranks and patterns beside naive ones, in loops of one's own."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.networks import RegionTrace, ReluNetwork


def data(rng, points=12, inputs=3):
    return rng.standard_normal((points, inputs)), rng.standard_normal(points)


def naive_jacobian(first, bias, last, x):
    """Derivatives of the outputs by the first layer's weights and biases."""
    on = x @ first.T + bias > 0
    rows = np.hstack([x, np.ones((len(x), 1))])
    return ((on * last)[:, :, None] * rows[:, None]).reshape(len(x), -1), on


@pytest.mark.parametrize("width", [3, 12])
def test_records_of_descent_agree_with_naive_ones(width, rng):
    x, y = data(rng)
    first, bias, last = (
        rng.standard_normal((width, 3)),
        rng.standard_normal(width),
        rng.standard_normal(width),
    )
    trace = RegionTrace(ReluNetwork((first, last), (bias, None)), x, y, every=20, rng=0)
    patterns = []
    for step in range(101):
        network = ReluNetwork((first, last), (bias, None))
        record = trace.record(step, network)
        jacobian, on = naive_jacobian(first, bias, last, x)
        residual = np.maximum(x @ first.T + bias, 0) @ last - y
        if step % 20:
            assert record is None
        else:
            patterns.append(on)
            assert record.rank == np.linalg.matrix_rank(jacobian)
            assert record.rank == ll.networks.region_report(network, x, rng=1).rank
            assert record.loss == pytest.approx(0.5 * np.mean(residual**2))
            assert record.changed == pytest.approx(np.mean(on != patterns[0]))
            assert record.moved == pytest.approx(np.mean(on != patterns[max(len(patterns) - 2, 0)]))
            assert record.dead_neurons == np.count_nonzero(~on.any(axis=0))
            assert record.has_full_rank == (record.rank == 12)
        slope = (jacobian.T @ residual).reshape(width, 4) / 12
        first, bias = first - 0.3 * slope[:, :3], bias - 0.3 * slope[:, 3]
    assert [own.step for own in trace.records] == [0, 20, 40, 60, 80, 100]
    assert trace.records[-1].changed > 0
    assert trace.full_rank_share() == np.mean([own.has_full_rank for own in trace.records])


def test_the_layers_that_are_trained_are_those_of_a_report(rng):
    x, _ = data(rng)
    layers = (rng.standard_normal((2, 3)), rng.standard_normal((5, 2)), rng.standard_normal(5))
    network = ReluNetwork(layers)
    ranks = [RegionTrace(network, x, trained=own, rng=0).record(0).rank for own in ("first", "all")]
    assert ranks == [
        ll.networks.region_report(network, x, trained=own, rng=1).rank for own in ("first", "all")
    ]
    assert ranks[0] < ranks[1]
    assert RegionTrace(network, x).record(0).loss is None


def test_a_module_is_read_anew(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (gigabytes)")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 20), torch.nn.ReLU(), torch.nn.Linear(20, 1)).double()
    x, y = (torch.as_tensor(own) for own in data(rng))
    trace, step_size = RegionTrace(model, x, y, every=50, rng=0), 0.1
    for step in range(201):
        trace.record(step)
        loss = 0.5 * torch.mean((model(x)[:, 0] - y) ** 2)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for own in model.parameters():
                own -= step_size * own.grad
    losses = [own.loss for own in trace.records]
    assert losses == sorted(losses, reverse=True)
    assert trace.records[-1].changed > 0
    assert trace.records[-1].loss < 0.5 * trace.records[0].loss


def test_a_plot(rng):
    x, _ = data(rng)
    network = ReluNetwork((rng.standard_normal((5, 3)), rng.standard_normal(5)))
    trace = RegionTrace(network, x, rng=0)
    with pytest.raises(InvalidInputError, match="the trace is empty"):
        trace.plot()
    assert trace.full_rank_share() == 0
    trace.record(0)
    trace.record(3)
    line = trace.plot().get_lines()[0]
    assert line.get_xdata().tolist() == [0, 3]
    assert line.get_ydata()[0] == trace.records[0].rank / 12


def test_refusals(rng):
    x, y = data(rng)
    network = ReluNetwork((rng.standard_normal((5, 3)), rng.standard_normal(5)))
    trace = RegionTrace(network, x, y)
    trace.record(4)
    with pytest.raises(InvalidInputError, match="steps must ascend"):
        trace.record(4)
    with pytest.raises(InvalidInputError, match="other sizes"):
        trace.record(5, ReluNetwork((rng.standard_normal((6, 3)), rng.standard_normal(6))))
    with pytest.raises(InvalidInputError, match="every"):
        RegionTrace(network, x, every=0)
    with pytest.raises(InvalidInputError, match="trained"):
        RegionTrace(network, x, trained="last")
    with pytest.raises(InvalidInputError):
        RegionTrace(network, x[:, :2])
    with pytest.raises(InvalidInputError):
        RegionTrace(network, x, y[:3])


def test_weights_that_change_in_place_are_read_anew(rng):
    """As those of a state dictionary do while a module is trained."""
    x, _ = data(rng)
    state = {"0.weight": rng.standard_normal((6, 3)), "2.weight": rng.standard_normal((1, 6))}
    trace = RegionTrace(state, x, rng=0)
    trace.record(0)
    state["0.weight"] *= -1
    assert trace.record(1).changed == 1
    assert trace.record(2).moved == 0
