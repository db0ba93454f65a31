"""Attached matrices with the same predictions, or that reproduce the same data, compared cell by cell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.results.reasons import assumption
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check
from lowland.core.rounding import gamma
from lowland.recheck.matrices.exact_fits import MOST_BLUR, MOST_MISFIT, misfit_of, usual_size
from lowland.recheck.matrices.problem import MatrixProblem
from lowland.recheck.matrices.tangents import tangent_values
from lowland.recheck.statement import Statement

SIDES = ("left", "right", "other_left", "other_right")
# two matrices closer than this fraction of their norm may be the same one
DIFFERENT = 1e-3
# smallest ratio of the measurements on the tangent space to their norm at which an answer is isolated
ALONE = 1e-5
# a neighbour closer than this fraction of the norm is not told from rounding
NEARBY = 1e-6
# difference of two predictions that may be rounding, as a fraction of the prediction
LAST_DIGITS = 1e-13


@final
@dataclass(frozen=True, eq=False)
class Factored:
    """A matrix as attached: factors with, in the last columns, biases."""

    left: Matrix
    right: Matrix

    def matrix(self) -> Matrix:
        """Return the matrix."""
        return np.asarray(self.left @ self.right.conj().T)

    def terms(self) -> float:
        """Return the norm of the sizes of the terms that its entries are summed from."""
        return float(np.linalg.norm(np.abs(self.left) @ np.abs(self.right).T))


def is_pair(said: Statement) -> bool:
    """Whether two matrices are attached."""
    return all(side in said.finding.witness for side in SIDES)


def read_factored(said: Statement, names: tuple[str, str], problem: MatrixProblem) -> Factored | None:
    """Return an attached matrix of the model, or None after noting what is wrong."""
    m, n = problem.shape
    left, right = (
        said.array(name, (length, None), reals=not problem.is_complex)
        for name, length in zip(names, (m, n), strict=True)
    )
    if left is None or right is None:
        return None
    by_row, by_column = bool({"row", "global"} & set(problem.free)), "column" in problem.free
    width = problem.rank + by_row + by_column
    if left.shape[1] != width or right.shape[1] != width:
        said.fault(f"an attached matrix has {left.shape[1]} columns instead of {width}")
        return None
    if by_row:
        said.require(
            bool(np.all(right[:, problem.rank] == 1)), "an attached matrix is none of the rank plus biases"
        )
    if by_row and "row" not in problem.free:
        column = left[:, problem.rank]
        said.require(
            bool(np.all(column == column[0])), "an attached matrix has row biases, which are not free"
        )
    if by_column:
        said.require(bool(np.all(left[:, -1] == 1)), "an attached matrix is none of the rank plus biases")
    if problem.is_psd:
        said.require(bool(np.array_equal(left, right)), "an attached matrix is not positive semidefinite")
    if problem.has_unit_trace:
        said.require(bool(abs(np.linalg.norm(left) - 1) <= 1e-9), "an attached matrix has not trace one")
    return Factored(left, right)


def measured(problem: MatrixProblem, given: Factored) -> tuple[Vector, Vector]:
    """Return the measurements of an attached matrix, and bounds on their rounding."""
    sizes = np.abs(given.left) @ np.abs(given.right).T
    kind = "complex128" if problem.is_complex else "float64"
    z = problem.measure(given.matrix())
    if problem.cells is not None:
        return z, gamma(given.left.shape[1] + 4, kind) * sizes[problem.cells]
    assert problem.matrices is not None
    reach = np.abs(problem.matrices).reshape(problem.y.size, -1) @ sizes.ravel()
    return z, gamma(given.left.shape[1] + 8, kind) * reach + 1e-15 * np.sqrt(sizes.size) * reach


def check_two_answers(said: Statement, problem: MatrixProblem) -> Check:
    """Compare two attached matrices with the data, datum by datum, and with each other."""
    said.require(said.verdict is Verdict.REFUTED, "two matrices refute uniqueness")
    said.require(not problem.is_penalised, "the problem is penalised: data need not be fitted")
    said.require(not problem.free, "with free biases no answer is known to be isolated")
    said.rigour(Rigour.RIGOROUS)
    one, other = (read_factored(said, names, problem) for names in (SIDES[:2], SIDES[2:]))
    if one is None or other is None or not problem.is_formed:
        return said.settle("") if said.faults else said.settle_unchecked("too large to be formed here")
    apart = float(np.linalg.norm(one.matrix() - other.matrix()) / np.linalg.norm(one.matrix()))
    said.close("value", apart, rtol=1e-4)
    said.must_say("two_answers", share=("near", apart, 1e-4 * apart))
    said.close("bound", DIFFERENT)
    said.require(apart >= DIFFERENT, f"the matrices are only {apart:.2g} of the norm apart")
    tolerance = said.needed("tolerance") or 0.0
    said.assume([assumption("share_counts_as_zero", share=tolerance)])
    said.bounded(problem.exact)
    said.require(0 <= tolerance <= MOST_MISFIT, f"residuals of {tolerance:g} of a datum never count as zero")
    worst, blur = 0.0, 0.0
    for given in (one, other):
        misfit = misfit_of(_at(problem, given))
        worst, blur = max(worst, misfit.worst), max(blur, misfit.blur)
        said.require(misfit.worst <= tolerance, f"a residual is {misfit.worst:.2g} of its datum")
    said.close("misfit", worst, rtol=1e-3, atol=blur)
    if not problem.free:
        for given in (one, other):
            values = tangent_values(_at(problem, given))
            if values is None:
                said.not_derived("the tangent space at an attached matrix is too large to be formed here")
                continue
            isolated = values[0] >= 0.9 * ALONE * values[1]
            said.require(
                isolated, "an attached matrix is not isolated: rounding may hide that it fits no better"
            )
    return said.settle(
        f"two matrices, {apart:.2g} of the norm apart, residuals of at most {worst:.2g} of a datum"
    )


def compare_neighbour(said: Statement, problem: MatrixProblem) -> float | None:
    """Compare an attached matrix with the point's: equal predictions, each at its own scale.

    Return their distance as a fraction of the norm of the point's, or None after noting what is wrong.
    """
    other = read_factored(said, ("left", "right"), problem)
    if other is None or not problem.is_formed:
        return None
    here = factored_point(problem)
    (z, error), (there, error_there) = measured(problem, here), measured(problem, other)
    off, rounding = np.abs(there - z), error + error_there
    around = usual_size(problem, z)
    # of a cell that biases reproduce, such as the only one of its row, nothing is left but rounding
    around = np.where(around <= 8 * np.finfo(float).eps * np.abs(z), np.abs(z), around)
    # terms of the point's own factors may cancel, too: then nothing can be said here
    if not _is_sharp(error, around):
        said.not_derived("terms of the factors cancel, so that rounding hides their predictions")
    elif not _is_sharp(rounding, around):
        said.not_derived("terms of the attached factors cancel, so that rounding hides their matrix")
    allowed = 2 * rounding + (2 * LAST_DIGITS + 16 * np.finfo(float).eps) * np.abs(z)
    said.require(bool((off <= allowed).all()), f"the predictions differ by up to {off.max(initial=0.0):.2g}")
    most = float(2 * rounding.max(initial=0.0))
    said.close("mismatch", float(off.max(initial=0.0)), rtol=1e-2, atol=most)
    x, y = here.matrix(), other.matrix()
    size, apart = float(np.linalg.norm(x)), float(np.linalg.norm(y - x))
    noise = 64 * np.finfo(float).eps * (here.terms() + other.terms())
    if not said.require(apart > max(NEARBY * size, noise), f"the matrices are only {apart:.2g} apart"):
        return None
    return apart / size if size > 0 else np.inf


def _is_sharp(rounding: Vector, around: Vector) -> bool:
    """Whether rounding of predictions is far below the usual size around them."""
    return bool((rounding <= MOST_BLUR * around)[around > 0].all())


def factored_point(problem: MatrixProblem) -> Factored:
    """Return the point's matrix with its biases as further columns."""
    (m, n), unit = problem.shape, problem.scaled_factor if problem.is_psd else problem.u
    left, right = [unit], [unit if problem.is_psd else problem.v]
    if {"row", "global"} & set(problem.free):
        rows = problem.row_biases if "row" in problem.free else np.zeros(m)
        left, right = [*left, (rows + problem.offset)[:, None]], [*right, np.ones((n, 1))]
    if "column" in problem.free:
        left, right = [*left, np.ones((m, 1))], [*right, problem.column_biases[:, None]]
    return Factored(np.hstack(left), np.hstack(right))


def _at(problem: MatrixProblem, given: Factored) -> MatrixProblem:
    """Return the problem at an attached matrix of its model."""
    r, free = problem.rank, problem.free
    left, right = given.left[:, :r], given.right[:, :r]
    if problem.is_psd:
        return replace(problem, u=left, v=left)
    moved = replace(problem, u=left, v=right, offset=0.0)
    if {"row", "global"} & set(free):
        column = given.left[:, r]
        moved = (
            replace(moved, row_biases=column) if "row" in free else replace(moved, offset=float(column[0]))
        )
    return replace(moved, column_biases=given.right[:, -1]) if "column" in free else moved
