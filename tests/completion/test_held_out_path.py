"""Fits on a path that are left before their end are those that would have ended clearly worse."""

import numpy as np
import pytest

import lowland as ll
from lowland.completion.penalised.held_out_path import Candidate, EndsWorse, past, surplus_and_margin
from lowland.search.stops import Progress


@pytest.mark.parametrize(
    ("looks", "left"),
    [
        ([3.0, 3.1], False),  # too few to tell where it is heading
        ([3.0, 3.1, 3.3], True),
        ([3.0, 2.9, 2.85], True),  # heading for 2.8
        ([3.0, 2.5, 2.2], False),  # heading for 1.75
        ([3.0, 2.9, 2.7], False),  # falling faster
        ([3.0, 2.0, 1.9], False),  # no longer clearly worse
        ([3.0, 3.0, 3.0], True),
    ],
)
def test_what_is_heading_for_worse_is_left(looks, left):
    progress = Progress(measures={"surplus": looks, "margin": [2.0] * len(looks)})
    assert bool(EndsWorse().fired(progress)) is left


def test_surplus_and_margin(rng):
    best = rng.random(400)
    more = surplus_and_margin(best + 0.1 + 0.2 * rng.standard_normal(400), best)
    assert more["surplus"] == pytest.approx(0.1, abs=0.03)
    assert more["margin"] == pytest.approx(2 * 0.2 / 20, rel=0.1)
    assert surplus_and_margin(best, best)["margin"] == pytest.approx(1e-3 * best.mean())


def test_one_cell_says_nothing_of_what_is_clearly_worse(rng):
    """It has no standard error; of many cells the same rise ends a path."""
    for cells, ended in ((1, False), (400, True)):
        path = [Candidate(1, 1.0, level + 0.01 * rng.random(cells), None) for level in (1.0, 2.0, 3.0)]
        assert past(path) is ended


@pytest.mark.filterwarnings("ignore:rows look like variables")  # gamma factors spread far
@pytest.mark.parametrize("seed", [pytest.param(1026, marks=pytest.mark.slow), 1028])
def test_fits_that_start_with_larger_penalties_are_not_left(seed):
    """Nonnegative fits start afresh at each rank, with penalties that fall: errors on the way say nothing."""
    rng = np.random.default_rng(seed)
    truth = (rng.gamma(0.5, 1, (40, 3)) * np.array([10.0, 3.0, 1.0])) @ rng.gamma(0.5, 1, (3, 30))
    table = truth + 0.05 * rng.standard_normal((40, 30))
    hidden = rng.random((40, 30)) < 0.2
    table[hidden] = np.nan
    plan = {"penalty": 0.05, "nonnegative": True, "biases": False, "method": "map", "certify": False}
    model = ll.MatrixCompletion(**plan, random_state=0).fit(table)
    assert model.rank_path_.settings.rank == 3
    assert np.sqrt(np.mean((model.predict_table() - truth)[hidden] ** 2)) < 0.1


def test_faint_factors_are_no_start():
    """The chosen fit has all but no factors, and all cells together want some."""
    rng = np.random.default_rng(25)
    table = rng.standard_normal((30, 1)) + rng.standard_normal((1, 20)) + 0.5 * rng.standard_normal((30, 20))
    table[rng.random((30, 20)) < 0.2] = np.nan
    # folds by which the path ends at a penalty that leaves next to no factors
    folds = np.random.RandomState(0)
    model = ll.MatrixCompletion(method="map", certify=False, random_state=folds).fit(table)
    assert model.search_.value < 139.0
    assert np.linalg.norm(model.row_factors_) > 1
