"""Read columns of numbers by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError, without_column
from lowland.files.arrays import load_npy
from lowland.files.table_format import TableFormat
from lowland.files.tables import PLAIN, read_columns


def read_numbers(
    path: Path, names: Sequence[str] | None = None, form: TableFormat = PLAIN
) -> tuple[list[str], Matrix]:
    """Return the names and numbers of columns, shape (n, columns); by default of all columns."""
    if path.suffix.lower() == ".npy":
        array = load_npy(path)
        if array.dtype.kind not in "biuf" or array.ndim not in (1, 2):
            raise InvalidInputError(
                f"{path} must hold a matrix of real numbers", f"dtype {array.dtype}, shape {array.shape}"
            )
        array = array.astype(float)
        array = array[:, None] if array.ndim == 1 else array
        columns: dict[str, Any] = {str(k): column for k, column in enumerate(array.T)}
    else:
        columns, _ = read_columns(path, (), form)
    chosen = list(columns) if names is None else list(names)
    for name in chosen:
        if name not in columns:
            raise without_column(path, name, columns)
    numbers = [_as_floats(columns[name], name, path) for name in chosen]
    return chosen, np.stack(numbers, axis=1) if numbers else np.zeros((0, 0))


def column_names(path: Path, form: TableFormat = PLAIN) -> list[str]:
    """Return the names of all columns; those of an array are their positions."""
    if path.suffix.lower() == ".npy":
        return read_numbers(path)[0]
    return list(read_columns(path, (), form)[0])


def split_target(
    names: list[str], numbers: Matrix, target: str | None, path: Path
) -> tuple[Matrix, Vector | None]:
    """Return the inputs, shape (n, d), and the column of targets, None without one."""
    if target is None:
        return numbers, None
    if target not in names:
        raise without_column(path, target, names)
    if len(names) == 1:
        raise InvalidInputError(f"{path} has no inputs", f"only the target column {target!r}")
    place = names.index(target)
    return np.delete(numbers, place, axis=1), numbers[:, place]


def _as_floats(column: Any, name: str, path: Path) -> Any:
    out = np.empty(len(column))
    for k, value in enumerate(column):
        text = str(value).strip()
        try:
            out[k] = float(text) if text else np.nan
        except ValueError as error:
            raise InvalidInputError(
                f"column {name!r} of {path} must hold numbers",
                f"{text!r} in data line {k + 1}",
                fix="correct the cell, or name the columns of numbers",
            ) from error
    return out
