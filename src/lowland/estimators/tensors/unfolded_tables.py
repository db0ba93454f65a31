"""A tensor's cells as a table: the slices of one mode by the combinations of the others' slices."""

from __future__ import annotations

import warnings
from math import prod
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from lowland.completion.bayesian.settings import BRIEF, BURN_IN
from lowland.completion.encoded.powers import Power
from lowland.core.arrays import fibre_numbers
from lowland.core.cells.observations import Observations
from lowland.estimators.matrix_completion import MatrixCompletion
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.filling.blending import TableValues

# settings of a short fit
BRIEFLY: dict[str, Any] = {"max_iter": BRIEF + BURN_IN, "powers": False, "row_units": False}


def table_values(
    data: TensorObservations, mode: int, rng: np.random.Generator, *, brief: bool = False
) -> TableValues:
    """Return what the default of tables, without forests, says of all cells of a tensor.

    Parameters
    ----------
    data : TensorObservations
    mode : int
        Its slices are one side of the table, the longer side being its rows.
    rng : numpy.random.Generator
    brief : bool
        Whether a short fit without trials is enough, which tells no standard errors.

    Returns
    -------
    TableValues
        Of shape (I_1, ..., I_N); NaN where no cell is known of a combination of the other modes' slices.
        Standard errors of a short fit are NaN.
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
    # one quantity: powers of combinations are asked where all its cells are likelier as one
    skewed = not brief and any(kind(data.values) is not None for kind in (Power.of, Power.of_shares))
    settings = BRIEFLY if brief else {"powers": "auto" if skewed else False}
    seed = int(rng.integers(2**31))
    model = MatrixCompletion(certify=False, refine=False, random_state=seed, **settings)
    with warnings.catch_warnings():
        if brief:  # that sweeps have ended it is what was asked for
            warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(table)
    rows, columns = (places.ravel() for places in np.indices(table.shape))
    errors = np.full(table.shape, np.nan)
    if not brief:
        errors = model._completed.table.predictor().standard_errors(rows, columns).reshape(table.shape)
    tensors = []
    for values in (model.predict_table(), errors):
        everywhere = np.full((length, prod(rest)), np.nan)
        everywhere[:, combinations] = values.T if flipped else values
        tensors.append(np.moveaxis(everywhere.reshape(length, *rest), 0, mode))
    return TableValues(*tensors)
