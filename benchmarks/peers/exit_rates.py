"""Mean exit times of two surfaces: direct chains, splitting and the backward equation, beside WESTPA.

    python benchmarks/peers/exit_rates.py [--repeats 8] [--iterations 600]

A double well at an inverse temperature of 20, and the surface of Muller and Brown (times .05) at 2, from its first
minimum into a ball around its second. All simulate the same Euler steps without a Brownian bridge, so that they estimate
the same number; the backward equation is that of small steps. Seconds and steps are compared at equal error: times the
squared relative standard error. WESTPA (weighted ensembles, recycling) runs where it is installed, in one process, with
bins that were not tuned.
"""

import argparse
import importlib.util
import logging
import os
import tempfile
import time
from pathlib import Path

import numpy as np

import lowland as ll

SURFACE = ll.dynamics.potential("muller_brown")
WELL = ll.dynamics.potential("double_well", transverse=[1.0])
# minimum, saddle, minimum, saddle, minimum: progress is the length along the way
WAY = np.stack(
    [SURFACE.minima[0], SURFACE.saddles[0], SURFACE.minima[2], SURFACE.saddles[1], SURFACE.minima[1]]
)
LEGS = np.diff(WAY, axis=0)
LENGTHS = np.hypot(*LEGS.T)


def along_the_way(x):
    """Return how far points are along the way, shape (n,)."""
    share = np.clip(((x[:, None] - WAY[:-1]) * LEGS).sum(axis=2) / LENGTHS**2, 0, 1)
    apart = ((x[:, None] - WAY[:-1] - share[..., None] * LEGS) ** 2).sum(axis=2)
    leg, rows = apart.argmin(axis=1), np.arange(len(x))
    return np.r_[0, np.cumsum(LENGTHS)][leg] + share[rows, leg] * LENGTHS[leg]


CASES = {
    "double well": {
        "potential": WELL,
        "start": np.array([-1.0, 0.0]),
        "exit": ll.dynamics.HalfSpace([1.0, 0.0], 0.7),
        "dynamics": ll.dynamics.Overdamped(0.02, beta=20.0),
        "box": [(-2.0, 1.0), (-2.0, 2.0)],
        "progress": lambda x: x[:, 0],
        "edges": np.linspace(-1, 0.7, 20),
        "together": 10,
        "chains": 10_000,
        "splitting": {},
    },
    "Muller-Brown": {
        "potential": SURFACE,
        "start": SURFACE.minima[0],
        "exit": ll.dynamics.Ball(SURFACE.minima[1], 0.2, inside=True),
        "dynamics": ll.dynamics.Overdamped(1e-3, beta=2.0),
        "box": [(-2.0, 1.5), (-1.0, 2.5)],
        "progress": along_the_way,
        "edges": np.r_[np.linspace(0.0, 0.9, 16), 1.1, 1.4, 1.7, 1.95, 2.1],
        "together": 20,
        "chains": 400,
        "splitting": {"coordinate": along_the_way, "levels": (0.02, 0.35), "n_walkers": 200, "n_runs": 16},
    },
}


def by_equation(case):
    """Return the mean exit time of small steps, an estimate of its error, no steps, and seconds."""
    begun = time.perf_counter()
    solved = ll.dynamics.solve_backward(
        case["potential"], case["dynamics"], exit=case["exit"], box=case["box"]
    )
    mean = float(solved.mean_time(case["start"])[0])
    return mean, mean * float(solved.error(case["start"])[0]), 0, time.perf_counter() - begun


def by_chains(case):
    """Return mean, standard error, steps and seconds of direct chains."""
    study = ll.dynamics.escape_times(
        case["potential"],
        case["start"],
        exit=case["exit"],
        dynamics=case["dynamics"],
        n_chains=case["chains"],
        max_gradient_calls=np.inf,
        bridge=False,
        rng=0,
    )
    return study.mean, study.standard_error, study.gradient_calls, study.seconds


def by_splitting(case):
    """Return mean, standard error, steps and seconds of splitting."""
    study = ll.dynamics.split_escape(
        case["potential"],
        case["start"],
        exit=case["exit"],
        dynamics=case["dynamics"],
        rng=0,
        **case["splitting"],
    )
    found = study.estimate()
    return found.mean, found.standard_error, study.gradient_calls, study.seconds


def by_committor(case):
    """Return mean, standard error, steps and seconds of splitting along the committor of the backward equation."""
    begun = time.perf_counter()
    home = ll.dynamics.Ball(case["start"], 0.25, inside=True)
    solved = ll.dynamics.solve_backward(
        case["potential"], case["dynamics"], exit=case["exit"], home=home, box=case["box"]
    )
    own = {"n_walkers": 200, "n_runs": 16, "coordinate": solved.progress, "levels": (-15.0, -12.0)}
    mean, error, steps, _ = by_splitting({**case, "splitting": own})
    return mean, error, steps, time.perf_counter() - begun


class Ensemble:
    """A weighted ensemble of WESTPA: its system and propagator, and what flowed into the exit set."""

    OUT = 1e3

    def __init__(self, case, iterations, seed):
        from westpa.core.binning import RectilinearBinMapper
        from westpa.core.propagators import WESTPropagator
        from westpa.core.segment import Segment
        from westpa.core.systems import WESTSystem

        self.case, self.iterations, self.seed = case, iterations, seed
        self.rng, self.steps = np.random.default_rng(seed), 0
        self.flow, self.idle = np.zeros(iterations + 2), np.zeros(iterations + 2)
        outer = self

        class System(WESTSystem):
            def initialize(self):
                everywhere = [-np.inf, np.inf]
                self.pcoord_ndim, self.pcoord_len, self.pcoord_dtype = 3, 2, np.float64
                edges = [-np.inf, *case["edges"], outer.OUT - 1, np.inf]
                self.bin_mapper = RectilinearBinMapper([edges, everywhere, everywhere])
                self.bin_target_counts = np.full(self.bin_mapper.nbins, 10, int)

        class Propagator(WESTPropagator):
            def get_pcoord(self, state):
                start = case["start"]
                state.pcoord = np.array([case["progress"](start[None])[0], *start])

            def gen_istate(self, basis_state, initial_state):
                raise NotImplementedError

            def propagate(self, segments):
                points = np.array([segment.pcoord[0, 1:] for segment in segments])
                weights = np.array([segment.weight for segment in segments])
                places, left = outer.advance(points, weights, segments[0].n_iter)
                progress = np.where(left, outer.OUT, case["progress"](places))
                for segment, own, place in zip(segments, progress, places, strict=True):
                    segment.pcoord[1] = (own, *place)
                    segment.status = Segment.SEG_STATUS_COMPLETE
                return segments

        globals()["System"], globals()["Propagator"] = System, Propagator

    def advance(self, x, weights, iteration):
        """Take the steps of an iteration; paths that leave stop."""
        h, beta = self.case["dynamics"].step_size, self.case["dynamics"].beta
        x, live = x.copy(), np.arange(len(x))
        for k in range(self.case["together"]):
            noise = np.sqrt(2 * h / beta) * self.rng.standard_normal((live.size, 2))
            x[live] += noise - h * self.case["potential"].gradient(x[live])
            self.steps += live.size
            left = self.case["exit"].distance(x[live]) <= 0
            gone = weights[live[left]].sum()
            self.flow[iteration] += gone
            self.idle[iteration] += gone * (self.case["together"] - 1 - k) * h
            live = live[~left]
        out = np.ones(len(x), bool)
        out[live] = False
        return x, out

    def run(self, folder):
        """Return the weight that left after a quarter of the iterations, and the time that this took."""
        import westpa
        from westpa.cli.core import w_init, w_run

        rc = westpa.rc
        rc.__init__()
        rc.verbosity, rc.rcfile = "quiet", None
        propagation = {
            "max_total_iterations": self.iterations,
            "propagator": "__main__.Propagator",
            "gen_istates": False,
            "block_size": 100_000,
        }
        data = {"west_data_file": str(Path(folder) / f"{self.seed}.h5"), "aux_compression_threshold": 10**9}
        system, drivers = {"driver": "__main__.System"}, {"module_path": folder}
        west = {"system": system, "drivers": drivers, "plugins": [], "propagation": propagation, "data": data}
        rc.config._data.update({"west": west})
        w_init.initialize([f"exit,{self.OUT},0,0"], None, ["start,1"], None, segs_per_state=10)
        rc.get_we_driver().rng = np.random.default_rng(self.seed + 10**6)
        rc.get_sim_manager().rng = np.random.default_rng(self.seed + 2 * 10**6)
        w_run.run_simulation()
        late = slice(self.iterations // 4 + 1, self.iterations + 1)
        count = self.iterations - self.iterations // 4
        spent = count * self.case["together"] * self.case["dynamics"].step_size - self.idle[late].sum()
        return self.flow[late].sum(), spent


def by_westpa(case, repeats, iterations):
    """Return mean, standard error, steps and seconds of weighted ensembles: the inverse of their mean flux."""
    begun, runs, steps = time.perf_counter(), [], 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(repeats):
            ensemble = Ensemble(case, iterations, seed)
            runs.append(ensemble.run(folder))
            steps += ensemble.steps
    flow, spent = np.array(runs).T
    mean = spent.sum() / flow.sum()
    error = np.sqrt(np.sum((spent - mean * flow) ** 2) / repeats / (repeats - 1)) / flow.mean()
    return mean, error, steps, time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--iterations", type=int, default=600)
    parser.add_argument("--without-direct", action="store_true", help="leave the longest out")
    options = parser.parse_args()
    os.environ["WM_WORK_MANAGER"] = "serial"
    logging.disable(logging.WARNING)
    print(
        "| surface | method | mean exit time | standard error | steps | seconds |\n|---|---|---|---|---|---|"
    )
    ratios = []
    for name, case in CASES.items():
        rows = {
            "backward equation, small steps": by_equation(case),
            "splitting": by_splitting(case),
            "splitting along the committor": by_committor(case),
        }
        if not options.without_direct:
            rows["direct chains"] = by_chains(case)
        if importlib.util.find_spec("westpa"):
            rows["WESTPA"] = by_westpa(case, options.repeats, options.iterations)
        for label, (mean, error, steps, seconds) in rows.items():
            print(f"| {name} | {label} | {mean:.5g} | {error:.2g} | {steps:.3g} | {seconds:.3g} |")
        if "WESTPA" not in rows:
            continue
        work = {
            label: np.array([steps, seconds]) * (error / mean) ** 2
            for label, (mean, error, steps, seconds) in rows.items()
            if steps
        }
        for label in ("splitting", "splitting along the committor"):
            less = work["WESTPA"] / work[label]
            for kind, ratio in zip(("steps", "seconds"), less, strict=True):
                said = f"WESTPA's {kind} over those of {label} at equal error"
                ratios.append(f"ratio | exit rates, {name}: {said} | {ratio:.3g} | higher | peer")
            a, b = rows["WESTPA"], rows[label]
            apart = abs(np.log(a[0] / b[0])) / np.hypot(a[1] / a[0], b[1] / b[0])
            print(f"\n{name}: WESTPA and {label} are {apart:.2f} standard errors apart\n")
    print("\n" + "\n".join(ratios))


if __name__ == "__main__":
    main()
