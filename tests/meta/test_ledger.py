"""The ledger of time (`make ledger`): what is slow has a reason, what it lists exists. No clock is read."""

import re
from pathlib import Path

import pytest

from ledger import LISTED, REASON, ledger_text, read_reasons

ROOT = Path(__file__).parents[2]
LEDGER = ROOT / "tests" / "ledger.tsv"
# CPU seconds of all tests and of compilation, a twentieth above what was measured last
MOST = 740


def lines_of(path):
    """Return the seconds, names and reasons of the tests in a ledger."""
    rows = [line.split("\t") for line in path.read_text().splitlines()[1:]]
    return [(float(seconds), name, reason) for seconds, name, reason in rows if "::" in name]


def unexplained(path):
    """Return the tests in a ledger that take long without a reason."""
    return [name for seconds, name, reason in lines_of(path) if seconds > REASON and not reason]


def counted(path):
    """Return how many tests a ledger has measured."""
    return int(path.read_text().splitlines()[1].split("\t")[1].split()[0])


def in_all(path):
    """Return the seconds that a ledger has measured, with those of compilation."""
    return sum(float(line.split("\t")[0]) for line in path.read_text().splitlines()[1:3])


def is_whole(config):
    """Whether all quick tests are collected, and no others."""
    folders = {(config.invocation_params.dir / argument).resolve() for argument in config.args}
    return folders == {ROOT / "tests"} and config.option.markexpr == "not slow" and not config.option.keyword


def test_the_ledger_knows_nearly_all_tests(request):
    """A suite that has grown by more than a tenth is measured anew, and what takes long gets its reason."""
    if not is_whole(request.config) or request.config.getoption("--ledger", None):
        pytest.skip("only where all tests are collected, and not while they are measured")
    known = counted(LEDGER)
    found = len(request.session.items)
    assert found <= 1.1 * known, "run `make ledger`"


def test_all_tests_take_no_longer_than_they_did():
    """Lower the bound with the ledger; four minutes on two cores are 440 of these seconds."""
    assert in_all(LEDGER) <= MOST


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
