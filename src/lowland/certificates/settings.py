"""What judges compare with, and how much they may spend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError
from lowland.core.findings import Finding
from lowland.core.fits import Fit
from lowland.core.work import Budget, counted

# times the work of the fit, at least so much, and how large a matrix may be that is formed
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


@final
@dataclass(frozen=True)
class Settings:
    """What the judges compare with, and how much they may spend.

    Parameters
    ----------
    gradient_tolerance : float
        A point counts as stationary if its gradient is at most this fraction of the gradient
        with the fit taken away.
    curvature_tolerance : float
        Curvatures within this fraction of the largest count as zero.
    gap_tolerance : float
        A point counts as optimal if the gap is at most this fraction of its objective.
    zero_tolerance : float
        Without a penalty a fit counts as exact, by an assumption that the finding names, if every residual
        beyond rounding is at most this fraction of its own datum, or of the usual one of its row and column,
    last_places : float
        and the root mean square residual at most so many units in the last place of the data.
    norm_bound : {"auto", "cholesky", "lanczos"}
        How spectral norms are bounded: rigorously where affordable, and by Lanczos iteration with a
        stated probability of failure beyond; always rigorously; or by an estimate, which only
        supports a claim.
    lanczos_steps : int
        Most steps of that iteration.
    largest_dense : int
        Largest side of a matrix that is factored densely. This and the next three are limits of memory; how
        much of it is used is a matter of `share`.
    largest_hessian : int
        Largest point whose Hessian is formed; beyond, Lanczos iteration.
    largest_tangent : int
        Largest point whose tangent space is factored for a proof of local uniqueness.
    largest_modular : int
        Most unknowns of an exact rank computation.
    share : float
        All judges together may spend this many times the work of the fit,
    least_work : float
        or so many nominal nanoseconds (`lowland.core.work`), whichever is more.
    seed : int
        For random directions and random integer points.
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
    def for_effort(cls, effort: str) -> Settings:
        """Return settings by how much they may spend.

        Parameters
        ----------
        effort : {"quick", "standard", "thorough"}
            A quarter of the work of the fit, or a tenth of a second; as much as the fit, or half a second; a
            hundred times as much, or some minutes, and a few gigabytes. Work is counted, not timed.

        Returns
        -------
        Settings

        Raises
        ------
        InvalidInputError
            If the effort is unknown.
        """
        if not isinstance(effort, str) or effort not in EFFORTS:
            raise InvalidInputError("effort is unknown", repr(effort), fix=f"use one of {', '.join(EFFORTS)}")
        return cls(**EFFORTS[effort])

    def budget(self, fit_work: float, seconds: float | None = None) -> Budget:
        """Return the budget for a fit that took so much work."""
        if seconds is not None and not seconds > 0:
            fix = "leave it out for no limit"
            raise InvalidInputError("seconds must be positive", repr(seconds), fix=fix)
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
                raise InvalidInputError(f"{name} must be a finite number, at least 0", repr(number))
        if self.lanczos_steps < 1:
            raise InvalidInputError("lanczos_steps must be positive", repr(self.lanczos_steps))


@final
@dataclass(frozen=True, eq=False)
class Judgement:
    """What judges are given beside the point: settings, the budget, and what was found before.

    Parameters
    ----------
    settings : Settings
    budget : Budget
        Shared by all judges, open.
    found : dict of str to Finding
        By claim, of the judges that came before.
    pass_work : float
        Work of one gradient.
    """

    settings: Settings
    budget: Budget
    found: dict[str, Finding]
    pass_work: float

    def rng(self) -> np.random.Generator:
        """Return a new generator of the settings' seed: judges do not depend on each other's draws."""
        return np.random.default_rng(self.settings.seed)


def gradient_work(objective: Fit, theta: Vector) -> float:
    """Return the work of one gradient, by counting it."""
    with counted() as work, np.errstate(all="ignore"):
        objective.gradient(theta)
    return work.spent
