"""Fingerprints say their version, and those of older releases are recognised."""

import hashlib

import numpy as np
import pytest

import lowland as ll
from commands import call
from lowland.core.cells.fingerprints import EARLIEST, VERSION, fingerprint_of, is_fingerprint


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


@pytest.mark.parametrize("stored", [f"{VERSION + 1}:00", "1:00", "x:00", ":00"])
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
