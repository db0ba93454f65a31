"""Rates of rare exits beside trajectory-adaptive multilevel splitting (pytams), both from the same double well.

    python benchmarks/peers/rare_exits.py [--beta 24] [--runs 8] [--trajectories 100]

The potential is (x^2 - 1)^2 / 4 + y^2 / 2, the exit x >= 0.7 from the left well. pytams estimates the probability of an
exit within a time; the rate is the increase of that probability between two times, which leaves out how a path begins.
Ours is one over the mean exit time of `split_escape`. Both with steps of the same size; means and standard errors over
runs, and the exact rate of the diffusion by quadrature.
"""

import argparse
import logging
import os
import tempfile
import time

import numpy as np

import lowland as ll

STEP, TIMES, LEVEL = 0.01, (6.0, 16.0), 0.7


def model_of(beta):
    from pytams.fmodel import ForwardModelBaseClass

    class DoubleWell(ForwardModelBaseClass):
        """Overdamped steps of the double well; the score is the way along x."""

        def _init_model(self, m_id, params):
            self._state = np.array([-1.0, 0.0])
            self._rng = np.random.default_rng()

        def _advance(self, step, time, dt, noise, need_end_state):
            x, y = self._state
            slope = np.array([x * (x * x - 1), y])
            self._state = self._state - dt * slope + np.sqrt(2 * dt / beta) * noise
            return dt

        def get_current_state(self):
            """Return the position."""
            return self._state

        def set_current_state(self, state):
            """Set the position."""
            self._state = np.array(state)

        def score(self):
            """Return the way, 1 at the exit."""
            return float((self._state[0] + 1) / (LEVEL + 1))

        def make_noise(self):
            """Return the next normals."""
            return self._rng.standard_normal(2)

    return DoubleWell


def probability(beta, end, trajectories):
    """Return the probability of an exit within a time, by pytams."""
    import toml
    from pytams.tams import TAMS

    settings = {
        "tams": {"ntrajectories": trajectories, "nsplititer": 5000, "loglevel": "ERROR"},
        "runner": {"type": "asyncio", "nworker_init": 1, "nworker_iter": 1},
        "trajectory": {"end_time": end, "step_size": STEP, "targetscore": 1.0},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "input.toml")
        with open(path, "w") as file:
            toml.dump(settings, file)
        return float(TAMS(fmodel_t=model_of(beta), a_args=["-i", path]).compute_probability())


def theirs(beta, seed, trajectories):
    early, late = (probability(beta, end, trajectories) for end in TIMES)
    return (late - early) / (TIMES[1] - TIMES[0])


def ours(beta, seed, trajectories):
    study = ll.dynamics.split_escape(
        ll.dynamics.closed_forms.double_well(transverse=[1.0]),
        [-1.0, 0.0],
        exit=ll.dynamics.HalfSpace([1.0, 0.0], LEVEL),
        dynamics=ll.dynamics.Overdamped(STEP, beta),
        n_walkers=trajectories,
        n_runs=8,
        n_excursions=400,
        rng=seed,
    )
    return 1 / study.mean


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beta", type=float, default=24.0)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--trajectories", type=int, default=100)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    exact = 1 / ll.dynamics.mean_exit_time(lambda x: (x**2 - 1) ** 2 / 4, -1.0, LEVEL, options.beta)
    print(
        f"exact rate {exact:.4g}\n\n| method | rate | standard error | over the exact one | seconds per run |\n|---|---|---|---|---|"
    )
    found = {}
    for name, way in {"lowland": ours, "pytams": theirs}.items():
        start = time.perf_counter()
        rates = [way(options.beta, seed, options.trajectories) for seed in range(options.runs)]
        seconds = (time.perf_counter() - start) / options.runs
        error = np.std(rates, ddof=1) / np.sqrt(options.runs)
        found[name] = np.mean(rates), error, seconds
        print(
            f"| {name} | {np.mean(rates):.4g} | {error:.2g} | {np.mean(rates) / exact:.3f} | {seconds:.2f} |",
            flush=True,
        )
    # seconds for the same relative error: errors fall as one over the root of the time
    cost = {name: seconds * (error / mean) ** 2 for name, (mean, error, seconds) in found.items()}
    print(
        f"\nratio | rare exits: seconds of pytams at equal error | {cost['pytams'] / cost['lowland']:.3g} | higher | peer"
    )


if __name__ == "__main__":
    main()
