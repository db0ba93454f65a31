"""Tensors whose modes have names and coordinates: those of xarray, which is never imported here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from lowland.core.errors import InvalidInputError


def is_named(tensor: Any) -> bool:
    """Return whether a tensor is an xarray DataArray."""
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(tensor, xarray.DataArray)


def by_number(given: Mapping[Any, Any] | None, tensor: Any) -> Mapping[Any, Any] | None:
    """Return what is given by the names of modes, or their numbers, by numbers; "coordinates" are looked up.

    Parameters
    ----------
    given : mapping or None
        From a mode, by name or number, to an order: "coordinates" are those of the array.
    tensor : object
        Of arrays without names, all is returned as it is.

    Raises
    ------
    InvalidInputError
        If there is no mode of a name, or the array has no coordinates of a mode.
    """
    if not isinstance(given, Mapping) or not is_named(tensor):
        return given
    names = [str(name) for name in tensor.dims]
    found: dict[Any, Any] = {}
    for mode, own in given.items():
        if isinstance(mode, str) and mode not in names:
            raise InvalidInputError(
                "orders name a mode that the tensor does not have", repr(mode), fix=f"use {', '.join(names)}"
            )
        number = names.index(mode) if isinstance(mode, str) else mode
        parts = own if isinstance(own, tuple) else (own,)
        found[number] = tuple(_coordinates(tensor, number, part) for part in parts)
    return found


def _coordinates(tensor: Any, mode: Any, part: Any) -> Any:
    known = isinstance(mode, int) and 0 <= mode < len(tensor.dims)
    if not (known and isinstance(part, str) and part == "coordinates"):
        return part
    name = tensor.dims[mode]
    if name not in tensor.coords:
        raise InvalidInputError(
            "the array has no coordinates of this mode", str(name), fix='use "line", "cycle" or a period'
        )
    return tensor.coords[name].to_numpy()
