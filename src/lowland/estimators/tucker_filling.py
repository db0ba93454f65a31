"""Tucker decompositions of tensors with holes: by least squares, or of what averages fill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError
from lowland.estimators.unfolded_tables import table_values
from lowland.tensors.cell_objective import exact_value
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.filling.completed import CompletedTensor
from lowland.tensors.filling.completion import complete_by_cp
from lowland.tensors.tucker.fit import TuckerFit

# share by which averages must lower errors to be used
GAIN = 0.01
# sweeps of the averages before draws are kept, and draws
SWEEPS = (60, 100)
# decomposes a tensor by least squares, with given ranks: judged, or quickly, to be compared
Decompose = Callable[[TensorObservations, Any, bool], TuckerFit]


def decompose_filled(
    data: TensorObservations, ranks: Any, decompose: Decompose, fill: str, rng: np.random.Generator
) -> tuple[TuckerFit, CompletedTensor | None]:
    """Return a decomposition of a tensor with holes, and the averages that filled it, if they did.

    Parameters
    ----------
    data : TensorObservations
        Decompositions have its precision.
    ranks : object
        As of `decompose_tucker`.
    decompose : callable
        Takes data, ranks, and whether the decomposition is more than a trial.
    fill : {"auto", "averages", "decomposition"}
        "auto" compares both on cells held out, unless the decomposition is exact, or a slice has no cell.
    rng : numpy.random.Generator
    """
    own = None
    if fill == "decomposition" or (fill == "auto" and all(k.all() for k in data.slice_counts())):
        own = decompose(data, ranks, True)
        if fill == "decomposition" or own.objective.value(own.search.theta) <= exact_value(own.objective):
            return own, None

    def rival(part: TensorObservations, positions: NDArray[np.int64]) -> Vector:
        assert own is not None
        return decompose(part, own.ranks, False).predict(positions)

    try:
        found = complete_by_cp(
            data.in_double(),
            None,
            (),
            SWEEPS,
            rng,
            unfolded=table_values,
            rival=rival if own is not None else None,
        )
    except InvalidInputError:
        if own is None:
            raise
        return own, None  # there are too few cells to hold some out
    is_better = found.rival_error is None or found.held_out_error < (1 - GAIN) * found.rival_error
    if own is not None and not is_better:
        return own, None
    whole = TensorObservations.from_array(found.completed().astype(data.values.dtype))
    return decompose(whole, ranks if own is None else own.ranks, True), found
