"""A request to stop ends the search under way, and holds for all that follows within one computation."""

import os
import signal
import threading

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InterruptedWarning
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import (
    Interruptible,
    Interruption,
    in_full,
    stop_if_requested,
    telling_requests,
    unless_interrupted,
)
from lowland.core.running.stages import stage
from lowland.reproduce import Experiment, Study, run_experiment
from lowland.search import Gradient, Iterations, TrustRegion, run

pytestmark = pytest.mark.usefixtures("default_handler")


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def problem():
    A = ll.gaussian(60, (6, 6), 0)
    return A, A.measure_matrix(np.diag([3.0, 2, 0, 0, 0, 0])) + 0.1 * np.random.default_rng(
        0
    ).standard_normal(60)


def test_a_loop_polls_and_everything_else_is_ended():
    with Interruption() as loop:
        interrupt()
        assert loop.requested
        with pytest.raises(KeyboardInterrupt):
            interrupt()
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    with Interruptible(), pytest.raises(KeyboardInterrupt):
        interrupt()


def test_a_request_holds_until_the_whole_has_ended():
    with Interruptible():
        with Interruption():
            interrupt()
        with Interruption() as later:
            assert later.requested
            stop_if_requested()  # the loop will see to it
        with pytest.raises(KeyboardInterrupt):
            stop_if_requested()
        with pytest.raises(KeyboardInterrupt), stage("the next"):
            raise AssertionError("the stage began")
    with Interruption() as other:
        assert not other.requested


def test_listeners_are_told_of_the_request_and_of_its_end():
    told = []
    with telling_requests(told.append), Interruptible():
        with Interruption():
            interrupt()
        assert told == [signal.SIGINT]
    assert told == [signal.SIGINT, 0]


def test_other_threads_are_left_alone():
    seen = []

    def work():
        with Interruptible(), Interruption() as loop:
            seen.append(loop.requested)

    with Interruption():
        interrupt()
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == [False]


def test_what_is_needed_in_full_is_not_kept_in_part(problem):
    fit = ll.recover(*problem, rank=2, structure="psd", certify=False, rng=0)
    rng = np.random.default_rng(0)

    def search(*callbacks):
        theta = rng.standard_normal(fit.objective.size)
        return run(fit.objective, Gradient(), theta, stop=Iterations(5), rng=rng, callbacks=callbacks)

    assert in_full(search).stop_reason is StopReason.ITERATION_LIMIT
    with pytest.raises(KeyboardInterrupt):
        in_full(lambda: search(lambda progress, theta: interrupt()))


def test_what_can_be_done_without_is_left_out():
    def wait():
        interrupt()

    with pytest.warns(InterruptedWarning, match="judging was interrupted"):
        assert unless_interrupted(wait, "judging") is None
    assert unless_interrupted(lambda: 3, "judging") == 3


def test_what_follows_an_interrupted_part_does_not_begin(default_handler):
    with Interruptible():
        with pytest.warns(InterruptedWarning):
            unless_interrupted(interrupt, "judging")
        with pytest.raises(KeyboardInterrupt):
            in_full(lambda: 3)
    assert in_full(lambda: 3) == 3


def test_an_interrupted_recovery_says_so_whichever_start_was_the_best(problem):
    """The second start is interrupted; the first one is the best, but what was asked for was not done."""
    starts = []

    def on_step(progress, theta):
        if progress.iteration == 1:
            starts.append(len(starts))
            if len(starts) == 3:
                interrupt()

    fit = ll.recover(
        *problem, rank=2, structure="psd", solver="trust_region", n_restarts=5, callbacks=[on_step], rng=0
    )
    assert len(fit.attempts) == 3
    assert fit.attempts[2].stop_reason is StopReason.INTERRUPTED
    assert fit.search.stop_reason is StopReason.INTERRUPTED
    assert fit.search.value == min(attempt.value for attempt in fit.attempts)
    assert fit.certificate is None


def test_an_interrupted_judgement_leaves_the_fit(problem, monkeypatch):
    from lowland.sensing import recover as module

    def judge(*arguments, **options):
        interrupt()

    monkeypatch.setattr(module, "judge", judge)
    with pytest.warns(InterruptedWarning):
        fit = ll.recover(*problem, rank=2, structure="psd", rng=0)
    assert fit.certificate is None
    assert fit.search.stop_reason is StopReason.CONVERGED


def test_interrupted_cells_of_an_experiment_are_not_kept(problem, tmp_path):
    """The search of the third cell ends early; a row of it would be a wrong result."""
    fit = ll.recover(*problem, rank=2, structure="psd", certify=False, rng=0)

    def run_cell(cell):
        rng = np.random.default_rng(cell["seed"])
        stop = [lambda progress, theta: interrupt()] if cell["seed"] == 2 else []
        theta = rng.standard_normal(fit.objective.size)
        result = run(fit.objective, TrustRegion(), theta, stop=Iterations(50), rng=rng, callbacks=stop)
        return {"value": result.value}

    study = Study("cells", lambda quick: [{"seed": k} for k in range(5)], run_cell)
    experiment = Experiment("toy", "Toy", "", (study,), lambda rows, quick: None)
    with pytest.raises(KeyboardInterrupt):
        run_experiment(experiment, tmp_path)
    kept = (tmp_path / "toy-cells.csv").read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in kept] == ["0", "1"]


def test_an_interrupted_census_is_none(problem):
    fit = ll.recover(*problem, rank=2, structure="psd", certify=False, rng=0)

    def start(rng):
        theta = rng.standard_normal(fit.objective.size)
        start.calls += 1
        if start.calls == 3:
            threading.Timer(0.0, interrupt).start()
        return theta

    start.calls = 0
    with pytest.raises(KeyboardInterrupt):
        ll.census(fit.objective, n_starts=3_000, start=start, certify=False, rng=0)
