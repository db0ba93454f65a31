"""Structures by the names that users pass."""

from __future__ import annotations

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.core.promises.protocols import Measurement
from lowland.core.wording import Option, Words
from lowland.measure import Dense
from lowland.models import General, Psd

STRUCTURES = ("general", "psd", "density")


def structured(
    measurement: Measurement, rank: int, structure: str, biases: tuple[str, ...] = ()
) -> tuple[Measurement, General | Psd]:
    """Return the measurement that a structure needs, and the model: complex if the measurement is.

    Parameters
    ----------
    measurement : Measurement
    rank : int
    structure : {"general", "psd", "density"}
    biases : tuple of str
        Free biases of a general matrix.

    Raises
    ------
    InvalidInputError
        If the structure is unknown, or does not fit the shape.
    """
    if structure not in STRUCTURES:
        fix = Words("use ", Option("structure", *STRUCTURES))
        raise InvalidInputError(Words(Option("structure"), " is unknown"), repr(structure), fix=fix)
    shape, is_complex = measurement.shape, np.dtype(measurement.dtype).kind == "c"
    if structure == "general":
        return measurement, General(shape, rank, biases, is_complex)
    model = Psd(shape, rank, is_complex, unit_trace=structure == "density")
    return measurement.symmetrised() if isinstance(measurement, Dense) else measurement, model
