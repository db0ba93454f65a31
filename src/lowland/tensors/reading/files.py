"""Tensor files of all kinds: NPY, NPZ and the sparse text format .tns here, others from `array_stores`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lowland.core.doors import public
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.wording import Option, Remedy, Words
from lowland.files.arrays import load_npy, load_npz
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.reading.array_stores import STORES, picked, read_store
from lowland.tensors.reading.tensor_file import TensorFile


@public("lowland.tensors")
def read_tensor(path: str | Path, *, variable: str | None = None, empty_slices: bool = False) -> TensorFile:
    """Read a tensor with missing cells.

    Parameters
    ----------
    path : path
        NPY (NaN is missing); NPZ with one array of three modes or more, and optionally ``observed`` and
        ``weights`` of its shape, or with ``positions``, ``values`` and ``shape``; MATLAB (.mat); NetCDF
        (.nc), HDF5 (.h5, .hdf5) or Zarr (.zarr), with the extra ``tensors``; or .tns, one line per cell
        with positions counted from one and a value, where cells that are not listed are missing.
    variable : str, optional
        Name of the array in a file that has several.
    empty_slices : bool
        Whether slices may have no known cell: `complete_tensor` predicts them.

    Returns
    -------
    TensorFile

    Raises
    ------
    InvalidInputError
        If the file cannot be opened, or it is unclear which array is the tensor.

    Examples
    --------
    >>> import os, tempfile, numpy as np, lowland as ll
    >>> path = os.path.join(tempfile.mkdtemp(), "cells.tns")
    >>> np.savetxt(path, [[1, 1, 1, 5.0], [2, 1, 2, 0.5], [2, 2, 1, 1.5]], fmt="%g")
    >>> seen = ll.tensors.read_tensor(path).observations
    >>> seen.shape, seen.size
    ((2, 2, 2), 3)
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if variable is not None and suffix in (".npy", ".tns"):
        raise InvalidInputError(
            f"a {suffix} file has no variables", variable, fix=Words("leave ", Option("variable"), " out")
        )
    if suffix == ".npy":
        return _named(TensorObservations.from_array(load_npy(path), empty_slices=empty_slices))
    if suffix == ".npz":
        return _named(_from_npz(path, load_npz(path), variable, empty_slices))
    if suffix == ".tns":
        return _named(_from_text(path, empty_slices))
    if suffix in STORES:
        return read_store(path, variable, empty_slices)
    kinds = ", ".join((".npy", ".npz", *STORES))
    raise InvalidInputError(
        "the file type is unknown",
        path.name,
        fix=Remedy(
            f"use {kinds} or .tns",
            Words("for a long table, name its column of values by ", Option("value")),
            "of a wide one, lowland complete fills the cells",
        ),
    )


def _named(observations: TensorObservations) -> TensorFile:
    return TensorFile(observations, tuple(f"mode {n}" for n in range(len(observations.shape))))


def _from_npz(
    path: Path, arrays: dict[str, Any], variable: str | None, empty_slices: bool
) -> TensorObservations:
    if variable is None and {"positions", "values", "shape"} <= set(arrays):
        sizes = arrays["shape"]
        if sizes.ndim != 1 or sizes.dtype.kind not in "iu":
            raise FileFormatError(f"{path} has no usable shape", f"{sizes.dtype} of shape {sizes.shape}")
        shape = tuple(int(k) for k in sizes)
        return TensorObservations.from_cells(
            arrays["positions"],
            arrays["values"],
            shape=shape,
            weights=arrays.get("weights"),
            empty_slices=empty_slices,
        )
    beside = ("observed", "weights")
    tensors = [name for name, array in arrays.items() if array.ndim >= 3 and name not in beside]
    name = picked(path, tensors, variable)
    return TensorObservations.from_array(
        arrays[name],
        observed=arrays.get("observed"),
        weights=arrays.get("weights"),
        empty_slices=empty_slices,
    )


def _from_text(path: Path, empty_slices: bool) -> TensorObservations:
    try:
        table = np.loadtxt(path, ndmin=2, comments="#")
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}", error.strerror or str(error)) from error
    except ValueError as error:
        raise FileFormatError(
            f"{path} is not a valid .tns file", str(error), fix="write one line per cell: i j k value"
        ) from error
    if table.size == 0:
        raise FileFormatError(f"{path} is empty", "no cells", fix="write one line per cell: i j k value")
    if table.shape[1] < 4:
        raise FileFormatError(
            f"{path} is not a tensor", f"lines of {table.shape[1]} numbers", fix="write lines i j k value"
        )
    at = table[:, :-1]
    wrong = ~((at == np.rint(at)) & (at >= 1) & (at < 2**53)).all(axis=1)
    if wrong.any():
        bad = int(np.flatnonzero(wrong)[0])
        raise FileFormatError(
            f"{path} has positions that are not whole numbers counted from one", f"line {bad + 1}"
        )
    return TensorObservations.from_cells(at.astype(np.int64) - 1, table[:, -1], empty_slices=empty_slices)
