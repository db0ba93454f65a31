"""Published experiments run again: resumable, the same on any workers, honest pages."""

import csv
import json
import os
import signal
import threading
import time
from functools import cache
from multiprocessing import active_children
from types import SimpleNamespace

import numpy as np
import pytest
from toys import CALLS, slow_run, toy_cells, toy_run

from commands import call
from lowland.core.errors import InvalidInputError, LowlandError
from lowland.dynamics import mixing as grids
from lowland.dynamics.mixing import advise_sampling
from lowland.report.page import Page
from lowland.reproduce import (
    Experiment,
    Study,
    dichotomy,
    find_experiment,
    frandsen2020,
    gao2018,
    karhadkar2023,
    mixing,
    qiao2024,
    ranks_in_training,
    run_experiment,
    tucker_search,
)
from lowland.reproduce.bhojanapalli2016 import (
    half_curve,
    run_noise,
    run_phase,
    run_saddle,
    saddle_cells,
)
from lowland.reproduce.registry import EXPERIMENTS
from lowland.reproduce.zhang2018 import run_failures, run_point
from lowland.search import Iterations

pytest.importorskip("jinja2")


def toy_page(rows, quick):
    return Page("Toy", (("rows", str(len(rows["toy"]))),), None, headline="What agrees.")


TOY = Experiment("toy2026", "A toy", "Nobody, 2026", (Study("toy", toy_cells, toy_run),), toy_page)


def rows(path):
    with path.open() as stream:
        return list(csv.DictReader(stream))


def test_the_command_lists_experiments_and_runs_one(tmp_path, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "toy2026", TOY)
    listed = call("reproduce", "--list", cwd=tmp_path)
    assert "toy2026: A toy\n  Nobody, 2026" in listed.stdout
    told = json.loads(call("reproduce", "--list", "--json", cwd=tmp_path).stdout)
    assert told["toy2026"] == {"title": "A toy", "reference": "Nobody, 2026"}
    for arguments, words in ((["reproduce"], "no experiment was named"), (["reproduce", "no"], "is unknown")):
        refused = call(*arguments, cwd=tmp_path)
        assert refused.returncode == 2
        assert words in refused.stderr
    assert not list(tmp_path.iterdir())
    done = call("reproduce", "toy2026", "--quick", "--quiet", "--output", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    named = [line.split(": ")[1] for line in done.stdout.splitlines()]
    assert len(named) == 2
    assert all((tmp_path / name).exists() for name in named)
    assert len(rows(tmp_path / named[1])) == 3
    again = call("reproduce", "toy2026", "--quick", "--quiet", "--json", "--output", "out", cwd=tmp_path)
    assert json.loads(again.stdout) == {"page": named[0], "numbers": named[1:]}


def test_an_interrupted_run_goes_on(tmp_path):
    CALLS.clear()
    with pytest.raises(KeyboardInterrupt):
        run_experiment(TOY, tmp_path)
    assert len(rows(tmp_path / "toy2026-toy.csv")) == 4, "what was done is kept"
    seen = []
    page = run_experiment(TOY, tmp_path, on_progress=lambda done, total, seconds: seen.append((done, total)))
    assert seen == [(5, 6), (6, 6)]
    assert CALLS == [0, 1, 2, 3, 4, 4, 5]
    assert "What agrees." in page.read_text()
    text = (tmp_path / "toy2026-toy.csv").read_text()
    run_experiment(TOY, tmp_path)
    assert len(CALLS) == 7, "nothing is done twice"
    assert (tmp_path / "toy2026-toy.csv").read_text() == text
    assert [r["seed"] for r in rows(tmp_path / "toy2026-toy.csv")] == list("012345")


def test_workers_do_not_change_the_numbers(tmp_path):
    one = run_experiment(TOY, tmp_path / "one", quick=True)
    two = run_experiment(TOY, tmp_path / "two", quick=True, n_workers=2)
    names = [page.parent / "toy2026-toy-quick.csv" for page in (one, two)]
    assert names[0].read_text() == names[1].read_text()


SLOW = Experiment("slow2026", "Slow", "Nobody, 2026", (Study("slow", toy_cells, slow_run),), toy_page)


@pytest.mark.parametrize(("ended", "error"), [("parent", KeyboardInterrupt), ("worker", LowlandError)])
def test_workers_end_with_the_run(ended, error, tmp_path):
    """An interrupt does not wait for their cells, and a worker that is killed is told of."""
    others, first = set(active_children()), threading.Event()

    def end():
        first.wait(30)
        if ended == "parent":
            os.kill(os.getpid(), signal.SIGINT)
        else:
            (set(active_children()) - others).pop().kill()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    helper = threading.Thread(target=end)
    helper.start()
    start = time.monotonic()
    try:
        with pytest.raises(error):
            run_experiment(SLOW, tmp_path, n_workers=2, on_progress=lambda *_: first.set())
    finally:
        signal.signal(signal.SIGINT, before)
        helper.join()
    assert time.monotonic() - start < 40, "it waited for a cell"
    assert len(rows(tmp_path / "slow2026-slow.csv")) == 1
    deadline = time.monotonic() + 20
    while (left := set(active_children()) - others) and time.monotonic() < deadline:
        time.sleep(0.05)  # not joined: the pool's own thread does so, and the second to ask is told nothing
    assert not left


def test_refusals(tmp_path):
    with pytest.raises(InvalidInputError, match="workers"):
        run_experiment(TOY, tmp_path, n_workers=0)
    (tmp_path / "toy2026-toy.csv").write_text("seed,scale,number,good\n99,0.1,1.0,1\n")
    with pytest.raises(InvalidInputError, match="another experiment"):
        run_experiment(TOY, tmp_path)
    with pytest.raises(InvalidInputError, match="bhojanapalli2016"):
        find_experiment("nobody1900")
    assert set(EXPERIMENTS) == {
        "bhojanapalli2016",
        "frandsen2020",
        "gao2018",
        "karhadkar2023",
        "qiao2024",
        "zhang2018",
    }


def test_cells_of_zhang2018():
    point = run_point({"delta": 0.6})
    assert point["value"] == pytest.approx(0.64, abs=1e-12)
    assert point["curvature"] == pytest.approx(1.28, abs=1e-9)
    assert (point["strict_minimum"], point["global"]) == ("SUPPORTED", "REFUTED")
    assert run_point({"delta": 0.5})["strict_minimum"] == "INCONCLUSIVE"
    block = run_failures({"delta": 0.6, "algorithm": "gradient", "block": 0, "starts": 50})
    assert 8 <= block["failures"] <= 25
    easy = run_failures({"delta": 0.45, "algorithm": "gradient", "block": 0, "starts": 50})
    assert easy["failures"] <= 1


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_cells_of_bhojanapalli2016(every):
    easy = run_phase({"n": 20, "rank": 1, "ratio": 3.0, "trial": 0})
    assert easy["m"] == 60
    assert all(easy[name] <= 1e-2 for name in easy if name != "m")
    noise = run_noise({"n": 20, "rank": 2, "sigma": 0.1, "trial": 0})
    assert noise["error"] == pytest.approx(noise["oracle"], rel=0.02)
    # one saddle of each ratio and of each missing direction, or all nine
    cells = saddle_cells(True)
    assert len(cells) == 9
    for cell in cells[::every]:  # every row is the saddle that it names
        saddle = run_saddle(cell)
        assert saddle["gradient"] < 1e-6 * saddle["m"]
        assert saddle["held"] < 0.2 < 0.7 < saddle["held_others"]
        assert saddle["curvature"] < saddle["proved"] < 0
        assert saddle["curvature"] == pytest.approx(saddle["identity"], rel=0.2)
        if cell["ratio"] == 20.0:  # Newton's method by hand
            assert saddle["curvature"] == pytest.approx([-11.39, -7.71, -3.70][cell["missing"]], abs=0.006)


def test_half_curve():
    share = {1.0: 0, 1.25: 3, 1.5: 1, 1.75: 2, 2.0: 4}
    table = [
        {"rank": 1, "ratio": ratio, "plain": 0.0 if t < share.get(ratio, 4) else 1.0}
        for ratio in np.arange(1.0, 3.01, 0.25)
        for t in range(4)
    ]
    assert half_curve(table, "plain") == {1: 1.75}, "the last rise counts, not a lucky cell below"
    for row in table:
        row["plain"] = 1.0
    assert half_curve(table, "plain") == {1: float("inf")}


def test_cells_of_karhadkar2023(monkeypatch):
    monkeypatch.setattr(ranks_in_training, "LOOKS", (0, 10, 100))  # the page alone needs what is trained
    rows = {
        "proportional": [
            {**cell, **karhadkar2023.run_proportional({**cell, "trials": 3})}
            for cell in karhadkar2023.proportional_cells(True)
            if cell["points"] == 10
        ],
        "fixed": [
            {**cell, **karhadkar2023.run_fixed({**cell, "trials": 3})}
            for cell in karhadkar2023.fixed_cells(True)
            if cell["points"] == 10
        ],
        "laws": [
            {**cell, **karhadkar2023.run_law({**cell, "trials": 10})}
            for cell in karhadkar2023.law_cells(True)[3:9]
        ],
        "minima": [
            {**cell, **karhadkar2023.run_minima(cell)}
            for cell in karhadkar2023.minima_cells(True)
            if cell["points"] < 20
        ],
        "counts": [{**cell, **karhadkar2023.run_count(cell)} for cell in karhadkar2023.count_cells(True)],
        "training": [
            {**cell, **karhadkar2023.run_training({**cell, "runs": 1})}
            for cell in karhadkar2023.training_cells(True)
            if cell["width"] in (5, 10)
        ],
        "widths": [
            {**cell, **karhadkar2023.run_width({**cell, "trials": 60})}
            for cell in karhadkar2023.width_cells(True)
        ],
        "volumes": [
            {**cell, **karhadkar2023.run_volume({**cell, "trials": 100})}
            for cell in karhadkar2023.volume_cells(True)
            if cell["width"] < 200
        ],
        "deep": [
            {**cell, **karhadkar2023.run_deep({**cell, "trials": 4})}
            for cell in karhadkar2023.deep_cells(True)
        ],
    }
    assert all(row["wrong_in_double"] == 0 for row in rows["laws"])
    wide = [row["share"] for row in rows["fixed"] if row["inputs"] == 5]
    assert min(wide) == 1.0
    page = karhadkar2023.make_page(rows, True)
    for row in rows["widths"]:
        assert row["bound"] <= row["high"]
        assert row["low"] <= row["uniform"] <= row["high"]
    for row in rows["volumes"]:
        assert row["bound"] <= row["exact"] <= row["jacobian"] + 0.05
        assert row["low"] <= row["exact"] <= row["high"]
    assert "drawn layers in 8 of 8 cells, and the bound below it in 8" in page.notes[-2]
    assert "interval in 25 of 25 cells" in page.notes[-1]


def test_ranks_along_training(monkeypatch):
    monkeypatch.setattr(ranks_in_training, "LOOKS", (0, 50, 400))
    rows = [
        {**cell, **ranks_in_training.run_training({**cell, "runs": 10})}
        for cell in ranks_in_training.training_cells(True)
        if cell["width"] in (5, 10, 80)
    ]
    for r in rows:
        assert r["changed 0"] == 0 < r["changed 50"] <= 1
        assert r["loss 400"] < r["loss 50"] < r["loss 0"]
        # 5 neurons of 4 weights cannot reach 30 points
        assert r["full 400"] == {5: 0, 80: 1}.get(r["width"], r["full 400"])
    assert len(ranks_in_training.training_table(rows).rows) == 6
    assert "where at least 95 %" in ranks_in_training.training_note(rows)


def test_the_gradient_of_training_is_that_of_the_loss(monkeypatch):
    """One tiny step of descent lowers the loss by its squared length."""
    monkeypatch.setattr(ranks_in_training, "LOOKS", (0, 1))
    monkeypatch.setattr(ranks_in_training, "DESCENT", 1e-6)
    seen = []
    step = ranks_in_training._step
    monkeypatch.setattr(ranks_in_training, "_step", lambda *given: seen.append(given[1]) or step(*given))
    row = ranks_in_training.run_training({"width": 10, "method": "descent", "runs": 1})
    fall = 1e-6 * ranks_in_training.POINTS * np.sum(seen[0] ** 2)
    assert row["loss 0"] - row["loss 1"] == pytest.approx(fall, rel=1e-3)


@pytest.mark.parametrize(
    ("steps", "points", "curved"),
    [((0.05, 0.4, 0.8), (8, 16), 6), pytest.param(qiao2024.STEP_SIZES, (32, 128), 8, marks=pytest.mark.slow)],
)
def test_cells_of_qiao2024(steps, points, curved, monkeypatch):
    monkeypatch.setattr(qiao2024, "STEP_SIZES", steps)
    rates = [
        {"points": n, "seed": seed, "warmup": warmup} for warmup in (0, 1) for n in points for seed in (0, 1)
    ]
    rows = {
        "steps": [
            {**cell, **qiao2024.run_step(cell)} for cell in qiao2024.step_cells(True) if cell["seed"] == 0
        ],
        "rate": [{**cell, **qiao2024.run_rate(cell)} for cell in rates],
    }
    rows["interpolation"] = [
        {**cell, **qiao2024.run_interpolation(cell)} for cell in qiao2024.interpolation_cells(True)
    ]
    rows["curved"] = [{**cell, **qiao2024.run_curved(cell)} for cell in qiao2024.curved_cells(True)[:curved]]
    assert all(1 < r["lower"] <= r["upper"] for r in rows["interpolation"])
    small, large = (next(r for r in rows["steps"] if r["step_size"] == s) for s in (0.05, 0.4))
    assert small["knots"] > large["knots"]
    assert all(r["sharpest_moving"] <= 1.02 for r in (small, large))
    for row in rows["steps"]:
        assert row["sharpest_at_rest"] <= 1
        assert row["resting"] + row["moving"] + row["diverged"] == 8
        assert row["variation"] <= row["variation_limit"]
        assert row["term_kept"] == row["judged"]
        assert 0 <= row["term"] <= row["term_bound"]
        assert row["beyond"] <= row["term"] + 1e-6
    for row in rows["curved"]:
        assert row["variation"] <= row["limit"]
        assert row["knots"] >= 1
    page = qiao2024.make_page(rows, True)
    assert "came to rest" in page.notes[0]
    assert "oscillate" in page.notes[1]
    assert "No function varies more" in page.notes[2]
    assert "sigma + sqrt(MSE)" in page.notes[3]
    assert "SHOWS NO POWER" in page.notes[4]
    assert "On a sine" in page.notes[6]
    assert "gap of generalisation" in page.notes[7]
    assert ("it vanishes, as" in page.notes[7]) is ("SHOWS NO POWER" not in page.notes[7])
    assert "interpolate" in page.notes[8]
    even = qiao2024.slope([r for r in rows["interpolation"] if r["even"]], "lower")
    assert even[1] < 2 < even[2]
    slope = qiao2024.slope([{"points": n, "e": n**-0.8} for n in (10, 100, 1000)], "e")
    assert slope[0] == pytest.approx(-0.8)


def test_a_cell_that_was_cut_short_is_none(monkeypatch):
    def cut(x, y, *, step_size, **settings):
        return SimpleNamespace(message="interrupted")

    monkeypatch.setattr(qiao2024, "fit_stable", cut)
    with pytest.raises(KeyboardInterrupt):
        qiao2024.run_rate({"points": 32, "seed": 0, "warmup": 0})


@pytest.mark.parametrize("steps", [20, pytest.param(3000, marks=pytest.mark.slow)])
def test_cells_of_frandsen2020(steps, monkeypatch):
    # descent from near the saddle stays there at any number of steps
    monkeypatch.setattr(frandsen2020, "Iterations", lambda most: Iterations(min(most, steps)))
    assert frandsen2020.run_exact({"case": 0, "seed": 0})["value"] < 1e-14
    row = frandsen2020.run_saddle({"order": 3, "missing": 3})
    assert (row["verdict"], row["found_order"]) == ("REFUTED", 4)
    assert row["after_escape"] < 1e-10 < row["after_descent"]
    row = frandsen2020.run_noise({"tensor": 0})
    assert row["best"] <= row["worst"]
    assert row["best_ratio"] >= 1
    assert row["worst_is_global"] != "PROVED" or not row["worse"]
    # steps that are known: to the power 2 of the size, and 1/2 of one over the accuracy
    asked = (1e-2, 1e-4, 1e-6, 1e-8)
    exact = [{"size": d, **{f"{a:g}": d**2 * a**-0.5 / 300 for a in asked}} for d in (6, 12, 24)]
    note = frandsen2020.scaling_note(exact)
    assert "to the power 2.00 (2.00 to 2.00)" in note
    assert "to the power 0.50 (0.50 to 0.50)" in note


@pytest.mark.parametrize("seeds", [(0,), pytest.param(range(5), marks=pytest.mark.slow)])
def test_the_steps_of_frandsen2020(seeds):
    cells = [cell for cell in frandsen2020.scaling_cells(False) if cell["seed"] in seeds]
    assert len(cells) == 6 * len(seeds)
    rows = [{**cell, **frandsen2020.run_scaling(cell)} for cell in cells]
    for r in rows:
        assert r["0.01"] < r["0.0001"] < r["1e-06"] < r["1e-08"] < 50_000
    note = frandsen2020.scaling_note(rows)
    assert f"{len(cells)} of {len(cells)}" in note


@pytest.mark.parametrize(("orders", "largest"), [((3,), 6), pytest.param((3, 4), 9, marks=pytest.mark.slow)])
def test_the_randomised_search_of_frandsen2020(orders, largest, monkeypatch):
    sizes = {order: tucker_search.SIZES[order] for order in orders}
    monkeypatch.setattr(tucker_search, "SIZES", sizes)
    cells = [c for c in frandsen2020.search_cells(True) if c["seed"] == 0 and c["size"] <= largest]
    rows = [{**cell, **frandsen2020.run_search(cell)} for cell in cells]
    for r in rows:
        assert r["random_0.01"] <= r["random_0.0001"] <= r["random_1e-06"] <= r["random_1e-08"] < 30_000
        assert r["best_1e-08"] < 30_000
        # without a jump no saddle of this order is left
        assert r["random_jumps"] >= 1 or r["start"] == "random"
        if r["start"] == "saddle":
            assert r["best_1e-08"] < 20 < r["random_1e-08"]
    note = frandsen2020.search_note(rows)
    assert f"{len(rows)} of {len(rows)} runs" in note


@pytest.mark.parametrize(
    ("curvatures", "conditions", "every"),
    [
        ((0.3, 0.01), (10, 100), 3),
        pytest.param(dichotomy.CURVATURES, (10, 100, 1000), 1, marks=pytest.mark.slow),
    ],
)
def test_cells_of_gao2018(curvatures, conditions, every, monkeypatch):
    for name in ("SHARES", "FRICTIONS", "TURNS"):  # settings on a coarse grid will do, or on all of it
        monkeypatch.setattr(grids, name, getattr(grids, name)[::every])
    # one advice for the three dynamics of a well
    advise = cache(lambda H, **known: advise_sampling(np.frombuffer(H).reshape(10, 10), **known))
    monkeypatch.setattr(mixing, "advise_sampling", lambda H, **known: advise(H.tobytes(), **known))
    rows = [
        {**cell, **gao2018.run_recurrence({**cell, "chains": 50})} for cell in gao2018.recurrence_cells(True)
    ]
    soon = {r["kind"]: r for r in rows if r["smallest"] == 0.03}
    assert soon["NLD"]["time"] < soon["ULD"]["time"] < soon["LD"]["time"]
    for r in rows:  # every row is explained: the path without noise, and what its rate alone leaves out
        assert r["time"] == pytest.approx(r["exact"], rel=0.01)
        low, high = {"LD": (0.8, 0.9), "ULD": (1.45, 1.55), "NLD": (1.5, 2.3)}[r["kind"]]
        assert low < r["time"] / r["law"] < high
    row = gao2018.run_escape({"kind": "LD", "beta": 4.0, "chains": 2000})
    assert row["lower"] < row["exact"] < row["upper"]
    paths = [
        {**cell, **gao2018.run_dichotomy({**cell, "chains": 100})}
        for cell in gao2018.dichotomy_cells(True)
        if cell["smallest"] in curvatures
    ]
    for r in paths:
        assert r["lower"] <= r["share"] <= r["upper"]
        assert r["share"] == pytest.approx(r["early"] + r["stayed"])
    assert all(r["share"] > 0.97 for r in paths if r["cold"] == 32)
    assert all(r["share"] < 0.8 for r in paths if r["cold"] == 8 and r["kind"] != "NLD")
    mixed = [
        {**cell, **gao2018.run_mixing({**cell, "chains": 400})}
        for cell in gao2018.mixing_cells(True)
        if cell["dimension"] == 10 and cell["condition"] in conditions
    ]
    for r in mixed:
        assert r["bias"] < 0.05 < r["halfway"]
        assert r["sampled"] == pytest.approx(r["halfway"], abs=0.06)
    rows = {
        "recurrence": rows,
        "dichotomy": paths,
        "mixing": mixed,
        "escape": [
            {**cell, **gao2018.run_escape({**cell, "chains": 200})} for cell in gao2018.escape_cells(True)[:6]
        ],
        "friction": [
            {**cell, **gao2018.run_friction({**cell, "chains": 50})} for cell in gao2018.friction_cells(True)
        ],
    }
    page = gao2018.make_page(rows, True)
    assert "leaves out" in page.notes[1]
    assert sum("DISAGREES" in note for note in page.notes) == 2
    assert [len(table.rows) for table in page.tables[1:4]] == [len(paths), len(mixed), 6]
    assert any("Dichotomy" in note for note in page.notes)
    assert any("condition number to the power LD" in note for note in page.notes)
