"""Measurements and data as real numbers, whatever their field."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.complex_views import as_reals
from lowland.core.errors import InvalidInputError
from lowland.core.promises.protocols import Loss, Measurement, Model
from lowland.core.wording import InCode, Remedy
from lowland.losses import Clipped, Squared
from lowland.measure import RealParts


def in_reals(
    measurement: Measurement, numbers: Matrix, model: Model, loss: Loss
) -> tuple[Measurement, Vector]:
    """Return measurement and data as real numbers.

    Parameters
    ----------
    measurement : Measurement
    numbers : ndarray, shape (p,)
    model : Model
    loss : Loss

    Raises
    ------
    InvalidInputError
        If one of them is complex and another is not.
    """
    complex_data = np.iscomplexobj(numbers)
    if np.dtype(measurement.dtype).kind != "c":
        if complex_data:
            raise InvalidInputError(
                "y is complex but the measurement is real",
                f"y of {numbers.dtype}, {type(measurement).__name__} of {measurement.dtype}",
                "the matrix is complex only if its measurement is",
                Remedy(
                    "make the measurement complex",
                    InCode('for instance Entries(..., dtype="complex128")'),
                ),
            )
        if model.is_complex:
            raise InvalidInputError(
                "the model is complex but the measurement is real", type(measurement).__name__
            )
        return measurement, numbers
    if not model.is_complex:
        kind = type(measurement).__name__
        raise InvalidInputError("the measurement is complex but the model is real", kind)
    if isinstance(measurement, RealParts):
        return measurement, as_reals(numbers)
    if complex_data and not isinstance(loss, Squared | Clipped):
        raise InvalidInputError(
            f"loss {loss.name} needs real data",
            f"y of {numbers.dtype}",
            fix="pass real counts or frequencies",
        )
    return RealParts(measurement, both=complex_data), as_reals(numbers)
