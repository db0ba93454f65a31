"""Labelled arrays (xarray): extract their values, and label results the same way."""

from __future__ import annotations

import sys
from typing import Any

from lowland.core.arrays import Matrix


def is_labelled(X: Any) -> bool:
    """Return whether X is an xarray DataArray, without importing xarray."""
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(X, xarray.DataArray)


def values_of(X: Any) -> Any:
    """Return the values of a labelled array, and anything else unchanged."""
    return X.to_numpy() if is_labelled(X) else X


def like(X: Any, values: Matrix, *, last: str | None = None) -> Any:
    """Return values with the labels of X.

    Parameters
    ----------
    X : array_like or DataArray
    values : ndarray
        With the shape of X; if `last` is given, two-dimensional, with the first dimension of X.
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
