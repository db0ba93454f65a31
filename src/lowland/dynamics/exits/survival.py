"""Mean times from observations of which some are censored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.landscape.proportions import least_share

# with fewer events a standard error is unreliable: an exact bound is given instead
FEW_EVENTS = 10
# with fewer events the interval of an exponential mean is conservative
ENOUGH_EVENTS = 20


@public("lowland.dynamics")
@final
@dataclass(frozen=True)
class MeanTime:
    """An estimated mean time.

    Parameters
    ----------
    mean : float
        Infinite if no event was observed, NaN if there is no estimate.
    standard_error : float
    lower, upper : float
        Confidence interval.
    level : float
        Level of the interval.
    method : str
        How the mean was estimated.
    one_sided : bool
        Whether the level is that of the lower end alone: after few events or none, the upper end is the
        largest possible mean.

    Examples
    --------
    >>> from lowland.dynamics import HalfSpace, Overdamped, escape_times
    >>> study = escape_times(
    ...     "double_well", [-1.0], exit=HalfSpace([1.0], 0.7), dynamics=Overdamped(0.01, beta=8),
    ...     max_time=60, n_chains=200, rng=0,
    ... )
    >>> found = study.estimate(level=0.99)
    >>> found.lower < 38.1 < found.upper, found.one_sided  # the exact mean of `mean_exit_time`
    (True, False)
    """

    mean: float
    standard_error: float
    lower: float
    upper: float
    level: float
    method: str
    one_sided: bool = False

    def __str__(self) -> str:
        share = f"{100 * self.level:g} %"
        if self.one_sided:
            near = f", about {self.mean:.6g}" if np.isfinite(self.mean) else ""
            return f"at least {self.lower:.6g} ({share}){near}"
        if np.isfinite(self.mean):
            return f"{self.mean:.6g}, {share} interval {self.lower:.6g} to {self.upper:.6g}"
        return f"unknown, at least {self.lower:.6g}" if self.lower > 0 else "unknown"


def sample_mean(times: Vector, level: float = 0.95) -> MeanTime:
    """Return the mean of uncensored times; the interval is Student's, on a logarithmic scale."""
    from scipy.special import stdtrit

    n = times.size
    if n < 2:
        return MeanTime(float("nan"), float("nan"), 0.0, float("inf"), level, "fewer than two times")
    mean, error = float(times.mean()), float(times.std(ddof=1) / np.sqrt(n))
    return _log_interval(mean, error, float(stdtrit(n - 1, (1 + level) / 2)), level, "mean of the times")


def exponential_mean(times: Vector, events: NDArray[np.bool_], *, level: float = 0.95) -> MeanTime:
    """Return the mean time, assumed exponential: exposure over events.

    Parameters
    ----------
    times : ndarray
        Time of the event, or of the end of observation.
    events : ndarray of bool
        False where observation ended first.
    level : float

    Returns
    -------
    MeanTime
        The interval is that of the chi-square law: exact without censoring, to half an event with it, and
        conservative after fewer than twenty.
        Without an event, a lower bound: exposure over the logarithm of 2 / (1 - level).
    """
    counts = times > 0
    exposure, k = float(np.sum(times[counts])), int(np.sum(events & counts))
    if k == 0:
        return _at_least(_exponential_ends(exposure, 0, False, level)[0], level, "no event, exponential")
    lower, upper = _exponential_ends(exposure, k, bool(np.all(events[counts])), level)
    return MeanTime(
        exposure / k, exposure / k / np.sqrt(k), lower, upper, level, "exponential, exposure over events"
    )


def delayed_exponential_mean(
    times: Vector, events: NDArray[np.bool_], entry: float, level: float = 0.95
) -> MeanTime:
    """Return the mean time if it is exponential only beyond `entry`.

    This is the mean up to `entry`, plus the share that lasts longer times its exponential mean. No
    observation may be censored before `entry`. Without an event after it, the result is an exact lower bound:
    the smallest share that may last so long, times the sum of `entry` and the smallest exponential mean.
    """
    from scipy.special import ndtri

    if np.any((times < entry) & ~events):
        raise InvalidInputError("observations must not be censored before the entry time", f"entry {entry:g}")
    n = times.size
    early, late = np.minimum(times, entry), times > entry
    share, k = float(late.mean()), int(np.sum(events & late))
    if not late.any():
        return sample_mean(times, level)
    exposure = float(np.sum(times[late] - entry))
    if k == 0:
        # both parts must hold together: each gets half of the error probability
        least = _exponential_ends(exposure, 0, False, level)[0]
        least = least_share(int(late.sum()), n, (1 + level) / 2) * (entry + least)
        return _at_least(least, level, f"no event after {entry:.3g}, exponential beyond")
    tail = exposure / k
    mean = float(early.mean()) + share * tail
    variance = early.var() / n + tail**2 * share * (1 - share) / n + share**2 * tail**2 / k
    variance += 2 * tail * share * (entry - early.mean()) / n  # those that last have the largest early part
    words = f"mean up to {entry:.3g}, exponential beyond"
    if k < ENOUGH_EVENTS:  # the exponential part dominates the error
        ends = _exponential_ends(exposure, k, False, level)
        lower, upper = (float(early.mean()) + share * end for end in ends)
        return MeanTime(mean, float(np.sqrt(variance)), lower, upper, level, words)
    return _log_interval(mean, float(np.sqrt(variance)), float(ndtri((1 + level) / 2)), level, words)


@public("lowland.dynamics")
def kaplan_meier(times: Vector, events: NDArray[np.bool_]) -> tuple[Vector, Vector, Vector]:
    """Return a survival curve: event times, the share that lasts longer, and its standard error (Greenwood).

    Parameters
    ----------
    times : ndarray, shape (n,)
        When each event occurred, or when its observation ended without one.
    events : ndarray of bool, shape (n,)
        False where observation ended first.

    Returns
    -------
    moments : ndarray, shape (k,)
        Distinct event times, ascending, in units of `times`.
    share : ndarray, shape (k,)
        Estimated share that lasts longer than each of them.
    error : ndarray, shape (k,)
        Standard errors of the shares; 0 where the share is 0.

    Raises
    ------
    InvalidInputError
        If events are not booleans, one per time.

    References
    ----------
    E. Kaplan, P. Meier, Nonparametric estimation from incomplete observations, JASA 1958.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> times, events = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, False, True])
    >>> moments, share, error = ll.dynamics.kaplan_meier(times, events)
    >>> moments, share
    (array([1., 2., 4.]), array([0.75, 0.5 , 0.  ]))
    >>> error.round(4)
    array([0.2165, 0.25  , 0.    ])
    """
    times, events = np.asarray(times, dtype=float), np.asarray(events)
    if events.dtype != bool or events.shape != times.shape or times.ndim != 1:
        raise InvalidInputError(
            "events must have one boolean per time",
            f"{events.dtype} of shape {events.shape} for times of shape {times.shape}",
            fix="pass study.left for the chains that left",
        )
    moments, counts = np.unique(times[events], return_counts=True)
    ordered = np.sort(times)
    at_risk = times.size - np.searchsorted(ordered, moments)
    share = np.cumprod(1 - counts / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.cumsum(counts / (at_risk * (at_risk - counts)))
        error = share * np.sqrt(spread)
    return moments, share, np.where(share > 0, error, 0.0)


def restricted_mean(
    times: Vector, events: NDArray[np.bool_], horizon: float, level: float = 0.95
) -> MeanTime:
    """Return the mean of the smaller of the time and a horizon, the area below the Kaplan-Meier curve.

    The interval is that of the difference from the horizon, on a logarithmic scale. After fewer than ten
    events it is an exact lower bound instead, whatever the law: the horizon times the smallest share that may
    last so long (Clopper-Pearson). For that bound, observations censored earlier count as events.
    """
    from scipy.special import ndtri

    ended = int(np.sum(times < horizon))
    if ended < FEW_EVENTS:
        seen = float(np.minimum(times, horizon).mean())
        least = horizon * least_share(times.size - ended, times.size, level)
        words = f"{ended} events before {horizon:.4g}" if ended else f"no event before {horizon:.4g}"
        error = float(np.minimum(times, horizon).std(ddof=min(1, times.size - 1)) / np.sqrt(times.size))
        return MeanTime(seen, error, min(least, seen), horizon, level, words, one_sided=True)
    moments, share, _ = kaplan_meier(times, events)
    inside = moments < horizon
    edges = np.r_[0.0, moments[inside], horizon]
    heights = np.r_[1.0, share[inside]]
    areas = np.diff(edges) * heights
    beyond = areas.sum() - np.cumsum(areas)[:-1]  # area after each event
    ordered = np.sort(times)
    at_risk = times.size - np.searchsorted(ordered, moments[inside])
    deaths = np.unique(times[events], return_counts=True)[1][inside]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(at_risk > deaths, beyond**2 * deaths / (at_risk * (at_risk - deaths)), 0.0)
    mean, error = float(areas.sum()), float(np.sqrt(terms.sum()))
    # with few events the mean is near the horizon: the difference, a scale parameter, gets the interval
    words = f"Kaplan-Meier, times cut at {horizon:.4g}"
    rest = _log_interval(horizon - mean, error, float(ndtri((1 + level) / 2)), level, words)
    return MeanTime(mean, error, max(horizon - rest.upper, 0.0), horizon - rest.lower, level, words)


def _exponential_ends(exposure: float, k: int, all_seen: bool, level: float) -> tuple[float, float]:
    """Return the ends of the chi-square interval of an exponential mean after k events."""
    from scipy.special import chdtri

    # a fixed end of observation lies between k and k + 1 events: conservative after few (Garwood 1936)
    unsure = 0 if all_seen else (1 if k >= ENOUGH_EVENTS else 2)
    tail = (1 - level) / 2
    lower = float(2 * exposure / chdtri(2 * k + unsure, tail))
    if k == 0:
        return lower, float("inf")
    return lower, float(2 * exposure / chdtri(2 * k + (unsure == 1), 1 - tail))


def _at_least(lower: float, level: float, method: str) -> MeanTime:
    return MeanTime(float("inf"), float("inf"), float(lower), float("inf"), level, method, one_sided=True)


def _log_interval(mean: float, error: float, quantile: float, level: float, method: str) -> MeanTime:
    factor = float(np.exp(quantile * error / mean)) if mean > 0 else float("inf")
    return MeanTime(mean, error, mean / factor, mean * factor, level, method)
