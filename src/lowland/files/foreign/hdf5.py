"""Whether an HDF5 file can be read to its end: of some damaged ones the library does not come back."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

from lowland.files.foreign.apart import apart

# numbers that are read at once
PIECE = 4_000_000


def check_hdf5(path: Path, variable: str | None) -> None:
    """Read in a process of its own what is then read here, where nothing could end the library's loops.

    Raises
    ------
    ParserDiedError
        If it has died, or has not come to an end.
    """
    apart(_walk, str(path), variable, size=path.stat().st_size)


def _walk(path: str, variable: str | None) -> None:
    """Read attributes, scales, and the array asked for or the only one; errors are left to the reader."""
    h5py: Any = import_module("h5py")
    with suppress(Exception), h5py.File(path) as file:
        arrays: dict[str, Any] = {}

        def look(name: str, item: Any) -> None:
            _read_about(item)
            if len(getattr(item, "shape", None) or ()) >= 3:
                arrays[name] = item

        _read_about(file)
        file.visititems(look)
        wanted = [array for name, array in arrays.items() if variable in (None, name)]
        if len(wanted) == 1:
            _read_all(wanted[0])


def _read_about(item: Any) -> None:
    for name in item.attrs:
        with suppress(Exception):  # some kinds of attributes no reader knows
            item.attrs[name]
    with suppress(Exception):
        if len(item.shape) == 1:
            _read_all(item)
        for dimension in item.dims:
            dimension.values()


def _read_all(array: Any) -> None:
    step = max(1, PIECE // max(1, prod(array.shape[1:])))
    for start in range(0, array.shape[0], step):
        array[start : start + step]
