"""Proofs of optimality by a flattening close to their tolerance, in fractions; and forgeries that miss it."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import lowland as ll
from lowland.core.results.findings import Certificate
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Outcome
from lowland.judges import certify
from lowland.recheck.tensors.flattenings import tail_bounds
from lowland.tensors.tucker.model import Tucker
from lowland.tensors.tucker.objective import TuckerObjective
from oracles.tensors import flat, fractions, leaves, tensor_of

CLAIM = "globally_optimal"
SHAPE, RANKS = (4, 3, 2), (2, 3, 2)


def near_the_tolerance(rng):
    """A fit at a gap close to a hundredth, of which only one flattening binds; and its exact value."""
    spectrum = np.sort(10.0 ** -rng.uniform(0, rng.choice([1, 6, 11]), 4))[::-1]
    left, right = (np.linalg.qr(rng.standard_normal((n, 4)))[0] for n in (4, 6))
    unit = 10.0 ** rng.integers(-30, 30)
    tensor = unit * ((left * spectrum) @ right.T).reshape(SHAPE)
    best, least = (left[:, :2] * spectrum[:2]) @ right[:, :2].T, float(np.sum(spectrum[2:] ** 2))
    off = rng.choice([-1, 1]) * 10.0 ** -rng.uniform(1, 15)
    extra = rng.standard_normal((2, 6))
    extra *= np.sqrt(least * 0.01 / 0.99 * (1 + off)) / np.linalg.norm(extra)
    matrix = unit * (best + left[:, :2] @ extra)
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    core = (s[:2, None] * v[:2]).reshape(2, 3, 2)
    parts = ll.TuckerTensor(core, (u[:, :2], np.eye(3), np.eye(2)))
    objective = TuckerObjective(ll.TensorObservations.from_array(tensor), Tucker(SHAPE, RANKS))
    exact = tensor_of(fractions(parts.core), [fractions(factor) for factor in parts.factors])
    return objective, parts.point(), ((exact - fractions(tensor)) ** 2).sum() / 2


def holds(objective, value):
    """Whether the gap is at most the tolerance, in fractions."""
    matrix = flat(objective.y.reshape(SHAPE), (0,))
    return leaves(matrix, 2, 2 * (1 - Fraction(0.01)) * value)


def check_family(seeds):
    counts = Counter()
    for seed in seeds:
        objective, theta, value = near_the_tolerance(np.random.default_rng(seed))
        proof = certify(objective, theta, claims=[CLAIM])
        finding, true = proof[CLAIM], holds(objective, value)
        if finding.verdict is Verdict.REFUTED or "modes" not in finding.witness:
            continue  # a better point was found, or the fit is exact
        counts[finding.verdict] += 1
        checked = proof.verify(objective, theta)[CLAIM]
        assert checked.outcome is not Outcome.CONTRADICTED, (seed, checked.words)
        if finding.verdict is Verdict.PROVED:
            assert finding.rigour is Rigour.RIGOROUS
            assert true, seed
            counts["confirmed"] += checked.outcome is Outcome.CONFIRMED
        if not true:
            forged = replace(finding, verdict=Verdict.PROVED, value=0.01, rigour=Rigour.RIGOROUS)
            again = Certificate((forged,)).verify(objective, theta)[CLAIM]
            assert again.outcome is not Outcome.CONFIRMED, seed
            counts["forged"] += 1
    return counts


def test_proofs_near_the_tolerance_hold():
    counts = check_family(range(12))
    assert counts[Verdict.PROVED] > 1
    assert counts["confirmed"] > 1
    assert counts["forged"] > 1


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_eight_hundred_proofs_near_the_tolerance(part):
    counts = check_family(range(1000 + 200 * part, 1200 + 200 * part))
    assert counts[Verdict.PROVED] > 40
    assert counts["confirmed"] > 0.9 * counts[Verdict.PROVED]
    assert counts["forged"] > 40


def test_what_rounding_leaves_open_is_supported(monkeypatch):
    objective = near_the_tolerance(np.random.default_rng(1))[0]
    usual = TuckerObjective.value_bounds
    monkeypatch.setattr(TuckerObjective, "value_bounds", lambda self, point: (0.0, 2 * usual(self, point)[1]))
    optimal = objective.canonical(
        ll.decompose_tucker(objective.data, RANKS, rng=0, certify=False).search.theta
    )
    proof = certify(objective, optimal, claims=[CLAIM])
    assert (proof[CLAIM].verdict, proof[CLAIM].rigour) == (Verdict.SUPPORTED, Rigour.WORKING_PRECISION)
    assert proof.verify(objective, optimal)[CLAIM].outcome is Outcome.CONFIRMED


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4)])
def test_bounds_of_the_recheck_hold(shape, rng):
    for rank in (1, 2):
        matrix = rng.standard_normal(shape) * 10.0 ** -np.arange(0, 5 * shape[1], 5)
        least, most = tail_bounds(matrix, rank)
        assert leaves(matrix, rank, Fraction(least) ** 2)
        assert not leaves(matrix, rank, Fraction(most) ** 2)
        assert most - least < 1e-13 * np.linalg.norm(matrix)
    assert tail_bounds(matrix, 3 + (shape == (4, 4))) == (0.0, 0.0)
