"""Kernels that are compiled at their first call."""

import copy
import os
import pickle
import signal
import subprocess
import sys
from threading import Thread

import numpy as np
import pytest
from numba.core import event

from lowland.kernels import modular
from lowland.kernels.compiled import compiled


@compiled(cache=False)
def _cubed(x):
    return x * x * x


@compiled(cache=False)
def _fill(values, out):
    for k in range(values.size):
        out[k] = _cubed(values[k])


def test_kernels_call_each_other():
    values, out = np.arange(5.0), np.empty(5)
    _fill(values, out)
    np.testing.assert_array_equal(out, values**3)
    np.testing.assert_array_equal([_cubed(x) for x in values], out)
    assert _fill.__name__ == "_fill"


def test_threads_share_one_compilation():
    @compiled(cache=False)
    def doubled(x):
        return 2 * x

    found = []
    threads = [Thread(target=lambda: found.append((doubled(3), doubled.dispatcher))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {value for value, _ in found} == {6}
    assert len({id(dispatcher) for _, dispatcher in found}) == 1


def test_kernels_are_pickled_by_name():
    assert pickle.loads(pickle.dumps(modular.inverse)) is modular.inverse
    assert copy.deepcopy(modular.inverse) is modular.inverse


INTERRUPTED = """
import os, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "numba.core.cpu":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupts())
from lowland.kernels.modular import inverse

try:
    inverse(3, 7)
except KeyboardInterrupt:
    print("interrupted", "numba.core.cpu" in sys.modules, inverse(3, 7))
"""


def test_interrupts_wait_while_numba_is_imported():
    command = [sys.executable, "-c", INTERRUPTED]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.stdout.split() == ["interrupted", "True", "5.0"], run.stderr


def test_interrupts_wait_while_a_kernel_is_compiled():
    @compiled(cache=False)
    def doubled(x):
        return 2 * x

    class Interrupts(event.Listener):
        def on_start(self, event):
            os.kill(os.getpid(), signal.SIGINT)

        def on_end(self, event):
            pass

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with event.install_listener("numba:compile", Interrupts()), pytest.raises(KeyboardInterrupt):
        doubled(3)
    signal.signal(signal.SIGINT, before)
    assert doubled.dispatcher.signatures  # compiled before the interrupt was delivered
    assert doubled(3) == 6


LATE = """
import numba, numpy as np
from lowland.kernels.sparse import _sample

@numba.njit
def call(a, b, r, c, o):
    _sample(a, b, r, c, o)
    return o

print(call(np.ones((2, 2)), np.ones((2, 2)), np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(2)))
"""


def test_kernels_may_be_loaded_while_another_function_is_compiled():
    run = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True)
    assert run.stdout == "[2. 2.]\n", run.stderr


# what a person waits for before anything is computed: modules that a start must not import
STARTS = {
    "import lowland.cli.predict": ("numba", "scipy", "sklearn", "pandas", "matplotlib"),
    "import lowland as ll; ll.MatrixCompletion": ("numba", "matplotlib", "lowland.certificates"),
    "import lowland as ll; ll.recover": ("numba", "scipy", "sklearn", "matplotlib"),
    "import lowland as ll; ll.decompose_tucker": ("numba", "sklearn", "matplotlib"),
}


@pytest.mark.parametrize("start", STARTS)
def test_starts_import_little(start):
    words = f"{start}; import sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert not set(STARTS[start]) & set(loaded.stdout.split())
