"""The finish of large penalised fits: accelerated sweeps down to the judges' tolerance."""

import numpy as np
import pytest

from lowland.certificates import JudgeSettings
from lowland.certificates.stationarity import gradient_scale
from lowland.completion.penalised import fit as penalised
from lowland.completion.penalised.fit import certify_fit, fit_completion
from lowland.completion.penalised.settings import CompletionSettings
from lowland.core.cells.observations import Observations
from lowland.core.results.status import Verdict


@pytest.fixture
def rough(rng):
    """A fit in single precision, stopped by a loose tolerance."""
    cells = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 40)) + 0.5 * rng.standard_normal((60, 40))
    table = np.where(rng.random(cells.shape) < 0.4, np.nan, cells).astype(np.float32)
    settings = CompletionSettings(rank=3, penalty=2.0, tolerance=1e-2)
    return fit_completion(Observations.from_array(table), settings, rng=rng, certify=False)


def relative_gradient(fit):
    exact = fit.objective.in_double()
    theta = fit.theta.astype(np.float64)
    return np.linalg.norm(exact.gradient(theta)) / gradient_scale(exact, theta)


def test_a_large_fit_is_finished_to_the_judges_tolerance(rough, rng, monkeypatch):
    monkeypatch.setattr(penalised, "FINISH_WORK", 0)  # as if the table were large
    finished = certify_fit(rough, rng)
    tolerance = JudgeSettings.for_effort("standard").gradient_tolerance
    assert relative_gradient(rough) > 10 * tolerance
    assert relative_gradient(finished) <= tolerance
    assert finished.certificate["stationary"].verdict is Verdict.SUPPORTED
    assert finished.search.solver.endswith("then accelerated")
    assert (finished.search.stop_reason, finished.search.iterations) == (
        rough.search.stop_reason,
        rough.search.iterations,
    )
    assert finished.objective.dtype == np.float64
    # nothing is left to do for a fit that is finished
    again = certify_fit(finished, rng)
    assert again.search.solver == finished.search.solver
    np.testing.assert_allclose(again.theta, finished.theta, rtol=1e-9, atol=1e-9)


def test_quick_judgement_does_not_finish(rough, rng, monkeypatch):
    monkeypatch.setattr(penalised, "FINISH_WORK", 0)
    assert certify_fit(rough, rng, "quick").search.solver == rough.search.solver
