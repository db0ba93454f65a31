"""Exact fits in exact arithmetic: a rigorous proof is within half a unit of every datum, any other says more.

Tables of large offsets (clock readings), of small and large units, of matrices and tensors; points that are
best, and points that are plainly worse than another by less than some tolerance.
"""

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import lowland as ll
from lowland.core.results.findings import Certificate
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Outcome
from lowland.judges import certify
from lowland.models import General
from lowland.objectives import make_objective
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.cp.model import CP
from lowland.tensors.cp.objective import CPObjective
from lowland.tensors.tucker.model import Tucker
from lowland.tensors.tucker.objective import TuckerObjective
from lowland.tensors.tucker_tensor import TuckerTensor
from oracles.rationals import fractions
from oracles.tensors import fractions as exactly
from oracles.tensors import tensor_of


def instance(rng):
    """A table, a point that fits it as well as numbers can, and one that is worse by some digits."""
    n, r = 6, int(rng.integers(1, 3))
    u, v = rng.integers(1, 100, (n, r)).astype(float), rng.integers(1, 100, (n, r)).astype(float)
    kind = rng.choice(["clock", "whole", "real"])
    if kind == "clock":
        u, v = np.c_[np.ones(n), 1e5 * u[:, 0]], np.c_[np.full(n, 1.6e18), v[:, 0]]
    elif kind == "real":
        scale = 10 ** rng.uniform(-30, 30)
        u, v = scale * rng.standard_normal((n, r)), rng.standard_normal((n, r))
    exact = np.array(
        [[sum(a * b for a, b in zip(p, q, strict=True)) for q in fractions(v)] for p in fractions(u)]
    )
    y = np.array([[float(value) for value in row] for row in exact])
    weights = 10 ** rng.uniform(-2, 2, (n, n)) if rng.random() < 0.3 else None
    moved = v * (1 + 10 ** rng.uniform(-16, -9) * rng.standard_normal(v.shape))
    return y, weights, (u, v), (u, moved if rng.random() < 0.7 else v)


def objective_of(u, v, y, weights):
    """The objective in fractions, and half the weighted squares of half a unit in the last place."""
    total, halves = Fraction(0), Fraction(0)
    for i, p in enumerate(fractions(u)):
        for j, q in enumerate(fractions(v)):
            w = Fraction(1) if weights is None else Fraction(float(weights[i, j]))
            z = sum(a * b for a, b in zip(p, q, strict=True))
            total += w * (z - Fraction(float(y[i, j]))) ** 2 / 2
            halves += w * Fraction(float(np.spacing(abs(y[i, j])))) ** 2 / 8
    return total, halves


def check(finding, value, best, halves):
    """A proof holds what it says, in fractions, or with a named assumption."""
    if finding.verdict is not Verdict.PROVED:
        return
    assert finding.rigour is Rigour.RIGOROUS
    if not finding.assumptions:
        assert value - best <= value <= halves
        assert finding.witness["half_units"] >= float(halves) * (1 - 1e-12)
    else:
        assert "count as zero" in finding.assumptions[0]
        assert float(value / halves) ** 0.5 / 2 <= finding.value * (1 + 1e-9)
    # what is a thousand times worse than another is not proved at all
    assert value <= 10**6 * halves


def judged(seed, count):
    rng, counts = np.random.default_rng(seed), Counter()
    for _ in range(count):
        y, weights, good, point = instance(rng)
        rows, columns = np.indices(y.shape).reshape(2, -1)
        flat = None if weights is None else weights.ravel()
        objective = make_objective(
            ll.Entries(rows, columns, y.shape), y.ravel(), General(y.shape, good[0].shape[1]), weights=flat
        )
        theta = objective.from_factors(ll.Factors(*point))
        proof = certify(objective, theta, claims=["globally_optimal"])
        finding = proof["globally_optimal"]
        (value, halves), (best, _) = objective_of(*point, y, weights), objective_of(*good, y, weights)
        counts[finding.verdict, bool(finding.assumptions)] += 1
        check(finding, value, best, halves)
        # the re-check agrees, and takes no rigour that is not there
        if finding.verdict is Verdict.PROVED:
            assert proof.verify(objective).is_confirmed
            if value > 1.01 * halves:
                forged = Certificate((replace(finding, rigour=Rigour.RIGOROUS, assumptions=()),))
                assert not forged.verify(objective, theta).is_confirmed
    return counts


@pytest.mark.parametrize(("count", "least"), [(25, 2), pytest.param(70, 10, marks=pytest.mark.slow)])
def test_a_sample(count, least):
    counts = judged(0, count)
    assert counts[Verdict.PROVED, False] > least
    assert counts[Verdict.PROVED, True] > least
    assert sum(n for (verdict, _), n in counts.items() if verdict is not Verdict.PROVED) > 2 * least


@pytest.mark.slow
def test_a_thousand():
    counts = judged(1, 1500)
    assert counts[Verdict.PROVED, False] > 200


def test_clock_readings_of_an_answer_that_is_plainly_worse():
    """Off by 3e5 ns where float64 resolves 256 and another matrix has it: less than 1e-12 of the reading."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(1, 99, 8).astype(float), rng.integers(1, 99, 8).astype(float)
    y = 1.6e18 + 1e5 * np.outer(a, b)
    rows, columns = np.indices(y.shape).reshape(2, -1)
    entries = ll.Entries(rows, columns, y.shape)
    left, right = np.c_[np.ones(8), 1e5 * a], np.c_[np.full(8, 1.6e18), b]
    found = ll.certify_matrix(entries, y.ravel(), left, right)["globally_optimal"]
    assert (found.verdict, found.rigour) == (Verdict.PROVED, Rigour.RIGOROUS)
    worse = right + np.c_[2.9e5 * rng.choice([-1, 1], 8), np.zeros(8)]
    found = ll.certify_matrix(entries, y.ravel(), left, worse)["globally_optimal"]
    assert found.verdict is not Verdict.PROVED


def tensor_instance(rng, kind):
    """A tensor of whole numbers, or of products rounded once, and a point that is off by some digits."""
    factors = [rng.integers(1, 9, (n, 2)).astype(float) for n in (4, 3, 5)]
    core = rng.integers(-9, 9, (2, 2, 2)).astype(float)
    if kind == "cp":
        core = np.zeros((2, 2, 2))
        core[0, 0, 0] = core[1, 1, 1] = 1.0
    if rng.random() < 0.5:
        factors = [factor * rng.uniform(0.5, 2, factor.shape) for factor in factors]
    tensor = np.einsum("abc,ia,jb,kc->ijk", core, *factors)
    share = 10 ** rng.uniform(-16, -9) * (rng.random() < 0.7)
    moved = [factor * (1 + share * rng.standard_normal(factor.shape)) for factor in factors]
    weights = rng.uniform(0.5, 2, tensor.shape) if rng.random() < 0.5 else None
    tensor = np.where(rng.random(tensor.shape) < 0.2 * (rng.random() < 0.5), np.nan, tensor)
    data = TensorObservations.from_array(tensor, weights=weights, empty_slices=True)
    exact = tensor_of(exactly(core), [exactly(factor) for factor in moved])[tuple(data.all_positions().T)]
    if kind == "cp":
        objective = CPObjective(data, CP(tensor.shape, 2))
        return objective, objective.model.pack(moved), exact
    return (
        TuckerObjective(data, Tucker(tensor.shape, (2, 2, 2))),
        TuckerTensor(core, tuple(moved)).point(),
        exact,
    )


@pytest.mark.parametrize("kind", ["tucker", "cp"])
@pytest.mark.parametrize(
    "seeds", [range(12), pytest.param(range(12, 300), marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_tensors_alike(seeds, kind):
    counts = Counter()
    for seed in seeds:
        objective, theta, exact = tensor_instance(np.random.default_rng(seed), kind)
        if not objective.y.any():
            continue
        proof = certify(objective, theta, claims=["globally_optimal"])
        found, y = proof["globally_optimal"], objective.y
        weights = exactly(np.ones(y.size) if objective.weights is None else objective.weights)
        value = (weights * (exact - exactly(y)) ** 2).sum() / 2
        halves = (weights * exactly(np.where(y == 0, 0, np.spacing(np.abs(y)))) ** 2).sum() / 8
        assert proof.verify(objective, theta)["globally_optimal"].outcome is not Outcome.CONTRADICTED
        if found.verdict is Verdict.PROVED and "half_units" in found.witness:
            assert found.rigour is Rigour.RIGOROUS
            assert value <= 4 * Fraction(found.bound) ** 2 * halves
            assert found.assumptions or value <= halves
            assert proof.verify(objective, theta).is_confirmed
            counts[bool(found.assumptions)] += 1
            if value > 1.0001 * halves:
                half = found.witness["half_units"]
                reason = because("exact_by_bound", half=half, upper=half)
                forged = replace(found, assumptions=(), bound=0.5, method="", reason=reason)
                assert not Certificate((forged,)).verify(objective, theta).is_confirmed
        if value > 10**6 * halves:
            assert found.verdict is not Verdict.PROVED
    assert counts[True] >= len(seeds) / 12
    assert counts[False] >= len(seeds) / 12
