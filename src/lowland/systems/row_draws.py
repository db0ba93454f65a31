"""Draws of cells of a penalised fit: rows vary as curvature allows, observations as their loss says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from lowland.core.arrays import Indices, Matrix
from lowland.systems.columns import Columns
from lowland.systems.completion import CompletionFit
from lowland.systems.row_spread import row_systems


@final
@dataclass(frozen=True, eq=False)
class RowDraws:
    """Gaussian rows around a penalised fit of columns of several kinds, columns held fixed.

    A row's covariance is the inverse of its curvature at the fit, the ridge read as a prior (Laplace's
    approximation). What columns leave open is left out: right where they have many cells.

    Parameters
    ----------
    fit : CompletionFit
        Of losses that are not all squared.
    columns : Columns
    """

    fit: CompletionFit
    columns: Columns

    @cached_property
    def _roots(self) -> Matrix:
        """Matrices whose products with normals have the rows' covariances, shape (m, k, k)."""
        systems, _ = row_systems(self.fit.objective, self.fit.theta)
        lower = np.linalg.cholesky(systems)
        identity = np.broadcast_to(np.eye(lower.shape[1]), lower.shape)
        return np.asarray(np.linalg.solve(lower.transpose(0, 2, 1), identity))

    def sample(self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator) -> Matrix:
        """Return draws of new observations of cells together, shape (count, k)."""
        model = self.fit.model
        natural = model.natural(rows, columns).astype(np.float64)
        design = self.design[columns]
        out = np.empty((count, rows.size))
        for k in range(count):
            normals = rng.standard_normal(self._roots.shape[:2])
            moved = np.einsum("mab,mb->ma", self._roots, normals)
            z = natural + np.einsum("ck,ck->c", moved[rows], design)
            out[k] = self.columns.draw(z, columns, rng)
        return out

    @cached_property
    def design(self) -> Matrix:
        """What a row is multiplied by in each column: its factors, and one for the row's bias."""
        _, design = row_systems(self.fit.objective, self.fit.theta)
        return design
