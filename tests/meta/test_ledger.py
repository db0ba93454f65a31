"""The ledger of time (`make ledger`): what is slow has a reason, what it lists exists. No clock is read."""

import re
from pathlib import Path

import pytest

from ledger import LISTED, REASON, ledger_text, read_reasons

ROOT = Path(__file__).parents[2]
LEDGER = ROOT / "tests" / "ledger.tsv"


def lines_of(path):
    """Return the seconds, names and reasons of the tests in a ledger."""
    rows = [line.split("\t") for line in path.read_text().splitlines()[1:]]
    return [(float(seconds), name, reason) for seconds, name, reason in rows if "::" in name]


def unexplained(path):
    """Return the tests in a ledger that take long without a reason."""
    return [name for seconds, name, reason in lines_of(path) if seconds > REASON and not reason]


def test_slow_tests_have_a_reason():
    """A test above two seconds belongs under `slow`, or says in the ledger's last column why it does not."""
    assert unexplained(LEDGER) == []


def test_what_is_listed_exists():
    """A test that was renamed loses its line, and with it its reason."""
    gone = []
    for _, name, _ in lines_of(LEDGER):
        path, _, function = name.partition("::")
        file, bare = ROOT / path, re.sub(r"\[.*", "", function).rpartition("::")[2]
        if not file.exists() or f"def {bare}(" not in file.read_text():
            gone.append(name)
    assert not gone


def test_a_ledger_keeps_its_reasons(tmp_path):
    tests = {
        "tests/a/test_x.py::test_one": 3.0,
        "tests/a/test_x.py::test_two": 0.2,
        "tests/b/test_y.py::test": 1.5,
    }
    path = tmp_path / "ledger.tsv"
    path.write_text(ledger_text(tests, 7.0, {"tests/a/test_x.py::test_one": "a process is killed"}))
    assert read_reasons(path) == {"tests/a/test_x.py::test_one": "a process is killed"}
    lines = path.read_text().splitlines()
    assert lines[1:5] == [
        "4.7\t3 tests\t",
        "7.0\tcompilation beside them\t",
        "3.2\ttests/a/\t",
        "1.5\ttests/b/\t",
    ]
    assert lines[5:] == [
        "3.0\ttests/a/test_x.py::test_one\ta process is killed",
        "1.5\ttests/b/test_y.py::test\t",
    ]


@pytest.mark.parametrize("seconds", [LISTED, LISTED - 0.01])
def test_quick_tests_are_not_listed(seconds):
    assert ("test_one" in ledger_text({"tests/a/test_x.py::test_one": seconds}, 0.0, {})) is (
        seconds >= LISTED
    )


def test_a_long_test_without_a_reason_is_found(tmp_path):
    path = tmp_path / "ledger.tsv"
    tests = {"tests/a/test_x.py::one": 2.5, "tests/a/test_x.py::two": 2.5, "tests/a/test_x.py::three": 1.5}
    path.write_text(ledger_text(tests, 0.0, {"tests/a/test_x.py::one": "a process is killed"}))
    assert unexplained(path) == ["tests/a/test_x.py::two"]
