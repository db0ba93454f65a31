"""Tensors whose modes have names and coordinates: those of xarray."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError, MissingExtraError


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
    numbered: dict[Any, Any] = {}
    for mode, value in given.items():
        number = _number(mode, names, "orders name")
        parts = value if isinstance(value, tuple) else (value,)
        numbered[number] = tuple(_coordinates(tensor, number, part) for part in parts)
    return numbered


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


def is_mode(mode: Any, order: int) -> bool:
    """Return whether something is the number of a mode of a tensor of that order."""
    whole = isinstance(mode, int | np.integer) and not isinstance(mode, bool)
    return whole and 0 <= mode < order


def _number(mode: Any, names: list[str], words: str) -> Any:
    """Return the number of a mode given by name, and anything but a name as it is."""
    if not isinstance(mode, str):
        return mode
    if mode not in names:
        fix = f"use {', '.join(names)}"
        raise InvalidInputError(f"{words} a mode that the tensor does not have", repr(mode), fix=fix)
    return names.index(mode)


def numbers_of(given: Any, tensor: Any, option: str) -> Any:
    """Return modes, alone, in a collection or as the keys of a mapping, by their numbers instead of names.

    Parameters
    ----------
    given : object
        What is neither is returned as it is, as is all of arrays without names.
    tensor : object
    option : str
        Its name, for errors.

    Raises
    ------
    InvalidInputError
        If there is no mode of a name.
    """
    if not is_named(tensor):
        return given
    names, words = [str(name) for name in tensor.dims], f"{option} names"
    if isinstance(given, str):
        return [_number(given, names, words)]
    if isinstance(given, Mapping):
        numbered = {_number(mode, names, words): value for mode, value in given.items()}
        if len(numbered) < len(given):
            raise InvalidInputError(f"{option} names a mode twice", ", ".join(map(str, given)))
        return numbered
    return [_number(mode, names, words) for mode in given] if isinstance(given, Collection) else given


def mode_of(mode: Any, like: Any, order: int) -> int:
    """Return the number of a mode given by number, or by name of a labelled array.

    Raises
    ------
    InvalidInputError
        If there is no such mode.
    """
    number = numbers_of(mode, like, "mode")[0] if isinstance(mode, str) and is_named(like) else mode
    if not is_mode(number, order):
        raise InvalidInputError("there is no such mode", repr(mode), fix=f"use 0 to {order - 1}")
    return int(number)


def appended_labels(like: Any, slices: Any, mode: int) -> tuple[Any, Any, Any]:
    """Return a labelled array with new slices after the last one of a mode, their coordinates, and values.

    Parameters
    ----------
    like : xarray.DataArray or None
    slices : xarray.DataArray, or anything else if `like` is None
    mode : int

    Raises
    ------
    InvalidInputError
        If the new slices have no labels, or others.
    """
    if like is None:
        return None, None, slices
    name = like.dims[mode]
    others = [dim for dim in like.dims if dim != name]
    if not is_named(slices) or set(slices.dims) not in (set(others), set(like.dims)):
        kind = slices.dims if is_named(slices) else type(slices).__name__
        raise InvalidInputError(
            "new slices of a labelled tensor need its labels", str(kind), fix="pass a DataArray of its dims"
        )
    alone = name not in slices.dims
    more = (slices.expand_dims(name) if alone else slices).transpose(*like.dims)
    coords = {}
    for key, coord in like.coords.items():
        if name not in coord.dims:
            _check_alike(key, coord, more)
            coords[key] = coord.variable
        elif key in more.coords and coord.dims == (name,):
            added = np.atleast_1d(more.coords[key].to_numpy())
            coords[key] = ((name,), np.concatenate([coord.to_numpy(), added]))
        elif key == name:
            raise InvalidInputError("new slices and the tensor need coordinates alike", f"none of {name}")
    if name in more.coords and name not in like.coords and not alone:
        raise InvalidInputError("new slices and the tensor need coordinates alike", f"{name} has none there")
    values = np.concatenate([like.to_numpy(), more.to_numpy()], mode)
    both = type(like)(values, dims=like.dims, coords=coords, name=like.name, attrs=like.attrs)
    along = np.atleast_1d(more.coords[name].to_numpy()) if name in coords else None
    return both, along, more.to_numpy()


def _check_alike(name: Any, coord: Any, more: Any) -> None:
    """Raise if new slices have other coordinates of a mode that stays; those without a mode may differ."""
    if coord.ndim and not (
        name in more.coords and np.array_equal(more.coords[name].to_numpy(), coord.to_numpy())
    ):
        raise InvalidInputError(
            "new slices have other coordinates than the tensor", str(name), fix="select them alike"
        )


def own_coordinates(like: Any, mode: int) -> Any:
    """Return the coordinates of a labelled array along a mode; None without any."""
    if like is None or like.dims[mode] not in like.coords:
        return None
    return like.coords[like.dims[mode]].to_numpy()


def aligned(known: Any, tensor: Any) -> Any:
    """Return known factors in the order of a labelled tensor's coordinates, NaN for slices that they lack.

    Parameters
    ----------
    known : mapping of int to array_like, or None
        Those that are DataArrays with coordinates of their mode are brought in order.
    tensor : object

    Raises
    ------
    InvalidInputError
        If they have coordinates that the tensor has not, or two of a kind.
    """
    if not isinstance(known, Mapping) or not is_named(tensor):
        return known
    in_order = {}
    for mode, entries in known.items():
        in_order[mode] = entries
        name = tensor.dims[mode] if is_mode(mode, tensor.ndim) else None
        if not is_named(entries) or name not in entries.dims:
            continue
        entries = entries.transpose(name, ...)
        in_order[mode] = entries.to_numpy()
        if name in entries.coords and name in tensor.coords:
            there, here = entries.indexes[name], tensor.indexes[name]
            if there.has_duplicates or not there.isin(here).all():
                strange = there[there.duplicated() | ~there.isin(here)][0]
                raise InvalidInputError(
                    "known entries are of slices that the tensor does not have, or of one twice",
                    f"{strange} of {name}",
                )
            in_order[mode] = entries.reindex({name: here}).to_numpy()
    return in_order


def values_of(tensor: Any) -> Any:
    """Return the values of a labelled array, and anything else unchanged."""
    return tensor.to_numpy() if is_named(tensor) else tensor


def labelled(like: Any, values: Matrix) -> Any:
    """Return values with the dimensions and coordinates of a labelled array; unchanged beside any other."""
    return like.copy(data=values) if is_named(like) else values


def labelled_rows(like: Any, values: Matrix, columns: str) -> Any:
    """Return a matrix with the labels of an array's first mode and a name of its columns."""
    if not is_named(like):
        return values
    first = like.dims[0]
    labels = {name: part for name, part in like.coords.items() if part.dims == (first,)}
    return type(like)(values, dims=(first, columns), coords=labels)


def labelled_parts(like: Any, factors: Sequence[Matrix], columns: str, others: Mapping[str, Matrix]) -> Any:
    """Return factors, and an array over their columns, as a Dataset with names and coordinates of the modes.

    Parameters
    ----------
    like : xarray.DataArray or None
        Without it modes are named by their numbers.
    factors : sequence of ndarray, shapes (I_n, r_n)
    columns : str
        Name of the factors' columns; "{}" stands for that of the mode.
    others : mapping of str to ndarray
        Arrays whose dimensions are the columns of all modes, or of all alike.
    """
    try:
        import xarray
    except ImportError as error:
        raise MissingExtraError(
            "names and coordinates need an optional package",
            "xarray is not installed",
            fix="pip install 'lowland[tensors]'",
        ) from error
    names = [f"mode {n}" for n in range(len(factors))] if like is None else list(like.dims)
    if len(set(names)) < len(names):
        raise InvalidInputError("dimensions need different names", ", ".join(map(str, names)))
    along = {} if like is None else {key: axis for key, axis in like.coords.items() if len(axis.dims) == 1}
    taken = {*names, *along}
    across = [_free_name(columns.format(name), taken) for name in names]
    arrays: dict[str, Any] = {}
    for name, column, factor in zip(names, across, factors, strict=True):
        arrays[_free_name(f"factor_{name}", taken | set(arrays))] = ([name, column], factor)
    for name, values in others.items():
        arrays[_free_name(name, taken | set(arrays))] = (across[: values.ndim], values)
    return xarray.Dataset(arrays, coords=along)


def _free_name(name: str, taken: set[Any]) -> str:
    """Return a name that is not taken, with underscores behind it if it was."""
    while name in taken:
        name += "_"
    return name
