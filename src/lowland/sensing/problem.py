"""The problem of a recovery from what a user passes, checked."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import check_numbers, check_rank
from lowland.core.complex_views import complex_type
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_choice
from lowland.core.promises.protocols import Loss, Measurement, check_measurement
from lowland.objectives import RecoveryObjective, make_objective
from lowland.sensing.matrix_models import structured
from lowland.sensing.robust_losses import RobustLoss


def recovery_problem(
    measurement: Measurement,
    y: ArrayLike,
    rank: int,
    structure: str,
    loss: Loss | RobustLoss,
    penalty: float,
    weights: ArrayLike | None,
    dtype: str,
) -> RecoveryObjective:
    """Return the problem of a recovery; a robust loss has a threshold of 1, before one is searched for.

    Raises
    ------
    InvalidInputError
        If arguments are inconsistent.
    """
    check_choice("dtype", dtype, ("float64", "float32"))
    check_measurement(measurement)
    rank = check_rank(rank, measurement.shape)
    if structure == "density" and penalty:
        raise InvalidInputError(
            'structure "density" takes no penalty', f"penalty {penalty}", "the trace is fixed"
        )
    measurement, model = structured(measurement, rank, structure)
    data = check_numbers(y, "y", ndim=1)
    data = data.astype(complex_type(np.dtype(dtype)) if np.iscomplexobj(data) else dtype)
    if isinstance(loss, RobustLoss):
        loss = loss.at(1.0)
    return make_objective(measurement, data, model, loss=loss, weights=weights, penalty=penalty)
