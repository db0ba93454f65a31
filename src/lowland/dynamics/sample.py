"""Sampling and rare exits end to end: checks, defaults, and the wiring to a potential."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import whole_number
from lowland.core.random import RandomSource, make_generator
from lowland.dynamics.exit_sets import Ball, HalfSpace
from lowland.dynamics.exits.escape import PotentialLike, as_potential, start_points
from lowland.dynamics.exits.escape_checks import check_basin, check_paths, check_start
from lowland.dynamics.exits.excursions import Walkers
from lowland.dynamics.exits.kramers import stationary_hessian
from lowland.dynamics.exits.splitting import Splitting, SplittingStudy, split_exits
from lowland.dynamics.laws import Dynamics, check_dynamics
from lowland.dynamics.potentials import Potential
from lowland.dynamics.sampling import LangevinSample, draw_chains

# distance from the minimum at which an excursion begins, in thermal standard deviations
_SURFACE = 1.5
# chains of a sample
_CHAINS = 8


@public("lowland.dynamics")
def sample_langevin(
    potential: PotentialLike,
    start: ArrayLike,
    dynamics: Dynamics,
    *,
    n_chains: int | None = None,
    n_draws: int = 1000,
    thin: int = 10,
    warm_up: int | None = None,
    rng: RandomSource = None,
) -> LangevinSample:
    """Draw from exp(-beta F) by Langevin chains.

    Parameters
    ----------
    potential : Potential, str, objective or callable
    start : array_like, shape (d,) or (n_chains, d)
    dynamics : Overdamped, NonReversible or Underdamped
        `Overdamped(..., metropolis=True)` has no bias from the step; it needs energies.
    n_chains : int, optional
        8 by default, or as many as `start` has rows.
    n_draws, thin : int
        Draws per chain, and steps between two draws.
    warm_up : int, optional
        Steps before the first draw; by default a tenth of the steps that follow.
    rng : int, Generator or None

    Returns
    -------
    LangevinSample

    Raises
    ------
    InvalidInputError
        If the step is unstable at the start, or Metropolis steps lack energies.

    Examples
    --------
    >>> from lowland.dynamics import Underdamped, sample_langevin
    >>> sample = sample_langevin("quadratic", [0.0], Underdamped(0.5, beta=1, friction=1), rng=0)
    >>> mean, error = sample.mean(lambda x: x[:, 0] ** 2)
    >>> abs(mean - 1) < 4 * error
    True
    """
    check_dynamics(dynamics)
    whole_number(n_draws, "n_draws", 1)
    whole_number(thin, "thin", 1)
    one = np.ndim(start) < 2 and n_chains is None
    points = start_points(start, _CHAINS if one else n_chains)
    if warm_up is not None:
        whole_number(warm_up, "warm_up", 0)
    landscape = as_potential(potential, points.shape[1])
    check_start(landscape, points, lambda x: np.zeros(len(x), bool), dynamics)
    steps = n_draws * thin // 10 if warm_up is None else warm_up
    key = int(make_generator(rng).integers(2**63))
    return draw_chains(landscape, points, dynamics, n_draws=n_draws, thin=thin, warm_up=steps, key=key)


@public("lowland.dynamics")
def split_escape(  # noqa: PLR0913
    potential: PotentialLike,
    minimum: ArrayLike,
    *,
    exit: HalfSpace | Ball,
    dynamics: Dynamics,
    coordinate: Callable[[Matrix], Vector] | None = None,
    levels: tuple[float, float] | None = None,
    n_walkers: int = 500,
    n_runs: int = 16,
    n_excursions: int = 2000,
    rng: RandomSource = None,
) -> SplittingStudy:
    """Estimate a mean exit time that is too long to wait for, by adaptive multilevel splitting.

    Parameters
    ----------
    potential : Potential, str, objective or callable
    minimum : array_like, shape (d,)
    exit : HalfSpace or Ball
        Best chosen well past the saddle: crossings between two steps are not counted here.
    dynamics : Overdamped, NonReversible or Underdamped
    coordinate : callable, optional
        Takes points (n, d), returns their progress towards the exit (n,). By default minus the distance to
        the exit set. Any choice is unbiased; a good one has less variance.
    levels : pair of float, optional
        Progress at which an excursion ends, and at which one begins. By default that of the minimum, and
        one and a half thermal standard deviations beyond it.
    n_walkers, n_runs, n_excursions : int
        Paths per run, independent runs, and excursions observed for their mean length.
    rng : int, Generator or None

    Returns
    -------
    SplittingStudy

    Notes
    -----
    The mean exit time is the mean length of an excursion times the number of those that fall back, plus the
    wait before the last and its length, provided that successive excursions are uncorrelated: where more
    than about one in a hundred leaves, or energy relaxes slowly (little friction), the mean may be off by
    several per cent, and direct simulation is cheap. The bias of the step remains, and crossings between
    steps are not detected.

    References
    ----------
    F. Cerou, A. Guyader, Adaptive multilevel splitting for rare event analysis, Stoch. Anal. Appl. 2007;
    F. Cerou et al., A multiple replica approach to simulate reactive trajectories, J. Chem. Phys. 2011.

    Examples
    --------
    >>> from lowland.dynamics import HalfSpace, Overdamped, split_escape
    >>> study = split_escape(
    ...     "double_well", [-1.0], exit=HalfSpace([1.0], 0.7), dynamics=Overdamped(0.02, beta=20),
    ...     n_walkers=200, n_runs=8, n_excursions=400, rng=0,
    ... )
    >>> low, high = study.interval(0.999)
    >>> low < 718 < high
    True
    """
    check_paths(dynamics)
    if not isinstance(exit, HalfSpace | Ball):
        raise InvalidInputError("exit must be a HalfSpace or a Ball", type(exit).__name__)
    for name, number, least in (
        ("n_walkers", n_walkers, 8),
        ("n_runs", n_runs, 2),
        ("n_excursions", n_excursions, 2),
    ):
        whole_number(number, name, least)
    low = np.atleast_1d(np.asarray(minimum, dtype=float))
    landscape = as_potential(potential, low.size)
    check_start(landscape, low, exit, dynamics)
    check_basin(landscape, low, exit)

    def nearness(x: Matrix) -> Vector:
        return -exit.distance(x)

    way = nearness if coordinate is None else coordinate
    home, surface = _levels(landscape, low, exit, way, dynamics.beta) if levels is None else _pair(levels)
    if coordinate is None and 2 * surface - home >= 0:
        raise InvalidInputError(
            "the exit set is within reach of thermal motion, so exits are not rare",
            f"exit at distance {-home:.3g}; excursions begin at distance {surface - home:.3g}",
            fix="time exits directly with escape_times",
        )
    plan = Splitting(home, surface, n_walkers, n_runs, n_excursions)
    generator = make_generator(rng)
    walkers = Walkers(landscape, dynamics, exit, coordinate, int(generator.integers(2**63)))
    return split_exits(walkers, low, plan, generator)


def _pair(levels: ArrayLike) -> tuple[float, float]:
    numbers = np.asarray(levels, dtype=float)
    if numbers.shape != (2,) or not np.all(np.isfinite(numbers)):
        raise InvalidInputError("levels must be two finite numbers", repr(levels))
    return float(numbers[0]), float(numbers[1])


def _levels(
    landscape: Potential,
    low: Vector,
    exit: HalfSpace | Ball,
    coordinate: Callable[[Matrix], Vector],
    beta: float,
) -> tuple[float, float]:
    """Return the coordinate at or near the minimum, and some thermal standard deviations beyond."""
    H = stationary_hessian(landscape, low, "minimum")
    radial = float(np.sqrt(np.trace(np.linalg.inv(H)) / beta))
    home = float(np.asarray(coordinate(low[None]))[0])
    if isinstance(exit, Ball) and not exit.inside and np.linalg.norm(exit.centre - low) < radial:
        # a path never returns to a single point: home is a ball around it
        spread, home = radial, home + 0.5 * radial
    else:
        steps = 1e-4 * np.maximum(np.abs(low), 1.0)
        up, down = (np.asarray(coordinate(low + sign * np.diag(steps))) for sign in (1, -1))
        slope = (up - down) / (2 * steps)
        spread = float(np.sqrt(slope @ np.linalg.solve(H, slope) / beta))
    return home, home + _SURFACE * spread
