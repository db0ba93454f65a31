"""`certify`: ask the judges for their findings about a point."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from lowland.certify.agreement import settled
from lowland.certify.consistency import find_fault, tensor_fault
from lowland.certify.curvature import judge_curvature
from lowland.certify.factorisations import BeyondFloatsError
from lowland.certify.flattenings import judge_flattenings
from lowland.certify.high_order import judge_local_minimum
from lowland.certify.identifiability import judge_identifiability
from lowland.certify.lanczos import product_work
from lowland.certify.local_uniqueness import judge_local_uniqueness
from lowland.certify.lower_points import CLAIM as LOWER
from lowland.certify.lower_points import refute_by_lower_point
from lowland.certify.optimality import judge_optimality
from lowland.certify.stationarity import judge_stationarity
from lowland.certify.tensor_determinacy import judge_tensor_determinacy
from lowland.core.arrays import Vector, check_floats
from lowland.core.errors import InvalidInputError
from lowland.core.findings import CLAIMS, Certificate, Finding
from lowland.core.needs import RESIDUAL_TENSOR, missing_needs
from lowland.core.status import Verdict

# evaluations that may be spent in search of a better point
LOWER_CALLS = 400
# relative gradients that points found in single precision may have
SINGLE = 1e-3
# of a matrix; of a tensor they are those of its judges
EFFORTS: dict[str, dict[str, Any]] = {
    "quick": {
        "lanczos_steps": 60,
        "largest_dense": 800,
        "largest_hessian": 300,
        "largest_tangent": 300,
        "largest_work": 2e8,
        "largest_modular": 1000,
    },
    "standard": {},
    "thorough": {
        "lanczos_steps": 1000,
        "largest_dense": 12_000,
        "largest_hessian": 4000,
        "largest_tangent": 8000,
        "largest_work": 5e11,
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
        Steps of that iteration.
    largest_dense : int
        Largest side of a matrix that is factored densely.
    largest_hessian : int
        Largest point whose Hessian is formed; beyond, Lanczos iteration.
    largest_tangent : int
        Largest point whose tangent space is factored for a proof of local uniqueness.
    largest_work : float
        Numbers touched by Hessian products of larger points, about a second's worth a billion.
    largest_modular : int
        Most unknowns of an exact rank computation.
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
    largest_hessian: int = 1200
    largest_tangent: int = 2000
    largest_work: float = 5e9
    largest_modular: int = 5000
    seed: int = 0

    @classmethod
    def for_effort(cls, effort: str) -> Settings:
        """Return settings by how much they may spend.

        Parameters
        ----------
        effort : {"quick", "standard", "thorough"}
            "quick" factors only small matrices. "thorough" goes as far as an hour and a few gigabytes
            do.

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

    def __post_init__(self) -> None:
        if self.norm_bound not in ("auto", "cholesky", "lanczos"):
            raise InvalidInputError(
                "norm_bound is unknown", repr(self.norm_bound), fix='use "auto", "cholesky" or "lanczos"'
            )
        for name in ("gradient_tolerance", "curvature_tolerance", "gap_tolerance", "zero_tolerance"):
            if not 0 <= getattr(self, name) < 1:
                raise InvalidInputError(f"{name} must be at least 0 and below 1", repr(getattr(self, name)))
        if not 0 <= self.last_places < np.inf:
            raise InvalidInputError("last_places must be a finite number, at least 0", repr(self.last_places))
        if self.lanczos_steps < 1:
            raise InvalidInputError("lanczos_steps must be positive", repr(self.lanczos_steps))


def certify(
    objective: Any,
    theta: ArrayLike,
    *,
    claims: Sequence[str] | None = None,
    effort: str = "standard",
    settings: Settings | None = None,
) -> Certificate:
    """Judge a point of an objective, wherever it came from.

    Parameters
    ----------
    objective : Objective
        A recovery objective, or one of a Tucker tensor. Judgement is made in float64, whatever its precision.
    theta : array_like, shape (size,)
        The point.
    claims : sequence of str
        Which claims to judge; by default all that there are judges for.
    effort : {"quick", "standard", "thorough"}
        How much may be spent; see `Settings.for_effort`. What a larger effort may settle is said.
    settings : Settings, optional
        Tolerances and budgets one by one, instead of `effort`.

    Returns
    -------
    Certificate
        One finding for each claim, in the order asked for. All are INCONCLUSIVE if the objective's
        gradient is not that of its values, or its adjoint not that of its measurement.

    Raises
    ------
    InvalidInputError
        If a claim is unknown, or the point has the wrong size or is not finite.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> fit = ll.recover(ll.gaussian(60, (5, 5), 0), np.ones(60), rank=1, structure="psd", rng=0)
    >>> ll.certify(fit.objective, fit.search.theta, claims=["stationary"])["stationary"].verdict.name
    'SUPPORTED'
    """
    if isinstance(claims, str):
        raise InvalidInputError("claims must be a list of names", repr(claims), fix=f"pass [{claims!r}]")
    of_tensor = not missing_needs(objective, (RESIDUAL_TENSOR,))
    judges = _TENSOR_JUDGES if of_tensor else _JUDGES
    known_claims = [claim for _, covers in judges for claim in covers]
    claims = [claim for claim in CLAIMS if claim in known_claims] if claims is None else claims
    unknown = [claim for claim in claims if claim not in known_claims]
    if unknown:
        raise InvalidInputError(
            "claim is unknown", repr(unknown[0]), fix=f"use some of {', '.join(known_claims)}"
        )
    settings = settings or Settings.for_effort(effort)
    point: Vector = check_floats(theta, "theta", dtype="float64", ndim=1)
    exact = objective.in_double()
    if point.size != exact.size:
        raise InvalidInputError("theta has the wrong size", f"{point.size} for {exact.size} parameters")
    with np.errstate(over="ignore", invalid="ignore"):
        look = tensor_fault if of_tensor else find_fault
        fault = look(exact, point, np.random.default_rng(settings.seed))
    if of_tensor and objective.dtype != exact.dtype:  # the point was found in single precision
        settings = replace(settings, gradient_tolerance=max(settings.gradient_tolerance, SINGLE))
    if fault:
        nothing = tuple(Finding(claim, Verdict.INCONCLUSIVE, method=fault) for claim in claims)
        return Certificate(nothing, objective.describe())
    found = {} if of_tensor else _of_constrained(exact, point, claims)
    for judge, covers in judges:
        if not set(covers) & set(claims) - set(found):
            continue
        started = time.perf_counter()
        # numbers that overflow are looked for by the judges, who then claim nothing
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                findings = judge(exact, point, settings, found)
        except (BeyondFloatsError, np.linalg.LinAlgError) as error:
            findings = [Finding(claim, Verdict.INCONCLUSIVE, method=str(error)) for claim in covers]
        seconds = time.perf_counter() - started
        known = {finding.claim: replace(finding, seconds=seconds) for finding in findings}
        found = known | found
    if LOWER in claims and LOWER in found:
        found[LOWER] = _with_lower_point(exact, point, found, settings)
    found = settled(found)
    return Certificate(tuple(found[claim] for claim in claims), objective.describe())


def _with_lower_point(
    objective: Any, theta: Vector, found: dict[str, Finding], settings: Settings
) -> Finding:
    """Return the finding on global optimality, refuted where a better point is found."""
    started, known = time.perf_counter(), found[LOWER]
    if getattr(objective, "nonnegative", False):  # what is found must not be negative either
        return known
    tolerance = settings.gap_tolerance
    calls = int(min(LOWER_CALLS, settings.largest_work / product_work(objective)))
    rng = np.random.default_rng(settings.seed)
    with np.errstate(over="ignore", invalid="ignore"):
        finding = refute_by_lower_point(objective, theta, found, tolerance=tolerance, rng=rng, calls=calls)
    return replace(finding, seconds=known.seconds + time.perf_counter() - started)


def _of_constrained(objective: Any, theta: Vector, claims: Sequence[str]) -> dict[str, Finding]:
    """Return findings of claims that the judges cannot settle where factors must not be negative.

    Bounds from below hold for fewer matrices too. Slopes and curvatures would have to know the constraint.
    """
    if not objective.nonnegative:
        return {}
    feasible = bool((theta[: objective.factor_size] >= 0).all())
    method = "not judged where factors must not be negative" if feasible else "a factor is negative"
    settled = ("globally_optimal",) if feasible else ()
    open_claims = [claim for claim in claims if claim not in settled]
    return {claim: Finding(claim, Verdict.INCONCLUSIVE, method=method) for claim in open_claims}


Judge = Callable[[Any, Vector, Settings, dict[str, Finding]], list[Finding]]


def _stationarity(
    objective: Any, theta: Vector, settings: Settings, found: dict[str, Finding]
) -> list[Finding]:
    return [
        judge_stationarity(
            objective, theta, settings.gradient_tolerance, np.random.default_rng(settings.seed)
        )
    ]


def _curvature(objective: Any, theta: Vector, settings: Settings, found: dict[str, Finding]) -> list[Finding]:
    stationary = found.get("stationary") or _stationarity(objective, theta, settings, found)[0]
    return judge_curvature(
        objective,
        theta,
        stationary,
        tolerance=settings.curvature_tolerance,
        largest=settings.largest_hessian,
        work=settings.largest_work,
        rng=np.random.default_rng(settings.seed),
    )


def _optimality(
    objective: Any, theta: Vector, settings: Settings, found: dict[str, Finding]
) -> list[Finding]:
    return judge_optimality(objective, theta, settings)


def _identifiability(
    objective: Any, theta: Vector, settings: Settings, found: dict[str, Finding]
) -> list[Finding]:
    rng = np.random.default_rng(settings.seed)
    return judge_identifiability(objective, largest=settings.largest_modular, rng=rng)


def _local_uniqueness(
    objective: Any, theta: Vector, settings: Settings, found: dict[str, Finding]
) -> list[Finding]:
    def finite() -> Finding:
        known = found.get("determined_by_data")
        return known or _identifiability(objective, theta, settings, found)[0]

    return [judge_local_uniqueness(objective, theta, settings, finite)]


_JUDGES: list[tuple[Judge, tuple[str, ...]]] = [
    (_stationarity, ("stationary",)),
    (_curvature, ("second_order_stationary", "strict_local_minimum")),
    (_optimality, ("globally_optimal", "convex_optimal")),
    (_identifiability, ("determined_by_data", "uniquely_determined")),
    (_local_uniqueness, ("locally_unique",)),
]
DEFAULT_CLAIMS = tuple(claim for _, covers in _JUDGES for claim in covers)


def _local_minimum(
    objective: Any, theta: Vector, settings: Settings, found: dict[str, Finding]
) -> list[Finding]:
    curved = found if "strict_local_minimum" in found else None
    findings = [*found.values()] if curved else _curvature(objective, theta, settings, found)
    second, strict = (
        next(f for f in findings if f.claim == claim)
        for claim in ("second_order_stationary", "strict_local_minimum")
    )
    rng = np.random.default_rng(settings.seed)
    return [judge_local_minimum(objective, theta, second, strict, zero=settings.zero_tolerance, rng=rng)]


def _flattenings(
    objective: Any, theta: Vector, settings: Settings, found: dict[str, Finding]
) -> list[Finding]:
    return [judge_flattenings(objective, theta, settings)]


def _tensor_determinacy(
    objective: Any, theta: Vector, settings: Settings, found: dict[str, Finding]
) -> list[Finding]:
    rng = np.random.default_rng(settings.seed)
    return judge_tensor_determinacy(objective, largest=settings.largest_modular, rng=rng)


_TENSOR_JUDGES: list[tuple[Judge, tuple[str, ...]]] = [
    *_JUDGES[:2],
    (_local_minimum, ("local_minimum",)),
    (_flattenings, ("globally_optimal",)),
    (_tensor_determinacy, ("determined_by_data", "uniquely_determined")),
]
