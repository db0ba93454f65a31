"""The penalised problem of a table whose cells are asked line by line, wherever they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.cells.block import Arrays, CellBlock
from lowland.cells.sides import PerLine, PerPartner, TableCells
from lowland.cells.sums import line_errors, line_sums, residual_block
from lowland.completion.cells.blocks import drawn_lines
from lowland.completion.penalised.settings import BIASES
from lowland.core.arrays import Matrix, Vector
from lowland.kernels.systems.rows import default_form
from lowland.models import General
from lowland.objectives.blocks import SIDES, block_coordinates


@final
class LineProblem:
    """Half the squared errors of cells, plus ridges on factors and on biases.

    The objective of `completion_objective` for squared loss, without weights.

    Parameters
    ----------
    cells : TableCells
    rank : int
    biases : bool
        Whether there are row, column and global biases.
    penalty : float
        Weight of the nuclear norm: ridge on the factors.
    bias_penalty : float
        Ridge on row and column biases.

    Notes
    -----
    A sweep costs O(p r^2 + (m + n) r^3).
    """

    cells: TableCells
    penalty: float
    bias_penalty: float

    def __init__(
        self, cells: TableCells, *, rank: int, biases: bool, penalty: float, bias_penalty: float
    ) -> None:
        self.cells, self.penalty, self.bias_penalty = cells, penalty, bias_penalty
        self.model: General = General(cells.shape, rank, BIASES if biases else ())

    @property
    def size(self) -> int:
        """Length of a point: factors and biases."""
        return self.model.size

    @property
    def factor_size(self) -> int:
        """Length of the leading part of a point that holds the factors."""
        return self.model.factor_size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of points."""
        return self.cells.dtype

    @property
    def block_solver(self) -> LineBlocks:
        """Exact minimisation over rows, columns and the global bias."""
        return LineBlocks(self)

    def value(self, theta: Vector) -> float:
        """Return the objective."""
        factors, partner = self.widened(theta)
        errors = self.cells.map(0, line_errors, PerPartner(partner), PerLine(factors))[0]
        return float(0.5 * errors.sum()) + self.ridges(theta)

    def ridges(self, theta: Vector) -> float:
        """Return the penalties of a point."""
        u, v, a, b, _ = (np.asarray(part, np.float64) for part in self.model.unpack(theta))
        of_biases = self.bias_penalty * float(np.sum(a**2) + np.sum(b**2))
        return 0.5 * (self.penalty * float(np.sum(u**2) + np.sum(v**2)) + of_biases)

    def widened(self, theta: Vector) -> tuple[Matrix, Matrix]:
        """Return factors of rows and of columns whose products are predictions, biases among them."""
        u, v, a, b, c = self.model.unpack(theta)
        if not self.model.biases:
            return np.ascontiguousarray(u), np.ascontiguousarray(v)
        ones = [np.ones((len(side), 1), theta.dtype) for side in (u, v)]
        return np.hstack([u, (a + theta.dtype.type(c))[:, None], ones[0]]), np.hstack(
            [v, ones[1], b[:, None]]
        )

    def refitted(self, theta: Vector, rounds: int) -> Vector:
        """Return the point after exact steps of the biases of each side in turn, the global one last."""
        if not self.model.biases:
            return theta
        for _ in range(rounds):
            for side in (0, 1):
                u, v, a, b, c = self.model.unpack(theta)
                sums, counts = self.residual_sums(theta, side), self.cells.sides[side].counts
                biases = (a, b)[side]
                moved = biases + (sums - self.bias_penalty * biases) / np.maximum(
                    counts + self.bias_penalty, 1
                )
                sides = (moved, b) if side == 0 else (a, moved)
                theta = self.model.pack(u, v, sides[0], sides[1], c)
        return self.block_solver.solve(theta, "offset")

    def residual_sums(self, theta: Vector, side: int) -> Vector:
        """Return the sum of the residuals of each line of a side."""
        wide = self.widened(theta)
        (sums,) = self.cells.map(side, _residual_sums, PerPartner(wide[1 - side]), PerLine(wide[side]))
        return sums

    def residuals(self, theta: Vector) -> TableCells:
        """Return cells that hold what a point leaves of the values, rounded to their precision."""
        wide = self.widened(theta)
        sides = [
            self.cells.sides[side]
            .change(residual_block, PerPartner(wide[1 - side]), PerLine(wide[side]), self.dtype)
            .kept()
            for side in (0, 1)
        ]
        return replace(self.cells, sides=(sides[0], sides[1]))


@final
class LineBlocks:
    """Blocks of the problem: each line has its own small normal equations.

    Parameters
    ----------
    problem : LineProblem
    """

    def __init__(self, problem: LineProblem) -> None:
        self.problem = problem
        self.names: tuple[str, ...] = (*SIDES, "offset") if problem.model.biases else SIDES

    def coordinates(self, name: str) -> NDArray[np.bool_]:
        """Return which coordinates of a point block `name` sets, shape (size,)."""
        return block_coordinates(self.problem.model, name)

    def solve(self, theta: Vector, name: str, *, penalty: float | None = None) -> Vector:
        """Return the point with block `name` at its minimiser, with another penalty if one is given."""
        model, dtype = self.problem.model, theta.dtype
        u, v, a, b, c = model.unpack(theta)
        if name == "offset":
            change = float(self.problem.residual_sums(theta, 0).sum() / self.problem.cells.size)
            return model.pack(u, v, a, b, c + change)
        side, biased = SIDES.index(name), bool(model.biases)
        partner, bias = ((v, b), (u, a))[side]
        ridges = [self.problem.penalty if penalty is None else penalty] * model.rank
        precision = np.diag(ridges + [self.problem.bias_penalty] * biased)
        (solved,) = self.problem.cells.map(
            side,
            drawn_lines,
            PerPartner((partner, bias + dtype.type(c) if biased else None)),
            None,
            precision,
            None,
            np.zeros(len(precision)),
            None,
            default_form(len(precision), self.problem.cells.shape),
        )
        factors, biases = solved[:, : model.rank], solved[:, -1] if biased else (a, b)[side]
        if side == 0:
            return model.pack(factors, v, biases, b, c)
        return model.pack(u, factors, a, biases, c)


def _residual_sums(block: CellBlock, partner: Matrix, factors: Matrix) -> Arrays:
    """Return the sum of the residuals of each line."""
    return line_sums(residual_block(block, partner, factors, partner.dtype))
