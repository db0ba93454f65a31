"""Forests of few trees, for tests of what comes before or after them."""

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
