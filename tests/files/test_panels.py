"""Panels: rows are in order within the units that they are of."""

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from commands import call
from lowland.completion.bayesian import order_choice
from lowland.estimators.frames.kinds import read_kinds
from lowland.estimators.frames.roles import panel_of
from lowland.files.shapes.layouts import Reading
from lowland.files.tables import load_table


def _panel(rng, units=8, years=12):
    """Return values that wander from year to year, each unit on its own, and which of them are missing."""
    walks = np.concatenate([np.cumsum(rng.standard_normal((years, 2)) * 0.4, 0) for _ in range(units)])
    whole = walks @ rng.standard_normal((2, 4)) + 0.05 * rng.standard_normal((units * years, 4))
    hidden = np.zeros(len(whole), bool)
    hidden[rng.choice(np.arange(len(whole)), 20, replace=False)] = True
    frame = pd.DataFrame(np.where(hidden[:, None], np.nan, whole), columns=list("abcd")).round(6)
    frame.insert(0, "country", np.repeat([f"land {k}" for k in range(units)], years))
    frame.insert(1, "year", np.tile(np.arange(2000, 2000 + years), units))
    return frame, whole, hidden


def _read(frame, path):
    frame.to_csv(path / "t.csv", index=False)
    return load_table(path / "t.csv", Reading(words=True))


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("times", ["years", "dates"])
def test_lines_are_next_to_each_other_in_time_within_units(rng, tmp_path, times, shuffled):
    frame = _panel(rng)[0]
    if times == "dates":
        frame["year"] = [f"31.12.{year}" for year in frame["year"]]
    frame = frame.sample(frac=1, random_state=0).reset_index(drop=True) if shuffled else frame
    table = _read(frame, tmp_path)
    assert "rows are in the order of 'year' within 'country', if it helps (--row-order no)" in table.decided
    country, year = frame["country"].tolist(), [int(str(year)[-4:]) for year in frame["year"]]
    for graph in (table.panel, panel_of(frame, read_kinds(frame).roles)):
        edges = zip(*graph.nonzero(), strict=True)
        pairs = {(country[i], country[j], year[j] - year[i]) for i, j in edges}
        assert pairs == {(one, one, 1) for one in country}
        assert graph.nnz == 8 * 11


def test_tables_that_are_no_panels_have_no_such_order(rng, tmp_path):
    frame = _panel(rng)[0]
    again = pd.concat([frame, frame[:9]])  # a unit has two lines of a year
    prices = frame.assign(year=rng.permutation(len(frame)) + 11_000)
    single = frame[:12]  # one country
    for one in (again, prices, single, frame[frame["year"] == 2003]):
        assert _read(one, tmp_path).panel is None
        assert panel_of(one, read_kinds(one).roles) is None


@pytest.mark.filterwarnings("ignore:columns that hold neither")
def test_rows_without_a_cell_are_filled_between_their_neighbours_alike_on_both_roads(
    quick_starts, rng, tmp_path, monkeypatch
):
    monkeypatch.setattr(order_choice, "GRAPH_LENGTHS", (3.0,))
    frame, whole, hidden = _panel(rng, units=6)
    frame.to_csv(tmp_path / "t.csv", index=False)
    words = "--rank 2 --method variational --refine no --powers no --pattern no --max-iter 9 --no-certify"
    result = call(
        "complete", "t.csv", *words.split(), "--output", "o.csv", "--row-order", "yes", cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    settings = {"rank": 2, "method": "variational", "refine": False, "powers": False, "pattern": False}
    model = ll.MatrixCompletion(**settings, max_iter=9, certify=False, random_state=np.random.default_rng(0))
    filled = model.fit(frame, row_order="labels").fill(frame)[list("abcd")].to_numpy()
    written = pd.read_csv(tmp_path / "o.csv")[list("abcd")].to_numpy()
    np.testing.assert_allclose(written, filled, rtol=1e-6, atol=1e-6)
    apart = model.fit(frame, row_order=None).fill(frame)[list("abcd")].to_numpy()
    error, without = (np.sqrt(np.mean((one - whole)[hidden] ** 2)) for one in (filled, apart))
    assert error < 0.7 * without
