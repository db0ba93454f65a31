"""Counts of outcomes of quantum measurements, one line per outcome."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.errors import FileFormatError, InvalidInputError

COLUMNS = ("setting", "outcome", "count")


@final
@dataclass(frozen=True, eq=False)
class Counts:
    """How often each outcome was seen in each setting.

    Parameters
    ----------
    settings, outcomes : tuple of str
    counts : ndarray, shape (p,)
        At least 0; need not be whole, since they may be means over runs.
    """

    settings: tuple[str, ...]
    outcomes: tuple[str, ...]
    counts: Vector


def read_counts(path: str | PathLike[str]) -> Counts:
    """Read a CSV file with the columns setting, outcome and count.

    Parameters
    ----------
    path : path
        A header line, then lines such as ``XZ,01,1214``. Other columns are ignored.

    Returns
    -------
    Counts

    Raises
    ------
    FileFormatError
        If a column is missing or a count is not a number.
    InvalidInputError
        If a count is negative, all are zero, or an outcome is listed twice.

    Examples
    --------
    >>> from lowland.datasets import data_path
    >>> from lowland.files.counts import read_counts
    >>> data = read_counts(data_path("photon_counts"))
    >>> len(data.counts), data.settings[0], data.outcomes[0]
    (36, 'XX', '00')
    """
    file = Path(path)
    with file.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
        if missing:
            raise FileFormatError(
                f"{file} has no column {missing[0]}",
                ", ".join(reader.fieldnames or []) or "an empty file",
                fix=f"name the columns {', '.join(COLUMNS)}",
            )
        rows = list(reader)
    counts = np.empty(len(rows))
    seen: dict[tuple[str, str], int] = {}
    for k, row in enumerate(rows):
        key = ((row["setting"] or "").strip().upper(), (row["outcome"] or "").strip())
        try:
            counts[k] = float(row["count"])
        except (TypeError, ValueError) as error:
            raise FileFormatError(
                f"{file}, line {k + 2}: count is not a number", repr(row["count"])
            ) from error
        if not (np.isfinite(counts[k]) and counts[k] >= 0):
            raise InvalidInputError(
                f"{file}, line {k + 2}: count must be finite and at least 0", repr(row["count"])
            )
        if key in seen:
            raise InvalidInputError(
                f"{file}, line {k + 2}: outcome listed twice",
                f"{key[0]},{key[1]}, first on line {seen[key]}",
            )
        seen[key] = k + 2
    if not counts.any():
        raise InvalidInputError(f"{file} holds no counts", f"{counts.size} lines, all zero")
    keys = list(seen)
    return Counts(tuple(k[0] for k in keys), tuple(k[1] for k in keys), counts)
