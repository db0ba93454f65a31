"""Runs of gradient descent with a constant step: stages, checks, and how each run ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.brief import briefly
from lowland.core.errors import LowlandError
from lowland.core.running.progress import OnProgress, Reporter
from lowland.core.wording import Option, Remedy, Words
from lowland.networks.certificates.sharpness import largest_gauss_newton
from lowland.networks.kernels.descent import DIVERGED, descend
from lowland.networks.network import ReluNetwork, two_layer
from lowland.networks.splines.variation import effective_knots, knots

# steps between two checks
STEPS_PER_CHECK = 2000
# relative change of the mean loss over a chunk below which a run has settled
SETTLED = 1e-7
# fractions of the step size in a warm-up, each for a twentieth of all steps
RAMP = (1 / 16, 1 / 8, 1 / 4, 1 / 2)

# status of runs that give no fit
LOST = ("collapsed", "diverged")


@briefly
@final
@dataclass(frozen=True, eq=False)
class Track:
    """History of runs, one row per check.

    Parameters
    ----------
    steps : ndarray of int, shape (looks,)
    losses : ndarray, shape (looks, runs)
        Mean of the loss since the previous check.
    sharpness : ndarray, shape (looks, runs)
        Largest eigenvalue of the Gauss-Newton part of the Hessian at the check.
    """

    steps: NDArray[np.intp]
    losses: Matrix
    sharpness: Matrix


@briefly
@final
@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of gradient descent, one per row.

    Parameters
    ----------
    parameters : ndarray, shape (runs, 3 k + 1)
        w, b, v, c.
    losses : ndarray, shape (runs,)
        Mean of the loss over the last steps, since it oscillates at the edge of stability.
    status : tuple of str
        "settled", "moving", "collapsed" (no knot is left between data points) or "diverged".
    steps : int
    track : Track or None
        The history, if asked for.
    """

    parameters: Matrix
    losses: Vector
    status: tuple[str, ...]
    steps: int
    track: Track | None = None

    def network(self, run: int) -> ReluNetwork:
        """Return the network of a run."""
        return unpack(self.parameters[run])


def random_starts(count: int, width: int, rng: np.random.Generator) -> Matrix:
    """Return starts for inputs of about one: w ~ N(0, 1), b ~ N(0, 1/4), v ~ N(0, 2/k), c = 0."""
    w, b, v = rng.standard_normal((3, count, width))
    return np.hstack([w, 0.5 * b, np.sqrt(2 / width) * v, np.zeros((count, 1))])


def unpack(parameters: Vector) -> ReluNetwork:
    """Return the network of w, b, v, c in one vector."""
    w, b, v = _split(parameters)
    return two_layer(w[:, None].copy(), b.copy(), v.copy(), float(parameters[-1]))


def _split(parameters: Vector) -> tuple[Vector, Vector, Vector]:
    k = (parameters.size - 1) // 3
    return parameters[:k], parameters[k : 2 * k], parameters[2 * k : 3 * k]


def choose(runs: Runs) -> int:
    """Return the run with the smallest loss among those that kept knots, else among all that are finite.

    Raises
    ------
    LowlandError
        If every run diverged.
    """
    kept = [k for k, word in enumerate(runs.status) if word not in LOST]
    kept = kept or [k for k, word in enumerate(runs.status) if word != "diverged"]
    if not kept:
        raise LowlandError(
            "every run diverged",
            f"{len(runs.status)} runs",
            fix=Remedy(Words("use a smaller ", Option("step_size")), "scale x and y to about one"),
        )
    return min(kept, key=lambda k: runs.losses[k])


@final
@dataclass(frozen=True, eq=False)
class Descent:
    """Data and settings of descent runs; x is ascending.

    Parameters
    ----------
    x : ndarray, shape (n,)
    y : ndarray, shape (n,)
    step_size : float
    warm_up : bool
        Whether runs begin with small steps.
    """

    x: Vector
    y: Vector
    step_size: float
    warm_up: bool = False

    def run(
        self,
        starts: Matrix,
        n_steps: int,
        on_progress: OnProgress | None = None,
        *,
        track: bool = False,
        keep: bool = False,
    ) -> tuple[Runs, str]:
        """Descend until all runs have settled or the steps are used up; return the runs and why they ended.

        Ctrl-C ends it too: with `keep`, the runs so far are returned with the message "interrupted".
        """
        count, parameters = len(starts), starts.copy()
        status = np.zeros(count, np.int8)
        before, settled = np.full(count, np.inf), np.zeros(count, bool)
        losses = before
        looks: list[tuple[int, Vector, Vector]] = []
        done, message = 0, "the steps are used up"
        tell = Reporter(on_progress, n_steps, what="steps of descent")
        try:
            while done < n_steps:
                part, share = _next_part(done, n_steps if self.warm_up else 0)
                part = min(part, n_steps - done)
                losses = descend(self.x, self.y, parameters, share * self.step_size, part, status)
                done += part
                with np.errstate(invalid="ignore"):
                    settled = np.abs(losses - before) <= SETTLED * losses
                before = losses
                if track:
                    looks.append((done, losses, self._sharpness(parameters)))
                tell(done)
                if share == 1.0 and np.all(settled | (status == DIVERGED)):
                    message = "the mean loss no longer changes"
                    break
        except KeyboardInterrupt:
            if not keep:
                raise
            message = "interrupted"
        words = tuple(self._word(parameters[k], status[k], bool(settled[k])) for k in range(count))
        return Runs(parameters, losses, words, done, _as_track(looks) if track else None), message

    def _sharpness(self, parameters: Matrix) -> Vector:
        inputs = self.x[:, None]
        return np.array([largest_gauss_newton(unpack(row), inputs) for row in parameters])

    def _word(self, parameters: Vector, status: int, settled: bool) -> str:
        if status == DIVERGED:
            return "diverged"
        places, jumps = knots(*_split(parameters))
        if not effective_knots(self.x, places, jumps)[0].size:
            return "collapsed"
        return "settled" if settled else "moving"


def _as_track(looks: list[tuple[int, Vector, Vector]]) -> Track:
    steps, losses, sharpness = ([look[part] for look in looks] for part in range(3))
    return Track(np.array(steps, np.intp), np.array(losses), np.array(sharpness))


def _next_part(done: int, total: int) -> tuple[int, float]:
    """Return how many steps to take before the next check, and the warm-up's fraction of the step size.

    `total` is the number of all steps, or 0 without a warm-up.
    """
    stage = total // 20
    if stage and done < stage * len(RAMP):
        at = done // stage
        return min(STEPS_PER_CHECK, stage * (at + 1) - done), RAMP[at]
    return STEPS_PER_CHECK, 1.0
