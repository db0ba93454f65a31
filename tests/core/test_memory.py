"""What cannot fit is refused before the work begins, with its size and what to do instead."""

import gzip
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import lowland as ll
from lowland.core import memory
from lowland.core.errors import TooLargeError
from lowland.files import sources


@pytest.fixture
def little(monkeypatch):
    """Leave a hundred megabytes."""
    monkeypatch.setattr(memory, "available_memory", lambda: 100e6 + memory.RESERVE)


def test_what_fits_is_not_refused(little):
    memory.check_fits(99e6, "this")
    with pytest.raises(TooLargeError, match=r"this would need 101 MB of memory\n  found: 167 MB"):
        memory.check_fits(101e6, "this")


def test_memory_is_found_out():
    left = memory.available_memory()
    assert 0 < left
    if sys.platform == "linux":
        assert left < 1e15


GROUPS = {
    "memory.max": "1000000000\n",
    "memory.current": "700000000\n",
    "memory.stat": "anon 5\ninactive_file 200000000\nactive_file 7\n",
}


@pytest.mark.parametrize(("limit", "expected"), [("1000000000", 5e8), ("max", np.inf)])
def test_cached_files_of_a_control_group_can_be_dropped(tmp_path, limit, expected):
    for name, text in {**GROUPS, "memory.max": limit}.items():
        (tmp_path / name).write_text(text)
    found = memory._of_group(tmp_path, "memory.max", "memory.current", "inactive_file")
    assert found == expected


@pytest.mark.usefixtures("plain_kernels")
def test_tables_that_cannot_be_formed(little):
    cells = np.arange(500)
    seen = ll.Observations.from_triples(cells, cells % 50, np.ones(500) + cells % 7, shape=(2_000, 2_000))
    for options in ({"method": "map", "penalty": 1.0}, {"method": "variational"}):
        how = {"rank": 1, "certify": False, "max_iter": 2, "random_state": 0}
        model = ll.MatrixCompletion(**how, **options).fit(seen)
        with pytest.raises(TooLargeError, match="128 MB") as caught:
            model.predict_table()
        assert "predict the cells" in str(caught.value)
        assert model.predict_cells([3], [4]).shape == (1,)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "gibbs", "n_draws": 100_000, "rank": 4}, "fewer draws than 100000"),
        ({"method": "variational", "rank": 200}, 'method "map"'),
        ({"method": "map", "rank": 600, "penalty": 1.0}, "smaller rank"),
    ],
)
def test_fits_that_need_too_much(little, options, words):
    rng = np.random.default_rng(0)
    seen = ll.Observations.from_triples(
        rng.permutation(6000), rng.integers(0, 700, 6000), rng.random(6000), shape=(6000, 700)
    )
    with pytest.raises(TooLargeError, match=words):
        ll.MatrixCompletion(random_state=0, **options).fit(seen)


def test_measurements_and_tensors_that_need_too_much(little):
    with pytest.raises(TooLargeError, match="fewer measurements"):
        ll.gaussian(10_000, (200, 200), 0)
    fit = ll.decompose_tucker(np.random.default_rng(0).random((4, 4, 4)), 1, certify=False, rng=0)
    wide = ll.TuckerTensor(fit.core, tuple(np.ones((1000, 1)) for _ in range(3)))
    with pytest.raises(TooLargeError, match="dense tensor"):
        wide.tensor()


# a dense tensor, since tensors are there without what estimators of tables load
LIMITED = """
import resource
import numpy as np, lowland as ll

wide = ll.TuckerTensor(np.ones((1, 1, 1)), tuple(np.ones((length, 1)) for length in (1000, 1000, 800)))
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), used + (1 << 30)))
try:
    wide.tensor()
except ll.errors.LowlandError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs the limits of Linux")
def test_the_limit_of_the_process_counts():
    command = [sys.executable, "-c", LIMITED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert "12.8 GB" in done.stdout, done.stderr


def test_an_archive_that_declares_more_than_there_is(little, tmp_path):
    np.savez_compressed(tmp_path / "bomb.npz", table=np.zeros((20_000, 1_000)))
    assert (tmp_path / "bomb.npz").stat().st_size < 1e6
    with pytest.raises(TooLargeError, match=r"arrays of .*bomb.npz would need 160 MB"):
        ll.read_table(tmp_path / "bomb.npz")


def test_files_that_outgrow_the_memory(tmp_path, monkeypatch):
    """A compressed file may hold any number of bytes, and a column of equal numbers any number of rows."""
    monkeypatch.setattr(memory, "available_memory", lambda: 40e6 + memory.RESERVE)
    monkeypatch.setattr(sources, "SUSPECT", 1 << 40)
    line = b"1,2,3\n" * 50_000
    with gzip.open(tmp_path / "t.csv.gz", "wb", compresslevel=1) as file:
        for _ in range(240):
            file.write(line)
    with pytest.raises(TooLargeError, match="decompressed, would need"):
        ll.read_table(tmp_path / "t.csv.gz")
    with zipfile.ZipFile(tmp_path / "t.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("t.csv", line * 240)
    with pytest.raises(TooLargeError, match="decompressed, would need"):
        ll.read_table(tmp_path / "t.zip")
    with (tmp_path / "t.csv").open("wb") as file:
        file.write(b"a,b,c\n")
        for _ in range(400):
            file.write(line)
    with pytest.raises(TooLargeError, match="keep fewer columns"):
        ll.read_table(tmp_path / "t.csv", layout="wide")
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    ones = pyarrow.array(np.ones(2_500_000))
    parquet.write_table(pyarrow.table({"a": ones, "b": ones, "c": ones}), tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 1e6
    with pytest.raises(TooLargeError, match=r"reading .* would need 60 MB"):
        ll.read_table(tmp_path / "t.parquet", layout="wide")
