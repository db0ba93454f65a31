"""Surveys of objectives whose landscape is known."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cases import completion_problem, sensing_problem
from lowland.core.errors import InvalidInputError
from lowland.core.results.status import Verdict
from lowland.datasets import false_minimum, planted_sensing
from lowland.landscape import cut_line, cut_plane, find_path, hessian_spectrum
from lowland.landscape.displays import (
    CensusDisplay,
    HessianSpectrumDisplay,
    PlaneDisplay,
    SectionDisplay,
)
from lowland.landscape.slices import aligned
from lowland.models import Psd
from lowland.objectives import make_objective
from lowland.search import Iterations, RelativeDecreaseBelow
from lowland.sensing.census import _judge_polished, census


def family(delta):
    instance, false = false_minimum(delta)
    return make_objective(instance.measurement, instance.y, Psd((2, 2), 1)), false.ravel()


def test_census_tells_a_benign_landscape_from_one_with_a_false_minimum():
    bad = census(family(0.6)[0], n_starts=60, rng=0)
    assert 0.15 < bad.miss_rate < 0.5
    assert bad.miss_rate < bad.bound < 0.6
    assert [e.count for e in bad.endings] == [60 - bad.misses, bad.misses]
    assert bad.endings[1].value == pytest.approx(0.32)
    assert bad.endings[1].describe() == "strict local minimum"
    assert not bad.endings[1].reaches_best

    instance = planted_sensing(120, 15, 2, 0)
    good = census(make_objective(instance.measurement, instance.y, Psd((15, 15), 2)), n_starts=30, rng=0)
    assert good.misses == 0
    assert good.best_is_global is Verdict.PROVED
    assert len(good.endings) == 1, "sign flips and rotations are one matrix"
    assert good.bound == pytest.approx(1 - 0.05 ** (1 / 30))
    assert "0 ended above" in str(good)


@pytest.mark.slow
def test_the_bound_covers_and_is_useful():
    """Coverage of the true miss rate over repeated censuses; a normal approximation would fall short."""
    objective, _ = family(0.6)
    whole = census(objective, n_starts=2000, certify=False, rng=1)
    truth, rng = whole.miss_rate, np.random.default_rng(0)
    missed = whole.values > 0.1
    covered, bounds = 0, []
    for _ in range(1000):
        k = int(rng.choice(missed, 50).sum())
        small = type(whole)(np.zeros(50), np.zeros(50, int), whole.endings, k, 0.95, "gradient")
        bounds.append(small.bound)
        covered += small.bound >= truth
    assert covered >= 940
    assert np.mean(bounds) <= 0.45


def test_census_takes_any_law_of_starts():
    objective, false = family(0.6)
    all_bad = census(objective, n_starts=5, start=lambda rng: false + 1e-3 * rng.standard_normal(2), rng=0)
    assert all_bad.values.min() == pytest.approx(0.32)
    with pytest.raises(InvalidInputError, match="wrong size"):
        census(objective, n_starts=5, start=lambda rng: np.ones(3), rng=0)


def test_census_is_the_same_on_any_workers():
    objective, _ = family(0.6)
    one = census(objective, n_starts=12, rng=3, certify=False)
    with ThreadPoolExecutor(3) as pool:
        three = census(objective, n_starts=12, rng=3, certify=False, mapper=pool.map)
    np.testing.assert_array_equal(one.values, three.values)
    np.testing.assert_array_equal(one.labels, three.labels)


def test_unfinished_searches_count_as_misses_and_are_called_so():
    result = census(family(0.6)[0], n_starts=10, rng=0, stop=Iterations(1), most_endings=2)
    assert result.misses >= 8
    assert result.endings[0].describe() == "not stationary"
    assert "elsewhere" in str(result)
    everything = type(result)(np.ones(3), np.zeros(3, int), result.endings, 3, 0.95, "gradient")
    assert everything.bound == 1.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_starts": 0}, "positive whole number"),
        ({"start": "spectral"}, "must be random"),
        ({"level": 1.0}, "between 0 and 1"),
        ({"tolerance": 0.0}, "between 0 and 1"),
    ],
)
def test_census_refuses(change, words):
    with pytest.raises(InvalidInputError, match=words):
        census(family(0.6)[0], **change)


def test_spectrum_against_a_dense_hessian(rng):
    objective = sensing_problem()
    theta = rng.standard_normal(objective.size)
    spectrum = hessian_spectrum(objective, theta)
    dense = np.array([objective.hessian_product(theta, unit) for unit in np.eye(objective.size)])
    np.testing.assert_allclose(spectrum.nodes, np.linalg.eigvalsh(dense), rtol=1e-8, atol=1e-8)
    breadth = spectrum.largest - spectrum.smallest
    grid = np.linspace(spectrum.smallest - breadth, spectrum.largest + breadth, 4000)
    assert np.trapezoid(spectrum.density(grid), grid) == pytest.approx(1, abs=0.01)


def test_lanczos_quadrature_matches_moments(rng, monkeypatch):
    """With enough probes the weighted nodes have the trace of the Hessian and of its square."""
    objective = completion_problem()
    theta = rng.standard_normal(objective.size)
    exact = hessian_spectrum(objective, theta)
    monkeypatch.setattr("lowland.landscape.spectrum.LARGEST_DENSE", 10)
    sample = hessian_spectrum(objective, theta, n_probes=60, n_steps=40, rng=0)
    assert not sample.exact
    assert sample.weights.sum() == pytest.approx(1)
    for power in (1, 2):
        moments = [float(s.weights @ s.nodes**power) for s in (exact, sample)]
        assert moments[1] == pytest.approx(moments[0], rel=0.1)
    assert sample.smallest >= exact.smallest - 1e-8 * exact.largest
    assert sample.largest == pytest.approx(exact.largest, rel=1e-6)


def test_cuts_hold_the_objective(rng):
    objective, false = family(0.6)
    section = cut_line(objective, false, np.array([2.0, 0.0]), n_points=11)
    assert section.values[5] == pytest.approx(objective.value(false))
    assert section.values.min() == pytest.approx(section.values[5]), "a strict minimum along the line"
    plane = cut_plane(objective, false, np.array([1.0, 0.0]), np.array([1.0, 1.0]), n_points=5)
    there = false + plane.first[1] * np.array([1.0, 0.0]) + plane.second[3] * np.array([0.0, 1.0])
    assert plane.values[1, 3] == pytest.approx(objective.value(there))
    with pytest.raises(InvalidInputError, match="must not vanish"):
        cut_line(objective, false, np.zeros(2))


def test_a_relaxed_path_is_lower_than_the_straight_line():
    objective, false = family(0.6)
    truth = np.array([1.0, 0.0])
    straight = find_path(objective, truth, false, n_rounds=0)
    relaxed = find_path(objective, truth, false)
    assert 0 < relaxed.barrier < straight.barrier
    assert relaxed.values[0] == pytest.approx(0, abs=1e-25)
    assert relaxed.values[-1] == pytest.approx(0.32)
    # the pass cannot be lower than the saddle between the minima, found on a fine grid of circles
    assert relaxed.barrier < 0.02


@pytest.mark.parametrize("structure", ["psd", "general"])
def test_alignment_keeps_the_matrix(structure, rng):
    objective = sensing_problem(structure)
    theta, target = rng.standard_normal((2, objective.size))
    turned = aligned(objective, theta, objective.canonical(target))
    np.testing.assert_allclose(
        objective.matrix(turned).matrix(), objective.matrix(theta).matrix(), atol=1e-10
    )
    distances = [
        np.linalg.norm(point - objective.canonical(target)) for point in (turned, objective.canonical(theta))
    ]
    assert distances[0] <= distances[1] + 1e-9


def test_displays(rng):
    pytest.importorskip("matplotlib").use("Agg")
    objective, false = family(0.6)
    result = census(objective, n_starts=8, rng=0)
    bars = CensusDisplay.from_census(result).plot()
    assert [bar.get_width() for bar in bars.ax_.patches] == [e.count for e in result.endings]
    line = HessianSpectrumDisplay.from_spectrum(hessian_spectrum(objective, false)).plot()
    assert line.ax_.lines[0].get_xdata()[0] < line.smallest
    section = cut_line(objective, false, np.array([1.0, 0.0]))
    np.testing.assert_array_equal(
        SectionDisplay.from_section(section).plot().ax_.lines[0].get_ydata(), section.values
    )
    path = find_path(objective, np.array([1.0, 0.0]), false, n_rounds=3)
    assert SectionDisplay.from_path(path).plot().ax_.get_ylabel() == "objective"
    plane = cut_plane(objective, false, np.array([1.0, 0.0]), np.array([0.0, 1.0]), n_points=7)
    assert PlaneDisplay.from_plane(plane).plot().ax_.collections


def test_endings_are_judged_where_newton_steps_take_them():
    """Plain descent that ends early is near a minimum, not at it; a saddle that polishing leaves stays."""
    objective, false = family(0.6)
    early = census(objective, n_starts=20, stop=RelativeDecreaseBelow(1e-6), rng=0)
    for ending in early.endings:
        assert np.linalg.norm(objective.gradient(ending.theta)) < 1e-9
    point, certificate = _judge_polished(objective, false + 1e-4)
    assert np.linalg.norm(objective.gradient(point)) < 1e-9
    assert certificate["strict_local_minimum"].verdict is Verdict.SUPPORTED
    saddle, at = family(0.4)
    start = at + np.array([1e-9, 0.0])
    point, _ = _judge_polished(saddle, start)
    np.testing.assert_array_equal(point, start)
