"""Step sizes ever nearer to the edge of stability, on both sides: no verdict is false in exact arithmetic."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import lowland as ll
from lowland import networks as ln
from lowland.core.results.findings import Certificate
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Outcome
from lowland.networks.certificates import sharpness as sharpness_module
from lowland.networks.certificates import stability as stability_module
from lowland.networks.certificates.loss_parts import LossParts
from oracles import relu as naive

CLAIM = "stable_at_step_size"
SMALL, FLAT = Fraction(1e-6) ** 2, Fraction(1e-9)
KINDS = ("exact fit", "at rest", "cancelling", "idle", "nearly at rest", "moving")


def instance(rng, points=(5, 12), widths=(1, 4)):
    """A small network and data of a kind: of any unit, with or without biases and weights of points."""
    kind, n, k = str(rng.choice(KINDS)), int(rng.integers(*points)), int(rng.integers(*widths))
    x = 10 ** rng.uniform(-3, 3) * rng.uniform(-1, 1, n)
    x = x + 10 ** rng.uniform(1, 4) * np.abs(x).max() if kind == "cancelling" else x
    w = rng.choice([-1.0, 1.0], k) * 10 ** rng.uniform(-2, 2, k)
    b = -w * rng.uniform(x.min(), x.max(), k) if kind == "cancelling" or rng.random() < 0.8 else None
    v = rng.standard_normal(k) / np.abs(w) / np.ptp(x)
    v[0] = 0.0 if kind == "idle" else v[0]
    c = rng.standard_normal(1) if kind == "idle" or rng.random() < 0.7 else None
    network, weights = ln.ReluNetwork((w[:, None], v), (b, c)), rng.uniform(0.2, 2, n)
    weights = weights if rng.random() < 0.4 else None
    y = network(x)
    if kind == "moving":
        return kind, network, x, y + rng.standard_normal(n), weights
    if kind != "exact fit":
        y = y - resting(network, x, weights, rng, idle=kind == "idle") * 10 ** rng.uniform(-3, 1)
    if kind == "nearly at rest":
        y = y + 10 ** rng.uniform(-9, -5) * rng.standard_normal(n)
    return kind, network, x, y, weights


def resting(network, x, weights, rng, *, idle):
    """Residuals that are orthogonal to all features, but for those of the first neuron if it is idle."""
    (inner, _), (shift, last) = network.weights, network.biases
    before = np.outer(x, inner[:, 0]) + (0.0 if shift is None else shift)
    on = (before > 0)[:, idle:]
    features = np.column_stack(
        [np.maximum(before, 0), on * x[:, None], on, np.full(x.size, last is not None)]
    )
    root = np.ones(x.size) if weights is None else np.sqrt(weights)
    features = features[:, features.any(axis=0)] * root[:, None]
    basis, sizes, _ = np.linalg.svd(features / np.linalg.norm(features, axis=0), full_matrices=False)
    basis, residual = basis[:, sizes > 1e-9], rng.standard_normal(x.size)
    for _ in range(3):
        residual = residual - basis @ (basis.T @ residual)
    return residual / root


def is_true(finding, exact, limit):
    """Whether what a finding proves holds, with what it says to count as zero."""
    code = finding.reason[0].code
    assumed = " ".join(finding.assumptions)
    small = {
        "slopes of up to 1e-06": max(exact.unrest, exact.pull if code == "stable" else 0) <= SMALL,
        "residuals of up to 1e-06": exact.mean(exact.residual, exact.residual) <= SMALL * exact.spread,
    }
    holds = all(good for words, good in small.items() if words in assumed) and not exact.is_at_kink
    if code == "stable":
        flat = exact.is_at_least(-FLAT * Fraction(1.001 * finding.value))
        return holds and len(finding.assumptions) == 2 and exact.is_at_most(limit) and flat
    if code == "idle_saddle":
        return holds and len(finding.assumptions) == 1 and not exact.is_at_least(0)
    return holds and code == "above_limit" and not exact.is_at_most(limit)


def forged(report, data, verdict, code, assumptions):
    """Return the outcome of another verdict of the same network, data and step size."""
    finding = replace(
        report.certificate[CLAIM],
        verdict=verdict,
        method="",
        reason=because(code),
        rigour=Rigour.RIGOROUS,
        assumptions=assumptions,
    )
    return ll.verify(report.document(Certificate((finding,))), data)[CLAIM].outcome


STATED = (
    "slopes of up to 1e-06 of the largest that such residuals could give count as zero",
    "residuals of up to 1e-06 of the values count as zero",
    "negative curvatures of up to 1e-09 of the largest count as zero",
)


def is_rechecked(report, data, exact, limit):
    """Whether the honest document is confirmed, and the opposite contradicted, however near the edge."""
    check = ll.verify(report.document(report.certificate), data)[CLAIM]
    if exact.is_at_most(limit):
        others = [forged(report, data, Verdict.REFUTED, "above_limit", ())]
    else:
        others = [forged(report, data, Verdict.PROVED, "stable", (zero, STATED[2])) for zero in STATED[:2]]
    return check.outcome is Outcome.CONFIRMED and set(others) == {Outcome.CONTRADICTED}


def judged(seed, count, *, formed=True, **sizes):
    """Return counts of verdicts by kind, whether they hold, and how far from the edge."""
    rng, counts = np.random.default_rng(seed), Counter()
    for k in range(count):
        kind, network, x, y, weights = instance(rng, **sizes)
        largest = ln.stability_report(network, x, y, 1.0, weights=weights).sharpness.largest
        digits, side = int(rng.integers(1, 16)), float(rng.choice([-1.0, 1.0]))
        step = 2 / largest * (1 + side * 10.0**-digits)
        report = ln.stability_report(network, x, y, step, weights=weights)
        finding, limit = report.certificate[CLAIM], 2 / Fraction(float(step))
        exact = naive.ExactLoss(network, x, y, weights)
        proves = finding.verdict in (Verdict.PROVED, Verdict.REFUTED)
        assert proves == finding.rigour.is_proof, (seed, k, kind)
        assert not proves or is_true(finding, exact, limit), (seed, k, kind, digits, side)
        data = (x, y) if weights is None else (x, y, weights)
        assert not formed or is_rechecked(report, data, exact, limit), (seed, k, kind)
        counts[kind, finding.verdict.name, "near" if digits > 10 else "far"] += 1
    return counts


def total(counts, *, verdict, distance="far", kinds=KINDS):
    return sum(counts[kind, verdict, distance] for kind in kinds)


RESTING = ("exact fit", "at rest")


def test_a_sample():
    counts = judged(0, 18)
    assert total(counts, verdict="PROVED") >= 3
    assert total(counts, verdict="REFUTED") >= 3


@pytest.mark.parametrize("count", [18, pytest.param(400, marks=pytest.mark.slow)])
def test_networks_with_more_weights_than_are_formed(count, monkeypatch):
    """Their curvatures are bounded by the kernel of the points; of many points, from below only."""
    monkeypatch.setattr(sharpness_module, "DENSE", 6)
    few = judged(2, count, formed=False, points=(4, 7), widths=(3, 4))
    assert total(few, verdict="PROVED") >= count // 15
    assert total(few, verdict="REFUTED") >= count // 6
    many = judged(3, count // 2, formed=False, points=(7, 10), widths=(3, 4))
    assert total(many, verdict="PROVED") == total(many, verdict="PROVED", distance="near") == 0
    assert total(many, verdict="REFUTED") >= count // 12
    assert total(many, verdict="SUPPORTED") > 0


@pytest.mark.parametrize("forgotten", ["rounding", "a billionth of the largest curvature", "the limit"])
def test_judges_that_forget_are_caught(forgotten, monkeypatch):
    if forgotten == "rounding":
        monkeypatch.setattr(LossParts, "roundings", lambda parts: 0.0)
    elif forgotten == "the limit":
        monkeypatch.setattr(stability_module, "SPARE", -1e-2)
    else:
        bound = sharpness_module.eigenvalue_bound
        less = lambda *given: replace(bound(*given), value=bound(*given).value * (1 - 1e-9))  # noqa: E731
        monkeypatch.setattr(sharpness_module, "eigenvalue_bound", less)
    with pytest.raises(AssertionError):
        judged(0, 60, formed=False)


@pytest.mark.slow
def test_two_thousand():
    counts = judged(1, 2000)
    assert total(counts, verdict="PROVED") > 250
    assert total(counts, verdict="REFUTED") > 500
    assert total(counts, verdict="PROVED", distance="near") > 20
    # at rest, as far from the edge as a proof needs, nothing is left open
    assert total(counts, verdict="INCONCLUSIVE", kinds=RESTING) == 0
    assert total(counts, verdict="INCONCLUSIVE", distance="near") > 100
