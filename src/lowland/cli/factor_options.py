"""What the command line asks of factors: modes by name or number, splines, files of known entries."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError
from lowland.core.observations import Observations
from lowland.files.tables import read_table
from lowland.tensors.tensor_file import TensorFile

AUTO = "auto"


def modes_of(option: str, text: str, read: TensorFile) -> bool | list[int]:
    """Return the modes that are named, or counted from zero, joined by commas; True for "all"."""
    if text in ("all", "none"):
        return text == "all"
    return [_mode(option, name, read) for name in text.split(",")]


def splines_of(option: str, text: str, read: TensorFile) -> bool | dict[int, int | str]:
    """Return numbers of splines by mode, from "emission=12,excitation"; "auto" without a number."""
    if text in ("all", "none"):
        return text == "all"
    found: dict[int, int | str] = {}
    for part in text.split(","):
        name, given, number = part.partition("=")
        if given and not (number.isascii() and number.isdigit()):
            raise InvalidInputError(f"{option} gives no number of splines", repr(part), fix="use mode=12")
        found[_mode(option, name, read)] = int(number) if given else AUTO
    return found


def known_of(option: str, given: list[str], read: TensorFile) -> dict[int, Matrix] | None:
    """Return known entries by mode, from "emission=spectra.csv".

    A column of a file that has the name of the mode, or labels of rows, are matched with the coordinates of
    the mode; otherwise its lines are the slices in order.
    """
    found: dict[int, Matrix] = {}
    for part in given:
        name, equals, path = part.partition("=")
        if not equals or not path:
            raise InvalidInputError(f"{option} names no file", repr(part), fix="use mode=file.csv")
        mode = _mode(option, name, read)
        if mode in found:
            raise InvalidInputError(f"{option} names a mode twice", name, fix="use one file per mode")
        found[mode] = _entries(option, path, read.names[mode], read.labels[mode])
    return found or None


def _mode(option: str, name: str, read: TensorFile) -> int:
    if name in read.names:
        return read.names.index(name)
    if name.isascii() and name.isdigit() and int(name) < len(read.names):
        return int(name)
    modes = ", ".join(read.names)
    raise InvalidInputError(
        f"{option} names no mode", name, fix=f"modes are {modes}, or 0, 1, ...; or all, or none"
    )


def _entries(option: str, path: str, name: str, labels: NDArray[Any]) -> Matrix:
    table = _read(option, path, name)
    entries: Matrix = table.to_array()
    if table.row_labels is None:
        return entries
    places = {_key(label): place for place, label in enumerate(labels.tolist())}
    rows = [_key(label) for label in table.row_labels.tolist()]
    strange = [own for own, key in zip(table.row_labels.tolist(), rows, strict=True) if key not in places]
    if strange:
        some = ", ".join(map(str, labels[:3].tolist()))
        raise InvalidInputError(
            f"{option} has lines of slices that {name} does not have",
            f"{strange[0]!r} in {path}",
            fix=f"label lines as the tensor does: {some}, ...",
        )
    out = np.full((labels.size, entries.shape[1]), np.nan)
    out[[places[key] for key in rows]] = entries
    return out


def _read(option: str, path: str, name: str) -> Observations:
    """Read a table whose rows are labelled by the column of a name, if it has one."""
    try:
        return read_table(path, layout="wide", row=name)
    except InvalidInputError:  # there is no such column
        pass
    try:
        return read_table(path, layout="wide")
    except InvalidInputError as error:
        what = f"{option} {path}: {error.what}"
        raise InvalidInputError(what, error.found, error.why, error.fix) from error


def _key(label: Any) -> Any:
    """Return a label by which 300 and "300.0" are the same."""
    try:
        return float(label)
    except (TypeError, ValueError):
        return str(label)
