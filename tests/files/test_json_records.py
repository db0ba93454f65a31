"""Records in JSON: whole numbers of any length, and what is absent."""

import json

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from commands import call
from lowland.files.shapes.layouts import Reading
from lowland.files.tables import load_table

FRAME = pd.DataFrame(
    {
        "kind": ["new", "old"] * 6,
        "x": [None if k == 3 else 1.5 * k for k in range(12)],
        "y": [k * k for k in range(12)],
    }
)
CITIES = [f"c{k}" for k in range(12)]
ORIENTS = ["columns", "index", "records", "split", "table", "values"]


def test_long_ids_stay_apart(tmp_path):
    path = tmp_path / "ids.jsonl"
    ids = [2**64 + 1, 2**64 + 2, 10**400]
    path.write_text(
        "".join(json.dumps({"user": u, "item": "ab"[k % 2], "rating": k}) + "\n" for k, u in enumerate(ids))
    )
    assert ll.read_table(path).row_labels.tolist() == sorted(map(str, ids))


def test_what_is_absent_is_missing(tmp_path):
    path = tmp_path / "table.json"
    path.write_text(
        '[{"id": "a", "x": 1, "y": 2.5}, {"id": "b", "y": null, "x": 2}, {"id": "c", "y": 3, "z": 1}]'
    )
    table = ll.read_table(path)
    assert table.column_labels.tolist() == ["x", "y", "z"]
    np.testing.assert_array_equal(table.to_array(), [[1, 2.5, np.nan], [2, np.nan, np.nan], [np.nan, 3, 1]])


@pytest.mark.parametrize("text", ['{"a": 1}\n{"a": 2', '"word"', "[1, 2]", "[]"])
def test_no_records(tmp_path, text):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ll.errors.LowlandError):
        ll.read_table(path)


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("orient", ORIENTS)
def test_what_pandas_writes(tmp_path, orient, named):
    frame = FRAME.set_index(pd.Index(CITIES, name="city")) if named else FRAME
    frame.to_json(tmp_path / "t.json", orient=orient)
    table = load_table(tmp_path / "t.json", Reading(words=True))
    names = ["1", "2", "3"] if orient == "values" else list(FRAME.columns)
    seen = table.observations
    assert seen.column_labels.tolist() == names
    assert table.levels == {names[0]: ("new", "old")}
    expected = FRAME.assign(kind=[0.0, 1.0] * 6).to_numpy(float)
    np.testing.assert_array_equal(seen.to_array(), expected)
    labelled = named and orient not in ("values", "records")  # which drop the index
    assert (seen.row_labels.tolist() if labelled else seen.row_labels) == (CITIES if labelled else None)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_default_of_pandas_is_completed(tmp_path, ending):
    FRAME.set_index(pd.Index(CITIES)).to_json(tmp_path / "t.json")
    out = tmp_path / f"o.{ending}"
    result = call(
        "complete", tmp_path / "t.json", "--rank", "1", "--no-certify", "--output", out, cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    filled = pd.read_csv(out) if ending == "csv" else pd.read_parquet(out)
    assert filled.columns.tolist() == ["row labels", "kind", "x", "y"]
    assert filled["row labels"].tolist() == CITIES
    assert filled.drop(3)["x"].tolist() == FRAME.drop(3)["x"].tolist()
    assert filled["y"].dtype == np.int64
    assert filled[["kind", "y"]].equals(FRAME[["kind", "y"]])


def test_lists_by_column_and_rows_below_names(tmp_path):
    by_column = {"kind": ["a", "b", "c"], "x": [1.5, None, 3], "y": [4, 5, 6]}
    (tmp_path / "a.json").write_text(json.dumps(by_column))
    rows = [list(by_column), *map(list, zip(*by_column.values(), strict=True))]
    (tmp_path / "b.json").write_text(json.dumps(rows))
    for name in ("a.json", "b.json"):
        seen = load_table(tmp_path / name).observations
        assert seen.row_labels.tolist() == ["a", "b", "c"]
        np.testing.assert_array_equal(seen.to_array(), [[1.5, 4], [np.nan, 5], [3, 6]])


def test_objects_by_row_under_names(tmp_path):
    rows = {city: {"kind": "new", "x": k, "y": 2.5, "z": k * k} for k, city in enumerate("abc")}
    (tmp_path / "t.json").write_text(json.dumps(rows, indent=1))
    assert load_table(tmp_path / "t.json").observations.row_labels.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    "content",
    [
        {"meta": {"n": 3}, "rows": [1, 2]},
        {"x": [1, 2], "y": [1]},
        [[1, 2], [3]],
        {"columns": ["a", "b"], "data": [[1]]},
        [{"a": {"b": 1}}],
    ],
)
def test_other_json_is_refused(tmp_path, content):
    (tmp_path / "t.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"not JSON of records|is needed"):
        load_table(tmp_path / "t.json")
