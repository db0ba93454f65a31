"""What the ledger of time (`make ledger`) lists, and that it keeps its reasons. No clock is read."""

from pathlib import Path

import pytest

from ledger import LISTED, ledger_text, read_reasons


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


# CPU seconds from which on a test of the everyday run needs a reason
LONG = 2.0


def unexplained(path):
    """Return the tests in a ledger that take long without a reason."""
    lines = [line.split("\t") for line in path.read_text().splitlines()[1:]]
    return [name for seconds, name, reason in lines if "::" in name and float(seconds) > LONG and not reason]


def test_long_tests_have_reasons():
    """The ledger is read, not a clock: `make ledger` writes it anew."""
    assert unexplained(Path(__file__).parents[1] / "ledger.tsv") == []


def test_a_long_test_without_a_reason_is_found(tmp_path):
    path = tmp_path / "ledger.tsv"
    tests = {"tests/a/test_x.py::one": 2.5, "tests/a/test_x.py::two": 2.5, "tests/a/test_x.py::three": 1.5}
    path.write_text(ledger_text(tests, 0.0, {"tests/a/test_x.py::one": "a process is killed"}))
    assert unexplained(path) == ["tests/a/test_x.py::two"]
