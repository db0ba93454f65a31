"""Exact completion, 500 x 400, rank 5, three entries a degree of freedom.

python benchmarks/scaling/completion.py [--seeds 20]
"""

import argparse
import time

import numpy as np

import lowland as ll
from lowland.datasets import planted_completion
from lowland.models import General
from lowland.objectives import make_objective
from lowland.sensing.searching.attempt import AttemptInputs
from lowland.sensing.searching.multistart import shrinking_penalty

SHAPE, RANK = (500, 400), 5


def error(factors, truth):
    return np.linalg.norm(factors.matrix() - truth) / np.linalg.norm(truth)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    names = ("default", "random, shrinking penalty", "random, plain alternating")
    errors, seconds = {name: [] for name in names}, dict.fromkeys(names, 0.0)
    for seed in range(seeds):
        instance = planted_completion(SHAPE, RANK, 3.0, seed)
        objective = make_objective(instance.measurement, instance.y, General(SHAPE, RANK))

        def by_default(instance=instance, seed=seed):
            return ll.recover(instance.measurement, instance.y, rank=RANK, rng=seed, certify=False).search

        def shrinking(objective=objective, seed=seed):
            return shrinking_penalty(objective)[1](AttemptInputs(np.random.default_rng(seed)))

        def plain(instance=instance, seed=seed):
            return ll.recover(
                instance.measurement, instance.y, rank=RANK, solver="alternating", start="random", rng=seed,
                certify=False,
            ).search  # fmt: skip

        for name, run in zip(names, (by_default, shrinking, plain), strict=True):
            started = time.perf_counter()
            found = run()
            seconds[name] += time.perf_counter() - started
            errors[name].append(error(objective.matrix(found.theta), instance.truth))
    for name in names:
        good = sum(e <= 1e-8 for e in errors[name])
        print(
            f"{name}: {good} of {seeds} to 1e-8, worst {max(errors[name]):.1e}, {seconds[name] / seeds:.2f} s a run"
        )
    instance = planted_completion(SHAPE, RANK, 3.0, 0)
    for words, keep in (
        ("the mask", np.ones(instance.y.size, dtype=bool)),
        (
            "its two diagonal blocks",
            (instance.measurement.rows < 250) == (instance.measurement.columns < 200),
        ),
    ):
        started = time.perf_counter()
        answer = ll.diagnose(instance.measurement.subset(np.flatnonzero(keep)), rank=RANK)
        cells = answer.open_cells
        across = ((cells[:, 0] < 250) != (cells[:, 1] < 200)).all()
        print(f"{words}: determined_by_data {answer.finite.verdict.name}, {answer.open_cell_count} cells open"
              f"{', all across the blocks' if len(cells) and across else ''}, {time.perf_counter() - started:.1f} s")  # fmt: skip


if __name__ == "__main__":
    main()
