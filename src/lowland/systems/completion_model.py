"""The fitted model of a completion: what predicts, folds new rows in and goes into a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.core.arrays import Indices, Matrix, Vector, check_positions
from lowland.core.errors import InvalidInputError
from lowland.core.labels import find_labels
from lowland.core.observations import Labels, Observations
from lowland.core.records import Factors
from lowland.measure import Entries
from lowland.models import General
from lowland.objectives import RecoveryObjective, make_objective
from lowland.systems.completion_settings import BIASES, CompletionSettings, mean_counts, side_weights


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

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions for pairs of positions, O(r) each."""
        low_rank = Factors(self.row_factors, self.column_factors).at(rows, columns)
        return (
            low_rank
            + self.row_biases[rows]
            + self.column_biases[columns]
            + self.row_biases.dtype.type(self.offset)
        )

    def matrix(self) -> Matrix:
        """Return all predictions, shape (m, n)."""
        low_rank: Matrix = self.row_factors @ self.column_factors.T
        biases = self.row_biases[:, None] + self.column_biases + low_rank.dtype.type(self.offset)
        return np.asarray(low_rank + biases)

    def positions(self, labels: ArrayLike, axis: int) -> Indices:
        """Return the positions of row (axis 0) or column (axis 1) labels.

        Where the table had no labels, positions are returned as they are, checked.

        Raises
        ------
        InvalidInputError
            If a label is not in the model.
        """
        name = ("row", "column")[axis]
        known = (self.row_labels, self.column_labels)[axis]
        if known is None:
            return check_positions(labels, f"{name}s", below=self.shape[axis])
        return find_labels(labels, known, name)

    def align(self, table: Observations, *, rows: bool) -> Observations:
        """Return a table with its labels replaced by this model's positions, where both have labels.

        Parameters
        ----------
        table : Observations
        rows : bool
            Whether rows are aligned too; otherwise they stay new rows.
        """
        if table.column_labels is not None and self.column_labels is not None:
            columns = self.positions(table.column_labels, 1)[table.columns]
            shape = (table.shape[0], self.shape[1])
            table = replace(table, columns=columns, shape=shape, column_labels=self.column_labels)
        if rows and table.row_labels is not None and self.row_labels is not None:
            positions = self.positions(table.row_labels, 0)[table.rows]
            shape = (self.shape[0], table.shape[1])
            table = replace(table, rows=positions, shape=shape, row_labels=self.row_labels)
        return table

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


def model_arrays(model: CompletionModel) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return a model as plain data and arrays, for a file."""
    arrays = {
        "row_factors": model.row_factors,
        "column_factors": model.column_factors,
        "row_biases": model.row_biases,
        "column_biases": model.column_biases,
    }
    for name, labels in (("row_labels", model.row_labels), ("column_labels", model.column_labels)):
        if labels is not None:
            arrays[name] = labels
    names = ("offset", "penalty", "biases", "bias_penalty", "penalty_weights", "unit")
    return {name: getattr(model, name) for name in names}, arrays


def model_from_arrays(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> CompletionModel:
    """Return the model that `model_arrays` took apart."""
    return CompletionModel(
        arrays["row_factors"],
        arrays["column_factors"],
        arrays["row_biases"],
        arrays["column_biases"],
        float(header["offset"]),
        float(header["penalty"]),
        bool(header["biases"]),
        arrays.get("row_labels"),
        arrays.get("column_labels"),
        float(header.get("bias_penalty", 0.0)),
        str(header.get("penalty_weights", "uniform")),
        float(header.get("unit", 1.0)),
    )
