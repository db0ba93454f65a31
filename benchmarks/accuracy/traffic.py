"""An invented traffic tensor with gaps beside masked fits of other packages, nothing of ours tuned.

    python benchmarks/accuracy/traffic.py [--sensors 100] [--days 28] [--slots 144] [--splits 2]
                                          [--gaps cells fibres days] [--ways NAME ...]

Speeds of sensors by day and time of day: congestion at two peaks on working days, depths that differ by sensor and day,
incidents that spread to the next sensors, noise that differs by sensor. Hidden are 40 % of the cells, 40 % of the days
of sensors, or whole days of all of them. Errors are root mean squares in units of the speed; the share of hidden cells
within our 50 and 90 % intervals; seconds.
"""

import argparse
import logging
import time
import warnings

import numpy as np

from tensors import Averages, best_table, halrtc, means, pyttb_gcp, tensorly_cp, tensorly_tucker

GAPS = ("cells", "fibres", "days")
INCIDENTS_PER_DAY, WORKING_DAYS = 12, 5


def traffic(sensors, days, slots, rng):
    """Return speeds, shape (sensors, days, slots)."""
    time_of_day, weekday = np.arange(slots) * 24 / slots, np.arange(days) % 7
    working = (weekday < WORKING_DAYS).astype(float)
    free = rng.normal(60, 8, sensors)[:, None, None]
    depths = rng.gamma(2, 7, (2, sensors))[:, :, None, None]
    strength = (0.15 + 0.85 * working + 0.15 * rng.standard_normal((2, days)))[:, None, :, None]
    shifts = rng.normal(0, 0.3, (2, sensors))[:, :, None, None]
    peaks = np.array([8.0, 17.5])[:, None, None, None] + shifts
    dips = depths * strength * np.exp(-(((time_of_day - peaks) / 1.6) ** 2))
    night = 4 * np.cos(2 * np.pi * (time_of_day - 3) / 24)
    speeds = free - dips.sum(axis=0) + night
    for day in range(days):
        for _ in range(rng.poisson(INCIDENTS_PER_DAY)):
            sensor, start = rng.integers(sensors), rng.integers(slots)
            length, depth = int(rng.gamma(2, slots / 48)) + 1, rng.gamma(2, 8)
            for away in range(3):  # queues reach the next sensors later, and weaker
                place, first = sensor + away, start + away * slots // 144
                if place < sensors:
                    speeds[place, day, first : first + length] -= depth * 0.6**away
    return speeds + rng.gamma(4, 0.4, sensors)[:, None, None] * rng.standard_normal(speeds.shape)


def hide(shape, gaps, rng):
    """Return which cells are hidden."""
    if gaps == "cells":
        return rng.random(shape) < 0.4
    if gaps == "fibres":
        return np.broadcast_to((rng.random(shape[:2]) < 0.4)[:, :, None], shape)
    days = np.zeros(shape[1], bool)
    days[rng.choice(shape[1], max(1, shape[1] // 7), replace=False)] = True
    return np.broadcast_to(days[None, :, None], shape)


# told that days and times are in order
OURS = Averages({1: ("line", 7), 2: "line"})
METHODS = {
    "lowland": OURS,
    "lowland, no order": Averages(),
    "tensorly Tucker": tensorly_tucker,
    "tensorly CP": tensorly_cp,
    "pyttb GCP": pyttb_gcp,
    "HaLRTC": halrtc,
    "best table": best_table,
    "means": means,
}


def error_of(method, tensor, hidden):
    """Return the error and the seconds; none if it fails, as most do on days without any cell."""
    start = time.perf_counter()
    try:
        error = np.sqrt(np.mean((method(tensor, ~hidden) - tensor)[hidden] ** 2))
    except Exception as failure:
        print(str(failure)[:100].replace("\n", " "))
        error = np.nan
    return error, time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sensors", type=int, default=100)
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--slots", type=int, default=144)
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--gaps", nargs="+", default=list(GAPS), choices=GAPS)
    parser.add_argument("--ways", nargs="+", default=list(METHODS), choices=list(METHODS))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # pyttb warns of every copy
    methods = {name: METHODS[name] for name in options.ways}
    print(f"| hidden | {' | '.join(methods)} | inside 50/90 % |\n|" + "---|" * (2 + len(methods)))
    for gaps in options.gaps:
        found, OURS.inside = {name: [] for name in methods}, []
        for seed in range(options.splits):
            rng = np.random.default_rng(seed)
            tensor = traffic(options.sensors, options.days, options.slots, rng)
            hidden = hide(tensor.shape, gaps, rng)
            for name, method in methods.items():
                found[name].append(error_of(method, tensor, hidden))
        shown = [
            f"{np.mean([e for e, _ in own]):.3f} ({np.median([s for _, s in own]):.0f} s)"
            for own in found.values()
        ]
        inside = "/".join(f"{part:.2f}" for part in np.mean(OURS.inside, axis=0)) if OURS.inside else ""
        print(f"| {gaps} | {' | '.join(shown)} | {inside} |", flush=True)


if __name__ == "__main__":
    main()
