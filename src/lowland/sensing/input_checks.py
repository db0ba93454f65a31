"""What is looked at before any work: whether the data can be computed with, and whether they are too few."""

from __future__ import annotations

import warnings

from lowland.core.arrays import LARGEST, SMALLEST, Vector, out_of_scale
from lowland.core.errors import InvalidInputError, UnderdeterminedWarning
from lowland.objectives import RecoveryObjective


def check_scale(values: Vector, name: str = "y") -> None:
    """Refuse data so large or small that steps would be wrong in silence.

    Raises
    ------
    InvalidInputError
        If the largest magnitude is neither zero nor between 1e-60 and 1e60.
    """
    largest = out_of_scale(values)
    if largest:
        raise InvalidInputError(
            f"{name} is out of scale",
            f"largest magnitude {largest:.3g}",
            f"outside {SMALLEST:g} to {LARGEST:g}, powers of it leave the range of floating point",
            "choose another unit",
        )


def warn_if_too_few(objective: RecoveryObjective) -> None:
    """Warn, before any work, where counting alone shows that the data cannot determine the answer."""
    count, dof = objective.measurement.size, objective.model.degrees_of_freedom
    if count >= dof or objective.penalties:
        return
    warnings.warn(
        f"{count} real numbers cannot determine a matrix with {dof} degrees of freedom "
        f"(rank {objective.rank}); lower the rank, measure more, or set a penalty",
        UnderdeterminedWarning,
        stacklevel=3,
    )
