"""Records in JSON: whole numbers of any length, and what is absent."""

import json

import numpy as np
import pytest

import lowland as ll


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
