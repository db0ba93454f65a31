"""What the fit of a table takes its censored cells for: found before it, by brief fits."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from lowland.bayes.truncated import Ends, TruncatedNormal
from lowland.cells.labels import TableLabels
from lowland.completion.bayesian.fit import fit_bayesian
from lowland.completion.bayesian.settings import BRIEF
from lowland.completion.bounded.law import written_ends
from lowland.completion.bounded.signs import read_signed
from lowland.completion.censored.cells import CensoredCells
from lowland.completion.encoded.power_choice import Powers, choose_powers
from lowland.completion.encoded.power_model import write_powers
from lowland.completion.encoded.powers import LEAST_GAIN, Power
from lowland.completion.encoded.writing import of_each
from lowland.completion.layered_fit import BayesianProblem
from lowland.completion.plan import CompletionPlan
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.core.random import spawn
from lowland.core.running.interrupt import in_full
from lowland.core.running.stages import stage

# rounds of fits of factors, which end once numbers move by less than this share of their spread
ROUNDS, SETTLED = 15, 0.03
# steps to the likeliest normal law of a column, and its least spread
STEPS, TINY = 30, 1e-300


def settle(problem: BayesianProblem, plan: CompletionPlan, rng: np.random.Generator) -> BayesianProblem:
    """Return a problem whose table has likely numbers in its censored cells, and its powers.

    A Gaussian of any covariance draws the cells between their bounds, so that one brief fit says what they
    are like. Fits of factors are repeated: each gives the cells the mean, between their bounds, of the law
    that the one before predicts (expectation maximisation; Dempster, Laird and Rubin 1977).

    Parameters
    ----------
    problem : BayesianProblem
        With censored cells.
    plan : CompletionPlan
    rng : numpy.random.Generator
    """
    cells, table, inner = problem.censored, problem.table, problem.in_numbers()
    assert cells is not None
    apart = spawn(rng, 1)[0]
    first, levels = cells.put(table), problem.levels
    signed = read_signed(plan.may_be_negative, TableLabels.of(table))
    powers = choose_powers(first, levels, inner.settings, inner.covariates, plan.powers, signed)
    powers = cells.seen_by({j: p for j, p in powers.items() if _is_likelier(p, cells, table, j)})
    with stage("fits that tell what censored cells are like"):
        cells = in_full(partial(_settled, inner, cells, powers, apart))
    settled = cells.put(table)
    numbers = levels.encode(settled) if levels else settled
    return replace(problem, table=settled, numbers=numbers, censored=cells, powers=powers)


def _is_likelier(power: Power, cells: CensoredCells, table: Observations, column: int) -> bool:
    """Return whether numbers of a column are likelier as roots or logarithms, given all that is known.

    What lies above a limit of detection of a normal law is skewed: the cells below tell.
    """
    mine = cells.columns == column
    if not mine.any():
        return True
    known = table.select((table.columns == column) & (table.censored == 0)).values.astype(np.float64)
    if not known.size:
        return False
    low, high = cells.low[mine], cells.high[mine]
    written = _log_likelihood(power.write(known), *written_ends(low, high, power))
    return written + float(power.log_slope(known).sum()) > _log_likelihood(known, low, high) + LEAST_GAIN


def _log_likelihood(known: Vector, low: Ends, high: Ends) -> float:
    """Return the log likelihood of numbers, some of which lie between two others, under one normal law."""
    mean, spread = float(known.mean()), max(float(known.std()), TINY)

    def law() -> TruncatedNormal:
        return TruncatedNormal(np.full(np.shape(low), mean), np.full(np.shape(low), spread), low, high)

    for _ in range(STEPS):
        means, spreads = law().moments()
        numbers = np.concatenate([known, means])
        mean = float(numbers.mean())
        spread = float(np.sqrt(np.mean((numbers - mean) ** 2) + np.sum(spreads**2) / numbers.size))
        spread = max(spread, TINY)
    exact = -0.5 * ((known - mean) / spread) ** 2 - np.log(spread) - 0.5 * np.log(2 * np.pi)
    return float(exact.sum() + law().log_shares().sum())


def _settled(
    problem: BayesianProblem, cells: CensoredCells, powers: Powers, rng: np.random.Generator
) -> CensoredCells:
    """Return the cells with the numbers that they are taken for."""
    settings = replace(problem.settings, draws=0, gaussian_draws=BRIEF)
    if powers:
        settings = replace(settings, graded=False)
    between, fit = cells.written(problem.levels, powers), None
    at = between.rows, between.columns
    before = None
    for _ in range(ROUNDS):
        written = write_powers(cells.put(problem.table), powers)
        numbers = problem.levels.encode(written) if problem.levels else written
        fit = fit_bayesian(
            numbers, settings, rng=rng, covariates=problem.covariates, before=fit, between=between
        )
        centres, spreads = (
            np.asarray(of(*at), np.float64) for of in (fit.model.scores, fit.model.standard_errors)
        )
        means, _ = TruncatedNormal(centres, spreads, between.low, between.high).moments()
        moved = np.inf if before is None else float(np.sqrt(np.mean(((means - before) / spreads) ** 2)))
        cells, before, settings = cells.valued(_read(means, cells.columns, powers)), means, fit.settings
        if fit.model.axes or moved < SETTLED:
            break
    return cells


def _read(written: Vector, columns: Indices, powers: Powers) -> Vector:
    """Return the numbers of roots and logarithms."""
    numbers = written.copy()
    for _, power, at in of_each(powers, columns):
        numbers[at] = power.read(written[at])
    return numbers
