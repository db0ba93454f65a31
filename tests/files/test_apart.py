"""Parsers that end their process, or fill the memory, end no interpreter but their own."""

import os
import sys
import time

import pytest

from lowland.files.foreign import apart as apart_file
from lowland.files.foreign.apart import ParserDiedError, apart


def test_what_a_function_returns_is_returned():
    assert apart(os.path.join, "a", "b", size=0) == os.path.join("a", "b")


def test_errors_keep_their_words():
    with pytest.raises(ValueError, match="invalid literal for int"):
        apart(int, "x", size=0)
    with pytest.raises(FileNotFoundError):
        apart(os.listdir, "/no/such/folder", size=0)


def test_what_is_printed_does_not_spoil_the_answer():
    assert apart(print, "words", size=0) is None


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_a_death_is_an_error():
    with pytest.raises(ParserDiedError, match="SIGABRT"):
        apart(os.abort, size=0)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits")
def test_memory_is_limited(monkeypatch):
    monkeypatch.setattr(apart_file, "available_memory", lambda: 512 << 20)
    with pytest.raises(MemoryError):
        apart(bytes, 8 << 30, size=0)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits")
def test_time_is_limited(monkeypatch):
    monkeypatch.setattr(apart_file, "LEAST_SECONDS", 1)
    with pytest.raises(ParserDiedError, match="did not come to an end"):
        apart(max, range(10**15), size=0)
    monkeypatch.setattr(apart_file, "BY_THE_CLOCK", 0.1)
    with pytest.raises(ParserDiedError, match="did not come to an end"):
        apart(time.sleep, 60, size=0)
