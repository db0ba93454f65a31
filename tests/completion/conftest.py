"""Forests of few trees and fits of few sweeps, for tests of what comes before or after them."""

import pytest

from lowland.completion.refinement import forest_learning as refinement_learning
from lowland.completion.refinement import trials as refinement_trials
from lowland.trials.choices import FORESTS


def patch_few_trees(patch):
    """Grow few trees, on few tables with cells held out: most of a fit of a small table is these."""
    patch.setattr(refinement_learning, "TREES", (6, 6, 20))
    patch.setattr(refinement_learning, "WEIGHED", (4, 4, 10))
    patch.setattr(refinement_trials, "MOST_TRIALS", FORESTS.hides.times)


@pytest.fixture
def few_trees(monkeypatch):
    """Where it is not the errors of forests that are tested."""
    patch_few_trees(monkeypatch)


@pytest.fixture(scope="module")
def few_trees_throughout():
    """The same for all tests of a file and what they share."""
    with pytest.MonkeyPatch.context() as patch:
        patch_few_trees(patch)
        yield


# what default fits of small tables spend most of their time on besides trees, and as little of it as will do
LIGHT = {
    "lowland.completion.bayesian.settings.BURN_IN": 10,
    "lowland.completion.bayesian.settings.MOST_SWEEPS": 1,
    "lowland.completion.bayesian.fit.BRIEF": 20,
    "lowland.completion.bayesian.order_choice.BRIEF": 20,
    "lowland.completion.encoded.power_choice.BRIEF": 20,
    "lowland.completion.row_units.choice.BRIEF": 20,
    "lowland.completion.bayesian.starting.grown_start.WAY_SWEEPS": 2,
    "lowland.completion.bayesian.starting.residual_structure.PASSES": 1,
    "lowland.completion.bayesian.sweeps.SETTLING": 2,
}


@pytest.fixture(scope="module")
def light_fits_throughout(few_trees_throughout):
    """Fit with few sweeps, draws and trees in a file that does not test how much better many make it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in LIGHT.items():
            patch.setattr(name, value)
        yield
