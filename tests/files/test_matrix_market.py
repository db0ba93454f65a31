"""Matrix Market files: what is read, and that nothing reaches SciPy's parser that is not as it should be."""

import numpy as np
import pytest
from scipy.io import mmwrite
from scipy.sparse import coo_array

import lowland as ll
from lowland.core.errors import FileFormatError
from lowland.files.foreign import matrix_market

HEAD = "%%MatrixMarket matrix coordinate real general\n"


def read(tmp_path, text):
    (tmp_path / "t.mtx").write_bytes(text if isinstance(text, bytes) else text.encode())
    return ll.read_table(tmp_path / "t.mtx")


@pytest.mark.parametrize("block", [7, 1 << 22])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_is_read(tmp_path, monkeypatch, block, end):
    monkeypatch.setattr(matrix_market, "BLOCK", block)
    if block == 7:  # a line is longer than a block
        monkeypatch.setattr(matrix_market, "BLOCK", 60)
    text = HEAD + "% a comment\n\n 3 2  3\n1 1 -1.5e0\n\n3  2 .25 \n2 2 7."
    seen = read(tmp_path, text.replace("\n", end))
    assert seen.shape == (3, 2)
    cells = sorted(zip(seen.rows.tolist(), seen.columns.tolist(), seen.values.tolist(), strict=True))
    assert cells == [(0, 0, -1.5), (1, 1, 7.0), (2, 1, 0.25)]


@pytest.mark.parametrize("field", ["real", "integer", "pattern"])
@pytest.mark.parametrize("symmetry", ["general", "symmetric"])
def test_what_scipy_writes_is_read(tmp_path, rng, field, symmetry):
    dense = rng.integers(1, 5, (6, 6)) * (rng.random((6, 6)) < 0.5)
    dense = np.tril(dense) + np.tril(dense, -1).T if symmetry == "symmetric" else dense
    dense = (dense > 0).astype(int) if field == "pattern" else dense
    mmwrite(tmp_path / "s.mtx", coo_array(dense), field=field, symmetry=symmetry)
    found = np.nan_to_num(ll.read_table(tmp_path / "s.mtx").to_array())
    np.testing.assert_array_equal(found, dense)
    mmwrite(tmp_path / "d.mtx", dense.astype(float))
    np.testing.assert_array_equal(ll.read_table(tmp_path / "d.mtx").to_array(), dense)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + "3 3 2\n1 1 1.0*", "line 3 is no entry"),  # crashes SciPy 1.16
        (HEAD + "3 3 2\n1 1 1.0\n1 2 3.0.5\n", "line 4 is no entry"),  # SciPy reads 3.0
        (HEAD + "3 3 2\n1 1 1.0 7\n1 2 3.0\n", "line 3 is no entry"),
        (HEAD + "3 3 1\n1 1\n", "line 3 is no entry"),
        ((HEAD + "3 3 1\n1 1 1.\0").encode(), "line 3 is no entry"),
        (HEAD + "3 3 2\n1 1 1.0\n", "[Tt]runcated"),
        (HEAD + "3 3\n1 1 1.0\n", "line 2 does not hold the sizes"),
        (HEAD, "does not hold the sizes"),
        ("%%MatrixMarket vector\n3 1\n", "line 1 is no header"),
        (HEAD + "3 3 1\n4 1 1.0\n", "t.mtx"),
        ("", "."),
    ],
)
def test_what_is_refused(tmp_path, text, words):
    with pytest.raises((FileFormatError, ll.errors.LowlandError), match=words):
        read(tmp_path, text)
