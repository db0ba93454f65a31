"""One thread of linear algebra for small problems, and what was set before afterwards."""

import os
import subprocess
import sys
from threading import Event, Thread

import numpy as np
import pytest
import scipy.linalg  # noqa: F401 - which brings a library of its own
from threadpoolctl import ThreadpoolController, threadpool_info

import lowland as ll
from lowland.kernels.blas_threads import one_blas_thread


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture
def two_threads():
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        if blas_threads() != {2}:
            pytest.skip("the linear algebra here has one thread only")
        yield


def test_the_limit_ends_with_the_caller_who_set_it(two_threads):
    with one_blas_thread():
        with one_blas_thread():
            assert blas_threads() == {1}
        assert blas_threads() == {1}
    assert blas_threads() == {2}
    with one_blas_thread(applies=False):
        assert blas_threads() == {2}
    with pytest.raises(ValueError, match="inside"), one_blas_thread():
        raise ValueError("inside")
    assert blas_threads() == {2}


def test_another_thread_leaves_the_limit_alone(two_threads):
    """One that entered first and leaves last would else restore a limit of one for ever."""
    entered, leave = Event(), Event()

    def other():
        with one_blas_thread():
            entered.set()
            leave.wait(10)

    with one_blas_thread():
        thread = Thread(target=other)
        thread.start()
        assert entered.wait(10)
        assert blas_threads() == {1}
    assert blas_threads() == {2}
    leave.set()
    thread.join()
    assert blas_threads() == {2}


def test_the_first_fit_of_a_process_is_limited_too():
    """Libraries that are loaded during the fit count as well: SciPy brings linear algebra of its own."""
    words = """
import numpy as np, lowland as ll
from threadpoolctl import threadpool_info
seen = []
look = lambda *_: seen.append({i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"})
A = ll.gaussian(60, (6, 6), 0)
ll.recover(A, A.measure_matrix(np.ones((6, 6))), rank=1, solver="gauss_newton", rng=0, callbacks=[look])
print(len(seen) > 1 and all(threads == {1} for threads in seen))
"""
    threads = {**os.environ, "OPENBLAS_NUM_THREADS": "2"}
    found = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, check=True, env=threads
    )
    assert found.stdout.strip() == "True"


def test_small_fits_are_limited_and_large_ones_are_not(two_threads, monkeypatch):
    from lowland.sensing import recover
    from lowland.tensors.tucker import decompose

    seen = []

    def look(progress, theta):
        seen.append(blas_threads())

    tensor = np.random.default_rng(0).standard_normal((6, 5, 4))
    A = ll.gaussian(40, (5, 5), 0)
    y = A.measure_matrix(np.ones((5, 5)))
    for expected in ({1}, {2}):
        seen.clear()
        ll.decompose_tucker(tensor, 2, n_restarts=0, max_iter=5, rng=0, certify=False, callbacks=[look])
        ll.recover(A, y, rank=1, solver="gradient", rng=0, certify=False, callbacks=[look])
        assert len(seen) > 2
        assert all(threads == expected for threads in seen)
        monkeypatch.setattr(decompose, "LARGEST_ALONE", 0)
        monkeypatch.setattr(recover, "SMALL_NUMBERS", 0)


def test_these_tests_run_with_two_threads():
    """Where the suite itself is kept to one thread, those above are skipped: here they are run."""
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        pytest.skip("they have just been run")
    own = f"{__file__}::{test_the_first_fit_of_a_process_is_limited_too.__name__}"  # has threads anyway
    # neither plugins nor fixtures of other files are needed, which take time to load
    few = ("-p", "no:cacheprovider", "--noconftest")
    command = [sys.executable, "-m", "pytest", "-q", *few, __file__, "--deselect", own]
    threads = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ran = subprocess.run(command, capture_output=True, text=True, env=threads, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "...s" in ran.stdout, "none but this one is skipped"
