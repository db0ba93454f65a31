"""Whether an activation region has bad minima, derived again."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.results.findings import Certificate
from lowland.core.results.reasons import assumption
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check, Verification
from lowland.core.rounding import gamma
from lowland.recheck.bounds import is_spread_at_least
from lowland.recheck.dispatch import Progress, verify_claim
from lowland.recheck.modular_rank import is_affordable, rank, unforeseen_prime
from lowland.recheck.networks.problem import NetworkProblem
from lowland.recheck.statement import UNKNOWN_WORDS, Statement

CLAIM = "no_bad_minimum_in_region"
# how far beyond a boundary a solver's weights may lie, as a fraction of their products
BEYOND = 1e-6
# losses that count as zero, as a fraction of that of zero outputs
NOTHING = 1e-9
# products of fractions in an exact elimination
MOST_ELIMINATION = 300_000
# largest ratio of numbers that are eliminated in fractions
WIDEST = 1e30


def verify_region(
    problem: NetworkProblem, certificate: Certificate, progress: Progress | None = None
) -> Verification:
    """Check the findings of a certificate about the region of a network."""
    return verify_claim(
        certificate,
        CLAIM,
        lambda said: check_region(said, problem),
        about="regions",
        words=problem.words,
        stage="activation patterns and ranks",
        progress=progress,
    )


def check_region(said: Statement, problem: NetworkProblem) -> Check:
    """Compare the rank, and what is said of minima, with the region."""
    n = len(problem.inputs)
    if not problem.is_small or not is_affordable(n, problem.columns):
        return said.settle_unchecked("the network and its data are too large for exact fractions here")
    # weights could be chosen so that products vanish modulo primes that are known beforehand
    primes = [unforeseen_prime() for _ in range(2)]
    region_rank = max(rank(problem.jacobian(prime), prime) for prime in primes)
    said.close("value", float(region_rank))
    said.close("bound", float(n))
    if said.is_open and said.says("region_kink"):
        said.require(problem.is_at_kink, "no neuron is at its kink on a data point")
        said.rigour(Rigour.ESTIMATE)
        said.assume()
        return said.settle("a neuron is at its kink")
    said.require(not problem.is_at_kink, "a neuron is at its kink on a data point")
    if said.says("region_full", rank=n):
        said.require(
            said.verdict is Verdict.PROVED and region_rank == n, f"the Jacobian has rank {region_rank} of {n}"
        )
        said.rigour(Rigour.RIGOROUS)
        said.assume(_assumptions(problem))
        return said.settle(f"rank {region_rank} of {n}")
    said.assume()
    said.must_say("region_deficient", rank=region_rank, points=n)
    if said.faults or not said.require(region_rank < n, "the Jacobian has full rank"):
        return said.settle("")
    if said.is_open and not said.phrases:
        said.rigour(Rigour.PROBABILISTIC)
        return said.settle(said.own_words)
    if problem.targets is None or not problem.is_shallow or problem.trained != "first":
        said.fault("the best loss of a region is known for the first of two layers only")
        return said.settle("")
    return _check_optimum(said, problem, region_rank)


def _assumptions(problem: NetworkProblem) -> tuple[str, ...]:
    if problem.trained == "first":
        return ()
    zero = bool(np.any(problem.weights[-1] == 0))
    return (assumption("live_outputs" if problem.is_shallow and not zero else "null_set"),)


def _check_optimum(said: Statement, problem: NetworkProblem, region_rank: int) -> Check:
    """Compare what is said of the best network of the region with attached weights."""
    k, d = problem.weights[0].shape[0], problem.points.shape[1]
    weights = said.array("weights", (k, d))
    best = said.needed("best_loss")
    if weights is None or best is None:
        return said.settle("")
    loss, aim = _loss(problem, weights), problem.aim()
    nothing = 0.5 * float(np.mean(aim**2))
    if not 1e-200 < nothing < 1e200:
        return said.settle_unchecked("the targets are out of scale")
    same = np.isfinite(best) and abs(loss - best) <= 1e-4 * loss + 2 * NOTHING * nothing
    said.require(bool(same), f"the loss is {loss:.6g}")
    if said.verdict is Verdict.REFUTED:
        return _check_inside(said, problem, weights, region_rank)
    said.rigour(Rigour.WORKING_PRECISION)
    said.require(_is_in_closure(problem, weights), "the attached weights have another pattern")
    near = ("near", best, 1e-4 * best)
    if said.verdict is Verdict.SUPPORTED and said.says("zero_loss"):
        said.require(
            loss <= 2 * NOTHING * nothing, f"the loss is {loss / nothing:.2g} of that of zero outputs"
        )
        return said.settle(f"weights of the region have a loss of {loss:.2g}")
    if said.verdict is Verdict.SUPPORTED and said.says("repeated_inputs", loss=near):
        least = problem.least_possible()
        said.require(loss <= least * (1 + 1e-5) and least > 0, f"a function has a loss of {least:.6g}")
        return said.settle(f"the loss is {loss:.6g}, that of the best function {least:.6g}")
    known = said.verdict is Verdict.SUPPORTED and said.says("on_boundary", loss=near)
    said.require(known or (said.is_open and said.says("near_boundary", loss=near)), UNKNOWN_WORDS)
    return said.settle_unchecked("that no network of the region is better is not derived here")


def _loss(problem: NetworkProblem, weights: Matrix) -> float:
    return 0.5 * float(np.mean((problem.design() @ weights.ravel() - problem.aim()) ** 2))


def _is_in_closure(problem: NetworkProblem, weights: Matrix) -> bool:
    """Whether weights have the pattern, but for a solver's accuracy."""
    sides = np.where(problem.active[0], 1.0, -1.0)
    products = sides * (problem.points @ weights.T)
    sizes = np.abs(problem.points) @ np.abs(weights).T
    # a product beyond may also change no output
    seen = np.abs(problem.weights[1][0] * products)
    small = seen <= BEYOND * float(np.sqrt(np.mean(problem.aim() ** 2)))
    return bool((small | (products >= -BEYOND * sizes)).all())


def _check_inside(said: Statement, problem: NetworkProblem, weights: Matrix, region_rank: int) -> Check:
    """Prove a minimum near the attached weights: where the gradient vanishes, by bounds, inside the region.

    With C a maximal set of independent columns of the design and s a bound on their singular values, a change
    of these columns' weights by |C^T residual| / s^2 leads to a minimum.
    """
    best = said.number("best_loss") or 0.0
    said.must_say("minimum_inside", loss=("near", best, 1e-4 * best))
    # the rank from above is known modulo primes; a rigorous one needs another argument
    said.rigour(Rigour.PROBABILISTIC, Rigour.RIGOROUS)
    if said.faults:
        return said.settle("")
    if said.finding.rigour is Rigour.RIGOROUS and not _is_exactly(problem, region_rank):
        said.not_derived("that the rank is not higher is known modulo primes only")
    design, aim, flat = problem.design(), problem.aim(), weights.ravel()
    n, size = design.shape
    columns = design[:, _independent(design, region_rank)]
    spread = np.inf  # where no weight changes an output, every point is a minimum
    if region_rank:
        spread = float(np.linalg.svd(columns, compute_uv=False)[-1]) * (1 - 1e-6)
    if columns.shape[1] != region_rank or (region_rank and not is_spread_at_least(columns, spread)):
        return said.settle_unchecked("no bound on the design's singular values is proved here")
    residual = aim - design @ flat
    error = gamma(size + 4) * (np.abs(design) @ np.abs(flat) + np.abs(aim))
    slope = np.abs(columns.T @ residual) + np.abs(columns).T @ (gamma(n + 4) * np.abs(residual) + error)
    steep = float(np.linalg.norm(slope)) * (1 + gamma(region_rank + 8))
    reach = steep / spread**2 * (1 + 1e-9)
    least = (
        float(np.linalg.norm(residual)) * (1 - gamma(n + 8)) - float(np.linalg.norm(error)) - steep / spread
    )
    said.require(
        _stays_inside(problem, weights, reach), "weights within reach of the gradient leave the region"
    )
    said.require(least > 0, "the loss of the minimum may be zero")
    lost = float(residual @ residual) - max(least, 0.0) ** 2
    said.require(lost <= 2 * n * 1e-3 * best, "the loss of the minimum may be lower than that of the weights")
    share = max(least, 0.0) ** 2 / float(aim @ aim) if np.any(aim) else 0.0
    said.at_most("least_loss", share, rtol=1e-3)
    return said.settle(
        f"a minimum within {reach:.2g} of the attached weights, of loss above {least**2 / (2 * n):.4g}"
    )


def _is_exactly(problem: NetworkProblem, count: int) -> bool:
    """Whether the rank is known exactly: by counting, or by an elimination in fractions."""
    # output weights scale columns, which changes no rank unless they are zero
    live = problem.active[0] & (problem.weights[1][0] != 0)
    design = (live[:, :, None] * problem.points[:, None, :]).reshape(len(problem.points), -1)
    if count == min(design.shape):
        return True
    used = design[:, np.any(design != 0, axis=0)]
    if not used.size:  # of rank zero
        return True
    if min(used.shape) ** 2 * max(used.shape) > MOST_ELIMINATION:
        return False
    sizes = np.abs(used[used != 0])
    if float(sizes.max()) > WIDEST * float(sizes.min()):  # fractions would have very many digits
        return False
    rows = [[Fraction(float(x)) for x in row] for row in (used if len(used) <= used.shape[1] else used.T)]
    exact_rank = 0
    for column in range(len(rows[0])):
        pivot = next((k for k in range(exact_rank, len(rows)) if rows[k][column]), None)
        if pivot is None:
            continue
        rows[exact_rank], rows[pivot] = rows[pivot], rows[exact_rank]
        for k in range(exact_rank + 1, len(rows)):
            ratio = rows[k][column] / rows[exact_rank][column]
            if ratio:
                rows[k] = [a - ratio * b for a, b in zip(rows[k], rows[exact_rank], strict=True)]
        exact_rank += 1
        if exact_rank > count or exact_rank == len(rows):
            break
    return exact_rank <= count


def _independent(design: Matrix, count: int) -> Vector:
    """Return the positions of independent columns, the longest remainder first."""
    rest, chosen = design.copy(), []
    for _ in range(count):
        sizes = np.linalg.norm(rest, axis=0)
        best = int(np.argmax(sizes))
        if not sizes[best] > 0:
            break
        chosen.append(best)
        unit = rest[:, best] / sizes[best]
        for _ in range(2):  # twice, so that rounding leaves nothing
            rest = rest - np.outer(unit, unit @ rest)
        rest[:, chosen] = 0
    return np.array(sorted(chosen), dtype=np.intp)


def _stays_inside(problem: NetworkProblem, weights: Matrix, reach: float) -> bool:
    """Whether all weights within a distance have the pattern, rounding included."""
    used = np.any(problem.points != 0, axis=1)
    points, sides = problem.points[used], np.where(problem.active[0], 1.0, -1.0)[used]
    inside = sides * (points @ weights.T)
    rounding = gamma(points.shape[1] + 4) * (np.abs(points) @ np.abs(weights).T)
    away = np.linalg.norm(points, axis=1)[:, None] * (1 + gamma(points.shape[1] + 4)) * reach
    return bool((inside > (rounding + away) * (1 + 1e-9)).all())
