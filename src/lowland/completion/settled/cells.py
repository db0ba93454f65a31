"""Whether filled cells have settled: errors by chance of a sample of them, in their standard errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.completion.bayesian.gaussian.objective import GaussianRows
from lowland.completion.bayesian.settings import USUAL_RANK
from lowland.completion.bayesian.sweeps import BayesianFit
from lowland.completion.bayesian.table import BayesianTable
from lowland.completion.layers.table import LayeredTable
from lowland.completion.refinement.forests import Refinement, other_columns
from lowland.completion.refinement.layer import RefinementLayer
from lowland.completion.restricted.layer import RestrictedLayer
from lowland.completion.settled.chains import another_chain, kept_draws
from lowland.completion.settled.monte_carlo import FEWEST_DRAWS, MonteCarlo
from lowland.completion.settled.record import SMALL, Settled, error_quantile, needed
from lowland.completion.tables.fitted import FittedTable
from lowland.core.arrays import Indices, Vector
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.running.interrupt import in_full
from lowland.core.running.stages import stage

# cells that are looked at, at most
MOST_CELLS = 2_000
CHOICES = "what hidden cells decide, which is a function of the table alone"
STARTS = "other draws than those of one more start"


@final
@dataclass(frozen=True, eq=False)
class _Within:
    """The fit inside all layers, its cells, and what refines it."""

    table: BayesianTable
    rows: Indices
    columns: Indices
    refining: RefinementLayer | None
    reason: str = ""


def settled_cells(fitted: FittedTable, rows: Indices, columns: Indices, rng: np.random.Generator) -> Settled:
    """Return how far averages of filled cells still move by chance.

    Parameters
    ----------
    fitted : FittedTable
        A Bayesian fit, with its data.
    rows, columns : ndarray of int, shape (k,)
        Positions of missing cells, of which at most 2,000 are drawn.
    rng : numpy.random.Generator

    Returns
    -------
    Settled
        In the units in which the fit within all layers works: powers, levels, and units of rows change an
        error and the standard error alike.

    Raises
    ------
    InvalidInputError
        If rows and columns are not as long.
    UnsupportedError
        If the fit is no average, or its data are not known.

    Notes
    -----
    A Gaussian of any covariance is drawn by a second chain, from a dispersed start, which costs the fit
    again: the fit keeps no single conditional means, only their sum. Factors by "gibbs" have kept their
    draws, and cost nothing. Factors by "variational" are fitted again from another start, at the cost of the
    fit; where they grow one by one, that start differs in the factors that the data do not hold alone. Trees
    of forests count by their own spread. What is chosen by hidden cells counts as part of the model.
    """
    if rows.shape != columns.shape:
        raise InvalidInputError(
            "rows and columns must be equally long", f"lengths {rows.size} and {columns.size}"
        )
    if rows.size > MOST_CELLS:
        some = np.sort(rng.choice(rows.size, MOST_CELLS, replace=False))
        rows, columns = rows[some], columns[some]
    within = _within(fitted, rows, columns)
    if within.reason or not within.rows.size:
        return Settled("none", left_out=(within.reason or "no cell is missing",))
    with stage("whether filled cells have settled"):
        return in_full(lambda: _with_trees(_of_fit(within, rng), within))


def _within(fitted: FittedTable, rows: Indices, columns: Indices) -> _Within:
    """Return the fit within all layers."""
    refining, reason = None, ""
    while isinstance(fitted, LayeredTable):
        layer = fitted.model
        if isinstance(layer, RestrictedLayer):
            reason = "columns are predicted from some of the others alone"
        if isinstance(layer, RefinementLayer):
            refining = layer
        parts = [layer.columns_within(columns[k : k + 1]) for k in range(columns.size)]
        rows = np.repeat(rows, [part.size for part in parts])
        columns = np.concatenate(parts) if parts else columns
        fitted = fitted.base
    if not isinstance(fitted, BayesianTable):
        raise UnsupportedError(
            "only averages over a posterior settle", f'method "{fitted.method}"', fix="ask a Bayesian fit"
        )
    return _Within(fitted, rows, columns, refining, reason)


@final
@dataclass(frozen=True, eq=False)
class _Errors:
    """Errors by chance of cells, in standard errors, and what is said of them."""

    errors: Vector
    said: Settled


def _of_fit(within: _Within, rng: np.random.Generator) -> _Errors:
    """Return the errors of the fit within."""
    table, rows, columns = within.table, within.rows, within.columns
    fit, model = table.known("another chain"), table.model
    spreads = model.scaling.spreads[columns]
    standard_errors = model.standard_errors(rows, columns) / spreads
    said = Settled("draws", rows.size, left_out=(CHOICES,))
    if model.axes:
        return _of_gaussian(fit, within, standard_errors, said, rng)
    if len(model.row_draws) >= FEWEST_DRAWS:
        drawn = MonteCarlo.of(kept_draws(model, rows, columns))
        return _measured(drawn, drawn.error / standard_errors, said, len(model.row_draws))
    again = table.refit(fit.observations, rng)
    moved = np.abs(again.scores(rows, columns) - model.scores(rows, columns)) / spreads / np.sqrt(2)
    said = replace(said, kind="starts", left_out=(CHOICES, STARTS))
    return _Errors(moved / standard_errors, said)


def _of_gaussian(
    fit: BayesianFit, within: _Within, standard_errors: Vector, said: Settled, rng: np.random.Generator
) -> _Errors:
    """Return the errors of a Gaussian's conditional means, from a chain of its own."""
    objective, settings = fit.objective, fit.settings
    assert isinstance(objective, GaussianRows)
    rows, columns, model = within.rows, within.columns, within.table.model
    plain = len(objective.roots) == 1 and objective.roots[0] is None
    if plain and (model.shape[1] > USUAL_RANK or settings.column_places is not None):
        # as read from a file, which does not hold what the mean of the covariance's prior may be
        reason = "a model that was read from a file does not hold the prior of its chain"
        return _Errors(np.zeros(0), Settled("none", left_out=(reason,)))
    chain = another_chain(objective, settings, rows, columns, rng)
    drawn = MonteCarlo.of(chain)
    centred = (model.scores(rows, columns) - model.scaling.centres[columns]) / model.scaling.spreads[columns]
    gaps = (chain.mean(axis=(0, 1)) - centred) / np.sqrt(2)
    told = float(np.sqrt(np.mean((drawn.error / standard_errors) ** 2)))
    found = float(np.sqrt(np.mean((gaps / standard_errors) ** 2)))
    apart = found / told if told > 0 else None
    return _measured(drawn, drawn.error / standard_errors, replace(said, apart=apart), chain.shape[1])


def _measured(drawn: MonteCarlo, errors: Vector, said: Settled, draws: int) -> _Errors:
    """Return errors of averages over so many draws, and what these say of themselves."""
    least, most = float(drawn.bulk.min()), float(drawn.r_hat.max())
    return _Errors(
        errors,
        replace(said, r_hat=most, effective=least, draws=draws),
    )


def _with_trees(found: _Errors, within: _Within) -> Settled:
    """Return what is said with the errors of the mean over trees, where there are some."""
    said, errors = found.said, found.errors
    if said.kind == "none":
        return said
    trees = 0
    spread: Vector = np.zeros(errors.size)
    if within.refining is not None and isinstance(within.refining.refinement, Refinement):
        trees, spread = _of_trees(within.refining, within.table, within.rows, within.columns)
    whole = np.asarray(np.hypot(errors, spread), np.float64)
    said = replace(
        said,
        share=float(np.mean(whole < SMALL)),
        worst=error_quantile(whole),
        draws_needed=said.draws,
        trees=trees,
        trees_needed=trees,
    )
    if said.worst < SMALL:
        return said
    goal = SMALL / np.sqrt(2) if trees and said.draws else SMALL  # both have their part
    return replace(
        said, draws_needed=needed(said.draws, errors, goal), trees_needed=needed(trees, spread, goal)
    )


def _of_trees(
    layer: RefinementLayer, table: BayesianTable, rows: Indices, columns: Indices
) -> tuple[int, Vector]:
    """Return how many trees a forest has, and the errors of their means at cells in standard errors."""
    known, seen = layer.refinement, table.observations
    assert isinstance(known, Refinement)
    assert seen is not None
    filled = (layer.row_scores(np.arange(seen.shape[0])) - known.centres) / known.spreads
    holes = (seen.to_array().astype(np.float64) - known.centres) / known.spreads
    filled = np.where(np.isnan(holes), filled, holes)
    errors, count = np.zeros(rows.size), 0
    for j, forest in known.forests.items():
        at = np.flatnonzero(columns == j)
        count = max(count, forest.roots.size)
        if at.size:
            inputs = other_columns(filled[rows[at]], j, known.groups)
            single = [replace(forest, roots=root[None]).predict(inputs) for root in forest.roots]
            spread = np.std(single, axis=0, ddof=1) / np.sqrt(forest.roots.size)
            errors[at] = known.weights[j] * known.spreads[j] * spread
    return count, errors / layer.standard_errors(rows, columns)
