"""What is asked of a fit again, and of cells that were held out of it: what audits offer to tables."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from lowland.bayes.side_orders import SideOrders
from lowland.completion.tables.fitted import FittedTable
from lowland.completion.tables.trial import Trial
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations


class Request(Protocol):
    """What was asked of a fit, so that other cells can be fitted as these were."""

    @property
    def seed(self) -> int:
        """Seed that was fixed before anything was fitted."""

    @property
    def orders(self) -> SideOrders:
        """Coordinates of rows and columns."""

    @property
    def covariates(self) -> tuple[Matrix | None, Matrix | None]:
        """Covariates of rows and columns."""

    def fit(self, table: Observations, rng: np.random.Generator) -> FittedTable:
        """Return the fit of a table, with all its choices."""


class Audited(Protocol):
    """Cells that were held out of a fit of all else."""

    @property
    def held(self) -> Observations:
        """Those that stand for missing cells."""

    @property
    def trial(self) -> Trial:
        """Predictions of all cells that were held out."""

    def proving(self, level: float) -> float | None:
        """Return by what factor intervals of a level are widened so that they are proved, None if by none."""

    def intervals(
        self, rows: Indices, columns: Indices, level: float, factor: float
    ) -> tuple[Vector, Vector]:
        """Return the fit's intervals of a level, made wider; NaN of cells that no held-out ones stand for."""
