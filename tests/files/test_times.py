"""Columns of dates take no part in a fit, and one of them may say the order of the rows."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lowland as ll
from commands import assert_clean_error, call
from lowland.completion.bayesian import order_choice
from lowland.core.errors import InvalidInputError
from lowland.estimators.frames.kinds import read_kinds
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table

DAYS = [dt.date(2021, 1, 4) + dt.timedelta(days=7 * k) for k in range(12)]
ISO = [day.isoformat() for day in DAYS]


def _frame(**columns):
    numbers = np.random.default_rng(0).standard_normal((len(DAYS), 2)).round(3)
    return pd.DataFrame({**columns, "a": numbers[:, 0], "b": numbers[:, 1]})


def _table(frame, path, **form):
    frame.to_csv(path / "t.csv", index=False)
    return load_table(path / "t.csv", Reading(words=True, form=TableFormat(**form)))


def _days(way):
    return [day.strftime(way) for day in DAYS]


@pytest.mark.parametrize("way", ["%d.%m.%Y", "%m/%d/%Y", "%d %b %Y", "%Y%m%d", "%Y-%m-%d"])
def test_dates_of_the_first_column_and_further_right_order_the_rows(tmp_path, way):
    for frame in (_frame(day=_days(way)), _frame(shop=[f"shop {k}" for k in range(12)], day=_days(way))):
        table = _table(frame, tmp_path)
        assert table.times.tolist() == ISO
        assert any("in the order of 'day'" in words and "--row-order no" in words for words in table.decided)
        assert table.observations.column_labels.tolist() == ["a", "b"]
        kinds = read_kinds(frame)
        assert (kinds.time, set(kinds.untouched)) == (table.time, {*frame} - {"a", "b"})


def test_dates_of_sheets_and_of_arrow_order_the_rows(tmp_path):
    frame = _frame(shop=[f"shop {k}" for k in range(12)], day=DAYS)
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "t.parquet")
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    for name in ("t.parquet", "t.xlsx"):
        table = load_table(tmp_path / name)
        assert table.times.tolist() == ISO
        assert table.as_is == {"day": "dates, the order of the rows"}


def test_dates_that_order_no_rows_pass_through_and_it_is_said(tmp_path):
    names = [f"shop {k}" for k in range(12)]
    again = _table(_frame(day=[day.strftime("%d.%m.%Y") for day in DAYS[:3] * 4]), tmp_path)
    assert (again.times, again.as_is) == (None, {"day": "dates, day first, which repeat"})
    two = _table(_frame(shop=names, sent=_days("%d.%m.%Y"), paid=_days("%Y%m%d")), tmp_path)
    assert two.times is None
    assert set(two.as_is) == {"sent", "paid"}
    assert any("--layout wide --row 'paid'" in words for words in two.decided)
    asked = load_table(tmp_path / "t.csv", Reading(row="paid", layout="wide"))
    assert asked.times.tolist() == ISO


def test_the_order_of_day_and_month_is_asked_for_on_both_roads(tmp_path):
    frame = _frame(day=[dt.date(2021, k, 1).strftime("%d/%m/%Y") for k in range(1, 13)])
    table = _table(frame, tmp_path)
    assert table.times is None
    assert any("--dates dmy or mdy" in words for words in table.decided)
    told = _table(frame, tmp_path, dates="dmy")
    assert told.times.tolist() == [f"2021-{k:02}-01" for k in range(1, 13)]
    assert any("--dates mdy" in words for words in told.decided)
    assert read_kinds(frame, TableFormat(dates="mdy")).time == ("day", "mdy")
    with pytest.warns(UserWarning, match='dates="dmy" or dates="mdy"'):
        ll.MatrixCompletion(rank=1, method="map", penalty=1, max_iter=2, certify=False).fit(frame)
    with pytest.raises(InvalidInputError, match="dates is unknown"):
        ll.MatrixCompletion(dates="dym").fit(frame)
    assert_clean_error(call("complete", "t.csv", "--dates", "dym", cwd=tmp_path), "dates is unknown")


def test_dates_that_are_named_as_data_are_data(tmp_path):
    table = _table(_frame(day=_days("%Y%m%d")), tmp_path, as_data=["day"])
    assert table.observations.column_labels.tolist() == ["day", "a", "b"]


def _seasonal():
    t = np.arange(60)
    rng = np.random.default_rng(0)
    whole = np.stack([np.sin(t / 8), np.cos(t / 8)], 1) @ rng.standard_normal((2, 4))
    whole += 0.05 * rng.standard_normal(whole.shape)
    hidden = np.zeros(60, bool)
    hidden[rng.choice(60, 15, replace=False)] = True
    frame = pd.DataFrame(np.where(hidden[:, None], np.nan, whole), columns=list("abcd"))
    days = [(dt.date(2021, 1, 4) + dt.timedelta(days=7 * int(k))).strftime("%d.%m.%Y") for k in t]
    frame.insert(0, "site", [f"site {k}" for k in t])
    frame.insert(1, "day", days)
    return frame, whole, hidden


SETTINGS = {
    "rank": 2,
    "method": "variational",
    "refine": False,
    "powers": False,
    "pattern": False,
    "max_iter": 20,
}


@pytest.mark.filterwarnings("ignore:columns that hold neither")
def test_rows_without_a_cell_are_filled_along_their_dates_alike_on_both_roads(
    quick_starts, tmp_path, monkeypatch
):
    monkeypatch.setattr(order_choice, "LENGTHS", (5.0,))
    frame, whole, hidden = _seasonal()
    frame.to_csv(tmp_path / "t.csv", index=False)
    words = "complete t.csv --rank 2 --method variational --refine no --powers no --pattern no --max-iter 20"
    result = call(*words.split(), "--row-order", "yes", "--no-certify", "--output", "out.csv", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    model = ll.MatrixCompletion(**SETTINGS, certify=False, random_state=np.random.default_rng(0))
    filled = model.fit(frame, row_order="labels").fill(frame)
    spread = np.sqrt(np.mean((filled[list("abcd")].to_numpy() - whole)[hidden] ** 2))
    assert spread < 0.2 < 0.5 < whole[hidden].std()
    written = pd.read_csv(tmp_path / "out.csv")
    np.testing.assert_allclose(written[list("abcd")], filled[list("abcd")], rtol=1e-6, atol=1e-8)
    assert written[["site", "day"]].equals(frame[["site", "day"]])
    # rows by themselves, in a model that was saved, are where their dates are
    model.save(tmp_path / "m.npz")
    some = ll.MatrixCompletion.load(tmp_path / "m.npz").fill(frame[5:])
    np.testing.assert_allclose(some[list("abcd")], filled[list("abcd")][5:], atol=0.1)
