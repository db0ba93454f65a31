"""What is shown of long work: nothing when quiet, plain lines elsewhere, one line on a terminal."""

import sys
import time

import pytest

from lowland.core.running import stage_line as progress
from lowland.core.running.stages import Stage, announce, stage


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(progress, "LIVE", 0.01)
    monkeypatch.setattr(progress, "FIRST", 0.05)
    monkeypatch.setattr(progress, "LATER", 0.05)


def work():
    with stage("fits", total=4) as tell:
        tell(2)
        for k in range(5):
            announce("sweep", k)
            time.sleep(0.05)


def test_plain_lines(capsys):
    with progress.show_progress():
        work()
    written = capsys.readouterr().err
    lines = written.splitlines()
    assert lines
    assert all(line.startswith("fits 2 of 4 \u203a sweep") and line.endswith("left") for line in lines)
    assert "\r" not in written


def test_one_line_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.show_progress():
        work()
        time.sleep(0.05)
        progress.clear_line()
        written = capsys.readouterr().err
    assert written.endswith("\r\x1b[K")
    assert "\n" not in written
    assert written.count("fits 2 of 4") > 1


def test_words():
    begun = time.monotonic() - 10
    known = Stage("fits", 2, 4, "rank 3", begun)
    assert progress.words_of((known,), 10.0) == "fits 2 of 4, rank 3; about 10 s left"
    assert progress.words_of((Stage("judging"),), 200.0) == "judging; 3 min so far"
