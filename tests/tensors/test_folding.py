"""Tables as tensors: long ones, wide ones, and times folded into parts."""

import datetime

import numpy as np
import pandas as pd
import polars
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.tensors import read_tensor_table
from lowland.tensors.time_parts import PARTS, levels_of, times_of


@pytest.fixture(scope="module")
def readings():
    """Hourly readings of three sensors over nine days; the sixth day and a third of the rest are missing."""
    rng = np.random.default_rng(0)
    times = pd.date_range("2024-02-26", periods=24 * 9, freq="h")
    frame = pd.DataFrame({"time": times}).merge(pd.DataFrame({"sensor": ["b", "a", "c"]}), how="cross")
    frame["speed"] = rng.standard_normal(len(frame))
    frame = frame[(rng.random(len(frame)) < 0.67) & (frame.time.dt.day != 2)]
    return frame.sample(frac=1, random_state=0)


def by_hand(frame, days):
    cube = np.full((len(days), 24, 3), np.nan)
    for time, sensor, speed in frame.itertuples(index=False):
        cube[days.index(time.date()), time.hour, "abc".index(sensor)] = speed
    return cube


def test_a_long_table_is_folded(readings):
    cube = read_tensor_table(readings, value="speed", fold={"time": ("day", "hour")})
    days = [datetime.date(2024, 2, 26) + datetime.timedelta(k) for k in range(9) if k != 5]
    np.testing.assert_array_equal(cube.observations.array(), by_hand(readings, days))
    assert cube.names == ("day", "hour", "sensor")
    assert cube.coordinates[0].tolist() == days
    assert cube.coordinates[1].tolist() == list(range(24))
    assert cube.coordinates[2].tolist() == ["a", "b", "c"]


def test_days_that_are_not_listed_have_slices_where_these_may_be_empty(readings):
    cube = read_tensor_table(readings, value="speed", fold={"time": ("day", "hour")}, empty_slices=True)
    days = [datetime.date(2024, 2, 26) + datetime.timedelta(k) for k in range(9)]
    np.testing.assert_array_equal(cube.observations.array(), by_hand(readings, days))
    assert np.isnan(cube.observations.array()[5]).all()


def test_every_source_gives_the_same_tensor(readings, tmp_path):
    usual = read_tensor_table(readings, value="speed", fold={"time": ("day", "hour")})
    plain = readings.assign(time=readings.time.astype(str), note="dry")
    plain.to_csv(tmp_path / "long.csv", index=False)
    plain.to_parquet(tmp_path / "long.parquet", index=False)
    chosen = {"value": "speed", "modes": ["time", "sensor"], "fold": {"time": ("day", "hour")}}
    wide = readings.pivot(index="sensor", columns="time", values="speed")
    wide.to_csv(tmp_path / "wide.csv")
    for found in (
        read_tensor_table(tmp_path / "long.csv", **chosen),
        read_tensor_table(tmp_path / "long.parquet", **chosen),
        read_tensor_table(polars.from_pandas(plain), **chosen),
    ):
        assert found.names == usual.names
        np.testing.assert_array_equal(found.observations.array(), usual.observations.array())
    for source in (tmp_path / "wide.csv", wide):
        found = read_tensor_table(source, fold={"columns": ("day", "hour")})
        assert found.names == ("rows", "day", "hour")
        np.testing.assert_array_equal(
            found.observations.array(), np.moveaxis(usual.observations.array(), 2, 0)
        )


def test_labels_are_folded_by_number(tmp_path):
    table = np.arange(36.0).reshape(3, 12)
    frame = pd.DataFrame(table, columns=[f"{k}" for k in range(12)]).drop(columns="7")
    frame.insert(0, "name", ["x", "y", "z"])
    found = read_tensor_table(frame, fold={"columns": 4})
    expected = table.reshape(3, 3, 4).copy()
    expected[:, 1, 3] = np.nan  # the eighth label is left out, and its place kept
    np.testing.assert_array_equal(found.observations.array(), expected)
    assert found.names == ("rows", "columns round", "columns place")


def test_parts_of_times_are_those_of_the_calendar():
    rng = np.random.default_rng(1)
    times = np.datetime64("2019-12-20T00:00", "m") + rng.integers(0, 60 * 24 * 800, 500)
    stamps = [time.astype(datetime.datetime) for time in times]
    expected = {
        "year": [t.year for t in stamps],
        "month": [t.month for t in stamps],
        "week": [t.date() - datetime.timedelta(t.weekday()) for t in stamps],
        "day": [t.date() for t in stamps],
        "yearday": [t.timetuple().tm_yday for t in stamps],
        "weekday": [t.isoweekday() for t in stamps],
        "hour": [t.hour for t in stamps],
        "time": [t.hour + t.minute / 60 for t in stamps],
    }
    assert set(expected) == set(PARTS)
    for part, values in expected.items():
        levels, codes, every = levels_of(part, times.astype("M8[us]"))
        if part == "time":
            np.testing.assert_allclose(levels[codes], values)
        else:
            assert levels[codes].tolist() == values
        assert np.isin(levels, every).all()


def test_times_are_read_as_written():
    texts = ["2024-05-31", "2024-05-31T13:30", "2024-05-31 13:30:05+02:00", "2024-05"]
    expected = ["2024-05-31T00:00", "2024-05-31T13:30", "2024-05-31T13:30:05", "2024-05-01"]
    np.testing.assert_array_equal(times_of(np.array(texts), "time"), np.array(expected, "M8[us]"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"value": "pace"}, "no column of this name"),
        ({"value": "sensor"}, "holds no numbers"),
        ({"value": "speed"}, "three modes or more"),
        ({"value": "speed", "fold": {"when": ("day", "hour")}}, "not there"),
        ({"value": "speed", "fold": {"time": ("day", "minute")}}, "part of times is unknown"),
        ({"value": "speed", "fold": {"time": "day"}}, "parts of times, or a number"),
        ({"value": "speed", "fold": {"time": ("week", "hour")}}, "several cells .* fall on one"),
        ({"value": "speed", "fold": {"sensor": ("day", "hour")}}, "labels that are no times"),
        ({"value": "speed", "fold": {"time": 1}}, "at least 2"),
        ({"value": "speed", "fold": {"time": ("day", "day")}}, "of different names"),
        ({"modes": ["time", "sensor"]}, "columns of a long table"),
    ],
)
def test_what_cannot_be_read_is_said(readings, given, words):
    with pytest.raises(InvalidInputError, match=words):
        read_tensor_table(readings, **given)


def test_missing_values_are_missing_cells(readings):
    frame = readings.copy()
    frame.iloc[::7, 2] = np.nan
    found = read_tensor_table(frame, value="speed", fold={"time": ("day", "hour")})
    assert found.observations.size == frame.speed.notna().sum()


def test_a_folded_table_is_filled(readings):
    cube = read_tensor_table(readings, value="speed", fold={"time": ("day", "hour")}, empty_slices=True)
    filled = ll.complete_tensor(cube.observations, 1, orders={0: "line"}, n_draws=5, rng=0).completed()
    assert np.isfinite(filled).all()
