"""The norm of the measurements over all matrices, computed once per measurement."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from lowland.certificates.gaps.spectral_bounds import gram_bound, gram_bound_work
from lowland.core.promises.fits import MatrixFit
from lowland.core.rounding import unit_roundoff
from lowland.core.work import Budget, cholesky_work, eigenvalue_work

# known norms: by measurement, whether of symmetric matrices, and the number of blocks
_KNOWN: WeakKeyDictionary[Any, dict[tuple[bool, int], float | None]] = WeakKeyDictionary()
# most blocks into which the measurements are cut
MOST_BLOCKS = 64
# fraction of the remaining budget that it may take
NORM_PART = 0.25


def measurement_norm(objective: MatrixFit, budget: Budget | None = None) -> float | None:
    """Return an upper bound on the norm of the measurements over matrices of the structure, if known.

    Parameters
    ----------
    objective : Objective
    budget : Budget, optional
        Stored measuring matrices are split into as many blocks as the budget requires, and the squares of
        the blocks' norms are summed: a looser but cheaper bound. Without it there is a single block.

    Returns
    -------
    float or None
    """
    if objective.matrices.stored_numbers == 0:
        square = objective.matrices.squared_norm_bound()
        return float(np.sqrt(square)) * (1 + 1e-15) if np.isfinite(square) else None
    blocks, symmetric = _affordable_blocks(objective, budget), objective.model.is_psd
    known = _KNOWN.setdefault(objective.measurement, {})
    best = [bound for (of, _), bound in known.items() if of == symmetric and bound is not None]
    if (symmetric, blocks) not in known and not (best and blocks > 1):
        known[symmetric, blocks] = _norm_by_blocks(objective, blocks)
        best.append(known[symmetric, blocks] or np.inf)
    return min(best, default=None)


def norm_work(objective: MatrixFit, budget: Budget | None = None) -> float:
    """Return the work of `measurement_norm`, 0 if the norm is already known."""
    if objective.matrices.stored_numbers == 0 or _KNOWN.get(objective.measurement):
        return 0.0
    return _work(objective, _affordable_blocks(objective, budget))


def _affordable_blocks(objective: MatrixFit, budget: Budget | None) -> int:
    blocks = 1
    if budget is not None:
        while blocks < MOST_BLOCKS and not budget.allows(_work(objective, blocks), part=NORM_PART):
            blocks *= 2
    return int(min(blocks, objective.y.size))


def _work(objective: MatrixFit, blocks: int) -> float:
    each, numbers = (
        float(-(-objective.y.size // blocks)),
        objective.matrices.stored_numbers / objective.y.size,
    )
    algebra = eigenvalue_work(min(each, numbers)) + 3 * cholesky_work(min(each, numbers))
    return float(
        blocks * (gram_bound_work(each, numbers) + algebra) + 2.0 * objective.matrices.stored_numbers
    )


def _norm_by_blocks(objective: MatrixFit, blocks: int) -> float | None:
    rows = objective.matrices.coordinates()
    if rows is None:
        return None
    total = 0.0
    for part in np.array_split(rows, blocks):
        total += gram_bound(part).value ** 2
    # coordinates of symmetric matrices are rounded once or twice
    rounding = 4 * unit_roundoff("float64") * float(np.linalg.norm(rows))
    norm = float(np.sqrt(total)) * (1 + 8 * unit_roundoff("float64")) + rounding
    return norm if np.isfinite(norm) else None
