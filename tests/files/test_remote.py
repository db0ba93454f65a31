"""Tables at addresses and in open buffers are read as files are, and read again when they are completed."""

import functools
import http.server
import io
import threading

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from commands import assert_clean_error, call, without
from lowland.core.errors import MissingExtraError
from lowland.files.remote import address_of, shown_address
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table

FRAME = pd.DataFrame(
    {
        "city": [f"ö{k}" for k in range(12)],
        "x": [None if k == 3 else 1.5 * k for k in range(12)],
        "y": [k * k for k in range(12)],
    }
)
CELLS = FRAME[["x", "y"]].to_numpy()
CSV, PARQUET = FRAME.to_csv(index=False), io.BytesIO()
FRAME.to_parquet(PARQUET, index=False)


def assert_read(seen):
    assert seen.row_labels.tolist() == FRAME["city"].tolist()
    np.testing.assert_array_equal(seen.to_array(), CELLS)


def test_buffers_of_bytes_and_text():
    assert_read(ll.read_table(io.BytesIO(CSV.encode())))
    assert_read(ll.read_table(io.StringIO(CSV)))
    assert_read(ll.read_table(io.BytesIO(PARQUET.getvalue())))
    assert_read(ll.read_table(io.BytesIO(CSV.encode("cp1252")), form=TableFormat(encoding="cp1252")))
    assert_read(ll.read_table(io.StringIO(CSV), form=TableFormat(encoding="cp1252")))


def test_what_is_left_in_open_files(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("a line above, of something else\n" + CSV, "utf-8")
    for mode, options in (("r", {"encoding": "utf-8"}), ("rb", {})):
        with path.open(mode, **options) as file:
            file.readline()
            assert_read(ll.read_table(file))
        with pytest.raises(ll.errors.InvalidInputError, match="closed file"):
            ll.read_table(file)


def test_buffers_are_read_again():
    table = load_table(io.StringIO(CSV))
    for _ in range(2):
        assert [line[0] for line in table.original.lines()] == FRAME["city"].tolist()


def test_addresses():
    assert address_of("https://a.b/c.csv") == "https://a.b/c.csv"
    assert address_of("s3:/bucket/c.csv") == "s3://bucket/c.csv"  # as paths of Python write it
    assert not address_of("C:/data/c.csv")
    assert not address_of("data/c.csv")
    assert not address_of("-")
    assert shown_address("https://me:secret@a.b/c.csv?key=secret") == "https://a.b/c.csv"


@pytest.fixture
def memory():
    """Return a store of fsspec that is emptied afterwards."""
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    yield store
    store.store.clear()


def test_addresses_are_read_and_completed(memory, tmp_path):
    memory.pipe("/lowland/t.csv", CSV.encode())
    memory.pipe("/lowland/t", PARQUET.getvalue())
    assert_read(ll.read_table("memory://lowland/t.csv"))
    assert_read(ll.read_table("memory://lowland/t"))
    arguments = ("--rank", "1", "--no-certify", "--output", "o.csv")
    result = call("complete", "memory://lowland/t.csv", *arguments, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    out, known = pd.read_csv(tmp_path / "o.csv"), FRAME["x"].notna()
    pd.testing.assert_frame_equal(out[known], FRAME[known])
    assert out["x"].notna().all()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_patterns_of_addresses(memory, ending):
    for k, part in enumerate((FRAME[:5], FRAME[5:])):
        data = io.BytesIO()
        part.to_csv(data, index=False) if ending == "csv" else part.to_parquet(data, index=False)
        memory.pipe(f"/lowland/parts/{k}.{ending}", data.getvalue())
    table = load_table(f"memory://lowland/parts/*.{ending}")
    assert_read(table.observations)
    assert "2 files read as one table" in table.decided


def test_what_cannot_be_fetched(memory, tmp_path):
    assert_clean_error(call("complete", "memory://none.csv", cwd=tmp_path), "cannot read memory://none.csv")
    assert_clean_error(call("complete", "unheard://x.csv", cwd=tmp_path), "unheard", "check the address")
    database = call("complete", "postgresql://me:secret@host/x", cwd=tmp_path)
    assert_clean_error(database, "address of a database")
    assert "secret" not in database.stderr
    with without("fsspec"), pytest.raises(MissingExtraError, match=r"lowland\[remote\]"):
        load_table("https://a.b/c.csv")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of files that prints nothing."""

    def log_message(self, *_):
        """Print nothing."""


def test_the_web(tmp_path):
    pytest.importorskip("fsspec")
    pytest.importorskip("aiohttp")
    (tmp_path / "t.csv").write_text(CSV, "utf-8")
    handler = functools.partial(Quiet, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            base = f"http://127.0.0.1:{server.server_port}"
            assert_read(load_table(f"{base}/t.csv?version=2").observations)
            with pytest.raises(ll.errors.InvalidInputError, match="cannot read"):
                load_table(f"{base}/none.csv")
        finally:
            server.shutdown()
