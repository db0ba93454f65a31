"""Saddles of high order near degeneracy: refutations in fractions, and minima that are no saddles."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import lowland as ll
from lowland.core.results.findings import Certificate, Finding
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Outcome
from lowland.judges import certify
from lowland.tensors.certificates import high_order_saddles
from lowland.tensors.kernels.rank_one_escapes import way_out
from lowland.tensors.tucker.model import Tucker
from lowland.tensors.tucker.objective import TuckerObjective
from oracles.tensors import fractions, tensor_of

CLAIM = "local_minimum"
SHAPE, RANKS = (3, 4, 3), (2, 2, 2)


def outer(vectors):
    return np.einsum("i,j,k->ijk", *vectors)


def lacking(rng):
    """A point that lacks a direction in two or three modes, of a component that may be below all rounding.

    Half of them cannot reach the larger part of the residual, beside which decreases are rounding.
    """
    bases = [np.linalg.qr(rng.standard_normal((n, n)))[0] for n in SHAPE]
    hidden = rng.random() < 0.5
    new = (0, 1) if hidden else rng.permutation(3)[: rng.integers(2, 4)]
    ranks = (2, 2, 1) if hidden else RANKS
    first = outer([basis[:, 0] for basis in bases])
    second = outer([basis[:, int(n in new)] for n, basis in enumerate(bases)])
    away = outer([basis[:, 2] for basis in bases])
    strength, noise = (
        10.0 ** -rng.uniform(0, 10 if hidden else 17),
        10.0 ** -rng.uniform(0, 2 if hidden else 8),
    )
    unit = 10.0 ** rng.integers(-20, 20)
    tensor = unit * (first + strength * second + noise * away)
    factors = [
        np.column_stack([basis[:, 0], np.zeros(len(basis))])[:, :r]
        for basis, r in zip(bases, ranks, strict=True)
    ]
    if not hidden and rng.random() < 0.3:  # what is left of a column
        for factor, basis in zip(factors, bases, strict=True):
            factor[:, 1] = 10.0 ** -rng.uniform(3, 8) * basis[:, 1]
    core = np.zeros(ranks)
    core[0, 0, 0], left = unit, unit * 10.0 ** -rng.uniform(5, 12)
    core[-1, -1, -1] += 0.0 if hidden or rng.random() < 0.5 else left
    objective = TuckerObjective(ll.TensorObservations.from_array(tensor), Tucker(SHAPE, ranks))
    return objective, ll.TuckerTensor(core, tuple(factors)).point()


def minimum(rng):
    """A strict minimum: of three orthogonal components a fit of two holds the first and a tiny one."""
    bases = [np.linalg.qr(rng.standard_normal((n, 3)))[0] for n in SHAPE]
    sizes = np.array([1.0, 10.0 ** -rng.uniform(1, 3), 10.0 ** -rng.uniform(6, 12)])
    tensor = sum(size * outer([basis[:, k] for basis in bases]) for k, size in enumerate(sizes))
    core = np.zeros(RANKS)
    core[0, 0, 0], core[1, 1, 1] = sizes[0], sizes[2]
    objective = TuckerObjective(ll.TensorObservations.from_array(tensor), Tucker(SHAPE, RANKS))
    return objective, objective.canonical(
        ll.TuckerTensor(core, tuple(basis[:, [0, 2]] for basis in bases)).point()
    )


def exact_value(objective, point):
    parts = objective.unpack(point)
    exact = tensor_of(fractions(parts.core), [fractions(factor) for factor in parts.factors])
    return ((exact - fractions(objective.y.reshape(SHAPE))) ** 2).sum() / 2


def exact_slope(objective, start, point):
    """The slope along the leading rank-one change to a point, in fractions; None if columns are in use."""
    here, there = objective.unpack(start), objective.unpack(point)
    change = there.tensor() - here.tensor()
    vectors = []
    for n, factor in enumerate(here.factors):
        leading = np.linalg.svd(np.moveaxis(change, n, 0).reshape(SHAPE[n], -1))[0][:, 0]
        inner = np.linalg.lstsq(factor, leading, rcond=None)[0]
        if np.linalg.norm(factor @ inner - leading) < 1e-3:  # in the span of the factor
            vectors.append(fractions(factor) @ fractions(inner))
        elif factor[:, 1].any() or np.moveaxis(here.core, n, 0)[1].any():
            return None
        else:
            vectors.append(fractions(leading))
    z = np.multiply.outer(np.multiply.outer(vectors[0], vectors[1]), vectors[2])
    exact = tensor_of(fractions(here.core), [fractions(factor) for factor in here.factors])
    return ((exact - fractions(objective.y.reshape(SHAPE))) * z).sum()


def check_family(make, seeds):
    counts = Counter()
    for seed in seeds:
        objective, theta = make(np.random.default_rng(seed))
        proof = certify(objective, theta, claims=[CLAIM])
        finding = proof[CLAIM]
        checked = proof.verify(objective, theta)[CLAIM]
        assert checked.outcome is not Outcome.CONTRADICTED, (seed, checked.words)
        by_points = "lower_points" in finding.witness
        counts[finding.verdict, by_points] += 1
        if not by_points:
            continue
        counts[checked.outcome] += 1
        assert (finding.verdict, finding.rigour) == (Verdict.REFUTED, Rigour.RIGOROUS)
        start = objective.canonical(theta)
        least = min(exact_value(objective, point) for point in (start, theta))
        for point in finding.witness["lower_points"]:
            assert exact_value(objective, point) < least, seed
        slope = exact_slope(objective, start, finding.witness["lower_point"])
        assert slope is not None, seed
        assert slope != 0, seed
    return counts


def forged(objective, theta):
    """A refutation by lower points that come closer, but not to the point, as earlier versions made it."""
    parts, start = objective.orthonormal(theta), objective.canonical(theta)
    way = way_out(objective, parts, (0, 1, 2), np.random.default_rng(0), recycle=False)
    if way is None:
        return None
    points = [objective.balanced(way.reached(part)) for part in high_order_saddles.PARTS]
    value = objective.value(start)
    falls = np.array([value - objective.value(point) for point in points])
    turned = [high_order_saddles._turned(objective, start, point) for point in points]
    away = np.array([np.linalg.norm(a - b) for a, b in zip(points, turned, strict=True)])
    if not (falls > 0).all():
        return None
    witness = {
        "objective": value,
        "order": 4,
        "measured_order": float(np.polyfit(np.log(away), np.log(falls), 1)[0]),
        "modes": np.arange(3),
        "distances": away,
        "decreases": falls,
        "lower_points": np.stack(points),
        "lower_point": points[0],
    }
    reason = because("saddle", order=4, modes=(0, 1, 2))
    return Finding(
        CLAIM, Verdict.REFUTED, float(falls[-1]), 0.0, reason=reason, rigour=Rigour.RIGOROUS, witness=witness
    )


def check_forgeries(seeds):
    count = 0
    for seed in seeds:
        objective, theta = minimum(np.random.default_rng(seed))
        finding = forged(objective, theta)
        if finding is not None:
            count += 1
            again = Certificate((finding,)).verify(objective, theta)[CLAIM]
            assert again.outcome is not Outcome.CONFIRMED, seed
    return count


def test_refutations_hold_in_fractions():
    counts = check_family(lacking, range(6))
    assert counts[Verdict.REFUTED, True] >= 2
    assert counts[Outcome.CONFIRMED] >= 2


def test_tiny_components_make_no_saddle():
    counts = check_family(minimum, range(4))
    assert counts[Verdict.REFUTED, True] == 0
    assert check_forgeries(range(4)) >= 1


@pytest.mark.slow
@pytest.mark.parametrize("part", range(3))
def test_six_hundred_points_near_saddles(part):
    counts = check_family(lacking, range(1000 + 200 * part, 1200 + 200 * part))
    assert counts[Verdict.REFUTED, True] > 20
    assert counts[Outcome.CONFIRMED] > 0.9 * counts[Verdict.REFUTED, True]


@pytest.mark.slow
def test_two_hundred_minima_of_tiny_components():
    counts = check_family(minimum, range(2000, 2200))
    assert counts[Verdict.REFUTED, True] == 0
    assert check_forgeries(range(2000, 2200)) > 20


def test_falls_within_rounding_are_left_open(monkeypatch):
    objective, theta = next(
        pair
        for pair in (lacking(np.random.default_rng(seed)) for seed in range(100))
        if "lower_points" in certify(*pair, claims=[CLAIM])[CLAIM].witness
    )
    honest = certify(objective, theta, claims=[CLAIM])
    usual = TuckerObjective.value_bounds

    def loose(self, point):
        low, high = usual(self, point)
        return low - 0.1 * high, high

    monkeypatch.setattr(TuckerObjective, "value_bounds", loose)
    assert certify(objective, theta, claims=[CLAIM])[CLAIM].verdict is Verdict.INCONCLUSIVE
    monkeypatch.undo()
    higher = replace(honest[CLAIM], witness=honest[CLAIM].witness | {"lower_points": np.stack([theta] * 3)})
    assert Certificate((higher,)).verify(objective, theta)[CLAIM].outcome is Outcome.CONTRADICTED
    assert Fraction(honest[CLAIM].value) > 0
