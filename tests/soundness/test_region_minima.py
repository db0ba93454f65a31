"""Verdicts on bad minima of activation regions against exact fractions: none false, and none missed."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

from lowland import networks as ln
from lowland.core.results.status import Verdict
from lowland.networks.regions.patterns import augmented, neuron_patterns
from oracles import relu as naive


def instance(seed):
    """A small network and data: generic, on a grid, or of whole numbers, some with targets out of reach."""
    rng = np.random.default_rng(seed)
    n, d, k, biased = (
        int(rng.integers(1, 6)),
        int(rng.integers(1, 3)),
        int(rng.integers(1, 4)),
        rng.random() < 0.6,
    )
    k = min(k, 2) if d + biased > 2 else k
    kind = rng.choice(["generic", "grid", "whole"])
    x, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    if kind == "grid":
        x, y = np.round(8 * x) / 8, np.round(8 * y) / 8
    elif kind == "whole":
        x, y = rng.integers(-3, 4, (n, d)).astype(float), rng.integers(-3, 4, n).astype(float)
    y = -np.abs(y) if rng.random() < 0.3 else y
    outer = rng.choice([-1.0, 1.0], k) if rng.random() < 0.7 else np.ones(k)
    first, bias = rng.standard_normal((k, d)), rng.standard_normal(k) if biased else None
    return ln.ReluNetwork((first, outer), (bias, None)), x, y


def is_bad(x, y, loss):
    """Whether a loss is one that some function betters, however inputs repeat."""
    groups = np.unique(x, axis=0, return_inverse=True)[1].ravel()
    means = np.bincount(groups, y) / np.bincount(groups)
    return loss > 0.5 * np.mean((y - means[groups]) ** 2) * (1 + 1e-9) + 1e-18


def judged(seeds):
    """Count verdicts by what is true, refusing false ones."""
    counts = Counter()
    for seed in seeds:
        network, x, y = instance(seed)
        report = ln.region_report(network, x, y)
        if report.activation.on_boundary:
            continue
        points, active = augmented(x, network.biases[0] is not None), report.activation.patterns[0]
        inside, loss = naive.inner_minimum(points, y, network.weights[1][0], active)
        bad = inside and is_bad(x, y, loss)
        finding = report.certificate["no_bad_minimum_in_region"]
        counts[finding.verdict, bad] += 1
        assert (finding.verdict, bad) not in {(Verdict.REFUTED, False), (Verdict.PROVED, True)}, seed
        assert (finding.verdict, bad) != (Verdict.SUPPORTED, True), seed
        if finding.verdict is Verdict.REFUTED:
            assert report.optimum.loss == pytest.approx(loss, rel=1e-7)
            weights = finding.witness["weights"]
            sides = (points @ weights.T > 0)[points.any(axis=1)]
            np.testing.assert_array_equal(sides, active[points.any(axis=1)])
    return counts


@pytest.mark.parametrize(("count", "least"), [(35, 7), pytest.param(150, 30, marks=pytest.mark.slow)])
def test_a_sample(count, least):
    counts = judged(range(count))
    assert counts[Verdict.REFUTED, True] > least
    assert counts[Verdict.INCONCLUSIVE, True] == 0


@pytest.mark.slow
def test_three_thousand():
    counts = judged(range(150, 3150))
    assert counts[Verdict.REFUTED, True] > 800
    assert counts[Verdict.INCONCLUSIVE, True] <= 2


def test_the_apex_is_no_minimum():
    """The gradient is positive on the whole region; its best point, zero weights, lies on every boundary."""
    for y in ([-1.0, -1.0], [-1e-3, -2.0], [-1e8, -1e8]):
        found = ln.region_report(ln.ReluNetwork(([[1.0]], [1.0])), [1.0, 2.0], y)
        assert found.certificate["no_bad_minimum_in_region"].verdict is Verdict.SUPPORTED
        assert not found.optimum.interior


FAMILIES = {
    "negative targets": ([0.3, 1.0, 1.7, 2.9], [-1.0, -2.0, -0.5, -1.5], [1.0, 1.0]),
    "both signs": ([-1.2, -0.1, 0.8, 1.9], [1.0, -0.5, 0.75, -2.0], [1.0, -1.0]),
    "five points": ([-2.0, -1.1, 0.2, 0.9, 2.3], [0.25, 1.0, -1.0, 2.0, 0.5], [-1.0, 1.0]),
}


# two of the families have targets of both signs
@pytest.mark.parametrize(
    ("name", "n_regions"),
    [
        *((name, 200) for name in ("negative targets", "both signs")),
        *(pytest.param(name, 600, marks=pytest.mark.slow) for name in FAMILIES),
    ],
)
def test_surveys_hold_the_exact_share(name, n_regions):
    """Every region enumerated and judged in fractions, beside an interval from drawn ones."""
    x, y, outer = (np.array(part) for part in FAMILIES[name])
    points, patterns = augmented(x[:, None], True), neuron_patterns(x)
    truths = []
    for picks in product(range(len(patterns)), repeat=len(outer)):
        active = patterns[list(picks)].T
        inside, loss = naive.inner_minimum(points, y, outer, active)
        truths.append(inside and loss > 1e-12)
    survey = ln.survey_regions(x, y, width=len(outer), law="count", n_regions=n_regions, outer=outer, rng=0)
    low, high = survey.bad_minimum.interval(0.999)
    assert low <= np.mean(truths) <= high
    assert survey.bad_minimum.undecided == 0
