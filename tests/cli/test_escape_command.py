"""`lowland escape`: potentials by name and from files, times and reports out, errors in plain words."""

import csv
import json

import pytest

from commands import assert_clean_error, call


def test_named_potential_with_theory_times_and_report(tmp_path):
    done = call(
        "escape", "double_well", "--start=-1", "--level", "0.7", "--beta", "4", "--saddle", "0",
        "--chains", "500", "--times", "times.csv", "--report", "page.html", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "mean exit time" in done.stdout
    assert "Eyring-Kramers formula (asymptotic): 12.0" in done.stdout
    assert "friction at the estimated turnover" in done.stdout
    rows = list(csv.DictReader((tmp_path / "times.csv").read_text().splitlines()))
    assert len(rows) == 500
    assert {row["status"] for row in rows} == {"left"}
    page = (tmp_path / "page.html").read_text()
    assert "Chains take" in page
    assert "nothing is proved" in page
    again = call(
        "escape", "double_well", "--start=-1", "--level", "0.7", "--beta", "4", "--chains", "500",
        "--json", "--quiet", cwd=tmp_path,
    )  # fmt: skip
    assert again.stderr == ""
    found = json.loads(again.stdout)
    assert found["mean"] == pytest.approx(sum(float(row["time"]) for row in rows) / 500)
    assert found["interval"][0] < 12.344 < found["interval"][1]


def test_own_gradient_and_the_kinds_of_dynamics(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import lowland as ll\n"
        "def gradient(x):\n    return x**3 - x\n"
        'well = ll.dynamics.potential("double_well", transverse=[1.0])\n'
    )
    options = ("--level", "0.7", "--beta", "3", "--chains", "100", "--json", "--quiet")
    one = call("escape", "mine.py:gradient", "--start=-1", *options, cwd=tmp_path)
    assert one.returncode == 0, one.stderr
    assert json.loads(one.stdout)["left"] == 100
    for kind in (("overdamped",), ("underdamped", "--friction", "0.5"), ("non-reversible", "--turn", "1")):
        two = call("escape", "mine.py:well", "--start=-1,0", "--dynamics", *kind, *options, cwd=tmp_path)
        assert two.returncode == 0, two.stderr
        assert json.loads(two.stdout)["left"] == 100
    cut = call("escape", "mine.py:well", "--start=-1,0", "--max-time", "4", *options, cwd=tmp_path)
    found = json.loads(cut.stdout)
    assert found["censored"] > 0
    assert found["message"] == "max_time is reached"


def test_splitting_and_balls(tmp_path):
    done = call(
        "escape", "double_well", "--start=-1", "--level", "0.7", "--beta", "20", "--split",
        "--step-size", "0.05", "--json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    low, high = json.loads(done.stdout)["interval"]
    assert low < 718 < high * 1.1
    ball = call(
        "escape", "rugged", "--start=0,0", "--radius", "1", "--set", "amplitude=0.1", "--chains", "50",
        "--beta", "4", cwd=tmp_path,
    )  # fmt: skip
    assert ball.returncode == 0, ball.stderr
    assert "left 50" in ball.stdout


def test_bad_calls(tmp_path):
    well = ("escape", "double_well", "--start=-1")
    for arguments, words in (
        ((*well,), "exactly one exit criterion"),
        ((*well, "--level", "0.7", "--step-size", "3"), "use a step below"),
        ((*well, "--level", "0.7", "--set", "slope=1"), "unknown parameter"),
        ((*well, "--level", "0.7", "--split", "--times", "t.csv"), "is not used with --split"),
        ((*well, "--level", "0.7", "--friction", "3"), "is not used with overdamped"),
        ((*well, "--level", "0.7", "--times", "mine.py"), "must name a .csv file"),
        (("escape", "none.py:f", "--start=-1", "--level", "1"), "does not exist"),
        (("escape", "muller_brown", "--start=-1", "--level", "1"), "2 coordinates"),
        (
            ("escape", "muller_brown", "--radius", "1", "--saddle=0.212486,0.292988"),
            "does not bound the well",
        ),
        ((*well, "--level", "0.7", "--split", "--max-gradient-calls", "100"), "is not used with --split"),
    ):
        assert_clean_error(call(*arguments, cwd=tmp_path), words)
    (tmp_path / "mine.py").write_text("def gradient(x):\n    return x**3 - x\n")
    assert_clean_error(
        call("escape", "mine.py:force", "--start=-1", "--level", "1", cwd=tmp_path),
        "has no force",
        "gradient",
    )
    assert_clean_error(
        call("escape", "mine.py:gradient", "--level", "1", cwd=tmp_path),
        "does not say its dimension",
        "--start",
    )


def test_rare_exits_are_foretold(tmp_path):
    """Without a start the first known minimum is used; a barrier of many temperatures is said beforehand."""
    rare = call("escape", "muller_brown", "--radius", "1", "--max-gradient-calls", "2e5", cwd=tmp_path)
    assert rare.returncode == 0
    assert "42.4 temperatures above the start" in rare.stderr
    assert "--split, or --beta 1.1" in rare.stderr
    assert "the gradient evaluations are used up" in rare.stdout
    soon = call("escape", "double_well", "--level", "0.7", "--chains", "20", cwd=tmp_path)
    assert "temperatures" not in soon.stderr
    assert "left 20" in soon.stdout
