"""`lowland escape`: potentials by name and from files, times and reports out, errors in plain words."""

import csv
import json

import numpy as np
import pytest

import lowland as ll
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


@pytest.mark.usefixtures("undrawn")
def test_paths_that_leave_soon_or_stay_are_counted_without_a_step(tmp_path):
    """Console, JSON and page say the same; the counts are those of the library."""
    asked = (
        "escape", "quadratic", "--set", "hessian=0.1,1", "--radius", "1", "--beta", "160", "--start=0.3,0.3",
        "--dynamics", "non-reversible", "--dichotomy", "100", "--chains", "500", "--delta", "0.1",
    )  # fmt: skip
    told = call(*asked, "--report", "page.html", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    found = json.loads(call(*asked, "--json", cwd=tmp_path).stdout)
    H = np.diag([0.1, 1.0])
    moves = ll.dynamics.NonReversible(1.0, 160.0, 1.05 * ll.dynamics.optimal_antisymmetric(H))
    study = ll.dynamics.well_dichotomy(
        H, [0.3, 0.3], radius=1.0, dynamics=moves, duration=100.0, n_chains=500, rng=0
    )
    counts = (study.left_early, study.left_late, study.stayed)
    assert (found["left_early"], found["left_late"], found["stayed"]) == counts
    assert found["recurrence_time"] == study.recurrence_time
    assert found["interval"] == list(study.interval(0.99))
    assert found["step_size"] is None
    assert str(study) in told.stdout
    assert found["holds"]["verdict"] == study.holds(0.1).value
    verdict = f" probability of at least 0.9: {study.holds(0.1).name}, by a one-sided interval of 99 %"
    page = (tmp_path / "page.html").read_text()
    for text in (told.stdout, page):
        assert verdict in text
        assert moves.describe(with_step=False) in text
    assert f"{100 * study.share:.2f} % of the paths left before the recurrence time" in page
    for count in counts:
        assert f">{count:,}</td>" in page
    assert "No step: paths are drawn from the law" in page


@pytest.mark.usefixtures("undrawn")
def test_paths_of_other_wells_are_simulated(tmp_path):
    asked = ("escape", "double_well", "--radius", "0.8", "--dichotomy", "20", "--chains", "100")
    told = call(*asked, "--report", "page.html", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    found = json.loads(call(*asked, "--json", cwd=tmp_path).stdout)
    assert found["step_size"] > 0
    assert found["gradient_calls"] > 100
    assert found["minimum"] == found["start"] == [-1.0]
    assert found["bias"] in told.stdout
    assert found["bias"].removeprefix("the") in (tmp_path / "page.html").read_text()
    stepped = call(
        "escape", "quadratic", "--set", "hessian=0.1,1", "--radius", "1", "--dichotomy", "2",
        "--chains", "50", "--dynamics", "underdamped", "--step-size", "0.1", "--json", cwd=tmp_path,
    )  # fmt: skip
    found = json.loads(stepped.stdout)
    assert found["step_size"] == 0.1
    # friction is critical unless another is given
    assert "friction 0.6325), step 0.1" in found["dynamics"]


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("--dichotomy needs --radius", ["--dichotomy", "5"]),
        ("--dichotomy must be", ["--dichotomy", "-5", "--radius", "1"]),
        ("--radius must be", ["--dichotomy", "5", "--radius", "0"]),
        ("--delta must lie between", ["--dichotomy", "5", "--radius", "1", "--delta", "2"]),
        ("--delta has no effect on mean exit times", ["--radius", "1", "--delta", "0.1"]),
        ("--axis has no effect on --radius", ["--radius", "1", "--axis", "1"]),
        ("--level has no effect on --dichotomy", ["--dichotomy", "5", "--radius", "1", "--level", "1"]),
        ("--split has no effect on --dichotomy", ["--dichotomy", "5", "--radius", "1", "--split"]),
        ("--max-time has no effect", ["--dichotomy", "5", "--radius", "1", "--max-time", "3"]),
        ("--times has no effect", ["--dichotomy", "5", "--radius", "1", "--times", "t.csv"]),
        ("within the neighbourhood", ["--dichotomy", "5", "--radius", "1", "--start=2,2"]),
        ("n_chains", ["--dichotomy", "5", "--radius", "1", "--chains", "0"]),
        ("--turn must be numbers", ["--radius", "1", "--dynamics", "non-reversible", "--turn", "x*optimal"]),
        ("--turn takes one number", ["--radius", "1", "--dynamics", "non-reversible", "--turn", "1,2"]),
    ],
)
def test_bad_dichotomies(tmp_path, words, options):
    well = ("escape", "quadratic", "--set", "hessian=0.1,1")
    assert_clean_error(call(*well, *options, cwd=tmp_path), words)
