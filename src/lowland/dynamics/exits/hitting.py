"""`hitting_probability`: which of two sets paths enter first, from any points: committors by simulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_share, whole_number
from lowland.core.random import RandomSource, make_generator
from lowland.core.results.shown import Shown
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import Interruption
from lowland.core.running.stages import announce
from lowland.dynamics.exit_sets import Ball, HalfSpace, check_disjoint
from lowland.dynamics.exits.escape import PotentialLike, as_potential
from lowland.dynamics.exits.escape_checks import check_paths, check_start
from lowland.dynamics.kernels.ensembles import LARGEST_COORDINATE, bridge_chance
from lowland.dynamics.kernels.integrators import Gradient, step_batch
from lowland.dynamics.kernels.step_normals import start_velocities, step_normals, step_uniforms
from lowland.dynamics.laws import Dynamics
from lowland.landscape.proportions import share_interval

UNDECIDED, EXIT, HOME = 0, 1, 2
# steps between two announcements
TOLD_EVERY = 500


@public("lowland.dynamics")
@final
@dataclass(frozen=True, eq=False, repr=False)
class HittingStudy(Shown):
    """Which of two sets paths entered first, from each of several points.

    Parameters
    ----------
    points : ndarray, shape (k, d)
        Where they started.
    to_exit, to_home, undecided : ndarray of int, shape (k,)
        Paths that entered the exit set first, home first, and neither until the end.
    mean_time : float
        Until a set was entered, of the paths that entered one.
    gradient_calls : int
    stop_reason : StopReason

    Examples
    --------
    >>> from lowland.dynamics import Ball, Overdamped, hitting_probability
    >>> left, right = (Ball([c, 0.0], 0.3, inside=True) for c in (-1.0, 1.0))
    >>> study = hitting_probability(
    ...     "double_well", [0.0, 0.0], exit=right, home=left, dynamics=Overdamped(0.01, beta=8), n_paths=400,
    ...     rng=0,
    ... )
    >>> low, high = study.interval(0.99)
    >>> bool(low[0] < 0.5 < high[0]), int(study.undecided[0])
    (True, 0)
    """

    points: Matrix
    to_exit: NDArray[np.intp]
    to_home: NDArray[np.intp]
    undecided: NDArray[np.intp]
    mean_time: float
    gradient_calls: int
    stop_reason: StopReason

    @property
    def probability(self) -> Vector:
        """Share of the paths that entered the exit set first, shape (k,); undecided ones do not count."""
        decided = self.to_exit + self.to_home
        share: Vector = np.divide(self.to_exit, decided, out=np.full(decided.size, np.nan), where=decided > 0)
        return share

    def interval(self, level: float = 0.95) -> tuple[Vector, Vector]:
        """Return Clopper-Pearson intervals of the probabilities; undecided paths may go either way.

        Parameters
        ----------
        level : float
        """
        check_share("level", level)
        rows = zip(self.to_exit.tolist(), self.to_home.tolist(), self.undecided.tolist(), strict=True)
        ends = [share_interval(a, a + b + c, level, undecided=c) for a, b, c in rows]
        low, high = np.array(ends).T
        return low, high

    def _lines(self) -> list[str]:
        low, high = self.interval()
        lines = [
            f"from {np.array2string(at, precision=4, separator=', ', threshold=6)}: probability {p:.4f} of "
            f"entering the exit set first, 95 % interval {a:.4f} to {b:.4f}"
            for at, p, a, b in zip(self.points, self.probability, low, high, strict=True)
        ]
        open_ends = int(self.undecided.sum())
        if open_ends:
            lines.append(f"{open_ends} paths entered neither set: {self.stop_reason.value}")
        return [*lines, f"mean time until a set is entered {self.mean_time:.4g}"]


@public("lowland.dynamics")
def hitting_probability(
    potential: PotentialLike,
    points: ArrayLike,
    *,
    exit: HalfSpace | Ball,
    home: HalfSpace | Ball,
    dynamics: Dynamics,
    n_paths: int = 1000,
    max_steps: int = 1_000_000,
    rng: RandomSource = None,
) -> HittingStudy:
    """Measure the probability that paths enter one set before another: the committor, in any dimension.

    From a saddle it says how the basins beside it share the paths, and a point where it is one half lies on
    the surface that parts them.

    Parameters
    ----------
    potential : Potential, str, objective or callable
        As in `escape_times`.
    points : array_like, shape (d,) or (k, d)
        Where paths start, in neither set; with inertia, at velocities of the invariant law.
    exit, home : HalfSpace or Ball
        Disjoint.
    dynamics : Overdamped, NonReversible or Underdamped
    n_paths : int
        From each point.
    max_steps : int
        After which paths count as undecided.
    rng : int, Generator or None
        The same seed gives the same bits on any number of threads.

    Returns
    -------
    HittingStudy

    Raises
    ------
    InvalidInputError
        If a point lies in a set, the step is unstable there, or a path is no longer finite.

    Notes
    -----
    A step costs one gradient per path. Without inertia, paths that cross into a set and back within a step
    count with the probability of a Brownian bridge. Ctrl-C returns the study so far. In two dimensions
    `solve_backward` gives the same without simulation.

    References
    ----------
    E. Vanden-Eijnden, Transition path theory, in Computer simulations in condensed matter systems, 2006.

    Examples
    --------
    >>> import lowland as ll
    >>> surface = ll.dynamics.potential("muller_brown")
    >>> start, end = (ll.dynamics.Ball(surface.minima[k], 0.2, inside=True) for k in (0, 1))
    >>> moves = ll.dynamics.Overdamped(1e-3, beta=2)
    >>> study = ll.dynamics.hitting_probability(
    ...     surface, surface.saddles, exit=end, home=start, dynamics=moves, n_paths=200, rng=0
    ... )
    >>> low, high = study.interval(0.999)
    >>> low < [0.326, 0.980], high > [0.326, 0.980]  # of `solve_backward`
    (array([ True,  True]), array([ True,  True]))
    """
    check_paths(dynamics)
    count = whole_number(n_paths, "n_paths", 1)
    limit = whole_number(max_steps, "max_steps", 1)
    at = np.atleast_2d(np.asarray(points))
    if at.dtype.kind not in "biuf" or at.ndim != 2 or not len(at):
        raise InvalidInputError(
            "points must be one point, or one per row, of real numbers", f"shape {at.shape}, {at.dtype}"
        )
    at = at.astype(float)
    landscape = as_potential(potential, at.shape[1])
    for name, region in (("exit", exit), ("home", home)):
        if not isinstance(region, HalfSpace | Ball):
            raise InvalidInputError(f"{name} must be a HalfSpace or a Ball", type(region).__name__)
    check_start(landscape, at, exit, dynamics)
    check_disjoint(exit, home)
    if np.any(home.distance(at) <= 0):
        raise InvalidInputError(
            "home contains a point where paths start",
            f"{at[home.distance(at) <= 0][0]}",
            fix="start outside both sets",
        )
    key = int(make_generator(rng).integers(2**63))
    paths = _Paths(np.repeat(at, count, axis=0), dynamics, landscape.bind(key), (exit, home), key)
    reason = StopReason.CONVERGED
    with Interruption() as interruption:
        for step in range(limit):
            paths.advance(step)
            if not paths.moving.size:
                break
            if interruption.requested:
                reason = StopReason.INTERRUPTED
                break
            if step % TOLD_EVERY == 0:
                announce("steps", step, note=f"{paths.moving.size} of {paths.ended.size} paths move")
        else:
            reason = StopReason.ITERATION_LIMIT
    ends = paths.ended.reshape(len(at), count)
    to_exit, to_home, neither = ((ends == word).sum(axis=1) for word in (EXIT, HOME, UNDECIDED))
    taken = paths.steps[paths.ended != UNDECIDED]
    mean = float(taken.mean() * dynamics.step_size) if taken.size else float("nan")
    return HittingStudy(at, to_exit, to_home, neither, mean, paths.calls, reason)


class _Paths:
    """Paths that move until they enter one of two sets."""

    def __init__(
        self,
        starts: Matrix,
        dynamics: Dynamics,
        gradient: Gradient,
        regions: tuple[HalfSpace | Ball, HalfSpace | Ball],
        key: int,
    ) -> None:
        self.dynamics, self.gradient, self.regions, self.key = dynamics, gradient, regions, key
        n, d = starts.shape
        self.moving = np.arange(n)
        self.ended, self.steps = np.zeros(n, np.int8), np.zeros(n, np.intp)
        v = np.zeros_like(starts)
        if dynamics.has_velocity:
            v = start_velocities(self._ids, d, dynamics.beta, key)
        self.state = (starts, v, gradient(starts))
        self.calls = n

    @property
    def _ids(self) -> NDArray[np.uint32]:
        return self.moving.astype(np.uint32)

    def advance(self, step: int) -> None:
        """Take a step, and drop the paths that entered a set in it."""
        before, d = self.state[0], self.dynamics
        noise = step_normals(self._ids, step, d.noises * before.shape[1], self.key)
        self.state = step_batch(d, *self.state, noise, self.gradient)
        self.calls += self.moving.size
        after = self.state[0]
        if not np.all(np.abs(after) <= LARGEST_COORDINATE):
            raise InvalidInputError(
                "a path is no longer finite", f"step_size {d.step_size:g}", fix="use a smaller step"
            )
        chance = step_uniforms(self._ids, step, self.key)
        for word, region, draws in zip((EXIT, HOME), self.regions, (chance, 1 - chance), strict=True):
            entered = self._entered(region, before, after, draws)
            places = self.moving[entered]
            new = self.ended[places] == UNDECIDED
            self.ended[places[new]], self.steps[places[new]] = word, step + 1
        going = self.ended[self.moving] == UNDECIDED
        self.moving = self.moving[going]
        x, v, g = self.state
        self.state = (x[going], v[going], g[going])

    def _entered(
        self, region: HalfSpace | Ball, before: Matrix, after: Matrix, chance: Vector
    ) -> NDArray[np.bool_]:
        ahead, now = region.distance(before), region.distance(after)
        entered: NDArray[np.bool_] = now <= 0
        if self.dynamics.has_velocity:
            return entered
        return np.asarray(entered | (chance < bridge_chance(ahead, now, self.dynamics)))
