"""What the command line asks of factors: modes by name or number, splines, files of known entries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError
from lowland.files.tables import read_columns, read_table
from lowland.tensors.cp.constraint_inputs import AUTO
from lowland.tensors.reading.tensor_file import TensorFile


def modes_of(option: str, text: str, read: TensorFile) -> bool | list[int]:
    """Return the modes that are named, or counted from zero, joined by commas; True for "all"."""
    if text in ("all", "none"):
        return text == "all"
    return [_mode(option, name, read) for name in text.split(",")]


def splines_of(option: str, text: str, read: TensorFile) -> bool | dict[int, int | str]:
    """Return numbers of splines by mode, from "emission=12,excitation"; "auto" without a number."""
    if text in ("all", "none"):
        return text == "all"
    splines: dict[int, int | str] = {}
    for part in text.split(","):
        name, given, number = part.partition("=")
        if given and not (number.isascii() and number.isdigit()):
            raise InvalidInputError(f"{option} gives no number of splines", repr(part), fix="use mode=12")
        mode = _mode(option, name, read)
        if mode in splines:
            raise InvalidInputError(f"{option} names a mode twice", name, fix="name each once")
        splines[mode] = int(number) if given else AUTO
    return splines


def known_of(option: str, given: list[str], read: TensorFile) -> dict[int, Matrix] | None:
    """Return known entries by mode, from "emission=spectra.csv".

    A column that has the name of the mode is matched with the coordinates of the mode; otherwise lines are
    the slices in order.
    """
    entries: dict[int, Matrix] = {}
    for part in given:
        name, equals, path = part.partition("=")
        if not equals or not path:
            raise InvalidInputError(f"{option} names no file", repr(part), fix="use mode=file.csv")
        mode = _mode(option, name, read)
        if mode in entries:
            raise InvalidInputError(f"{option} names a mode twice", name, fix="use one file per mode")
        entries[mode] = _entries(option, path, read.names[mode], read.labels[mode])
    return entries or None


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
    try:
        columns = _columns(path, name)
    except InvalidInputError as error:
        what = f"{option} {path}: {error.what}"
        raise InvalidInputError(what, error.found, error.why, error.fix) from error
    line_labels = columns.pop(name, None)
    for column, values in columns.items():
        if values.dtype.kind not in "fiu":
            raise InvalidInputError(
                f"{option} {path}: a column does not hold numbers",
                f"{column!r}",
                fix=f"name it {name} if it labels the lines, or leave it out",
            )
    entries = np.column_stack([values.astype(np.float64) for values in columns.values()])
    if line_labels is None:
        return entries
    out = np.full((labels.size, entries.shape[1]), np.nan)
    out[_places(line_labels, labels, f"{option} {path}", name)] = entries
    return out


def _columns(path: str, name: str) -> dict[str, NDArray[Any]]:
    """Return the columns of a file, that of a name as it is written; those of an array by their numbers."""
    if Path(path).suffix.lower() in (".npy", ".npz"):
        entries = read_table(path).to_array()
        return {str(k): column for k, column in enumerate(entries.T)}
    return read_columns(path, (name,))[0]


def _places(lines: NDArray[Any], labels: NDArray[Any], where: str, name: str) -> list[int]:
    """Return the slice of each line of a file, by their labels."""
    places = {_key(label): place for place, label in enumerate(labels)}
    keys = [_key(label) for label in lines]
    for label, key in zip(lines.tolist(), keys, strict=True):
        if key not in places:
            some = ", ".join(map(str, labels[:3]))
            raise InvalidInputError(
                f"{where} has lines of slices that {name} does not have",
                repr(label),
                fix=f"label lines as the tensor does: {some}, ...",
            )
    if len(set(keys)) < len(keys):
        twice = next(label for label, key in zip(lines.tolist(), keys, strict=True) if keys.count(key) > 1)
        raise InvalidInputError(f"{where} has two lines of a slice", repr(twice), fix="keep one of them")
    return [places[key] for key in keys]


def _key(label: Any) -> Any:
    """Return a label by which 300 and "300.0", and a day and its date in words, are the same."""
    if isinstance(label, np.datetime64):
        return label.astype("datetime64[ns]")
    try:
        return float(label)
    except (TypeError, ValueError):
        pass
    try:
        return np.datetime64(str(label), "ns")
    except ValueError:
        return str(label)
