"""Ends of all solvers are polished before they are judged, and their own ends are kept."""

import numpy as np
import pytest

import lowland as ll
from commands import call
from lowland.core.results.status import Verdict
from lowland.datasets import planted_completion, planted_sensing
from lowland.search import Iterations, Stochastic, TrustRegion, run
from lowland.sensing.searching.multistart import polish_end
from lowland.sensing.searching.solvers import SOLVERS, exact_value

NEED_CELLS = ("alternating", "variable_projection")


def _planted(solver, seed):
    if solver in NEED_CELLS:
        return planted_completion((12, 12), 1, 4.0, seed), "general"
    return planted_sensing(60, 6, 1, seed), "psd"


@pytest.mark.parametrize("solver", [*SOLVERS, Stochastic(momentum=0.5)], ids=str)
@pytest.mark.parametrize("seed", range(2))
def test_exact_ends_of_all_solvers_are_proved(solver, seed):
    one, structure = _planted(solver, seed)
    fit = ll.recover(
        one.measurement, one.y, rank=1, structure=structure, solver=solver, start="random", rng=seed
    )
    assert np.linalg.norm(fit.matrix() - one.truth) <= 1e-13 * np.linalg.norm(one.truth)
    assert fit.certificate["globally_optimal"].verdict is Verdict.PROVED
    own = fit.own_end
    assert own.value >= fit.search.value
    assert own.value == fit.attempts[0].value
    if own.value > fit.search.value:
        assert f"{own.solver} ended at objective {own.value:.4g}" in str(fit)


@pytest.mark.parametrize("solver", ["stochastic", "scaled", pytest.param("gradient", marks=pytest.mark.slow)])
def test_first_order_ends_lack_digits_and_are_kept(solver, tmp_path, undrawn):
    one = planted_sensing(60, 6, 1, 0)
    how = {"rank": 1, "structure": "psd", "solver": solver, "start": "random", "rng": 0}
    fit = ll.recover(one.measurement, one.y, **how)
    own = fit.objective.matrix(fit.own_end.theta)
    far = np.linalg.norm(own.left @ own.right.T - one.truth) / np.linalg.norm(one.truth)
    assert 1e-14 < far < 1e-6
    assert fit.search.value < 1e-2 * fit.own_end.value
    fit.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "Newton steps at" in page
    assert f"The objective over {fit.own_end.iterations} steps" in page


def test_an_end_that_was_asked_for_is_judged_as_it_is():
    one = planted_sensing(60, 6, 1, 0)
    how = {"rank": 1, "structure": "psd", "start": "random", "rng": 0}
    fit = ll.recover(one.measurement, one.y, solver="gradient", stop=Iterations(40), **how)
    assert fit.own_end is fit.search
    assert fit.search.iterations == 40
    assert fit.search.solver == "gradient"
    assert "polished" not in str(fit)
    assert fit.certificate["globally_optimal"].verdict is not Verdict.PROVED


@pytest.mark.parametrize("solver", ["stochastic", "trust_region"])
def test_components_to_spare_are_dropped_at_the_end_of_any_solver(solver):
    """With them a search converges so slowly that its end is refuted, or open."""
    one = planted_sensing(60, 6, 1, 0)
    how = {"rank": 2, "structure": "psd", "start": "random", "rng": 0}
    fit = ll.recover(one.measurement, one.y, solver=solver, **how)
    assert fit.rank == 1
    assert fit.certificate["globally_optimal"].verdict is Verdict.PROVED
    assert "without spare" in fit.attempts[-1].start


@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_ends_with_a_residual_are_stationary(penalty):
    rng = np.random.default_rng(0)
    one = planted_sensing(60, 6, 1, 0)
    y = one.y + 0.1 * rng.standard_normal(60)
    how = {"rank": 1, "structure": "psd", "penalty": penalty, "start": "random", "rng": 0, "n_restarts": 0}
    ends = [
        ll.recover(one.measurement, y, solver=solver, **how) for solver in ("auto", "gradient", "stochastic")
    ]
    for fit in ends:
        assert fit.certificate["stationary"].verdict is Verdict.SUPPORTED
        assert fit.certificate["globally_optimal"].verdict is ends[0].certificate["globally_optimal"].verdict
        assert fit.search.value == pytest.approx(ends[0].search.value, rel=1e-9)


def test_the_command_line_prints_both_ends(tmp_path):
    one = planted_sensing(60, 6, 1, 0)
    np.savez(tmp_path / "m.npz", arrays=one.measurement.arrays, y=one.y)
    how = ("sense", "m.npz", "--rank", 1, "--structure", "psd", "--solver", "gradient", "--start", "random")
    done = call(*how, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "polished: gradient ended at objective" in done.stdout
    assert "PROVED" in done.stdout


@pytest.mark.parametrize("far", [3e-13, 1e-11])
def test_ends_just_above_an_exact_fit_are_polished(far):
    """A trust region stops at a small gradient, a little above what counts as exact."""
    one = planted_sensing(60, 6, 1, 0)
    fit = ll.recover(one.measurement, one.y, rank=1, structure="psd", rng=0, certify=False)
    theta = fit.search.theta * (1 + far)
    rng = np.random.default_rng(0)
    end = run(fit.objective, TrustRegion(), theta, stop=Iterations(0), rng=rng)
    assert end.value > 4 * exact_value(fit.objective)
    assert polish_end(fit.objective, end, rng).value < 1e-30 * fit.objective.unfitted[0]
