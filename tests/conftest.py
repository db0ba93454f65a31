import gc
import signal
import sys
from importlib import import_module

import numpy as np
import pytest

from covering import mark_the_rest

gc.disable()  # while thousands of tests are collected, none of which is garbage


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Before slow tests are selected or left out."""
    mark_the_rest(items)


def pytest_collection_finish():
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # most garbage of a fit goes by its counts of references
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Tell expected failures without the source of their frames: reading it takes longer than the test."""
    try:
        return (yield)
    except Exception as error:
        if item.get_closest_marker("xfail"):
            raise error.with_traceback(None) from None
        raise


@pytest.fixture
def rng():
    return np.random.default_rng(20160523)


@pytest.fixture(autouse=True)
def findings_that_contradict_each_other_fail(monkeypatch):
    """The contract over all certificates judged in this process: the product would leave both open."""
    import_module("lowland.certificates")
    judging = sys.modules["lowland.certificates.judging"]
    agreement = sys.modules["lowland.certificates.agreement"]

    def settle(findings):
        assert agreement.contradictions(findings) == []
        return findings

    monkeypatch.setattr(judging, "settle", settle)


@pytest.fixture
def plain_kernels(monkeypatch):
    """Fit large tables in loops that are compiled once, where the vector form is not what is tested."""
    monkeypatch.setenv("LOWLAND_ROW_KERNEL", "portable")


@pytest.fixture(scope="module")
def plain_kernels_throughout():
    """The same for all tests of a file and what they share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOWLAND_ROW_KERNEL", "portable")
        yield


@pytest.fixture
def default_handler():
    """Give Ctrl-C its usual meaning, which tests that run in the background of a script do not have."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def quick_starts(monkeypatch):
    """Start from factors that few sweeps find, where it is not how good they are that is tested."""
    monkeypatch.setattr("lowland.completion.bayesian.starting.grown_start.WAY_SWEEPS", 2)
    monkeypatch.setattr("lowland.completion.bayesian.starting.residual_structure.PASSES", 1)
    monkeypatch.setattr("lowland.completion.bayesian.sweeps.SETTLING", 2)


def patch_few_trees(patch):
    """Grow few trees, on few tables with cells held out: most of a fit of a small table is these."""
    learning, trials = "lowland.completion.refinement.forest_learning", "lowland.completion.refinement.trials"
    patch.setattr(f"{learning}.TREES", (6, 20))
    patch.setattr(f"{learning}.WEIGHED", (4, 10))
    patch.setattr(f"{trials}.MOST_TRIALS", import_module("lowland.trials.choices").FORESTS.hides.times)


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


@pytest.fixture
def undrawn(monkeypatch):
    """Let displays plot each figure of a page, and leave out its drawing as SVG, which takes far longer."""
    empty = '<svg viewBox="0 0 1 1"></svg>'
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, file, **_: file.write(empty))
