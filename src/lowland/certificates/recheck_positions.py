"""Independent checks of what the positions of a table's cells determine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lowland.certificates.recheck_outcomes import Check, confirmed, contradicted, not_checked
from lowland.certificates.table_problem import TableProblem
from lowland.core.findings import Finding
from lowland.core.status import Verdict

# largest number of unknowns whose Jacobian is formed
MOST_UNKNOWNS = 2000


def check_nearby(finding: Finding, problem: TableProblem) -> Check:
    """Check a radius that excludes other matrices, or an attached other matrix."""
    if finding.verdict is Verdict.REFUTED:
        attached = "left" in finding.witness
        return (
            _check_pair(finding, problem)
            if attached
            else contradicted(finding, "no other matrix is attached")
        )
    if finding.verdict is not Verdict.PROVED:
        return not_checked(finding, "numerical evidence, not a proof")
    (m, n), r = problem.shape, problem.u.shape[1]
    if problem.biases or "radius" not in finding.witness:
        return contradicted(finding, "no radius is stated, or biases are free, for which none can be proved")
    if (m + n - r) * r > MOST_UNKNOWNS:
        return not_checked(
            finding, f"a tangent space of {(m + n - r) * r} dimensions is too large to be formed"
        )
    # Z = D P^T + Q F^T N^T in orthonormal coordinates D and F
    q, s, pt = np.linalg.svd(problem.u @ problem.v.T)
    q, p, rest, sigma = q[:, :r], pt[:r].T, pt[r:].T, float(s[r - 1])
    i, j = problem.rows, problem.columns
    jacobian = np.zeros((i.size, m * r + (n - r) * r))
    for k in range(r):
        jacobian[np.arange(i.size), i * r + k] = p[j, k]
        jacobian[:, m * r + np.arange(n - r) * r + k] = q[i, k][:, None] * rest[j]
    smallest = float(np.linalg.svd(jacobian, compute_uv=False)[-1]) if i.size >= jacobian.shape[1] else 0.0
    norm = float(np.sqrt(np.unique(i * n + j, return_counts=True)[1].max()))
    radius = 2 * sigma * smallest * norm / (norm**2 + smallest**2)
    said = float(finding.witness["radius"])
    words = f"radius {said:.3g} stated, {radius:.3g} found"
    return confirmed(finding, words) if said <= radius * (1 + 1e-6) else contradicted(finding, words)


def check_unique(finding: Finding, problem: TableProblem) -> Check:
    """Check two matrices that fit equally, or that everything follows from a complete block."""
    if finding.verdict is Verdict.REFUTED and "left" in finding.witness:
        return _check_pair(finding, problem)
    if finding.verdict is Verdict.REFUTED:  # refuted because finiteness is
        return check_determined(finding, problem)
    if finding.verdict is not Verdict.PROVED:
        return not_checked(finding, "not decided")
    m, n = problem.shape
    seen = np.zeros((m, n), bool)
    seen[problem.rows, problem.columns] = True
    if seen.all():
        return confirmed(finding, "every cell is observed")
    if problem.biases:
        return contradicted(finding, "with free biases this can be proved only for full tables")
    if _follows(seen, problem.u.shape[1]):
        return confirmed(finding, "every row and column follows from a complete block by linear equations")
    return not_checked(finding, "no complete block was found from which everything follows")


def _follows(seen: NDArray[np.bool_], r: int) -> bool:
    """Whether r rows with r common columns lead to all others, r cells at a time."""
    for first in np.argsort(-seen.sum(axis=1)):
        rows, common = [int(first)], seen[first].copy()
        while len(rows) < r:
            shared = (seen & common).sum(axis=1)
            shared[rows] = -1
            rows.append(int(np.argmax(shared)))
            common &= seen[rows[-1]]
        if common.sum() < r:
            continue
        known_rows, known_columns = np.zeros(len(seen), bool), common
        known_rows[rows] = True
        for _ in range(sum(seen.shape)):
            before = known_rows.sum() + known_columns.sum()
            known_rows |= (seen & known_columns).sum(axis=1) >= r
            known_columns = known_columns | ((seen & known_rows[:, None]).sum(axis=0) >= r)
            if known_rows.sum() + known_columns.sum() == before:
                break
        if known_rows.all() and known_columns.all():
            return True
    return False


def _check_pair(finding: Finding, problem: TableProblem) -> Check:
    """Compare two matrices that both reproduce the data, or one with the predictions of the point."""
    sides = ("left", "right", "other_left", "other_right")
    found = [np.asarray(finding.witness[side], dtype=float) for side in sides if side in finding.witness]
    one = found[0] @ found[1].T
    other = found[2] @ found[3].T if len(found) == 4 else problem.matrix()
    seen = (problem.rows, problem.columns)
    off = float(np.abs((one - other)[seen]).max(initial=0.0))
    if len(found) == 4:  # both must reproduce the data, which the point need not
        off = max(off, float(np.abs(other[seen] - problem.y).max(initial=0.0)))
    apart, size = float(np.linalg.norm(one - other)), float(np.linalg.norm(other))
    if max(side.shape[1] for side in found) > problem.u.shape[1] + 2 * problem.biases:
        return contradicted(finding, "an attached matrix has a higher rank")
    good = off <= 1e-8 * size and apart > 1e-7 * size
    words = f"two matrices at distance {apart:.3g}, whose observed cells differ by {off:.1g}"
    return confirmed(finding, words) if good else contradicted(finding, words)


def check_determined(finding: Finding, problem: TableProblem) -> Check:
    """Compare with the rank of the Jacobian at random factors, in floating point."""
    (m, n), r = problem.shape, problem.u.shape[1]
    width = (m + n) * r + (m + n + 1) * problem.biases
    if finding.verdict is Verdict.INCONCLUSIVE:
        return not_checked(finding, "not decided")
    cells = np.unique(problem.rows * n + problem.columns)
    counts = np.bincount(cells // n, minlength=m), np.bincount(cells % n, minlength=n)
    short = sum(int(np.sum(c < min(r + problem.biases, k))) for c, k in zip(counts, (n, m), strict=True))
    if short:
        words = f"{short} rows and columns have fewer cells than unknowns of their own"
        refuted = finding.verdict is Verdict.REFUTED
        return confirmed(finding, words) if refuted else contradicted(finding, words)
    if width > MOST_UNKNOWNS:
        return not_checked(finding, f"a Jacobian of {width} unknowns is too large to be formed here")
    rng = np.random.default_rng(1)
    u, v = rng.standard_normal((m, r)), rng.standard_normal((n, r))
    gram = np.zeros((width, width))
    full = np.zeros((width, width))
    for target, some in ((gram, cells), (full, np.arange(m * n))):
        jacobian = np.zeros((some.size, width))
        at = np.arange(some.size)
        i, j = some // n, some % n
        for k in range(r):
            jacobian[at, i * r + k] = v[j, k]
            jacobian[at, m * r + j * r + k] = u[i, k]
        if problem.biases:
            base = (m + n) * r
            jacobian[at, base + i] = jacobian[at, base + m + j] = jacobian[at, base + m + n] = 1.0
        target += jacobian.T @ jacobian
    spectra = [np.linalg.eigvalsh(g) for g in (gram, full)]
    ranks = [int(np.sum(e > 1e-9 * e[-1])) for e in spectra]
    if ranks != [int(np.sum(e > 1e-13 * e[-1])) for e in spectra]:
        words = "the singular values decay to rounding level without a gap: the numerical rank is not defined"
        return not_checked(finding, words)
    determined = ranks[0] == ranks[1]
    words = f"rank {ranks[0]} of {ranks[1]} at random factors"
    good = determined == (finding.verdict is Verdict.PROVED)
    return confirmed(finding, words) if good else contradicted(finding, words)
