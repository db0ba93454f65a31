"""Cells of toy experiments, in a module that worker processes load soon."""

import time

import numpy as np

CALLS = []


def toy_cells(quick):
    return [{"seed": seed, "scale": 0.1} for seed in range(3 if quick else 6)]


def toy_run(cell):
    CALLS.append(cell["seed"])
    if cell["seed"] == 4 and len(CALLS) < 6:
        raise KeyboardInterrupt
    return {"number": float(np.random.default_rng(cell["seed"]).random() * cell["scale"]), "good": True}


def slow_run(cell):
    time.sleep(0 if cell["seed"] == 0 else 60)
    return {"number": 1.0}
