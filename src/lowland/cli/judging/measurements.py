"""Files of linear measurements of a matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.files.arrays import load_npz
from lowland.measure import Dense, Entries, Fourier, Linear, Pauli, RankOne


def read_measurements(file: Path) -> tuple[Any, Any, Any]:
    """Return the measurement, the data and the weights (or None) of an NPZ file."""
    stored = load_npz(file)
    if "y" not in stored:
        raise InvalidInputError(
            f"{file} has no array y", ", ".join(stored) or "no arrays", fix="store the data as y"
        )
    if "arrays" in stored:
        measurement: Any = Dense(stored["arrays"])
    elif "left" in stored:
        measurement = RankOne(stored["left"], stored.get("right"))
    elif "words" in stored:
        measurement = Pauli([str(word) for word in stored["words"]])
    elif "mask" in stored:
        measurement = Fourier(stored["mask"])
    else:
        needed = "left, words, mask, rows, columns and shape, or operator and shape"
        if "shape" not in stored or np.shape(stored["shape"]) != (2,):
            raise InvalidInputError(
                f"{file} does not define the measurements",
                ", ".join(stored),
                fix=f"store arrays, or {needed}",
            )
        shape = (int(stored["shape"][0]), int(stored["shape"][1]))
        if {"rows", "columns"} <= set(stored):
            dtype = "complex128" if np.iscomplexobj(stored["y"]) else "float64"
            measurement = Entries(stored["rows"], stored["columns"], shape, dtype=dtype)
        elif "operator" in stored:
            measurement = Linear(stored["operator"], shape)
        else:
            raise InvalidInputError(
                f"{file} does not define the measurements", ", ".join(stored), fix=f"store {needed}"
            )
    return measurement, stored["y"], stored.get("weights")
