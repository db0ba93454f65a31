"""Tucker decompositions of tensors with holes: by least squares, or of what averages fill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError
from lowland.estimators.tensors.unfolded_tables import table_values
from lowland.tensors.cell_objective import exact_value
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.filling.completed import TensorCompletionFit
from lowland.tensors.filling.completion import complete_by_cp
from lowland.tensors.tucker.fit import TuckerFit
from lowland.trials.choices import FILLED_TUCKER
from lowland.trials.gains import Gain

# sweeps of the averages before draws are kept, and draws
SWEEPS = (60, 100)
# decomposes a tensor by least squares, with given ranks: judged, or quickly, to be compared
Decompose = Callable[[TensorObservations, Any, bool], TuckerFit]


def decompose_filled(
    data: TensorObservations, ranks: Any, decompose: Decompose, fill: str, rng: np.random.Generator
) -> tuple[TuckerFit, TensorCompletionFit | None]:
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
    alone = None
    if fill == "decomposition" or (fill == "auto" and all(k.all() for k in data.slice_counts())):
        alone = decompose(data, ranks, True)
        exact = alone.objective.value(alone.search.theta) <= exact_value(alone.objective)
        if fill == "decomposition" or exact:
            return alone, None

    def baseline(part: TensorObservations, positions: NDArray[np.int64]) -> Vector:
        assert alone is not None
        return decompose(part, alone.ranks, False).predict(positions)

    try:
        filled = complete_by_cp(
            data.in_double(),
            None,
            (),
            SWEEPS,
            rng,
            unfolded=table_values,
            baseline=None if alone is None else baseline,
        )
    except InvalidInputError:
        if alone is None:
            raise
        return alone, None  # there are too few cells to hold some out
    if alone is not None and filled.baseline_error is not None:
        gain = Gain.between(filled.baseline_error, filled.held_out_error)
        if not FILLED_TUCKER.takes(gain):
            return alone, None
    whole = TensorObservations.from_array(filled.completed().astype(data.values.dtype))
    return decompose(whole, ranks if alone is None else alone.ranks, True), filled
