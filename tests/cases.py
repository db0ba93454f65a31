"""The one table of public parts. Contracts run over it; a meta-test fails if a part has no row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import random_array
from scipy.sparse.linalg import aslinearoperator

from lowland.datasets import planted_completion, planted_sensing
from lowland.losses import Balancing, Ridge, Squared
from lowland.measure import Dense, Entries, Linear, gaussian
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.search import Alternating, GaussNewton, Gradient, Stochastic


@dataclass(frozen=True)
class Case:
    part: type
    make: Callable[[], Any]
    name: str
    extra: dict = field(default_factory=dict)


def _rng():
    return np.random.default_rng(7)


def _entries(dtype="float64"):
    # positions repeat: an adjoint that assigns instead of adding must fail here
    rng = _rng()
    rows, columns = rng.integers(0, 8, 40), rng.integers(0, 6, 40)
    return Entries(np.r_[rows, rows[:10]], np.r_[columns, columns[:10]], (8, 6), dtype=dtype)


def _naive_entries(measurement, matrix):
    return np.array([matrix[i, j] for i, j in zip(measurement.rows, measurement.columns, strict=True)])


def _naive_dense(measurement, matrix):
    return np.array([np.trace(a.T @ matrix) for a in measurement.arrays])


def _naive_linear(measurement, matrix):
    dense = measurement.operator @ np.eye(matrix.size)
    return dense @ np.concatenate(list(matrix))


MEASUREMENTS = [
    Case(Entries, _entries, "entries with repeats", {"naive": _naive_entries}),
    Case(Entries, lambda: _entries("float32"), "entries in float32", {"naive": _naive_entries}),
    Case(Entries, lambda: Entries([2], [3], (5, 4)), "one entry", {"naive": _naive_entries}),
    Case(Entries, lambda: Entries([], [], (3, 4)), "no entry", {"naive": _naive_entries}),
    Case(Dense, lambda: gaussian(20, (4, 6), 1), "general", {"naive": _naive_dense}),
    Case(Dense, lambda: gaussian(20, (5, 5), 1, symmetric=True), "symmetric", {"naive": _naive_dense}),
    Case(Dense, lambda: gaussian(20, (5, 5), 1, dtype="float32"), "float32", {"naive": _naive_dense}),
    Case(Dense, lambda: gaussian(1, (1, 1), 1), "one by one", {"naive": _naive_dense}),
    Case(
        Linear,
        lambda: Linear(random_array((15, 12), density=0.4, rng=_rng()), (3, 4)),
        "sparse",
        {"naive": _naive_linear},
    ),
    Case(
        Linear,
        lambda: Linear(aslinearoperator(_rng().standard_normal((7, 12))), (4, 3)),
        "operator",
        {"naive": _naive_linear},
    ),
]

LOSSES = [
    Case(Squared, Squared, "squared", {"z": [0.0, 1.0, -2.0], "y": [0.0, 3.0, 1.0], "value": [0, 2, 4.5]})
]

PENALTIES = [
    Case(Ridge, lambda: Ridge(0.7, 14), "ridge", {"size": 17}),
    Case(Ridge, lambda: Ridge(0.7, 14, sides=2), "ridge of one factor", {"size": 14}),
    Case(Balancing, lambda: Balancing(0.3, (4, 3), 2), "balancing", {"size": 16}),
]

BIASES = [(), ("row",), ("column",), ("global",), ("row", "column"), ("row", "column", "global")]

MODELS = [
    Case(General, lambda b=b: General((7, 6), 2, b), f"general {'+'.join(b) or 'plain'}") for b in BIASES
]
MODELS += [
    Case(General, lambda: General((3, 2), 2), "full rank"),
    Case(Psd, lambda: Psd((6, 6), 2), "psd"),
    Case(Psd, lambda: Psd((4, 4), 1), "psd of rank one"),
]


def make_small_objective(model, *, weighted=False, ridge=0.0, balancing=0.0, measurement=None):
    rng = _rng()
    m, n = model.shape
    if measurement is None:
        measurement = Entries(rng.integers(0, m, 40), rng.integers(0, n, 40), (m, n))
    weights = rng.uniform(0.5, 2, measurement.size) if weighted else None
    y = rng.standard_normal(measurement.size)
    return make_objective(measurement, y, model, weights=weights, ridge=ridge, balancing=balancing)


OBJECTIVES = [
    Case(
        General,
        lambda b=b: make_small_objective(General((7, 6), 2, b), weighted=True),
        f"{'+'.join(b) or 'plain'}",
    )
    for b in BIASES
]
OBJECTIVES += [
    Case(
        General,
        lambda: make_small_objective(General((7, 6), 2), ridge=0.4, balancing=0.3),
        "ridge and balancing",
    ),
    Case(
        General,
        lambda: make_small_objective(General((4, 6), 2), ridge=0.4, measurement=gaussian(20, (4, 6), 2)),
        "sensing",
    ),
    Case(Psd, lambda: make_small_objective(Psd((6, 6), 2), ridge=0.4), "psd entries"),
    Case(
        Psd,
        lambda: make_small_objective(Psd((6, 6), 2), weighted=True, measurement=gaussian(20, (6, 6), 2)),
        "psd sensing",
    ),
]


def completion_problem(ridge=0.5, biases=(), dtype="float64"):
    instance = planted_completion((30, 24), 2, 3.0, 3, noise=0.05)
    return make_objective(
        instance.measurement, instance.y.astype(dtype), General((30, 24), 2, biases), ridge=ridge
    )


def sensing_problem(structure="psd"):
    instance = planted_sensing(90, 12, 2, 3)
    model = Psd((12, 12), 2) if structure == "psd" else General((12, 12), 2)
    size = 90 if structure == "psd" else 75
    part = instance.measurement.subset(np.arange(size))
    return make_objective(part, instance.y[:size], model)


PROBLEMS = {
    "completion": completion_problem,
    "completion with biases": lambda: completion_problem(biases=("row", "column", "global")),
    "psd sensing": sensing_problem,
    "general sensing": lambda: sensing_problem("general"),
}

SOLVERS = [
    Case(Gradient, Gradient, "barzilai-borwein", {"steps": 100}),
    Case(Gradient, lambda: Gradient(rule="armijo"), "armijo", {"steps": 200}),
    Case(Stochastic, Stochastic, "plain", {"steps": 40}),
    Case(Stochastic, lambda: Stochastic(perturbation=0.1), "perturbed", {"steps": 40}),
    Case(Stochastic, lambda: Stochastic(momentum=0.5, batch_size=10), "momentum", {"steps": 40}),
    Case(Alternating, Alternating, "alternating", {"steps": 30}),
    Case(GaussNewton, GaussNewton, "gauss-newton", {"steps": 20}),
]


def parametrise(cases):
    import pytest

    return pytest.mark.parametrize("case", cases, ids=lambda case: f"{case.part.__name__}: {case.name}")
