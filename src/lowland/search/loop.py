"""The single loop of every local search: step, record, stop, remember the best point."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np

from lowland.core.arrays import Vector, check_floats
from lowland.core.damage import reading, require
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError, LowlandError
from lowland.core.promises.capabilities import check_offered
from lowland.core.promises.objectives import Searchable
from lowland.core.results.records import SearchResult, Trace
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import Interruption
from lowland.core.running.stages import announce
from lowland.core.work import counted
from lowland.search.saved_states import check_progress, restored
from lowland.search.stepper import Info, Stepper
from lowland.search.stops import Progress, StopRule

Callback = Callable[[Progress, Vector], Mapping[str, float] | None]

# far above any regular search, which starts near its largest value
DIVERGENCE_FACTOR = 1e8
# seconds between two saves
SAVE_EVERY = 30.0


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything needed to continue a search bit for bit.

    Parameters
    ----------
    solver : str
        Name of the stepper.
    state : dict
        Fields of the stepper's state.
    rng : dict
        State of the bit generator.
    progress : Progress
    best_theta : ndarray
    best_value : float
    """

    solver: str
    state: Mapping[str, Any]
    rng: Mapping[str, Any]
    progress: Progress
    best_theta: Vector
    best_value: float


# saves a search now and then, and its end if it is unfinished; it must write all of the snapshot or nothing
Checkpoint: TypeAlias = Callable[[Snapshot], None]


@public("lowland.search")
def run(
    objective: Searchable,
    stepper: Stepper[Any],
    theta: Vector,
    *,
    stop: StopRule,
    rng: np.random.Generator,
    callbacks: Sequence[Callback] = (),
    checkpoint: Checkpoint | None = None,
    resume: Snapshot | None = None,
) -> SearchResult:
    """Search from a point until a rule fires, and return the best point found.

    Parameters
    ----------
    objective : Objective
    stepper : Stepper
        Its requirements are checked before the first step.
    theta : ndarray, shape (size,)
        The start; it is not changed.
    stop : StopRule
        When to stop. Non-finite values, divergence, stalling and Ctrl-C also stop the search.
    rng : numpy.random.Generator
        All randomness of the search.
    callbacks : sequence of callable
        Called after each step with the progress and the point; what they return is added to the
        trace. They must not change the point.
    checkpoint : callable, optional
        Takes a `Snapshot`; saves the search from time to time, and when it is interrupted.
    resume : Snapshot, optional
        State to continue from; `theta` is then not used.

    Returns
    -------
    SearchResult
        Its stop reason says why the search ended and nothing about optimality.

    Raises
    ------
    UnsupportedError
        If the objective lacks what the stepper needs.
    InvalidInputError
        If the start has the wrong size, or the snapshot is from another solver.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.models import Psd
    >>> from lowland.objectives import make_objective
    >>> from lowland.search import GaussNewton, Iterations, ValueBelow, run
    >>> A, rng = ll.gaussian(60, (5, 5), 0), np.random.default_rng(0)
    >>> objective = make_objective(A, A.measure_matrix(np.ones((5, 5))), Psd((5, 5), 1))
    >>> stop = ValueBelow(1e-15) | Iterations(50)
    >>> result = run(objective, GaussNewton(), rng.standard_normal(5), stop=stop, rng=rng)
    >>> result.converged, abs(result.theta).round(6).tolist()
    (True, [1.0, 1.0, 1.0, 1.0, 1.0])
    """
    if not isinstance(stop, StopRule):
        raise InvalidInputError(
            "stop must be a stop rule",
            type(stop).__name__,
            fix="for instance GradientBelow(1e-6) | Iterations(100)",
        )
    if not (isinstance(callbacks, Sequence) and all(callable(callback) for callback in callbacks)):
        raise InvalidInputError("callbacks must be a list of functions", type(callbacks).__name__)
    for capability in stepper.needs:
        check_offered(objective, capability, stepper.name)
    theta = np.array(theta, dtype=objective.dtype)
    if theta.shape != (objective.size,):
        raise InvalidInputError(
            "theta has the wrong size", f"shape {theta.shape} for {objective.size} parameters"
        )
    search = _Search(objective, stepper, rng)
    with Interruption() as interruption, counted() as work:
        if resume is None:
            search.begin(theta)
        else:
            search.restore(resume)
        ended = search.ended(stop)
        saved_at = time.perf_counter()
        while ended is None:
            if interruption.requested:  # perhaps before this search began
                ended = StopReason.INTERRUPTED, "interrupted"
                break
            search.step(callbacks, checkpoint)
            search.tell(stop.length)
            ended = search.ended(stop)
            if checkpoint is not None and ended is None and time.perf_counter() - saved_at > SAVE_EVERY:
                checkpoint(search.snapshot())
                saved_at = time.perf_counter()
        if checkpoint is not None and ended[0] in _UNFINISHED:
            checkpoint(search.snapshot())
    return search.result(*ended, work.spent)


# draws are kept too: what follows them may be interrupted
_UNFINISHED = (
    StopReason.INTERRUPTED,
    StopReason.ITERATION_LIMIT,
    StopReason.TIME_LIMIT,
    StopReason.DRAWN,
)


class _Search:
    """The loop's own state: the stepper's state, the progress and the best point."""

    def __init__(self, objective: Searchable, stepper: Stepper[Any], rng: np.random.Generator) -> None:
        self.objective, self.stepper, self.rng = objective, stepper, rng
        self.progress = Progress()
        self.started, self.began = time.perf_counter(), time.monotonic()
        self.best_value = float("inf")

    def begin(self, theta: Vector) -> None:
        self.best_theta = theta
        self.state, self.info = self.stepper.init(self.objective, theta, self.rng)
        self._record(())

    def restore(self, snapshot: Snapshot) -> None:
        if snapshot.solver != self.stepper.name:
            raise InvalidInputError(
                "the saved search used another solver", f"{snapshot.solver}, not {self.stepper.name}"
            )
        with reading("the saved search", "search"):
            check_progress(snapshot.progress)
            point = check_floats(snapshot.best_theta, "the saved point", ndim=1)
            known = point.size == self.objective.size and snapshot.best_theta.dtype == self.objective.dtype
            require(known, f"a point of {point.size} {snapshot.best_theta.dtype}")
            begun, _ = self.stepper.init(self.objective, point.copy(), np.random.default_rng(0))
            self.state = restored(begun, snapshot.state)
            self.rng.bit_generator.state = snapshot.rng
        self.progress = copy.deepcopy(snapshot.progress)
        self.started -= self.progress.seconds
        self.best_theta, self.best_value = snapshot.best_theta, snapshot.best_value
        self.info = Info(self.progress.values[-1], self.progress.gradient_norms[-1])

    def step(self, callbacks: Sequence[Callback], checkpoint: Checkpoint | None) -> None:
        before = self.rng.bit_generator.state
        try:
            # overflow has its own stop reason (NON_FINITE) and needs no warning
            with np.errstate(over="ignore", invalid="ignore"):
                self.state, self.info = self.stepper.step(self.objective, self.state, self.rng)
        except LowlandError:  # such as that of a cluster that is gone
            if checkpoint is not None:
                self.rng.bit_generator.state = before
                checkpoint(self.snapshot())
            raise
        self.progress.iteration += 1
        self._record(callbacks)

    def tell(self, known: int) -> None:
        """Announce the iteration to those who listen, of how many if that is known."""
        words, note = f"{self.stepper.name.replace('_', ' ')} iteration", f"objective {self.info.value:.5g}"
        announce(words, self.progress.iteration, known, note, self.began)

    def ended(self, stop: StopRule) -> tuple[StopReason, str] | None:
        value = self.info.value
        if not np.isfinite(value):
            return StopReason.NON_FINITE, f"the objective became {value}"
        # a bound or a log density may be negative
        if value > DIVERGENCE_FACTOR * max(abs(self.progress.values[0]), np.finfo(float).tiny):
            return (
                StopReason.DIVERGED,
                f"the objective rose from {self.progress.values[0]:.3g} to {value:.3g}",
            )
        fired = stop.first(self.progress)
        if fired is None and self.info.stalled:
            return StopReason.STALLED, self.info.stalled
        return fired

    def snapshot(self) -> Snapshot:
        fields = {f.name: getattr(self.state, f.name) for f in dataclasses.fields(self.state) if f.init}
        rng = self.rng.bit_generator.state
        progress = copy.deepcopy(self.progress)
        return Snapshot(self.stepper.name, fields, rng, progress, self.best_theta, self.best_value)

    def result(self, reason: StopReason, message: str, work: float) -> SearchResult:
        p = self.progress
        trace = Trace(
            np.arange(len(p.values)),
            np.array(p.times),
            np.array(p.values),
            {
                "gradient_norm": np.array(p.gradient_norms),
                **{name: np.array(series) for name, series in p.measures.items()},
            },
        )
        return SearchResult(
            theta=self.best_theta,
            value=self.best_value,
            stop_reason=reason,
            message=message,
            iterations=p.iteration,
            seconds=p.seconds,
            solver=self.stepper.name,
            trace=trace,
            state=self.state,
            work=work,
        )

    def _record(self, callbacks: Sequence[Callback]) -> None:
        p, info = self.progress, self.info
        p.seconds = time.perf_counter() - self.started
        p.times.append(p.seconds)
        p.values.append(float(info.value))
        p.gradient_norms.append(float("nan") if info.gradient_norm is None else float(info.gradient_norm))
        for name, number in info.measures.items():
            p.measures.setdefault(name, []).append(float(number))
        if info.value < self.best_value:
            self.best_value, self.best_theta = float(info.value), self.state.theta
        for callback in callbacks:
            for name, number in (callback(p, self.state.theta) or {}).items():
                p.measures.setdefault(name, []).append(float(number))
