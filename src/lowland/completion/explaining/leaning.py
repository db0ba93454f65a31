"""How a prediction leans on the known cells of its row, given the columns or the covariance.

Given the other side's factors a row is the solution of a ridge regression, and given the mean and covariance
of a Gaussian it is a conditional mean: both are linear in the known cells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.bayes.products import product_means
from lowland.bayes.side_prior import unpack_lower
from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.bounded.from_zero import FromZeroLayer
from lowland.completion.bounded.layer import BoundedLayer
from lowland.completion.encoded.level_model import LevelLayer
from lowland.completion.encoded.power_model import PowerLayer
from lowland.completion.informed.layer import ColumnAloneLayer
from lowland.completion.penalised.model import CompletionModel
from lowland.completion.penalised.settings import side_weights
from lowland.completion.refinement.layer import RefinementLayer
from lowland.completion.restricted.layer import RestrictedLayer, gaussian_of
from lowland.completion.row_units.layer import RowUnitsLayer
from lowland.completion.tables.model import TableModel
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.core.wording import Option, Remedy, Words


@final
@dataclass(frozen=True, eq=False)
class Leaning:
    """What the prediction of a cell is made of, in the unit in which its column is fitted.

    Parameters
    ----------
    score : float
        The prediction: the sum of the intercept, the contributions and what is not linear in the cells.
    intercept : float
        What is predicted if each known cell holds what is usual in its column.
    contributions : ndarray, shape (n,)
        By column; zero where the row has no known cell.
    unit : str
        Empty if the column is fitted as it is.
    level : int or None
        The level whose score is predicted, a number near 1 where it is likely, and near 0 where it is not.
    probability : float or None
        Of this level.
    """

    score: float
    intercept: float
    contributions: Vector
    unit: str = ""
    level: int | None = None
    probability: float | None = None


def lean(model: TableModel, row: Observations, at: int, column: int) -> Leaning:
    """Return what a prediction is made of.

    Parameters
    ----------
    model : TableModel
    row : Observations
        The known cells of one row, shape (1, n).
    at : int
        Its place among the rows of the model.
    column : int

    Raises
    ------
    UnsupportedError
        If predictions are not linear in the known cells.
    """
    if isinstance(model, BoundedLayer | FromZeroLayer):
        return lean(model.base, row, at, column)
    if isinstance(model, PowerLayer):
        inner = lean(model.base, model.apply(row), at, column)
        power = model.powers.get(column)
        return inner if power is None else replace(inner, unit=power.name)
    if isinstance(model, RowUnitsLayer):
        return _of_units(model, row, at, column)
    if isinstance(model, LevelLayer):
        return _of_levels(model, row, at, column)
    if isinstance(model, ColumnAloneLayer):
        if not model.alone[at, column]:
            return lean(model.base, row, at, column)
        centre = float(model.scores(np.array([at]), np.array([column]))[0])
        return Leaning(centre, centre, np.zeros(model.shape[1]))
    inner_model = model.base if isinstance(model, RefinementLayer) else model
    if isinstance(inner_model, RestrictedLayer):
        leaning = _of_restricted(inner_model, row, at, column)
    elif isinstance(inner_model, PosteriorModel):
        leaning = _of_posterior(inner_model, row, at, column)
    elif isinstance(inner_model, CompletionModel):
        leaning = _of_penalised(inner_model, row, at, column)
    else:
        raise AssertionError(type(inner_model).__name__)
    score = model.scores(np.array([at]), np.array([column]))[0]
    return replace(leaning, score=float(score))


def _of_units(model: RowUnitsLayer, row: Observations, at: int, column: int) -> Leaning:
    """Return the same in the unit of the table, given the unit of the row."""
    inner = lean(model.base, model.apply(row), at, column)
    if model.losses is not None and not model.losses.numbers[column]:
        return inner
    centre, spread = model.units.centres[at], model.units.spreads[at]
    return replace(
        inner,
        score=centre + spread * inner.score,
        intercept=centre + spread * inner.intercept,
        contributions=spread * inner.contributions,
    )


def _of_levels(model: LevelLayer, row: Observations, at: int, column: int) -> Leaning:
    """Return the same of a table whose levels are numbers: of a level without an order, of its score."""
    levels, place = model.levels, int(model.levels.starts[column])
    kind, level, chance = levels.kinds.get(column), None, None
    if kind is not None and not kind.ordered:
        chances = model.probabilities(np.array([at]), column)[0]
        level, chance = int(chances.argmax()), float(chances.max())
        place += level
    inner = lean(model.base, model.apply(row), at, place)
    unit = "" if kind is None else "normal score of its levels" if kind.ordered else "score of a level"
    together = _by_column(inner.contributions, levels.groups, levels.width)
    return replace(inner, contributions=together, unit=unit, level=level, probability=chance)


def _of_posterior(model: PosteriorModel, row: Observations, at: int, column: int) -> Leaning:
    """Return the same of a row with a Gaussian prior, given the moments of columns, or their axes."""
    scaling, columns, r = model.scaling, row.columns, model.rank
    means = model.columns.means.astype(np.float64)
    design, biases = (
        np.hstack([means[:, :r], np.ones((len(means), int(model.biased)))]),
        means[:, r:].sum(axis=1),
    )
    given = 1.0 if row.weights is None else row.weights.astype(np.float64)
    weights = model.noise_precision * model.column_precisions[columns].astype(np.float64) * given
    x = design[columns]
    system = model.row_prior.precision + (x * weights[:, None]).T @ x
    if not model.axes:
        spread = unpack_lower(model.columns.covariances[columns].astype(np.float64), design.shape[1])
        system[:r, :r] += np.einsum("k,kab->ab", weights, spread[:, :r, :r])
    slopes = np.linalg.solve(system, design[column]) @ x.T * weights
    usual = scaling.centres[columns] + scaling.spreads[columns] * biases[columns]
    moved = scaling.spreads[column] * slopes * (row.values - usual) / scaling.spreads[columns]
    cell = np.array([at]), np.array([column])
    if model.axes:  # whose means of the fit are averages over draws
        prior = model.row_prior.coefficients[0].astype(np.float64)
        level = np.linalg.solve(system, design[column]) @ (model.row_prior.precision @ prior)
        intercept = scaling.centres[column] + scaling.spreads[column] * level
    else:
        whole = scaling.undo(product_means(model.rows.means, model.columns.means, cell, r), cell[1])[0]
        intercept = whole - moved.sum()
    return Leaning(0.0, float(intercept), _by_column(moved, columns, len(means)))


def _of_restricted(model: RestrictedLayer, row: Observations, at: int, column: int) -> Leaning:
    """Return the same of a Gaussian whose columns are predicted from some of the others."""
    mine = row.select(model.allowed[column, row.columns])
    if model.allowed[column].all():
        return _of_posterior(model.base, row, at, column)
    gaussian, scaling, columns = gaussian_of(model.base), model.base.scaling, mine.columns
    slopes = gaussian.slopes(columns, np.array([column]))[0][:, 0]
    scaled = (mine.values - scaling.centres[columns]) / scaling.spreads[columns]
    level = gaussian.mean[column] - slopes @ gaussian.mean[columns]
    moved = scaling.spreads[column] * slopes * scaled
    intercept = scaling.centres[column] + scaling.spreads[column] * level
    return Leaning(0.0, float(intercept), _by_column(moved, columns, model.shape[1]))


def _of_penalised(model: CompletionModel, row: Observations, at: int, column: int) -> Leaning:
    """Return the same of a ridge regression on the factors of columns."""
    if model.losses is not None or model.nonnegative:
        raise UnsupportedError(
            "explanations need predictions that are linear in the known cells of a row",
            "losses that are not all squared" if model.losses is not None else "nonnegative factors",
            fix=Remedy(
                Words("fit with ", Option("method", "variational", "gaussian")),
                "with squared losses and factors of any sign",
            ),
        )
    factors, columns = model.column_factors.astype(np.float64), row.columns
    design = np.hstack([factors, np.ones((len(factors), int(model.biases)))])
    weights = np.ones(columns.size) if row.weights is None else row.weights.astype(np.float64)
    ridge = np.full(design.shape[1], model.penalty)
    ridge[model.rank :] = model.bias_penalty
    sides = side_weights(row, model.penalty_weights, (model.unit, 1.0))
    ridge *= 1.0 if sides is None else sides[0][0]
    x = design[columns]
    system: Matrix = (x * (weights - model.unlisted_weight)[:, None]).T @ x + np.diag(ridge)
    if model.unlisted_weight:  # all columns that the row does not list pull towards what they count as
        system += model.unlisted_weight * design.T @ design
    slopes = np.linalg.pinv(system, hermitian=True) @ design[column] @ x.T * weights
    moved = slopes * (row.values - model.column_biases[columns] - model.offset)
    whole = model.natural(np.array([at]), np.array([column]))[0]
    return Leaning(0.0, float(whole - moved.sum()), _by_column(moved, columns, len(factors)))


def _by_column(parts: Vector, columns: Indices, width: int) -> Vector:
    out = np.zeros(width)
    np.add.at(out, columns, parts)
    return out
