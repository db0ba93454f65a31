"""Fits that an interrupt ends: what is saved can be used, and --resume ends with the same bits."""

import os
import signal
import subprocess
import time
from contextlib import contextmanager

import numpy as np
import pytest

from commands import COMMAND, assert_clean_error, call, call_process, usual_signals
from lowland.core.running.stages import listening
from lowland.files.bundle import load_bundle
from lowland.search import loop

# the array of a model file that holds the rows' factors
MEANS = {"map": "row_factors", "gibbs": "row_means"}
QUIET = ("--no-certify", "--quiet")


def write_table(path, shape, rank, n_cells):
    """Write a noisy table of low rank."""
    rng = np.random.default_rng(0)
    cells = rng.choice(shape[0] * shape[1], n_cells, replace=False)
    rows, columns = np.divmod(cells, shape[1])
    truth = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    values = truth[rows, columns] + rng.standard_normal(cells.size)
    np.savez(path, rows=rows, columns=columns, values=values, shape=shape)
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("small") / "t.npz", (80, 60), 4, 2000)


@pytest.fixture(scope="module")
def slow_table(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("slow") / "big.npz", (800, 700), 8, 150_000)


def check_resume(table, options, folder, interrupt, means):
    """Check a fit that `interrupt` ends against one that nothing ends."""
    whole = call("complete", table, *options, "--model", "whole.npz", cwd=folder)
    assert whole.returncode == 0, whole.stderr
    errors = interrupt("complete", table, *options, "--model", "part.npz")
    assert "--resume continues" in errors
    assert "Traceback" not in errors
    header, part = load_bundle(folder / "part.npz", "model")
    assert header["stop_reason"] == "interrupted"
    assert np.isfinite(part[means]).all()
    (folder / "pairs.csv").write_text("row,column\n3,5\n")
    assert call("predict", "part.npz", "pairs.csv", cwd=folder).returncode == 0
    resume = ("complete", table, *options, "--model", "part.npz", "--resume")
    refused = call(*resume, "--rank", 3, cwd=folder)
    assert_clean_error(refused, "belongs to another fit", "rank")
    resumed = call(*resume, cwd=folder)
    assert resumed.returncode == 0, resumed.stderr
    _, expected = load_bundle(folder / "whole.npz", "model")
    _, found = load_bundle(folder / "part.npz", "model")
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
    assert not (folder / "part.npz.checkpoint").exists()


@contextmanager
def interrupted_at(what, number):
    """Interrupt this process, as Ctrl-C does, once a search has come to an iteration."""
    struck = []

    def hear(path):
        if (path[-1].what, path[-1].done) == (what, number) and not struck:
            struck.append(number)
            os.kill(os.getpid(), signal.SIGINT)

    with listening(hear):
        yield
    assert struck


DRAWN = ("--method", "gibbs", "--dtype", "float32", "--refine", "no", "--powers", "no", *QUIET)
FITS = {
    "map": ("--rank", "6", "--penalty", "1", "--tol", "1e-12", "--max-iter", "60", *QUIET),
    "gibbs": ("--rank", "4", "--draws", "30", *DRAWN),
}


@pytest.mark.usefixtures("default_handler")
@pytest.mark.parametrize(
    ("method", "what", "number"), [("map", "alternating iteration", 17), ("gibbs", "gibbs iteration", 23)]
)
def test_interrupt_saves_and_resume_ends_with_the_same_bits(table, tmp_path, method, what, number):
    def interrupt(*command):
        with interrupted_at(what, number):
            ended = call(*command, cwd=tmp_path)
        assert ended.returncode == 130, ended.stderr
        return ended.stderr

    check_resume(table, FITS[method], tmp_path, interrupt, MEANS[method])


@pytest.mark.usefixtures("default_handler")
def test_a_fit_interrupted_before_its_first_sweep_is_not_written(table, tmp_path, monkeypatch):
    begin = loop._Search.begin

    def begin_and_strike(search, theta):
        begin(search, theta)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(loop._Search, "begin", begin_and_strike)
    outputs = ("--model", "m.npz", "--output", "o.csv")
    ended = call("complete", table, *FITS["map"], *outputs, cwd=tmp_path)
    assert ended.returncode == 130, ended.stderr
    assert "interrupted before the first sweep; there is no fit to write" in ended.stderr
    assert not {"m.npz", "o.csv"}.intersection(path.name for path in tmp_path.iterdir())


LONG = {
    "map": ("--rank", "24", "--penalty", "1", "--tol", "1e-12", "--max-iter", "350", *QUIET),
    "gibbs": ("--method", "gibbs", "--rank", "12", "--draws", "500", "--dtype", "float32", *QUIET),
}


@pytest.mark.slow
@pytest.mark.parametrize("method", LONG)
def test_a_process_that_is_interrupted_at_any_time_is_resumed(slow_table, tmp_path, method):
    def interrupt(*command):
        early, late, wait = 0.0, np.inf, 0.7
        for _ in range(12):  # kernels may be compiled first, and a busy machine is late
            process = subprocess.Popen(
                [*COMMAND, *map(str, command)], cwd=tmp_path, text=True, preexec_fn=usual_signals,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            assert "rows" in process.stdout.readline()  # the table is read; the search begins
            time.sleep(wait)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
            assert process.returncode in (0, 130), errors
            if "--resume continues" in errors:
                break
            early, late = (early, wait) if process.returncode == 0 else (wait, late)
            if late - early < 0.2:  # the machine's speed has changed meanwhile
                early, late = early / 2, 2 * late
            wait = min(2 * wait, (early + late) / 2)
        return errors

    check_resume(slow_table, LONG[method], tmp_path, interrupt, MEANS[method])


def test_interrupted_while_libraries_load(tmp_path):
    """Wherever the interrupt strikes, the exit code is that of an interrupt."""
    blocker = tmp_path / "blocker"
    blocker.mkdir()
    (blocker / "typer.py").write_text('exec("raise KeyboardInterrupt")\n')
    stopped = call_process("info", cwd=tmp_path, env={"PYTHONPATH": str(blocker)})
    assert stopped.returncode == 130
    assert stopped.stderr == "lowland: interrupted; nothing was saved\n"
