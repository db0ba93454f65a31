"""Fingerprints say their version, and those of older releases are recognised."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from commands import call
from lowland.core.cells.fingerprints import (
    ARRAYS,
    EARLIEST,
    VERSION,
    fingerprint_of,
    fingerprint_of_arrays,
    is_fingerprint,
    recognise,
)


def _table(scale=1.0):
    rng = np.random.default_rng(0)
    values = np.where(rng.random((5, 4)) < 0.3, np.nan, rng.standard_normal((5, 4)))
    values[0, 0] = -0.0
    return ll.Observations.from_array(scale * values, row_labels=list("abcde"), column_labels=list("wxyz"))


def _of_the_second_version(table):
    """As that release wrote it: cells row by row, no labels, zeros with their sign, no version."""
    digest = hashlib.sha256(repr(table.shape).encode())
    order = np.argsort(table.rows * table.shape[1] + table.columns, kind="stable")
    for part in (table.rows, table.columns, table.values, table.weights):
        digest.update(b"none" if part is None else part[order].tobytes())
    return digest.hexdigest()


def test_the_version_is_said():
    table = _table()
    assert table.fingerprint().startswith(f"{VERSION}:")
    assert is_fingerprint(table.fingerprint(), table)
    assert is_fingerprint(table.fingerprint(), _table(2.0)) is False


@pytest.mark.parametrize("version", range(EARLIEST, VERSION + 1))
def test_older_fingerprints_are_recognised_with_and_without_their_version(version):
    stored = fingerprint_of(_table(), version)
    for own in (stored, stored.partition(":")[2]):
        assert is_fingerprint(own, _table())
        assert is_fingerprint(own, _table(2.0)) is False


def test_what_an_old_release_wrote_is_recognised():
    assert is_fingerprint(_of_the_second_version(_table()), _table())
    assert is_fingerprint(_of_the_second_version(_table(2.0)), _table()) is False


@pytest.mark.parametrize("stored", [f"{VERSION + 1}:00", "1:00", "x:00", ":00", "9" * 5000 + ":00", "²:00"])
def test_of_other_versions_nothing_is_known(stored):
    assert is_fingerprint(stored, _table()) is None
    assert is_fingerprint("", _table()) is False


@pytest.mark.parametrize("version", range(EARLIEST, VERSION + 1))
def test_models_of_older_releases_know_their_table(version, tmp_path, monkeypatch):
    """`certify` said of a model of an older release that the table differed when it was the same."""
    (tmp_path / "t.csv").write_text("who,a,b,c\n" + "".join(f"r{k},{k},{k * k % 7},{-k}\n" for k in range(9)))

    def old(self):
        return fingerprint_of(self, version).partition(":")[2]

    fit = ("complete", "t.csv", "--method", "map", "--rank", 1, "--penalty", 1, "--model", "m.npz")
    with monkeypatch.context() as patch:
        patch.setattr(ll.Observations, "fingerprint", old)
        assert call(*fit, "--no-certify", "--quiet", cwd=tmp_path).returncode == 0
    done = call("certify", "m.npz", "t.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "note:" not in done.stderr
    (tmp_path / "t.csv").write_text((tmp_path / "t.csv").read_text().replace("r3,3", "r3,4"))
    assert "the table differs" in call("certify", "m.npz", "t.csv", cwd=tmp_path).stderr


def _random_table(rng):
    """A table with labels, some of whose cells are known; and its cells as a dictionary of what they mean."""
    m, n = rng.integers(1, 7, 2)
    known = rng.random((m, n)) < 0.7
    known.flat[0] = True
    values = rng.integers(-3, 4, (m, n)) / rng.choice([1, 2, 3])
    rows, columns = np.nonzero(known)
    labels = [f"r{k}" for k in range(m)], [f"c{k}" for k in range(n)]
    weights = rng.integers(1, 4, rows.size) / 2 if rng.random() < 0.5 else None
    cells = rows, columns, values[known]
    return ll.Observations(*cells, (int(m), int(n)), weights, *map(np.array, labels))


def _meaning(table):
    """What a table says, cell by cell, by Python numbers, in which -0.0 == 0.0."""
    weights = [None] * table.size if table.weights is None else table.weights.tolist()
    cells = zip(table.rows.tolist(), table.columns.tolist(), table.values.tolist(), weights, strict=True)
    return {(i, j): (x, w) for i, j, x, w in cells}, table.row_labels.tolist(), table.column_labels.tolist()


def _changed(table, rng):
    """The table with one thing changed, which may be no change."""
    kind = rng.integers(8)
    values, order = table.values.copy(), rng.permutation(table.size)
    at = rng.integers(table.size)
    if kind == 0:
        return table.select(order)
    if kind == 1:
        return replace(table, values=np.where(values == 0, -values, values))
    if kind == 2:
        values[at] = np.nextafter(values[at], np.inf)
    elif kind == 3:
        values[at] = values[rng.integers(table.size)]
    elif kind == 4:
        return replace(table, row_labels=rng.permutation(table.row_labels))
    elif kind == 5:
        return replace(table, column_labels=table.column_labels.astype(object))
    elif kind == 6 and table.size > 1:
        return table.select(np.arange(table.size) != at)
    elif kind == 7 and table.weights is not None:
        return replace(table, weights=np.roll(table.weights, 1))
    return replace(table, values=values)


@pytest.mark.parametrize("seed", range(4))
def test_tables_are_the_same_where_their_cells_mean_the_same(seed):
    """Six hundred pairs: order of lines, signs of zeros and kinds of labels do not count, all else does."""
    rng, counts = np.random.default_rng(seed), {True: 0, False: 0}
    for _ in range(150):
        table = _random_table(rng)
        other = _changed(table, rng)
        same = _meaning(table) == _meaning(other)
        assert is_fingerprint(table.fingerprint(), other) is same
        counts[same] += 1
    assert min(counts.values()) > 30


def _unversioned(about, arrays):
    """As earlier releases wrote it."""
    digest = hashlib.sha256(about.encode())
    for array in arrays:
        digest.update(b"none" if array is None else array.tobytes())
    return digest.hexdigest()


def test_arrays_of_earlier_releases_are_recognised():
    arrays = [np.array([1.0, -0.0, 2.0]), None, np.array([[3, 4]])]
    positive = [np.array([1.0, 0.0, 2.0]), *arrays[1:]]
    stored = _unversioned("what", arrays)

    def is_of(stored, others):
        return recognise(stored, ARRAYS, lambda version: fingerprint_of_arrays("what", others, version))

    assert is_of(stored, arrays)
    assert is_of(stored, positive) is False  # whose signs of zeros they told apart
    now = fingerprint_of_arrays("what", arrays)
    assert now.startswith("2:")
    assert is_of(now, positive)
    assert is_of(now, [positive[0] + 1, *arrays[1:]]) is False
    assert is_of(now, [*positive[:1], np.zeros(0), positive[2]]) is False
    assert is_of("3:" + stored, arrays) is None


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["who,a,b", "y,3,4", "x,1,-2", "z,0,5"], ""),  # rows in another order
        (["who,b,a", "x,-2,1", "y,4,3", "z,5,0"], ""),  # columns
        (["who,a,b", "x,1.0,-2.00", "y,3,4e0", "z,-0.0,5"], ""),  # other texts of the same numbers
        (["row,column,value", "x,a,1", "x,b,-2", "y,a,3", "y,b,4", "z,a,0", "z,b,5"], ""),  # long
        (["who,a,b", "x,1,-2", "y,3,4", "z,0,5.000001"], "the table differs from the one"),
        (["who,a,b", "x,1,-2", "y,3,4", "z,,5"], "the table differs from the one"),
        (["who,a,b", "x,1,-2", "y,3,4", "z,0,5", "t,0,5"], "no such row\n  found: 't'"),
        (["who,a,b", "x,1,-2", "y,3,4"], "the table differs from the one"),
        (["who,a,c", "x,1,-2", "y,3,4", "z,0,5"], "no such column\n  found: 'c'"),
    ],
)
@pytest.mark.covering
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_certify_says_whether_the_table_is_the_same(lines, said, dtype, tmp_path):
    (tmp_path / "t.csv").write_text("who,a,b\nx,1,-2\ny,3,4\nz,0,5\n")
    fit = ("complete", "t.csv", "--method", "map", "--rank", 1, "--penalty", 1, "--model", "m.npz")
    done = call(*fit, "--dtype", dtype, "--no-certify", "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    done = call("certify", "m.npz", "t.csv", "--effort", "quick", cwd=tmp_path)
    assert said in done.stderr
    assert ("note" in done.stderr) == said.startswith("the table")


def test_certify_knows_the_table_of_a_model_that_was_saved_again_without_its_data(tmp_path):
    (tmp_path / "t.csv").write_text("who,a,b\nx,1,-2\ny,3,4\nz,0,5\n")
    model = ll.MatrixCompletion(method="map", rank=1, penalty=1.0).fit(ll.read_table(tmp_path / "t.csv"))
    model.save(tmp_path / "once.npz", data=False)
    ll.MatrixCompletion.load(tmp_path / "once.npz").save(tmp_path / "m.npz")
    done = call("certify", "m.npz", "t.csv", "--effort", "quick", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "note" not in done.stderr
    (tmp_path / "t.csv").write_text("who,a,b\nx,1,-2\ny,3,4\nz,0,6\n")
    assert "the table differs" in call("certify", "m.npz", "t.csv", "--effort", "quick", cwd=tmp_path).stderr


def test_certify_does_not_guess_about_versions_to_come(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text("who,a,b\nx,1,-2\ny,3,4\nz,0,5\n")
    model = ll.MatrixCompletion(method="map", rank=1, penalty=1.0).fit(ll.read_table(tmp_path / "t.csv"))
    monkeypatch.setattr(ll.Observations, "fingerprint", lambda self: "99:" + "0" * 64)
    model.save(tmp_path / "m.npz")
    done = call("certify", "m.npz", "t.csv", "--effort", "quick", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "another version wrote the model" in done.stderr
