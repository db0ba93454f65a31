"""Whether the held-out cells of an audit are like the missing cells that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.cells.observations import Observations
from lowland.trials.audits.comparing import Cells, Predicted
from lowland.trials.audits.missing_cells import MissingCells, missing_cells
from lowland.trials.audits.patterns import Pattern
from lowland.trials.audits.plan import AuditPlan
from lowland.trials.audits.stating import MOST_COMPARED, compare_cells


@final
@dataclass(frozen=True)
class Alike:
    """The outcome of a permutation test of held-out against missing cells.

    Parameters
    ----------
    p_value : float
        At most p with a probability of at most p, if the held-out cells are a random choice.
    held, missing : int
        Number of cells that were compared.
    with_prediction : bool
        Whether their predicted values were compared too.
    """

    p_value: float
    held: int
    missing: int
    with_prediction: bool


def alike(
    plan: AuditPlan, table: Observations, predicted: Predicted | None, rng: np.random.Generator
) -> Alike:
    """Test whether the held-out cells of an audit could be any of the cells outside training.

    Parameters
    ----------
    plan : AuditPlan
    table : Observations
        The table that it is of.
    predicted : callable or None
        Takes rows and columns of cells outside training, and returns what the audit's fit predicts there,
        less the mean of the column's training cells, in their standard deviations.
    rng : numpy.random.Generator

    Returns
    -------
    Alike

    Notes
    -----
    Labels held / missing are permuted among the cells outside training in the statement, of which at most
    10,000 of each kind are compared; features come from the training cells and from the fit to them. What is
    tested is that all of these are equally likely to be held out: that odds are right, not only within a
    factor `plan.gamma`; so a rejection does not say that they are off by more. Cells that are missing because
    of their values are seen through the prediction alone; those missing because they are far from it, never.
    """
    known = Pattern.of(table.rows, table.columns, table.shape)
    scored = table.in_order().select(plan.scored[table.row_by_row()])
    return alike_cells(plan, (scored.rows, scored.columns), missing_cells(known), predicted, rng)


def alike_cells(
    plan: AuditPlan,
    scored: Cells,
    missing: MissingCells,
    predicted: Predicted | None,
    rng: np.random.Generator,
) -> Alike:
    """Test the same of cells that are given; other parameters are those of `alike`.

    Parameters
    ----------
    plan : AuditPlan
    scored : pair of ndarray of int
        The held-out cells that stand for missing ones, row by row.
    missing : MissingCells
    predicted, rng
    """
    p_value = compare_cells(plan.scope, scored, missing, predicted, rng)
    compared = min(scored[0].size, MOST_COMPARED), min(plan.missing, MOST_COMPARED)
    return Alike(p_value, *compared, predicted is not None)
