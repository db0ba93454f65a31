"""Penalised problems whose cells are asked line by line: the problem, its bounds, what its pattern shows."""

from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from lowland.cells.labels import TableLabels
from lowland.cells.pattern import LinePattern
from lowland.cells.sides import TableCells
from lowland.certificates.settings import JudgeSettings
from lowland.completion.elsewhere import judges as line_judges
from lowland.completion.elsewhere import pattern as line_pattern
from lowland.completion.elsewhere.judges import ResidualMap, judge_lines
from lowland.completion.elsewhere.pattern import judge_line_pattern
from lowland.completion.elsewhere.penalised_fit import fit_lines
from lowland.completion.elsewhere.problem import LineProblem
from lowland.completion.penalised.fit import completion_objective, fit_completion
from lowland.completion.penalised.settings import CompletionSettings
from lowland.core.results.findings import Certificate
from lowland.core.results.status import Verdict
from lowland.core.results.verification import Outcome
from lowland.judges import certify
from lowland.models import General

pytestmark = pytest.mark.usefixtures("light_fits_throughout")


def noisy_table(rng, shape=(30, 20), share=0.5, rank=2, noise=0.3):
    full = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1])) + 3
    rows, columns = np.nonzero(rng.random(shape) < share)
    values = full[rows, columns] + noise * rng.standard_normal(rows.size)
    return ll.Observations(rows, columns, values, shape)


def settings_of(biases, penalty=3.0, bias_penalty=2.0, rank=4):
    bias_penalty = bias_penalty if biases else 0.0
    return CompletionSettings(rank=rank, biases=biases, penalty=penalty, bias_penalty=bias_penalty)


def problem_of(table, settings):
    return LineProblem(
        TableCells.of(table),
        rank=settings.rank,
        biases=settings.biases,
        penalty=settings.penalty,
        bias_penalty=settings.bias_penalty,
    )


@pytest.mark.parametrize("biases", [True, False])
def test_the_problem_is_that_of_tables_in_memory(biases, rng):
    table, settings = noisy_table(rng), settings_of(biases)
    objective, problem = completion_objective(table, settings), problem_of(table, settings)
    theta = rng.standard_normal(problem.size)
    assert objective.value(theta) == pytest.approx(problem.value(theta), rel=1e-13)
    assert problem.block_solver.names == objective.block_solver.names
    for name in objective.block_solver.names:
        found, expected = (own.block_solver.solve(theta, name, penalty=5.0) for own in (problem, objective))
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(
            problem.block_solver.coordinates(name), objective.block_solver.coordinates(name)
        )


def test_residuals_are_a_matrix_and_its_transpose(rng):
    table, settings = noisy_table(rng), settings_of(biases=True)
    problem = problem_of(table, settings)
    theta = rng.standard_normal(problem.size)
    dense = np.zeros(table.shape)
    dense[table.rows, table.columns] = table.values - completion_objective(table, settings).predict(theta)
    residuals = ResidualMap(problem.residuals(theta))
    np.testing.assert_allclose(residuals.toarray(), dense, atol=1e-12)
    left, right = rng.standard_normal((30, 3)), rng.standard_normal((20, 3))
    np.testing.assert_allclose(residuals.matmat(right), dense @ right, atol=1e-12)
    np.testing.assert_allclose(residuals.rmatmat(left), dense.T @ left, atol=1e-12)


CASES = [(True, 2.0), (True, 0.0), (False, 0.0)]


def bounds_at(table, settings, theta):
    """The stated lower bound and value of a point; infinite where the judge noticed that it is too large."""
    finding = judge_lines(problem_of(table, settings), theta, "thorough")["globally_optimal"]
    if "exceeds the objective" in finding.method:
        return np.inf, 0.0
    return finding.witness["lower_bound"], finding.witness["objective"]


@pytest.fixture(
    scope="module",
    params=[(1, (20, 14)), pytest.param((4, (30, 20)), marks=pytest.mark.slow)],
    ids=["1", "4"],
)
def judged(request):
    """Tables with the best value of the convex problem, at good, bad and random points."""
    (count, shape), rng, out = request.param, np.random.default_rng(0), []
    for biases, bias_penalty in CASES:
        for _ in range(count):
            table = noisy_table(rng, shape, rng.uniform(0.3, 0.8))
            settings = settings_of(biases, rng.choice([1.0, 5.0]), bias_penalty, rank=12)
            fit = fit_completion(table, settings, rng=rng, certify=True, effort="standard")
            assert fit.certificate["convex_optimal"].verdict.name == "PROVED"
            points = [fit.theta, fit.theta + 0.1 * rng.standard_normal(fit.theta.size)]
            points.append(rng.standard_normal(fit.theta.size))
            out += [(table, settings, theta, fit.search.value) for theta in points]
    return out


def test_no_bound_is_beyond_the_best_value(judged):
    for table, settings, theta, best in judged:
        lower, upper = bounds_at(table, settings, theta)
        assert lower <= best * (1 + 1e-9)
        assert upper >= completion_objective(table, settings).value(theta)


@pytest.mark.parametrize("what", ["_offset_charge", "_bias_squares"])
def test_bounds_without_what_biases_cost_are_found_out(what, judged, monkeypatch):
    """The mutants: biases cost nothing, where they are not refitted before."""
    monkeypatch.setattr(LineProblem, "refitted", lambda problem, theta, rounds: theta)
    monkeypatch.setattr(line_judges, what, lambda *_: 0.0)
    assert any(bounds_at(*case[:3])[0] > case[3] * (1 + 1e-9) for case in judged)


@pytest.mark.parametrize(("shape", "row"), [((1, 8), 0), ((100, 50), 5)])
def test_a_zero_point_that_is_not_optimal_is_not_proved(shape, row):
    """All residuals lie in one row: the best value is 1.5 sqrt(8) - 9/8, not 4."""
    table = ll.Observations(np.full(8, row), np.arange(8), np.ones(8), shape)
    problem = problem_of(table, CompletionSettings(rank=2, biases=False, penalty=1.5))
    found = judge_lines(problem, np.zeros(problem.size), "standard")["globally_optimal"]
    assert found.verdict.name == "INCONCLUSIVE"
    assert found.witness["lower_bound"] <= (1.5 * np.sqrt(8) - 1.125) * (1 + 1e-9)


@pytest.mark.parametrize("number", [np.inf, np.nan, 1e200])
def test_points_beyond_numbers_are_inconclusive(number, rng):
    problem = problem_of(noisy_table(rng), settings_of(biases=True))
    with np.errstate(all="ignore"):
        found = judge_lines(problem, np.full(problem.size, number), "quick")
    assert found["globally_optimal"].verdict.name == found["convex_optimal"].verdict.name == "INCONCLUSIVE"


def test_optimal_points_are_proved_and_others_are_not(rng):
    table, settings = noisy_table(rng), settings_of(biases=True, penalty=4.0, rank=8)
    fit = fit_lines(
        TableCells.of(table),
        TableLabels(table.shape),
        replace(settings, tolerance=1e-12),
        rng=np.random.default_rng(0),
    )
    best = judge_lines(fit.problem, fit.theta, "standard")
    assert best["convex_optimal"].verdict.name == "PROVED"
    assert best["convex_optimal"].rigour.name == "PROBABILISTIC"
    assert "failing with probability" in best["convex_optimal"].method
    worse = judge_lines(fit.problem, 1.2 * fit.theta, "standard")
    assert worse["globally_optimal"].verdict.name == "INCONCLUSIVE"
    assert worse["convex_optimal"].verdict.name != "PROVED"


def test_zero_residuals_and_single_precision(rng):
    table = noisy_table(rng, noise=0.0)
    settings = settings_of(biases=True)
    problem = problem_of(replace(table, values=np.full(table.size, 3.0)), settings)
    theta = problem.block_solver.solve(np.zeros(problem.size), "offset")
    found = judge_lines(problem, theta, "quick")["convex_optimal"]
    assert found.value == 0 or found.verdict.name != "REFUTED"
    single = problem_of(replace(table, values=table.values.astype(np.float32)), settings)
    point = np.random.default_rng(0).standard_normal(problem.size).astype(np.float32)
    upper = judge_lines(single, point, "quick")["globally_optimal"].witness["objective"]
    double = completion_objective(
        replace(table, values=table.values.astype(np.float32).astype(np.float64)), settings
    )
    assert upper >= double.value(point.astype(np.float64))
    assert upper == pytest.approx(double.value(point.astype(np.float64)), rel=1e-9)


@pytest.mark.parametrize(
    ("rank", "share"),
    [
        pytest.param(
            rank, share, marks=[pytest.mark.slow] * ((rank, share) not in {(1, 0.12), (3, 0.3), (1, 0.6)})
        )
        for rank in (1, 3)
        for share in (0.12, 0.3, 0.6)
    ],
)
def test_patterns_are_judged_as_in_memory(share, rank, rng, monkeypatch):
    table = noisy_table(rng, (60, 40), share)
    cells, settings = TableCells.of(table), JudgeSettings()
    pattern, asked = ll.Entries(table.rows, table.columns, table.shape), LinePattern(cells)
    dense = np.zeros(table.shape, int)
    dense[table.rows, table.columns] = 1
    known = rng.random(40) < 0.5
    np.testing.assert_array_equal(asked.inside(0, known), dense[:, known].sum(axis=1))
    rows, columns = rng.permutation(60)[:25], rng.permutation(40)[:15]
    np.testing.assert_array_equal(asked.part(rows, columns).toarray(), dense[np.ix_(rows, columns)])
    for biases in ((), ("row", "column", "global")):
        model = General(table.shape, rank, biases)
        whole = judge_line_pattern(cells, model, settings, np.random.default_rng(0))
        monkeypatch.setattr(line_pattern, "GATHERED", 0)
        by_core = judge_line_pattern(cells, model, settings, np.random.default_rng(0))
        monkeypatch.undo()
        for one, other in zip(whole, by_core, strict=True):
            assert one.claim == other.claim
            # by counting and by a core less may be shown, never the contrary
            assert other.verdict.name in (one.verdict.name, "INCONCLUSIVE")
    assert pattern.size == cells.size


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(k, marks=pytest.mark.slow) for k in range(2, 40))])
def test_verdicts_are_those_of_tables_in_memory(seed):
    rng = np.random.default_rng(seed)
    table = noisy_table(rng, (int(rng.integers(8, 30)), int(rng.integers(6, 20))), rng.uniform(0.3, 0.9))
    table = replace(table, values=table.values.astype(rng.choice(["float32", "float64"])))
    settings = settings_of(bool(rng.integers(2)), 10.0 ** rng.uniform(-1, 1), 1.0, int(rng.integers(1, 4)))
    fit = fit_completion(table, settings, rng=rng, certify=False)
    objective = completion_objective(table, settings)
    memory = certify(objective, fit.theta)
    lines = judge_lines(problem_of(table, settings), fit.theta, "quick")
    for finding in lines:
        expected = memory[finding.claim].verdict
        if finding.claim == "globally_optimal" and expected is Verdict.REFUTED:
            expected = Verdict.INCONCLUSIVE  # better points of the rank are looked for in memory only
        assert finding.verdict is expected
    refuted = lines["convex_optimal"]
    if refuted.verdict is Verdict.REFUTED:
        alone = Certificate((refuted,), "", fit.theta)
        assert alone.verify(objective)["convex_optimal"].outcome is Outcome.CONFIRMED
