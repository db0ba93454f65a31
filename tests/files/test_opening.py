"""Tables under any name: the contents say of which kind they are."""

import bz2
import gzip
import io
import lzma
import sqlite3
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from commands import assert_clean_error, call
from lowland.core.errors import TooLargeError
from lowland.files import sources
from lowland.files.opening import open_table
from lowland.files.tables import load_table

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"city": [f"c{k}" for k in range(6)], "x": np.arange(6) * 1.5, "y": np.arange(6) ** 2})
FRAME.loc[2, "x"] = np.nan
CELLS = FRAME[["x", "y"]].to_numpy()
PAIRS = [(u, i) for u in range(1, 9) for i in range(1, 7) if RNG.random() < 0.6]
RATED = [(u, i, int(RNG.integers(1, 6)), 881250949 + 7 * u + i) for u, i in PAIRS]
RATINGS = "".join("\t".join(map(str, line)) + "\n" for line in RATED)


def in_bytes(write):
    out = io.BytesIO()
    write(out)
    return out.getvalue()


def zipped(name, data):
    def write(out):
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr(name, data)

    return in_bytes(write)


CSV = FRAME.to_csv(index=False).encode()
PARQUET = in_bytes(lambda out: FRAME.to_parquet(out, index=False))
KINDS = {
    "parquet": PARQUET,
    "feather": in_bytes(FRAME.to_feather),
    "json": FRAME.to_json(orient="records").encode(),
    "lines": b"\n" + FRAME.to_json(orient="records", lines=True).encode(),
    "text": CSV,
    "gzip": gzip.compress(CSV),
    "bzip": bz2.compress(CSV),
    "xz": lzma.compress(PARQUET),
    "zip": zipped("inner", CSV),
    "zip of Parquet": zipped("inner.dat", PARQUET),
    "gzip of zip": gzip.compress(zipped("inner.csv", CSV)),
}


@pytest.mark.parametrize("name", ["table", "table.bak", "table.csv", "table.data"])
@pytest.mark.parametrize("kind", KINDS)
def test_contents_decide_where_the_name_does_not(tmp_path, kind, name):
    (tmp_path / name).write_bytes(KINDS[kind])
    seen = load_table(tmp_path / name).observations
    np.testing.assert_array_equal(seen.to_array(), CELLS)
    assert seen.row_labels.tolist() == FRAME["city"].tolist()


def test_sheets_and_arrays_without_an_ending(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [["city", "x", "y"], ["a", 1.5, 2], ["b", None, 3]]:
        book.active.append(row)
    book.save(tmp_path / "book.xlsx")
    (tmp_path / "book.xlsx").rename(tmp_path / "book")
    np.testing.assert_array_equal(
        load_table(tmp_path / "book").observations.to_array(), [[1.5, 2], [np.nan, 3]]
    )
    np.savez(tmp_path / "a.npz", x=CELLS)
    np.save(tmp_path / "b.npy", CELLS)
    for name in ("a.npz", "b.npy"):
        (tmp_path / name).rename(tmp_path / name[0])
        np.testing.assert_array_equal(load_table(tmp_path / name[0]).observations.to_array(), CELLS)


def test_a_text_under_the_name_of_a_spreadsheet(tmp_path):
    (tmp_path / "export.xls").write_bytes(CSV.replace(b",", b"\t"))
    np.testing.assert_array_equal(load_table(tmp_path / "export.xls").observations.to_array(), CELLS)
    (tmp_path / "page.xls").write_text("<html><body><table><tr><td>1</td></tr></table></body></html>")
    with pytest.raises(ValueError, match="is a page of HTML"):
        load_table(tmp_path / "page.xls")


@pytest.mark.parametrize("name", ["u1.base", "u1", "ub.test"])
def test_ratings_without_header_and_ending(tmp_path, name):
    (tmp_path / name).write_text(RATINGS)
    table = load_table(tmp_path / name)
    assert table.layout == "long"
    seen = table.observations
    read = zip(seen.row_labels[seen.rows], seen.column_labels[seen.columns], seen.values, strict=True)
    assert sorted(read) == sorted(line[:3] for line in RATED)


def test_ratings_without_ending_are_completed(tmp_path):
    (tmp_path / "u1.base").write_text(RATINGS)
    result = call("complete", "u1.base", "--rank", "1", "--no-certify", "--output", "o.csv", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    out = pd.read_csv(tmp_path / "o.csv")
    observed = out[out["observed"] == 1].to_numpy()[:, :3]
    assert sorted(map(tuple, observed.tolist())) == sorted(line[:3] for line in RATED)


def test_standard_input_of_any_kind(monkeypatch):
    for data in (CSV, PARQUET, gzip.compress(PARQUET)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        np.testing.assert_array_equal(load_table("-").observations.to_array(), CELLS)


def test_databases_without_an_ending_are_queried(tmp_path):
    connection = sqlite3.connect(tmp_path / "shop")
    FRAME.to_sql("prices", connection, index=False)
    connection.close()
    query = ("--query", "select * from prices", "--rank", "1", "--no-certify")
    assert_clean_error(call("complete", "shop", cwd=tmp_path), "needs a query", "tables prices")
    result = call("complete", "shop", *query, "--output", "o.csv", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    out = pd.read_csv(tmp_path / "o.csv")
    np.testing.assert_array_equal(out["x"].to_numpy()[[0, 1, 3]], CELLS[[0, 1, 3], 0])
    np.testing.assert_array_equal(out["y"], CELLS[:, 1])


def test_hdf5_is_named(tmp_path):
    (tmp_path / "t").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(600))
    with pytest.raises(ValueError, match="HDF5 file, which holds arrays"):
        open_table(tmp_path / "t")


def test_truncated_archives_are_damaged_files(tmp_path):
    (tmp_path / "t").write_bytes(KINDS["zip"][:60])
    with pytest.raises(ValueError, match="cannot be decompressed"):
        open_table(tmp_path / "t")


def test_folders_whose_names_are_values(tmp_path):
    for year in (2022, 2023):
        folder = tmp_path / "parts" / f"year={year}"
        folder.mkdir(parents=True)
        (folder / "part.parquet").write_bytes(
            in_bytes(lambda out: FRAME.assign(city=FRAME["city"] + str(year)).to_parquet(out, index=False))  # noqa: B023
        )
    with pytest.raises(ValueError, match="names are values of a column\n  found: year=2022, year=2023"):
        load_table(tmp_path / "parts")
    read = load_table(tmp_path / "parts" / "*" / "*.parquet")
    assert "values in the names of folders are not read: year=2022, year=2023" in read.decided
    assert load_table(tmp_path / "parts" / "year=2022").observations.shape == (6, 2)


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zip"])
def test_few_bytes_that_hold_very_many_are_refused(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(sources, "SUSPECT", 1 << 18)
    line, path = b"a,b,c\n" + b"1,2,3\n" * 100_000, tmp_path / f"t.csv{ending}"
    if ending == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("t.csv", line)
    else:
        path.write_bytes({".gz": gzip, ".bz2": bz2, ".xz": lzma}[ending].compress(line))
    with pytest.raises(TooLargeError, match="more than 100 times as large as before"):
        load_table(path)
