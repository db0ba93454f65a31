"""How many known cells are held out, and which."""

import numpy as np
import pytest

import lowland as ll
from lowland.trials.audits.holding import GAMMA, hold_equally, hold_in_proportion, number_held
from lowland.trials.audits.missing_cells import ListedCells
from lowland.trials.audits.surroundings import Surroundings
from oracles.audit_tables import with_gaps


@pytest.mark.parametrize(
    ("known", "held"), [(100, 25), (240, 60), (300, 60), (400, 60), (1000, 150), (10**6, 20_000), (0, 0)]
)
def test_shares_are_larger_where_cells_are_few(known, held):
    assert number_held(known) == held


def test_eligible_cells_are_held_out_alike(rng):
    table = ll.Observations.from_array(rng.standard_normal((10, 10)))
    eligible = np.arange(20, 100)
    counts = sum(hold_equally(table, eligible, rng).hidden for _ in range(400))
    assert not counts[:20].any()
    share = number_held(80) / 80
    assert np.abs(counts[20:] - 400 * share).max() < 4.5 * np.sqrt(400 * share * (1 - share))


def test_cells_are_held_out_by_what_makes_them_missing(rng):
    whole, known = with_gaps(rng, "column", (2000, 6))
    table = ll.Observations.from_array(np.where(known, whole, np.nan))
    eligible = np.flatnonzero(table.columns > 0)
    missing = ListedCells(*np.nonzero(~known))
    hold = hold_in_proportion(table, eligible, Surroundings.of(table), missing, rng)
    assert hold.gamma == GAMMA > 1
    assert not hold.hidden[table.columns == 0].any()
    assert 0.5 < hold.kept < 1
    held, first = hold.hidden, whole[:, 0] / whole[:, 0].std()
    assert first[table.rows[held]].mean() > first[table.rows[eligible]].mean() + 0.5
