"""Paths that name one file, whatever links lead to it."""

import sys

import pytest

from lowland.core.paths import is_same_file, real_path


@pytest.mark.skipif(sys.platform == "win32", reason="needs the links of Unix")
def test_links_of_both_kinds_are_followed(tmp_path):
    plain, other = tmp_path / "a", tmp_path / "b"
    plain.write_text("1")
    other.write_text("1")
    (tmp_path / "hard").hardlink_to(plain)
    (tmp_path / "soft").symlink_to(plain)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert is_same_file(plain, tmp_path / "hard")
    assert is_same_file(tmp_path / "soft", tmp_path / "hard")
    assert is_same_file(tmp_path / "new", tmp_path / "x" / ".." / "new")
    assert not is_same_file(plain, other)
    assert not is_same_file(plain, tmp_path / "new")
    assert not is_same_file(plain, tmp_path / "loop")
    assert real_path(tmp_path / "loop" / "x").name == "x"
