"""Penalised fits of tables whose cells are asked line by line, and certificates of Bayesian ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.cells.labels import TableLabels
from lowland.cells.pattern import gathered
from lowland.cells.sides import TableCells
from lowland.certificates.gaps.leading import ESTIMATE_STEPS, leading_triplet
from lowland.completion.bayesian.map_surrogate import (
    fit_map_surrogate,
    implied_settings,
    means_as_point,
    usual_factors,
)
from lowland.completion.bayesian.sweeps import BayesianFit
from lowland.completion.elsewhere.judges import ResidualMap, judge_lines
from lowland.completion.elsewhere.pattern import GATHERED
from lowland.completion.elsewhere.problem import LineProblem
from lowland.completion.penalised.fit import CompletionFit, certify_fit, completion_objective
from lowland.completion.penalised.model import CompletionModel
from lowland.completion.penalised.settings import CompletionSettings
from lowland.core.arrays import Vector
from lowland.core.results.findings import Certificate
from lowland.core.results.records import SearchResult
from lowland.core.running.stages import stage
from lowland.search import Alternating, Iterations, RelativeDecreaseBelow, run
from lowland.search.loop import Checkpoint, Snapshot
from lowland.search.sequence import refined

# sweeps before a Bayesian fit is judged: so many for each sweep of the fit, at least and at most
SHARE = {"quick": 0.5, "standard": 2.0, "thorough": 20.0}
LEAST_SWEEPS, MOST_SWEEPS = 5, 500
# relative tolerance of the sweeps that sharpen the certificate of a penalised fit
REFINED = 1e-9


@final
@dataclass(frozen=True, eq=False)
class LineFit:
    """A penalised fit of cells that are asked line by line."""

    model: CompletionModel
    search: SearchResult
    problem: LineProblem
    theta: Vector
    settings: CompletionSettings

    @property
    def last_search(self) -> SearchResult:
        """The search."""
        return self.search


def fit_lines(
    cells: TableCells,
    labels: TableLabels,
    settings: CompletionSettings,
    *,
    rng: np.random.Generator,
    checkpoint: Checkpoint | None = None,
    resume: Snapshot | None = None,
) -> LineFit:
    """Fit cells by penalised least squares, from a random start; parameters are those of `fit_completion`."""
    problem = problem_of(cells, settings)
    theta = _random_start(problem, rng)
    stepper = Alternating(first_ridge=0.5 * _critical_ridge(problem, rng))
    after = stepper.warm_up(problem.penalty)
    stop = RelativeDecreaseBelow(settings.tolerance, after=after) | Iterations(settings.max_iterations)
    search = run(problem, stepper, theta, stop=stop, rng=rng, checkpoint=checkpoint, resume=resume)
    return _settled(problem, search, labels, settings)


def _settled(
    problem: LineProblem, search: SearchResult, labels: TableLabels, settings: CompletionSettings
) -> LineFit:
    """Return a fit whose rows are solved once more, so that folding in a known row reproduces its fit."""
    theta = problem.block_solver.solve(search.theta, "rows")
    u, v, a, b, c = problem.model.unpack(theta)
    model = CompletionModel(
        row_factors=u.copy(),
        column_factors=v.copy(),
        row_biases=a.copy(),
        column_biases=b.copy(),
        offset=c,
        penalty=problem.penalty,
        biases=settings.biases,
        row_labels=labels.rows,
        column_labels=labels.columns,
        bias_penalty=settings.bias_penalty,
        unit=problem.cells.size / problem.cells.shape[0],
    )
    return LineFit(model, search, problem, theta, settings)


def problem_of(cells: TableCells, settings: CompletionSettings) -> LineProblem:
    """Return the penalised problem of cells with given settings."""
    return LineProblem(
        cells,
        rank=settings.rank,
        biases=settings.biases,
        penalty=settings.penalty,
        bias_penalty=settings.bias_penalty,
    )


def certify_posterior(
    cells: TableCells, fit: BayesianFit, rng: np.random.Generator, effort: str
) -> Certificate:
    """Judge the penalised problem that a posterior implies, as `fit_map_surrogate` does for tables in memory.

    Parameters
    ----------
    cells : TableCells
        With their own values.
    fit : BayesianFit
    rng : numpy.random.Generator
    effort : {"quick", "standard", "thorough"}

    Returns
    -------
    Certificate
    """
    if cells.size <= GATHERED:
        whole = replace(fit, table=gathered(cells, fit.model.labels))
        certificate = fit_map_surrogate(whole, rng, effort=effort).certificate
        assert certificate is not None
        return certificate
    model = usual_factors(fit.model) if fit.settings.full else fit.model
    if fit.settings.scale == "column":
        cells = cells.scaled(model.scaling.centres, model.scaling.spreads)
    problem = problem_of(cells, implied_settings(model, fit.settings))
    theta = means_as_point(model, fit.settings, problem.model, problem.dtype)
    search = _swept(problem, theta, fit.search.iterations, CompletionSettings.tolerance, rng, effort)
    return judge_lines(problem, problem.block_solver.solve(search.theta, "rows"), effort)


def certify_lines(fit: LineFit, rng: np.random.Generator, effort: str) -> tuple[LineFit, Certificate]:
    """Return a fit after further sweeps, and what is proved about it."""
    labels = TableLabels(fit.model.shape, fit.model.row_labels, fit.model.column_labels)
    if fit.problem.cells.size <= GATHERED:
        table = gathered(fit.problem.cells, labels)
        objective = completion_objective(table, fit.settings)
        whole = CompletionFit(fit.model, fit.search, None, objective, table, fit.settings, fit.theta)
        whole = certify_fit(whole, rng, effort)
        assert whole.certificate is not None
        return replace(fit, model=whole.model, search=whole.search, theta=whole.theta), whole.certificate
    search = _swept(fit.problem, fit.theta, fit.search.iterations, REFINED, rng, effort)
    fit = _settled(fit.problem, refined(fit.search, search), labels, fit.settings)
    return fit, judge_lines(fit.problem, fit.theta, effort)


def _swept(
    problem: LineProblem,
    theta: Vector,
    before: int,
    tolerance: float,
    rng: np.random.Generator,
    effort: str,
) -> SearchResult:
    """Return the search after as many sweeps as the effort allows for a fit of so many."""
    sweeps = int(np.clip(SHARE[effort] * before, LEAST_SWEEPS, MOST_SWEEPS))
    stop = RelativeDecreaseBelow(tolerance) | Iterations(sweeps)
    with stage("sweeps of the penalised problem"):
        return run(problem, Alternating(), theta, stop=stop, rng=rng)


def _random_start(problem: LineProblem, rng: np.random.Generator) -> Vector:
    """Return random factors at the scale of the data, and the mean of the data as global bias."""
    theta = np.zeros(problem.size, problem.dtype)
    if problem.model.biases:
        theta = problem.block_solver.solve(theta, "offset")
    energy = 2 * problem.value(theta) / problem.cells.size
    spread = (energy / max(problem.model.rank, 1)) ** 0.25
    theta[: problem.factor_size] = spread * rng.standard_normal(problem.factor_size)
    return theta


def _critical_ridge(problem: LineProblem, rng: np.random.Generator) -> float:
    """Return about the smallest penalty at which zero factors are optimal."""
    theta: Vector = np.zeros(problem.size)
    if problem.model.biases:
        theta = problem.block_solver.solve(theta, "offset")
    return leading_triplet(ResidualMap(problem.residuals(theta)), ESTIMATE_STEPS, rng)[1]
