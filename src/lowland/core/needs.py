"""Powers that a solver or judge needs, checked before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from lowland.core.errors import UnsupportedError


@final
@dataclass(frozen=True)
class Need:
    """An attribute of an objective that must be present and not None.

    Parameters
    ----------
    attribute : str
        Name of the attribute.
    meaning : str
        What it stands for, for the error message.
    """

    attribute: str
    meaning: str


BLOCKS = Need("block_solver", "an exact solve of one factor with the others fixed")
BATCHES = Need("batch_gradient", "gradients from some of the measurements")
SCALING = Need("scaled", "gradients of each factor in the metric of the other")
PRECISIONS = Need("precisions", "the spread of each component over rows and columns")
ELIMINATION = Need("elimination", "one factor solved for, row by row, the other being searched")
REDUCTION = Need("reduction", "the Hessian of one side of a table, the other solved for")
JACOBIAN_REDUCTION = Need("jacobian_reduction", "the Jacobian's Gram matrix of one side of a table")
AVERAGES = Need("average", "Gaussian averages over one factor given the other")
DRAWS = Need("draw", "draws of one factor given the other")
FULL_TENSOR = Need("full_tensor", "a dense tensor of which every cell is known and weighs the same")
RESIDUAL_TENSOR = Need("residual_tensor", "what the fit of a tensor leaves, cell by cell")
NORMAL_MATRIX = Need("normal_matrix", "the normal equations of a small problem, formed")
REGIONS = Need("regions", "the best point of an activation region")
LINEARISATION = Need("linearise", "products with the Jacobian of the residual")


def missing_needs(objective: Any, needs: tuple[Need, ...]) -> tuple[Need, ...]:
    """Return the needs that the objective does not meet."""
    return tuple(need for need in needs if getattr(objective, need.attribute, None) is None)


def check_needs(objective: Any, needs: tuple[Need, ...], who: str) -> None:
    """Raise unless the objective offers all that is needed.

    Parameters
    ----------
    objective : Objective
        What will be searched or judged.
    needs : tuple of Need
        What is needed.
    who : str
        Name of the solver or judge, for the message.

    Raises
    ------
    UnsupportedError
        If a power is missing.
    """
    missing = missing_needs(objective, needs)
    if missing:
        raise UnsupportedError(
            f"{who} cannot work on this objective",
            f"no {missing[0].attribute}, which stands for {missing[0].meaning}",
            fix="choose another solver; gradient works on every objective",
        )
