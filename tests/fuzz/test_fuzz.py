"""Damaged files of every kind end in a clear error, or are read: no traceback, no crash, no endless work."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")
SERVER = Path(__file__).with_name("server.py")


KINDS = 29  # of files and commands

# one process of its own for both tests: starting it and writing the files takes longer than the cases
ROUNDS = """
import contextlib, sys
sys.path.insert(0, {folder!r})
import server
from lowland.completion.files import models as model_files

def lax(arrays, shapes, sizes=None, **_):
    lengths = dict(sizes or {{}})
    for name, letters in shapes.items():
        lengths |= dict(zip(letters.split(), arrays[name].shape))
    return lengths

options = server.parsed(["--few", "--seed", "1", "--cases", "{kinds}"])
with server.written(options) as (folder, samples):
    assert len(samples) == {kinds}
    failures = server.run_all(folder, samples, options)
    print("failures", failures, "\\n=====")
    # and readers that check nothing, in the processes that are forked from here on
    model_files.check_arrays = lax
    model_files.require = lambda holds, words: None
    model_files.reading = lambda path, kind: contextlib.nullcontext()
    models = [sample for sample in samples if sample.kind == "model"]
    options = server.parsed(["--cases", "120", "--until-failure"])
    failures = server.run_all(folder, models, options)
    print("failures", failures)
"""


def checked(*command):
    """Return what a process said that ended well."""
    run = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def rounds():
    """Return what was said of each kind of file damaged once, and of models that are read unchecked."""
    script = ROUNDS.format(folder=str(SERVER.parent), kinds=KINDS)
    return [part.strip().splitlines() for part in checked("-c", script).split("=====")]


# a case takes some hundredths of a second; by hand: python tests/fuzz/server.py --cases 20000
@pytest.mark.parametrize(
    "cases",
    [
        pytest.param(KINDS, id="a file of each kind damaged once"),
        pytest.param(250, id="many", marks=pytest.mark.slow),
    ],
)
def test_damaged_files_are_refused_or_read(cases, request):
    if cases == KINDS:
        *counts, _, failures = request.getfixturevalue("rounds")[0]
        assert failures.split() == ["failures", "0"]
    else:
        *counts, _ = checked(str(SERVER), "--cases", str(cases), "--seed", "1").splitlines()
    counts = [line.rsplit(maxsplit=2) for line in counts]
    assert sum(int(count) for _, _, count in counts) == cases
    assert {outcome for _, outcome, _ in counts} == {"read", "refused"}


def test_a_reader_that_does_not_check_is_caught(rounds):
    said = "\n".join(rounds[1])
    assert rounds[1][-1].split() == ["failures", "1"], said
    assert "traceback" in said or "lie" in said


def test_each_case_is_the_same_damage_again():
    from damage import damaged

    others = [b"a,b\n1,2\n3,4\n", b'{"a": [1, 2, {"b": null}]}']
    for number in range(50):
        found = [damaged(others[number % 2], np.random.default_rng([3, number]), others) for _ in range(2)]
        assert found[0] == found[1]
