"""Slices and fibres of tensors in audits: counts and runs as loops find them, and fibres that fail whole."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.cells.observations import Observations
from lowland.trials.audits.folds import Folds
from lowland.trials.audits.patterns import Pattern
from lowland.trials.audits.plan import AuditPlan, NoAudit, plan_audit
from lowland.trials.audits.surroundings import Surroundings

SHAPE = (6, 7, 4)


def unfolded(known):
    """The pattern of a tensor's known cells, the last mode in columns."""
    rows, columns = np.nonzero(known.reshape(-1, known.shape[-1]))
    return Pattern.of(rows, columns, (known.size // known.shape[-1], known.shape[-1]))


def line_of(known, mode, at):
    """The cells along one mode through a cell."""
    return known[tuple(slice(None) if k == mode else place for k, place in enumerate(at))]


def run_at(line, place):
    """The length of the run of absent cells around an absent one."""
    low = high = place
    while low > 0 and not line[low - 1]:
        low -= 1
    while high < line.size - 1 and not line[high + 1]:
        high += 1
    return high - low + 1


def test_slices_fibres_and_runs_are_those_of_loops():
    known = np.random.default_rng(0).random(SHAPE) < 0.5
    known[:, :, 1] = True  # by design: its cells count nowhere but along fibres
    folds = Folds.of(unfolded(known), SHAPE[:2])
    absent = np.argwhere(~known)
    rows, columns = absent[:, 0] * SHAPE[1] + absent[:, 1], absent[:, 2]
    rates = folds.rates(rows, columns, np.zeros(rows.size, bool))
    runs = folds.runs(rows, columns)
    gaps = known[:, :, [0, 2, 3]]
    for k, at in enumerate(absent):
        for mode in (0, 1):
            line, whole = line_of(known, mode, at), np.take(gaps, at[mode], mode)
            assert rates[2 * mode][0][k] == (~whole).sum() - 1
            assert rates[2 * mode][1] == whole.size
            assert rates[2 * mode + 1][0][k] == (~line).sum() - 1
            assert runs[mode][k] == run_at(line, at[mode])


def test_what_the_training_cells_show_leaves_the_cell_itself_out():
    known = np.random.default_rng(1).random(SHAPE) < 0.6
    rows, columns = np.nonzero(known.reshape(-1, SHAPE[2]))
    table = Observations(rows, columns, np.ones(rows.size), (42, 4))
    without = Surroundings.of(table.select(np.arange(rows.size) != 5), SHAPE[:2])
    seen = Surroundings.of(table, SHAPE[:2]).folds.rates(rows[5:6], columns[5:6], np.ones(1, bool))
    left = without.folds.rates(rows[5:6], columns[5:6], np.zeros(1, bool))
    assert [(int(gaps[0]), length) for gaps, length in seen] == [
        (int(gaps[0]), length) for gaps, length in left
    ]


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_fibres_that_are_missing_as_a_whole_are_told_from_chance(mode):
    rng = np.random.default_rng(2)
    shape = (12, 10, 6)
    scattered = rng.random(shape) < 0.7
    assert Folds.of(unfolded(scattered), shape[:2]).shunned.mean() < 0.02
    failed = np.expand_dims(rng.random([n for k, n in enumerate(shape) if k != mode]) < 0.2, mode)
    shunned = Folds.of(unfolded(scattered & ~failed), shape[:2]).shunned
    assert shunned[np.broadcast_to(failed, shape).reshape(-1, 6)].all()


def test_an_audit_says_nothing_of_fibres_that_are_missing_as_a_whole():
    rng = np.random.default_rng(3)
    shape = (12, 10, 6)
    failed = np.broadcast_to((rng.random((12, 6)) < 0.2)[:, None, :], shape)
    values = rng.standard_normal(shape)

    def planned(known):
        table = ll.Observations.from_array(np.where(known, values, np.nan).reshape(-1, 6))
        return plan_audit(table, 0, modes=shape[:2])

    assert isinstance(planned(~failed), NoAudit)
    plan = planned((rng.random(shape) < 0.7) & ~failed)
    assert isinstance(plan, AuditPlan)
    rows, columns = np.nonzero(failed.reshape(-1, 6))
    assert not plan.in_scope(rows, columns).any()
    assert plan.left_out["runs"] >= failed.sum()


def test_slices_without_known_cells_are_left_out():
    known = np.random.default_rng(4).random((10, 9, 5)) < 0.7
    known[3] = False
    values = np.where(known, 1.0, np.nan).reshape(-1, 5)
    table = Observations(
        *np.nonzero(~np.isnan(values)), np.random.default_rng(5).random(int(known.sum())), values.shape
    )
    plan = plan_audit(table, 1, modes=(10, 9))
    assert isinstance(plan, AuditPlan)
    assert plan.left_out["slices"] == 45
