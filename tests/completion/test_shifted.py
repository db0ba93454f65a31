"""Missing cells shifted by their standard errors: what moves, by how much, and what stays."""

from types import SimpleNamespace

import numpy as np
import pytest

import lowland as ll
from lowland.completion.sensitivity.shifted import ShiftedTables
from lowland.core.errors import InvalidInputError

SHIFTS = (-1.5, -0.25, 0.0, 0.5, 2.0)


class Normal:
    """Cells that are drawn around zero with standard errors of their own, between -4 and 4."""

    shape, losses, labels = (12, 4), None, SimpleNamespace(columns=None)

    def standard_errors(self, rows, columns):
        return 0.5 + 0.1 * rows + columns

    def draws(self, rows, columns, count, rng, *, noise=True):
        for _ in range(count):
            yield rng.standard_normal(rows.size).clip(-4, 4)

    def clip(self, lower, upper, columns):
        return np.clip(lower, -4, 4), np.clip(upper, -4, 4)


@pytest.fixture
def seen(rng):
    table = rng.standard_normal((12, 4))
    table[rng.random(table.shape) < 0.4] = np.nan
    return ll.Observations.from_array(table)


def drawn(seen, rows=slice(None), columns=slice(None)):
    """Seven completed tables, of which some rows and columns are shifted."""
    masks = np.zeros(12, bool), np.zeros(4, bool)
    masks[0][rows], masks[1][columns] = True, True
    return ShiftedTables.draw(
        Normal(), seen, 7, np.random.default_rng(3), shifted_rows=masks[0], shifted_columns=masks[1]
    )


def check_shifts(tables, seen, rows=range(12), columns=range(4)):
    """The contract, cell by cell: `tables` takes a shift and gives completed tables."""
    known, model = seen.to_array(), Normal()
    usual = list(tables(0.0))
    for delta in SHIFTS:
        for table, before in zip(tables(delta), usual, strict=True):
            for i in range(12):
                for j in range(4):
                    if not np.isnan(known[i, j]):
                        assert table[i, j] == known[i, j], "an observed cell has changed"
                        continue
                    step = delta * (0.5 + 0.1 * i + j) if i in rows and j in columns else 0.0
                    wanted = min(max(before[i, j] + step, -4), 4)
                    assert table[i, j] == pytest.approx(wanted, abs=1e-12), "not shifted by delta errors"
    missing = np.isnan(known)
    draws = model.draws(*np.nonzero(missing), 7, np.random.default_rng(3))
    for table, cells in zip(usual, draws, strict=True):
        assert (table[missing] == cells).all(), "without a shift, tables are not those of imputation"


def test_shifts_keep_the_contract(seen):
    check_shifts(drawn(seen).tables, seen)
    check_shifts(drawn(seen, rows=[2, 5, 6], columns=[1, 3]).tables, seen, {2, 5, 6}, {1, 3})
    assert drawn(seen, columns=[1, 3]).shifted_columns.tolist() == [1, 3]


def with_cells(shifted, delta, moved):
    """Completed tables by other shifts, clipped as they should be."""
    for cells in shifted.draws:
        table = shifted.seen.to_array()
        table[shifted.rows, shifted.columns] = np.clip(cells + delta * moved, -4, 4)
        yield table


MUTANTS = {
    "the wrong sign": lambda s, d: s.tables(-d),
    "no errors": lambda s, d: with_cells(s, d, np.ones(s.rows.size)),
    "variances": lambda s, d: with_cells(s, d, s.errors**2),
    "the errors of other cells": lambda s, d: with_cells(s, d, np.roll(s.errors, 1)),
    "one error for all": lambda s, d: with_cells(s, d, np.full(s.rows.size, s.errors.mean())),
    "observed cells too": lambda s, d: (table + 0.1 * d for table in s.tables(d)),
    "no bounds": lambda s, d: (
        np.where(np.isnan(s.seen.to_array()), u + 9 * (t - u), t)
        for t, u in zip(s.tables(d), s.tables(0.0), strict=True)
    ),
    "other draws": lambda s, d: drawn_otherwise(s, d),
}


def drawn_otherwise(shifted, delta):
    """Completed tables whose draws differ between shifts."""
    for table in shifted.tables(delta):
        missing = np.isnan(shifted.seen.to_array())
        yield np.where(missing, np.clip(table + 0.01 * np.sin(delta), -4, 4), table)


@pytest.mark.parametrize("name", MUTANTS)
def test_the_contract_bites(seen, name):
    shifted = drawn(seen)
    with pytest.raises(AssertionError):
        check_shifts(lambda delta: MUTANTS[name](shifted, delta), seen)


def test_the_mean_of_a_column_moves_by_its_share_of_missing_cells(seen):
    """Far from all bounds; by the share missing, times the shift, times the mean error of missing cells."""
    shifted = drawn(seen)
    missing = np.isnan(seen.to_array())
    means = {d: np.mean([table.mean(axis=0) for table in shifted.tables(d)], axis=0) for d in (0.0, 1e-3)}
    errors = 0.5 + 0.1 * np.arange(12)[:, None] + np.arange(4)
    expected = [m.mean() * 1e-3 * e[m].mean() for m, e in zip(missing.T, errors.T, strict=True)]
    np.testing.assert_allclose(means[1e-3] - means[0.0], expected, rtol=1e-9)


def test_censored_cells_are_drawn_but_not_shifted(seen):
    side = np.zeros(seen.size, int)
    side[::3] = 1
    seen = ll.Observations.from_triples(seen.rows, seen.columns, seen.values, shape=(12, 4), censored=side)
    shifted = drawn(seen)
    censored = {(i, j) for i, j, s in zip(seen.rows, seen.columns, side, strict=True) if s}
    stay = shifted.errors == 0
    assert {*zip(shifted.rows[stay], shifted.columns[stay], strict=True)} == censored
    assert shifted.rows.size == 48 - seen.size + len(censored)


def test_nothing_to_shift_and_too_many_draws(seen, monkeypatch):
    full = ll.Observations.from_array(np.ones((12, 4)))
    with pytest.raises(InvalidInputError, match="nothing to shift"):
        drawn(full)
    with pytest.raises(InvalidInputError, match="nothing to shift"):
        drawn(seen, columns=[])
    monkeypatch.setattr("lowland.completion.sensitivity.shifted.MAX_KEPT_NUMBERS", 50)
    with pytest.raises(InvalidInputError, match="draw fewer tables"):
        drawn(seen)
