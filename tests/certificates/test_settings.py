"""Budgets: what each effort may spend, what it says it left open, and bounds from random starts."""

import numpy as np
import pytest

import lowland as ll
from lowland.certificates import JudgeSettings
from lowland.certificates.gaps import norm_bounds
from lowland.certificates.gaps.norm_bounds import norm_bound
from lowland.core.dense_operator import DenseMap
from lowland.core.errors import InvalidInputError
from lowland.core.results.findings import Certificate
from lowland.core.results.status import Rigour, Verdict
from lowland.judges import certify


def test_efforts_grow():
    quick, standard, thorough = (JudgeSettings.for_effort(e) for e in ("quick", "standard", "thorough"))
    for name in ("share", "least_work"):
        assert getattr(quick, name) < getattr(standard, name) < getattr(thorough, name)
    for name in ("largest_dense", "largest_hessian", "largest_tangent", "largest_modular", "lanczos_steps"):
        assert getattr(quick, name) == getattr(standard, name) < getattr(thorough, name)
    for bad in ("fast", 3, None):
        with pytest.raises(InvalidInputError, match="effort is unknown"):
            JudgeSettings.for_effort(bad)
    with pytest.raises(InvalidInputError, match="effort is unknown"):
        ll.recover(ll.Entries([0], [0], (2, 2)), [1.0], rank=1, effort="much")
    with pytest.raises(InvalidInputError, match="effort is unknown"):
        ll.MatrixCompletion(rank=1, effort="much").fit(np.eye(3))


def test_what_a_budget_leaves_open_is_said(rng):
    rows, columns = np.nonzero(rng.random((40, 30)) < 0.3)
    y = (rng.standard_normal((40, 2)) @ rng.standard_normal((2, 30)))[rows, columns]
    fit = ll.recover(ll.Entries(rows, columns, (40, 30)), y, rank=2, rng=0, effort="thorough")
    tight = JudgeSettings(share=0.0, least_work=1e6)
    poor = certify(fit.objective, fit.search.theta, settings=tight)
    for claim in ("strict_local_minimum", "locally_unique"):
        assert poor[claim].verdict is Verdict.INCONCLUSIVE
        assert poor[claim].limited_by == "work"
        assert fit.certificate[claim].verdict is not Verdict.INCONCLUSIVE
        assert fit.certificate[claim].limited_by == ""
    assert "a larger effort may settle it" in str(poor)
    again = Certificate.from_json(poor.to_json())
    assert again["locally_unique"].limited_by == "work"


def test_bounds_from_random_starts_hold(rng):
    """Beyond the dense budget: above the norm in every one of many draws, and close to it."""
    for k in range(100):
        matrix = rng.standard_normal((30, 20)) * np.linspace(1, 3, 20) ** (k % 4)
        exact = np.linalg.norm(matrix, 2)
        bound = norm_bound(DenseMap(matrix), method="auto", largest_dense=5, steps=250, rng=rng)
        assert bound.rigour is Rigour.PROBABILISTIC
        assert exact <= bound.value <= 1.003 * exact
    few = norm_bound(DenseMap(matrix), method="auto", largest_dense=5, steps=3, rng=rng)
    assert few.rigour is Rigour.ESTIMATE, "three steps leave too much to chance"
    lone = norm_bound(DenseMap(matrix + 0j), method="auto", largest_dense=5, steps=250, rng=rng)
    assert lone.rigour is Rigour.ESTIMATE, "the theorem is about real matrices"


def test_a_random_start_without_its_charge_dies(rng, monkeypatch):
    """The mutant that takes the Ritz value for the norm is too low on a spectrum without gaps."""
    matrix = np.diag(np.linspace(0.9, 1, 400))

    def too_low():
        return sum(
            norm_bound(DenseMap(matrix), method="auto", largest_dense=5, steps=25, rng=rng).value < 1
            for _ in range(20)
        )

    assert too_low() == 0
    # as if any failure were accepted: the charge vanishes
    monkeypatch.setattr(norm_bounds, "FAILURE", norm_bounds.ATTEMPTS * 1.648 * np.sqrt(400))
    assert too_low() > 0


def test_a_large_penalised_table_is_proved_with_a_probability(rng):
    """Judged as if it were too large to be factored."""
    rows, columns = np.nonzero(rng.random((120, 90)) < 0.4)
    y = (rng.standard_normal((120, 3)) @ rng.standard_normal((3, 90)))[rows, columns]
    y = y + 0.1 * rng.standard_normal(rows.size)
    fit = ll.recover(ll.Entries(rows, columns, (120, 90)), y, rank=12, penalty=2.0, rng=0)
    found = certify(fit.objective, fit.search.theta, settings=JudgeSettings(largest_dense=50))[
        "globally_optimal"
    ]
    rigorous = fit.certificate["globally_optimal"]
    assert rigorous.rigour is Rigour.RIGOROUS
    assert found.verdict is Verdict.PROVED
    assert found.rigour is Rigour.PROBABILISTIC
    assert "probability at most 1e-10" in found.method
    assert found.limited_by == "largest_dense"
    assert rigorous.value <= found.value < 0.01
