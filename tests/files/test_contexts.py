"""A column of a long table that says when its cells were observed is found, or named."""

import numpy as np
import pytest

import lowland as ll
from commands import call
from lowland.errors import InvalidInputError

LINES = 60
ROWS = np.repeat(np.arange(12), 5)
COLUMNS = (ROWS + np.tile(np.arange(5), 12)) % 9
SECONDS = 1_300_000_000 + 3_600 * np.arange(LINES)


def written(path, cells, name="when", more=""):
    lines = [f"user,item,rating,{name}"]
    lines += [
        f"{i},{j},{k % 5 + 1},{cell}" for k, (i, j, cell) in enumerate(zip(ROWS, COLUMNS, cells, strict=True))
    ]
    path.write_text("\n".join(lines) + more + "\n")
    return path


def times_of(table):
    return table.context.at(table.rows, table.columns)


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        (SECONDS, "timestamp"),
        (1000 * SECONDS, "time"),
        (np.datetime_as_string(SECONDS.astype("datetime64[s]")), "when"),
        ([f"{one}Z" for one in np.datetime_as_string(SECONDS.astype("datetime64[s]"))], "date"),
    ],
    ids=["seconds", "milliseconds", "iso", "zone"],
)
def test_dates_are_found(cells, name, tmp_path):
    table = ll.read_table(written(tmp_path / "list.csv", cells, name))
    assert (table.context.kind, table.context.name, table.context.asked) == ("dates", name, False)
    places = dict(zip(zip(ROWS, COLUMNS, strict=True), SECONDS, strict=True))
    labels = table.row_labels[table.rows], table.column_labels[table.columns]
    np.testing.assert_array_equal(times_of(table), [places[cell] for cell in zip(*labels, strict=True)])


def test_lines_without_a_value_have_a_time(tmp_path):
    path = written(tmp_path / "list.csv", SECONDS, "timestamp", more=f"\n0,8,,{SECONDS[0]}")
    table = ll.read_table(path)
    row, column = np.flatnonzero(table.row_labels == 0)[0], np.flatnonzero(table.column_labels == 8)[0]
    assert not ((table.rows == row) & (table.columns == column)).any()
    assert table.context.at(np.array([row]), np.array([column])) == SECONDS[0]


def test_a_cell_without_a_date_has_none(tmp_path):
    days = np.datetime_as_string(SECONDS.astype("datetime64[s]").astype("datetime64[D]")).tolist()
    days[7] = ""
    assert np.isnan(times_of(ll.read_table(written(tmp_path / "list.csv", days)))).sum() == 1


def test_it_can_be_named_or_refused(tmp_path):
    path = written(tmp_path / "list.csv", [f"place {k % 3}" for k in range(LINES)], "place")
    assert ll.read_table(path).context is None
    table = ll.read_table(path, context="place")
    assert (table.context.kind, table.context.asked) == ("words", True)
    path = written(tmp_path / "list.csv", SECONDS, "timestamp")
    assert ll.read_table(path, context="no").context is None
    for name in ("rating", "nothing"):
        with pytest.raises(InvalidInputError, match="besides those of row, column and value"):
            ll.read_table(path, context=name)


def test_numbers_are_places(tmp_path):
    table = ll.read_table(written(tmp_path / "list.csv", 0.5 + np.arange(LINES), "depth"), context="depth")
    assert table.context.kind == "numbers"
    assert sorted(times_of(table).tolist()) == (0.5 + np.arange(LINES)).tolist()


def test_wide_tables_have_none(tmp_path):
    (tmp_path / "wide.csv").write_text("name,a,b\nx,1.5,2\ny,,3.25\nz,2.5,\n")
    with pytest.raises(InvalidInputError, match="only a long table"):
        ll.read_table(tmp_path / "wide.csv", context="b")


def test_frames_have_contexts():
    import pandas as pd

    frame = pd.DataFrame({"user": ROWS, "item": COLUMNS, "rating": np.arange(LINES) % 5 + 1.0})
    frame["when"] = pd.to_datetime(SECONDS, unit="s")
    frame.loc[3, "rating"] = np.nan
    table = ll.Observations.from_frame(frame, row="user", column="item", value="rating", context="when")
    assert (table.context.kind, table.context.size, table.size) == ("dates", LINES, LINES - 1)
    assert ll.read_table(frame).context.kind == "dates"


def test_the_command_line_uses_it_and_says_so(tmp_path):
    path = written(tmp_path / "list.csv", SECONDS, "timestamp")

    def told(*words, code=0):
        result = call(*words, cwd=tmp_path)
        assert result.returncode == code
        return result.stdout if code == 0 else result.stderr

    output = told("complete", path, "--no-certify", "--model", "model.npz")
    assert "'timestamp' (times, seconds since 1970) says when cells were observed" in output
    assert "--context no" in output
    lines = told("predict", "model.npz", path, "--context", "timestamp", "--interval", "0.9").splitlines()
    assert lines[-1].count(",") == 5
    assert "has no column 'when'" in told("predict", "model.npz", path, "--context", "when", code=2)
    told("complete", path, "--no-certify", "--context", "no", "--model", "other.npz")
    assert "knows no context" in told("predict", "other.npz", path, "--context", "timestamp", code=2)
