"""One factor of an observed matrix eliminated: the reduced problem of the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from lowland.cells.block import CellBlock
from lowland.cells.sums import weighted_sums
from lowland.core.arrays import Matrix, Vector
from lowland.core.complex_views import as_complexes
from lowland.core.work import CALL, rows_work, touch
from lowland.kernels import projection
from lowland.losses import Squared
from lowland.measure import Entries, RealParts
from lowland.models import General
from lowland.objectives.problem import RecoveryProblem

SIDES = ("columns", "rows")


def make_elimination(objective: RecoveryProblem) -> Elimination | None:
    """Return the elimination of an objective, or None if the rows of factors are not independent problems."""
    model = objective.model
    if not isinstance(model, General) or model.biases or objective.penalties or not objective.y.size:
        return None
    entries = _entries(objective)
    if not isinstance(objective.loss, Squared) or entries is None:
        return None
    return Elimination(objective, model, entries)


def _entries(objective: RecoveryProblem) -> Entries | None:
    measurement = objective.measurement
    base = measurement.base if isinstance(measurement, RealParts) and measurement.both else measurement
    return base if isinstance(base, Entries) else None


@final
class Elimination:
    """Solves for one factor of X = U V^H, given the other with orthonormal columns.

    Parameters
    ----------
    objective : RecoveryProblem
        Squared loss of observed entries, no penalty.
    model : General
    entries : Entries
        Which entries are observed.

    Notes
    -----
    "columns" eliminates V and keeps U; "rows" the reverse. The kept factor u and the other, b, make
    X[i, j] = u_i . b_j without a conjugate, so u is U or the conjugate of V.
    """

    objective: RecoveryProblem
    model: General
    pattern: tuple[CellBlock, CellBlock]

    def __init__(self, objective: RecoveryProblem, model: General, entries: Entries) -> None:
        self.objective, self.model, self.pattern = objective, model, entries.pattern
        self.size: int = entries.size
        values = as_complexes(objective.y) if model.is_complex else objective.y
        weights = (
            objective.weights[::2]
            if model.is_complex and objective.weights is not None
            else objective.weights
        )
        self._values: Matrix = values
        self._roots = None if weights is None else np.sqrt(weights)

    def split(self, theta: Vector, side: str) -> tuple[Matrix, Matrix]:
        """Return the kept factor, orthonormalised, and the other one adjusted to match."""
        u, v, *_ = self.model.unpack(theta)
        kept, other = (u, v.conj()) if side == "columns" else (v.conj(), u)
        q, r = np.linalg.qr(kept)
        return q, other @ r.T

    def join(self, kept: Matrix, other: Matrix, side: str) -> Vector:
        """Return the point of two factors."""
        return (
            self.model.pack(kept, other.conj()) if side == "columns" else self.model.pack(other, kept.conj())
        )

    def at(self, kept: Matrix, prior: Matrix, side: str) -> EliminatedSide:
        """Return the reduced problem at a kept factor."""
        return EliminatedSide(self, kept, prior, side)

    @cached_property
    def density(self) -> float:
        """Total weight of the entries divided by the number of cells."""
        total = self.size if self._roots is None else float(np.sum(self._roots**2))
        return total / (self.model.shape[0] * self.model.shape[1])

    @cached_property
    def energy(self) -> float:
        """Weighted sum of squared data."""
        weighted = self._values if self._roots is None else self._values * self._roots
        return float(np.vdot(weighted, weighted).real)

    @cached_property
    def arranged(self) -> dict[str, Arrangement]:
        """Data in the order of the eliminated side, and their positions for the kept side; both ways."""
        by_row, by_column = self.pattern
        out = {}
        for side, (eliminated, kept) in (("columns", (by_column, by_row)), ("rows", (by_row, by_column))):
            place = np.empty(self.size, np.int64)
            place[eliminated.values] = np.arange(self.size)
            out[side] = Arrangement(eliminated.holding(self._values, self._roots), kept.holding(place))
        return out


@final
@dataclass(frozen=True, eq=False)
class Arrangement:
    """Entries by the eliminated side, weighted by roots, and by the kept side, with their places there."""

    cells: CellBlock
    kept: CellBlock


@final
class EliminatedSide:
    """The reduced problem of the kept factor u at one point: least squares with the other factor eliminated.

    Parameters
    ----------
    elimination : Elimination
    u : ndarray, shape (m, k)
        Orthonormal.
    prior : ndarray, shape (k, k)
        Positive semidefinite K of the term b_j^H K b_j, added for every eliminated row.
    side : {"columns", "rows"}
    """

    cells: CellBlock
    kept: CellBlock
    u: Matrix
    prior: Matrix
    energy: float
    b: Matrix
    q: Matrix
    residuals: Matrix

    def __init__(self, elimination: Elimination, u: Matrix, prior: Matrix, side: str) -> None:
        arranged = elimination.arranged[side]
        self.cells, self.kept = arranged.cells, arranged.kept
        self.u, self.prior, self.energy = u, prior, elimination.energy
        cells = self.cells
        touch(12 * rows_work(cells.partners.size, cells.starts.size, u.shape[1]))
        self.b, self.q, self.residuals = projection.eliminate(
            u, cells.starts, cells.partners, cells.values, cells.weights, _root(prior)
        )

    @cached_property
    def squares(self) -> float:
        """Weighted sum of squared residuals."""
        return float(np.vdot(self.residuals, self.residuals).real)

    @cached_property
    def value(self) -> float:
        """Weighted squares plus the prior term."""
        return self.squares + float(np.sum(self.b.conj() * (self.b @ self.prior.T)).real)

    @cached_property
    def scatter(self) -> Matrix:
        """The k x k matrix N with D_i N^T for what every row sees where all columns are: b^H b."""
        scatter: Matrix = self.b.conj().T @ self.b
        return scatter

    @cached_property
    def gradient(self) -> Matrix:
        """Half the gradient of the value along directions orthogonal to u, shape (m, k)."""
        gradient = self._gather(self.residuals)
        return np.asarray(gradient - self.u @ (self.u.conj().T @ gradient))

    def product(self, d: Matrix) -> Matrix:
        """Return the reduced Gauss-Newton matrix times a direction, shape (m, k)."""
        cells = self.cells
        touch(CALL + 6.0 * cells.partners.size * (self.u.shape[1] + 2))
        parts = (cells.starts, cells.partners, cells.weights)
        return self._gather(projection.project(d, self.b, self.q, *parts))

    def blocks(self) -> Matrix:
        """Return the diagonal blocks of that matrix, one per row, shape (m, k, k)."""
        kept, roots = self.kept, self.cells.weights
        touch(4 * rows_work(kept.partners.size, kept.starts.size, self.u.shape[1]))
        return projection.row_blocks(self.b, self.q, kept.starts, kept.partners, kept.values, roots)

    def _gather(self, numbers: Matrix) -> Matrix:
        weighted = numbers if self.cells.weights is None else numbers * self.cells.weights
        return weighted_sums(self.kept.holding(weighted), self.b.conj())[0]


def _root(prior: Matrix) -> Matrix:
    """Return L^H with L L^H the prior."""
    values, vectors = np.linalg.eigh(prior)
    root: Matrix = np.sqrt(np.maximum(values, 0))[:, None] * vectors.conj().T
    return root
