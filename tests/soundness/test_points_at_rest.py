"""Stability at a step size, in every unit of the inputs: slopes are judged one parameter at a time."""

from collections import Counter

import numpy as np
import pytest

from lowland import networks as ln
from lowland.core.results.status import Verdict
from oracles import relu as naive


def instance(rng):
    """A network and data at which every parameter rests, or every one but some; inputs of any size."""
    n, k = int(rng.integers(14, 30)), int(rng.integers(1, 4))
    x = 10 ** rng.uniform(-4, 8) * (rng.uniform(-1, 1, n) + rng.choice([0.0, 3.0]))
    w = rng.choice([-1.0, 1.0], k) * 10 ** rng.uniform(-3, 3, k)
    b = -w * rng.uniform(x.min(), x.max(), k)
    v = rng.standard_normal(k) / np.abs(w) / np.abs(x).max()
    network = ln.ReluNetwork((w[:, None], v), (b, rng.standard_normal(1)))
    on = np.outer(x, w) + b > 0
    features = np.column_stack([np.ones(n), np.maximum(np.outer(x, w) + b, 0), on * x[:, None], on])
    features = features[:, features.any(axis=0)]
    features /= np.linalg.norm(features, axis=0)
    forgotten = rng.choice(features.shape[1], int(rng.integers(3)), replace=False)
    basis = np.linalg.svd(np.delete(features, forgotten, axis=1), full_matrices=False)
    basis = basis[0][:, basis[1] > 1e-9]
    residual = rng.standard_normal(n)
    for _ in range(3):
        residual -= basis @ (basis.T @ residual)
    return network, x, network(x) - residual * 10 ** rng.uniform(-3, 1)


def judged(seed, count):
    rng, counts = np.random.default_rng(seed), Counter()
    for k in range(count):
        network, x, y = instance(rng)
        largest = ln.stability_report(network, x, y, 1.0).sharpness.largest
        step = rng.choice([0.5, 1.9, 2.1]) / largest
        verdict = ln.stability_report(network, x, y, step).certificate.verdict
        unrest, misfit = naive.unrest(network, x, y)
        resting = unrest <= 1e-5 or misfit <= 1e-5
        counts[verdict, resting] += 1
        assert not (verdict is Verdict.PROVED and not resting), (seed, k, unrest)
        assert not (verdict is Verdict.REFUTED and step * largest < 2), (seed, k)
    return counts


def proved(counts):
    return counts[Verdict.PROVED, True]


def test_a_sample():
    assert proved(judged(0, 50)) > 10


@pytest.mark.slow
def test_a_thousand():
    assert proved(judged(1, 1200)) > 250


def test_a_slope_in_one_coordinate_is_not_hidden_by_large_inputs():
    """Inputs of 1e7: residuals could make slopes of 1e7 in the weights, and one in the offset is 0.375."""
    x, y = 1e7 * np.array([-1.0, -0.5, 0.5, 1.0]), np.array([0.0, 0.0, 1.0, 1.5])
    network = ln.ReluNetwork(([[1e-7]], [1.0]), ([0.0], [0.25]))
    found = ln.stability_report(network, x, y, 1e-16)
    assert found.sharpness.unrest > 0.1
    assert found.certificate.verdict is Verdict.INCONCLUSIVE


def test_an_idle_neuron_that_could_help_makes_a_saddle_in_every_unit():
    for scale in (1e-5, 1.0, 1e7):
        x = scale * np.array([-1.0, 0.0, 1.0])
        network = ln.ReluNetwork(([[1 / scale]], [0.0]), ([0.5], [0.0]))
        found = ln.stability_report(network, x, [-2.0, 3.0, -1.0], 0.1 / max(scale, 1) ** 2)
        assert found.certificate.verdict is Verdict.REFUTED
