"""Tolerances of the judges, and how much work they may spend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.promises.fits import Fit
from lowland.core.results.findings import Finding
from lowland.core.wording import Option, Words
from lowland.core.work import Budget, counted

# work as a multiple of the fit's, its minimum, and size limits of the matrices that are formed
EFFORTS: dict[str, dict[str, Any]] = {
    "quick": {"share": 0.25, "least_work": 1e8},
    "standard": {"share": 1.0, "least_work": 5e8},
    "thorough": {
        "share": 100.0,
        "least_work": 1e11,
        "lanczos_steps": 1000,
        "largest_dense": 12_000,
        "largest_hessian": 8000,
        "largest_tangent": 8000,
        "largest_modular": 20_000,
    },
}


@public("lowland")
@final
@dataclass(frozen=True)
class JudgeSettings:
    """Tolerances of the judges, and how much work they may spend.

    Parameters
    ----------
    gradient_tolerance : float
        A point counts as stationary if its gradient is at most this fraction of the gradient
        computed from the residuals when only biases are fitted.
    curvature_tolerance : float
        Curvatures within this fraction of the largest count as zero.
    gap_tolerance : float
        A point counts as optimal if the gap is at most this fraction of its objective.
    zero_tolerance : float
        Without a penalty a fit counts as exact, by an assumption that the finding names, if every residual
        beyond rounding is at most this fraction of its own datum, or of the usual one of its row and column,
    last_places : float
        and the root mean square residual is at most this many units in the last place of the data.
    norm_bound : {"auto", "cholesky", "lanczos"}
        How spectral norms are bounded: "auto" rigorously where affordable, otherwise by Lanczos iteration
        with a stated probability of failure; "cholesky" always rigorously; "lanczos" by an estimate,
        which can only support a claim.
    lanczos_steps : int
        Largest number of steps of that iteration.
    largest_dense : int
        Largest side of a matrix that is factored densely. This and the next three are memory limits; `share`
        limits the work.
    largest_hessian : int
        Largest point whose Hessian is formed; Lanczos iteration beyond.
    largest_tangent : int
        Largest point whose tangent space is factored for a proof of local uniqueness.
    largest_modular : int
        Largest number of unknowns in an exact rank computation.
    share : float
        All judges together may spend this many times the work of the fit,
    least_work : float
        or this many nominal nanoseconds (`lowland.core.work`), whichever is more.
    seed : int
        Seed of random directions and random integer points.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> fit = ll.recover(ll.gaussian(60, (5, 5), 0), np.ones(60), rank=1, structure="psd", rng=0)
    >>> strict, loose = (ll.certify(fit.objective, fit.search.theta, settings=s)["convex_optimal"]
    ...                  for s in (ll.JudgeSettings(), ll.JudgeSettings(gap_tolerance=0.2)))
    >>> strict.verdict.name, loose.verdict.name, round(loose.value, 2)  # the gap to a lower bound
    ('INCONCLUSIVE', 'PROVED', 0.08)
    """

    gradient_tolerance: float = 1e-6
    curvature_tolerance: float = 1e-8
    gap_tolerance: float = 1e-2
    zero_tolerance: float = 1e-12
    last_places: float = 64.0
    norm_bound: str = "auto"
    lanczos_steps: int = 250
    largest_dense: int = 4000
    largest_hessian: int = 4000
    largest_tangent: int = 4000
    largest_modular: int = 5000
    share: float = 1.0
    least_work: float = 5e8
    seed: int = 0

    @classmethod
    def for_effort(cls, effort: str) -> JudgeSettings:
        """Return settings for a level of effort.

        Parameters
        ----------
        effort : {"quick", "standard", "thorough"}
            A quarter of the work of the fit, or a tenth of a second; as much as the fit, or half a second; a
            hundred times as much, or some minutes, and a few gigabytes. Work is counted, not timed.

        Returns
        -------
        JudgeSettings

        Raises
        ------
        InvalidInputError
            If the effort is unknown.
        """
        if not isinstance(effort, str) or effort not in EFFORTS:
            fix = Words("use ", Option("effort", *EFFORTS))
            raise InvalidInputError(Words(Option("effort"), " is unknown"), repr(effort), fix=fix)
        return cls(**EFFORTS[effort])

    def budget(self, fit_work: float, seconds: float | None = None) -> Budget:
        """Return the budget for judging a fit that took a given amount of work."""
        if seconds is not None and not seconds > 0:
            fix = "leave it out for no limit"
            raise InvalidInputError(Words(Option("seconds"), " must be positive"), repr(seconds), fix=fix)
        return Budget(max(self.share * fit_work, self.least_work), seconds=seconds)

    def __post_init__(self) -> None:
        if self.norm_bound not in ("auto", "cholesky", "lanczos"):
            raise InvalidInputError(
                "norm_bound is unknown", repr(self.norm_bound), fix='use "auto", "cholesky" or "lanczos"'
            )
        for name in ("gradient_tolerance", "curvature_tolerance", "gap_tolerance", "zero_tolerance"):
            if not 0 <= getattr(self, name) < 1:
                raise InvalidInputError(f"{name} must be at least 0 and below 1", repr(getattr(self, name)))
        for name in ("last_places", "share", "least_work"):
            number = getattr(self, name)
            if not 0 <= number < np.inf:
                raise InvalidInputError(f"{name} must be a finite number of at least 0", repr(number))
        if self.lanczos_steps < 1:
            raise InvalidInputError("lanczos_steps must be positive", repr(self.lanczos_steps))


@final
@dataclass(frozen=True, eq=False)
class Judgement:
    """Inputs of judges besides the point: settings, the budget, and earlier findings.

    Parameters
    ----------
    settings : JudgeSettings
    budget : Budget
        Shared by all judges, open.
    findings : dict of str to Finding
        By claim, from the judges called before.
    pass_work : float
        Work of one gradient.
    """

    settings: JudgeSettings
    budget: Budget
    findings: dict[str, Finding]
    pass_work: float

    def rng(self) -> np.random.Generator:
        """Return a new generator from the settings' seed, so that judges do not affect each other's draws."""
        return np.random.default_rng(self.settings.seed)


def gradient_work(objective: Fit, theta: Vector) -> float:
    """Return the work of one gradient, by counting it."""
    with counted() as work, np.errstate(all="ignore"):
        objective.gradient(theta)
    return work.spent
