"""The fitted model of a completion: what predicts, folds new rows in and goes into a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.observations import Labels, Observations
from lowland.core.records import Factors
from lowland.measure import Entries
from lowland.models import General
from lowland.objectives import RecoveryObjective, make_objective
from lowland.systems.completion_settings import BIASES, CompletionSettings, mean_counts, side_weights
from lowland.systems.table_labels import TableLabels


@final
@dataclass(frozen=True, eq=False)
class CompletionModel:
    """Factors, biases and labels: all that is needed to predict.

    Parameters
    ----------
    row_factors : ndarray, shape (m, r)
    column_factors : ndarray, shape (n, r)
    row_biases : ndarray, shape (m,)
    column_biases : ndarray, shape (n,)
    offset : float
    penalty : float
        Needed to fold new rows in, like the next three.
    biases : bool
    row_labels, column_labels : ndarray or None
    bias_penalty : float
    penalty_weights : {"uniform", "counts"}
    unit : float
        Observed cells of a row whose penalty counts once.
    """

    row_factors: Matrix
    column_factors: Matrix
    row_biases: Vector
    column_biases: Vector
    offset: float
    penalty: float
    biases: bool
    row_labels: Labels | None = None
    column_labels: Labels | None = None
    bias_penalty: float = 0.0
    penalty_weights: str = "uniform"
    unit: float = 1.0

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the table."""
        return self.row_factors.shape[0], self.column_factors.shape[0]

    @property
    def rank(self) -> int:
        """Number of factors."""
        return int(self.row_factors.shape[1])

    def factors(self) -> tuple[Matrix, Matrix]:
        """Return U and V."""
        return self.row_factors, self.column_factors

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions for pairs of positions, O(r) each."""
        low_rank = Factors(self.row_factors, self.column_factors).at(rows, columns)
        return (
            low_rank
            + self.row_biases[rows]
            + self.column_biases[columns]
            + self.row_biases.dtype.type(self.offset)
        )

    def scores(self, rows: Indices, columns: Indices) -> Vector:
        """Return what columns of a row are ranked by: the predictions."""
        return self.predict(rows, columns)

    def matrix(self) -> Matrix:
        """Return all predictions, shape (m, n)."""
        low_rank: Matrix = self.row_factors @ self.column_factors.T
        biases = self.row_biases[:, None] + self.column_biases + low_rank.dtype.type(self.offset)
        return np.asarray(low_rank + biases)

    @property
    def labels(self) -> TableLabels:
        """Names of rows and columns."""
        return TableLabels(self.shape, self.row_labels, self.column_labels)

    def complete(self, table: Observations) -> Matrix:
        """Return predictions of all cells of the rows of another table, folded in, shape (k, n)."""
        u, a = self.fold_in(table)
        rows: Matrix = u @ self.column_factors.T + a[:, None]
        return np.asarray(rows + self.column_biases + rows.dtype.type(self.offset))

    def fold_in(self, table: Observations) -> tuple[Matrix, Vector]:
        """Return factors and biases of the rows of another table with the same columns."""
        model = General(table.shape, self.row_factors.shape[1], BIASES if self.biases else ())
        entries = Entries(table.rows, table.columns, table.shape)
        objective = make_objective(
            entries,
            table.values.astype(self.row_factors.dtype),
            model,
            weights=table.weights,
            ridge=self.penalty,
            bias_ridge=self.bias_penalty,
            side_weights=side_weights(table, self.penalty_weights, (self.unit, 1.0)),
        )
        blank = np.zeros((table.shape[0], model.rank), self.row_factors.dtype)
        theta = model.pack(
            blank, self.column_factors, np.zeros(table.shape[0], blank.dtype), self.column_biases, self.offset
        )
        solver = objective.block_solver
        if solver is None:
            raise InvalidInputError("rows cannot be folded in", "no block solver")
        u, _, a, _, _ = model.unpack(solver.solve(theta, "rows"))
        return u, a


def model_of(
    objective: RecoveryObjective, theta: Vector, observations: Observations, settings: CompletionSettings
) -> CompletionModel:
    """Return the predicting model of a point."""
    general = objective.model
    if not isinstance(general, General):
        raise InvalidInputError("only general matrices complete a table", general.name)
    u, v, a, b, c = general.unpack(theta)
    return CompletionModel(
        u.copy(),
        v.copy(),
        a.copy(),
        b.copy(),
        c,
        objective.ridge,
        bool(general.biases),
        observations.row_labels,
        observations.column_labels,
        settings.bias_penalty,
        settings.penalty_weights,
        mean_counts(observations)[0],
    )


def extended_point(model: CompletionModel, objective: RecoveryObjective) -> Vector:
    """Return a model as a point of an objective of a rank, and a table, at least as large.

    Rows, columns and factors beyond the model's are zero.
    """
    general = objective.model
    if not isinstance(general, General):
        raise InvalidInputError("only general matrices complete a table", general.name)
    (m, n), r = model.shape, model.row_factors.shape[1]
    u, v = (np.zeros((length, general.rank), objective.dtype) for length in general.shape)
    a, b = (np.zeros(length, objective.dtype) for length in general.shape)
    u[:m, :r], v[:n, :r], a[:m], b[:n] = (
        model.row_factors,
        model.column_factors,
        model.row_biases,
        model.column_biases,
    )
    return general.pack(u, v, a, b, model.offset)
