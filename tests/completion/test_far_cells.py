"""Cells far outside their columns: named, with the loss that bears them; honest columns are left alone."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_array

import lowland as ll
from commands import call
from lowland.completion.columns.far_cells import far_cells
from lowland.completion.encoded.power_model import write_powers
from lowland.completion.encoded.powers import Power

# laws of honest columns: (generator, number of cells) -> numbers
HONEST = {
    "normal": lambda rng, k: rng.standard_normal(k) * 10 ** rng.uniform(-3, 3) + rng.uniform(-5, 5),
    "lognormal of spread 2": lambda rng, k: np.exp(rng.normal(0, 2, k)),
    "lognormal of spread 3": lambda rng, k: np.exp(rng.normal(0, 3, k)),
    "cauchy": lambda rng, k: rng.standard_cauchy(k),
    "student": lambda rng, k: rng.standard_t(3, k),
    "pareto": lambda rng, k: rng.pareto(1, k) + 1,
    "counts": lambda rng, k: rng.poisson(np.exp(rng.normal(-1, 2, k))).astype(float),
    "amounts": lambda rng, k: np.where(rng.random(k) < 0.8, 0, np.exp(rng.normal(8, 2, k))),
    "grades": lambda rng, k: rng.integers(1, 6, k).astype(float),
    "prices": lambda rng, k: np.round(np.exp(rng.normal(3, 1.2, k)), 2),
    "shares": lambda rng, k: rng.beta(0.3, 2, k),
}
WITHOUT_HEAVY_TAILS = ("normal", "student", "grades", "prices", "shares")


def honest(seed):
    """Return a table with gaps, the laws of its columns, and a generator."""
    rng = np.random.default_rng([9, seed])
    m, n = int(np.exp(rng.uniform(np.log(20), np.log(3000)))), int(rng.integers(3, 13))
    laws = rng.choice(list(HONEST), n)
    table = np.column_stack([HONEST[law](rng, m) for law in laws])
    table[rng.random(table.shape) < rng.uniform(0, 0.5)] = np.nan
    return table, laws, rng


def alarms(table, *, as_powers):
    """Return rows and columns of the cells that are named, as they are, or as likelier powers."""
    seen, powers = ll.Observations.from_array(table), {}
    for j, column in enumerate(table.T if as_powers else ()):
        known = column[~np.isnan(column)]
        power = Power.of_shares(known) or Power.of(known)
        powers |= {j: power} if power else {}
    found = far_cells(seen, write_powers(seen, powers), {j: power.name for j, power in powers.items()})
    return {(cell.row, cell.column) for cell in found}


def with_far_cell(table, laws, rng, size):
    """Return a table with one cell so many usual distances from its median, and where; None of no column."""
    columns = [j for j, law in enumerate(laws) if law in WITHOUT_HEAVY_TAILS]
    if not columns:
        return None
    j = int(rng.choice(columns))
    known = np.flatnonzero(~np.isnan(table[:, j]))
    if known.size < 20:
        return None
    i, numbers = int(rng.choice(known)), table[known, j]
    usual = np.median(np.abs(numbers - np.median(numbers)))
    other = table.copy()
    other[i, j] = np.median(numbers) + size * usual
    return other, (i, j)


def judged(seeds):
    """Return false alarms, and how many far cells were named of how many, of tables with and without one."""
    false, named, there = 0, 0, 0
    for seed in seeds:
        table, laws, rng = honest(seed)
        false += sum(len(alarms(table, as_powers=as_powers)) for as_powers in (False, True))
        changed = with_far_cell(table, laws, rng, 1e9)
        if changed is not None:
            there += 1
            found = alarms(changed[0], as_powers=False)
            named += changed[1] in found
            false += len(found - {changed[1]})
    return false, named, there


def test_far_cells_are_named_and_honest_columns_left_alone():
    false, named, there = judged(range(12))
    assert (false, named) == (0, there)
    assert there >= 8


@pytest.mark.slow
def test_far_cells_of_a_thousand_tables():
    false, named, there = judged(range(1000))
    assert false <= 3
    assert named == there > 800


# warnings come before the fit: one of given rank and penalty, or of few sweeps, will do
BRIEF = {"random_state": 0, "certify": False}
MAP = {"method": "map", "rank": 1, "penalty": 1.0, **BRIEF}


def ordinary(rng, m=40, n=5):
    """Return a table of rank 2 with noise and gaps, and what it is without."""
    truth = 10 + 3 * rng.standard_normal((m, 2)) @ rng.standard_normal((2, n))
    table = truth + 0.3 * rng.standard_normal((m, n))
    table[rng.random((m, n)) < 0.2] = np.nan
    return table, truth


def spoilt(rng, m=40, n=5):
    """Return an ordinary data frame with one cell of 1e12, what it is without, and the cell."""
    table, truth = ordinary(rng, m, n)
    i, j = np.argwhere(~np.isnan(table))[17]
    table[i, j] = 1e12
    rows = [f"row {k}" for k in range(len(table))]
    return pd.DataFrame(table, rows, columns=list("abcdefgh"[:n])), truth, (i, j)


@pytest.mark.parametrize(
    "settings",
    [MAP, {"method": "variational", "refine": False, "max_iter": 5, **BRIEF}],
    ids=lambda own: own["method"],
)
def test_a_frame_with_a_far_cell_is_warned_of_by_name(rng, settings):
    frame, _, (i, j) = spoilt(rng)
    words = rf"row 'row {i}' and column '{'abcde'[j]}' holds 1e\+12, far outside its column.*\"huber\""
    with pytest.warns(UserWarning, match=words):
        ll.MatrixCompletion(**settings).fit(frame)


def test_the_loss_that_is_named_bears_it(rng):
    frame, truth, (_, j) = spoilt(rng, 60, 8)
    holes = frame.isna().to_numpy()
    filled = ll.MatrixCompletion(loss="huber", **BRIEF).fit(frame).fill(frame)
    errors = np.abs(filled.to_numpy() - truth)[:, j][holes[:, j]]
    assert errors.max() < 3
    with pytest.warns(UserWarning, match="far outside"):
        model = ll.MatrixCompletion(**MAP | {"rank": 2}).fit(frame)
    assert np.abs(model.fill(frame).to_numpy() - truth)[:, j][holes[:, j]].max() > 1e4


def test_one_column_may_have_that_loss(rng):
    frame, _, (_, j) = spoilt(rng)
    ll.MatrixCompletion(loss={"abcde"[j]: "huber"}, **MAP).fit(frame)
    other = ll.MatrixCompletion(loss={"abcde"[(j + 1) % 5]: "huber"}, **MAP)
    with pytest.warns(UserWarning, match="far outside"):
        other.fit(frame)


def test_arrays_and_sparse_arrays_name_positions(rng):
    frame, _, (i, j) = spoilt(rng)
    table = frame.to_numpy()
    sparse = coo_array(np.where(np.isnan(table), 0.0, table))
    for given in (table, sparse, ll.Observations.from_array(table)):
        with pytest.warns(UserWarning, match=f"row {i} and column {j} holds"):
            ll.MatrixCompletion(**MAP).fit(given)


def test_several_cells_are_counted(rng):
    table, _ = ordinary(rng)
    table[3, 1], table[7, 1], table[5, 4] = 1e11, -1e12, 1e9
    seen = ll.Observations.from_array(table)
    assert {(cell.row, cell.column) for cell in far_cells(seen, seen, {})} == {(3, 1), (7, 1), (5, 4)}
    with pytest.warns(UserWarning, match=r"1 holds -1e\+12, far outside its column, as do 2 more cells"):
        ll.MatrixCompletion(**MAP).fit(table)


def test_the_command_line_says_so(rng, tmp_path):
    frame, _, (i, j) = spoilt(rng)
    frame.to_csv(tmp_path / "table.csv")
    brief = ("--no-certify", "--rank", "1", "--penalty", "1")
    said = call("complete", "table.csv", *brief, "--method", "map", cwd=tmp_path)
    assert said.returncode == 0
    assert f"warning: the cell of row 'row {i}' and column '{'abcde'[j]}' holds 1e+12" in said.stderr
    quiet = call("complete", "table.csv", *brief, "--loss", "huber", cwd=tmp_path)
    assert quiet.returncode == 0
    assert "warning" not in quiet.stderr


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(np.r_[np.zeros(40), 1e12], id="one event among zeros"),
        pytest.param(np.r_[np.full(40, 0.3) + 1e-17 * np.arange(40), 0.4], id="rounding"),
        pytest.param(np.r_[np.arange(20.0), 1e12 + np.arange(5.0)], id="another unit in many rows"),
        pytest.param(np.r_[np.arange(5.0), 1e12], id="too few others"),
        pytest.param(np.r_[np.arange(20.0), 9e4], id="far, but not by ten thousand times"),
    ],
)
def test_what_is_no_far_cell(column):
    seen = ll.Observations.from_array(column[:, None])
    assert not far_cells(seen, seen, {})


def test_rows_in_other_units_are_no_mistakes(rng):
    table = rng.standard_normal((30, 6))
    table[4] *= 1e9
    seen = ll.Observations.from_array(table)
    assert not far_cells(seen, seen, {})
    table[9, 2] = 1e15
    seen = ll.Observations.from_array(table)
    assert [(cell.row, cell.column) for cell in far_cells(seen, seen, {})] == [(9, 2)]


def test_logarithms_bear_what_is_no_farther_than_their_others(rng):
    column = np.exp(rng.normal(0, 3, 60))
    column[7] = 1e5 * column.max()
    seen = ll.Observations.from_array(column[:, None])
    power = Power.of(column)
    assert power.name == "logarithm"
    assert far_cells(seen, seen, {})
    assert not far_cells(seen, write_powers(seen, {0: power}), {0: power.name})


def test_ordinary_tables_are_not_warned_of(rng, quick_starts):
    table, _ = ordinary(rng)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ll.MatrixCompletion(method="variational", rank=2, refine=False, **BRIEF).fit(table)


def test_a_cell_like_all_others_of_its_column_is_not_far_in_the_unit_of_its_row():
    values = np.full((20, 2), 3.3)
    values[:, 1] = np.arange(20)
    table = ll.Observations.from_array(values)
    written = np.column_stack([1e-9 * np.random.default_rng(0).standard_normal(20), values[:, 1]])
    written[7, 0] = 2.0
    as_fitted = ll.Observations.from_array(written)
    assert far_cells(table, as_fitted, {}) == []
    values[7, 0] = 5.0
    assert [(c.row, c.column) for c in far_cells(ll.Observations.from_array(values), as_fitted, {})] == [
        (7, 0)
    ]
