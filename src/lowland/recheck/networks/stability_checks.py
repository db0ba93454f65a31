"""Whether gradient descent with a step size stays at a univariate ReLU network, derived again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import FileFormatError
from lowland.core.results.findings import Certificate
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check, Verification
from lowland.recheck.dispatch import Progress, verify_claim
from lowland.recheck.documents import Document, Settings
from lowland.recheck.networks.regions import network_of
from lowland.recheck.statement import Statement

CLAIM = "stable_at_step_size"
# fraction of a parameter's possible slope, or of the values, below which slopes or residuals count as zero
STATIONARY = 1e-6
# slopes this many times smaller than an idle neuron's pull cannot explain it
FAR_SMALLER = 100.0
# rounding above this fraction of the residuals is not taken off slopes
AUDIBLE = 1e-3
# parameters and data points up to which the Hessian is formed
MOST = 1500


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class StabilityProblem:
    """A network of one input and one hidden layer, data with weights that sum to one, and a step size.

    Parameters
    ----------
    slopes, shifts, outer : ndarray, shape (k,)
        Weights and biases of the hidden layer, and output weights.
    has_shifts, has_offset : bool
        Whether the hidden layer and the output have biases.
    offset : float
    x, y, shares : ndarray, shape (n,)
    step_size : float
    words : str
    """

    slopes: Vector
    shifts: Vector
    outer: Vector
    has_shifts: bool
    has_offset: bool
    offset: float
    x: Vector
    y: Vector
    shares: Vector
    step_size: float
    words: str = ""


@final
@dataclass(frozen=True, kw_only=True)
class Curvatures:
    """What decides whether a point is stable; see `measure`."""

    largest: float
    smallest: float
    gauss_newton: float
    remainder: float
    gradient: float
    error: float
    unrest: float
    idle_pull: float
    residual: float
    is_at_kink: bool


def measure(problem: StabilityProblem) -> Curvatures:
    """Return the eigenvalues of the Hessian, of its part G and of the rest, and how much the point moves.

    H = G + B with G the weighted Gram matrix of the features; B couples the weights of a neuron to its output
    weight by c_k, the weighted mean of residuals times active inputs.
    """
    x, root = problem.x, np.sqrt(problem.shares)
    rows = np.stack([x, np.ones_like(x)], axis=1) if problem.has_shifts else x[:, None]
    before = np.outer(x, problem.slopes) + problem.shifts
    on = (before > 0).astype(float)
    hidden = before * on
    residual = hidden @ problem.outer + problem.offset - problem.y
    k, d = problem.outer.size, rows.shape[1]
    inner = (on * problem.outer)[:, :, None] * rows[:, None, :]
    parts = [inner.reshape(x.size, k * d), hidden]
    parts += [np.ones((x.size, 1))] if problem.has_offset else []
    features = np.hstack(parts) * root[:, None]
    coupling = np.einsum("n,nk,nd->kd", problem.shares * residual, on, rows)
    gram = features.T @ features
    hessian = gram.copy()
    for neuron in range(k):
        here = slice(neuron * d, neuron * d + d)
        hessian[here, k * d + neuron] += coupling[neuron]
        hessian[k * d + neuron, here] += coupling[neuron]
    values, gn = np.linalg.eigvalsh(hessian), float(np.linalg.eigvalsh(gram)[-1])
    moved = residual * root
    gradient = features.T @ moved
    unit = np.finfo(float).eps
    error = 16 * unit * max(len(hessian) * max(abs(values[0]), abs(values[-1]), gn), x.size * gn)
    # slopes relative to the largest that such residuals could give, rounding taken off
    sizes = (np.abs(hidden) @ np.abs(problem.outer) + abs(problem.offset) + np.abs(problem.y)) * root
    noise, length = float(16 * unit * np.linalg.norm(sizes)), float(np.linalg.norm(moved))
    # rounding that is not far below the residuals explains no slope
    noise = noise if noise <= AUDIBLE * length else 0.0
    by_weight = _shares(coupling, np.sqrt((problem.shares[:, None] * on).T @ rows**2), length, noise)
    by_outer = _shares(
        gradient[k * d : k * d + k], np.linalg.norm(hidden * root[:, None], axis=0), length, noise
    )
    by_offset = _shares(gradient[k * d + k :], np.ones(int(problem.has_offset)), length, noise)
    idle = problem.outer == 0
    live = [by_weight[~idle], by_outer, by_offset]
    return Curvatures(
        largest=float(values[-1]),
        smallest=float(values[0]),
        gauss_newton=gn,
        remainder=float(np.linalg.norm(coupling, axis=1).max(initial=0.0)),
        gradient=float(np.linalg.norm(gradient)),
        error=float(error),
        unrest=max(float(part.max(initial=0.0)) for part in live),
        idle_pull=float(by_weight[idle].max(initial=0.0)),
        residual=length,
        is_at_kink=bool((before == 0).any()),
    )


def _shares(products: Matrix, features: Matrix, length: float, noise: float) -> Matrix:
    beyond = np.maximum(np.abs(products) - noise * features, 0.0)
    possible = features * length
    return np.asarray(np.divide(beyond, possible, out=np.zeros_like(beyond), where=possible > 0))


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
    curvatures, limit = measure(problem), 2 / problem.step_size
    dust = 1e-9 * max(abs(curvatures.largest), curvatures.gauss_newton)
    said.close("value", curvatures.largest, atol=dust)
    said.close("bound", limit, rtol=1e-12)
    said.close("tolerance", STATIONARY, rtol=1e-12)
    said.close("gauss_newton", curvatures.gauss_newton, atol=dust)
    said.close("remainder", curvatures.remainder, atol=dust)
    said.close("gradient_norm", curvatures.gradient, atol=dust * max(curvatures.residual, 1e-300))
    said.close("unrest", curvatures.unrest, rtol=1e-4, atol=1e-9)
    said.close("error", curvatures.error, rtol=1e-2)
    said.rigour(Rigour.WORKING_PRECISION)
    said.assume()
    grounds = _grounds(problem, curvatures, limit)
    if said.code in grounds:
        verdict, good = grounds[said.code]
        said.require(said.verdict is verdict and good, "it is not as the words say")
        said.says(said.code)
    return said.settle(
        f"largest eigenvalue {curvatures.largest:.6g}, limit {limit:.6g}, smallest {curvatures.smallest:.2g}"
    )


def _grounds(
    problem: StabilityProblem, curvatures: Curvatures, limit: float
) -> dict[str, tuple[Verdict, bool]]:
    """Return the verdicts that reasons give, and whether each holds, by code."""
    smooth, room = not curvatures.is_at_kink, 2 * curvatures.error
    below = smooth and curvatures.largest <= limit + room
    sure = smooth and curvatures.largest + 0.99 * curvatures.error <= limit
    centre = float(np.average(problem.y, weights=problem.shares)) if problem.has_offset else 0.0
    spread = float(np.sqrt(np.average((problem.y - centre) ** 2, weights=problem.shares)))
    still = curvatures.unrest <= STATIONARY * (1 + 1e-3)
    rest = still or curvatures.residual <= STATIONARY * spread * (1 + 1e-6)
    saddle = still and curvatures.idle_pull > FAR_SMALLER * STATIONARY * (1 - 1e-3)
    least, open_yet = curvatures.smallest >= -room, Verdict.INCONCLUSIVE
    return {
        "no_hessian": (open_yet, curvatures.is_at_kink),
        "above_limit": (Verdict.REFUTED, smooth and curvatures.largest - 0.99 * curvatures.error > limit),
        "near_limit": (open_yet, smooth and abs(curvatures.largest - limit) <= room + 1e-9 * limit),
        "moving": (open_yet, below and curvatures.unrest > STATIONARY * (1 - 1e-3)),
        "idle_saddle": (Verdict.REFUTED, below and saddle),
        "stable": (Verdict.PROVED, sure and rest and not saddle and least),
        "only_bounded": (open_yet, False),
        "unclear": (open_yet, below and rest and not least),
    }


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
