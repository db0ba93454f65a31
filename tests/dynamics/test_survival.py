"""Means of times that are cut off cover what they estimate, however few end before the horizon."""

import numpy as np
import pytest

import lowland as ll
from lowland.dynamics.exits.survival import (
    FEW_EVENTS,
    delayed_exponential_mean,
    exponential_mean,
    restricted_mean,
)

LAWS = {
    "exponential": lambda rng, mean, size: rng.exponential(mean, size),
    "after a delay": lambda rng, mean, size: 0.5 + rng.exponential(mean, size),
    "two rates": lambda rng, mean, size: (
        np.where(rng.random(size) < 0.5, 0.05, 20) * rng.exponential(mean, size)
    ),
    "rising rate": lambda rng, mean, size: mean * rng.weibull(2, size),
}
N = 200


def scale_for(law, events, rng):
    """The scale at which so many of N times end before 1."""
    low, high = 1e-3, 1e6
    for _ in range(40):
        scale = np.sqrt(low * high)
        more = N * np.mean(LAWS[law](rng, scale, 20_000) < 1) > events
        low, high = (scale, high) if more else (low, scale)
    return np.sqrt(low * high)


def covered(law, events, count):
    """How often the restricted mean's interval holds the true one."""
    rng = np.random.default_rng([len(law), int(10 * events)])
    scale = scale_for(law, events, rng)
    truth = np.minimum(LAWS[law](rng, scale, 4_000_000 if count > 1000 else 400_000), 1).mean()
    inside = 0
    for _ in range(count):
        times = LAWS[law](rng, scale, N)
        found = restricted_mean(np.minimum(times, 1), times < 1, 1.0)
        inside += found.lower <= truth <= found.upper
        assert found.one_sided == (np.sum(times < 1) < FEW_EVENTS)
        assert found.lower < found.upper == 1.0 or not found.one_sided
    return inside / count


@pytest.mark.covering
@pytest.mark.parametrize(
    ("events", "law"),
    [
        # every day each number of events with two laws
        pytest.param(events, law, marks=[pytest.mark.slow] if (own - k) % 2 else [])
        for k, events in enumerate((0.3, 1, 3, 9, 30, 150))
        for own, law in enumerate(LAWS)
    ],
)
def test_restricted_means_cover(law, events):
    assert covered(law, events, 300) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("events", [0.3, 1, 2, 5, 9, 12, 30, 150])
def test_restricted_means_cover_what_they_say(law, events):
    assert covered(law, events, 4000) > 0.935


@pytest.mark.parametrize("events", [0.3, 3, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 10))])
def test_exponential_means_cover(events):
    rng = np.random.default_rng(int(10 * events))
    mean = -1 / np.log1p(-events / N)
    inside = np.zeros(2)
    for _ in range(1500):
        times = rng.exponential(mean, N)
        seen, ended = np.minimum(times, 1), times < 1
        for k, found in enumerate(
            (exponential_mean(seen, ended), delayed_exponential_mean(seen, ended, 0.1))
        ):
            inside[k] += found.lower <= mean <= found.upper
            if not ended.any():
                assert found.one_sided
                assert 0 < found.lower < np.inf
    assert (inside / 1500 > 0.93).all()


def test_without_events_the_bounds_are_closed_forms():
    times, none = np.full(100, 2.0), np.zeros(100, bool)
    assert exponential_mean(times, none).lower == pytest.approx(200 / np.log(40))
    least = 0.025 ** (1 / 100)
    assert delayed_exponential_mean(times, none, 0.5).lower == pytest.approx(
        least * (0.5 + 150 / np.log(40)), rel=1e-12
    )
    restricted = restricted_mean(times, none, 2.0)
    assert (restricted.lower, restricted.upper) == (pytest.approx(2 * 0.05 ** (1 / 100)), 2.0)
    assert "at least" in str(restricted)


def test_a_study_that_nobody_leaves_says_at_least():
    study = ll.dynamics.escape_times(
        "double_well", [-1.0],
        exit=ll.dynamics.HalfSpace([1.0], 0.7), dynamics=ll.dynamics.Overdamped(0.01, beta=40),
        n_chains=100, max_time=60.0, rng=0,
    )  # fmt: skip
    assert study.left == 0
    for method in ("auto", "mean", "exponential", "delayed", "restricted"):
        found = study.estimate(method)
        assert found.one_sided
        assert found.lower > 0
    assert study.estimate("restricted").lower < 60 < study.estimate("exponential").lower
    assert "inf" not in str(study)
    assert "at least" in str(study)
