"""Checks before any work: whether the data are in a usable range, and whether there are too few."""

from __future__ import annotations

import warnings

from lowland.core.arrays import LARGEST_SCALE, SMALLEST_SCALE, Vector, out_of_scale
from lowland.core.errors import InvalidInputError, UnderdeterminedWarning
from lowland.objectives import RecoveryObjective


def check_scale(values: Vector, name: str = "y") -> None:
    """Raise if data are so large or small that steps would be silently wrong.

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
            f"outside {SMALLEST_SCALE:g} to {LARGEST_SCALE:g} powers of the values overflow or underflow",
            "rescale them: choose another unit",
        )


def warn_if_too_few(objective: RecoveryObjective) -> None:
    """Warn, before any work, if counting alone shows that the data cannot determine the answer."""
    count, dof = objective.measurement.size, objective.model.degrees_of_freedom
    if count >= dof or objective.penalties:
        return
    warnings.warn(
        f"{count} real numbers cannot determine a matrix with {dof} degrees of freedom "
        f"(rank {objective.rank}); lower the rank, measure more, or set a penalty",
        UnderdeterminedWarning,
        stacklevel=3,
    )
