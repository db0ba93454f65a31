"""The layer of cells of which no more is known than their column: predicted by its mean and spread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self, final

import numpy as np
from numpy.typing import NDArray

from lowland.cells.labels import TableLabels
from lowland.completion.informed.laws import ColumnLaws, joint_columns
from lowland.completion.informed.marks import (
    NEVER_TOGETHER,
    NOTHING,
    can_be_marked,
    column_groups,
    marks_of,
)
from lowland.completion.layers.model import Layer
from lowland.completion.tables.fitted import FittedTable, PageParts
from lowland.completion.tables.model import SamplingModel, sampling
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.random import spawn
from lowland.core.wording import counted

if TYPE_CHECKING:
    from lowland.recheck.documents import Document
    from lowland.report.page import Page
    from lowland.trials.masks import Mask

NONE_JOINT = np.zeros(0, np.intp), np.zeros((0, 0))
# what is said of marked cells
SCOPES = {
    NEVER_TOGETHER: "{} of {} have the mean and spread of their column, never seen with what the row knows.",
    NOTHING: "{} of {} are in columns of fewer than three known cells, whose spread the other columns tell.",
}


@final
@dataclass(frozen=True, eq=False)
class ColumnAloneLayer(Layer):
    """Predictions by a fit, but of cells that nothing known in their row can inform by their column alone.

    Parameters
    ----------
    base : SamplingModel
    described : bool
        Whether rows have covariates, which are seen together with all columns.
    marks : ndarray of int8, shape (m, n)
        What is known of each cell, see `marks.informed_cells`.
    groups : ndarray of int, shape (n,)
        See `marks.column_groups`.
    laws : ColumnLaws
    joint : ndarray of int, shape (k,)
        Columns whose cells are drawn together.
    mixing : ndarray, shape (k, k)
        What makes their correlations.

    Notes
    -----
    Marked cells of a row are drawn together, as far as their columns were seen together, and apart from the
    others, which tell nothing of them. Where a column has no law (`ColumnLaws`) intervals are infinite, and
    draws and standard errors are those of the fit.
    """

    base: SamplingModel
    described: bool
    marks: NDArray[np.int8]
    groups: Indices
    laws: ColumnLaws
    joint: Indices
    mixing: Matrix

    @classmethod
    def of(cls, base: SamplingModel, table: Observations, *, described: bool = False) -> ColumnAloneLayer:
        """Return the layer around the fit of a table.

        Raises
        ------
        UnsupportedError
            If the table is too large, see `marks.can_be_marked`.
        """
        known, laws = known_cells(table), ColumnLaws.of(table)
        carrying = laws.scales != 0
        groups = np.zeros(table.shape[1], np.intp) if described else column_groups(known & carrying)
        marks = marks_of(known, groups, laws.counts, carrying)
        joint = joint_columns(table, laws) if (marks >= NEVER_TOGETHER).any() else NONE_JOINT
        return cls(base, described, marks, groups, laws, *joint)

    def around(self, base: SamplingModel, table: Observations) -> Self:
        """Return the layer around the fit of another table, whose cells are marked anew."""
        return self.of(base, table, described=self.described)

    def renewed(self, table: Observations) -> Self | None:
        """Return the layer itself, which may have more columns, unless the table is too large."""
        return self if can_be_marked(table.shape) else None

    def grown(self, table: Observations) -> Self:
        """Return the layer itself: `settled` sees to larger tables."""
        return self

    def settled(self, base: FittedTable, table: Observations, rng: np.random.Generator) -> Self | None:
        """Return the layer around the updated fit, None if no cell is marked now."""
        if not can_be_marked(table.shape):
            return None
        layer = self.around(sampling(base.model), table)
        return layer if layer.alone.any() else None

    def of_rows(self, table: Observations, covariates: Matrix | None = None) -> Self:
        """Return the model of the rows of another table, folded in: marked by the columns of this one."""
        marks = marks_of(known_cells(table), self.groups, self.laws.counts, self.laws.scales != 0)
        return replace(self, base=self.base.of_rows(table, covariates), marks=marks)

    @property
    def labels(self) -> TableLabels:
        """Names of rows and columns."""
        return self.base.labels

    @cached_property
    def alone(self) -> Mask:
        """Mask of the cells that the fit says nothing of, shape (m, n)."""
        return np.asarray(self.marks >= NEVER_TOGETHER)

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells, shape (k,)."""
        return self._with_centres(self.base.predict(rows, columns), rows, columns)

    def scores(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells before they are clipped, shape (k,)."""
        return self._with_centres(self.base.scores(rows, columns), rows, columns)

    def row_scores(self, rows: Indices) -> Matrix:
        """Return the scores of all columns for some rows, shape (k, n)."""
        return self._with_centres(self.base.row_scores(rows), rows[:, None], np.arange(self.shape[1]))

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard deviations of new observations of cells, shape (k,)."""
        out = np.array(self.base.standard_errors(rows, columns))
        at = self._with_law(rows, columns)
        out[at] = self.laws.standard_errors[columns[at]]
        return out

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells, infinite where nothing says how wide."""
        ends = np.array(self.base.intervals(rows, columns, level), np.float64)
        at = np.flatnonzero(self.alone[rows, columns])
        ends[:, at] = self.base.clip(*self.laws.intervals(columns[at], level), columns[at])
        return ends[0], ends[1]

    def draws(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Iterator[Vector]:
        """Give joint draws of cells, shape (k,) each; what is alone has the same law without noise."""
        own, at = spawn(rng, 1)[0], self._with_law(rows, columns)
        lines, line = np.unique(rows[at], return_inverse=True)
        places = np.full(self.shape[1], -1)
        places[self.joint] = np.arange(self.joint.size)
        place = places[columns[at]]
        together = place >= 0
        for drawn in self.base.draws(rows, columns, count, rng, noise=noise):
            out = np.array(drawn, np.float64)
            normals = own.standard_normal(at.size)
            mixed = own.standard_normal((lines.size, self.joint.size)) @ self.mixing.T
            normals[together] = mixed[line[together], place[together]]
            out[at] = self.base.within_range(self.laws.read(normals, columns[at]))
            yield out

    def _with_law(self, rows: Indices, columns: Indices) -> Indices:
        """Return which cells have the law of their column."""
        return np.flatnonzero(self.alone[rows, columns] & np.isfinite(self.laws.scales[columns]))

    def _with_centres(self, values: Matrix, rows: Indices, columns: Indices) -> Matrix:
        """Return predictions with the means of columns where these alone are known."""
        mine = self.alone[rows, columns] & (self.laws.counts[columns] > 0)
        return np.where(mine, self.laws.centres[columns].astype(values.dtype), values)

    @property
    def words(self) -> str:
        """What is done, a phrase."""
        return f"{counted(int(self.alone.sum()), 'missing cell')} by their column alone"

    @property
    def scope(self) -> Sequence[str]:
        """What a certificate is not about, in sentences."""
        m, n = self.shape
        missing = counted(m * n - int(self.laws.counts.sum()), "missing cell")
        counts = {mark: int((self.marks == mark).sum()) for mark in SCOPES}
        return [SCOPES[mark].format(count, missing) for mark, count in counts.items() if count]

    def document(self, within: Callable[[], Document], table: Observations | None) -> Document:
        """Return the certificate of the fit, which is of the same table."""
        return within()

    def page(self, within: Callable[[PageParts], Page], parts: PageParts, table: Observations | None) -> Page:
        """Return the page of the fit, which says what it says nothing of."""
        page = within(parts)
        return replace(page, notes=(*page.notes, *self.scope))


def known_cells(table: Observations) -> Mask:
    """Return the mask of the known cells of a table."""
    known = np.zeros(table.shape, bool)
    known[table.rows, table.columns] = True
    return known


def layer_of_column_alone(
    base: SamplingModel, table: Observations, *, described: bool
) -> ColumnAloneLayer | None:
    """Return the layer around the fit of a table, None if it marks no cell or the table is too large.

    Parameters
    ----------
    base : SamplingModel
    table : Observations
    described : bool
        Whether rows have covariates.
    """
    if not can_be_marked(table.shape) or table.size == table.shape[0] * table.shape[1]:
        return None
    layer = ColumnAloneLayer.of(base, table, described=described)
    return layer if layer.alone.any() else None
