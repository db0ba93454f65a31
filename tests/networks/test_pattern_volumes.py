"""Exact volumes of patterns of full rank beside counts, drawn layers, and their bound."""

import itertools

import numpy as np
import pytest

from lowland.core.errors import InvalidInputError
from lowland.networks.regions import pattern_volumes
from lowland.networks.regions.pattern_shares import full_pattern_share
from lowland.networks.regions.pattern_volumes import full_pattern_bound, full_pattern_volume


def alike(n):
    """Points whose 2 n patterns are equally likely."""
    return np.tan(np.pi * (np.arange(1, n + 1) / n - 1 / (2 * n) - 1 / 2))


def naive(points, width):
    """By all combinations of the patterns of neurons, each weighted by its arc."""
    x = np.sort(points)
    gaps = np.diff(np.arctan(x)) / np.pi
    n, ends = x.size, (1 - gaps.sum()) / 2
    arcs = [(np.ones(n), ends), (np.zeros(n), ends)]
    for k, gap in enumerate(gaps):
        step = (np.arange(n) > k).astype(float)
        arcs += [(step, gap / 2), (1 - step, gap / 2)]
    total = 0.0
    for chosen in itertools.product(arcs, repeat=width):
        if np.linalg.matrix_rank(np.array([own for own, _ in chosen])) == n:
            total += np.prod([size for _, size in chosen])
    return total


@pytest.mark.parametrize(
    ("n", "width"),
    [(1, 1), (1, 3), (2, 2), (3, 3), (3, 5), (4, 4), pytest.param(4, 5, marks=pytest.mark.slow)],
)
def test_all_combinations_are_summed(n, width, rng):
    points = 2 * rng.standard_normal(n)
    assert full_pattern_volume(points, width) == pytest.approx(naive(points, width), abs=1e-12)


@pytest.mark.parametrize(("n", "width"), [(3, 6), (10, 30), (20, 102), (50, 305)])
def test_equally_likely_patterns_are_counted(n, width):
    assert full_pattern_volume(alike(n), width) == pytest.approx(full_pattern_share(n, width), abs=1e-10)


def test_drawn_layers_agree(rng):
    """With the sizes of weights of no account."""
    points, width, trials = np.sort(rng.uniform(-1, 1, 6)), 90, 4000
    rows = np.column_stack([points, np.ones(6)])
    weights = rng.standard_normal((trials, 2, width)) * rng.exponential(1, (trials, 1, width))
    full = np.linalg.matrix_rank((rows @ weights > 0).astype(float)) == 6
    share = full_pattern_volume(points, width)
    assert 0.1 < share < 0.9
    assert abs(full.mean() - share) < 4 * np.sqrt(share * (1 - share) / trials)


def test_one_direction_forgotten_is_found_out(monkeypatch, rng):
    """The mutant: rank n is taken for granted once every gap is hit."""
    real = pattern_volumes._all_hit
    monkeypatch.setattr(
        pattern_volumes, "_all_hit", lambda *args: real(*args) * (sum(args[0]) + args[1] > 0.99)
    )
    with pytest.raises(AssertionError):
        test_all_combinations_are_summed(3, 3, rng)


@pytest.mark.parametrize("count", [4, pytest.param(7, marks=pytest.mark.slow)])
def test_the_bound_is_below_and_close_where_it_says_something(count, rng):
    told = 0
    for _ in range(count):
        points = rng.uniform(-1, 1, rng.integers(1, 15))
        widths = np.unique(np.geomspace(1, 340, 9).astype(int))
        volumes = np.array([full_pattern_volume(points, w) for w in widths])
        bounds = np.array([full_pattern_bound(points, w) for w in widths])
        assert (bounds <= volumes + 1e-12).all()
        assert (np.diff(volumes) >= -1e-12).all()
        certain = bounds > 0.9
        told += int(certain.sum())
        assert (1 - bounds[certain] <= 1.6 * (1 - volumes[certain]) + 1e-9).all()
    assert told > 3


def test_bad_input():
    for call in (full_pattern_volume, full_pattern_bound):
        with pytest.raises(InvalidInputError, match="one input"):
            call(np.ones((3, 2)), 4)
        with pytest.raises(InvalidInputError, match="numbers repeat"):
            call([0.0, 1.0, 1.0], 4)
        with pytest.raises(InvalidInputError, match="width"):
            call([0.0, 1.0], 0)
    with pytest.raises(InvalidInputError, match="too wide"):
        full_pattern_volume([0.0, 1.0], 10_000)
