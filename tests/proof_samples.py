"""Documents of every kind with the data that they are about, each computed once."""

import itertools
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

import lowland as ll
from lowland.completion.columns.losses import Columns
from lowland.completion.penalised.document import table_document
from lowland.completion.penalised.fit import fit_completion
from lowland.completion.penalised.settings import CompletionSettings
from lowland.core.cells.observations import Observations
from lowland.judges import certify
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.objectives.plain import recovery_document
from lowland.recheck.documents import Document
from lowland.search import GradientBelow, Iterations, TrustRegion, make_start, run
from lowland.tensors.tucker.objective import TuckerObjective

# precision of the fits that are made
_DTYPE = ContextVar("dtype", default="float64")


@dataclass(frozen=True)
class Sample:
    """A document and its data."""

    document: Document
    data: Any


def table(kind="numbers", shape=(12, 9), share=0.75, weights=False, seed=0):
    rng = np.random.default_rng(seed)
    rows, columns = np.nonzero(rng.random(shape) < share)
    z = (rng.standard_normal((shape[0], 2)) @ rng.standard_normal((2, shape[1])))[rows, columns]
    values = {
        "numbers": 3 + z + 0.3 * rng.standard_normal(z.size),
        "counts": rng.poisson(np.exp(0.5 * z)).astype(float),
        "levels": np.clip(np.round(z + 2), 0, 4),
        "answers": (z + rng.standard_normal(z.size) > 0).astype(float),
    }[kind]
    given = rng.uniform(0.3, 3, rows.size) if weights else None
    return Observations(rows, columns, values, shape, weights=given)


def completed(data, *, losses=None, **settings):
    observations = data.in_precision(_DTYPE.get())
    kinds = None if losses is None else Columns.of(observations, losses)
    chosen = CompletionSettings(columns=kinds, **settings)
    fit = fit_completion(observations, chosen, rng=np.random.default_rng(0))
    return Sample(table_document(fit.model, observations, fit.certificate), data)


def recovered(measurement, y, **settings):
    """Return a recovery from one start, which finds the best where that is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some are underdetermined on purpose
        fit = ll.recover(measurement, y, rng=0, dtype=_DTYPE.get(), **{"n_restarts": 0, **settings})
    return Sample(recovery_document(fit.objective, fit.search.theta, fit.certificate), (measurement, y))


def judged(objective, theta, data):
    objective, theta = replace(objective, y=objective.y.astype(_DTYPE.get())), theta.astype(_DTYPE.get())
    return Sample(recovery_document(objective, theta, certify(objective, theta)), data)


def gaussian(noise, **settings):
    rng = np.random.default_rng(1)
    measurement, factor = ll.gaussian(50, (5, 5), 0), rng.standard_normal((5, 1))
    y = measurement.measure_matrix(factor @ factor.T) + noise * rng.standard_normal(50)
    return recovered(measurement, y, rank=1, **settings)


def gross_errors(loss, noise):
    """Return a recovery of which three measurements of fifty are far off."""
    rng = np.random.default_rng(1)
    measurement, factor = ll.gaussian(50, (5, 5), 0), rng.standard_normal((5, 1))
    y = measurement.measure_matrix(factor @ factor.T) + noise * rng.standard_normal(50)
    y[[3, 20, 40]] += [50.0, -80.0, 30.0]
    return recovered(measurement, y, rank=1, structure="psd", loss=loss)


def cells(shape, rank, share, noise=0.0, seed=3, **settings):
    rng = np.random.default_rng(seed)
    rows, columns = np.nonzero(rng.random(shape) < share)
    truth = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    y = truth[rows, columns] + noise * rng.standard_normal(rows.size)
    return recovered(ll.Entries(rows, columns, shape), y, rank=rank, **settings)


def under_a_premise(structure, noise=0.0, delta=0.18):
    """Return a recovery from measurements that nearly keep norms, and what follows from that."""
    rng = np.random.default_rng(4)
    measurement, factor = ll.gaussian(1000, (4, 4), 0), rng.standard_normal((4, 1))
    errors = rng.standard_normal(1000)
    y = measurement.measure_matrix(factor @ factor.T) + noise * errors / np.linalg.norm(errors)
    premise = ll.Premise(2, delta, noise=noise)
    return recovered(measurement, y, rank=1, structure=structure, premise=premise)


def off_diagonal():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((4, 2)) @ rng.standard_normal((2, 4))
    rows, columns = np.nonzero(~np.eye(4, dtype=bool))
    # few starts of cells that many matrices fit end at one of them
    return recovered(ll.Entries(rows, columns, (4, 4)), values[rows, columns], rank=2, n_restarts="auto")


def pauli(noise, *, unit_trace):
    rng = np.random.default_rng(2)
    words = ["II", "IX", "IY", "IZ", "XI", "YI", "ZI", "XX", "XY", "YX", "YY", "ZZ", "XZ", "ZX", "YZ", "ZY"]
    measurement = ll.Pauli(words)
    state = rng.standard_normal((4, 1)) + 1j * rng.standard_normal((4, 1))
    state /= np.linalg.norm(state)
    y = measurement.measure_matrix(state @ state.conj().T).real + noise * rng.standard_normal(16)
    objective = make_objective(measurement, y, Psd((4, 4), 1, is_complex=True, unit_trace=unit_trace))
    start = make_start(objective, "random", rng)
    stop = GradientBelow(1e-12) | Iterations(200)
    theta = run(objective, TrustRegion(), start, stop=stop, rng=rng).theta
    return judged(objective, theta, (measurement, y))


def spurious():
    """The spurious minimum of a family of operators: strict, but not the best."""
    d = 0.6
    flat, off = np.diag([1, d]), np.sqrt((1 + d) / 2) * np.array([[0, 1], [1, 0]])
    measurement = ll.Dense(np.array([flat, off, np.sqrt(1 - d * d) * np.diag([0, 1])]))
    y = measurement.measure_matrix(np.diag([1.0, 0.0]))
    objective = make_objective(measurement, y, Psd((2, 2), 1))
    return judged(objective, np.array([0.0, np.sqrt(d)]), (measurement, y))


def saddle():
    rng = np.random.default_rng(5)
    rows, columns = np.nonzero(np.ones((6, 5)))
    measurement, y = ll.Entries(rows, columns, (6, 5)), rng.standard_normal(30)
    objective = make_objective(measurement, y, General((6, 5), 2))
    theta = run(
        objective, TrustRegion(), make_start(objective, "spectral", rng), stop=Iterations(60), rng=rng
    ).theta
    u, v = (side.copy() for side in objective.model.sides(theta))
    u[:, 1], v[:, 1] = 0, 0
    return judged(objective, objective.model.pack(u, v), (measurement, y))


def phases(loss):
    rng = np.random.default_rng(6)
    measurement, factor = ll.RankOne(rng.standard_normal((40, 4))), rng.standard_normal((4, 1))
    means = 20 * measurement.measure_matrix(factor @ factor.T)
    y = rng.poisson(means).astype(float) if loss == "poisson" else means
    return recovered(measurement, y, rank=1, structure="psd", loss=loss)


def complex_cells():
    rng = np.random.default_rng(7)
    left, right = (rng.standard_normal((5, 1)) + 1j * rng.standard_normal((5, 1)) for _ in range(2))
    rows, columns = np.nonzero(rng.random((5, 5)) < 0.9)
    y = (left @ right.conj().T)[rows, columns]
    return recovered(ll.Entries(rows, columns, (5, 5), dtype="complex128"), y, rank=1)


def tensor(kind):
    """Return a Tucker decomposition: of exact or noisy cells, with holes, with a regulariser, or a saddle."""
    rng = np.random.default_rng(8)
    core, factors = rng.standard_normal((2, 2, 2)), [rng.standard_normal((n, 2)) for n in (5, 4, 3)]
    exact = np.einsum("abc,ia,jb,kc->ijk", core, *factors)
    noisy = exact + 0.1 * rng.standard_normal(exact.shape)
    data = {"exact": exact, "holes": np.where(rng.random(exact.shape) < 0.2, np.nan, exact)}.get(kind, noisy)
    data = data.astype(_DTYPE.get())
    fit = ll.decompose_tucker(data, 2, n_restarts=0, certify=False, rng=0)
    objective, theta = fit.objective, fit.search.theta
    if kind == "regularised":
        objective = TuckerObjective(objective.data, objective.model, 0.1)
        theta = run(
            objective, TrustRegion(), theta, stop=GradientBelow(1e-9) | Iterations(100), rng=rng
        ).theta
    theta = np.zeros_like(theta) if kind == "saddle" else theta
    return Sample(objective.document(theta, certify(objective, theta)), data)


def components(kind):
    """Return a CP decomposition: of exact or noisy cells, nonnegative, or one that is not unique."""
    rng = np.random.default_rng(18)
    factors = [rng.integers(1, 9, (n, 2)).astype(float) for n in (5, 4, 3)]
    if kind == "mixed":
        factors[0][:, 1] = 2 * factors[0][:, 0]
    exact = np.einsum("ir,jr,kr->ijk", *factors)
    noisy = exact + 0.1 * rng.standard_normal(exact.shape)
    data = {"noisy": noisy, "holes": np.where(rng.random(exact.shape) < 0.2, np.nan, noisy)}.get(kind, exact)
    data = data.astype(_DTYPE.get())
    spectrum = np.array([[factors[1][0, 0], np.nan], [0, 2], [np.nan, np.nan], [3, np.nan]])
    asked = {
        "nonnegative": {"nonnegative": [0]},
        "constrained": {"smooth": {0: 4}, "nonnegative": [0], "known": {1: spectrum}},
    }
    if kind in ("exact", "noisy", "holes", "constrained"):
        # the first search among few cells ends at a worse minimum
        how = {"n_restarts": 1 if kind == "holes" else 0}
    else:  # the best is known, and no search is needed
        how = {"n_restarts": 0, "max_iter": 1}
    fit = ll.decompose_cp(data, 2, **asked.get(kind, {}), **how, certify=False, rng=0)
    objective, theta = fit.objective, fit.search.theta
    if "max_iter" in how:
        theta = objective.model.pack([factor * [1, kind != "zero"] for factor in factors])
    return Sample(objective.document(theta, certify(objective, theta)), data)


def region(inputs, targets, *, width=6, trained="first", layers=2, seed=0, network=None):
    """Return what is proved about the activation region of a random network."""
    rng = np.random.default_rng(seed)
    points = np.asarray(inputs, float)
    if network is None:
        d = 1 if points.ndim == 1 else points.shape[1]
        sizes = [d, *[width] * (layers - 1), 1]
        weights = [rng.standard_normal((b, a)) for a, b in itertools.pairwise(sizes)]
        network = ll.networks.ReluNetwork(weights, [rng.standard_normal(w.shape[0]) for w in weights])
    report = ll.networks.region_report(network, points, targets, trained=trained, rng=0)
    return Sample(report.document(report.certificate), (points, targets))


def two_neurons():
    return ll.networks.ReluNetwork(([[1.0], [-1.0]], [1.0, 1.0]), ([1.0, 1.0], None))


def stability(kind):
    """Return what is proved of gradient descent at a univariate network."""
    rng = np.random.default_rng(9)
    x, step = np.linspace(-2.1, 2, 9), {"unstable": 5.0, "moving": 1e-3}.get(kind, 0.05)
    hat = ll.networks.ReluNetwork(([[1.0], [1.0]], [1.0, -1.5]), ([0.5, -0.4], [0.1]))
    y = hat(x[:, None]) if kind in ("stable", "unstable") else rng.standard_normal(9)
    if kind == "rests":  # residuals that no parameter can lower
        on = np.outer(x, [1.0, 1.0]) > [-0.5, 0.4]
        features = np.c_[np.ones(9), on, on * x[:, None]]
        y = hat(x[:, None]) + y - features @ np.linalg.lstsq(features, y, rcond=None)[0]
    if kind == "saddle":
        x, y = np.array([-1.0, 0.0, 1.0]), np.array([-2.0, 3.0, -1.0])
        hat = ll.networks.ReluNetwork(([[1.0]], [0.0]), ([0.5], [0.0]))
    if kind == "kink":
        hat = ll.networks.ReluNetwork(([[1.0], [1.0]], [1.0, -1.5]), ([0.5, 2.1], [0.1]))
    weights = rng.uniform(0.5, 2, 9) if kind == "stable" else None
    report = ll.networks.stability_report(hat, x, y, step, weights=weights)
    return Sample(report.document(report.certificate), (x, y) if weights is None else (x, y, weights))


def posterior(kind="numbers", **settings):
    """Return the penalised problem that a posterior implies, of a table of numbers or of what suits units."""
    values = np.full((12, 9), np.nan)
    given = table()
    values[given.rows, given.columns] = given.values
    if kind == "skewed":
        values = np.exp(values / 2) * 10.0 ** np.arange(9)
    elif kind == "variables":
        values = values * 10.0 ** np.arange(12)[:, None]
    how = {"random_state": 0, "rank": 2, "dtype": _DTYPE.get(), "certify": "companion"}
    # what is decided by cells held out, and is in no document, takes most of a fit
    model = ll.MatrixCompletion(**how, **{"refine": False, "powers": False, **settings}).fit(values)
    return Sample(model._completed.table.document(), values)


SAMPLES: dict[str, Callable[[], Sample]] = {
    "table": lambda: completed(table(), rank=2, penalty=1.0),
    "table of ridges by count": lambda: completed(
        table(weights=True), rank=5, penalty=2.0, bias_penalty=0.5, penalty_weights="counts"
    ),
    "table without penalty": lambda: completed(table(), rank=1),
    "table without biases": lambda: completed(table(), rank=2, penalty=0.5, biases=False),
    "table of nonnegative factors": lambda: completed(
        table(), rank=2, penalty=0.5, biases=False, nonnegative=True
    ),
    "table of counts": lambda: completed(
        table("counts"), losses="poisson", rank=2, penalty=1.0, bias_penalty=0.5
    ),
    "table of levels": lambda: completed(
        table("levels"), losses="ordinal", rank=2, penalty=1.0, bias_penalty=0.5
    ),
    "table of answers": lambda: completed(
        table("answers"), losses="logistic", rank=2, penalty=1.0, bias_penalty=0.5
    ),
    "table of outliers": lambda: completed(table(), losses="huber", rank=2, penalty=1.0, bias_penalty=0.5),
    "table of a posterior": posterior,
    "table of powers and scales": lambda: posterior("skewed", powers=True, scale="column", biases=False),
    "table of units of rows": lambda: posterior("variables", row_units=True, biases=False),
    "measurements": lambda: gaussian(0.0),
    "noisy measurements": lambda: gaussian(0.1),
    "penalised measurements": lambda: gaussian(0.1, penalty=0.5, structure="psd"),
    "measurements with gross errors": lambda: gross_errors("huber", 0.1),
    "exact measurements with gross errors": lambda: gross_errors("absolute", 0.0),
    "premise of exact data": lambda: under_a_premise("psd"),
    "premise of noisy data": lambda: under_a_premise("general", 0.3, 0.3),
    "few measurements": lambda: recovered(ll.gaussian(8, (5, 5), 0), np.ones(8), rank=1),
    "cells": lambda: cells((9, 8), 2, 0.85),
    "noisy cells": lambda: cells((9, 8), 2, 0.85, noise=0.1),
    "few cells": lambda: cells((12, 10), 2, 0.25),
    "two completions": off_diagonal,
    "complex cells": complex_cells,
    "state": lambda: pauli(0.02, unit_trace=True),
    "exact state": lambda: pauli(0.0, unit_trace=False),
    "spurious minimum": spurious,
    "saddle": saddle,
    "intensities": lambda: phases("squared"),
    "photon counts": lambda: phases("poisson"),
    "tensor": lambda: tensor("exact"),
    "noisy tensor": lambda: tensor("noisy"),
    "tensor with holes": lambda: tensor("holes"),
    "regularised tensor": lambda: tensor("regularised"),
    "saddle of a tensor": lambda: tensor("saddle"),
    "components": lambda: components("exact"),
    "noisy components": lambda: components("noisy"),
    "components with holes": lambda: components("holes"),
    "nonnegative components": lambda: components("nonnegative"),
    "constrained components": lambda: components("constrained"),
    "components that can be mixed": lambda: components("mixed"),
    "a component of zero": lambda: components("zero"),
    "region of full rank": lambda: region(np.random.default_rng(1).standard_normal((5, 3)), None, width=12),
    "region, all trained": lambda: region(
        np.random.default_rng(1).standard_normal((5, 3)), None, width=8, trained="all", layers=3
    ),
    "region of too low a rank": lambda: region([-3.0, -2.0, -1.5, 1.5, 2.0], None, network=two_neurons()),
    "region with a bad minimum": lambda: region(
        [-3.0, -2.0, -1.5, 1.5, 2.0], [1.0, 2.0, 0.0, 1.0, 3.0], network=two_neurons()
    ),
    "region that fits": lambda: region(
        [-3.0, -2.0, -1.5, 1.5, 2.0], [4.0, 3.0, 2.5, 4.0, 5.0], network=two_neurons()
    ),
    "region of repeated inputs": lambda: region([1.5, 1.5, 2.0], [0.0, 1.0, 2.0], network=two_neurons()),
    "stable network": lambda: stability("stable"),
    "unstable network": lambda: stability("unstable"),
    "moving network": lambda: stability("moving"),
    "network at rest": lambda: stability("rests"),
    "network at a saddle": lambda: stability("saddle"),
    "network at a kink": lambda: stability("kink"),
    "region at a kink": lambda: region([-1.0, 1.5, 2.0], None, network=two_neurons()),
}


# those of networks are all in double precision
IN_SINGLE = tuple(name for name in SAMPLES if "region" not in name and "network" not in name)


@cache
def sample(name, dtype="float64"):
    """Return a sample by its name, of a fit in a precision."""
    before = _DTYPE.set(dtype)
    try:
        return SAMPLES[name]()
    finally:
        _DTYPE.reset(before)


@cache
def verified(name, dtype="float64"):
    """Return what is found of an unchanged sample."""
    one = sample(name, dtype)
    return ll.verify(one.document, one.data)
