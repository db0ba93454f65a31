"""Rows of a table as draws from one Gaussian of any covariance: for tables of few columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np

from lowland.bayes.full_gaussian import FullGaussian, draw_gaussian, draw_target
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.gaussian.between import Between
from lowland.completion.cells.blocks import completed_lines
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.work import rows_work, touch
from lowland.kernels.systems.conditional_rows import SMALL
from lowland.kernels.systems.rows import Noise, default_form

# scaled numbers are known up to a variance of this power of the unit roundoff
ROUNDING = 2 / 3
NONE_WATCHED = np.zeros(0, np.intp), np.zeros(0, np.intp)


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class GaussianDraw:
    """A completed table and the distribution drawn with it, and sums over the draws that are kept.

    Parameters
    ----------
    theta : ndarray, shape (m p,)
        The completed table.
    mean, covariance, precision : ndarray, shapes (p,), (p, p) and (p, p)
        The distribution; the precision is the inverse of the covariance.
    excess : float
        Its shrinkage, as `draw_gaussian` says.
    key, sweep : int
        Position in the stream of normals that the next rows are drawn with.
    kept : int
        Number of kept draws.
    means, squares : ndarray, shape (m, p)
        Sums of conditional means and of their squares.
    mean_sum, covariance_sum : ndarray, shapes (p,) and (p, p)
        Sums of the distributions' means and covariances.
    tables : tuple of ndarray, shape (m p,)
        Some of the completed tables.
    target : int
        Which mean of the covariance's prior was drawn with it.
    between : ndarray, shape (3, k)
        Of cells between two numbers, sums of the means given all other cells of their row, of their squares,
        and of the variances.
    watched : ndarray, shape (kept, cells)
        Conditional means of some cells, by kept draw.
    goal : int
        How many draws are to be kept, 0 while that is not known.
    """

    theta: Vector
    mean: Vector
    covariance: Matrix
    precision: Matrix
    excess: float
    key: int
    sweep: int
    kept: int
    means: Matrix
    squares: Matrix
    mean_sum: Vector
    covariance_sum: Matrix
    tables: tuple[Vector, ...] = ()
    target: int = 0
    between: Matrix = field(default_factory=lambda: np.zeros((3, 0)))
    watched: Matrix = field(default_factory=lambda: np.zeros((0, 0)))
    goal: int = 0


@final
class GaussianRows:
    """The probabilistic model of a table whose columns are centred and scaled each by itself.

    Parameters
    ----------
    cells : TableCells
        Observed cells, without weights.
    thin : int
        Of the draws that are kept, the completed table of every `thin`-th is kept too.
    targets : sequence of (ndarray, shape (p, p), or None)
        What the mean of the covariance's prior may be, None for I; which it is, is drawn with it.
    between : Between, optional
        Cells of which only two numbers are known that they lie between: drawn too, given their row.
    watched : pair of ndarray of int, shape (cells,)
        Rows and columns of cells whose conditional means are kept by draw.
    most_tables : int, optional
        Number of completed tables that are kept at most.

    Notes
    -----
    A sweep costs O(size + m p^3).
    """

    cells: TableCells
    thin: int
    count: int
    width: int
    roots: list[Vector | None]
    between: Between | None
    watched: tuple[Indices, Indices]
    most_tables: int | None
    form: str

    def __init__(
        self,
        cells: TableCells,
        thin: int = 1,
        targets: Sequence[Matrix | None] = (None,),
        between: Between | None = None,
        *,
        watched: tuple[Indices, Indices] = NONE_WATCHED,
        most_tables: int | None = None,
    ) -> None:
        self.watched, self.most_tables = watched, most_tables
        self.between = between
        self.cells, self.thin, (self.count, self.width) = cells, thin, cells.shape
        self.form = default_form(self.width, cells.shape, SMALL)
        self.floor: float = float(np.finfo(cells.dtype).eps ** ROUNDING)
        ridge = self.floor * np.eye(self.width)
        self.roots = [None if target is None else np.linalg.cholesky(target + ridge) for target in targets]

    @property
    def size(self) -> int:
        """Length of a point: the cells of the table."""
        return self.count * self.width

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of points."""
        return self.cells.dtype

    def first_draw(self, theta: Vector, key: int, rng: np.random.Generator) -> GaussianDraw:
        """Return a distribution drawn given a completed table."""
        p = self.width
        rows = theta.reshape(-1, p).astype(np.float64)
        drawn, excess = self._gaussian(rows, rng, 0)
        return GaussianDraw(
            theta=theta,
            mean=drawn.mean,
            covariance=drawn.covariance,
            precision=drawn.precision,
            excess=excess,
            key=key,
            sweep=0,
            kept=0,
            means=np.zeros((self.count, p)),
            squares=np.zeros((self.count, p)),
            mean_sum=np.zeros(p),
            covariance_sum=np.zeros((p, p)),
            between=np.zeros((3, 0 if self.between is None else self.between.rows.size)),
            watched=np.zeros((0, self.watched[0].size)),
        )

    def draw(self, state: GaussianDraw, rng: np.random.Generator) -> GaussianDraw:
        """Return the next completed table and the distribution drawn given it."""
        rows = self._lines(state, Noise(state.key, state.sweep))
        if self.between is not None:
            rows = rows.astype(np.float64)
            self.between.draw(rows, state.precision, state.mean, rng)
        target = draw_target(rows, rng, self.roots, state.target) if len(self.roots) > 1 else 0
        drawn, excess = self._gaussian(rows, rng, target)
        return replace(
            state,
            theta=rows.ravel().astype(self.dtype),
            mean=drawn.mean,
            covariance=drawn.covariance,
            precision=drawn.precision,
            excess=excess,
            sweep=state.sweep + 1,
            target=target,
        )

    def keep(self, state: GaussianDraw) -> GaussianDraw:
        """Return the state with its distribution, and what that says of each row, added to the sums."""
        means, sums = self._lines(state, None), state.between
        if self.between is not None:
            table = state.theta.reshape(-1, self.width).astype(np.float64)
            centres, variances = self.between.given_others(table, state.precision, state.mean)
            sums = sums + np.stack([centres, centres**2, variances])
        full = self.most_tables is not None and len(state.tables) >= self.most_tables
        return replace(
            state,
            kept=state.kept + 1,
            means=state.means + means,
            squares=state.squares + means**2,
            mean_sum=state.mean_sum + state.mean,
            covariance_sum=state.covariance_sum + state.covariance,
            between=sums,
            tables=state.tables if full or state.kept % self.thin else (*state.tables, state.theta),
            watched=np.vstack([state.watched, means[self.watched][None]]),
        )

    def energy(self, state: GaussianDraw) -> float:
        """Return the negative log density of the completed table under the distribution."""
        centred = state.theta.reshape(-1, self.width).astype(np.float64) - state.mean
        size = float(np.linalg.slogdet(2 * np.pi * state.covariance)[1])
        return 0.5 * (self.count * size + float(np.sum((centred @ state.precision) * centred)))

    def _gaussian(self, rows: Matrix, rng: np.random.Generator, target: int) -> tuple[FullGaussian, float]:
        """Return a distribution drawn given completed rows, and its shrinkage."""
        in_loops = self.form != "numpy"
        return draw_gaussian(rows, rng, self.roots[target], floor=self.floor, in_loops=in_loops)

    def _lines(self, state: GaussianDraw, noise: Noise | None) -> Matrix:
        """Return rows drawn given the distribution and their cells, or their means without noise."""
        touch(rows_work(self.cells.size, self.count + 1, self.width))
        cells = self.cells
        if self.between is not None and state.sweep:  # the first sweep begins with what the cells hold
            cells = self.between.held_by(cells, state.theta.reshape(-1, self.width))
        (rows,) = cells.map(0, completed_lines, state.precision, state.mean, noise, self.form)
        return np.asarray(rows)
