"""Of which missing cells held-out ones say something, and whether they are seen to differ from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Indices
from lowland.trials.audits.comparing import Cells, Predicted, alike_p
from lowland.trials.audits.missing_cells import MissingCells
from lowland.trials.audits.patterns import Mask
from lowland.trials.audits.scope import IN_SCOPE, Scope

# held-out cells, and the share of the missing cells, below which nothing is said
FEWEST_SCORED, LEAST_SPOKEN_OF = 15, 0.1
# smallest allowance: below, little of the risk would be left
SMALLEST = 0.5
# held-out and missing cells that are compared
MOST_COMPARED = 10_000


@final
@dataclass(frozen=True, eq=False)
class Stated:
    """What held-out cells say of the missing ones, before anything is fitted.

    Parameters
    ----------
    scope : Scope
        Which cells outside training are spoken of.
    scored : ndarray of bool
        Which of the cells stand for missing ones.
    counts : ndarray of int
        Number of missing cells by their place in `REASONS`.
    allowance : float
        Lower bound of the probability that a random choice leaves each column a missing cell.
    alike_before : float
        p-value of the hypothesis that held-out cells are a random choice.
    """

    scope: Scope
    scored: Mask
    counts: Indices
    allowance: float
    alike_before: float


def stated_of(
    scope: Scope, held: Cells, missing: MissingCells, gamma: float, least: float, rng: np.random.Generator
) -> Stated | None:
    """Return what held-out cells say of the missing ones, None if that is too little.

    Parameters
    ----------
    scope : Scope
        Before columns of few cells are left out.
    held : pair of ndarray of int
    missing : MissingCells
    gamma : float
        Factor within which the odds are taken to be right.
    least : float
        Number of missing cells of which more must be spoken.
    rng : numpy.random.Generator
    """
    inside = held[1][scope.reasons(*held) == IN_SCOPE]
    if inside.size < FEWEST_SCORED:
        return None
    by_column = np.bincount(inside, minlength=scope.censored.size)
    absent = missing.tally(scope)[1]
    scope, allowance = scope.without_few(by_column + absent, by_column, gamma)
    scored = scope.reasons(*held) == IN_SCOPE
    if np.count_nonzero(scored) < FEWEST_SCORED or not absent.sum() > least or not allowance > SMALLEST:
        return None
    counts = missing.tally(scope)[0]
    if not counts[IN_SCOPE] > least:
        return None
    p_value = compare_cells(scope, (held[0][scored], held[1][scored]), missing, None, rng)
    return Stated(scope, scored, counts, allowance, p_value)


def compare_cells(
    scope: Scope, held: Cells, missing: MissingCells, predicted: Predicted | None, rng: np.random.Generator
) -> float:
    """Return the p-value of the hypothesis that held-out cells are a random choice, from some cells."""
    if held[0].size > MOST_COMPARED:
        chosen = rng.choice(held[0].size, MOST_COMPARED, replace=False)
        held = held[0][chosen], held[1][chosen]
    return alike_p(scope.training, held, missing.some(scope, MOST_COMPARED, rng), predicted, rng)
