"""Whether filled cells have settled: errors by chance of a sample of them, in their standard errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.bayes.monte_carlo import FEWEST_DRAWS, MonteCarlo
from lowland.completion.bayesian.gaussian.objective import GaussianRows
from lowland.completion.bayesian.settings import USUAL_RANK
from lowland.completion.bayesian.sweeps import BayesianFit
from lowland.completion.bayesian.table import BayesianTable
from lowland.completion.informed.layer import ColumnAloneLayer
from lowland.completion.layers.table import LayeredTable
from lowland.completion.refinement.forests import Refinement, other_columns
from lowland.completion.refinement.layer import RefinementLayer
from lowland.completion.restricted.layer import RestrictedLayer
from lowland.completion.settled.chains import another_chain, kept_draws
from lowland.completion.settled.record import Settled, with_trees
from lowland.completion.tables.fitted import FittedTable
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.running.interrupt import in_full
from lowland.core.running.stages import stage

# cells that are looked at, at most
MOST_CELLS = 2_000
CHOICES = "what hidden cells decide, which is a function of the table alone"
RESTRICTED = "columns are predicted from some of the others alone"
STARTS = "other draws than those of one more start"


@final
@dataclass(frozen=True, eq=False)
class Within:
    """The fit inside all layers, its cells, and what refines it."""

    table: BayesianTable
    rows: Indices
    columns: Indices
    refining: RefinementLayer | None
    marking: ColumnAloneLayer | None = None
    restricted: bool = False


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
    within = fit_within(fitted, rows, columns)
    if within.restricted or not within.rows.size:
        return Settled("none", left_out=(RESTRICTED if within.restricted else "no cell is missing",))
    with stage("whether filled cells have settled"):
        return in_full(lambda: _of_all(_of_fit(within, rng), within))


def fit_within(fitted: FittedTable, rows: Indices, columns: Indices) -> Within:
    """Return the fit within all layers; cells of columns that are several numbers there are several."""
    refining, marking, restricted = None, None, False
    while isinstance(fitted, LayeredTable):
        layer = fitted.model
        restricted |= isinstance(layer, RestrictedLayer)
        if isinstance(layer, ColumnAloneLayer):
            marking = layer
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
    return Within(fitted, rows, columns, refining, marking, restricted)


@final
@dataclass(frozen=True, eq=False)
class _Errors:
    """Errors by chance of cells, in standard errors, and what is said of them."""

    errors: Vector
    said: Settled


def _of_fit(within: Within, rng: np.random.Generator) -> _Errors:
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
    fit: BayesianFit, within: Within, standard_errors: Vector, said: Settled, rng: np.random.Generator
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
    state = fit.search.state  # not of a model that was read from a file
    chain = another_chain(objective, settings, rows, columns, rng, None if state is None else state.kept)
    drawn = MonteCarlo.of(chain)
    centred = (model.scores(rows, columns) - model.scaling.centres[columns]) / model.scaling.spreads[columns]
    gaps = (chain.mean(axis=(0, 1)) - centred) / np.sqrt(2)
    told = float(np.sqrt(np.mean((drawn.error / standard_errors) ** 2)))
    found = float(np.sqrt(np.mean((gaps / standard_errors) ** 2)))
    apart = found / told if told > 0 else None
    return _measured(drawn, drawn.error / standard_errors, replace(said, apart=apart), chain.shape[1])


def _measured(drawn: MonteCarlo, errors: Vector, said: Settled, draws: int) -> _Errors:
    """Return errors of averages over so many draws, and what these say of themselves."""
    least, most, typical = drawn.bulk.min(), drawn.r_hat.max(), np.median(drawn.r_hat)
    said = replace(said, r_hat=float(most), typical=float(typical), effective=float(least), draws=draws)
    return _Errors(errors, said)


def _of_all(found: _Errors, within: Within) -> Settled:
    """Return what is said with the errors of the mean over trees, where there are some."""
    if found.said.kind == "none":
        return found.said
    trees = np.zeros((0, within.rows.size))
    if within.refining is not None:
        trees = single_trees(within.refining, within.table, within.rows, within.columns)
    return with_trees(found.said, found.errors, trees)


def single_trees(layer: RefinementLayer, table: BayesianTable, rows: Indices, columns: Indices) -> Matrix:
    """Return what each tree of a cell's forest adds to it, in standard errors, shape (trees, cells).

    Zeros where a column has no forest; no trees where none has.
    """
    known, seen = layer.refinement, table.observations
    if not isinstance(known, Refinement) or not known.forests:
        return np.zeros((0, rows.size))
    assert seen is not None
    filled = (layer.row_scores(np.arange(seen.shape[0])) - known.centres) / known.spreads
    holes = (seen.to_array().astype(np.float64) - known.centres) / known.spreads
    filled = np.where(np.isnan(holes), filled, holes)
    count = min(forest.roots.size for forest in known.forests.values())
    single = np.zeros((count, rows.size))
    for j, forest in known.forests.items():
        at = np.flatnonzero(columns == j)
        if at.size:
            inputs = other_columns(filled[rows[at]], j, known.groups)
            added = [replace(forest, roots=root[None]).predict(inputs) for root in forest.roots[:count]]
            single[:, at] = known.weights[j] * known.spreads[j] * np.stack(added)
    return np.asarray(single / layer.standard_errors(rows, columns))
