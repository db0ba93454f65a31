"""Mean times from observations of which some were cut off before the event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, ndtri, stdtrit

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError


@final
@dataclass(frozen=True)
class MeanTime:
    """An estimated mean time.

    Parameters
    ----------
    mean : float
        NaN where nothing can be said.
    standard_error : float
    lower, upper : float
        Confidence interval.
    level : float
        Its level.
    method : str
        What it rests on.
    """

    mean: float
    standard_error: float
    lower: float
    upper: float
    level: float
    method: str


def sample_mean(times: Vector, level: float = 0.95) -> MeanTime:
    """Return the mean of times of which none was cut off; the interval is Student's, in the logarithm."""
    n = times.size
    if n < 2:
        return MeanTime(float("nan"), float("nan"), 0.0, float("inf"), level, "fewer than two times")
    mean, error = float(times.mean()), float(times.std(ddof=1) / np.sqrt(n))
    return _log_interval(mean, error, float(stdtrit(n - 1, (1 + level) / 2)), level, "mean of the times")


def exponential_mean(
    times: Vector, events: NDArray[np.bool_], *, entry: float = 0.0, level: float = 0.95
) -> MeanTime:
    """Return the mean of the time beyond `entry`, exponential by assumption: exposure over events.

    Parameters
    ----------
    times : ndarray
        Of the event, or of the end of observation.
    events : ndarray of bool
        False where observation ended first.
    entry : float
        Time from which an observation counts; earlier ones are left out.
    level : float

    Returns
    -------
    MeanTime
        Its interval is that of the chi-square law: exact without censoring, or to half an event with it.
    """
    counts = times > entry
    exposure, k = float(np.sum(times[counts] - entry)), int(np.sum(events & counts))
    if k == 0:
        return MeanTime(float("inf"), float("inf"), 0.0, float("inf"), level, "no event")
    # a fixed end of observation lies between k and k + 1 events
    freedom = 2 * k if np.all(events[counts]) else 2 * k + 1
    tail = (1 - level) / 2
    lower, upper = (float(2 * exposure / chdtri(freedom, p)) for p in (tail, 1 - tail))
    return MeanTime(
        exposure / k, exposure / k / np.sqrt(k), lower, upper, level, "exponential, exposure over events"
    )


def delayed_exponential_mean(
    times: Vector, events: NDArray[np.bool_], entry: float, level: float = 0.95
) -> MeanTime:
    """Return the mean time if only what lies beyond `entry` is exponential.

    The mean up to `entry`, plus the share that lasts longer times its exponential mean. No observation may
    end before `entry` without an event.
    """
    if np.any((times < entry) & ~events):
        raise InvalidInputError("observations end before the entry time", f"entry {entry:g}")
    n = times.size
    early, late = np.minimum(times, entry), times > entry
    share, k = float(late.mean()), int(np.sum(events & late))
    if not late.any():
        return sample_mean(times, level)
    if k == 0:
        return MeanTime(float("inf"), float("inf"), 0.0, float("inf"), level, "no event after the entry")
    tail = float(np.sum(times[late] - entry)) / k
    mean = float(early.mean()) + share * tail
    variance = early.var() / n + tail**2 * share * (1 - share) / n + share**2 * tail**2 / k
    variance += 2 * tail * share * (entry - early.mean()) / n  # those who last have the largest early part
    words = f"mean up to {entry:.3g}, exponential beyond"
    return _log_interval(mean, float(np.sqrt(variance)), float(ndtri((1 + level) / 2)), level, words)


def kaplan_meier(times: Vector, events: NDArray[np.bool_]) -> tuple[Vector, Vector, Vector]:
    """Return event times, the share that lasts longer, and its standard error (Greenwood).

    References
    ----------
    E. Kaplan, P. Meier, Nonparametric estimation from incomplete observations, JASA 1958.
    """
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
    """Return the mean of the smaller of the time and a horizon, the area below Kaplan and Meier's curve."""
    if not np.any(events & (times < horizon)):
        seen = float(np.minimum(times, horizon).mean())
        return MeanTime(seen, 0.0, seen, seen, level, f"no event before {horizon:.4g}")
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
    half = float(ndtri((1 + level) / 2)) * error
    return MeanTime(mean, error, mean - half, mean + half, level, f"Kaplan-Meier, times cut at {horizon:.4g}")


def _log_interval(mean: float, error: float, quantile: float, level: float, method: str) -> MeanTime:
    factor = float(np.exp(quantile * error / mean)) if mean > 0 else float("inf")
    return MeanTime(mean, error, mean / factor, mean * factor, level, method)
