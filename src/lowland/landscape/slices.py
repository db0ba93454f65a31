"""Slices through an objective, and a path between two of its minima."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.promises.objectives import Objective
from lowland.core.promises.powers import HasMatrix
from lowland.core.results.records import Factors


@public("lowland.landscape")
@final
@dataclass(frozen=True, eq=False)
class Section:
    """The objective along a line through a point.

    Parameters
    ----------
    positions : ndarray, shape (n,)
        Steps along the direction, 0 at the point.
    values : ndarray, shape (n,)

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> fit = ll.recover(ll.gaussian(40, (5, 5), 0), np.ones(40), rank=1, structure="psd", rng=0)
    >>> section = ll.landscape.cut_line(fit.objective, fit.search.theta, np.ones(5), n_points=5)
    >>> section.values.shape, float(section.positions[section.values.argmin()])
    ((5,), 0.0)
    """

    positions: Vector
    values: Vector


@public("lowland.landscape")
@final
@dataclass(frozen=True, eq=False)
class Plane:
    """The objective on a plane through a point.

    Parameters
    ----------
    first, second : ndarray, shape (n,)
        Steps along the two directions.
    values : ndarray, shape (n, n)
        Rows belong to the first direction.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> fit = ll.recover(ll.gaussian(40, (5, 5), 0), np.ones(40), rank=1, structure="psd", rng=0)
    >>> plane = ll.landscape.cut_plane(fit.objective, fit.search.theta, *np.eye(5)[:2], n_points=5)
    >>> row, column = np.unravel_index(plane.values.argmin(), plane.values.shape)
    >>> float(plane.first[row]), float(plane.second[column])
    (0.0, 0.0)
    """

    first: Vector
    second: Vector
    values: Matrix


@public("lowland.landscape")
@final
@dataclass(frozen=True, eq=False)
class Path:
    """The objective along a curve between two points.

    Parameters
    ----------
    points : ndarray, shape (n, size)
    lengths : ndarray, shape (n,)
        Arc length from the start.
    values : ndarray, shape (n,)

    Examples
    --------
    >>> import lowland as ll
    >>> from lowland.datasets import false_minimum
    >>> instance, false = false_minimum(0.6)
    >>> fit = ll.recover(instance.measurement, instance.y, rank=1, structure="psd", certify=False, rng=0)
    >>> ends = fit.search.theta, false.ravel()
    >>> straight, path = (ll.landscape.find_path(fit.objective, *ends, n_rounds=k) for k in (0, 200))
    >>> 0 < path.barrier < straight.barrier, bool(path.lengths[-1] > straight.lengths[-1])
    (True, True)
    """

    points: Matrix
    lengths: Vector
    values: Vector

    @property
    def barrier(self) -> float:
        """Rise from the higher end to the highest of the points: an upper bound on the lowest pass.

        (Between neighbouring points the objective may be slightly higher.)
        """
        return float(self.values.max() - max(self.values[0], self.values[-1]))


@public("lowland.landscape")
def cut_line(
    objective: Objective, theta: Vector, direction: Vector, *, span: float = 1.0, n_points: int = 101
) -> Section:
    """Return the objective along a line.

    Parameters
    ----------
    objective : Objective
    theta : ndarray, shape (size,)
    direction : ndarray, shape (size,)
        Nonzero; its length does not matter.
    span : float
        Distance either way, as a fraction of the point's norm (an absolute length at zero).
    n_points : int
        Number of points.

    Returns
    -------
    Section

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> fit = ll.recover(ll.gaussian(40, (5, 5), 0), np.ones(40), rank=1, structure="psd", rng=0)
    >>> section = ll.landscape.cut_line(fit.objective, fit.search.theta, np.ones(5), n_points=5)
    >>> bool(section.values[2] == section.values.min())
    True
    """
    unit = _unit(direction, "direction")
    positions = np.linspace(-1, 1, n_points) * span * (float(np.linalg.norm(theta)) or 1.0)
    return Section(positions, np.array([objective.value(theta + step * unit) for step in positions]))


@public("lowland.landscape")
def cut_plane(
    objective: Objective,
    theta: Vector,
    first: Vector,
    second: Vector,
    *,
    span: float = 1.0,
    n_points: int = 41,
) -> Plane:
    """Return the objective on the plane of two directions, with the second orthogonalised to the first.

    Parameters
    ----------
    objective : Objective
    theta : ndarray, shape (size,)
    first, second : ndarray, shape (size,)
        Independent.
    span : float
        Distance either way, as a fraction of the point's norm (an absolute length at zero).
    n_points : int
        Points along each direction.

    Returns
    -------
    Plane

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> fit = ll.recover(ll.gaussian(40, (5, 5), 0), np.ones(40), rank=1, structure="psd", rng=0)
    >>> one, two = np.eye(5)[:2]
    >>> ll.landscape.cut_plane(fit.objective, fit.search.theta, one, two, n_points=3).values.shape
    (3, 3)
    """
    one = _unit(first, "first")
    two = _unit(second - (second @ one) * one, "second")
    steps = np.linspace(-1, 1, n_points) * span * (float(np.linalg.norm(theta)) or 1.0)
    values = np.array([[objective.value(theta + a * one + b * two) for b in steps] for a in steps])
    return Plane(steps, steps, values)


@public("lowland.landscape")
def find_path(
    objective: HasMatrix, start: Vector, end: Vector, *, n_points: int = 31, n_rounds: int = 200
) -> Path:
    """Return a path of low values between two points: a string relaxed from the straight line.

    Parameters
    ----------
    objective : Objective
        One whose points represent matrices: the end is first rotated, without changing its matrix, to
        lie as close to the start as possible.
    start, end : ndarray, shape (size,)
    n_points : int
        Points of the path.
    n_rounds : int
        Descent steps of the string; 0 leaves the straight line.

    Returns
    -------
    Path
        It need not be the lowest pass; its barrier is an upper bound on that.

    References
    ----------
    W. E, W. Ren, E. Vanden-Eijnden, Simplified and improved string method for computing the minimum
    energy paths in barrier-crossing events, J. Chem. Phys. 2007.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.datasets import false_minimum
    >>> instance, false = false_minimum(0.6)
    >>> fit = ll.recover(instance.measurement, instance.y, rank=1, structure="psd", rng=0)
    >>> path = ll.landscape.find_path(fit.objective, fit.search.theta, false.ravel())
    >>> 0 < path.barrier < 0.02
    True
    """
    end = aligned(objective, end, start)
    points = start + np.linspace(0, 1, n_points)[:, None] * (end - start)
    values = np.array([objective.value(point) for point in points])
    best = points, values
    step = _first_step(objective, points, values)
    for _ in range(n_rounds):
        gradients = np.array([objective.gradient(point) for point in points[1:-1]])
        moved = points.copy()
        moved[1:-1] -= step * gradients
        moved = _respaced(moved)
        new = np.array([objective.value(point) for point in moved])
        if not np.isfinite(new).all() or new.max() > values.max() * (1 + 1e-9) + 1e-300:
            step /= 2
            if step < 1e-12:
                break
            continue
        points, values = moved, new
        if values.max() <= best[1].max():
            best = points, values
        step *= 1.1
    points, values = best
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return Path(points, lengths, values)


def aligned(objective: HasMatrix, theta: Vector, target: Vector) -> Vector:
    """Return the point of the same matrix that is closest to another, over rotations of its columns."""
    here, there = (objective.matrix(objective.canonical(point)) for point in (theta, target))
    if here.left is here.right:
        cross = here.left.conj().T @ there.left
    else:
        cross = here.left.conj().T @ there.left + here.right.conj().T @ there.right
    u, _, vh = np.linalg.svd(cross)
    turned: Vector = objective.from_factors(Factors(here.left @ (u @ vh), here.right @ (u @ vh)))
    return turned


def _unit(direction: Vector, name: str) -> Vector:
    length = float(np.linalg.norm(direction))
    if not length > 0:
        raise InvalidInputError(f"{name} must not vanish", "a direction of length 0", fix="pass another one")
    return np.asarray(direction / length)


def _first_step(objective: Objective, points: Matrix, values: Vector) -> float:
    middle = points[int(np.argmax(values))]
    gradient = objective.gradient(middle)
    curved = objective.hessian_product(middle, gradient)
    size = float(np.linalg.norm(curved))
    return 0.5 * float(np.linalg.norm(gradient)) / size if size > 0 else 1e-3


def _respaced(points: Matrix) -> Matrix:
    """Return equally spaced points along the same polygon."""
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    wanted = np.linspace(0, lengths[-1], len(points))
    return np.stack([np.interp(wanted, lengths, column) for column in points.T], axis=1)
