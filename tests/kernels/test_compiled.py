"""Kernels that are compiled at their first call."""

import copy
import os
import pickle
import shutil
import signal
import subprocess
import sys
from itertools import permutations
from pathlib import Path
from threading import Condition, Thread

import numpy as np
import pytest
from numba.core import event
from numba.core.caching import IndexDataCacheFile

import lowland
from lowland.core.running.stages import listening, stage
from lowland.kernels.compiled import compiled
from lowland.kernels.compiler import CheckedFile
from lowland.kernels.modular_arithmetic import modular


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
from lowland.kernels.modular_arithmetic.modular import inverse

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
from lowland.kernels.sparse_tables.sparse import _sample

@numba.njit
def call(a, b, r, c, o):
    _sample(a, b, r, c, o)
    return o

print(call(np.ones((2, 2)), np.ones((2, 2)), np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(2)))
"""


def test_kernels_may_be_loaded_while_another_function_is_compiled():
    run = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True)
    assert run.stdout == "[2. 2.]\n", run.stderr


# what a person waits for before anything is computed: modules that a start must not import; those of
# ll.MatrixCompletion are looked at in test_numpy_forms.py, by a process that fits with it
STARTS = {
    "import lowland.cli.commands.predict": ("numba", "scipy", "sklearn", "pandas", "matplotlib"),
    "import lowland as ll; ll.recover": ("numba", "scipy", "sklearn", "matplotlib"),
    "import lowland as ll; ll.decompose_tucker": ("numba", "sklearn", "matplotlib"),
}


@pytest.fixture(scope="module")
def loaded():
    """Return all modules that are loaded after each start, of one process after the other ones before it."""
    words = "import sys\n" + "".join(f"{start}; print(*sys.modules)\n" for start in STARTS)
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    return dict(zip(STARTS, map(str.split, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("start", STARTS)
def test_starts_import_little(start, loaded):
    assert "lowland" in loaded[start]
    assert not set(STARTS[start]) & set(loaded[start])


def save_in_turns(kind, folder, turns):
    """Let two processes, here threads, save code for keys 0 and 1; each step is taken by the one in turn."""
    left, changed = list(turns), Condition()

    class InTurns(kind):
        def step(self, name, *arguments):
            with changed:
                changed.wait_for(lambda: left[0] == self.process)
                done = getattr(super(), name)(*arguments)
                left.pop(0)
                changed.notify_all()
            return done

        def _load_index(self):
            return self.step("_load_index")

        def _save_index(self, overloads):
            self.step("_save_index", overloads)

        def _save_data(self, name, data):
            self.step("_save_data", name, data)

    def save(process):
        file = InTurns(folder, "kernel", "stamp")
        file.process = process
        file.save(process, f"code of {process}")

    threads = [Thread(target=save, args=(process,)) for process in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


ORDERS = sorted(set(permutations((0, 0, 0, 1, 1, 1))))


def found_after(kind, folder):
    """Return what each key finds after every order in which two processes can save."""
    found = []
    for number, turns in enumerate(ORDERS):
        where = folder / f"{kind.__name__} {number}"
        where.mkdir()
        save_in_turns(kind, str(where), turns)
        file = kind(str(where), "kernel", "stamp")
        found += [(key, file.load(key)) for key in (0, 1)]
    return found


def test_processes_that_compile_at_once_never_find_the_code_of_the_other(tmp_path):
    found = set(found_after(CheckedFile, tmp_path))
    assert found == {(0, None), (0, "code of 0"), (1, None), (1, "code of 1")}
    # the same orders without the check
    assert (0, "code of 1") in found_after(IndexDataCacheFile, tmp_path)


def test_code_of_the_other_is_replaced(tmp_path):
    save_in_turns(CheckedFile, str(tmp_path), (0, 1, 1, 0, 0, 1))  # the index of 0 names the code of 1
    file = CheckedFile(str(tmp_path), "kernel", "stamp")
    assert [file.load(key) for key in (0, 1)] == [None, None]
    for key in (0, 1):
        file.save(key, f"code of {key}")
    assert [file.load(key) for key in (0, 1)] == ["code of 0", "code of 1"]


CALLED = "from lowland.kernels.compiled import compiled\n\n@compiled()\ndef called(x):\n    return {} * x\n"
CALLING = """
from lowland.kernels import called
from lowland.kernels.compiled import compiled

@compiled()
def calling(x):
    return called.called(x)
"""


def test_a_kernel_is_compiled_again_where_a_kernel_that_it_calls_has_changed(tmp_path):
    package = tmp_path / "lowland"
    shutil.copytree(Path(lowland.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "kernels" / "calling.py").write_text(CALLING)
    command = [sys.executable, "-c", "from lowland.kernels.calling import calling; k = calling(2); print(k)"]
    # Python's own files of bytecode are told apart by seconds
    place = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    for factor in ("3", "3", "5"):
        (package / "kernels" / "called.py").write_text(CALLED.format(factor))
        run = subprocess.run(command, capture_output=True, text=True, env=place)
        assert run.stdout == f"{2 * int(factor)}\n", run.stderr


SHIPPED = """
import lowland.kernels.modular_arithmetic.modular as m
from lowland.dynamics.kernels.potentials import built_in
print(m.inverse(3, 7), sum(m.inverse.dispatcher.stats.cache_hits.values()), built_in("axes").cache_hits)
"""


def test_kernels_beside_the_package_are_read_whoever_may_write_there(tmp_path):
    package, other = tmp_path / "lowland", tmp_path / "other"
    shutil.copytree(Path(lowland.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    place = os.environ | {"PYTHONPATH": str(tmp_path)}
    place.pop("NUMBA_CACHE_DIR", None)
    elsewhere = place | {"NUMBA_CACHE_DIR": str(other)}
    # an image is built, and read by a user who has a folder of their own
    for where, hits in ((place, 0), (elsewhere, 1)):
        run = subprocess.run([sys.executable, "-c", SHIPPED], capture_output=True, text=True, env=where)
        assert run.stdout == f"5.0 {hits} {hits}\n", run.stderr
    assert not list(other.glob("**/*.nbc")), "nothing was compiled again"


def test_kernels_compile_where_no_folder_can_be_written(tmp_path):
    # the only place that Numba may look at is one that is not named
    nowhere = os.environ | {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    nowhere.pop("NUMBA_CACHE_DIR", None)
    code = "import lowland.dynamics.kernels.potentials\n"
    code += "from lowland.kernels.modular_arithmetic import modular\nprint(modular.inverse(3, 7))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=nowhere, cwd=tmp_path
    )
    assert run.stdout == "5.0\n", run.stderr


def test_damaged_files_are_compiled_anew(tmp_path):
    for ending in (".nbi", ".1.nbc"):
        CheckedFile(str(tmp_path), "kernel", "stamp").save("key", "code")
        for damage in (b"", b"nonsense"):
            (tmp_path / f"kernel{ending}").write_bytes(damage)
            file = CheckedFile(str(tmp_path), "kernel", "stamp")
            assert file.load("key") is None
        file.save("key", "code")
        assert file.load("key") == "code"


def test_a_full_disk_keeps_nothing_and_stops_nothing(tmp_path, monkeypatch):
    file = CheckedFile(str(tmp_path), "kernel", "stamp")

    def full(name, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file, "_save_data", full)
    file.save("key", "code")
    assert file.load("key") is None


def test_compilation_is_told():
    from lowland.kernels.compiler import njit

    told = []
    with listening(lambda path: told.append(str(path[-1]))), stage("fits"):
        inner = njit()(lambda x: x + 1)
        njit()(lambda x: inner(x) + inner(2 * x))(1.0)  # compiled in the middle of the outer one
    assert told == ["fits", "compiling, once on this machine", "fits"]
