"""Tensors in files of named arrays: NetCDF, HDF5, Zarr and MATLAB."""

from __future__ import annotations

import gc
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.errors import FileFormatError, InvalidInputError, LowlandError, MissingExtraError
from lowland.core.wording import Option, Words
from lowland.files.foreign.apart import apart
from lowland.files.foreign.hdf5 import check_hdf5
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.reading.tensor_file import TensorFile

STORES = (".nc", ".h5", ".hdf5", ".zarr", ".mat")


def read_store(path: Path, variable: str | None, empty_slices: bool) -> TensorFile:
    """Read a tensor; errors are those of `read_tensor`."""
    kind = path.suffix.lower()
    if not path.exists():
        raise InvalidInputError(f"cannot read {path}", "no such file")
    with _parsing(path, kind):
        if kind == ".mat":
            return _from_matlab(path, variable, empty_slices)
        if kind in (".h5", ".hdf5", ".nc"):
            _needed("h5py", path)
            check_hdf5(path, variable)
        if kind in (".h5", ".hdf5"):
            return _from_hdf5(path, variable, empty_slices)
        return _from_xarray(path, "h5netcdf" if kind == ".nc" else "zarr", variable, empty_slices)


def picked(path: Path, names: Sequence[str], variable: str | None) -> str:
    """Return the name of the array that is the tensor, asked for or the only one."""
    if variable is not None and variable in names:
        return variable
    if variable is None and len(names) == 1:
        return names[0]
    raise InvalidInputError(
        f"{path} does not say which array is the tensor",
        f"arrays of three modes or more: {', '.join(names) or 'none'}",
        fix=Words("name one of them by ", Option("variable")),
    )


def _named(array: NDArray[Any], names: Iterable[str], axes: Iterable[Any], empty_slices: bool) -> TensorFile:
    """Return an array with the names and coordinates of its modes."""
    if array.dtype.kind not in "biuf":
        raise InvalidInputError("the tensor must hold real numbers", f"dtype {array.dtype}")
    observations = TensorObservations.from_array(array, empty_slices=empty_slices)
    return TensorFile(observations, tuple(names), tuple(axes))


def _from_xarray(path: Path, engine: str, variable: str | None, empty_slices: bool) -> TensorFile:
    xarray = _needed("xarray", path)
    _needed(engine, path)
    try:
        settings = {"consolidated": False} if engine == "zarr" else {}
        dataset = xarray.open_dataset(path, engine=engine, **settings)
    except (KeyError, ValueError) as error:
        if engine != "zarr":
            raise
        return _from_zarr(path, variable, empty_slices, error)
    with dataset:
        names = [str(name) for name, array in dataset.data_vars.items() if array.ndim >= 3]
        array = dataset[picked(path, names, variable)]
        coordinates = (array.coords[d].to_numpy() if d in array.coords else None for d in array.dims)
        return _named(array.to_numpy(), (str(name) for name in array.dims), coordinates, empty_slices)


def _from_zarr(path: Path, variable: str | None, empty_slices: bool, why: Exception) -> TensorFile:
    """Read arrays whose modes have no names."""
    store = _needed("zarr", path).open(str(path), mode="r")
    arrays = dict(store.arrays()) if getattr(store, "ndim", None) is None else {"": store}
    tensors = [name for name, array in arrays.items() if array.ndim >= 3]
    if not arrays:
        raise why
    array = np.asarray(arrays[picked(path, tensors, variable)][...])
    return _named(array, _numbered(array), [None] * array.ndim, empty_slices)


def _from_hdf5(path: Path, variable: str | None, empty_slices: bool) -> TensorFile:
    h5py = _needed("h5py", path)
    with h5py.File(path) as file:
        if "_NCProperties" in file.attrs or "_nc3_strict" in file.attrs:  # NetCDF under another name
            return _from_xarray(path, "h5netcdf", variable, empty_slices)
        datasets: dict[str, Any] = {}

        def look(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and len(item.shape or ()) >= 3:
                datasets[name] = item

        file.visititems(look)
        data = datasets[picked(path, list(datasets), variable)]
        names, coordinates = [], []
        for mode, dimension in enumerate(data.dims):
            scales = [scale for scale in dimension.values() if scale.shape == (data.shape[mode],)]
            usual = scales[0].name.rpartition("/")[2] if scales else f"mode {mode}"
            names.append(dimension.label or usual)
            coordinates.append(_scale(scales[0]) if scales else None)
        return _named(_without_fill(data), names, coordinates, empty_slices)


def _scale(scale: Any) -> NDArray[Any]:
    """Return the coordinates of a mode, text as text."""
    values = np.asarray(scale[...])
    return np.asarray(scale.asstr()[...], str) if values.dtype.kind in "OS" else values


def _without_fill(data: Any) -> NDArray[Any]:
    """Return an array with NaN in place of what its attribute `_FillValue` names."""
    array, fill = np.asarray(data[...]), data.attrs.get("_FillValue")
    if fill is None or array.dtype.kind not in "iuf":
        return array
    return np.where(array == np.asarray(fill).ravel()[0], np.nan, array)


def _from_matlab(path: Path, variable: str | None, empty_slices: bool) -> TensorFile:
    """Read a MATLAB file; from version 7.3 on they are HDF5, with the modes in reverse order."""
    with path.open("rb") as file:
        new = file.read(10) == b"MATLAB 7.3"
    if new:
        h5py = _needed("h5py", path)
        check_hdf5(path, variable)
        with h5py.File(path) as store:
            arrays = {name: item for name, item in store.items() if len(getattr(item, "shape", ())) >= 3}
            array = np.asarray(arrays[picked(path, list(arrays), variable)]).T
    else:
        # of damaged files the reader has ended the interpreter
        array = apart(_load_matlab, path, variable, size=path.stat().st_size)
    return _named(array, _numbered(array), [None] * array.ndim, empty_slices)


def _load_matlab(path: Path, variable: str | None) -> NDArray[Any]:
    from scipy.io import loadmat

    loaded = loadmat(path)
    names = [name for name, item in loaded.items() if isinstance(item, np.ndarray) and item.ndim >= 3]
    return np.asarray(loaded[picked(path, names, variable)])


def _numbered(array: NDArray[Any]) -> list[str]:
    return [f"mode {n}" for n in range(array.ndim)]


def _needed(name: str, path: Path) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(
            f"{path.suffix} files need an optional package",
            f"{name} is not installed",
            fix="pip install 'lowland[tensors]'",
        ) from error


@contextmanager
def _parsing(path: Path, kind: str) -> Iterator[None]:
    """Raise FileFormatError in place of whatever a parser raises at a damaged file.

    Files that were opened in part complain as they are forgotten, of which a person need not hear.
    """
    heard = sys.unraisablehook
    # but for an interrupt, which is no complaint of theirs
    sys.unraisablehook = lambda lost: heard(lost) if lost.exc_type is KeyboardInterrupt else None
    try:
        yield
    except (LowlandError, MemoryError):
        raise
    except PermissionError as error:
        raise InvalidInputError(f"cannot read {path}", error.strerror or str(error)) from error
    except Exception as error:
        words = (str(error).splitlines() or [type(error).__name__])[0]
        # what holds those files is forgotten here, while nothing is said
        traceback.clear_frames(error.__traceback__)
        gc.collect()
        raise FileFormatError(
            f"{path} is not a valid {kind} file", words, fix=f"check that it is {kind}"
        ) from None
    finally:
        sys.unraisablehook = heard
