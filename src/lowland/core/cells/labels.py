"""Names of rows and columns: which labels are equal, and their positions."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.core.arrays import Indices
from lowland.core.errors import InvalidInputError
from lowland.core.wording import Text, nearest

# "007", "+7", "7.0" and " 7" are names, not the number seven
_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")


def is_whole(text: str) -> bool:
    """Return whether a label is the usual text of a whole number."""
    return _WHOLE.fullmatch(text) is not None


@final
@dataclass(frozen=True, eq=False)
class LabelColumn:
    """A column of labels: distinct names in order, and the code of the name on each line.

    Parameters
    ----------
    codes : ndarray of intp, shape (p,)
    names : ndarray, shape (k,)
        Distinct, ascending; int64 if all are whole numbers, else text.
    """

    codes: Indices
    names: NDArray[Any]

    @property
    def size(self) -> int:
        """Number of lines."""
        return int(self.codes.size)


def order_labels(codes: NDArray[Any], names: Sequence[str]) -> LabelColumn:
    """Return a label column from codes into distinct names in any order.

    Parameters
    ----------
    codes : ndarray of int, shape (p,)
    names : sequence of str

    Returns
    -------
    LabelColumn
    """
    whole = bool(len(names)) and all(_WHOLE.fullmatch(name) for name in names)
    array = np.array([int(name) for name in names], np.int64) if whole else np.array(names, dtype=str)
    order = np.argsort(array, kind="stable")
    place = np.empty(order.size, np.intp)
    place[order] = np.arange(order.size)
    return LabelColumn(place[codes] if codes.size else codes.astype(np.intp), array[order])


def label_text(label: Any) -> str:
    """Return the text of a label: whole floats as whole numbers, dates without a time of day at midnight."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    if not isinstance(label, datetime.datetime) or label != label:  # NaT has no time
        return str(label)
    at_midnight = label.time() == datetime.time() and label.tzinfo is None
    return label.date().isoformat() if at_midnight else str(label)


def _distinct(column: NDArray[Any]) -> tuple[NDArray[Any], Indices]:
    """Return sorted distinct values and the index of each cell's value; dense integers by counting."""
    if column.dtype.kind == "i" and column.size:
        first, last = int(column.min()), int(column.max())
        if last - first < 4 * column.size:
            offsets = column - first
            present = np.bincount(offsets, minlength=last - first + 1) > 0
            return np.flatnonzero(present) + first, (np.cumsum(present) - 1)[offsets]
    names, codes = np.unique(column, return_inverse=True)
    return names, codes


def label_column(column: Any, name: str, where: str, fix: Text = "fill it in") -> LabelColumn:
    """Return a column of whole numbers or text as labels.

    Parameters
    ----------
    column : ndarray or LabelColumn
    name, where : str
        Of the column and of its table, for errors.
    fix : str or Remedy
        What to do about an empty label.

    Raises
    ------
    InvalidInputError
        If a label is empty.
    """
    if not isinstance(column, LabelColumn):
        if column.dtype.kind == "f" and np.isnan(column).any():
            column = np.array(["" if np.isnan(x) else label_text(x) for x in column.tolist()], dtype=str)
        names, codes = _distinct(column)
        if names.dtype.kind == "f":
            names = np.array([label_text(x) for x in names.tolist()], dtype=str)
        labels = LabelColumn(codes, names) if names.dtype.kind == "i" else order_labels(codes, names.tolist())
    else:
        labels = column
    if labels.names.dtype.kind == "U" and "" in labels.names:
        line = int(np.argmax(labels.names[labels.codes] == "")) + 1
        raise InvalidInputError(f"{where} has an empty label", f"column {name!r}, data line {line}", fix=fix)
    return labels


def label_places(known: NDArray[Any]) -> dict[str, int]:
    """Return the position of each label by its text."""
    return {label_text(label): k for k, label in enumerate(known.tolist())}


def find_labels(
    labels: ArrayLike,
    known: NDArray[Any] | Mapping[str, int],
    what: str,
    *,
    unknown: int | None = None,
    where: str = "the model",
) -> Indices:
    """Return the positions of labels among known ones, compared as text.

    Parameters
    ----------
    labels : array_like
    known : ndarray or mapping
        Distinct labels, or their positions by their texts.
    what : str
        "row" or "column", for the error.
    unknown : int, optional
        Position to return for unknown labels, instead of an error.
    where : str
        What has the known ones, for the error.

    Returns
    -------
    ndarray of intp

    Raises
    ------
    InvalidInputError
        If a label is unknown; the message names the first and counts the others.
    """
    wanted = np.asarray(labels, dtype=None if isinstance(labels, np.ndarray) else object)
    if wanted.ndim != 1:
        raise InvalidInputError(f"{what} labels must be one-dimensional", f"shape {wanted.shape}")
    if wanted.dtype.kind == "M":
        wanted = wanted.astype("datetime64[us]")
    places = known if isinstance(known, Mapping) else label_places(known)
    indices = [places.get(label_text(label), -1) for label in wanted.tolist()]
    positions = np.array(indices, dtype=np.intp)
    missing = np.flatnonzero(positions < 0)
    if unknown is not None:
        positions[missing] = unknown
    elif missing.size:
        others = f" and {missing.size - 1} more" if missing.size > 1 else ""
        asked = label_text(wanted.tolist()[missing[0]])
        raise InvalidInputError(
            f"{where} has no such {what}",
            f"{asked!r}{others}",
            fix=f"use a {what} that it has: {nearest(asked, places)}" if places else "",
        )
    return positions
