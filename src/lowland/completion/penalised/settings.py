"""Settings of a penalised completion: what to fit and when to stop."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.brief import briefly
from lowland.core.cells.observations import Observations

if TYPE_CHECKING:
    from lowland.completion.columns.losses import Columns

BIASES = ("row", "column", "global")
PENALTY_WEIGHTS = ("uniform", "counts")


@briefly
@final
@dataclass(frozen=True, kw_only=True)
class CompletionSettings:
    """What to fit and when to stop.

    Parameters
    ----------
    rank : int
    biases : bool
        Whether row, column and global biases are free.
    penalty : float
        Weight of the nuclear norm of the low-rank part.
    tolerance : float
        Sweeps stop once the objective falls by less than this fraction of itself.
    max_iterations : int
        Maximum number of sweeps.
    bias_penalty : float
        Ridge penalty on row and column biases.
    penalty_weights : {"uniform", "counts"}
        Whether both penalties weight all rows and columns alike, or each by its number of observed cells
        over the mean number.
    columns : Columns, optional
        Kinds of the columns, if losses are not all squared.
    nonnegative : bool
        Whether factors must be nonnegative; there are then no biases.
    unlisted_weight : float
        Weight of each cell that is not listed; 0 if these cells are missing.
    unlisted : float
        What such cells count as.
    """

    rank: int
    biases: bool = True
    penalty: float = 1.0
    tolerance: float = 1e-6
    max_iterations: int = 500
    bias_penalty: float = 0.0
    penalty_weights: str = "uniform"
    columns: Columns | None = None
    nonnegative: bool = False
    unlisted_weight: float = 0.0
    unlisted: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain data, without the kinds of columns."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "columns"}


def mean_counts(observations: Observations) -> tuple[float, float]:
    """Return the mean numbers of observed cells per row and per column."""
    m, n = observations.shape
    return observations.size / m, observations.size / n


def side_weights(table: Observations, kind: str, units: tuple[float, float]) -> tuple[Vector, Vector] | None:
    """Return the weights of rows and columns in the penalties; empty ones count as if they had one cell."""
    if kind != "counts":
        return None
    counts = (table.row_counts(), table.column_counts())
    rows, columns = (np.maximum(c, 1) / unit for c, unit in zip(counts, units, strict=True))
    return rows, columns


def row_weights(table: Observations) -> Vector:
    """Return the mean weight of each row's cells; for empty rows, the mean over all cells."""
    if table.weights is None:
        return np.ones(table.shape[0])
    counts = table.row_counts()
    sums = np.bincount(table.rows, table.weights.astype(np.float64), minlength=table.shape[0])
    means: Vector = np.where(counts > 0, sums / np.maximum(counts, 1), np.mean(table.weights))
    return means
