"""Tables as xarray has them: two dimensions, whose coordinates are labels."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from lowland.cells.labels import TableLabels
from lowland.core.arrays import Matrix
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.estimators.frames.roles import labels_of
from lowland.files.frames import eager_frame
from lowland.tensors.named_modes import is_named


def as_table(X: Any) -> Any:
    """Return a DataArray as Observations, lazy frames and the like as frames, and anything else unchanged.

    Raises
    ------
    InvalidInputError
        If a DataArray has other than two dimensions, or several arrays are given.
    """
    xarray = sys.modules.get("xarray")
    if xarray is not None and isinstance(X, xarray.Dataset):
        raise InvalidInputError(
            "a Dataset is several arrays",
            ", ".join(map(repr, X.data_vars)),
            fix="pass one of them, data.to_dataframe(), or data.to_dataarray() if all have one dimension",
        )
    if not is_named(X):
        return eager_frame(X)
    if X.ndim != 2:
        raise InvalidInputError(
            "a table has two dimensions",
            f"a DataArray of {', '.join(map(repr, X.dims)) or 'none'}",
            fix="select or stack dimensions, or complete three or more with complete_tensor",
        )
    rows, columns = (labels_of(X.indexes[name]) if name in X.indexes else None for name in X.dims)
    return Observations.from_array(X.to_numpy(), row_labels=rows, column_labels=columns)


def with_holes_filled(X: Any, filled: Matrix, labels: TableLabels) -> Any:
    """Return a DataArray with its missing cells filled, its coordinates and attributes as they are.

    Parameters
    ----------
    X : xarray.DataArray
    filled : ndarray
        Rows in the order of the array, columns in that of the fit.
    labels : TableLabels
        Of the fit.
    """
    given, columns = X.to_numpy(), as_table(X).column_labels
    if given.dtype.kind != "f":
        return X.copy()
    if columns is not None and labels.columns is not None:
        filled = filled[:, labels.positions(columns, 1)]
    return X.copy(data=np.where(np.isnan(given), filled, given).astype(given.dtype))
