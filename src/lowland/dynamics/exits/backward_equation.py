"""Mean exit times and committors in two dimensions without a path: the backward equation on a grid.

The mean time tau until a path of dX = -(I + J) grad F dt + sqrt(2/beta) dB enters a set solves L tau = -1
with tau = 0 there; the probability q that it enters that set before another solves L q = 0, q = 1 there and 0
in the other. L is the generator, L f = (1/beta) exp(beta F) div(exp(-beta F) (I - J) grad f).

It is solved on the cells of `plane_grid.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import whole_number
from lowland.core.results.shown import Shown
from lowland.dynamics.circulation import Circulation, checked_circulation
from lowland.dynamics.exit_sets import Ball, HalfSpace, check_disjoint
from lowland.dynamics.exits.escape import PotentialLike, as_potential
from lowland.dynamics.exits.escape_checks import check_circulating, check_paths
from lowland.dynamics.exits.kramers import energies_of
from lowland.dynamics.exits.plane_grid import PlaneGrid, Region
from lowland.dynamics.laws import NonReversible, Overdamped

# smaller committors count as so small
LEAST = 1e-300
# of the longer side of the box; the solution of half as many tells the error
CELLS = 400


@public("lowland.dynamics")
@final
@dataclass(frozen=True, eq=False, repr=False)
class BackwardSolution(Shown):
    """Mean exit times, and committors, on the cells of a grid.

    Parameters
    ----------
    x, y : ndarray, shapes (n,) and (m,)
        Middles of the cells.
    times : ndarray, shape (n, m)
        Mean time until the exit set is entered, 0 within it; NaN where no path comes.
    committors : ndarray, shape (n, m), or None
        Probability of entering the exit set before `home`; None if no home was given.
    coarse : BackwardSolution or None
        The solution on half as many cells per side.

    Examples
    --------
    >>> import lowland as ll
    >>> well = ll.dynamics.potential("double_well", transverse=[1.0])
    >>> found = ll.dynamics.solve_backward(
    ...     well, ll.dynamics.Overdamped(0.01, beta=8), exit=ll.dynamics.HalfSpace([1.0, 0.0], 0.7),
    ...     box=[(-2.5, 1.0), (-2.5, 2.5)],
    ... )
    >>> found.mean_time([[-1.0, 0.0]]).round(1)  # by quadrature in one dimension: 38.1149
    array([38.1])
    """

    x: Vector
    y: Vector
    times: Matrix
    committors: Matrix | None
    coarse: BackwardSolution | None

    def mean_time(self, points: ArrayLike) -> Vector:
        """Return the mean exit time from points (k, 2), by linear interpolation; NaN where no path leads.

        Parameters
        ----------
        points : array_like, shape (k, 2)
        """
        return self._interpolated(self.times, points)

    def committor(self, points: ArrayLike) -> Vector:
        """Return the probability of entering the exit set before home from points (k, 2).

        Parameters
        ----------
        points : array_like, shape (k, 2)

        Raises
        ------
        InvalidInputError
            If no home was given.
        """
        if self.committors is None:
            raise InvalidInputError("there is no committor", "no home was given", fix="pass home=")
        return self._interpolated(self.committors, points)

    def progress(self, points: ArrayLike) -> Vector:
        """Return the logarithm of the committor, shape (k,): a coordinate for `split_escape`.

        At least -690, where the committor is zero or not known.

        Parameters
        ----------
        points : array_like, shape (k, 2)

        Raises
        ------
        InvalidInputError
            If no home was given.
        """
        return np.log(np.maximum(np.nan_to_num(self.committor(points)), LEAST))

    def error(self, points: ArrayLike) -> Vector:
        """Return estimates of the relative error of `mean_time`, shape (k,): not bounds.

        A third of the difference from half as many cells per side, which is right for small cells.

        Parameters
        ----------
        points : array_like, shape (k, 2)
        """
        if self.coarse is None:
            raise InvalidInputError("the error is not known", "there is no coarser solution")
        fine, coarse = self.mean_time(points), self.coarse.mean_time(points)
        apart = np.abs(coarse - fine) / 3
        return np.divide(apart, fine, out=np.where(np.isnan(fine), np.nan, 0.0), where=fine > 0)

    def _interpolated(self, values: Matrix, points: ArrayLike) -> Vector:
        from scipy.interpolate import RegularGridInterpolator

        at = np.atleast_2d(np.array(points, dtype=float))
        if at.ndim != 2 or at.shape[1] != 2 or not np.all(np.isfinite(at)):
            raise InvalidInputError("points must have two finite coordinates", f"shape {at.shape}")
        grid = RegularGridInterpolator((self.x, self.y), values, bounds_error=False, fill_value=np.nan)
        for k, axis in enumerate((self.x, self.y)):  # up to the box's sides, half a cell farther
            half = (axis[1] - axis[0]) / 2
            within = (at[:, k] >= axis[0] - half * (1 + 1e-9)) & (at[:, k] <= axis[-1] + half * (1 + 1e-9))
            at[:, k] = np.where(within, np.clip(at[:, k], axis[0], axis[-1]), at[:, k])
        return np.asarray(grid(at))

    def _lines(self) -> list[str]:
        known = self.times[np.isfinite(self.times)]
        both = "mean exit times" if self.committors is None else "mean exit times and committors"
        return [f"{both} on {self.x.size} x {self.y.size} cells, the longest {known.max():.6g}"]


@public("lowland.dynamics")
def solve_backward(
    potential: PotentialLike,
    dynamics: Overdamped | NonReversible,
    *,
    exit: Region,
    box: ArrayLike,
    home: Region | None = None,
    circulation: Circulation | None = None,
    n_cells: int = CELLS,
) -> BackwardSolution:
    """Return mean exit times, and committors, of a diffusion in two dimensions, without simulating a path.

    Parameters
    ----------
    potential : Potential or str
        With energies, of two dimensions.
    dynamics : Overdamped or NonReversible
        The solution is that of small steps: step sizes do not matter.
    exit : HalfSpace or Ball
    box : array_like, shape (2, 2)
        Lower and upper ends of both coordinates: paths are reflected there, so it should hold all points that
        matter.
    home : HalfSpace or Ball, optional
        For committors: the probability of entering the exit set before this one.
    circulation : callable, optional
        In place of a constant J: takes points (k, 2), returns antisymmetric matrices (k, 2, 2). By default
        that of the potential, if it was made by `with_circulation`.
    n_cells : int
        Cells along the longer side of the box. Times are solved on half as many, too, for `error`.

    Returns
    -------
    BackwardSolution

    Raises
    ------
    InvalidInputError
        If the potential is not of two dimensions or has no energies, the box holds no cell in a set, sets
        overlap, dynamics have inertia or accept and reject, or cells are too large for J.

    Notes
    -----
    A sparse system of one unknown per cell; 400 x 400 take about a second. Errors are of second order in the
    cells; within a cell of a round set more. At low temperatures rounding counts: times of 10^11 and more are
    refused.

    References
    ----------
    D. L. Scharfetter, H. K. Gummel, Large-signal analysis of a silicon Read diode oscillator, IEEE Trans.
    Electron Devices 1969; G. H. Shortley, R. Weller, The numerical solution of Laplace's equation, J. Appl.
    Phys. 1938.

    Examples
    --------
    >>> import lowland as ll
    >>> well = ll.dynamics.potential("double_well", transverse=[1.0])
    >>> left, right = (ll.dynamics.Ball([c, 0.0], 0.3, inside=True) for c in (-1.0, 1.0))
    >>> moves = ll.dynamics.Overdamped(0.01, beta=8)
    >>> found = ll.dynamics.solve_backward(
    ...     well, moves, exit=right, home=left, box=[(-2.5, 2.5), (-2.5, 2.5)], n_cells=100
    ... )
    >>> found.committor([[0.0, 0.0]]).round(3)  # by symmetry
    array([0.5])
    """
    landscape = as_potential(potential, 2)
    if not isinstance(dynamics, Overdamped | NonReversible):
        raise InvalidInputError(
            "the backward equation is solved for dynamics without inertia", type(dynamics).__name__
        )
    _check_regions(landscape.dimension, exit, home)
    check_paths(dynamics)
    cells = whole_number(n_cells, "n_cells", 16)
    ends = _box(box)
    if ends.shape != (2, 2) or not np.all(np.isfinite(ends)) or not np.all(ends[:, 1] > ends[:, 0]):
        raise InvalidInputError(
            "box must be two pairs (lower, upper)", repr(box), fix="such as [(-2, 2), (-1, 1)]"
        )
    check_circulating(landscape, dynamics)
    if landscape.circulation is not None and circulation is not None:
        raise InvalidInputError(
            "the potential has a circulation of its own", landscape.name, fix="leave circulation= out"
        )
    given_circulation = landscape.circulation[0] if landscape.circulation is not None else circulation
    turn = dynamics.antisymmetric
    if turn is not None and turn.shape != (2, 2):
        raise InvalidInputError("circulation must be a 2 x 2 matrix", f"shape {turn.shape}")
    constant = 0.0 if turn is None else float(turn[0, 1])

    def around(points: Matrix) -> Vector:
        if given_circulation is None:
            return np.full(len(points), constant)
        return np.asarray(checked_circulation(given_circulation, points)[:, 0, 1])

    def solved(n: int, coarse: BackwardSolution | None) -> BackwardSolution:
        grid = PlaneGrid(energies_of(landscape), around, dynamics.beta, ends, n)
        left = grid.within(exit, "exit")
        back = None if home is None else grid.within(home, "home")
        times = grid.solve({True: (exit, left)}, source=-1.0)
        sides = None if home is None or back is None else {True: (exit, left), False: (home, back)}
        committors = None if sides is None else np.clip(grid.solve(sides, source=0.0), 0.0, 1.0)
        return BackwardSolution(grid.axes[0], grid.axes[1], times, committors, coarse)

    return solved(cells, solved(cells // 2, None))


def _box(box: ArrayLike) -> Matrix:
    try:
        return np.asarray(box, dtype=float)
    except (TypeError, ValueError):  # told as any other that is no box
        return np.zeros(0)


def _check_regions(dimension: int, exit: Region, home: Region | None) -> None:
    if dimension != 2:
        raise InvalidInputError(
            "the potential must have two coordinates",
            f"{dimension}",
            fix="use mean_exit_time in one dimension, escape_times or split_escape in more",
        )
    regions = {"exit": exit} if home is None else {"exit": exit, "home": home}
    for name, region in regions.items():
        if not isinstance(region, HalfSpace | Ball) or region.dimension != 2:
            raise InvalidInputError(
                f"{name} must be a HalfSpace or a Ball in two dimensions", type(region).__name__
            )
    if home is not None:
        check_disjoint(exit, home)
