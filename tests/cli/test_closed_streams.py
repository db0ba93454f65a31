"""Standard streams that are closed before a command starts: only what needs them fails, and in words."""

import os
import subprocess
import sys

import pytest

from commands import COMMAND, ENVIRONMENT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs the streams of Unix")


def told(arguments, closed):
    """Return the exit code and the words of a command that starts with some streams closed."""

    def close():
        for number in closed:
            os.close(number)

    run = subprocess.run(
        [*COMMAND, *arguments], env=ENVIRONMENT, preexec_fn=close, capture_output=True, check=False
    )
    return run.returncode, run.stderr.decode()


def test_closed_streams(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("name,a,b\n" + "".join(f"r{k},{k},{'' if k == 3 else 2 * k}\n" for k in range(8)))
    plan = ["diagnose", str(table), "--rank", "1"]
    assert told(plan, ()) == (0, "")
    code, words = told(plan, (1,))
    assert (code, words.split("\n")[0]) == (2, "lowland: cannot write to standard output")
    assert told(plan, (0,)) == (0, "")
    assert told(plan, (0, 2)) == (0, "")
    code, words = told(["diagnose", "-", "--rank", "1"], (0,))
    assert (code, words.split("\n")[0]) == (2, "lowland: cannot read standard input")
    assert told(plan, (0, 1, 2)) == (2, "")
