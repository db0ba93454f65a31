"""Held-out and missing cells compared by what the training cells show around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from lowland.core.arrays import Indices, Vector
from lowland.trials.audits.permuting import permutation_p
from lowland.trials.audits.surroundings import FARTHEST, RATES, Surroundings

# rows and columns of cells
Cells: TypeAlias = tuple[Indices, Indices]
# the standardised prediction of each cell: less the mean of its column, in its standard deviations
Predicted: TypeAlias = Callable[[Indices, Indices], Vector]


def alike_p(
    training: Surroundings,
    held: Cells,
    missing: Cells,
    predicted: Predicted | None,
    rng: np.random.Generator,
) -> float:
    """Return the p-value of the hypothesis that held-out cells are a random choice of those outside training.

    Parameters
    ----------
    training : Surroundings
        Of the training cells: nothing here depends on which of the other cells are held out.
    held, missing : pair of ndarray of int
        The cells that are compared.
    predicted : callable or None
        By a fit to the training cells.
    rng : numpy.random.Generator
    """
    rows, columns = (np.concatenate(pair) for pair in zip(held, missing, strict=True))
    lines = training.lines(rows, columns, np.zeros(rows.size, dtype=bool), np.zeros(rows.size))
    groups = [lines, training.neighbours(rows, columns), _curved(lines)]
    if predicted is not None:
        value = np.clip(predicted(rows, columns), -FARTHEST, FARTHEST)
        groups += [np.column_stack([value, value**2]), value[:, None] * lines[:, :RATES]]
    return permutation_p(np.arange(rows.size) < held[0].size, groups, rng)


def _curved(lines: Vector) -> Vector:
    """Return squares, and products with the rates of row and column."""
    products = [lines[:, k : k + 1] * lines[:, k + 1 :] for k in range(RATES)]
    return np.hstack([lines**2, *products])
