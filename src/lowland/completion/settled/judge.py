"""The claim `settled`: whether chance still moves filled cells, by the draws that the fit has averaged."""

from __future__ import annotations

from time import perf_counter
from typing import Any, TypeAlias

import numpy as np

from lowland.bayes.monte_carlo import SMALL, Draws
from lowland.completion.bayesian.gaussian.objective import GaussianRows
from lowland.completion.bayesian.gaussian.watched import watched_cells
from lowland.completion.bayesian.table import BayesianTable
from lowland.completion.informed.layer import known_cells
from lowland.completion.settled.cells import Within, fit_within, single_trees
from lowland.completion.settled.chains import kept_draws
from lowland.completion.settled.evidence import DIGITS, Evidence, enough_draws, in_short
from lowland.completion.settled.record import Settled
from lowland.completion.tables.fitted import FittedTable
from lowland.core.arrays import Indices
from lowland.core.results.findings import Finding, undecided
from lowland.core.results.reasons import Reason, because
from lowland.core.results.status import Rigour

# cells of tables up to which the pattern is formed, as by audits
FORMED = 20_000_000
# the kind of draws, their cells, and themselves
Found: TypeAlias = tuple[str, Indices, Indices, Draws]
# farthest that a draw is said to be from the mean, in standard errors: of columns that hardly vary
FARTHEST = 1e6


def settled(fitted: FittedTable, *, another: np.random.Generator | None = None) -> Finding:
    """Return whether chance of the search moves filled cells by less than a twentieth of a standard error.

    Of 99 % of at most 200 missing cells the Monte Carlo error must be so small: that of averages over the
    draws that the fit itself has made, by their autocorrelations, and over the trees of forests. Without
    draws, half of the squared difference to a fit from another start takes its place.

    Parameters
    ----------
    fitted : FittedTable
        An average over a posterior.
    another : numpy.random.Generator, optional
        For a fit from another start by the same settings, where there are no draws: as costly as the fit.

    Notes
    -----
    It is about the chance of the search alone, and SUPPORTED at most: draws that have missed a part of the
    posterior altogether do not show it. Costs some sorts of 100 numbers per cell, where the fit has draws.

    References
    ----------
    A. Vehtari, A. Gelman, D. Simpson, B. Carpenter, P.-C. Bürkner, Rank-normalization, folding, and
    localization: an improved R-hat, Bayesian Analysis 2021. C. J. Geyer, Practical Markov chain Monte Carlo,
    Statistical Science 1992.
    """
    began, evidence = perf_counter(), evidence_of(fitted, another=another)
    if not isinstance(evidence, Evidence):
        limit = "work" if evidence == "starts_not_compared" else ""
        return undecided("settled", because(evidence), limit)
    found = evidence.found
    return Finding(
        "settled",
        found.verdict,
        value=found.worst,
        bound=SMALL,
        rigour=Rigour.ESTIMATE,
        seconds=perf_counter() - began,
        witness=_numbers(found),
        reason=_reason(found),
    )


def evidence_of(fitted: FittedTable, *, another: np.random.Generator | None = None) -> Evidence | str:
    """Return draws of filled cells, or the code of a sentence that says why there are none.

    Draws of the fit are a function of it, so that they can be asked for again.
    """
    seen = fitted.observations
    if seen is None:
        return "draws_not_kept"
    (m, n) = seen.shape
    if seen.size == m * n:
        return "none_missing"
    within = fit_within(fitted, np.arange(n), np.arange(n))
    if within.restricted:
        return "some_columns_alone"
    if m * n > FORMED:
        return "too_large_to_look"
    owners = np.empty(within.columns.size, np.intp)
    owners[within.columns] = within.rows
    found = _draws(within, another)
    if isinstance(found, str):
        return found
    kind, averaged, rows, columns, draws = found
    return Evidence(
        kind=kind,
        rows=rows,
        columns=owners[columns],
        draws=draws,
        trees=_trees(within, rows, columns),
        averaged=averaged,
        in_parts=owners.size != n,
    )


def _draws(
    within: Within, another: np.random.Generator | None
) -> str | tuple[str, int, Indices, Indices, Any]:
    """Return the kind of draws, how many are averaged, their cells and themselves, or why there are none."""
    table, model = within.table, within.table.model
    found = _of_chain(table) if model.axes else _of_factors(table, another)
    if isinstance(found, str):
        return found
    kind, rows, columns, draws = found
    if kind == "draws" and not enough_draws(draws):
        return "few_draws"
    errors = model.standard_errors(rows, columns) / model.scaling.spreads[columns]
    centred = draws - draws.mean(axis=(0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(centred == 0, 0.0, centred / errors)
    ratios = np.clip(ratios, -FARTHEST, FARTHEST)
    if within.marking is not None:  # predicted by their column, whatever is drawn
        ratios[:, :, within.marking.alone[rows, columns]] = 0.0
    return kind, draws.shape[1] if kind == "draws" else 0, rows, columns, in_short(ratios)


def _of_chain(table: BayesianTable) -> Found | str:
    """Return the conditional means along the chain of a Gaussian."""
    fit = table.fit
    if fit is None or not isinstance(fit.objective, GaussianRows) or fit.search.state is None:
        return "draws_not_kept"
    return "draws", *fit.objective.watched, fit.search.state.watched[None]


def _of_factors(table: BayesianTable, another: np.random.Generator | None) -> Found | str:
    """Return the kept draws of factors, or two starts."""
    seen, model = table.observations, table.model
    if seen is None:
        return "draws_not_kept"
    cells = watched_cells(known_cells(seen))
    if len(model.row_draws):
        return "draws", *cells, kept_draws(model, *cells)
    if another is None:
        return "starts_not_compared"
    both = [each.scores(*cells) for each in (model, table.refit(seen, another))]
    return "starts", *cells, np.stack(both)[None].astype(np.float64) / model.scaling.spreads[cells[1]]


def _trees(within: Within, rows: Indices, columns: Indices) -> Any:
    """Return what each tree adds to cells, less its mean."""
    if within.refining is None:
        return np.zeros((0, rows.size))
    trees = single_trees(within.refining, within.table, rows, columns)
    if not len(trees):
        return trees
    trees = np.round(trees - trees.mean(axis=0), DIGITS) + 0.0
    if within.marking is not None:
        trees[:, within.marking.alone[rows, columns]] = 0.0
    return trees


def _numbers(found: Settled) -> dict[str, Any]:
    """Return the numbers of a finding; those of chains where there is one."""
    numbers: dict[str, Any] = {"cells": found.cells, "share": found.share}
    if found.kind == "draws":
        numbers |= {
            "r_hat": found.r_hat,
            "typical_r_hat": found.typical,
            "effective": found.effective,
            "draws": found.draws,
            "draws_needed": found.draws_needed,
        }
    if found.trees:
        numbers |= {"trees": found.trees, "trees_needed": found.trees_needed}
    return numbers


def _reason(found: Settled) -> Reason:
    """Return what was found, what it would take, and what it is about."""
    reason = because("chance_moves", share=found.share, cells=found.cells)
    if found.kind == "starts":
        reason = because("start_moves", share=found.share, cells=found.cells)
    if not found.mixed:
        reason += because("halves_apart")
    if found.draws_needed > found.draws:
        reason += because("draws_would_do", needed=found.draws_needed, given=found.draws)
    if found.trees_needed > found.trees:
        reason += because("trees_would_do", needed=found.trees_needed, given=found.trees)
    return reason + because("chance_alone")
