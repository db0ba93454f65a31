"""A tensor's cells as a table: the slices of one mode by the combinations of the others' slices."""

from __future__ import annotations

from math import prod

import numpy as np

from lowland.core.arrays import fibre_numbers
from lowland.core.cells.observations import Observations
from lowland.estimators.matrix_completion import MatrixCompletion
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.filling.blending import TableValues


def table_values(data: TensorObservations, mode: int, rng: np.random.Generator) -> TableValues:
    """Return what the default of tables, without forests, says of all cells of a tensor.

    Parameters
    ----------
    data : TensorObservations
    mode : int
        Its slices are one side of the table, the longer side being its rows.
    rng : numpy.random.Generator

    Returns
    -------
    TableValues
        Of shape (I_1, ..., I_N); NaN where no cell is known of a combination of the other modes' slices.
    """
    length, rest = data.shape[mode], (*data.shape[:mode], *data.shape[mode + 1 :])
    positions = data.all_positions()
    combinations, places = np.unique(fibre_numbers(positions, mode, data.shape), return_inverse=True)
    sides = (positions[:, mode].astype(np.intp), places.astype(np.intp))
    flipped = combinations.size > length
    table = Observations(
        *(sides[::-1] if flipped else sides),
        data.values,
        (combinations.size, length) if flipped else (length, combinations.size),
        data.weights,
    )
    model = MatrixCompletion(certify=False, refine=False, random_state=int(rng.integers(2**31))).fit(table)
    rows, columns = (places.ravel() for places in np.indices(table.shape))
    errors = model._completed.table.predictor().standard_errors(rows, columns).reshape(table.shape)
    tensors = []
    for values in (model.predict_table(), errors):
        everywhere = np.full((length, prod(rest)), np.nan)
        everywhere[:, combinations] = values.T if flipped else values
        tensors.append(np.moveaxis(everywhere.reshape(length, *rest), 0, mode))
    return TableValues(*tensors)
