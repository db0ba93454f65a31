"""Plans for tables that are not in memory: those of the same cells in memory, wherever blocks end."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binom

import lowland as ll
from lowland.cells.sides import TableCells
from lowland.cells.stored import StoredBlocks
from lowland.core.errors import InvalidInputError
from lowland.trials.audits import line_surroundings, missing_cells
from lowland.trials.audits.alike import alike
from lowland.trials.audits.bounds import least_share
from lowland.trials.audits.cell_plan import plan_of_cells
from lowland.trials.audits.plan import NoAudit, plan_audit
from lowland.trials.audits.surroundings import Surroundings
from oracles.audit_tables import with_gaps


@pytest.fixture
def unlisted(monkeypatch):
    """Tables in memory are planned by counts alone, as large ones are."""
    monkeypatch.setattr(missing_cells, "LISTED", 0)
    monkeypatch.setattr(missing_cells, "LISTED_PER_KNOWN", 0)


def a_table(rng, shape=(90, 14), complete=2, dtype=np.float64):
    """A table whose cells are missing at random; without complete columns, one row has no cell."""
    whole, known = with_gaps(rng, shape=shape)
    known[:, :complete] = True
    if not complete:
        known[3] = False
    table = ll.Observations.from_array(np.where(known, whole, np.nan).astype(dtype))
    return table.select(rng.permutation(table.size)), whole


def part(block, first, last):
    """Return some lines of a block as one of their own."""
    cells = slice(block.starts[first], block.starts[last])
    return replace(
        block,
        first=first,
        starts=block.starts[first : last + 1] - block.starts[first],
        partners=block.partners[cells],
        values=block.values[cells],
    )


def in_blocks(table, tmp_path, counts):
    """Return cells in so many blocks of rows and of columns, of random lengths."""
    cells, rng = TableCells.of(table), np.random.default_rng(sum(counts))
    sides = []
    for side, count in zip(cells.sides, counts, strict=True):
        size = side.block.size
        bounds = np.array([0, *np.sort(rng.choice(np.arange(1, size), count - 1, replace=False)), size])
        parts = [part(side.block, *ends) for ends in pairwise(bounds.tolist())]
        sides.append(StoredBlocks(parts.__getitem__, tmp_path, bounds, side.counts))
    return replace(cells, sides=tuple(sides))


def as_told(plan):
    """Return what a plan says but for its cells."""
    return plan.missing, plan.left_out, plan.alike_before, plan.allowance, plan.scheme, plan.gamma


@pytest.mark.parametrize(("dtype", "complete"), [(np.float64, 2), (np.float32, 0)])
@pytest.mark.parametrize("counts", [(1, 1), (7, 3), (90, 14)])
def test_a_plan_has_the_bits_of_that_in_memory(rng, unlisted, tmp_path, counts, dtype, complete):
    table, _ = a_table(rng, complete=complete, dtype=dtype)
    expected = plan_audit(table, 5)
    found = plan_of_cells(in_blocks(table, tmp_path, counts), 5)
    assert as_told(found.plan) == as_told(expected)
    ordered = table.in_order()
    hidden, scored = (mask[table.row_by_row()] for mask in (expected.hidden, expected.scored))
    for name in ("rows", "columns", "values"):
        np.testing.assert_array_equal(getattr(found.apart, name), getattr(ordered, name)[hidden])
        np.testing.assert_array_equal(getattr(found.held, name), getattr(ordered, name)[scored])
    one, other = found.plan.scope.training, expected.scope.training
    for name in ("row_gaps", "column_gaps", "with_gaps", "row_sums", "row_counts", "scores"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    rows, columns = np.indices(table.shape).reshape(2, -1)
    np.testing.assert_array_equal(
        found.plan.in_scope(rows, columns), expected.in_scope(rows, columns), "of all cells"
    )
    predicted = lambda rows, columns: np.sin(rows + columns)  # noqa: E731
    again = found.alike(predicted, np.random.default_rng(1))
    assert again == alike(expected, table, predicted, np.random.default_rng(1))


def test_counts_are_those_of_the_list_of_missing_cells(rng, tmp_path):
    """Where missing cells are listed, others of them are compared, and all else is the same."""
    table, _ = a_table(rng)
    listed, found = plan_audit(table, 5), plan_of_cells(in_blocks(table, tmp_path, (4, 5)), 5).plan
    assert listed.scheme == "equal"
    assert listed.longest is None
    assert as_told(replace(listed, alike_before=0.0)) == as_told(replace(found, alike_before=0.0))
    assert listed.scored.sum() == found.scored.sum()


def test_training_cells_are_all_but_those_held_out(rng, tmp_path):
    table, _ = a_table(rng)
    found = plan_of_cells(in_blocks(table, tmp_path, (4, 5)), 5)
    left = np.zeros(table.shape, bool)
    for side in (0, 1):
        for block in found.training.sides[side]:
            at = (block.first + block.lines, block.partners)
            left[at if side == 0 else at[::-1]] = True
        assert found.training.sides[side].counts.sum() == found.training.size == table.size - found.apart.size
    known = left.copy()
    known[found.apart.rows, found.apart.columns] = True
    assert left.sum() == found.training.size
    assert not left[found.apart.rows, found.apart.columns].any()
    np.testing.assert_array_equal(known, ~np.isnan(table.to_array()))


@pytest.mark.parametrize(
    ("shape", "law", "reason"), [((4, 3), "equal", "few"), ((90, 14), "blocks", "unlike")]
)
def test_no_plan(rng, shape, law, reason):
    known = rng.random(shape) < 0.7
    if law == "blocks":
        known[:] = True
        known[:40, 4:] = False
        known[rng.random(shape) < 0.05] = False
    table = ll.Observations.from_array(np.where(known, rng.standard_normal(shape), np.nan))
    found = plan_of_cells(TableCells.of(table), 0)
    assert isinstance(found, NoAudit)
    assert found.reason == reason


def test_nothing_is_missing(rng):
    table = ll.Observations.from_array(rng.standard_normal((30, 4)))
    assert plan_of_cells(TableCells.of(table), 0) == NoAudit("complete")
    with pytest.raises(InvalidInputError, match="seed"):
        plan_of_cells(TableCells.of(table), -1)


def test_rows_are_described_by_fewer_complete_columns_where_rows_are_many(rng, monkeypatch):
    table, _ = a_table(rng)
    cells = TableCells.of(table)
    assert line_surroundings.line_surroundings(cells).scores.shape[1] == 2
    monkeypatch.setattr(line_surroundings, "MOST_GATHERED", 100)
    some = line_surroundings.line_surroundings(cells)
    assert some.scores.shape[1] == 1
    monkeypatch.setattr(line_surroundings, "MOST_GATHERED", 80)
    assert line_surroundings.line_surroundings(cells).scores.shape[1] == 0
    np.testing.assert_array_equal(some.row_sums, Surroundings.of(table.in_order()).row_sums)


def test_bounds_are_false_no_more_often_than_the_risk(tmp_path):
    """Of tables whose cells are missing at random, with what the training cells alone decide."""
    rng, false, risk, p_values, tables = np.random.default_rng(3), 0, 0.05, [], 100
    for _ in range(tables):
        table, whole = a_table(rng, shape=(40, 7), complete=1)
        found = plan_of_cells(TableCells.of(table), int(rng.integers(2**31)))
        if isinstance(found, NoAudit):
            p_values.append(0.0)
            continue
        p_values.append(found.plan.alike_before)
        left = table.to_array()
        missing = np.argwhere(np.isnan(left)).T
        left[found.apart.rows, found.apart.columns] = np.nan
        centres, reach = np.nanmean(left, axis=0), 1.5 * np.nanstd(left, axis=0)
        within = np.abs(whole - centres) <= reach
        spoken = found.plan.in_scope(*missing)
        assert spoken.sum() == found.plan.missing
        held = within[found.held.rows, found.held.columns]
        bound = least_share(int(held.sum()), held.size, found.plan.missing, found.plan.risk(risk))
        false += within[tuple(missing)][spoken].mean() < bound
    assert false <= binom.ppf(1 - 1e-4, tables, risk)
    for level in (0.05, 0.25, 0.5):
        assert np.sum(np.array(p_values) <= level) <= binom.ppf(1 - 1e-4, tables, level)
