"""Whether gradient descent with a step size stays at a univariate ReLU network, derived again."""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.errors import FileFormatError
from lowland.core.results.findings import Certificate
from lowland.core.results.reasons import assumption
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check, Verification
from lowland.recheck.dispatch import Progress, verify_claim
from lowland.recheck.documents import Document, Settings
from lowland.recheck.networks.curvatures import Curvatures, StabilityProblem
from lowland.recheck.networks.regions import network_of
from lowland.recheck.statement import Statement

CLAIM = "stable_at_step_size"
# fraction of a parameter's possible slope, or of the values, below which slopes or residuals count as zero
STATIONARY = 1e-6
# slopes this many times smaller than an idle neuron's pull cannot explain it
FAR_SMALLER = 100.0
# fraction of the largest curvature below which a negative one counts as zero
FLAT = 1e-9
# what the reasons say that can be proved
PROVING = {
    "above_limit": Verdict.REFUTED,
    "idle_saddle": Verdict.REFUTED,
    "stable": Verdict.PROVED,
}
# parameters and data points up to which the Hessian is formed
MOST = 1500


def verify_stability(
    problem: StabilityProblem, certificate: Certificate, progress: Progress | None = None
) -> Verification:
    """Check the findings of a certificate about the stability of a network."""
    return verify_claim(
        certificate,
        CLAIM,
        lambda said: check_stability(said, problem),
        about="step sizes",
        words=problem.words,
        stage="the Hessian",
        progress=progress,
    )


def check_stability(said: Statement, problem: StabilityProblem) -> Check:
    """Compare verdict, numbers and words with the Hessian."""
    if max(problem.x.size, 3 * problem.outer.size + 1) > MOST:
        return said.settle_unchecked("a Hessian of this size is not formed here")
    largest = float(np.abs(problem.y).max())
    if largest > 0 and not 1e-60 <= largest <= 1e60:
        return said.settle_unchecked("the data are out of scale")
    curvatures, limit = Curvatures(problem), 2 / problem.step_size
    dust = 1e-9 * max(abs(curvatures.largest), curvatures.gauss_newton)
    said.close("value", curvatures.largest, atol=dust)
    said.close("bound", limit, rtol=1e-12)
    said.close("tolerance", STATIONARY, rtol=1e-12)
    said.close("gauss_newton", curvatures.gauss_newton, atol=dust)
    said.close("remainder", curvatures.remainder, atol=dust)
    said.close("gradient_norm", curvatures.gradient, atol=dust * max(curvatures.length, 1e-300))
    said.close("unrest", curvatures.slopes()[0], rtol=1e-4, atol=1e-9)
    said.close("error", curvatures.error, rtol=1e-2)
    for name in ("lower", "upper"):
        said.close(name, curvatures.largest, atol=1e3 * dust + 10 * curvatures.charge)
    code, proofs = said.code, list[tuple[str, ...]]()
    if said.verdict in (Verdict.PROVED, Verdict.REFUTED):
        said.rigour(Rigour.RIGOROUS)
        proofs = _proofs(curvatures, limit, code) if PROVING.get(code) is said.verdict else []
        good = bool(proofs)
    else:
        said.rigour(Rigour.WORKING_PRECISION)
        good = (said.verdict, code) in _evidence(curvatures, limit)
    said.require(good, "it is not as the words say")
    given = tuple(said.finding.assumptions)
    said.assume(given if given in proofs else next(iter(proofs), ()))
    said.says(code)
    return said.settle(
        f"largest eigenvalue {curvatures.largest:.6g}, limit {limit:.6g}, smallest {curvatures.smallest:.2g}"
    )


def _proofs(curvatures: Curvatures, limit: float, code: str) -> list[tuple[str, ...]]:
    """Return the assumptions under which what a code says is proved, several if each of them does."""
    if not curvatures.problem.is_in_scale or curvatures.problem.is_at_kink():
        return []
    if code == "above_limit":
        return [()] if curvatures.is_above(limit) else []
    (_, least_pull), (unrest, most_pull) = curvatures.slope_ends()
    slopes = assumption("small_slopes", share=STATIONARY)
    if code == "idle_saddle":
        return [(slopes,)] if unrest <= STATIONARY and least_pull > FAR_SMALLER * STATIONARY else []
    if not (curvatures.is_at_most(limit) and curvatures.is_at_least(-FLAT * curvatures.largest)):
        return []
    flat = assumption("small_curvatures", share=FLAT)
    residuals = assumption("small_residuals", share=STATIONARY)
    small = [slopes] if max(unrest, most_pull) <= STATIONARY else []
    small += [residuals] if curvatures.misfits()[1] <= STATIONARY else []
    return [(one, flat) for one in small]


def _evidence(curvatures: Curvatures, limit: float) -> set[tuple[Verdict, str]]:
    """Return the verdicts that prove nothing, with the reasons for which they hold to working precision.

    Among them what earlier versions refuted to working precision.
    """
    problem, error = curvatures.problem, curvatures.error
    (unrest, pull), room = curvatures.slopes(), 2 * error
    smooth = not problem.is_at_kink(0.0)
    below = smooth and curvatures.largest <= limit + room
    sure = smooth and (curvatures.largest + 0.99 * error <= limit or curvatures.is_at_most(limit))
    still = unrest <= STATIONARY * (1 + 1e-3)
    rest = still or curvatures.misfits()[0] <= STATIONARY * (1 + 1e-6)
    saddle = still and pull > FAR_SMALLER * STATIONARY * (1 - 1e-3)
    doubtful = curvatures.smallest < -room or pull > STATIONARY * (1 - 1e-3)
    apart = abs(curvatures.largest - limit)
    grounds = {
        "no_hessian": problem.is_at_kink(4.0),
        "above_limit": smooth and curvatures.largest - 0.99 * error > limit,
        "near_limit": smooth and apart <= room + 1e-9 * limit + 10 * curvatures.charge,
        "moving": below and unrest > STATIONARY * (1 - 1e-3),
        "idle_saddle": below and saddle,
        "unclear": below and rest and doubtful,
        "only_bounded": False,  # of Hessians that are too large to be formed here
    }
    evidence = {(Verdict.INCONCLUSIVE, code) for code, good in grounds.items() if good}
    flat = curvatures.smallest >= -FLAT * (1 + 1e-3) * curvatures.largest
    return evidence | ({(Verdict.SUPPORTED, "stable")} if sure and rest and not saddle and flat else set())


def layers_problem(document: Document, x: Vector, y: Vector, shares: Vector | None) -> StabilityProblem:
    """Return the problem that a document states on data.

    Raises
    ------
    FileFormatError
        If the step size or the layers cannot be read, or do not fit the data.
    """
    settings = Settings(document.problem)
    step_size = settings.number("step_size", least=1e-300)
    settings.close()
    weights, biases = network_of(document, 1)
    if len(weights) != 2:
        raise FileFormatError(
            "the certificate's network has more than one hidden layer", f"{len(weights)} layers"
        )
    shifts: Any = biases[0]
    offset: Any = biases[1]
    k = len(weights[0])
    given = np.full(x.size, 1 / x.size) if shares is None else shares
    return StabilityProblem(
        slopes=weights[0][:, 0],
        shifts=np.zeros(k) if shifts is None else shifts,
        outer=weights[1][0],
        has_shifts=shifts is not None,
        has_offset=offset is not None,
        offset=0.0 if offset is None else float(offset[0]),
        x=x,
        y=y,
        shares=given,
        step_size=step_size,
        words=f"squared loss of a ReLU network of {k} neurons on {x.size} points, step size {step_size:g}",
    )
