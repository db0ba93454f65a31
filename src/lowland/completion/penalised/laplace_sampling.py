"""Draws of cells of a penalised fit: rows by the Laplace approximation, observations by their loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from lowland.completion.columns.losses import Columns
from lowland.completion.penalised.fit import CompletionFit
from lowland.completion.penalised.laplace_covariance import row_systems
from lowland.core.arrays import Indices, Matrix, Vector


@final
@dataclass(frozen=True, eq=False)
class RowDraws:
    """Gaussian rows around a penalised fit with several losses, with columns held fixed.

    The covariance of a row is the inverse of its curvature at the fit, with the ridge as a prior (Laplace
    approximation). The uncertainty of columns is neglected, which is accurate if they have many cells.

    Parameters
    ----------
    fit : CompletionFit
    columns : Columns
        Kinds of its columns.
    """

    fit: CompletionFit
    columns: Columns

    @cached_property
    def _rows(self) -> tuple[Matrix, Matrix]:
        """Square roots of the covariances of rows, and the column design."""
        systems, design = row_systems(self.fit.objective, self.fit.theta)
        lower = np.linalg.cholesky(systems)
        identity = np.broadcast_to(np.eye(lower.shape[1]), lower.shape)
        return np.asarray(np.linalg.solve(lower.transpose(0, 2, 1), identity)), design

    def draws(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator
    ) -> Iterator[Vector]:
        """Give draws of new observations of cells together, shape (k,) each."""
        model = self.fit.model
        natural = model.natural(rows, columns).astype(np.float64)
        roots, design = self._rows
        for _ in range(count):
            moved = np.einsum("mab,mb->ma", roots, rng.standard_normal(roots.shape[:2]))
            z = natural + np.einsum("ck,ck->c", moved[rows], design[columns])
            yield self.columns.draw(z, columns, rng)
