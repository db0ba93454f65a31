"""Folders and patterns of files of the same columns are one table."""

import gzip

import numpy as np
import pandas as pd
import pytest

from commands import assert_clean_error, call
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table

FRAME = pd.DataFrame(
    {
        "city": [f"ö{k}" for k in range(12)],
        "x": [None if k == 3 else 1.5 * k for k in range(12)],
        "y": [k * k for k in range(12)],
    }
)
PARTS = [FRAME[:5], FRAME[5:6], FRAME[6:]]


def write(folder, ending, parts=PARTS, **options):
    folder.mkdir()
    for k, part in enumerate(parts):
        path = folder / f"part{k}{ending}"
        if ending == ".parquet":
            part.to_parquet(path, index=False)
        else:
            text = part.to_csv(index=False, **options)
            path.write_bytes(gzip.compress(text.encode()) if ending.endswith(".gz") else text.encode())
    return folder


def assert_whole(table):
    assert table.observations.row_labels.tolist() == FRAME["city"].tolist()
    np.testing.assert_array_equal(table.observations.to_array(), FRAME[["x", "y"]].to_numpy())
    assert "3 files read as one table" in table.decided


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".csv.gz", ".parquet"])
def test_folders_and_patterns_are_one_table(tmp_path, ending):
    folder = write(tmp_path / "parts", ending, **({"sep": "\t"} if ending == ".tsv" else {}))
    (folder / ".hidden.csv").write_text("nothing\n")
    (folder / "README").write_text("# about these files\n")
    assert_whole(load_table(folder))
    assert_whole(load_table(folder / f"part*{ending}"))
    assert_whole(load_table(tmp_path / "**" / f"part[0-2]{ending}"))


def test_files_without_header_and_in_several_encodings(tmp_path):
    folder = write(tmp_path / "parts", ".csv", header=False)
    for k, encoding in ((0, "utf-8-sig"), (1, "cp1252")):
        path = folder / f"part{k}.csv"
        path.write_bytes(path.read_text("utf-8").rstrip("\n").encode(encoding))
    assert_whole(load_table(folder))
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace("ö".encode(), b"\xf6"))
    (folder / "part0.csv").write_bytes((folder / "part0.csv").read_bytes().removeprefix(b"\xef\xbb\xbf"))
    assert_whole(load_table(folder, Reading(form=TableFormat(encoding="latin-1"))))


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_folder_is_completed_into_one_file(tmp_path, ending):
    write(tmp_path / "parts", ending)
    name = f"parts/*{ending}" if ending == ".csv" else "parts/"
    arguments = ("--rank", "1", "--no-certify", "--output")
    result = call("complete", name, *arguments, f"o{ending}", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "3 files read as one table" in result.stdout
    out = pd.read_csv(tmp_path / "o.csv") if ending == ".csv" else pd.read_parquet(tmp_path / "o.parquet")
    assert out["x"].notna().all()
    known = FRAME["x"].notna()
    pd.testing.assert_frame_equal(out[known], FRAME[known])
    among = call("complete", name, *arguments, f"parts/o{ending}", cwd=tmp_path)
    assert_clean_error(among, "would be one of the files that are read")


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_files_of_other_columns_are_named(tmp_path, ending):
    parts = [FRAME[:5], FRAME[5:].rename(columns={"y": "z"})]
    write(tmp_path / "parts", ending, parts)
    result = call("complete", "parts", cwd=tmp_path)
    assert_clean_error(result, f"part0{ending}", f"part1{ending}", "without 'y' and with 'z'")


def test_what_is_no_table_of_several_files(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no Parquet file and no text of a table"):
        load_table(tmp_path / "empty")
    with pytest.raises(ValueError, match="means no table"):
        load_table(tmp_path / "none*.csv")
    folder = write(tmp_path / "parts", ".csv")
    FRAME.to_parquet(folder / "other.parquet")
    with pytest.raises(ValueError, match="cannot be read as one table"):
        load_table(folder / "*")


def test_a_name_that_looks_like_a_pattern_is_a_file(tmp_path):
    FRAME.to_csv(tmp_path / "table[1].csv", index=False)
    assert load_table(tmp_path / "table[1].csv").observations.shape == (12, 2)
