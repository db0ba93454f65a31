"""The one table of public parts. Contracts run over it; a meta-test fails if a part has no row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import random_array
from scipy.sparse.linalg import aslinearoperator

from lowland.bayes.design import MatrixDesign
from lowland.bayes.side_prior import SidePrior
from lowland.cells.sides import TableCells
from lowland.certificates.settings import Judgement, JudgeSettings
from lowland.completion.bayesian.objective import BayesianCompletion
from lowland.core.cells.observations import Observations
from lowland.core.work import UNLIMITED
from lowland.datasets import planted_completion, planted_sensing
from lowland.losses import (
    Balancing,
    BiasRidge,
    Binomial,
    Clipped,
    LogPoisson,
    Mixed,
    Ordinal,
    Poisson,
    Ridge,
    Squared,
)
from lowland.measure import (
    Dense,
    Entries,
    Fourier,
    Linear,
    Pauli,
    RankOne,
    RealParts,
    Stacked,
    blind_deconvolution,
    coded_diffraction,
    gaussian,
)
from lowland.models import General, Psd
from lowland.networks.network import ReluNetwork
from lowland.networks.regions.model import Relu
from lowland.networks.regions.objective import ReluObjective
from lowland.networks.search.pattern_walk import PatternWalk
from lowland.objectives import make_objective
from lowland.objectives.unlisted import Unlisted
from lowland.search import (
    Accelerated,
    Alternating,
    EmpiricalBayes,
    GaussNewton,
    Gradient,
    Scaled,
    Stochastic,
    TrustRegion,
    VariableProjection,
)
from lowland.search.augmentation import Augmentation
from lowland.search.gibbs import Gibbs
from lowland.search.variational import Variational
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.cp.constraints import FactorConstraint
from lowland.tensors.cp.model import CP
from lowland.tensors.cp.objective import CPObjective
from lowland.tensors.search.cp_alternating import CPAlternating
from lowland.tensors.search.filled_iteration import FilledIteration
from lowland.tensors.search.high_order_escape import HighOrderEscape
from lowland.tensors.search.orthogonal_iteration import OrthogonalIteration
from lowland.tensors.tucker.balancing import TuckerBalancing
from lowland.tensors.tucker.model import Tucker
from lowland.tensors.tucker.objective import TuckerObjective


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
    return np.array([np.trace(a.conj().T @ matrix) for a in measurement.arrays])


def _naive_linear(measurement, matrix):
    dense = measurement.operator @ np.eye(matrix.size)
    return dense @ np.concatenate(list(matrix))


def _naive_rank_one(left, right):
    return lambda measurement, matrix: np.array(
        [a.conj() @ matrix @ b for a, b in zip(left, right, strict=True)]
    )


def _naive_pauli(measurement, matrix):
    letters = {"I": np.eye(2), "X": [[0, 1], [1, 0]], "Y": [[0, -1j], [1j, 0]], "Z": [[1, 0], [0, -1]]}
    return np.array([np.trace(reduce(np.kron, [letters[c] for c in w]) @ matrix) for w in measurement.words])


def _naive_fourier(measurement, matrix):
    m, n = matrix.shape
    waves = [np.exp(-2j * np.pi * np.outer(np.arange(k), np.arange(k)) / k) / np.sqrt(k) for k in (m, n)]
    return (waves[0] @ matrix @ waves[1])[measurement.rows, measurement.columns]


def _naive_stacked(measurement, matrix):
    return np.concatenate([part.measure_matrix(matrix) for part in measurement.parts])


def _naive_diffraction(masks):
    def measure(measurement, matrix):
        h, w = masks.shape[1:]
        waves = np.kron(np.fft.fft(np.eye(h)) / np.sqrt(h), np.fft.fft(np.eye(w)) / np.sqrt(w))
        rows = np.vstack([waves * mask.ravel() for mask in masks])
        return np.array([row @ matrix @ row.conj() for row in rows])

    return measure


def _naive_convolution(left, right):
    def measure(measurement, matrix):
        length = len(left)
        signal = np.zeros(length, complex)
        for s in range(length):
            for t in range(length):
                signal[(s + t) % length] += left[s] @ matrix @ right[t]
        return np.fft.fft(signal) / np.sqrt(length)

    return measure


def _complex(*shape):
    rng = _rng()
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def _words(count, qubits):
    return ["".join(word) for word in _rng().choice(list("IXYZ"), (count, qubits))]


def _real_parts(base, naive, *, both):
    parts = (lambda z: z.view(float)) if both else (lambda z: z.real)
    return {
        "naive": lambda measurement, matrix: parts(naive(measurement.base, matrix).astype(complex)),
        "whole": both,
    }


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
    Case(Linear, lambda: Linear(_complex(7, 12), (4, 3)), "complex", {"naive": _naive_linear}),
    Case(Entries, lambda: _entries("complex128"), "complex entries", {"naive": _naive_entries}),
    Case(Dense, lambda: Dense(_complex(9, 4, 3)), "complex", {"naive": _naive_dense}),
    Case(Dense, lambda: gaussian(9, (4, 4), 0, dtype="complex64"), "complex64", {"naive": _naive_dense}),
    Case(
        RankOne,
        lambda: RankOne(_complex(9, 4).real, _complex(9, 3).imag),
        "two sets",
        {"naive": _naive_rank_one(_complex(9, 4).real, _complex(9, 3).imag)},
    ),
    Case(
        RankOne,
        lambda: RankOne(_complex(9, 4)),
        "one complex set",
        {"naive": _naive_rank_one(_complex(9, 4), _complex(9, 4))},
    ),
    Case(
        RankOne,
        lambda: coded_diffraction(_complex(3, 2, 3)),
        "coded diffraction",
        {"naive": _naive_diffraction(_complex(3, 2, 3)), "whole": True},
    ),
    Case(
        RankOne,
        lambda: blind_deconvolution(_complex(6, 2).real, _complex(6, 3)),
        "blind deconvolution",
        {"naive": _naive_convolution(_complex(6, 2).real, _complex(6, 3))},
    ),
    Case(Pauli, lambda: Pauli(_words(40, 3)), "three qubits with repeats", {"naive": _naive_pauli}),
    Case(Pauli, lambda: Pauli(["Y"]), "one letter", {"naive": _naive_pauli}),
    Case(Fourier, lambda: Fourier(_rng().random((5, 4)) < 0.6), "some", {"naive": _naive_fourier}),
    Case(Fourier, lambda: Fourier(np.ones((1, 3), bool)), "one row", {"naive": _naive_fourier}),
    Case(
        Stacked,
        lambda: Stacked([gaussian(5, (8, 6), 0), _entries()]),
        "matrices and entries",
        {"naive": _naive_stacked},
    ),
    Case(
        Stacked,
        lambda: Stacked([Pauli(_words(9, 2)), Dense(np.eye(4)[None])]),
        "complex and real",
        {"naive": _naive_stacked},
    ),
    Case(
        RealParts,
        lambda: RealParts(_entries("complex128"), both=True),
        "both parts",
        _real_parts(Entries, _naive_entries, both=True),
    ),
    Case(
        RealParts,
        lambda: RealParts(Pauli(_words(20, 2)), both=False),
        "real parts alone",
        _real_parts(Pauli, _naive_pauli, both=False),
    ),
]

LOSSES = [
    Case(Squared, Squared, "squared", {"z": [0.0, 1.0, -2.0], "y": [0.0, 3.0, 1.0], "value": [0, 2, 4.5]}),
    Case(
        Poisson,
        Poisson,
        "poisson",
        {
            "z": [1.0, 2.0, 3.0, 0.0, -1.0],
            "y": [1.0, 4.0, 0.0, 0.0, 0.0],
            "value": [0.0, 4 * np.log(2) - 2, 3.0, 0.0, np.inf],
            "draw": lambda rng: (rng.uniform(0.5, 5, 200), rng.poisson(2, 200).astype(float)),
            "slopes": lambda rng, y: rng.uniform(-3, 0.99, 200),
        },
    ),
    Case(
        Binomial,
        Binomial,
        "binomial",
        {
            "z": [0.5, 0.25, 1.0, 1.5],
            "y": [0.5, 0.0, 1.0, 0.5],
            "value": [0.0, np.log(4 / 3), 0.0, np.inf],
            "draw": lambda rng: (rng.uniform(0.05, 0.95, 200), np.r_[0.0, 1.0, rng.random(198)]),
            "slopes": lambda rng, y: rng.normal(0, 3, 200),
        },
    ),
]


def _levels(count):
    return lambda rng: (rng.normal(0, 3, 200), rng.integers(0, count, 200).astype(float))


def _level_slopes(count):
    """Slopes that a level's loss has: only falling at the last level, only rising at the first."""

    def slopes(rng, y):
        low, high = np.where(y == 0, 0.0, -1.0), np.where(y == count - 1, 0.0, 1.0)
        inner = rng.uniform(low, high)
        return np.where(rng.random(y.size) < 0.2, np.where(rng.random(y.size) < 0.5, low, high), inner)

    return slopes


def _mixed():
    parts = (Squared(), Ordinal((-1.0, 1.0)), LogPoisson(), Clipped.huber())
    return Mixed(parts, np.arange(200) % 4, np.linspace(-1, 1, 200))


def _draw_mixed(rng):
    y = rng.normal(0, 2, 200)
    y[1::4], y[2::4] = rng.integers(0, 3, 50), rng.poisson(2, 50)
    return rng.normal(0, 2, 200), y


def _mixed_slopes(rng, y):
    return _mixed().slope(rng.normal(0, 2, 200), y)


LOSSES += [
    Case(
        Ordinal,
        lambda: Ordinal((-1.0, 0.5, 2.0)),
        "four levels",
        {
            "z": [0.0, 0.0, -1.0, 3.0],
            "y": [0.0, 1.0, 2.0, 3.0],
            # 1 / (1 + exp(z - c)) are the probabilities of less
            "value": [
                np.log(1 + np.e),
                -np.log(1 / (1 + np.exp(-0.5)) - 1 / (1 + np.e)),
                -np.log(1 / (1 + np.exp(-3)) - 1 / (1 + np.exp(-1.5))),
                np.log(1 + np.exp(-1)),
            ],
            "draw": _levels(4),
            "slopes": _level_slopes(4),
        },
    ),
    Case(
        Ordinal,
        Ordinal,
        "logistic",
        {
            "z": [0.0, 2.0, 2.0],
            "y": [0.0, 1.0, 0.0],
            "value": [np.log(2), np.log(1 + np.exp(-2)), np.log(1 + np.exp(2))],
            "draw": _levels(2),
            "slopes": _level_slopes(2),
        },
    ),
    Case(
        Clipped,
        lambda: Clipped.huber(1.5),
        "huber",
        {
            "z": [0.0, 1.0, 5.0],
            "y": [0.0, 0.0, 0.0],
            "value": [0.0, 0.5, 1.5 * 5 - 1.5**2 / 2],
            "slopes": lambda rng, y: rng.uniform(-1.5, 1.5, 200),
        },
    ),
    Case(
        Clipped,
        lambda: Clipped.quantile(0.8, 0.1),
        "quantile",
        {
            "z": [0.0, 5.0, -5.0],
            "y": [0.0, 0.0, 0.0],
            "value": [0.0, 0.4 * 5 - 0.1 * 0.4**2 / 2, 1.6 * 5 - 0.1 * 1.6**2 / 2],
            "slopes": lambda rng, y: rng.uniform(-1.6, 0.4, 200),
        },
    ),
    Case(
        LogPoisson,
        LogPoisson,
        "log-poisson",
        {
            "z": [0.0, 1.0, np.log(2)],
            "y": [0.0, 0.0, 4.0],
            "value": [1.0, np.e, 2 - 4 + 4 * np.log(2)],
            "draw": lambda rng: (rng.normal(0, 1.5, 200), rng.poisson(2, 200).astype(float)),
            "slopes": lambda rng, y: rng.uniform(-y, 3),
        },
    ),
    Case(
        Mixed,
        lambda: Mixed((Squared(), LogPoisson()), np.array([0, 1, 0]), np.array([0.0, 1.0, 2.0])),
        "mixed",
        {"z": [1.0, -1.0, 0.0], "y": [0.0, 0.0, 0.0], "value": [0.5, 1.0, 2.0]},
    ),
]
# mixed losses know their observations, so those that are drawn need their own
DRAWN_LOSSES = [case for case in LOSSES if case.name != "mixed"] + [
    Case(Mixed, _mixed, "four kinds", {"draw": _draw_mixed, "slopes": _mixed_slopes})
]


def _distinct(count, shape):
    """Return some entries of a matrix, each once."""
    places = _rng().permutation(shape[0] * shape[1])[:count]
    return Entries(*np.divmod(np.sort(places), shape[1]), shape)


PENALTIES = [
    Case(Ridge, lambda: Ridge(0.7, 14), "ridge", {"size": 17}),
    Case(Ridge, lambda: Ridge(0.7, 14, sides=2), "ridge of one factor", {"size": 14}),
    Case(Ridge, lambda: Ridge(0.7, 14, weights=_rng().uniform(0.5, 3, 14)), "weighted ridge", {"size": 17}),
    Case(
        BiasRidge,
        lambda: BiasRidge(0.7, 9, _rng().uniform(0.5, 3, 5)),
        "biases",
        {"size": 15, "factor_size": 9},
    ),
    Case(
        Balancing,
        lambda: Balancing(0.3, (4, 3), 2),
        "balancing",
        {"size": 16, "model": lambda: General((4, 3), 2, ("row", "column", "global"))},
    ),
    Case(
        Balancing,
        lambda: Balancing(0.3, (4, 3), 2, is_complex=True),
        "complex balancing",
        {"size": 28, "model": lambda: General((4, 3), 2, is_complex=True)},
    ),
    Case(
        Unlisted,
        lambda: Unlisted(0.3, _distinct(7, (5, 4)), General((5, 4), 2)),
        "unlisted cells",
        {"size": 18, "model": lambda: General((5, 4), 2)},
    ),
    Case(
        TuckerBalancing,
        lambda: TuckerBalancing(0.3, (4, 3, 5), (2, 2, 3)),
        "tensor",
        {"size": 41, "model": lambda: Tucker((4, 3, 5), (2, 2, 3))},
    ),
    Case(
        TuckerBalancing,
        lambda: TuckerBalancing(0.3, (3, 2, 3, 2), (2, 1, 2, 1)),
        "order 4",
        {"size": 20, "model": lambda: Tucker((3, 2, 3, 2), (2, 1, 2, 1))},
    ),
]

BIASES = [(), ("row",), ("column",), ("global",), ("row", "column"), ("row", "column", "global")]

MODELS = [
    Case(General, lambda b=b: General((7, 6), 2, b), f"general {'+'.join(b) or 'plain'}") for b in BIASES
]
MODELS += [
    Case(General, lambda: General((3, 2), 2), "full rank"),
    Case(Psd, lambda: Psd((6, 6), 2), "psd"),
    Case(Psd, lambda: Psd((4, 4), 1), "psd of rank one"),
    Case(Psd, lambda: Psd((5, 5), 2, is_complex=True), "complex psd"),
    Case(Psd, lambda: Psd((5, 5), 2, unit_trace=True), "psd of unit trace"),
    Case(Psd, lambda: Psd((4, 4), 2, is_complex=True, unit_trace=True), "density matrix"),
    Case(General, lambda: General((5, 4), 2, is_complex=True), "complex general"),
]


def make_small_objective(
    model, *, weighted=False, measurement=None, loss=None, complex_data=True, by_side=False, **penalties
):
    rng = _rng()
    m, n = model.shape
    if measurement is None:
        measurement = Entries(rng.integers(0, m, 40), rng.integers(0, n, 40), (m, n))
    weights = rng.uniform(0.5, 2, measurement.size) if weighted else None
    y = rng.standard_normal(measurement.size)
    if np.dtype(measurement.dtype).kind == "c" and complex_data:
        y = y + 1j * rng.standard_normal(measurement.size)
    if loss is not None:
        y = rng.poisson(3, measurement.size) if loss.name == "poisson" else rng.random(measurement.size)
    if by_side:
        penalties["side_weights"] = (rng.uniform(0.3, 3, m), rng.uniform(0.3, 3, n))
    return make_objective(measurement, y, model, loss=loss, weights=weights, **penalties)


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
        lambda b=b, w=w: make_small_objective(
            General((7, 6), 2, b), weighted=w, penalty=0.4, bias_penalty=0.3, by_side=w
        ),
        f"{'+'.join(b)}, penalised{' by side' if w else ''}",
    )
    for b in BIASES
    if {"row", "column"} & set(b)
    for w in (False, True)
]
OBJECTIVES += [
    Case(
        General,
        lambda: make_small_objective(General((7, 6), 2), penalty=0.4, by_side=True),
        "plain, penalised by side",
    ),
    Case(
        General,
        lambda: make_small_objective(General((7, 6), 2), penalty=0.4, balancing=0.3),
        "ridge and balancing",
    ),
    Case(
        General,
        lambda: make_small_objective(
            General((7, 6), 2),
            penalty=0.4,
            weighted=True,
            unlisted=0.2,
            measurement=_distinct(25, (7, 6)),
        ),
        "unlisted cells",
    ),
    Case(
        General,
        lambda: make_small_objective(General((4, 6), 2), penalty=0.4, measurement=gaussian(20, (4, 6), 2)),
        "sensing",
    ),
    Case(Psd, lambda: make_small_objective(Psd((6, 6), 2), penalty=0.4), "psd entries"),
    Case(
        Psd,
        lambda: make_small_objective(Psd((6, 6), 2), weighted=True, measurement=gaussian(20, (6, 6), 2)),
        "psd sensing",
    ),
]


OBJECTIVES += [
    Case(
        General,
        lambda: make_small_objective(
            General((8, 6), 2, is_complex=True),
            weighted=True,
            penalty=0.4,
            balancing=0.2,
            measurement=_entries("complex128"),
        ),
        "complex entries",
    ),
    Case(
        Psd,
        lambda: make_small_objective(
            Psd((8, 8), 2, is_complex=True),
            penalty=0.2,
            measurement=Pauli(_words(32, 3)),
            complex_data=False,
        ),
        "pauli",
    ),
    Case(
        Psd,
        lambda: make_small_objective(
            Psd((8, 8), 2, is_complex=True, unit_trace=True),
            weighted=True,
            measurement=Pauli(_words(32, 3)),
            complex_data=False,
        ),
        "density matrix",
    ),
    Case(
        Psd,
        lambda: make_small_objective(
            Psd((4, 4), 2, is_complex=True), measurement=RankOne(_complex(20, 4)), loss=Poisson()
        ),
        "counts",
    ),
    Case(
        Psd,
        lambda: make_small_objective(
            Psd((4, 4), 2, is_complex=True, unit_trace=True),
            measurement=RankOne(_complex(20, 4) / 8),
            loss=Binomial(),
            weighted=True,
        ),
        "frequencies",
    ),
]


def completion_problem(penalty=0.5, biases=(), dtype="float64"):
    instance = planted_completion((30, 24), 2, 3.0, 3, noise=0.05)
    return make_objective(
        instance.measurement, instance.y.astype(dtype), General((30, 24), 2, biases), penalty=penalty
    )


def penalised_by_counts():
    objective = completion_problem()
    entries, shape = objective.measurement, objective.shape
    counts = np.bincount(entries.rows, minlength=30) / 9, np.bincount(entries.columns, minlength=24) / 12
    model = General(shape, 2, ("row", "column", "global"))
    side_weights = tuple(np.maximum(c, 0.1) for c in counts)
    return make_objective(
        entries, objective.y, model, penalty=0.5, bias_penalty=0.2, side_weights=side_weights
    )


def sensing_problem(structure="psd"):
    instance = planted_sensing(90, 12, 2, 3)
    model = Psd((12, 12), 2) if structure == "psd" else General((12, 12), 2)
    size = 90 if structure == "psd" else 75
    part = instance.measurement.subset(np.arange(size))
    return make_objective(part, instance.y[:size], model)


def mixed_problem(weighted=False):
    """Numbers, yes and no, counts and ordered levels by turns, from factors of rank 2."""
    rng = _rng()
    m, n, r = 30, 24, 2
    z = 2 * rng.standard_normal((m, r)) @ rng.standard_normal((r, n))
    rows, columns = np.nonzero(rng.random((m, n)) < 0.6)
    z, kind = z[rows, columns], columns % 4
    chance, noise = 1 / (1 + np.exp(-z)), rng.logistic(size=z.size)
    y = np.choose(
        kind,
        [
            z + 0.3 * noise,
            rng.random(z.size) < chance,
            rng.poisson(np.exp(np.clip(z, -3, 3))),
            np.searchsorted([-1.0, 0.5, 2.0], z + noise),
        ],
    ).astype(float)
    parts = (Squared(), Ordinal(), LogPoisson(), Ordinal((-1.0, 0.5, 2.0)))
    return make_objective(
        Entries(rows, columns, (m, n)),
        y,
        General((m, n), r, ("row", "column")),
        loss=Mixed(parts, kind, np.where(kind == 2, 0.3, 0.0)),
        weights=rng.uniform(0.5, 2, z.size) if weighted else None,
        side_weights=(rng.uniform(0.3, 3, m), rng.uniform(0.3, 3, n)) if weighted else None,
        penalty=1.0,
        bias_penalty=0.5,
    )


def robust_problem():
    objective = completion_problem(biases=("row", "column"))
    entries, model = objective.measurement, objective.model
    y = objective.y.copy()
    y[::9] += 20.0
    return make_objective(entries, y, model, loss=Clipped.huber(3.0), penalty=0.5, bias_penalty=0.1)


OBJECTIVES += [
    Case(General, mixed_problem, "mixed losses"),
    Case(General, lambda: mixed_problem(weighted=True), "mixed losses, weighted by side"),
    Case(General, robust_problem, "huber"),
]

PROBLEMS = {
    "completion": completion_problem,
    "completion without penalty": lambda: completion_problem(penalty=0.0),
    "completion with biases": lambda: completion_problem(biases=("row", "column", "global")),
    "completion with penalties by counts": lambda: penalised_by_counts(),
    "psd sensing": sensing_problem,
    "general sensing": lambda: sensing_problem("general"),
    "mixed losses": mixed_problem,
    "huber": robust_problem,
}

SOLVERS = [
    Case(Gradient, Gradient, "barzilai-borwein", {"steps": 100}),
    Case(Gradient, lambda: Gradient(rule="armijo"), "armijo", {"steps": 200}),
    Case(Stochastic, Stochastic, "plain", {"steps": 40}),
    Case(Stochastic, lambda: Stochastic(perturbation="auto"), "perturbed", {"steps": 40}),
    Case(Stochastic, lambda: Stochastic(momentum=0.5, batch_size=10), "momentum", {"steps": 40}),
    Case(Accelerated, Accelerated, "accelerated", {"steps": 30}),
    Case(Alternating, Alternating, "alternating", {"steps": 30}),
    Case(GaussNewton, GaussNewton, "gauss-newton", {"steps": 20}),
    # its whole steps need curvature everywhere, which clipped losses lack
    Case(GaussNewton, lambda: GaussNewton(form="setting"), "setting", {"steps": 40, "not on": ("huber",)}),
    Case(Scaled, Scaled, "scaled", {"steps": 150}),
    Case(Scaled, lambda: Scaled(damping=0.0), "undamped", {"steps": 150}),
    Case(TrustRegion, TrustRegion, "trust region", {"steps": 30}),
    Case(EmpiricalBayes, EmpiricalBayes, "empirical bayes", {"steps": 30}),
    Case(VariableProjection, VariableProjection, "columns", {"steps": 20}),
    Case(VariableProjection, lambda: VariableProjection("rows", surplus=0.5), "rows", {"steps": 20}),
]


POSTERIOR_STEPPERS = [
    Case(Variational, Variational, "variational"),
    Case(Gibbs, lambda: Gibbs(burn_in=2), "gibbs"),
]
# of distributions; their contracts are in tests/completion/test_gaussian.py
DISTRIBUTION_STEPPERS = [Case(Augmentation, lambda: Augmentation(burn_in=2), "augmentation")]


def make_tucker(
    shape=(5, 6, 4), ranks=(2, 3, 2), *, share=1.0, weighted=False, strength=0.1, dtype="float64"
):
    """A small noisy tensor of which a share is known."""
    rng = _rng()
    observed = rng.random(shape) < share
    weights = rng.uniform(0.5, 2, shape) if weighted else None
    values = rng.standard_normal(shape).astype(dtype)
    data = TensorObservations.from_array(values, observed=observed, weights=weights)
    return TuckerObjective(data, Tucker(shape, ranks), strength)


TENSOR_OBJECTIVES = [
    Case(TuckerObjective, make_tucker, "all cells"),
    Case(TuckerObjective, lambda: make_tucker(share=0.6), "some cells"),
    Case(TuckerObjective, lambda: make_tucker(share=0.7, weighted=True), "weighted cells"),
    Case(TuckerObjective, lambda: make_tucker(weighted=True, strength=0.0), "all cells, weighted"),
    Case(TuckerObjective, lambda: make_tucker((3, 4, 2, 5), (2, 2, 1, 2)), "order 4"),
    Case(TuckerObjective, lambda: make_tucker((3, 4, 2, 5), (2, 2, 1, 2), share=0.7), "order 4, some cells"),
    Case(TuckerObjective, lambda: make_tucker((3, 2, 4, 2, 3), (2, 2, 2, 1, 2), share=0.8), "order 5"),
]

TENSOR_STEPPERS = [
    Case(OrthogonalIteration, OrthogonalIteration, "orthogonal iteration", {"strength": 0.0}),
    Case(FilledIteration, FilledIteration, "filled iteration", {"strength": 0.0}),
    Case(HighOrderEscape, HighOrderEscape, "escape", {"strength": 0.1}),
    Case(HighOrderEscape, lambda: HighOrderEscape(recycle=True), "escape with recycling", {"strength": 0.1}),
    Case(HighOrderEscape, lambda: HighOrderEscape(at_random=True), "escape at random", {"strength": 0.1}),
    Case(GaussNewton, GaussNewton, "gauss-newton", {"strength": 0.1}),
    Case(GaussNewton, lambda: GaussNewton(inner="dense"), "dense", {"strength": 0.0}),
    Case(TrustRegion, TrustRegion, "trust region", {"strength": 0.1}),
    Case(Gradient, lambda: Gradient(rule="armijo"), "armijo", {"strength": 0.1}),
]


def make_cp(shape=(5, 6, 4), rank=2, *, share=1.0, weighted=False, constraints=()):
    """A small noisy tensor of nonnegative components, of which a share is known."""
    rng = _rng()
    model = CP(shape, rank)
    parts = model.lifted(rng.random(model.size))
    observed = rng.random(shape) < share
    weights = rng.uniform(0.5, 2, shape) if weighted else None
    values = parts.tensor() + 0.1 * rng.standard_normal(shape)
    data = TensorObservations.from_array(values, observed=observed, weights=weights)
    return CPObjective(data, model, constraints)


CP_OBJECTIVES = [
    Case(CPObjective, make_cp, "all cells"),
    Case(CPObjective, lambda: make_cp(share=0.6), "some cells"),
    Case(CPObjective, lambda: make_cp(share=0.7, weighted=True), "weighted cells"),
    Case(CPObjective, lambda: make_cp((3, 4, 2, 5), 3), "order 4"),
    Case(CPObjective, lambda: make_cp((3, 4, 2, 5), 4, share=0.7), "order 4, some cells"),
]


def cp_signs(*nonnegative):
    """Which factors must be nonnegative."""
    return tuple(FactorConstraint(own) for own in nonnegative)


def _smooth_modes():
    return (
        FactorConstraint(functions=4),
        FactorConstraint(nonnegative=True, functions=5),
        FactorConstraint(),
    )


def _known_entries():
    """A column, single entries, some of them zero, and nonnegative ones."""
    first, last = np.full((5, 2), np.nan), np.full((4, 2), np.nan)
    first[:, 0] = [-1, 2, 30, 0, 4]
    last[[0, 2, 3], [0, 1, 1]] = [0, 2, 0.5]
    return (FactorConstraint(known=first), FactorConstraint(), FactorConstraint(nonnegative=True, known=last))


CP_STEPPERS = [
    Case(CPAlternating, CPAlternating, "alternating"),
    Case(CPAlternating, CPAlternating, "nonnegative", {"constraints": cp_signs(True, False, True)}),
    Case(CPAlternating, CPAlternating, "smooth", {"constraints": _smooth_modes()}),
    Case(CPAlternating, CPAlternating, "known entries", {"constraints": _known_entries()}),
    Case(GaussNewton, lambda: GaussNewton(inner="dense"), "dense"),
    Case(TrustRegion, TrustRegion, "trust region"),
]


def random_network(rng, sizes, biased=None):
    """A network of normal weights; `biased` tells which layers have biases, by default all."""
    biased = (True,) * (len(sizes) - 1) if biased is None else biased
    weights = tuple(rng.standard_normal((b, a)) for a, b in pairwise(sizes))
    biases = tuple(rng.standard_normal(b) if has else None for has, b in zip(biased, sizes[1:], strict=True))
    return ReluNetwork(weights, biases)


def _relu(sizes, trained="all", biased=None, seed=7):
    rng = np.random.default_rng(seed)
    network = random_network(rng, sizes, biased)
    if len(sizes) > 3:  # so that no layer is dead
        network = ReluNetwork(tuple(abs(w) - 0.3 for w in network.weights), network.biases)
    return ReluObjective(rng.standard_normal((9, sizes[0])), rng.standard_normal(9), Relu(network, trained))


RELU_OBJECTIVES = [
    Case(ReluObjective, lambda: _relu((3, 5, 1)), "two layers"),
    Case(ReluObjective, lambda: _relu((3, 5, 1), "first"), "first of two"),
    Case(ReluObjective, lambda: _relu((2, 4, 1), "first", (False, False)), "without biases"),
    Case(ReluObjective, lambda: _relu((3, 4, 3, 1)), "deep"),
    Case(ReluObjective, lambda: _relu((3, 4, 3, 1), "first", seed=1), "first of three"),
    Case(ReluObjective, lambda: _relu((2, 3, 3, 3, 1), "all", (True, False, True, False)), "very deep"),
]


def _walk_problem(d):
    def make():
        rng = np.random.default_rng(3)
        network = random_network(rng, (d, 6, 1), (True, False))
        model = Relu(network, "first")
        return ReluObjective(rng.standard_normal((25, d)), rng.standard_normal(25), model), model.point(
            network
        )

    return make


REGION_STEPPERS = [
    Case(PatternWalk, PatternWalk, f"{d} inputs", {"problem": _walk_problem(d)}) for d in (1, 2)
]


def _bayesian(**changes):
    """A small table with everything: features on both sides, weights, biases; `changes` switch parts off."""
    rng = _rng()
    have = {"biases": True, "features": True, "weights": True, "column_noise": True, "dtype": "float64"}
    have.update(changes)
    m, n, r = 12, 9, 2
    seen = rng.random((m, n)) < 0.6
    seen[3], seen[:, 4] = False, False  # a row and a column of which nothing is known
    rows, columns = np.nonzero(seen)
    table = rng.standard_normal((m, r)) @ rng.standard_normal((r, n)) + 0.3 * rng.standard_normal((m, n))
    width = r + have["biases"]
    priors = tuple(
        SidePrior(
            MatrixDesign(size, 0.5 * rng.standard_normal((size, f)) if have["features"] else None),
            width,
            0.3,
            np.dtype(have["dtype"]),
        )
        for size, f in ((m, 4), (n, 15))
    )
    weights = rng.uniform(0.5, 2, rows.size).astype(have["dtype"]) if have["weights"] else None
    values = table[rows, columns].astype(have["dtype"])
    cells = TableCells.of(Observations(rows, columns, values, (m, n), weights))
    return BayesianCompletion(
        cells,
        rank=r,
        biases=have["biases"],
        priors=priors,
        column_noise=have["column_noise"],
    )


BAYESIAN = {
    "everything": _bayesian,
    "no biases": lambda: _bayesian(biases=False),
    "no features": lambda: _bayesian(features=False),
    "common noise": lambda: _bayesian(column_noise=False),
    "no weights": lambda: _bayesian(weights=False),
    "plain": lambda: _bayesian(biases=False, features=False, weights=False, column_noise=False),
    "single precision": lambda: _bayesian(dtype="float32"),
}


def judgement(settings=None):
    """Return what judges are given beside the point, without limit."""
    return Judgement(settings or JudgeSettings(), UNLIMITED, {}, 1.0)


def parametrise(cases):
    import pytest

    return pytest.mark.parametrize("case", cases, ids=lambda case: f"{case.part.__name__}: {case.name}")


# the test that compares each kernel, alone or as part of what it serves, with a slow and obvious twin
_NUMPY = "kernels/test_numpy_forms.py"
_ROWS = "kernels/test_kernels.py::test_solve_rows"
_MOMENTS = "completion/test_bayesian_objective.py::test_both_forms_of_the_moment_kernel_agree"
_CHAINS = "dynamics/test_simulation.py::test_compiled_chains_are_their_twins"
_MEASURE = "contracts/test_measurements.py::test_naive_oracle"
_PASS = "kernels/test_kernels.py::test_one_pass_is_a_product_and_its_adjoint"
_TENSORS = "tensors/test_tucker.py::test_values_derivatives_and_symmetry"
_MODULAR = "kernels/test_kernels.py::test_modular_rank_agrees_with_fractions"
_CLOSURE = "certificates/test_completability.py::test_closure_against_naive_filling"
_DRAWS = "completion/test_bayesian_objective.py::test_rows_are_drawn_from_their_conditional"
_ACTIVE_SET = "completion/test_nonnegative.py::test_rows_agree_with_the_active_set_method"
_POTENTIALS = "dynamics/test_simulation.py::test_potentials_agree_with_their_derivatives"
_ESCAPES = "tensors/test_tucker.py::test_saddles_are_left_and_their_order_is_named"
_RANKS = "networks/test_regions_report.py::test_exact_signs_and_ranks"
KERNELS = {
    "kernels/blas_threads": "kernels/test_blas_threads.py::test_the_limit_ends_with_the_caller_who_set_it",
    "kernels/compiled": "kernels/test_compiled.py::test_kernels_call_each_other",
    "kernels/compiler": "kernels/test_compiled.py::test_interrupts_wait_while_a_kernel_is_compiled",
    "kernels/trees": "completion/test_refinement_forests.py::test_trees_are_those_of_scikit_learn",
    "kernels/systems/conditional_rows": "completion/test_gaussian.py::test_rows_are_drawn_given_the_others",
    "kernels/gaussian_draws": "kernels/test_gaussian_draws.py::test_both_forms_draw_the_same",
    "kernels/connected_components": _CLOSURE,
    "kernels/cross": "objectives/test_reduction.py::test_it_is_the_schur_complement",
    "kernels/dense_rows": _PASS,
    "kernels/modular_arithmetic/exact_integers": _RANKS,
    "kernels/lanes/gram_microkernel": _ROWS,
    "kernels/lanes/lane_cholesky": _ROWS,
    "kernels/sparse_tables/sparse_gram": "kernels/test_sparse_gram.py::test_the_gram_matrix_is_the_dense_one",
    "kernels/sparse_tables/gathered_sums": "kernels/test_kernels.py::test_sparse_products",
    "kernels/lanes/lane_products": _ROWS,
    "kernels/lanes/lane_systems": _ROWS,
    "kernels/lanes/llvm_simd": _ROWS,
    "kernels/modular_arithmetic/modular": _MODULAR,
    "kernels/modular_arithmetic/modular_numpy": f"{_NUMPY}::test_elimination_is_that_of_compiled_loops",
    "kernels/systems/moments": _MOMENTS,
    "kernels/systems/moments_microkernel": _MOMENTS,
    "kernels/systems/moments_numpy": f"{_NUMPY}::test_row_kernels_agree_with_the_compiled_ones",
    "kernels/systems/moments_portable": _MOMENTS,
    "kernels/systems/moments_vector": _MOMENTS,
    "kernels/normals": _DRAWS,
    "kernels/normals_numpy": f"{_NUMPY}::test_normals_have_the_bits_of_compiled_ones",
    "kernels/normals_vector": _DRAWS,
    "kernels/ordinal": "contracts/test_parts.py::test_loss_derivatives_and_convexity",
    "kernels/ornstein_uhlenbeck": (
        "kernels/test_ornstein_uhlenbeck.py::test_lines_are_smoothed_as_by_whole_covariances"
    ),
    "kernels/pauli": _MEASURE,
    "kernels/projection": "objectives/test_elimination.py::test_reduced_problem",
    "kernels/rank_one": _ESCAPES,
    "kernels/modular_arithmetic/residues": "objectives/test_modular.py::test_residues_are_the_numbers",
    "kernels/systems/rows": _ROWS,
    "kernels/systems/rows_numpy": f"{_NUMPY}::test_row_kernels_agree_with_the_compiled_ones",
    "kernels/systems/rows_nonnegative": _ACTIVE_SET,
    "kernels/systems/rows_portable": _ROWS,
    "kernels/systems/rows_vector": _ROWS,
    "kernels/sort": "kernels/test_kernels.py::test_sort_both_ways",
    "kernels/sparse_tables/sparse": "kernels/test_kernels.py::test_sparse_products",
    "kernels/sparse_tables/sparse_numpy": f"{_NUMPY}::test_products_at_cells_have_the_bits_of_compiled_ones",
    "kernels/systems/stacked_systems": f"{_NUMPY}::test_a_row_has_the_same_bits_beside_any_others",
    "kernels/threads": "kernels/test_kernels.py::test_bits_do_not_depend_on_threads",
    "dynamics/kernels/ensembles": _CHAINS,
    "dynamics/kernels/excursions": "dynamics/test_exit_estimates.py::test_paths_run_again_are_those_recorded",
    "dynamics/kernels/integrators": _CHAINS,
    "dynamics/kernels/langevin": _CHAINS,
    "dynamics/kernels/potentials": _POTENTIALS,
    "dynamics/kernels/step_normals": _CHAINS,
    "networks/kernels/spline_polish": "networks/test_minima_path.py::test_fits_are_least_squares_at_rest",
    "networks/kernels/minima_path": "networks/test_minima_path.py::test_fits_are_least_squares_at_rest",
    "networks/kernels/descent": "networks/test_stability.py::test_descent_is_gradient_descent",
    "networks/kernels/exact_ranks": _RANKS,
    "networks/kernels/matroid_union": "networks/test_regions_report.py::test_union_rank_is_the_rank",
    "networks/kernels/modular_ranks": _RANKS,
    "tensors/kernels/cells": _TENSORS,
    "tensors/kernels/mode_products": _TENSORS,
    "tensors/kernels/rank_one_escapes": _ESCAPES,
}
