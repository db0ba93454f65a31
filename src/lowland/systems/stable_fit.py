"""`fit_stable`: univariate regression by gradient descent with a large constant step, many starts at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.certify.sharpness import largest_gauss_newton
from lowland.certify.variation import effective_knots, knots
from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import LowlandError
from lowland.core.networks import ReluNetwork, check_targets, two_layer
from lowland.core.numbers import check_positive, whole_number
from lowland.core.random import RandomSource, make_generator
from lowland.kernels.relu_descent import DIVERGED, descend
from lowland.systems.stability import StabilityReport, check_univariate, stability_report

# steps between two looks
CHUNK = 2000
# relative change of the mean loss over a chunk below which a run has settled
SETTLED = 1e-7
# parts of the step size that a warm-up takes, a twentieth of all steps each
RAMP = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
# how often runs that lost all their knots, or exploded, are started again
RESTARTS = 3

Progress = Callable[[int, int, float], None]


@final
@dataclass(frozen=True, eq=False)
class Track:
    """What runs did on the way, a row a look.

    Parameters
    ----------
    steps : ndarray of int, shape (looks,)
    losses : ndarray, shape (looks, runs)
        Mean of the loss since the look before.
    sharpness : ndarray, shape (looks, runs)
        Largest eigenvalue of the Gauss-Newton part of the Hessian at the look.
    """

    steps: NDArray[np.intp]
    losses: Matrix
    sharpness: Matrix


@final
@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of gradient descent, one a row.

    Parameters
    ----------
    parameters : ndarray, shape (runs, 3 k + 1)
        w, b, v, c.
    losses : ndarray, shape (runs,)
        Mean of the loss over the last steps: it oscillates at the edge of stability.
    status : tuple of str
        "settled", "moving", "collapsed" (no knot is left between data points) or "diverged".
    steps : int
    track : Track or None
        Where it was asked for.
    """

    parameters: Matrix
    losses: Vector
    status: tuple[str, ...]
    steps: int
    track: Track | None = None

    def network(self, run: int) -> ReluNetwork:
        """Return the network of a run."""
        return unpack(self.parameters[run])


@final
@dataclass(frozen=True, eq=False)
class StableFit:
    """A regression by gradient descent with a large constant step.

    Parameters
    ----------
    network : ReluNetwork
        Of the run with the least loss among those that kept their knots, else of the best run.
    x, y : ndarray, shape (n,)
    step_size : float
    runs : Runs
        All starts, those that were started again as they ended.
    best : int
        Number of the run chosen.
    collapsed, diverged : int
        Starts that lost all knots between data points, or exploded, those started again among them.
    restarts : int
        How many starts were made again.
    stability : StabilityReport
        Of the network chosen.
    seconds : float
    message : str
        Why descent ended.
    """

    network: ReluNetwork
    x: Vector
    y: Vector
    step_size: float
    runs: Runs
    best: int
    collapsed: int
    diverged: int
    restarts: int
    stability: StabilityReport
    seconds: float
    message: str

    def __call__(self, t: ArrayLike) -> Vector:
        """Return the fitted function at t."""
        return self.network(np.asarray(t, dtype=float).reshape(-1)).reshape(np.shape(t))

    @property
    def knots(self) -> Vector:
        """Knots that data can tell apart."""
        return self.stability.effective[0]

    def __str__(self) -> str:
        counts = ", ".join(f"{self.runs.status.count(word)} {word}" for word in sorted(set(self.runs.status)))
        again = f", {self.restarts} started again" if self.restarts else ""
        return (
            f"{len(self.runs.status)} runs of {self.runs.steps} steps of {self.step_size:g} "
            f"({counts}{again}) in {self.seconds:.2g} s; {self.message}\n{self.stability}"
        )

    def report(self, path: str | PathLike[str]) -> None:
        """Write an HTML page."""
        from lowland.report.page import write_report
        from lowland.systems.stable_pages import fit_page

        write_report(path, fit_page(self))


def fit_stable(  # noqa: PLR0913
    x: ArrayLike,
    y: ArrayLike,
    *,
    step_size: float,
    width: int = 100,
    n_runs: int = 8,
    n_steps: int = 100_000,
    restart: bool = True,
    warmup: bool = False,
    track: bool = False,
    rng: RandomSource = None,
    callback: Progress | None = None,
) -> StableFit:
    """Fit a two-layer ReLU network of one input by gradient descent with a constant step.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Data in units in which x is about one: the step size is not free of units.
    step_size : float
        eta. Large steps can only settle on functions with few, well supported knots.
    width : int
        Neurons k.
    n_runs : int
        Random starts.
    n_steps : int
        Steps of each at most; ended before where all runs have settled.
    restart : bool
        Whether runs that lose all knots between data points, or explode, are started again, three times at
        most.
    warmup : bool
        Begin with a sixteenth of the step and double it four times in the first fifth of the steps: fewer
        runs are thrown far off at first, and more knots survive. Where the descent rests is bound by the step
        all the same.
    track : bool
        Whether to keep losses and sharpness of the first starts on the way, in `runs.track`: O(n^2 (k + n))
        more for each look and run.
    rng : int, Generator or None
    callback : callable, optional
        Takes steps done, all steps, and seconds since the start.

    Returns
    -------
    StableFit

    Raises
    ------
    InvalidInputError
        If there are fewer than three data points, or a setting is out of range.
    LowlandError
        If every run exploded.

    Notes
    -----
    The loss is 1/(2 n) sum (f - y)^2 and all 3 k + 1 numbers are trained. Inputs are sorted, so that a step
    costs O(n + k) by running sums. The same seed gives the same numbers on any number of threads.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(-1, 1, 60)
    >>> y = 1 - 2 * np.abs(x) + 0.1 * rng.standard_normal(60)
    >>> fit = ll.fit_stable(x, y, step_size=0.4, rng=0)
    >>> fit.knots.size <= 8, fit.stability.sharpness.largest <= 1.02 * fit.stability.limit
    (True, True)
    """
    inputs = check_univariate(x)
    values = check_targets(y, inputs.size)
    check_positive("step_size", step_size)
    for name, number in (("width", width), ("n_runs", n_runs), ("n_steps", n_steps)):
        whole_number(number, name, 1)
    generator = make_generator(rng)
    started = time.perf_counter()
    order = np.argsort(inputs, kind="stable")
    size = np.full(1, float(step_size))
    task = Descent(inputs[order], values[order][None], None, size, np.full(1, bool(warmup)))
    runs, message = task.run(random_starts(n_runs, width, generator), n_steps, callback, track=track)
    lost = [word for word in runs.status if word in ("collapsed", "diverged")]
    restarts = 0
    for _ in range(RESTARTS if restart else 0):
        again = [k for k, word in enumerate(runs.status) if word in ("collapsed", "diverged")]
        if not again or message == "interrupted":
            break
        restarts += len(again)
        fresh, message = task.run(random_starts(len(again), width, generator), n_steps, callback)
        lost += [word for word in fresh.status if word in ("collapsed", "diverged")]
        runs = _replaced(runs, again, fresh)
    best = choose(runs)
    network = runs.network(best)
    return StableFit(
        network,
        inputs,
        values,
        float(step_size),
        runs,
        best,
        lost.count("collapsed"),
        lost.count("diverged"),
        restarts,
        stability_report(network, inputs, values, step_size),
        time.perf_counter() - started,
        message,
    )


def random_starts(count: int, width: int, rng: np.random.Generator) -> Matrix:
    """Return starts for inputs of about one: w ~ N(0, 1), b ~ N(0, 1/4), v ~ N(0, 2/k), c = 0."""
    w, b, v = rng.standard_normal((3, count, width))
    return np.hstack([w, 0.5 * b, np.sqrt(2 / width) * v, np.zeros((count, 1))])


def unpack(parameters: Vector) -> ReluNetwork:
    """Return the network of w, b, v, c in one vector."""
    k = (parameters.size - 1) // 3
    w, b, v = parameters[:k], parameters[k : 2 * k], parameters[2 * k : 3 * k]
    return two_layer(w[:, None].copy(), b.copy(), v.copy(), float(parameters[-1]))


def choose(runs: Runs) -> int:
    """Return the run with the least loss among those that kept their knots, else among all that are finite.

    Raises
    ------
    LowlandError
        If every run exploded.
    """
    kept = [k for k, word in enumerate(runs.status) if word not in ("collapsed", "diverged")]
    kept = kept or [k for k, word in enumerate(runs.status) if word != "diverged"]
    if not kept:
        raise LowlandError("every run exploded", f"{len(runs.status)} runs", fix="take a smaller step_size")
    return min(kept, key=lambda k: runs.losses[k])


@final
@dataclass(frozen=True, eq=False)
class Descent:
    """Data that runs descend on; x ascends.

    Parameters
    ----------
    x : ndarray, shape (n,)
    y : ndarray, shape (n,), (1, n) or (runs, n)
    weights : ndarray, shape (runs, n), or None
        Of data points, summing to 1 in each run; equal by default.
    step_sizes : ndarray, shape (1,) or (runs,)
    warmup : ndarray of bool, shape (1,) or (runs,)
        Whether a run begins with small steps.
    """

    x: Vector
    y: Matrix
    weights: Matrix | None
    step_sizes: Vector
    warmup: NDArray[np.bool_]

    def run(
        self, starts: Matrix, n_steps: int, callback: Progress | None = None, *, track: bool = False
    ) -> tuple[Runs, str]:
        """Descend until all runs have settled, the steps are used up, or Ctrl-C; returns why."""
        count, n = len(starts), self.x.size
        parameters = starts.copy()
        shape = (count, n)
        y = np.ascontiguousarray(np.broadcast_to(self.y, shape))
        weights = np.full(shape, 1 / n) if self.weights is None else np.ascontiguousarray(self.weights)
        sizes = np.broadcast_to(self.step_sizes, (count,)).astype(float)
        status = np.zeros(count, np.int8)
        before, settled = np.full(count, np.inf), np.zeros(count, bool)
        losses = before
        looks: list[tuple[int, Vector, Vector]] = []
        done, message, started = 0, "the steps are used up", time.perf_counter()
        try:
            while done < n_steps:
                part, share = _next_part(done, n_steps if self.warmup.any() else 0)
                part = min(part, n_steps - done)
                now = np.where(self.warmup, share, 1.0) * sizes
                losses = descend(self.x, y, weights, parameters, now, part, status)
                done += part
                with np.errstate(invalid="ignore"):
                    settled = np.abs(losses - before) <= SETTLED * losses
                before = losses
                if track:
                    looks.append((done, losses, self._sharpness(parameters)))
                if callback is not None:
                    callback(done, n_steps, time.perf_counter() - started)
                if share == 1.0 and np.all(settled | (status == DIVERGED)):
                    message = "the mean loss no longer changes"
                    break
        except KeyboardInterrupt:
            message = "interrupted"
        words = tuple(
            self._word(parameters[k], weights[k], status[k], bool(settled[k])) for k in range(count)
        )
        return Runs(parameters, losses, words, done, _as_track(looks) if track else None), message

    def _sharpness(self, parameters: Matrix) -> Vector:
        inputs = self.x[:, None]
        return np.array([largest_gauss_newton(unpack(row), inputs) for row in parameters])

    def _word(self, parameters: Vector, weights: Vector, status: Any, settled: bool) -> str:
        if status == DIVERGED:
            return "diverged"
        k = (parameters.size - 1) // 3
        places, jumps = knots(parameters[:k], parameters[k : 2 * k], parameters[2 * k : 3 * k])
        if not effective_knots(self.x[weights > 0], places, jumps)[0].size:
            return "collapsed"
        return "settled" if settled else "moving"


def _as_track(looks: list[tuple[int, Vector, Vector]]) -> Track:
    steps, losses, sharpness = ([look[part] for look in looks] for part in range(3))
    return Track(np.array(steps, np.intp), np.array(losses), np.array(sharpness))


def _next_part(done: int, total: int) -> tuple[int, float]:
    """Return how many steps to take before the next look, and the part of the step size in a warm-up.

    `total` is the number of steps that has a warm-up, 0 for none.
    """
    stage = total // 20
    if stage and done < stage * len(RAMP):
        at = done // stage
        return min(CHUNK, stage * (at + 1) - done), RAMP[at]
    return CHUNK, 1.0


def _replaced(runs: Runs, places: list[int], fresh: Runs) -> Runs:
    parameters, losses, words = runs.parameters.copy(), runs.losses.copy(), list(runs.status)
    for k, place in enumerate(places):
        parameters[place], losses[place], words[place] = fresh.parameters[k], fresh.losses[k], fresh.status[k]
    return Runs(parameters, losses, tuple(words), max(runs.steps, fresh.steps), runs.track)
