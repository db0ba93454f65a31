"""What biases subtract from a dual bound: only rounding if they are free, a square if penalised."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.errors import UnsupportedError
from lowland.core.promises.fits import MatrixFit
from lowland.core.rounding import gamma


def bias_square(objective: MatrixFit, nu: Vector) -> float:
    """Bound from above the sum of (B^T nu)^2 / precision over penalised biases.

    As a function of a bias b the objective contains -nu.(B b) + precision b^2 / 2, which is at least minus
    half of that square.
    """
    if not objective.bias_penalty:
        return 0.0
    sums, errors = _sums(objective, nu)
    precisions = objective.biases.precisions[: sums.size]
    return float(np.sum((np.abs(sums) + errors) ** 2 / precisions) * (1 + gamma(sums.size + 8)))


def bias_charge(objective: MatrixFit, nu: Vector, y: Vector, upper: float) -> float:
    """Bound |nu . B beta| over all free biases beta of points no worse than `upper`.

    Such points have |A(X)_k| <= upper / ridge and residuals at most sqrt(2 upper / w_k), hence
    |(B beta)_k| <= reach. Walking along observed cells from one bias set to zero (the gauge)
    bounds every bias by reach times the number of nodes passed.
    """
    if not objective.model.biases:
        return 0.0
    least = 1.0 if objective.weights is None else float(objective.weights.min())
    reach = float(np.abs(y).max()) + float(np.sqrt(2 * upper / least))
    reach += upper / objective.penalty * _largest_scale(objective)
    kinds = set(objective.model.biases)
    sides = {"row", "column"} & kinds
    if objective.bias_penalty or not sides:  # a global bias alone is free
        if "global" not in kinds:
            return 0.0
        if objective.bias_penalty:  # penalised biases are bounded by their penalty
            held = objective.biases.precisions[objective.biases.precisions > 0]
            reach += 2 * float(np.sqrt(2 * upper / held.min(initial=np.inf)))
        leftovers, nodes = abs(float(nu.sum())) + gamma(nu.size) * float(np.abs(nu).sum()), 1
    else:
        sums, errors = _sums(objective, nu)
        leftovers, nodes = float(np.abs(sums).sum() + errors.sum()), 1
        nodes = sum(objective.shape) if len(sides) == 2 else 1
    return float(leftovers * nodes * reach * (1 + 1e-12))


def _largest_scale(objective: MatrixFit) -> float:
    if objective.side_weights is None:
        return 1.0
    by_row, by_column = objective.side_weights
    return float(1 / np.sqrt(by_row.min()) / np.sqrt(by_column.min()))


def _sums(objective: MatrixFit, nu: Vector) -> tuple[Vector, Vector]:
    """Return B^T nu for row and column biases, and bounds on its rounding."""
    sums, errors = [], []
    pattern = objective.observed_pattern
    if pattern is None:
        raise UnsupportedError("biases can be bounded only for observed entries", objective.describe())
    kinds = zip(("row", "column"), (pattern.rows, pattern.columns), objective.shape, strict=True)
    for kind, positions, length in kinds:
        if kind in objective.model.biases:
            counts = np.bincount(positions, minlength=length)
            sums.append(np.bincount(positions, nu, minlength=length))
            sizes = np.bincount(positions, np.abs(nu), minlength=length)
            errors.append(gamma(int(counts.max(initial=1))) * sizes)
    return np.concatenate(sums), np.concatenate(errors)
