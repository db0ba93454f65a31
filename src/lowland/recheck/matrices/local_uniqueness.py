"""Whether other matrices nearby have the same predictions, derived again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.complex_views import as_reals
from lowland.core.results.findings import Certificate
from lowland.core.results.reasons import assumption
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check
from lowland.recheck.bounds import is_norm_at_most, is_spread_at_least
from lowland.recheck.matrices.derivatives import Progress, gauge, gram, is_jacobian_formed, spectrum_off
from lowland.recheck.matrices.lines import seen_cells
from lowland.recheck.matrices.measured_determinacy import operator_rank
from lowland.recheck.matrices.observed_cells import seen_rank
from lowland.recheck.matrices.pairs import compare_neighbour
from lowland.recheck.matrices.problem import MatrixProblem
from lowland.recheck.matrices.tangents import tangent_of
from lowland.recheck.modular_rank import PRIMES, rank, residues
from lowland.recheck.statement import UNKNOWN_WORDS, Statement

# how singular values were found
SPECTRA = ("all_values", "some_values", "reduced_values")
# open questions, and of these, statements about the data that are quickly tested
OPEN, TESTABLE = ("jacobian_cost", "values_cost"), ("no_values", "overflow")
# singular values below a smaller fraction of the largest are never called clearly different from zero
LEAST_NEGLIGIBLE, MOST_NEGLIGIBLE = 0.99e-6, 1e-5
# numbers found by iteration agree to this
ROUGH = 5e-3
# and distances of matrices to this fraction of them
CLOSE = 1e-6
# a factor whose smallest singular value is a smaller fraction of its largest is not of full rank
SMOOTH = 1e-8
# derivatives of a matrix of fixed trace that are a smaller fraction of those of the others are rounding
HIDDEN = 1e-10
MOST_LINE = 400


def check_local_uniqueness(
    said: Statement, problem: MatrixProblem, beside: Certificate, progress: Progress | None = None
) -> Check:
    """Compare a radius, singular values, or an attached neighbour with the measurements."""
    if said.is_open and any(said.says(code) for code in OPEN):
        return said.nothing_claimed()
    if said.is_open and any(said.says(code) for code in TESTABLE):
        if is_jacobian_formed(problem):
            values = _singular_values(problem)
            usable = np.isfinite(values).all() and values.size and values[-1] > _hidden(problem)
            said.require(not usable, "the Jacobian is finite, and not zero")
        return said.nothing_claimed()
    if progress is not None:
        progress("locally_unique: the tangent space")
    if said.code != "constant_rank":
        said.assume()
    if said.verdict is Verdict.PROVED:
        return _check_radius(said, problem)
    if not is_jacobian_formed(problem):
        return said.settle_unchecked("a Jacobian of this size is not formed here")
    values = _singular_values(problem)
    if values.size == 0 or not values[-1] > 0:
        said.fault("the Jacobian at the point is zero")
        return said.settle("")
    if values[-1] <= _hidden(problem):
        return said.settle_unchecked("all that the Jacobian has is rounding")
    return _check_values(said, problem, values)


def _check_radius(said: Statement, problem: MatrixProblem) -> Check:
    """Prove each number of a radius by one factorisation, and the radius from them."""
    smallest, norm, least = (said.needed(name) for name in ("smallest", "norm", "singular_value"))
    radius = said.needed("radius")
    said.close("deficiency", 0.0)
    for name in ("bound", "tolerance"):
        said.close(name, 0.0)
    said.rigour(Rigour.RIGOROUS)
    size = float(np.linalg.norm(problem.low_rank())) if problem.is_formed else 0.0
    if problem.free or problem.has_unit_trace:
        said.fault("with free biases or a fixed trace no radius can be proved")
    if smallest is None or norm is None or least is None or radius is None or said.faults:
        return said.settle("")
    if not problem.is_formed or not problem.exact:
        return said.settle_unchecked("the measurements are not formed here")
    tangent = tangent_of(problem)
    if tangent is None:
        return said.settle_unchecked("the tangent space is too large to be formed here, or the rank is lower")
    said.close("value", smallest / norm if norm > 0 else None)
    said.at_most("relative_radius", radius / size if size > 0 else 0.0)
    said.must_say("isolated", radius=radius)
    if size > 0:
        said.must_say("of_the_norm", share=radius / size)
    said.must_say("tangent_space")
    good = norm > 0 and is_measured_at_most(problem, norm)
    said.require(good, f"the measurements may exceed {norm:.6g} times the norm of the matrix")
    said.require(
        least <= tangent.least * (1 + 1e-9),
        f"the smallest singular value is only proved to be {tangent.least:.6g}",
    )
    good = is_spread_at_least(tangent.jacobian, smallest + tangent.tilt * norm, tangent.error)
    said.require(
        good, f"on the tangent space the measurements are not proved to be {smallest:.6g} times the norm"
    )
    most = 2 * least * smallest * norm / (norm**2 + smallest**2)
    said.require(radius <= most * (1 + 1e-9), f"these numbers give a radius of {most:.6g}")
    return said.settle(f"radius {radius:.3g} from a tangent space of {tangent.jacobian.shape[1]} dimensions")


def is_measured_at_most(problem: MatrixProblem, norm: float) -> bool:
    """Whether |A(Z)| <= norm |Z| is proved for all matrices Z of the structure."""
    n = problem.shape[1]
    if problem.cells is not None and not problem.is_psd:
        most = np.unique(problem.cells[0] * n + problem.cells[1], return_counts=True)[1].max(initial=0)
        return bool(most <= norm**2 * (1 + 1e-12))
    if problem.cells is not None:
        i, j = problem.cells
        pairs = np.minimum(i, j) * n + np.maximum(i, j)
        lines, counts = np.unique(pairs, return_counts=True)
        # an entry off the diagonal has half of the squared norm of the matrix, at most
        most = np.max(np.where(lines // n == lines % n, counts, counts / 2), initial=0.0)
        return bool(most <= norm**2 * (1 + 1e-12))
    assert problem.matrices is not None
    cube = problem.matrices
    if problem.is_psd:
        cube = (cube + cube.conj().transpose(0, 2, 1)) / 2
    table = np.ascontiguousarray(cube.reshape(len(cube), -1).conj())
    if problem.is_complex:  # the real part of a complex sum, a real-linear map
        table = as_reals(table).reshape(len(cube), -1)
    error = 4 * np.finfo(float).eps * float(np.linalg.norm(table)) if problem.is_psd else 0.0
    # a common factor of stated and true norm decides nothing: allow the last digits
    return is_norm_at_most(table, norm * (1 + 1e-9) + error, error)


def _singular_values(problem: MatrixProblem) -> np.ndarray:
    """Return the singular values of the Jacobian at balanced factors off the gauge, ascending."""
    even = problem.balanced()
    values, _ = spectrum_off(gram(even, np.ones(even.y.size)), gauge(even, penalised=False))
    return np.sqrt(np.maximum(values, 0.0))


def _hidden(problem: MatrixProblem) -> float:
    """Return below which singular values are rounding alone: of that of a matrix whose trace is not fixed."""
    if not problem.has_unit_trace:
        return 0.0
    free = replace(problem.balanced(), has_unit_trace=False)
    return HIDDEN * float(np.sqrt(np.trace(gram(free, np.ones(free.y.size)))))


def _check_values(said: Statement, problem: MatrixProblem, values: np.ndarray) -> Check:
    """Compare singular values, and what follows from those that vanish."""
    tolerance = said.needed("tolerance") or 0.0
    meaningful = LEAST_NEGLIGIBLE <= tolerance <= MOST_NEGLIGIBLE
    said.require(
        meaningful, f"a tolerance of {tolerance:g} is no fraction below which singular values are negligible"
    )
    said.close("bound", tolerance)
    count = int(np.sum(values[:-1] <= tolerance * values[-1])) if values.size > 1 else 0
    spectrum = said.phrases[-1].code if said.phrases else ""
    few = spectrum != "all_values"
    # squares of singular values are accurate to rounding of the largest
    dust = 1e-7 * float(values[-1])
    if spectrum == "reduced_values":
        said.at_most("smallest", float(values[0]), rtol=ROUGH, atol=dust)
        said.at_least("largest", float(values[-1]), rtol=ROUGH)
        said.at_most("value", float(values[0] / values[-1]), rtol=2 * ROUGH, atol=1e-7)
    else:
        said.close("smallest", float(values[0]), rtol=ROUGH if few else 1e-4, atol=dust)
        said.close("largest", float(values[-1]), rtol=ROUGH if few else 1e-6)
        said.close("value", float(values[0] / values[-1]), rtol=2 * ROUGH if few else 1e-4, atol=1e-7)
    said.at_most("deficiency", float(count), rtol=0.0)
    words = f"singular values from {values[0]:.3g} to {values[-1]:.3g}, {count} of them negligible"
    if said.verdict is Verdict.REFUTED:
        words = _check_family(said, problem, values, words)
    elif said.is_open or said.verdict is Verdict.SUPPORTED:
        said.rigour(Rigour.WORKING_PRECISION)
    if said.verdict is Verdict.SUPPORTED:
        said.require(
            values[0] > tolerance * values[-1],
            f"the smallest singular value is {values[0] / values[-1]:.2g} of the largest",
        )
    else:
        said.must_say("unseen_at_least" if few else "unseen", count=said.whole("deficiency"))
        said.require(count > 0, "no direction leaves the measurements unchanged to first order")
    said.require(any(said.says(code) for code in SPECTRA), UNKNOWN_WORDS)
    return said.settle(words)


def _check_family(said: Statement, problem: MatrixProblem, values: np.ndarray, words: str) -> str:
    """Compare why others are arbitrarily close, and the one that is attached; return what was found."""
    apart = compare_neighbour(said, problem)
    rigour = _reason_rigour(said, problem, values)
    if rigour is not None:
        said.rigour(rigour)
    if apart is None:
        said.fault("no other matrix with the same predictions is attached")
        return words
    said.must_say("attached", distance=("near", apart, CLOSE * apart))
    return f"{words}; the attached matrix is {apart:.2g} of the norm away"


def _reason_rigour(said: Statement, problem: MatrixProblem, values: np.ndarray) -> Rigour | None:
    """Return the rigour of a reason that holds, None after noting that it does not."""
    if said.code == "constant_rank":
        generic, rigour = _generic_rank(problem)
        if generic is None:
            said.says("constant_rank", rank=None, lost=None)
            said.not_derived("the rank at almost all points is not computed here")
            said.assume(said.finding.assumptions)
            return said.finding.rigour
        seen = int(np.sum(values > 10 * (said.finding.tolerance or 0.0) * values[-1]))
        said.says("constant_rank", rank=seen, lost=problem.freedom - generic)
        said.require(
            seen >= generic and generic < problem.freedom, f"the rank at almost all points is {generic}"
        )
        said.require(_is_smooth(problem.balanced()), "a factor is not of full rank")
        said.bounded(problem.exact)
        said.assume(() if rigour is Rigour.RIGOROUS else (assumption("usual_primes"),))
        return rigour
    if said.says("unmeasured"):
        used = np.zeros(problem.shape, bool)
        if problem.cells is not None:
            used = seen_cells(problem.cells, problem.shape)
        elif problem.matrices is not None:
            used = np.any(problem.matrices != 0, axis=0)
        if problem.is_psd:  # a row is measured if its column is
            used = used | used.T
        good = not (used.any(axis=1).all() and used.any(axis=0).all()) and not problem.has_unit_trace
        said.require(good, "every row and column is measured")
        said.bounded(problem.exact)
        return Rigour.PROBABILISTIC
    if said.code == "open_line" and problem.cells is not None and not problem.is_psd:
        side, line = (str(said.phrases[0].numbers[name]) for name in ("side", "line"))
        position = int(line) if line.isdecimal() else -1
        said.says("open_line", side=("of", ("row", "column")), line=position)
        good = side in ("row", "column") and _is_open_line(problem, side, position)
        said.require(good, f"{side} {line} is determined by its cells")
        return Rigour.RIGOROUS
    said.fault(UNKNOWN_WORDS)
    return None


def _generic_rank(problem: MatrixProblem) -> tuple[int | None, Rigour]:
    """Return the rank at almost all points, by counting or modulo primes."""
    if problem.cells is not None and not problem.is_psd and not problem.is_complex:
        seen = seen_cells(problem.cells, problem.shape)
        generic, most = seen_rank(seen, problem.rank, problem.free, problem.freedom), int(seen.sum())
    elif problem.y.size < problem.freedom:  # no rank exceeds the number of measurements
        return problem.y.size, Rigour.RIGOROUS
    else:
        generic, most = operator_rank(problem), problem.y.size
    if generic is None:
        return None, Rigour.PROBABILISTIC
    return generic[0], Rigour.RIGOROUS if generic[0] == most else Rigour.PROBABILISTIC


def _sides(problem: MatrixProblem) -> tuple[Matrix, Matrix]:
    """Return the columns of each factor, with one of ones where the other side has a free bias."""
    u, v = (problem.scaled_factor,) * 2 if problem.is_psd else (problem.u, problem.v)
    ones = (np.ones((len(side), 1)) for side in (u, v))
    free = set(problem.free)
    for_columns = np.hstack([u, next(ones)]) if {"column", "global"} & free else u
    for_rows = np.hstack([v, np.ones((len(v), 1))]) if {"row", "global"} & free else v
    return for_columns, for_rows


def _is_smooth(problem: MatrixProblem) -> bool:
    return all(_is_independent(side) for side in _sides(problem))


def _is_independent(columns: Matrix) -> bool:
    sizes = np.linalg.norm(columns, axis=0)
    if columns.shape[1] > columns.shape[0] or not (sizes > 0).all():
        return False
    values = np.linalg.svd(columns / sizes, compute_uv=False)
    return bool(values[-1] > SMOOTH * values[0])


def _is_open_line(problem: MatrixProblem, kind: str, line: int) -> bool:
    """Whether the equations of a line, with the other factor fixed, are exactly underdetermined."""
    assert problem.cells is not None
    lines, partners = problem.cells if kind == "row" else problem.cells[::-1]
    equations = _sides(problem)[1 if kind == "row" else 0]
    if kind not in problem.free:
        equations = equations[:, : problem.rank]
    if line >= problem.shape[0 if kind == "row" else 1] or not _is_independent(equations):
        return False
    some = np.unique(partners[lines == line])
    if some.size < equations.shape[1]:
        return True
    if some.size > MOST_LINE or problem.is_complex:
        return False
    # deficient modulo both primes: the floats are exact fractions
    ranks = [rank(residues(equations[some], prime), prime) for prime in PRIMES]
    return bool(max(ranks) < equations.shape[1])
