"""Tables as tensors: long ones, wide ones, and times folded into parts."""

import datetime

import numpy as np
import pandas as pd
import polars
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.tensors import read_tensor_table
from lowland.tensors.filling import candidates
from lowland.tensors.reading.time_parts import PARTS, days_by_times, levels_of, times_of


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
        levels, codes = levels_of(part, times.astype("M8[us]"))
        if part == "time":
            np.testing.assert_allclose(levels[codes], values)
        else:
            assert levels[codes].tolist() == values
        assert (np.diff(levels) == np.diff(levels)[0]).all() or part == "time"


def test_times_are_read_as_written():
    texts = ["2024-05-31", "2024-05-31T13:30", "2024-05-31 13:30:05+02:00", "2024-05"]
    expected = ["2024-05-31T00:00", "2024-05-31T13:30", "2024-05-31T13:30:05", "2024-05-01"]
    np.testing.assert_array_equal(times_of(np.array(texts), "time"), np.array(expected, "M8[us]"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"value": "pace"}, "no column of this name"),
        ({"value": "sensor"}, "text where numbers are needed"),
        ({"value": "speed", "modes": ["time", "speed"]}, "other than value"),
        ({"value": "speed", "duplicates": "first"}, "duplicates is unknown"),
        ({"value": "speed", "form": ll.TableFormat(decimal=",")}, "form says how files are written"),
        ({"value": "speed"}, "three modes or more"),
        ({"value": "speed", "fold": {"when": ("day", "hour")}}, "not there"),
        ({"value": "speed", "fold": {"time": ("day", "minute")}}, "part of times is unknown"),
        ({"value": "speed", "fold": {"time": "day"}}, "parts of times, or a number"),
        ({"value": "speed", "fold": {"time": ("week", "hour")}}, "several cells .* fall on one"),
        ({"value": "speed", "fold": {"sensor": ("day", "hour")}}, "labels that are no times"),
        ({"value": "speed", "fold": {"time": 1}}, "at least 2"),
        ({"value": "speed", "fold": {"time": ("day", "day")}}, "different names"),
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


def test_a_folded_table_is_filled(readings, monkeypatch):
    monkeypatch.setattr(candidates, "COMPARED", (4, 4))
    cube = read_tensor_table(readings, value="speed", fold={"time": ("day", "hour")}, empty_slices=True)
    filled = ll.complete_tensor(cube.observations, 1, orders={0: "line"}, n_draws=5, rng=0).completed()
    assert np.isfinite(filled).all()


def folded(frame, tmp_path, **options):
    """The tensor of a frame, the same from the frame itself and from its CSV file."""
    frame.to_csv(tmp_path / "t.csv", index=False)
    options = {"value": "v", **options}
    found = read_tensor_table(tmp_path / "t.csv", **options)
    from_frame = read_tensor_table(frame, **options)
    assert found.names == from_frame.names
    np.testing.assert_array_equal(found.observations.array(), from_frame.observations.array())
    return found


def frame_of(times, values, **columns):
    return pd.DataFrame({"t": times, "s": np.resize(["a", "b"], len(times)), **columns, "v": values})


def test_zones_are_left_out_wherever_times_come_from(tmp_path):
    times = [f"2024-05-01T{h:02}:00:00+02:00" for h in range(24) for _ in "ab"]
    found = folded(frame_of(times, np.arange(48.0)), tmp_path, fold={"t": ("day", "hour")})
    assert found.observations.shape == (1, 24, 2)
    assert str(found.coordinates[0][0]) == "2024-05-01"


def test_labels_are_text_as_written(tmp_path):
    times = np.repeat(["2024-05-01 00:00", "2024-05-01 01:00"], 2)
    frame = pd.DataFrame({"t": times, "s": ["007", "7", "007", "7"], "v": np.arange(4.0)})
    found = folded(frame, tmp_path, fold={"t": ("day", "hour")})
    assert found.coordinates[2].tolist() == ["007", "7"]


def test_lines_without_values_are_slices_to_be_predicted(tmp_path):
    times = np.repeat(pd.date_range("2024-05-01", periods=24 * 4, freq="h").astype(str), 2)
    values = np.where(np.arange(192) < 96, np.arange(192.0), np.nan)
    frame = frame_of(times, values)
    assert folded(frame, tmp_path, fold={"t": ("day", "hour")}).observations.shape == (2, 24, 2)
    ahead = folded(frame, tmp_path, fold={"t": ("day", "hour")}, empty_slices=["day"])
    assert ahead.observations.shape == (4, 24, 2)
    assert ahead.observations.size == 96


def test_only_modes_that_may_have_empty_slices_are_filled_up(tmp_path):
    times = pd.date_range("2024-05-01", periods=24 * 6, freq="h")
    times = times[(times.hour != 12) & (times.day != 3)]
    frame = frame_of(np.repeat(times.astype(str), 2), np.arange(2.0 * len(times)))
    assert folded(frame, tmp_path, fold={"t": ("day", "hour")}).observations.shape == (5, 23, 2)
    for day in ("day", "0"):
        found = folded(frame, tmp_path, fold={"t": ("day", "hour")}, empty_slices=[day])
        assert found.observations.shape == (6, 23, 2)
    both = folded(frame, tmp_path, fold={"t": ("day", "hour")}, empty_slices=True)
    assert both.observations.shape == (6, 24, 2)


def test_slots_that_are_never_listed_are_there(tmp_path):
    times = pd.date_range("2024-05-01", periods=144 * 2, freq="10min")
    times = times[(times.hour != 3) | (times.minute != 20)]
    frame = frame_of(np.repeat(times.astype(str), 2), np.arange(2.0 * len(times)))
    found = folded(frame, tmp_path, fold={"t": ("day", "time")}, empty_slices=["time"])
    assert found.observations.shape == (2, 144, 2)
    assert np.diff(found.coordinates[1]) == pytest.approx(1 / 6)


def test_sentinels_are_asked_for(tmp_path):
    times = np.repeat(pd.date_range("2024-05-01", periods=48, freq="h").astype(str), 2)
    values = np.r_[-999.0, -999.0, np.linspace(10, 20, 94)]
    options = {"fold": {"t": ("day", "hour")}}
    with pytest.raises(InvalidInputError, match="-999"):
        folded(frame_of(times, values), tmp_path, **options)
    form = ll.TableFormat(sentinels="missing")
    assert folded(frame_of(times, values), tmp_path, form=form, **options).observations.size == 94


def test_empty_labels_are_refused(tmp_path):
    frame = frame_of(["2024-05-01 00:00", "2024-05-01 01:00"] * 2, np.arange(4.0))
    frame.loc[1, "s"] = None
    for source in (frame, tmp_path / "t.csv"):
        frame.to_csv(tmp_path / "t.csv", index=False)
        with pytest.raises(InvalidInputError, match="empty label"):
            read_tensor_table(source, value="v", fold={"t": ("day", "hour")})


def test_rounds_follow_times_and_keep_places_that_are_left_out(tmp_path):
    times = pd.date_range("2024-05-01", periods=72, freq="h").delete(5)
    frame = frame_of(np.repeat(times.astype(str), 2), np.arange(142.0))
    found = folded(frame, tmp_path, fold={"t": np.int64(24)}, empty_slices=True)
    assert found.observations.shape == (3, 24, 2)
    assert np.isnan(found.observations.array()[0, 5]).all()
    assert found.observations.array()[1, 0, 0] == 2 * 23


def test_text_without_order_has_no_rounds(tmp_path):
    frame = frame_of([f"{d:02}.05.2024" for d in range(1, 9) for _ in "ab"], np.arange(16.0))
    with pytest.raises(InvalidInputError, match="no order that rounds could follow"):
        folded(frame, tmp_path, fold={"t": 4})


def test_fractions_are_in_their_order_and_values_are_no_modes(tmp_path):
    frame = pd.DataFrame(
        {"nm": [1000.5, 99.5] * 4, "s": list("aabb") * 2, "k": [1] * 4 + [2] * 4, "v": range(8)}
    )
    assert folded(frame, tmp_path).coordinates[0].tolist() == [99.5, 1000.5]
    frame["other"] = np.random.default_rng(0).random(8)
    with pytest.raises(InvalidInputError, match="looks like values"):
        folded(frame, tmp_path)
    assert folded(frame, tmp_path, modes=["nm", "s", "k"]).observations.shape == (2, 2, 2)


def test_cells_that_fall_together_are_joined_if_asked(tmp_path):
    frame = frame_of(
        np.repeat(["2024-05-01 01:00", "2024-05-01 01:30", "2024-05-02 01:00"], 2), np.arange(6.0)
    )
    options = {"fold": {"t": ("day", "hour")}}
    with pytest.raises(InvalidInputError, match="2 at day 2024-05-01, hour 1, s a"):
        folded(frame, tmp_path, **options)
    mean = folded(frame, tmp_path, duplicates="mean", **options).observations.array()
    np.testing.assert_array_equal(mean[:, 0], [[1, 2], [4, 5]])
    last = folded(frame, tmp_path, duplicates="last", **options).observations.array()
    np.testing.assert_array_equal(last[:, 0], [[2, 3], [4, 5]])


def test_parts_of_two_columns_are_named_apart(tmp_path):
    begins, ends = ["2024-05-01 01:00", "2024-05-01 02:00"], ["2024-05-01 05:00", "2024-05-01 06:00"]
    frame = pd.DataFrame({"from": begins * 2, "to": np.repeat(ends, 2), "day": [1, 1, 2, 2], "v": range(4)})
    found = folded(frame, tmp_path, fold={"from": ("hour",), "to": ("hour",)})
    assert found.names == ("from hour", "to hour", "day")


def test_several_levels_of_an_index_are_refused():
    frame = pd.DataFrame({"v": np.arange(4.0)}, index=pd.MultiIndex.from_product([[1, 2], [3, 4]]))
    for source in (frame, frame["v"]):
        with pytest.raises(InvalidInputError, match="reset_index"):
            read_tensor_table(source, value="v")


def test_a_grid_of_days_and_times_is_recognised():
    hourly = pd.date_range("2024-05-01", periods=96, freq="h").astype(str).to_numpy()
    assert days_by_times(hourly) == (4, 24)
    assert days_by_times(np.delete(hourly, [3, 50, 51])) == (4, 24)
    assert days_by_times(hourly[::6]) == (4, 4)
    for no_grid in (
        hourly[:24],
        hourly[::24],
        hourly[::-1],
        np.arange(96),
        np.arange(2000, 2090).astype(str),
    ):
        assert days_by_times(no_grid) is None


def test_labels_without_values_are_kept_if_asked(readings):
    """A sensor whose every value is blank, and a day between two others that no line lists."""
    silent = readings.assign(speed=readings.speed.where(readings.sensor != "b"))
    settings = {"value": "speed", "fold": {"time": ("day", "hour")}}
    assert read_tensor_table(silent, **settings).observations.shape == (8, 24, 2)
    kept = read_tensor_table(silent, listed=True, **settings)
    assert kept.observations.shape == (8, 24, 3)
    np.testing.assert_array_equal(kept.labels[2], ["a", "b", "c"])
    assert np.isnan(kept.observations.array()[:, :, 1]).all()
    both = read_tensor_table(silent, listed=True, empty_slices=["day"], **settings)
    assert both.observations.shape == (9, 24, 3)
    np.testing.assert_array_equal(
        both.observations.array()[[k for k in range(9) if k != 5]], kept.observations.array()
    )
