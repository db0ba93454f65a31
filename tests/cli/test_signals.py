"""Signals, closed streams, full devices: a command ends soon, keeps what it has, and says what that is."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from commands import COMMAND, ENVIRONMENT, call, usual_signals
from lowland.core.running.stages import listening
from lowland.files.bundle import load_bundle

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs the signals of Unix")
# seconds within which a command must end; a busy machine gets more
SOON = 5 * 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a table whose fit takes a while: more unknowns than cells, hardly penalised."""
    folder = tmp_path_factory.mktemp("signals")
    write_table(folder / "small.npz", (80, 60), 2000)
    return folder


@pytest.fixture(scope="module")
def big(folder):
    """Return the folder with a table too, of which one iteration takes a while."""
    write_table(folder / "big.npz", (800, 700), 150_000)
    return folder


def write_table(path, shape, n_cells):
    """Write a noisy table of rank eight."""
    rng = np.random.default_rng(0)
    rows, columns = np.divmod(rng.choice(shape[0] * shape[1], n_cells, replace=False), shape[1])
    values = (rng.standard_normal((shape[0], 8)) @ rng.standard_normal((8, shape[1])))[rows, columns]
    values += rng.standard_normal(n_cells)
    np.savez(path, rows=rows, columns=columns, values=values, shape=shape)


ENDLESS = ("--rank", "24", "--tol", "0", "--max-iter", "1000000")
FIT = ("small.npz", "--penalty", "0.01", *ENDLESS)
LARGE_FIT = ("big.npz", "--penalty", "1", *ENDLESS)


# the same command, but what it does is told after a tenth of a second instead of two seconds
SOON_TOLD = """
from lowland.cli import main
from lowland.core.running import stage_line

stage_line.LIVE = stage_line.FIRST = stage_line.LATER = 0.1
main()
"""


def begin(folder, *arguments, command=COMMAND, **options):
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "preexec_fn": usual_signals, **options}
    environment = {**os.environ, **ENVIRONMENT}
    return subprocess.Popen([*command, *arguments], cwd=folder, text=True, env=environment, **given)


def begin_fit(folder, *arguments, fit=FIT, **options):
    """Begin a fit that lasts for minutes, and wait until it is under way."""
    command = [sys.executable, "-c", SOON_TOLD]
    process = begin(folder, "complete", *fit, *arguments, command=command, **options)
    searching(process)
    return process


def searching(process):
    """Wait until iterations are told."""
    for line in process.stderr:
        if "iteration" in line:
            return


def end(process, number, *, again=False):
    """Send a signal and return the code, the seconds and the words on stderr."""
    started = time.monotonic()
    process.send_signal(number)
    if again:
        time.sleep(0.05)
        process.send_signal(number)
    errors = process.communicate(timeout=60)[1]
    return process.returncode, time.monotonic() - started, errors


# SIGINT and SIGTERM end processes of the tests below too, and what an interrupt saves is in test_resume.py
@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param("SIGINT", 130, marks=pytest.mark.slow),
        pytest.param("SIGTERM", 143, marks=pytest.mark.slow),
        ("SIGHUP", 129),
    ],
)
def test_a_signal_ends_the_fit_and_saves_it(folder, number, code):
    model = f"{number}.npz"
    process = begin_fit(folder, "--model", model)
    found, seconds, errors = end(process, getattr(signal, number))
    assert found == code, errors
    assert seconds < SOON
    assert f"the fit is in {model}; --resume continues from it" in errors
    assert "nothing was saved" not in errors
    header, arrays = load_bundle(folder / model, "model")
    assert header["stop_reason"] == "interrupted"
    assert np.isfinite(arrays["row_factors"]).all()


@pytest.mark.slow
def test_a_process_that_judges_tells_once_what_was_saved(big):
    """The fit is over and saved; its certificate is interrupted."""
    fit = ("big.npz", "--rank", "6", "--penalty", "1", "--effort", "thorough", "--model", "judged.npz")
    for wait in (0.2, 0.0):
        process = begin(big, "complete", *fit, "--force")
        while not (big / "judged.npz").exists() and process.poll() is None:
            time.sleep(0.02)
        time.sleep(wait)
        code, seconds, errors = end(process, signal.SIGINT)
        if code:
            break
        (big / "judged.npz").unlink()  # judging was over before the signal came
    assert seconds < SOON
    check_told_once(code, errors)


@pytest.mark.usefixtures("default_handler")
def test_what_was_saved_while_judging_is_told_once(tmp_path):
    """The same in this process, at once when its first judge begins."""
    struck = []

    def hear(path):
        if path[-1].what.startswith("judging") and not struck:
            struck.append((tmp_path / "judged.npz").exists())
            os.kill(os.getpid(), signal.SIGINT)

    table = np.add.outer(np.arange(9.0), np.arange(7.0) ** 2)
    np.save(tmp_path / "t.npy", np.where(np.eye(9, 7) > 0, np.nan, table))
    with listening(hear):
        done = call(
            "complete", "t.npy", "--rank", 2, "--penalty", 1, "--model", "judged.npz", "--quiet", cwd=tmp_path
        )
    assert struck == [True]
    check_told_once(done.returncode, done.stderr)


def check_told_once(code, errors):
    assert code == 130, errors
    assert "interrupted while computing the certificate; the fit is in judged.npz" in errors
    assert errors.count("judged.npz") == 1
    assert "nothing was saved" not in errors


def test_a_second_signal_ends_at_once(big):
    """It comes before the step that the first one lets end is over."""
    process = begin_fit(big, "--model", "twice.npz", fit=LARGE_FIT)
    code, seconds, errors = end(process, signal.SIGINT, again=True)
    assert code == 130, errors
    assert seconds < SOON
    assert "Traceback" not in errors


def test_a_program_that_ignores_interrupts_is_still_terminated(folder):
    """As in the background of a script: SIGINT is ignored from the start, SIGTERM is not."""
    ignore = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    process = begin_fit(folder, "--model", "background.npz", **ignore)
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)  # and one that is heard late ends it with another code
    assert process.poll() is None
    code, _, errors = end(process, signal.SIGTERM)
    assert code == 143, errors
    assert "the fit is in background.npz" in errors


ESCAPE = ("double_well", "--start=-1", "--level", "0.7", "--chains", "50")


def test_a_closed_pipe_is_no_failure(folder):
    """The reader of the output has left before anything is written."""
    process = begin(folder, "info")
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 0, errors
    assert "Traceback" not in errors
    assert "Exception" not in errors


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_standard_output_on_a_full_device(folder):
    with open("/dev/full", "w") as full:
        process = begin(folder, "info", stdout=full)
        errors = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert errors == "lowland: cannot write to standard output\n  found: No space left on device\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_report_on_a_device_does_not_replace_it(folder):
    done = call("escape", *ESCAPE, "--report", "/dev/full", cwd=folder)
    assert done.returncode == 2, done.stderr
    assert "cannot write /dev/full" in done.stderr
    assert "mean exit time" in done.stdout
    assert not os.path.isfile("/dev/full")


def test_json_on_a_pipe_is_whole(folder):
    process = begin(folder, "diagnose", "small.npz", "--rank", "1", "--json", "--quiet")
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert json.loads(output)["open_cell_count"] == 0


# a lock that is taken twice is waited for by the C library, without any work
STUCK = """
import ctypes, sys
from lowland.cli import signals
if sys.argv[1] == "impatient":
    signals.PATIENCE, signals.LAST = 0.2, 0.1
library, lock = ctypes.CDLL(None), ctypes.create_string_buffer(256)
library.pthread_mutex_init(lock, None)
library.pthread_mutex_lock(lock)
with signals.taking_signals():
    print("begun", flush=True)
    library.pthread_mutex_lock(lock)
    print("never", flush=True)
"""


@pytest.mark.parametrize(("number", "code", "again"), [("SIGTERM", 143, False), ("SIGINT", 130, True)])
def test_a_process_inside_a_library_ends_all_the_same(number, code, again):
    """Compiled code hears no signal, and may run for ever: nothing in the main thread can end it."""
    # a second signal must end it without the watch whose patience comes to an end
    command = [sys.executable, "-c", STUCK, "patient" if again else "impatient"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=usual_signals
    )
    process.stdout.readline()
    time.sleep(0.3)
    found, seconds, errors = end(process, getattr(signal, number), again=again)
    assert found == code, errors
    assert seconds < SOON
    assert "in the middle of a computation, which is lost" in errors


def told(arguments, closed):
    """Return the exit code and the words of a command that starts with some streams closed."""

    def close():
        for number in closed:
            os.close(number)

    environment = {**os.environ, **ENVIRONMENT}
    run = subprocess.run(
        [*COMMAND, *arguments], env=environment, preexec_fn=close, capture_output=True, check=False
    )
    return run.returncode, run.stderr.decode()


def test_closed_streams(tmp_path):
    table = tmp_path / "t.npy"
    np.save(table, [[k, np.nan if k == 3 else 2 * k] for k in range(8)])
    plan = ["diagnose", str(table), "--rank", "1", "--quiet"]
    done = call(*plan, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    code, words = told(plan, (1,))
    assert (code, words.split("\n")[0]) == (2, "lowland: cannot write to standard output")
    assert told(plan, (0,)) == (0, "")
    assert told(plan, (0, 2)) == (0, "")
    code, words = told(["diagnose", "-", "--rank", "1", "--quiet"], (0,))
    assert (code, words.split("\n")[0]) == (2, "lowland: cannot read standard input")
    assert told(plan, (0, 1, 2)) == (2, "")


# a library whose code takes an interrupt for something else, as compiled code does when it is imported
GREEDY = """
import os, signal, time
try:
    os.kill(os.getpid(), signal.{number})
    time.sleep(0.3)
except KeyboardInterrupt:
    pass
"""
IMPORTING = """
import time
from lowland.cli.signals import taking_signals
with taking_signals() as signals:
    try:
        import greedy_library
        time.sleep(30)
    except KeyboardInterrupt:
        print("ended by", signals.last)
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_an_interrupt_during_an_import_is_not_lost(tmp_path, number):
    (tmp_path / "greedy_library.py").write_text(GREEDY.format(number=number))
    process = begin(tmp_path, IMPORTING, command=[sys.executable, "-c"])
    assert process.communicate(timeout=60)[0] == f"ended by {int(getattr(signal, number))}\n"


DESTRUCTOR = """
import os, signal, time
from lowland.cli.signals import taking_signals

class Forgotten:
    def __del__(self):
        os.kill(os.getpid(), signal.{number})
        time.sleep(0.01)

with taking_signals() as signals:
    try:
        Forgotten()
        time.sleep(30)
    except KeyboardInterrupt:
        print("ended by", signals.last)
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_an_interrupt_in_a_destructor_is_not_lost(number):
    process = begin(None, DESTRUCTOR.format(number=number), command=[sys.executable, "-c"])
    assert process.communicate(timeout=60)[0] == f"ended by {int(getattr(signal, number))}\n"
