"""Dense Tucker decomposition beside tensorly and pyttb: seconds to the fixed point, error, memory.

    python benchmarks/peers/tucker.py [--sizes 100 200 400] [--rank 10]

Noise of a tenth on tensors of that rank. Every fit runs in a process of its own on the tensor read from a file;
memory is its peak beyond that before reading, over the tensor's size. Seconds are the second of two fits, to a
relative error within 1e-6 of the best of all.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def make(n, rank, path):
    rng = np.random.default_rng(0)
    core = rng.standard_normal((rank,) * 3) * np.exp(-np.arange(rank) / 3)[:, None, None]
    tensor = core
    for _ in range(3):
        tensor = np.tensordot(tensor, np.linalg.qr(rng.standard_normal((n, rank)))[0], axes=(0, 1))
    tensor += 0.1 * np.linalg.norm(tensor) / n**1.5 * rng.standard_normal(tensor.shape)
    np.save(path, tensor)


def lowland_fit(tensor, rank):
    import lowland as ll

    return ll.decompose_tucker(tensor, rank, rng=0, certify=False).relative_error


def tensorly_fit(tensor, rank):
    import tensorly
    from tensorly.decomposition import tucker

    core, factors = tucker(tensor, rank=[rank] * 3, n_iter_max=20, tol=1e-8)
    return float(np.linalg.norm(tensorly.tucker_to_tensor((core, factors)) - tensor) / np.linalg.norm(tensor))


def pyttb_fit(tensor, rank):
    import pyttb

    found, *_ = pyttb.tucker_als(pyttb.tensor(tensor), rank, stoptol=1e-8, maxiters=20, printitn=0)
    return float(np.linalg.norm(found.full().data - tensor) / np.linalg.norm(tensor))


FITS = {"lowland": lowland_fit, "tensorly": tensorly_fit, "pyttb": pyttb_fit}


def peak():
    """Megabytes; not those that the parent held when this process was made."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def run_one(name, path, rank):
    FITS[name](np.random.default_rng(0).standard_normal((20, 20, 20)), 2)  # imports and compiled code
    before = peak()
    tensor = np.load(path)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        error = FITS[name](tensor, rank)
        seconds.append(time.perf_counter() - start)
    print(
        json.dumps(
            {
                "seconds": sorted(seconds)[2],
                "error": error,
                "memory": (peak() - before) * 2**20 / tensor.nbytes,
            }
        )
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 200, 400])
    parser.add_argument("--rank", type=int, default=10)
    parser.add_argument("--only", nargs="+", default=list(FITS))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_one(*options.one, options.rank)
        return
    ratios = []
    print("| size | | seconds | relative error | peak memory, tensors |\n|---|---|---|---|---|")
    for n in options.sizes:
        taken = {}
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "tensor.npy")
            make(n, options.rank, path)
            for name in options.only:
                call = [sys.executable, __file__, "--one", name, path, "--rank", str(options.rank)]
                found = subprocess.run(call, capture_output=True, text=True)
                if found.returncode:
                    print(
                        f"| {n} | {name} | failed: {found.stderr.strip().splitlines()[-1][:80]} | | |",
                        flush=True,
                    )
                    continue
                line = json.loads(found.stdout.strip().splitlines()[-1])
                print(
                    f"| {n} | {name} | {line['seconds']:.2f} | {line['error']:.9f} | {line['memory']:.1f} |",
                    flush=True,
                )
                taken[name] = line["seconds"], line["memory"]
        for what, place in (("seconds", 0), ("memory", 1)):
            if {"lowland", "pyttb"} <= set(taken):
                over = taken["lowland"][place] / taken["pyttb"][place]
                ratios.append(f"ratio | Tucker of {n}^3: {what} over pyttb's | {over:.3g} | lower | peer")
    print("\n" + "\n".join(ratios))


if __name__ == "__main__":
    main()
