"""Ten million generated ratings: seconds, memory, and what pattern and dates add, beside the oracle.

    python benchmarks/scaling/ratings_at_scale.py [--size 10000000] [--only NAME ...] [--taste 1] [--mood 0.35]

71,567 x 10,681 cells as in MovieLens 10M: users and films are chosen with long tails, and films by taste
(`--taste 0`: whatever the taste, so that the pattern tells nothing). A rating is a mean of its user and film,
ten factors, a mood of the user on the day (`--mood 0`: none, so that times tell nothing), and normal noise,
rounded to half stars. A tenth is held out at random. The oracle knows all but the noise.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SHAPE, RANK, NOISE, DAY = (71_567, 10_681), 10, 0.75, 86_400
WAYS = {
    "neither": {"pattern": False},
    "pattern": {"pattern": True},
    "dates": {"pattern": False, "dated": True},
    "both": {"pattern": True, "dated": True},
    "default": {"pattern": "auto", "dated": True},
}


def generate(size, taste, mood, seed=0):
    """Rows, columns, times, ratings and what they are without noise."""
    rng = np.random.default_rng(seed)
    scale = np.sqrt(size / 10_000_000)
    m, n = (max(50, int(scale * length)) for length in SHAPE)
    left, right = (rng.standard_normal((length, RANK)) for length in (m, n))
    strengths = 0.5 / np.sqrt(np.arange(1, RANK + 1))
    left *= strengths
    activity, fame = np.exp(1.1 * rng.standard_normal(m)), np.exp(1.6 * rng.standard_normal(n))
    kept, found = np.zeros(0, np.int64), 0
    while found < size:
        count = 2 * size
        rows = rng.choice(m, count, p=activity / activity.sum())
        columns = rng.choice(n, count, p=fame / fame.sum())
        liking = np.einsum("ij,ij->i", left[rows], right[columns])
        likely = rng.random(count) < 1 / (1 + np.exp(-2 * taste * (liking - 0.5)))
        kept = np.unique(np.concatenate([kept, rows[likely] * n + columns[likely]]))
        found = kept.size
    rows, columns = np.divmod(rng.permutation(kept)[:size], n)
    # each user comes on a few days
    begins = rng.integers(3_000, size=m)[rows]
    days = begins + (rng.exponential(1.0, size) * 3).astype(int)
    moods = np.unique(rows * 8_192 + days, return_inverse=True)[1]
    truth = 3.5 + 0.4 * rng.standard_normal(m)[rows] + 0.4 * rng.standard_normal(n)[columns]
    truth += np.einsum("ij,ij->i", left[rows], right[columns])
    truth += mood * rng.standard_normal(moods.max() + 1)[moods]
    stars = np.clip(np.round(2 * (truth + NOISE * rng.standard_normal(size))) / 2, 0.5, 5)
    times = days * DAY + rng.integers(DAY, size=size)
    return rows, columns, times, stars, truth, (m, n)


def memory(what):
    """Kilobytes of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


def run_one(name, size, taste, mood):
    import lowland as ll

    rows, columns, times, stars, truth, shape = generate(size, taste, mood)
    held = np.random.default_rng(1).random(size) < 0.1
    way = dict(WAYS[name])
    dated = way.pop("dated", False)
    context = {"context": times[~held]} if dated else {}
    before, resident = resource.getrusage(resource.RUSAGE_SELF), memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak of what generated the ratings is forgotten
    start = time.perf_counter()
    table = ll.Observations.from_triples(rows[~held], columns[~held], stars[~held], shape=shape, **context)
    model = ll.MatrixCompletion(certify=False, random_state=0, **way).fit(table)
    seconds = time.perf_counter() - start
    when = {"context": times[held]} if dated else {}
    found = model.predict_cells(rows[held], columns[held], **when)
    after = resource.getrusage(resource.RUSAGE_SELF)
    line = {
        "name": name,
        "rmse": float(np.sqrt(np.mean((found - stars[held]) ** 2))),
        "oracle": float(np.sqrt(np.mean((np.clip(truth[held], 0.5, 5) - stars[held]) ** 2))),
        "seconds": round(seconds, 1),
        "cpu": round(after.ru_utime - before.ru_utime, 1),
        "megabytes": round((memory("VmHWM") - resident) / 1024),
    }
    print(json.dumps(line))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=10_000_000)
    parser.add_argument("--taste", type=float, default=1.0)
    parser.add_argument("--mood", type=float, default=0.35)
    parser.add_argument("--only", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_one(options.one, options.size, options.taste, options.mood)
        return
    print(f"{'':10} RMSE     oracle   seconds   CPU s   MB")
    for name in options.only:
        call = [sys.executable, __file__, "--one", name, "--size", str(options.size)]
        call += ["--taste", str(options.taste), "--mood", str(options.mood)]
        ended = subprocess.run(call, capture_output=True, text=True)  # a process each: memory is its own
        if ended.returncode:
            print(f"{name}: {ended.stderr.strip().splitlines()[-1]}")
            continue
        line = json.loads(ended.stdout.strip().splitlines()[-1])
        print(
            f"{name:10} {line['rmse']:.4f}   {line['oracle']:.4f} {line['seconds']:9.1f} {line['cpu']:7.1f} "
            f"{line['megabytes']:6.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
