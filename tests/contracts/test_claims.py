"""Every claim where it holds, where it is refuted and where it is left open; judges keep to their budget."""

import numpy as np
import pytest

import lowland as ll
from cases import completion_problem
from claims import CLAIMS, VERDICTS
from lowland.certificates import Judge, JudgeSettings, judge
from lowland.certificates.judge import judges_of
from lowland.core.promises.fits import Fit
from lowland.core.work import Budget, counted
from lowland.judges import JUDGES
from lowland.measure import gaussian
from lowland.models import Psd
from lowland.objectives import make_objective
from lowland.search import Iterations, TrustRegion, make_start, run


@pytest.mark.parametrize("row", CLAIMS, ids=lambda row: f"{row.claims[0]}-{row.outcome}-{row.name}")
def test_judges_say_what_is_known(row):
    certificate = row.make()
    for claim in row.claims:
        assert certificate[claim].verdict in VERDICTS[row.outcome], f"{claim}: {certificate[claim]}"


# ------------------------------------------------------------------ judges keep to their budget
PASSES = 20  # so many gradients may be spent before a judge must ask: the test of the objective takes ten


def _gaussian(rng):
    measurement, u = gaussian(900, (20, 20), 0), rng.standard_normal((20, 2))
    objective = make_objective(measurement, measurement.measure_matrix(u @ u.T), Psd((20, 20), 2))
    return objective, objective.from_factors(ll.Factors(u, u))


def _table(rng):
    objective = completion_problem(0.5)
    start = make_start(objective, "random", rng)
    return objective, run(objective, TrustRegion(), start, stop=Iterations(40), rng=rng).theta


def _tensor(rng):
    cells = np.einsum("ia,ja,ka->ijk", *(rng.standard_normal((n, 2)) for n in (12, 11, 10)))
    fit = ll.decompose_tucker(np.where(rng.random(cells.shape) < 0.3, np.nan, cells), 2, certify=False, rng=0)
    return fit.objective, fit.search.theta


def passes_without_budget(objective, theta, judges):
    """Return the work of judging with nothing to spend, in gradients."""
    with counted() as one:
        objective.gradient(theta)
    with counted() as work:
        judge(objective, theta, judges, settings=JudgeSettings.for_effort("standard"), budget=Budget(0.0))
    return work.spent / one.spent


@pytest.mark.parametrize("make", [_gaussian, _table, _tensor])
def test_judges_ask_before_they_spend(make, rng):
    objective, theta = make(rng)
    for row in judges_of(objective, JUDGES):
        spent = passes_without_budget(objective, theta, (row,))
        assert spent <= PASSES, f"the judge of {row.claims} spends {spent:.3g} gradients without asking"


def test_a_judge_that_does_not_ask_is_found(rng):
    objective, theta = _table(rng)

    def answer(objective, theta, given):
        for _ in range(2 * PASSES):
            objective.gradient(theta)
        return [ll.Finding("stationary", ll.Verdict.INCONCLUSIVE, method="none")]

    assert passes_without_budget(objective, theta, (Judge(("stationary",), Fit, answer, 0),)) > PASSES
