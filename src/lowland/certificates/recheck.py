"""Independent check of a certificate's numbers and witnesses, by formulas rewritten for tables.

Nothing here calls the judges, the objectives or the search: only NumPy, dense matrices, and the data. It is
slow and short on purpose, so that it is easy to read and free to disagree.
"""

from __future__ import annotations

import numpy as np

from lowland.certificates.recheck_outcomes import Check, confirmed, contradicted, not_checked
from lowland.certificates.recheck_positions import check_determined, check_nearby, check_unique
from lowland.certificates.table_problem import TableProblem
from lowland.core.arrays import Vector
from lowland.core.findings import Certificate, Finding
from lowland.core.status import Rigour, Verdict

# relative tolerance for numbers that were computed twice
AGREE = 1e-6
# numerical claims, which are never proved
NEVER_PROVED = ("stationary", "second_order_stationary", "strict_local_minimum")
# a claim with a larger tolerance is meaningless
LARGEST_TOLERANCE, LARGEST_GAP = 1e-3, 0.1
# larger residuals never count as zero, whatever a finding assumes: units in the last place, fraction of datum
LARGEST_PLACES, LARGEST_MISFIT = 1000.0, 1e-11
# square root of the largest number of cells of a matrix that is formed
LONGEST_SIDE = 2000


def recheck(certificate: Certificate, problem: TableProblem) -> tuple[Check, ...]:
    """Check every finding of a certificate against data and point.

    Parameters
    ----------
    certificate : Certificate
    problem : TableProblem

    Returns
    -------
    tuple of Check
        CONTRADICTED names the number that differs. Numerical evidence that is not a proof is not
        checked, nor are findings that would need matrices that are too large.
    """
    checks = []
    for finding in certificate:
        if finding.verdict is Verdict.PROVED and finding.claim in NEVER_PROVED:
            words = "numerical evidence can support this claim but never prove it"
            checks.append(contradicted(finding, words))
        elif _contradicts(finding, certificate):
            words = "the matrix cannot be unique if infinitely many fit"
            checks.append(contradicted(finding, words))
        else:
            checks.append(CHECKS[finding.claim](finding, problem))
    return tuple(checks)


def _contradicts(finding: Finding, certificate: Certificate) -> bool:
    """Whether uniqueness is proved although finiteness is refuted."""
    sides = {"determined_by_data": Verdict.REFUTED, "uniquely_determined": Verdict.PROVED}
    if finding.claim not in sides:
        return False
    return all(claim in certificate and certificate[claim].verdict is side for claim, side in sides.items())


def _agree(finding: Finding, stated: float | None, found: float, words: str) -> Check:
    if stated is not None and np.isclose(stated, found, rtol=AGREE, atol=1e-12):
        return confirmed(finding, f"{words}: {found:.6g}")
    return contradicted(finding, f"{words}: {stated} stated, {found:.9g} found")


def _check_stationary(finding: Finding, problem: TableProblem) -> Check:
    size = np.linalg.norm(_gradient(problem, problem.weights * problem.residual(), penalised=True))
    unfitted = problem.weights * problem.without_biases(problem.y)
    scale = np.linalg.norm(_gradient(problem, unfitted, penalised=False))
    digits = np.finfo(float).eps * (np.abs(problem.y) + np.abs(problem.residual() + problem.y))
    rounding = 8 * np.linalg.norm(_gradient(problem, problem.weights * digits, penalised=False))
    words = f"gradient {size:.2g}, compared with {scale:.2g} for the unfitted residuals"
    tolerance = finding.tolerance if finding.tolerance is not None else 1e-6
    if not 0 <= tolerance <= LARGEST_TOLERANCE:
        return contradicted(finding, f"a tolerance of {tolerance:g} makes the claim meaningless; {words}")
    # unlike the judge's, this gradient is not balanced: allow a factor of ten either way
    too_large = size > 10 * tolerance * scale + rounding
    too_small = size < 0.1 * tolerance * scale
    wrong = {Verdict.SUPPORTED: too_large, Verdict.PROVED: True, Verdict.REFUTED: too_small}
    return contradicted(finding, words) if wrong.get(finding.verdict) else confirmed(finding, words)


def _gradient(problem: TableProblem, numbers: Vector, *, penalised: bool) -> Vector:
    """Return the gradient in factors and biases for slopes of the observed cells."""
    slope, (by_row, by_column) = problem.scatter(numbers), problem.side_weights()
    parts = [slope @ problem.v, slope.T @ problem.u]
    biases = [slope.sum(axis=1), slope.sum(axis=0), np.array([slope.sum()])] if problem.biases else []
    if penalised:
        parts[0] = parts[0] + problem.penalty * by_row[:, None] * problem.u
        parts[1] = parts[1] + problem.penalty * by_column[:, None] * problem.v
        if biases:
            biases[0] = biases[0] + problem.bias_penalty * by_row * problem.row_biases
            biases[1] = biases[1] + problem.bias_penalty * by_column * problem.column_biases
    return np.concatenate([part.ravel() for part in (*parts, *biases)])


def _check_optimal(finding: Finding, problem: TableProblem) -> Check:
    if finding.verdict is Verdict.REFUTED:
        if finding.claim == "globally_optimal" and "lower_point" in finding.witness:
            return _check_lower_point(finding, problem)
        attached = {"left", "right", "length"} <= set(finding.witness)
        if finding.claim == "globally_optimal" or not attached:
            return contradicted(finding, "refuted, but no better point is attached")
        return _check_descent(finding, problem)
    if "misfit" in finding.witness:
        return _check_exact_fit(finding, problem)
    formed = problem.shape[0] * problem.shape[1] <= LONGEST_SIDE**2
    if "objective" not in finding.witness or not formed or not problem.penalty:
        return not_checked(finding, "no gap is stated, or the matrix is too large")
    value = problem.objective()
    if finding.claim == "convex_optimal":
        value = min(value, problem.convex_objective(problem.u @ problem.v.T))
    stated = float(finding.witness["objective"])
    if not np.isclose(stated, value, rtol=AGREE):
        return _agree(finding, stated, value, "objective")
    return _check_gap(finding, problem, value)


def _check_gap(finding: Finding, problem: TableProblem, value: float) -> Check:
    """Compare every number derived from a lower bound with the value that an independent bound gives."""
    bound = problem.dual_bound()
    words = f"objective {value:.6g}, lower bound {bound:.6g}, relative gap {(value - bound) / value:.2g}"
    # another construction of the dual vector: its bound may be slightly worse, never much
    needed = max(0.95 * (value - bound) - 1e-6 * value, 0.0)
    for name, said, least in (
        ("a gap of", finding.value, needed / value),
        ("the gap", finding.witness.get("gap"), needed),
        ("fitted values within", finding.witness.get("fitted_distance"),
         2 * np.sqrt(2 * needed / problem.weights.sum())),
    ):  # fmt: skip
        if said is not None and said < least:
            return contradicted(finding, f"{name} {said:.3g} is too small: {words}")
    lower = finding.witness.get("lower_bound")
    if lower is not None and lower > value - needed:
        return contradicted(finding, f"a lower bound of {lower:.9g} is too large: {words}")
    if finding.verdict is Verdict.PROVED and not _is_within(finding):
        return contradicted(finding, f"proved with a gap of {finding.value}: {words}")
    return confirmed(finding, words)


def _is_within(finding: Finding) -> bool:
    tolerance = finding.tolerance or 0.0
    return finding.value is not None and finding.value <= tolerance <= LARGEST_GAP


def _check_exact_fit(finding: Finding, problem: TableProblem) -> Check:
    """Measure the misfit in units in the last place, and of each datum relative to those around it."""
    residual = np.abs(problem.sharp_residual())
    squares = 0.5 * float(np.sum(problem.weights * residual**2)) + problem.paid()
    spacing = np.where(problem.y == 0, 0.0, np.spacing(np.abs(problem.y)))
    halves = 0.5 * float(np.sum(problem.weights * (spacing / 2) ** 2))
    places = 0.5 * np.sqrt(squares / halves) if halves > 0 else (0.0 if squares == 0 else np.inf)
    worst = float(np.max(residual / problem.usual_size(), initial=0.0))
    words = f"{places:.3g} units in the last place (root mean square), at worst {worst:.2g} of the datum"
    if finding.verdict is not Verdict.PROVED:
        return confirmed(finding, words)
    said = finding.value if finding.value is not None else np.inf
    rigorous = finding.rigour is Rigour.RIGOROUS
    if rigorous and not squares <= halves * (1 + 1e-9):
        return contradicted(finding, f"stated to be within half a unit of every datum: {words}")
    if not rigorous and not finding.assumptions:
        return contradicted(finding, f"no assumption states that such residuals count as zero: {words}")
    # the judge's predictions were rounded
    good = places <= 1.1 * said + 1 and places <= LARGEST_PLACES and worst <= LARGEST_MISFIT
    return confirmed(finding, words) if good else contradicted(finding, f"{said:.3g} stated; {words}")


def _check_descent(finding: Finding, problem: TableProblem) -> Check:
    """Add the rank-one matrix, which must lower the convex objective."""
    left, right = (np.asarray(finding.witness[side], dtype=float).ravel() for side in ("left", "right"))
    if (left.size, right.size) != problem.shape:
        return contradicted(finding, f"the attached matrix has shape {left.size} x {right.size}")
    here = problem.u @ problem.v.T
    before = problem.convex_objective(here)
    after = problem.convex_objective(here + float(finding.witness["length"]) * np.outer(left, right))
    words = f"the convex objective is {after:.9g} at the attached matrix, {before:.9g} at the point"
    stated = 0.0 if finding.value is None else finding.value
    good = after < before and (before - after) >= (0.95 * stated - 1e-9) * before
    return confirmed(finding, words) if good else contradicted(finding, words)


def _check_lower_point(finding: Finding, problem: TableProblem) -> Check:
    """Evaluate the objective at the attached point, which must be lower by the stated amount."""
    point = np.asarray(finding.witness["lower_point"], dtype=float)
    if point.shape != (problem.size,) or not np.isfinite(point).all():
        return contradicted(finding, f"the attached point has {point.size} numbers instead of {problem.size}")
    here, there = problem.objective(), problem.at(point).objective()
    words = f"the objective is {there:.9g} at the attached point, {here:.9g} at this one"
    least = max(finding.tolerance or 0.0, 0.95 * (finding.value or 0.0))
    good = here - there > least * here
    return confirmed(finding, words) if good else contradicted(finding, words)


def _check_curvature(finding: Finding, problem: TableProblem) -> Check:
    if "direction" not in finding.witness:
        return not_checked(finding, "numerical evidence, not a proof")
    direction = np.asarray(finding.witness["direction"], dtype=float)
    if direction.size != problem.size:
        words = f"the attached direction has {direction.size} numbers instead of {problem.size}"
        return contradicted(finding, words)

    def moved(step: float) -> float:
        return problem.at(problem.point() + step * direction).objective()

    step = 1e-3 * float(np.sqrt(np.sum(problem.u**2) + np.sum(problem.v**2)) or 1.0)
    curvature = (moved(step) + moved(-step) - 2 * moved(0.0)) / step**2
    good = curvature < 0 or finding.verdict is not Verdict.REFUTED
    words = f"curvature {curvature:.3g} along the attached direction"
    return confirmed(finding, words) if good else contradicted(finding, words)


CHECKS = {
    "stationary": _check_stationary,
    "second_order_stationary": _check_curvature,
    "strict_local_minimum": _check_curvature,
    "globally_optimal": _check_optimal,
    "convex_optimal": _check_optimal,
    "locally_unique": check_nearby,
    "determined_by_data": check_determined,
    "uniquely_determined": check_unique,
}
