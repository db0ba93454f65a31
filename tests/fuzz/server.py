"""A server that has everything loaded forks a process for each damaged file, with limits on time and memory.

    python tests/fuzz/server.py --cases 20000 [--seed 0] [--only model certificate]

Says how many cases of each kind ended how, and prints the first failures; a case is repeated by its number:
`--first NUMBER --cases 1`, or `--write FOLDER` to have the files to try by hand.
"""

import argparse
import contextlib
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from damage import damaged  # noqa: E402
from samples import run_sample, write_samples  # noqa: E402

# seconds that one file may take, and bytes that reading it may take beyond what is loaded
PATIENCE, MEMORY = 30, 2 << 30
# how a case may end
FINE = ("refused", "read")
_TRACEBACK, _LIE, _OPEN = 97, 98, 99


@dataclass(frozen=True)
class Case:
    """A damaged file, how the command on it ended, and what it said."""

    number: int
    kind: str
    command: tuple[str, ...]
    outcome: str
    words: str
    seconds: float
    megabytes: int


def cases(folder, samples, numbers, seed):
    """Run cases by their numbers, each of which fixes sample and damage."""
    others = [(folder / sample.file).read_bytes() for sample in samples]
    for number in numbers:
        rng = np.random.default_rng([seed, number])
        k = number % len(samples)
        yield run(folder, samples[k], damaged(others[k], rng, others), number)


def run(folder, sample, data, number):
    """Run a sample's command on damaged bytes in a process of its own."""
    place = Path(tempfile.mkdtemp(prefix="fuzz"))
    try:
        for path in folder.iterdir():
            if path.is_dir():
                shutil.copytree(path, place / path.name)
            elif path.name != sample.file:
                os.link(path, place / path.name)
        (place / sample.file).write_bytes(data)
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            _serve(sample, place)
        status, used = _wait(child, started + PATIENCE)
        words = (place / "words").read_text(errors="replace") if (place / "words").exists() else ""
        seconds = time.monotonic() - started
        return Case(number, sample.kind, sample.command, _outcome(status), words, seconds, used // 1024)
    finally:
        shutil.rmtree(place)


def _serve(sample, place):
    """Run the command, write what it says to a file, and end with a code for how it went."""
    code = _OPEN
    try:
        os.setsid()
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(0)
        done = run_sample(sample, place)
        code, words = done.returncode, done.stderr
        if "Traceback" in done.stderr:
            code = _TRACEBACK
        elif code == 0 and sample.kind in ("model", "request") and _is_odd(done.stdout, place / "p.csv"):
            file = place / "p.csv"
            code, words = _LIE, done.stdout + (file.read_text() if file.exists() else "")
    except BaseException:
        code, words = _TRACEBACK, traceback.format_exc()
    finally:
        (place / "words").write_text(words, errors="replace")
        os._exit(code)


def _is_odd(output, file):
    """Return whether a model predicts what no fit predicts, and says nothing."""
    text = output + (file.read_text() if file.exists() else "")
    return any(word in text.lower().replace(",", " ").split() for word in ("nan", "inf", "-inf"))


def _wait(child, deadline):
    """Return the status of a process and the most kilobytes it used, and kill it when its time is up."""
    while time.monotonic() < deadline:
        found, status, usage = os.wait4(child, os.WNOHANG)
        if found:
            return status, usage.ru_maxrss
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    _, _, usage = os.wait4(child, 0)
    return None, usage.ru_maxrss


def _outcome(status):
    if status is None:
        return "hang"
    if os.WIFSIGNALED(status):
        return f"crash: {signal.Signals(os.WTERMSIG(status)).name}"
    words = {0: "read", 1: "read", 2: "refused", _TRACEBACK: "traceback", _LIE: "lie"}
    return words.get(os.WEXITSTATUS(status), f"code {os.WEXITSTATUS(status)}")


def write(folder, samples, options):
    """Write the files of a case, and print its command."""
    others = [(folder / sample.file).read_bytes() for sample in samples]
    k = options.first % len(samples)
    shutil.copytree(folder, options.write, dirs_exist_ok=True)
    rng = np.random.default_rng([options.seed, options.first])
    (options.write / samples[k].file).write_bytes(damaged(others[k], rng, others))
    print("lowland", " ".join(samples[k].command))


def parsed(words=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", help="kinds of files")
    parser.add_argument("--few", action="store_true", help="one file of each kind and command")
    parser.add_argument("--until-failure", action="store_true", help="end at the first failure")
    parser.add_argument("--write", type=Path, help="write the files of the first case here, run nothing")
    parser.add_argument("--show", type=int, default=20, help="failures that are printed")
    return parser.parse_args(words)


@contextlib.contextmanager
def written(options):
    """Give a folder with all files, and the samples among them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "samples"
        folder.mkdir()
        yield folder, write_samples(folder, options.only, few=options.few)


def run_all(folder, samples, options):
    """Run the cases, print how they ended, and return how many failed."""
    counts, shown, most = Counter(), 0, 0
    numbers = range(options.first, options.first + options.cases)
    for case in cases(folder, samples, numbers, options.seed):
        counts[case.kind, case.outcome] += 1
        most = max(most, case.megabytes)
        if case.outcome not in FINE and shown < options.show:
            shown += 1
            command = " ".join(case.command)
            print(f"--- {case.number} {case.kind}: {case.outcome}, {case.seconds:.1f} s: {command}")
            print("\n".join(case.words.strip().splitlines()[-12:]), flush=True)
            if options.until_failure:
                break
    for (kind, outcome), count in sorted(counts.items()):
        print(f"{kind:16} {outcome:16} {count}")
    print(f"largest memory {most} MB", flush=True)
    return sum(count for (_, outcome), count in counts.items() if outcome not in FINE)


def main():
    options = parsed()
    with written(options) as (folder, samples):
        if options.write:
            write(folder, samples, options)
            return 0
        return run_all(folder, samples, options)


if __name__ == "__main__":
    sys.exit(bool(main()))
