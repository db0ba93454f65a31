"""Stop rules. They compose with ``|`` (either) and ``&`` (both) and hold no state of their own."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import final

import numpy as np

from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.results.status import StopReason


@final
@dataclass
class Progress:
    """History of the loop so far, for rules and callbacks.

    Parameters
    ----------
    iteration : int
        Steps taken.
    seconds : float
        Wall time, including earlier runs of a resumed search.
    values, gradient_norms : list of float
        One entry per step, the start first; a missing gradient norm is NaN.
    times : list of float
        Seconds at each entry.
    measures : dict of str to list of float
        Further series; shorter than `values` if a callback does not measure at every step.
    """

    iteration: int = 0
    seconds: float = 0.0
    values: list[float] = field(default_factory=list)
    gradient_norms: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    measures: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class StopRule:
    """A rule; `fired` returns a message when it fires, else an empty text."""

    def __post_init__(self) -> None:
        for field_ in fields(self):
            value = getattr(self, field_.name)
            if field_.type == "int" and (isinstance(value, bool) or not isinstance(value, int | np.integer)):
                raise InvalidInputError(f"{field_.name} must be an integer", repr(value))
            if field_.type in ("int", "float") and not value >= (field_.name in ("window", "patience")):
                raise InvalidInputError(
                    f"{field_.name} is too small", repr(value), fix="pass a larger number"
                )

    @property
    def reason(self) -> StopReason:
        """The stop reason if the rule fires: CONVERGED, unless a rule says otherwise."""
        return StopReason.CONVERGED

    @property
    def length(self) -> int:
        """The number of iterations, where nothing else can end the search; 0 if it is not known."""
        return 0

    def fired(self, progress: Progress) -> str:
        """Return why the search should stop now, or an empty text."""
        raise TypeError("a stop rule must define `fired`")

    def __or__(self, other: StopRule) -> StopRule:
        return EitherRule(self, other)

    def __and__(self, other: StopRule) -> StopRule:
        return BothRules(self, other)

    def first(self, progress: Progress) -> tuple[StopReason, str] | None:
        """Return the reason and message of the rule that fires, or None."""
        words = self.fired(progress)
        return (self.reason, words) if words else None


@final
@dataclass(frozen=True)
class EitherRule(StopRule):
    """Fires when one of two rules does, with that rule's reason."""

    left: StopRule
    right: StopRule

    @property
    def reason(self) -> StopReason:
        """The left rule's reason; `first` gives that of the rule that fired."""
        return self.left.reason

    def fired(self, progress: Progress) -> str:
        """Return the message of the first rule that fires."""
        return self.left.fired(progress) or self.right.fired(progress)

    def first(self, progress: Progress) -> tuple[StopReason, str] | None:
        """Return the reason and message of the rule that fires."""
        return self.left.first(progress) or self.right.first(progress)


@final
@dataclass(frozen=True)
class BothRules(StopRule):
    """Fires when both rules do; it means convergence only if both mean it."""

    left: StopRule
    right: StopRule

    @property
    def reason(self) -> StopReason:
        """CONVERGED if both reasons are, otherwise the one that is not."""
        return self.right.reason if self.left.reason is StopReason.CONVERGED else self.left.reason

    def fired(self, progress: Progress) -> str:
        """Return both rules' messages, or an empty text."""
        left, right = self.left.fired(progress), self.right.fired(progress)
        return f"{left}; {right}" if left and right else ""


@public("lowland.search")
@final
@dataclass(frozen=True)
class GradientBelow(StopRule):
    """Convergence: the gradient norm fell below `tolerance` times the largest so far.

    It does not fire before the first step, which leaves a saddle that is the start.

    Parameters
    ----------
    tolerance : float
        Relative to the largest gradient norm of the search.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import GradientBelow
    >>> A, plan = ll.gaussian(60, (5, 5), 0), dict(rank=1, structure="psd", solver="gradient", rng=0)
    >>> fit = ll.recover(A, A.measure_matrix(np.ones((5, 5))), stop=GradientBelow(1e-3), **plan)
    >>> norms = fit.search.trace.measures["gradient_norm"]
    >>> fit.search.converged, bool(norms[-1] <= 1e-3 * norms.max() < norms[-2])
    (True, True)
    """

    tolerance: float

    def fired(self, progress: Progress) -> str:
        """Compare the last gradient norm with the largest."""
        seen = [g for g in progress.gradient_norms if np.isfinite(g)]
        if (
            not seen
            or progress.iteration == 0
            or not progress.gradient_norms[-1] <= self.tolerance * max(seen)
        ):
            return ""
        return f"gradient norm {seen[-1]:.3g} is below {self.tolerance:g} of the largest so far"


@public("lowland.search")
@final
@dataclass(frozen=True)
class RelativeDecreaseBelow(StopRule):
    """Convergence: over `window` steps the value fell by less than `tolerance` of itself.

    Steps up to `after` are ignored: during a warm-up the value may fall slowly or even rise.

    Parameters
    ----------
    tolerance : float
    window : int
        Steps over which the decrease is measured.
    after : int
        Steps before which the rule does not fire.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import RelativeDecreaseBelow
    >>> A, plan = ll.gaussian(60, (5, 5), 0), dict(rank=1, structure="psd", solver="gradient", rng=0)
    >>> fit = ll.recover(A, np.ones(60), stop=RelativeDecreaseBelow(1e-3, window=2), **plan)
    >>> fit.search.message
    'the objective fell by less than 0.001 of itself over 2 steps'
    """

    tolerance: float
    window: int = 1
    after: int = 0

    def fired(self, progress: Progress) -> str:
        """Compare the value with the one `window` steps ago."""
        if progress.iteration < self.after + self.window:
            return ""
        before, now = progress.values[-1 - self.window], progress.values[-1]
        if not before - now <= self.tolerance * abs(now):
            return ""
        steps = "the last step" if self.window == 1 else f"{self.window} steps"
        return f"the objective fell by less than {self.tolerance:g} of itself over {steps}"


@final
@dataclass(frozen=True)
class NoLowerValue(StopRule):
    """Convergence of a search that may rise: no value of the last `window` is lower than all before.

    Lower by `tolerance` of itself, that is.
    """

    tolerance: float
    window: int

    def fired(self, progress: Progress) -> str:
        """Compare the least of the last values with the least before."""
        if progress.iteration < self.window:
            return ""
        before, now = min(progress.values[: -self.window]), min(progress.values[-self.window :])
        if not before - now <= self.tolerance * abs(now):
            return ""
        return f"no objective of the last {self.window} steps is lower by {self.tolerance:g}"


@final
@dataclass(frozen=True)
class ChangeBelow(StopRule):
    """Convergence: with priors held, a sweep changed predictions by less than this share of their spread."""

    tolerance: float

    def fired(self, progress: Progress) -> str:
        """Look at the last change."""
        held, change = (progress.measures.get(name, [0.0])[-1] for name in ("priors held", "change"))
        if not (held and change < self.tolerance):
            return ""
        return f"the last sweep changed predictions by {change:.2g} of their standard deviation"


@public("lowland.search")
@final
@dataclass(frozen=True)
class ValueBelow(StopRule):
    """Convergence: the value fell to `threshold` or below, for problems whose minimum value is known.

    Parameters
    ----------
    threshold : float
        In units of the objective.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import ValueBelow
    >>> A, plan = ll.gaussian(60, (5, 5), 0), dict(rank=1, structure="psd", solver="gradient", rng=0)
    >>> fit = ll.recover(A, A.measure_matrix(np.ones((5, 5))), stop=ValueBelow(1e-6), **plan)
    >>> values = fit.search.trace.values
    >>> fit.search.converged, bool(values[-1] <= 1e-6 < values[-2])
    (True, True)
    """

    threshold: float

    def fired(self, progress: Progress) -> str:
        """Compare the value with the threshold."""
        if not progress.values[-1] <= self.threshold:
            return ""
        return f"the objective {progress.values[-1]:.3g} is below {self.threshold:.3g}"


@public("lowland.search")
@final
@dataclass(frozen=True)
class HeldOutRises(StopRule):
    """Convergence: the series `name` of a callback has not improved for `patience` measurements.

    The search still returns its point of least objective: to use the one with the least held-out error, keep
    it in the callback.

    Parameters
    ----------
    patience : int
    name : str
        The key under which the callback returns what it measures.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import HeldOutRises
    >>> case = ll.datasets.planted_sensing(60, 8, 1, rng=0, noise=0.1)
    >>> train, test = (case.measurement.subset(part) for part in np.split(np.arange(60), [40]))
    >>> def error(progress, theta):
    ...     U = theta.reshape(8, 4)
    ...     return {"held_out": float(np.linalg.norm(test.measure_matrix(U @ U.T) - case.y[40:]))}
    >>> plan = dict(rank=4, structure="psd", solver="gradient", start="small_random", certify=False, rng=0)
    >>> ll.recover(train, case.y[:40], stop=HeldOutRises(), callbacks=[error], **plan).search.message
    'the held-out error has not fallen for 5 measurements'
    """

    patience: int = 5
    name: str = "held_out"

    def fired(self, progress: Progress) -> str:
        """Look for an improvement among the last measurements."""
        series = progress.measures.get(self.name, [])
        if len(series) <= self.patience or min(series[-self.patience :]) < min(series[: -self.patience]):
            return ""
        return f"the {self.name.replace('_', '-')} error has not fallen for {self.patience} measurements"


@public("lowland.search")
@final
@dataclass(frozen=True)
class Iterations(StopRule):
    """Limit on the number of steps.

    Parameters
    ----------
    limit : int

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import GradientBelow, Iterations
    >>> A, plan = ll.gaussian(60, (5, 5), 0), dict(rank=1, structure="psd", solver="gradient", rng=0)
    >>> fit = ll.recover(A, np.ones(60), stop=GradientBelow(1e-10) | Iterations(3), **plan)
    >>> fit.search.iterations, fit.search.stop_reason.name
    (3, 'ITERATION_LIMIT')
    """

    limit: int

    @property
    def reason(self) -> StopReason:
        """ITERATION_LIMIT."""
        return StopReason.ITERATION_LIMIT

    @property
    def length(self) -> int:
        """The limit."""
        return self.limit

    def fired(self, progress: Progress) -> str:
        """Count the steps."""
        return f"{self.limit} iterations done" if progress.iteration >= self.limit else ""


@public("lowland.search")
@final
@dataclass(frozen=True)
class Seconds(StopRule):
    """Limit on wall time.

    Parameters
    ----------
    limit : float
        Seconds of wall time, of earlier runs of a resumed search too.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import GradientBelow, Seconds
    >>> A, plan = ll.gaussian(60, (5, 5), 0), dict(rank=1, structure="psd", solver="gradient", rng=0)
    >>> rules = [GradientBelow(1e-6) | Seconds(limit) for limit in (0, 600)]
    >>> [ll.recover(A, np.ones(60), stop=rule, **plan).search.stop_reason.name for rule in rules]
    ['TIME_LIMIT', 'CONVERGED']
    """

    limit: float

    @property
    def reason(self) -> StopReason:
        """TIME_LIMIT."""
        return StopReason.TIME_LIMIT

    def fired(self, progress: Progress) -> str:
        """Look at the clock."""
        return f"the limit of {self.limit:g} seconds is over" if progress.seconds >= self.limit else ""
