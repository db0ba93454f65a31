"""Damaged files of every kind end in a clear error, or are read: no traceback, no crash, no endless work."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")
SERVER = Path(__file__).with_name("server.py")


# a case takes some hundredths of a second; by hand: python tests/fuzz/server.py --cases 20000
@pytest.mark.parametrize(
    ("cases", "options"),
    [
        pytest.param(22, ("--few",), id="a file of each kind damaged once"),
        pytest.param(250, (), id="many", marks=pytest.mark.slow),
    ],
)
def test_damaged_files_are_refused_or_read(cases, options):
    command = [sys.executable, str(SERVER), "--cases", str(cases), "--seed", "1", *options]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    counts = [line.rsplit(maxsplit=2) for line in run.stdout.splitlines()[:-1]]
    assert sum(int(count) for _, _, count in counts) == cases
    assert {outcome for _, outcome, _ in counts} == {"read", "refused"}


MUTANT = """
import contextlib, sys
sys.path.insert(0, {folder!r})
import server
from lowland.completion.files import models as model_files

def lax(arrays, shapes, sizes=None, **_):
    lengths = dict(sizes or {{}})
    for name, letters in shapes.items():
        lengths |= dict(zip(letters.split(), arrays[name].shape))
    return lengths

model_files.check_arrays = lax
model_files.require = lambda holds, words: None
model_files.reading = lambda path, kind: contextlib.nullcontext()
sys.argv = ["server.py", "--cases", "120", "--only", "model", "--until-failure"]
sys.exit(server.main())
"""


def test_a_reader_that_does_not_check_is_caught():
    script = MUTANT.format(folder=str(SERVER.parent))
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=600, check=False
    )
    assert run.returncode > 0
    assert "traceback" in run.stdout or "lie" in run.stdout


def test_each_case_is_the_same_damage_again():
    from damage import damaged

    others = [b"a,b\n1,2\n3,4\n", b'{"a": [1, 2, {"b": null}]}']
    for number in range(50):
        found = [damaged(others[number % 2], np.random.default_rng([3, number]), others) for _ in range(2)]
        assert found[0] == found[1]
