"""Files of Stata, SPSS and R: words of value labels, missing values of all kinds, names of rows."""

import datetime

import numpy as np
import pandas as pd
import pytest

from commands import assert_clean_error, call, without
from lowland.core.errors import MissingExtraError
from lowland.files.foreign import statistics_files
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table

pyreadstat = pytest.importorskip("pyreadstat")
rdata = pytest.importorskip("rdata")

N = 12
SEX = [None if k % 5 == 0 else 1 + k % 2 for k in range(N)]
FRAME = pd.DataFrame(
    {
        "id": [f"p{k}" for k in range(N)],
        "sex": SEX,
        "income": [1.5 * k for k in range(N)],
        "n": [3 * k for k in range(N)],
        "agreement": [1 + k % 3 for k in range(N)],
        "day": [datetime.date(2020, 1, 1) + datetime.timedelta(k) for k in range(N)],
    }
)
LABELS = {"sex": {1: "male", 2: "female"}, "agreement": {1: "low", 3: "high"}}
WORDS = Reading(words=True)


def write(path, frame=FRAME):
    if path.suffix == ".dta":
        pyreadstat.write_dta(frame, str(path), variable_value_labels=LABELS)
    else:
        with_missing = frame.assign(income=frame["income"].replace(3.0, 99.0))
        options = {"variable_value_labels": LABELS, "missing_ranges": {"income": [99]}}
        pyreadstat.write_sav(with_missing, str(path), **options)


@pytest.mark.parametrize("ending", [".dta", ".sav", ".zsav"])
def test_labels_are_levels_and_missing_values_are_missing(tmp_path, ending):
    path = tmp_path / f"t{ending}"
    if ending == ".dta":
        write(path, FRAME.assign(income=FRAME["income"].replace(3.0, np.nan)))
    else:
        write(path)
    table = load_table(path, WORDS)
    assert table.levels["sex"] == ("female", "male")
    assert list(table.as_is) == ["day"]
    assert "words of value labels: 'sex'" in table.decided
    assert "numbers, as some lack a label of their own: 'agreement'" in table.decided
    cells = table.observations.to_array()
    np.testing.assert_array_equal(cells[:, 0], [np.nan if k is None else 2.0 - k for k in SEX])
    np.testing.assert_array_equal(cells[:, 1], [np.nan if k == 2 else 1.5 * k for k in range(N)])
    np.testing.assert_array_equal(cells[:, 2:], FRAME[["n", "agreement"]].to_numpy(float))
    assert table.observations.row_labels.tolist() == FRAME["id"].tolist()


@pytest.mark.parametrize("ending", [".dta", ".sav"])
def test_completed_to_other_kinds(tmp_path, ending):
    write(tmp_path / f"t{ending}")
    output = "o.csv" if ending == ".dta" else "o.parquet"
    result = call("complete", f"t{ending}", "--rank", "1", "--no-certify", "--output", output, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    out = pd.read_csv(tmp_path / "o.csv") if ending == ".dta" else pd.read_parquet(tmp_path / output)
    known = [k for k in range(N) if SEX[k] is not None]
    assert out["sex"][known].tolist() == [LABELS["sex"][SEX[k]] for k in known]
    assert set(out["sex"]) == {"male", "female"}
    assert out["day"].astype(str).tolist() == FRAME["day"].astype(str).tolist()
    for name in ("id", "n", "agreement"):
        assert out[name].tolist() == FRAME[name].tolist()
    assert out["n"].dtype == np.int64


def test_contents_tell_files_of_statistics_programs(tmp_path):
    for ending in (".dta", ".sav"):
        write(tmp_path / f"t{ending}")
        (tmp_path / f"t{ending}").rename(tmp_path / "t")
        assert load_table(tmp_path / "t", WORDS).levels["sex"] == ("female", "male")


def test_files_in_another_encoding(tmp_path):
    frame = pd.DataFrame({"id": ["Köln", "Ulm", "Bonn"], "x": [1.0, 2, 4], "y": [1.5, 2, 4]})
    pyreadstat.write_dta(frame, str(tmp_path / "new.dta"))
    data = (tmp_path / "new.dta").read_bytes().replace("Köln".encode(), "Köln".encode("cp1252") + b"\0")
    (tmp_path / "t.dta").write_bytes(data)
    assert_clean_error(call("complete", "t.dta", cwd=tmp_path), "not a valid .dta file", "name its encoding")
    form = TableFormat(encoding="cp1252")
    assert load_table(tmp_path / "t.dta", Reading(form=form)).observations.row_labels[0] == "Köln"


def r_frame(**columns):
    """Return a frame whose names the writer of R files takes: objects, not text of Arrow."""
    frame = pd.DataFrame(columns)
    frame.columns = pd.Index(list(frame.columns), dtype=object)
    return frame


R_COLUMNS = {
    "x": [1.5, np.nan, 3.0, 4.5, 6.0, 7.5],
    "n": pd.array([1, 4, None, 16, 25, 36], dtype="Int32"),
    "size": pd.Categorical(["lo", "hi"] * 3),
    "on": pd.array([True, None, False, True, True, False], dtype="boolean"),
}


def test_frames_of_r(tmp_path):
    rdata.write_rds(tmp_path / "t.rds", r_frame(**R_COLUMNS))
    table = load_table(tmp_path / "t.rds", WORDS)
    assert table.observations.row_labels is None
    assert table.levels["on"] == ("FALSE", "TRUE")
    cells = dict(zip(table.observations.column_labels.tolist(), table.observations.to_array().T, strict=True))
    np.testing.assert_array_equal(cells["x"], R_COLUMNS["x"])
    np.testing.assert_array_equal(cells["n"], [1, 4, np.nan, 16, 25, 36])
    np.testing.assert_array_equal(cells["on"], [1, np.nan, 0, 1, 1, 0])


def test_frames_of_r_are_completed(tmp_path):
    frame = r_frame(**{name: R_COLUMNS[name] for name in ("x", "n")})
    frame.index = pd.Index([f"city {k}" for k in range(6)], dtype=object)
    rdata.write_rds(tmp_path / "t.rds", frame)
    result = call("complete", "t.rds", "--rank", "1", "--no-certify", "--output", "o.csv", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    lines = (tmp_path / "o.csv").read_text().splitlines()
    assert lines[0] == "row labels,x,n"
    assert [line.split(",")[0] for line in lines[1:]] == list(frame.index)
    assert lines[1] == "city 0,1.5,1"
    assert lines[2].endswith(",4")


def test_files_of_several_objects_of_r(tmp_path):
    matrix = np.arange(12.0).reshape(3, 4) ** 2
    rdata.write_rda(tmp_path / "t.RData", {"a": matrix, "v": np.arange(3.0)})
    np.testing.assert_array_equal(load_table(tmp_path / "t.RData").observations.to_array(), matrix)
    rdata.write_rda(tmp_path / "t.rda", {"a": matrix, "b": matrix + 1})
    assert_clean_error(call("complete", "t.rda", cwd=tmp_path), "holds several tables", "tables a, b")
    how = Reading(form=TableFormat(sheet="b"))
    np.testing.assert_array_equal(load_table(tmp_path / "t.rda", how).observations.to_array(), matrix + 1)
    rdata.write_rds(tmp_path / "v.rds", np.arange(3.0))
    assert_clean_error(call("complete", "v.rds", cwd=tmp_path), "no data frame or matrix")


def test_dates_of_r_are_no_numbers():
    made = statistics_files._CLASSES
    assert made["Date"](np.array([18262.0, np.nan]), {})[0] == datetime.date(2020, 1, 1)
    assert str(made["POSIXct"](np.array([1577836800.0]), {})[0]).startswith("2020-01-01T00:00:00")
    held = np.array([5, 2**60 + 1, np.iinfo(np.int64).min]).view(float)
    assert made["integer64"](held, {}).tolist() == [5, 2**60 + 1, pd.NA]


@pytest.mark.parametrize(("ending", "package"), [(".dta", "pyreadstat"), (".rds", "rdata")])
def test_the_extra_is_named(tmp_path, ending, package):
    (tmp_path / f"t{ending}").write_bytes(b"\x01anything")
    with without(package), pytest.raises(MissingExtraError, match=r"lowland\[statistics\]"):
        load_table(tmp_path / f"t{ending}")


@pytest.mark.parametrize("ending", [".dta", ".sav", ".rds", ".RData", ".sas7bdat"])
def test_damaged_files(tmp_path, ending):
    (tmp_path / f"t{ending}").write_bytes(b"not such a file at all\n" * 9)
    assert_clean_error(call("complete", f"t{ending}", cwd=tmp_path), f"t{ending}")
