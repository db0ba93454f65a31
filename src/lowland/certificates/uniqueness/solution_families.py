"""Families of matrices with the same predictions, by arguments that hold exactly, not to first order.

A direction that leaves the measurements unchanged to first order refutes nothing: they may change to second
order, or to eighth, where rounding hides it. A family exists if

- the Jacobian's rank is constant around the point: it is at least the rank computed at the point, with a
  margin, and at most the rank at almost all points, by counting or modulo primes. The points with the same
  predictions are then a manifold (constant rank theorem), of a larger dimension than those with the same
  matrix;
- or, with the other factor fixed, the equations of a line of the matrix are exactly underdetermined: fewer
  measurements than unknowns, dependent equations, or no measurement at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.certificates.factorisations import singular_values, svd
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.complex_views import embed
from lowland.core.promises.fits import MatrixFit
from lowland.core.results.findings import Finding
from lowland.core.results.reasons import Reason, assumption, because
from lowland.core.results.records import ObservedPattern
from lowland.core.results.status import Rigour, Verdict
from lowland.kernels.modular_arithmetic.exact_integers import exact_rank

# a factor's smallest singular value must be at least this fraction of its largest
SMOOTH = 1e-8
# relative singular value below which the equations of a line are checked exactly, and how many at most
NEARLY_DEPENDENT, MOST_CELLS = 1e-10, 400


@final
@dataclass(frozen=True)
class Family:
    """The reason why there are arbitrarily close matrices with the same predictions.

    Parameters
    ----------
    reason : tuple of Phrase
    rigour : Rigour
    change : ndarray, shape (size,), optional
        A change of the given point; any multiple of it leaves the predictions unchanged.
    assumptions : tuple of str
    """

    reason: Reason
    rigour: Rigour
    change: Vector | None = None
    assumptions: tuple[str, ...] = ()


def prove_family(
    objective: MatrixFit, given: Vector, theta: Vector, seen: int, finite: Finding
) -> Family | None:
    """Return the reason why the matrix of a point belongs to a family, or None.

    Parameters
    ----------
    objective : Objective
        A recovery objective in float64.
    given : ndarray, shape (size,)
        The point as given, not rescaled.
    theta : ndarray, shape (size,)
        The balanced point of the same matrix.
    seen : int
        Number of singular values of the Jacobian at the point that are not zero, rounding included.
    finite : Finding
        On ``determined_by_data``; it holds the rank at almost all points.

    Returns
    -------
    Family or None
        None if nothing is proved.
    """
    if finite.verdict is Verdict.REFUTED:
        by_rank = _by_constant_rank(objective, theta, seen, finite)
        if by_rank is not None:
            return by_rank
        if objective.observed_pattern is None and _any_line(finite):
            return Family(because("unmeasured"), finite.rigour)
    pattern = objective.observed_pattern
    return None if pattern is None else _by_line(objective, pattern, given)


def _by_constant_rank(objective: MatrixFit, theta: Vector, seen: int, finite: Finding) -> Family | None:
    generic, freedom = finite.value, objective.degrees_of_freedom
    if generic is None or not seen >= generic or not generic < freedom or not is_smooth(objective, theta):
        return None
    reason = because("constant_rank", rank=seen, lost=freedom - int(generic))
    counted = finite.rigour is Rigour.RIGOROUS and generic == _count(objective)
    if counted:  # no rank exceeds the number of measurements
        return Family(reason, Rigour.RIGOROUS)
    return Family(reason, Rigour.PROBABILISTIC, assumptions=(assumption("usual_primes"),))


def _count(objective: MatrixFit) -> int:
    """Return the number of measurements, each cell once."""
    pattern = objective.observed_pattern
    if pattern is None:
        return int(objective.y.size)
    return int(np.unique(pattern.rows * pattern.shape[1] + pattern.columns).size)


def is_smooth(objective: MatrixFit, theta: Vector) -> bool:
    """Whether points with the same matrix as this one form a manifold of the gauge's dimension."""
    return all(_is_independent(side) for side in _sides(objective, theta))


def _sides(objective: MatrixFit, theta: Vector) -> tuple[Matrix, Matrix]:
    """Return the columns of each factor, plus a column of ones if the other side has a free bias."""
    u, v = objective.model.sides(theta)
    biases = objective.model.biases
    for_columns = np.hstack([u, np.ones((len(u), 1))]) if {"column", "global"} & set(biases) else u
    for_rows = np.hstack([v, np.ones((len(v), 1))]) if {"row", "global"} & set(biases) else v
    return for_columns, for_rows


def _is_independent(columns: Matrix) -> bool:
    if columns.shape[1] > columns.shape[0]:
        return False
    sizes = np.linalg.norm(columns, axis=0)
    if not (sizes > 0).all():
        return False
    values = singular_values(columns / sizes)
    return bool(values[-1] > SMOOTH * values[0])


def _any_line(finite: Finding) -> bool:
    return any(np.size(finite.witness.get(name, ())) > 0 for name in ("short_rows", "short_columns"))


def _by_line(objective: MatrixFit, pattern: ObservedPattern, theta: Vector) -> Family | None:
    """Look for a row or column that its observed cells do not determine, with the other factor fixed."""
    for_columns, for_rows = _sides(objective, theta)
    biases = set(objective.model.biases)
    # a global bias changes all lines: only a bias of the line itself is an unknown of the line
    sides = (
        ("row", pattern.rows, pattern.columns, for_rows, "row" in biases),
        ("column", pattern.columns, pattern.rows, for_columns, "column" in biases),
    )
    for kind, lines, partners, equations, biased in sides:
        unknowns = equations if biased or equations.shape[1] == objective.rank else equations[:, :-1]
        if not _is_independent(unknowns):
            continue  # a free direction might leave the matrix unchanged
        count = int(pattern.shape[0 if kind == "row" else 1])
        open_line = _open_line(lines, partners, unknowns, count)
        if open_line is not None:
            line, change = open_line
            reason = because("open_line", side=kind, line=line)
            return Family(reason, Rigour.RIGOROUS, _change_of_line(objective, kind, line, change))
    return None


def _change_of_line(objective: MatrixFit, kind: str, line: int, change: Vector) -> Vector:
    """Return the change of a point for given changes of a row's or column's factor and, last, its bias."""
    m, n = objective.shape
    sides = [np.zeros((length, objective.rank), change.dtype) for length in (m, n)]
    biases, side = [np.zeros(m), np.zeros(n)], 0 if kind == "row" else 1
    sides[side][line] = change[: objective.rank].conj()
    if change.size > objective.rank:
        biases[side][line] = change[-1]
    return objective.model.join(sides[0], sides[1], biases[0], biases[1])


def _open_line(lines: Indices, partners: Indices, unknowns: Matrix, count: int) -> tuple[int, Vector] | None:
    """Return a line that its cells do not determine, and a change that they allow."""
    order = np.argsort(lines, kind="stable")
    ends = np.searchsorted(lines[order], np.arange(count + 1))
    for line in range(count):
        cells = np.unique(partners[order[ends[line] : ends[line + 1]]])
        width = unknowns.shape[1]
        equations = unknowns[cells]
        if cells.size < width:
            return line, _null_vector(equations)
        values = singular_values(equations)
        if values[-1] > NEARLY_DEPENDENT * values[0] or cells.size > MOST_CELLS:
            continue
        parts = 2 if np.iscomplexobj(equations) else 1
        if exact_rank(embed(equations)) < parts * width:
            return line, _null_vector(equations)
    return None


def _null_vector(equations: Matrix) -> Vector:
    """Return the unit vector that the equations map closest to zero."""
    width = equations.shape[1]
    vector: Vector = svd(np.vstack([equations, np.zeros((width, width))]))[2][-1].conj()
    return vector
