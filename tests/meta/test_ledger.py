"""What the ledger of time (`make ledger`) lists, and that it keeps its reasons. No clock is read."""

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
