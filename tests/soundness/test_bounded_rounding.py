"""Verdicts near what rounding hides: gradients, curvatures and residuals of small problems, in fractions.

Points lie on a minimum, a saddle or an exact fit, or off it by 1e-4 to 1e-17 of their size.
"""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

import lowland as ll
from lowland.certificates.enclosures import curvature_along, lower_value, slope_along, upper_value
from lowland.core.results.status import Verdict
from lowland.judges import certify
from lowland.models import General, Psd
from lowland.objectives import make_objective

SHAPE, RANK = (4, 4), 1
to_fractions = np.frompyfunc(lambda x: Fraction(float(x)), 1, 1)


def exact_value(objective, theta):
    """The objective of a point of fractions, from the formula."""
    size = 4 * RANK
    u, v = theta[:size].reshape(4, RANK), theta[-size:].reshape(4, RANK)
    x = (u @ v.T).ravel()
    if isinstance(objective.measurement, ll.Entries):
        z = x[4 * objective.measurement.rows + objective.measurement.columns]
    else:
        z = to_fractions(objective.measurement.source.arrays.reshape(objective.y.size, 16)) @ x
    w = np.ones(z.size) if objective.weights is None else objective.weights
    fit = (to_fractions(w) * (z - to_fractions(objective.y)) ** 2).sum() / 2
    sides = 2 if objective.model.is_psd else 1
    return fit + Fraction(objective.penalty) / 2 * sides * (theta**2).sum()


def exact_along(objective, theta, d):
    """First and second derivative along a direction: the objective is a quartic of the step."""
    x, y = to_fractions(theta), to_fractions(d)
    far, ahead, here, behind, back = (exact_value(objective, x + t * y) for t in (2, 1, 0, -1, -2))
    first = (8 * (ahead - behind) - far + back) / 12
    return here, first, (16 * (ahead + behind) - far - back - 30 * here) / 12


def instance(rng):
    """A problem, and a point at or close to where its gradient or its residuals vanish."""
    model = Psd(SHAPE, RANK) if rng.random() < 0.3 else General(SHAPE, RANK)
    dense = rng.random() < 0.5 or model.is_psd
    A = ll.gaussian(14, SHAPE, rng) if dense else ll.Entries(*np.indices(SHAPE).reshape(2, -1), SHAPE)
    scale = 10.0 ** rng.uniform(-3, 3)
    u = scale * rng.standard_normal((4, RANK))
    v = u if model.is_psd else rng.standard_normal((4, RANK))
    kind = rng.choice(["exact", "noisy", "penalised", "saddle"])
    y = A.measure(ll.Factors(u, v)) + (0 if kind == "exact" else 0.1 * scale * rng.standard_normal(A.size))
    weights = rng.uniform(0.1, 10, A.size) if rng.random() < 0.3 else None
    penalty = 0.1 if kind == "penalised" else 0.0
    objective = make_objective(A, y, model, weights=weights, penalty=penalty)
    theta = (
        np.zeros(model.size)
        if kind == "saddle"
        else descended(objective, objective.from_factors(ll.Factors(u, v)))
    )
    off = 10.0 ** rng.uniform(-17, -4)
    return objective, theta + off * scale * rng.standard_normal(theta.size) * (rng.random() < 0.8)


def descended(objective, theta):
    """The end of a few Newton steps."""
    for _ in range(6):
        hessian = np.stack([objective.hessian_product(theta, unit) for unit in np.eye(theta.size)])
        theta = theta - np.linalg.lstsq(hessian, objective.gradient(theta), rcond=1e-10)[0]
    return theta


def check_bounds(objective, theta, rng):
    d = rng.standard_normal(theta.size)
    value, first, second = exact_along(objective, theta, d)
    (lower, _), (upper, _) = lower_value(objective, theta), upper_value(objective, theta)
    assert Fraction(lower) <= value <= Fraction(upper)
    for (low, high), exact in (
        (slope_along(objective, theta, d), first),
        (curvature_along(objective, theta, d), second),
    ):
        assert Fraction(low) <= exact <= Fraction(high)
    return upper - lower


def check_verdicts(objective, theta):
    """What is refuted is so in fractions, what is proved too; the re-check contradicts none of it."""
    claims = ["stationary", "second_order_stationary", "globally_optimal"]
    proof = certify(objective, theta, claims=claims)
    stationary, second, best = (proof[claim] for claim in claims)
    if stationary.verdict is Verdict.REFUTED:
        even = theta if objective.penalties else objective.canonical(theta)
        gradient = [exact_along(objective, even, unit)[1] for unit in np.eye(theta.size)]
        least = Fraction(stationary.tolerance) * Fraction(stationary.witness["scale"])
        assert sum(x**2 for x in gradient) > (least * (1 - Fraction(1, 10**9))) ** 2
    if second.verdict is Verdict.REFUTED and "direction" in second.witness:
        at = second.witness.get("balanced", theta)
        assert exact_along(objective, at, second.witness["direction"])[2] < 0
    if best.verdict is Verdict.PROVED and "last_places" in best.witness:
        value = exact_value(objective, to_fractions(theta))
        spacing = to_fractions(np.where(objective.y != 0, np.spacing(np.abs(objective.y)), 0))
        w = np.ones(spacing.size) if objective.weights is None else objective.weights
        squares = (to_fractions(w) * spacing**2).sum() / 2
        assert value <= squares * Fraction(best.witness["last_places"]) ** 2 * (1 + Fraction(1, 10**9))
    assert not any(check.outcome.name == "CONTRADICTED" for check in proof.verify(objective, theta))
    return [(finding.claim, finding.verdict.name) for finding in (stationary, second, best)]


@pytest.mark.parametrize("count", [12, pytest.param(700, marks=pytest.mark.slow)])
def test_nothing_is_claimed_that_rounding_hides(count):
    rng, seen = np.random.default_rng(count), Counter()
    for _ in range(count):
        objective, theta = instance(rng)
        check_bounds(objective, theta, rng)
        seen.update(check_verdicts(objective, theta))
    for claim in ("stationary", "second_order_stationary"):
        assert min(seen[claim, verdict] for verdict in ("REFUTED", "SUPPORTED")) > count // 10
    assert seen["globally_optimal", "PROVED"] > count // 20


def test_bounds_that_forget_rounding_are_found(monkeypatch):
    """The mutant: no rounding of predictions, losses or sums."""
    monkeypatch.setattr("lowland.certificates.enclosures.gamma", lambda terms, dtype="float64": 0.0)
    monkeypatch.setattr("lowland.certificates.enclosures.UNIT", 0.0)
    for measurement in (ll.Entries, ll.Dense):
        monkeypatch.setattr(measurement, "measure_error", lambda self, factors: np.zeros(self.size))
    monkeypatch.setattr("lowland.losses.squared.gamma", lambda terms: 0.0)
    rng = np.random.default_rng(1)

    def check_some():
        for _ in range(40):
            check_bounds(*instance(rng), rng)

    with pytest.raises(AssertionError):
        check_some()
