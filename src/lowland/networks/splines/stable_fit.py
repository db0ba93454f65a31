"""`fit_stable`: univariate regression by gradient descent with a large constant step, from many starts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.notebooks import lines_html
from lowland.core.parameter_checks import check_positive, whole_number
from lowland.core.random import RandomSource, make_generator
from lowland.core.results.shown import Shown
from lowland.core.running.interrupt import Interruptible
from lowland.core.running.progress import OnProgress
from lowland.networks.network import ReluNetwork, check_targets
from lowland.networks.splines.descent import LOST, Descent, Runs, choose, random_starts
from lowland.networks.splines.stability import StabilityReport, check_univariate, stability_report
from lowland.report.reported import Reported

if TYPE_CHECKING:
    from lowland.report.page import Page

# how often runs that lost all their knots, or diverged, are restarted
RESTARTS = 3


@public("lowland.networks")
@final
@dataclass(frozen=True, eq=False, repr=False)
class StableFit(Shown, Reported):
    """A regression by gradient descent with a large constant step.

    Parameters
    ----------
    network : ReluNetwork
        Network of the run with the smallest loss among those that kept their knots, else of the best run.
    x, y : ndarray, shape (n,)
    step_size : float
    runs : Runs
        All runs; restarted ones are shown with their last restart.
    best : int
        Index of the chosen run.
    collapsed, diverged : int
        Starts that lost all knots between data points, or diverged, including those that were restarted.
    restarts : int
        Number of restarts.
    stability : StabilityReport
        Report on the chosen network.
    seconds : float
    message : str
        Why descent ended.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> x = np.linspace(-1, 1, 40)
    >>> y = np.abs(x) + 0.1 * np.random.default_rng(0).standard_normal(40)
    >>> fit = ll.networks.fit_stable(x, y, step_size=0.4, width=20, n_runs=4, n_steps=5000, rng=0)
    >>> bool(np.abs(fit([-0.5, 0.5]) - 0.5).max() < 0.2), fit.message
    (True, 'the steps are used up')
    >>> fit.stability.sharpness.largest < 1.02 * fit.stability.limit, fit.knots.size < 20
    (True, True)
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
        """Knots that the data can resolve."""
        return self.stability.effective[0]

    def __repr__(self) -> str:
        return f"<StableFit: {self.knots.size} knots, step size {self.step_size:g}, {self.message}>"

    def _lines(self) -> list[str]:
        counts = ", ".join(f"{self.runs.status.count(word)} {word}" for word in sorted(set(self.runs.status)))
        again = f", {self.restarts} restarts" if self.restarts else ""
        return [
            f"{len(self.runs.status)} runs of {self.runs.steps} steps of {self.step_size:g} "
            f"({counts}{again}) in {self.seconds:.2g} s; {self.message}",
            *str(self.stability).splitlines(),
        ]

    def _repr_html_(self) -> str:
        return lines_html(type(self).__name__, self._lines()[:1]) + self.stability._repr_html_()

    def _page(self) -> Page:
        from lowland.networks.splines.pages import fit_page

        return fit_page(self)


@public("lowland.networks")
@Interruptible()
def fit_stable(  # noqa: PLR0913
    x: ArrayLike,
    y: ArrayLike,
    *,
    step_size: float,
    width: int = 100,
    n_runs: int = 8,
    n_steps: int = 100_000,
    restart: bool = True,
    warm_up: bool = False,
    track: bool = False,
    rng: RandomSource = None,
    on_progress: OnProgress | None = None,
) -> StableFit:
    """Fit a two-layer ReLU network of one input by gradient descent with a constant step.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Data, scaled so that x is about one: the step size depends on units.
    step_size : float
        The step size eta. Large steps can only settle on functions with few, well-supported knots.
    width : int
        Number k of neurons.
    n_runs : int
        Number of random starts.
    n_steps : int
        Largest number of steps per run; descent ends earlier if all runs have settled.
    restart : bool
        Whether runs that lose all knots between data points, or diverge, are restarted, at most three
        times.
    warm_up : bool
        Begin with a sixteenth of the step and double it four times in the first fifth of the steps: fewer
        runs are thrown far off at first, and more knots survive. The limits at rest are those of the full
        step all the same.
    track : bool
        Whether to record losses and sharpness of the first starts in `runs.track`: O(n^2 (k + n)) more for
        each check and run.
    rng : int, Generator or None
    on_progress : callable, optional
        Takes steps done, all steps, and seconds since the start.

    Returns
    -------
    StableFit
        After Ctrl-C the fit so far, with the message "interrupted".

    Raises
    ------
    InvalidInputError
        If there are fewer than three data points, or a setting is out of range.
    LowlandError
        If every run diverged.

    Notes
    -----
    The loss is 1/(2 n) sum (f - y)^2, and all 3 k + 1 parameters are trained. Inputs are sorted, so a step
    costs O(n + k) by running sums. The same seed gives the same numbers on any number of threads.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(-1, 1, 60)
    >>> y = 1 - 2 * np.abs(x) + 0.1 * rng.standard_normal(60)
    >>> fit = ll.networks.fit_stable(x, y, step_size=0.4, rng=0)
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
    task = Descent(inputs[order], values[order], float(step_size), bool(warm_up))
    runs, message = task.run(
        random_starts(n_runs, width, generator), n_steps, on_progress, track=track, keep=True
    )
    lost = [word for word in runs.status if word in LOST]
    restarts = 0
    for _ in range(RESTARTS if restart else 0):
        again = [k for k, word in enumerate(runs.status) if word in LOST]
        if not again or message == "interrupted":
            break
        restarts += len(again)
        fresh, message = task.run(
            random_starts(len(again), width, generator), n_steps, on_progress, keep=True
        )
        lost += [word for word in fresh.status if word in LOST]
        runs = _replaced(runs, again, fresh)
    best = choose(runs)
    network = runs.network(best)
    return StableFit(
        network=network,
        x=inputs,
        y=values,
        step_size=float(step_size),
        runs=runs,
        best=best,
        collapsed=lost.count("collapsed"),
        diverged=lost.count("diverged"),
        restarts=restarts,
        stability=stability_report(network, inputs, values, step_size),
        seconds=time.perf_counter() - started,
        message=message,
    )


def _replaced(runs: Runs, places: list[int], fresh: Runs) -> Runs:
    parameters, losses, words = runs.parameters.copy(), runs.losses.copy(), list(runs.status)
    for k, place in enumerate(places):
        parameters[place], losses[place], words[place] = fresh.parameters[k], fresh.losses[k], fresh.status[k]
    return Runs(parameters, losses, tuple(words), max(runs.steps, fresh.steps), runs.track)
