"""Exit times of Langevin dynamics: many chains, crossings between steps, and censored chains."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.results.shown import Shown
from lowland.core.running.progress import OnProgress, Reporter
from lowland.core.running.stages import announce
from lowland.dynamics.exit_sets import Ball, ExitSet, HalfSpace
from lowland.dynamics.exits.survival import (
    MeanTime,
    delayed_exponential_mean,
    exponential_mean,
    kaplan_meier,
    restricted_mean,
    sample_mean,
)
from lowland.dynamics.kernels.ensembles import DIVERGED, LEFT, RUNNING, Chains, Ensemble
from lowland.dynamics.laws import Dynamics, Underdamped
from lowland.dynamics.potentials import Potential

if TYPE_CHECKING:
    from lowland.dynamics.displays import SurvivalDisplay
    from lowland.report.figures import Axes

# chains that left are dropped after so many steps: often at first, since chains may leave at once, then in
# proportion to the elapsed time
_FIRST_CHUNK, _LONGEST_CHUNK = 64, 4096
INTERRUPTED = "interrupted"
# share of diverged chains beyond which the others give no estimate
_TOO_MANY = 0.05


@public("lowland.dynamics")
@final
@dataclass(frozen=True, eq=False, repr=False)
class EscapeStudy(Shown):
    """Exit times of chains from a basin.

    Parameters
    ----------
    times : ndarray, shape (n,)
        When each chain left, diverged, or was last observed.
    status : ndarray of uint8, shape (n,)
        1 left, 2 diverged, 0 still in the basin when observation ended.
    dynamics : Dynamics
    horizon : float
        Time at which observation ended, or time of the last exit.
    entry : float
        Time from which exits are assumed exponential where chains were censored; 0 means from the start.
    gradient_calls : int
        Steps of all chains together.
    seconds : float
    message : str
        Why observation ended.
    order : float
        Order of the error of the mean in the step size, for extrapolation.
    coarse : EscapeStudy or None
        The same at twice the step, if the mean is extrapolated to step 0.

    Examples
    --------
    >>> from lowland.dynamics import HalfSpace, Overdamped, escape_times
    >>> study = escape_times(
    ...     "double_well", [-1.0], exit=HalfSpace([1.0], 0.7), dynamics=Overdamped(0.01, beta=4),
    ...     n_chains=200, rng=0,
    ... )
    >>> study.left, study.censored
    (200, 0)
    >>> low, high = study.interval(0.99)
    >>> low < 12.34 < high  # the exact mean of `mean_exit_time`
    True
    """

    times: Vector
    status: NDArray[np.uint8]
    dynamics: Dynamics
    horizon: float
    entry: float
    gradient_calls: int
    seconds: float
    message: str
    order: float
    coarse: EscapeStudy | None = None

    @property
    def n_chains(self) -> int:
        """Number of chains."""
        return int(self.times.size)

    @property
    def left(self) -> int:
        """Number of chains that left."""
        return int(np.sum(self.status == LEFT))

    @property
    def censored(self) -> int:
        """Number of chains still in the basin when observation ended."""
        return int(np.sum(self.status == RUNNING))

    @property
    def diverged(self) -> int:
        """Number of chains that diverged because of the step; they are left out of every mean."""
        return int(np.sum(self.status == DIVERGED))

    @property
    def mean(self) -> float:
        """Estimate of the mean exit time; infinite if none left (`interval` then has a lower bound)."""
        return self.estimate().mean

    @property
    def standard_error(self) -> float:
        """Standard error of the mean, sampling error only."""
        return self.estimate().standard_error

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return a confidence interval of the mean exit time; it covers the step's bias if extrapolated.

        If few chains left, or none, only the lower end has the level (`MeanTime.one_sided`).
        """
        estimate = self.estimate(level=level)
        return estimate.lower, estimate.upper

    def estimate(self, method: str = "auto", *, level: float = 0.95) -> MeanTime:
        """Return the mean exit time.

        Parameters
        ----------
        method : {"auto", "mean", "exponential", "delayed", "restricted"}
            "mean" averages the chains that left: biased where chains were censored. "exponential" is
            exposure over exits; "delayed" the same beyond `entry`; "restricted" the mean of the smaller of
            exit time and horizon. "auto" is "mean" if no chain was censored, else "delayed". If none left,
            all but "restricted" give a lower bound, exact for times that are exponential beyond `entry`;
            after few exits "restricted" gives one that holds for any law.
        level : float
            Level of the confidence interval.
        """
        if not 0 < level < 1:
            raise InvalidInputError("level must lie between 0 and 1", repr(level))
        if method not in _METHODS:
            raise InvalidInputError(
                "method is unknown", repr(method), fix=f"use one of {', '.join(_METHODS)}"
            )
        if self.coarse is None:
            return self._own_estimate(method, level, self.horizon)
        horizon = min(self.horizon, self.coarse.horizon)
        fine, coarse = (part._own_estimate(method, level, horizon) for part in (self, self.coarse))
        return _extrapolated(fine, coarse, self.order, level)

    def _own_estimate(self, method: str, level: float, horizon: float) -> MeanTime:
        counted = self.status != DIVERGED
        times, events = self.times[counted], self.status[counted] == LEFT
        if self.diverged > _TOO_MANY * self.n_chains:
            words = f"none: {self.diverged} of {self.n_chains} chains diverged; is the gradient's sign right?"
            return _nothing(words, 0.0, level)
        if method == "restricted":
            return restricted_mean(times, events, horizon, level)
        if not events.any():
            entry = 0.0 if method == "exponential" else self.entry
            if entry >= self.horizon:  # the exponential part was not observed
                words = f"no chain left before {horizon:.4g}"
                bound = restricted_mean(times, events, horizon, level)
                return replace(bound, mean=float("inf"), upper=float("inf"), method=words)
            return delayed_exponential_mean(times, events, entry, level)
        if method == "auto":
            method = "mean" if events.all() else "delayed"
        if method == "mean":
            return sample_mean(times[events], level)
        if method == "exponential":
            return exponential_mean(times, events, level=level)
        if self.entry >= self.horizon and not events.all():
            least = restricted_mean(times, events, self.horizon, level).lower
            words = f"none: chains must be observed beyond {self.entry:.4g}, when the basin settles"
            return _nothing(words, least, level)
        return delayed_exponential_mean(times, events, self.entry, level)

    def survival(self) -> tuple[Vector, Vector, Vector]:
        """Return exit times, the share not yet left after each, and its standard error (Kaplan-Meier)."""
        counted = self.status != DIVERGED
        return kaplan_meier(self.times[counted], self.status[counted] == LEFT)

    def plot(self, ax: Axes | None = None) -> SurvivalDisplay:
        """Draw the share of chains that have not left over time, on axes or on new ones."""
        from lowland.dynamics.displays import SurvivalDisplay

        return SurvivalDisplay.from_study(self).plot(ax)

    def _lines(self) -> list[str]:
        e = self.estimate()
        lines = [
            f"{self.n_chains} chains, {self.dynamics.describe()}",
            f"left {self.left}, still in the basin {self.censored}, diverged {self.diverged}; {self.message}",
            f"mean exit time {e} ({e.method})",
            f"{self.gradient_calls:.4g} gradient evaluations in {self.seconds:.3g} s",
        ]
        if self.diverged:
            lines.append(
                "chains diverged: the step is too large far out, or the potential is unbounded below"
            )
        if self.coarse is None:
            lines.append("the interval does not include the bias of the step, which extrapolation removes")
        return lines


_METHODS = ("auto", "mean", "exponential", "delayed", "restricted")


def _nothing(words: str, least: float, level: float) -> MeanTime:
    return MeanTime(float("nan"), float("nan"), least, float("inf"), level, words)


def _extrapolated(fine: MeanTime, coarse: MeanTime, order: float, level: float) -> MeanTime:
    """Return the mean at step 0 from means at a step and at twice the step (Richardson)."""
    from scipy.special import ndtri

    for part in (fine, coarse):
        if not np.isfinite(part.mean):
            return part
    if fine.one_sided or coarse.one_sided:
        return replace(fine, method=f"{fine.method}; too few exits to extrapolate")
    weight = 2**order / (2**order - 1)
    mean = weight * fine.mean - (weight - 1) * coarse.mean
    error = float(np.hypot(weight * fine.standard_error, (weight - 1) * coarse.standard_error))
    half = float(ndtri((1 + level) / 2)) * error
    words = f"{fine.method}; extrapolated to step 0"
    return MeanTime(mean, error, mean - half, mean + half, level, words)


@final
@dataclass(frozen=True, eq=False)
class Watch:
    """The exit set that chains are observed for, and for how long.

    Parameters
    ----------
    exit : HalfSpace, Ball or callable
    max_time : float or None
        When observation ends; None: when `max_gradient_calls` are used up.
    max_gradient_calls : float
        Limit on the steps of all chains together.
    entry : float
        Time from which exits are assumed exponential.
    bridge : bool
        Count crossings between two steps of overdamped paths.
    on_progress : callable, optional
        Called from time to time with the number of chains that left, of all chains, and the seconds so far.
    """

    exit: ExitSet
    max_time: float | None
    max_gradient_calls: float
    entry: float
    bridge: bool
    on_progress: OnProgress | None


def simulate_exits(
    potential: Potential, start: Matrix, dynamics: Dynamics, watch: Watch, key: int
) -> EscapeStudy:
    """Run chains until all have left or observation ends.

    Parameters
    ----------
    potential : Potential
    start : ndarray, shape (n, d)
    dynamics : Dynamics
    watch : Watch
    key : int
        Seed of the noise.
    """
    ensemble = Ensemble(
        gradient=potential.bind(key),
        dynamics=dynamics,
        key=key,
        value=potential.value,
        compiled=potential.compiled,
        parameters=potential.parameters,
        exit=watch.exit,
        bridge=watch.bridge,
    )
    chains, n = ensemble.start(start), len(start)
    status, times = np.zeros(n, np.uint8), np.full(n, np.nan)
    h = dynamics.step_size
    last = np.inf if watch.max_time in (None, np.inf) else int(np.ceil(watch.max_time / h))
    calls, begun = 0, time.perf_counter()
    message, tell = "all chains have ended", Reporter(watch.on_progress, n, what="exits")
    started = time.monotonic()
    try:
        while len(chains.ids):
            steps = _chunk(chains, last, watch.max_gradient_calls - calls)
            if steps < 1:
                message = (
                    "max_time is reached" if chains.step >= last else "the gradient evaluations are used up"
                )
                break
            chains = ensemble.advance(chains, steps)
            calls += steps * len(chains.ids)
            ended = chains.status != RUNNING
            status[chains.ids[ended]], times[chains.ids[ended]] = chains.status[ended], chains.times[ended]
            chains = chains.keep(~ended)
            left = int(np.sum(status == LEFT))
            tell(left)
            spent = max(calls / watch.max_gradient_calls, chains.step / last)
            if spent > left / n:  # observation will end before all have left
                announce(
                    "per cent of the observation",
                    int(100 * spent),
                    100,
                    f"{left} of {n} chains left",
                    started,
                )
    except KeyboardInterrupt:
        message = INTERRUPTED
    now = chains.step * h
    times[status == RUNNING] = now
    horizon = now if np.any(status == RUNNING) else float(times.max())
    return EscapeStudy(
        times=times,
        status=status,
        dynamics=dynamics,
        horizon=horizon,
        entry=watch.entry,
        gradient_calls=calls,
        seconds=time.perf_counter() - begun,
        message=message,
        order=_order(dynamics, watch),
    )


def _chunk(chains: Chains, last: float, calls_left: float) -> int:
    length = min(max(_FIRST_CHUNK, chains.step // 8), _LONGEST_CHUNK)
    return int(min(length, last - chains.step, calls_left / len(chains.ids)))


def _order(dynamics: Dynamics, watch: Watch) -> float:
    """Return the order of the error of a mean exit time in the step size."""
    if isinstance(dynamics, Underdamped):
        return 2.0 if dynamics.integrator in ("baoab", "obabo") else 1.0
    # undetected crossings between steps cause an error of the order of the square root of the step
    seen = watch.bridge and isinstance(watch.exit, HalfSpace | Ball)
    return 1.0 if seen else 0.5


def with_half_step(
    study: Callable[[Dynamics, int, float | None], EscapeStudy], dynamics: Dynamics
) -> EscapeStudy:
    """Return a study at half the step, with the study at the full step attached for extrapolation."""
    coarse = study(dynamics, 0, None)
    if coarse.message == INTERRUPTED:
        return coarse
    # observed for the same time
    horizon = coarse.horizon if coarse.censored else None
    fine = study(replace(dynamics, step_size=dynamics.step_size / 2), 1, horizon)
    if fine.message == INTERRUPTED:
        return fine
    calls, seconds = coarse.gradient_calls + fine.gradient_calls, coarse.seconds + fine.seconds
    return replace(fine, coarse=coarse, gradient_calls=calls, seconds=seconds)
