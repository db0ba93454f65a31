"""Labelled arrays (xarray): their numbers in, and results under the same labels out."""

from __future__ import annotations

import sys
from typing import Any

from lowland.core.arrays import Matrix


def is_labelled(X: Any) -> bool:
    """Return whether X is a DataArray of xarray, which is not imported for that."""
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(X, xarray.DataArray)


def values_of(X: Any) -> Any:
    """Return the numbers of a labelled array, anything else as it is."""
    return X.to_numpy() if is_labelled(X) else X


def like(X: Any, values: Matrix, *, last: str | None = None) -> Any:
    """Return values under the labels of X.

    Parameters
    ----------
    X : array_like or DataArray
    values : ndarray
        Of the shape of X; with `last` of two dimensions, the first of them that of X.
    last : str, optional
        Name of the second dimension.

    Returns
    -------
    ndarray or DataArray
    """
    if not is_labelled(X):
        return values
    if last is None:
        return X.copy(data=values)
    first = X.dims[0]
    labels = {name: part for name, part in X.coords.items() if part.dims == (first,)}
    return sys.modules["xarray"].DataArray(values, dims=(first, last), coords=labels)
