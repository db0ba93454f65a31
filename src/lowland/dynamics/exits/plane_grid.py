"""Cells of a box in the plane, and the rates at which neighbours exchange under Langevin dynamics.

The rates keep exp(-beta F) exactly invariant. The reversible ones are those of Scharfetter and Gummel; the
non-reversible drift is the curl of a exp(-beta F) / beta, a the entry of J, so that what flows through a
cell's side is the difference of two corners and nothing is lost. Between a cell and an exit set the rate is
that of their distance, which keeps the error of second order in the cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.dynamics.exit_sets import Ball, HalfSpace

# cells where exp(-beta F) is below e^-60 of its maximum are left out: no path comes there
NEGLIGIBLE = 60.0
# largest share of rounding in the slowest decay
ROUNDING = 0.1
# cells within so many temperatures of the lowest are checked, for numbers beyond their range by such a share
OFTEN, OUTSIDE = 20.0, 1e-3
# least distance of a cell from an exit set, as a share of its side
NEAREST = 1e-3

Cells = NDArray[np.bool_]
Slices = tuple[slice, ...]
Region = HalfSpace | Ball


@final
class PlaneGrid:
    """Cells of a box, which of them paths visit, and the rates at which neighbours exchange."""

    shape: tuple[int, ...]
    beta: float

    def __init__(
        self,
        value: Callable[[Matrix], Vector],
        circulation: Callable[[Matrix], Vector],
        beta: float,
        ends: Matrix,
        n: int,
    ) -> None:
        lengths = ends[:, 1] - ends[:, 0]
        counts = [max(2, int(np.ceil(n * length / lengths.max() - 1e-9))) for length in lengths]
        # sides of a cell: a little less than square, so that the box ends where it should
        self.sides: list[float] = [float(length / k) for length, k in zip(lengths, counts, strict=True)]
        corners = [np.linspace(low, high, k + 1) for (low, high), k in zip(ends, counts, strict=True)]
        self.axes: list[NDArray[np.float64]] = [(edges[1:] + edges[:-1]) / 2 for edges in corners]
        self.shape, self.beta = tuple(counts), beta
        self.points: Matrix = _lattice(self.axes)
        energy = beta * _energies(value, self.points).reshape(self.shape)
        if not np.any(np.isfinite(energy)):
            raise InvalidInputError("energies in the box are not finite", "none is", fix="pass another box")
        self.visited: NDArray[np.bool_] = energy - energy.min() < NEGLIGIBLE
        self.energy: Matrix = np.where(self.visited, energy, 0.0)
        at = _lattice(corners)
        with np.errstate(over="ignore", invalid="ignore"):
            stream = circulation(at) * np.exp(energy.min() - beta * _energies(value, at))
        self.stream: NDArray[np.float64] = np.zeros((counts[0] + 1, counts[1] + 1))
        # nothing flows through the box's sides, nor into cells that are left out
        inner = self.visited[:-1, :-1] & self.visited[1:, :-1] & self.visited[:-1, 1:] & self.visited[1:, 1:]
        self.stream[1:-1, 1:-1] = np.where(inner, stream.reshape(self.stream.shape)[1:-1, 1:-1], 0.0)
        self.lowest: float = float(energy.min())

    def within(self, region: Region, name: str) -> Cells:
        """Return which cells have their middle in a set."""
        inside: Cells = (region.distance(self.points) <= 0).reshape(self.shape)
        if not np.any(inside & self.visited):
            raise InvalidInputError(
                f"no cell of the box lies in the {name} set",
                region.describe(),
                fix="pass a larger box, or more cells (n_cells)",
            )
        return inside

    def solve(self, sides: dict[bool, tuple[Region, Cells]], source: float) -> Matrix:
        """Return the solution of L f = source with f given in sets.

        Parameters
        ----------
        sides : dict of bool to (set, cells)
            f is one in the set of True, and zero in the other; zero in the only one if there is a source.
        source : float
        """
        from scipy.sparse import coo_matrix
        from scipy.sparse.linalg import splu

        fixed = np.zeros(self.shape)
        inside = np.zeros(self.shape, bool)
        for one, (_, cells) in sides.items():
            inside |= cells
            fixed[cells] = float(one and source == 0)
        free = self._connected(self.visited & ~inside, inside & self.visited)
        number = np.full(self.shape, -1)
        number[free] = np.arange(free.sum())
        rows, columns, rates = [], [], []
        right = np.full(int(free.sum()), source)
        for here, there, rate in self._exchanges():
            used = free[here] & (free[there] | (inside & self.visited)[there])
            i, j = number[here][used], number[there][used]
            exchanged = rate[used]
            out = j < 0
            exchanged = np.where(out, exchanged / self._nearness(sides, here, there, used), exchanged)
            np.add.at(right, i[out], -exchanged[out] * fixed[there][used][out])
            rows += [i, i[~out]]
            columns += [i, j[~out]]
            rates += [-exchanged, exchanged[~out]]
        i, j, r = (np.concatenate(part) for part in (rows, columns, rates))
        matrix: Any = coo_matrix((r, (i, j)), shape=(right.size, right.size)).tocsc()
        solution = np.where(inside, fixed, np.nan)
        solution[free] = splu(matrix).solve(right)
        if self.stream.any():  # cells that are too large for it spoil all digits
            self._check_range(solution, np.inf if source else 1.0)
        if source:
            self._check_digits(solution, float(np.abs(matrix.diagonal()).max()))
        return solution

    def _check_digits(self, times: Matrix, rate: float) -> None:
        """Raise if rounding of the rates is no longer small beside the slowest decay."""
        longest = float(np.nanmax(np.abs(times)))
        if not np.finfo(float).eps * rate * longest < ROUNDING:
            raise InvalidInputError(
                "mean times are too long to be solved for: rounding has eaten their digits",
                f"about {longest:.2g}, with rates of {rate:.2g}",
                fix="use fewer cells, or split_escape",
            )

    def _check_range(self, solution: Matrix, most: float) -> None:
        """Raise if numbers lie outside of what they can be, where paths do come: cells are then too large."""
        often = self.visited & (self.energy - self.lowest < OFTEN)
        known = solution[often & np.isfinite(solution)]
        slack = OUTSIDE * float(np.abs(known).max(initial=0.0))
        if known.size and (known.min() < -slack or known.max() > most + slack):
            raise InvalidInputError(
                "cells are too large for so strong a circulation",
                f"numbers from {known.min():.3g} to {known.max():.3g}",
                fix="use more cells (n_cells), or a smaller J",
            )

    def _exchanges(self) -> list[tuple[Slices, Slices, Matrix]]:
        """Return pairs of slices of neighbouring cells, and the rates from the first to the second."""
        exchanges: list[tuple[Slices, Slices, Matrix]] = []
        whole, first, last = slice(None), slice(None, -1), slice(1, None)
        s = self.stream
        flows = {0: s[1:-1, 1:] - s[1:-1, :-1], 1: -(s[1:, 1:-1] - s[:-1, 1:-1])}
        for axis in (0, 1):
            low, high = ((first, whole), (last, whole)) if axis == 0 else ((whole, first), (whole, last))
            for here, there, flow in ((low, high, flows[axis]), (high, low, -flows[axis])):
                climb = np.clip(self.energy[there] - self.energy[here], -NEGLIGIBLE, NEGLIGIBLE)
                back = flow / 2 * np.exp(np.clip(self.energy[here] - self.lowest, 0, 2 * NEGLIGIBLE))
                square, both = self.sides[axis] ** 2, self.sides[0] * self.sides[1]
                exchanges.append((here, there, (_bernoulli(climb) / square + back / both) / self.beta))
        return exchanges

    def _nearness(
        self, sides: dict[bool, tuple[Region, Cells]], here: Slices, there: Slices, used: Cells
    ) -> Vector:
        """Return how far the boundary of a set lies from cells, as shares of the way to their neighbours."""
        places = np.arange(self.points.shape[0]).reshape(self.shape)
        start, end = self.points[places[here][used]], self.points[places[there][used]]
        share = np.ones(len(start))
        for region, cells in sides.values():
            into = cells[there][used]
            outer, inner = region.distance(start[into]), region.distance(end[into])
            share[into] = np.clip(outer / (outer - inner), NEAREST, 1.0)
        return share

    def _connected(self, free: Cells, inside: Cells) -> Cells:
        """Return the free cells from which paths come to a set."""
        from scipy.ndimage import label

        parts, _ = label(free | inside)
        return np.asarray(free & np.isin(parts, np.unique(parts[inside])) & (parts > 0))


def _lattice(axes: Sequence[Vector]) -> Matrix:
    first, second = np.meshgrid(*axes, indexing="ij")
    return np.stack([first.ravel(), second.ravel()], axis=1)


def _energies(value: Callable[[Matrix], Vector], points: Matrix) -> Vector:
    """Return the energies of points, infinite where no path comes; refuse what is no energy."""
    energies = np.asarray(value(points), dtype=float)
    wrong = np.isnan(energies) | (energies == -np.inf)
    if np.any(wrong):
        raise InvalidInputError(
            "an energy in the box is not a number, or minus infinity",
            f"at {points[int(np.argmax(wrong))]}",
            fix="correct the potential, or pass another box",
        )
    return energies


def _bernoulli(u: Matrix) -> Matrix:
    """Return u / (exp(u) - 1)."""
    small = np.abs(u) < 1e-6
    safe = np.where(small, 1.0, u)
    return np.where(small, 1 - u / 2, safe / np.expm1(safe))
