"""`Covariates`: numeric features of rows or columns, keyed by their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix
from lowland.core.cells.labels import find_labels
from lowland.core.cells.observations import Labels
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError, without_column
from lowland.core.wording import InCode, Remedy
from lowland.files.tables import read_columns

# a text column with more levels than this is taken for names or notes, not for a covariate
MOST_LEVELS = 100


@public("lowland")
@final
@dataclass(frozen=True, eq=False)
class Covariates:
    """Numeric features of labelled rows or columns.

    Parameters
    ----------
    labels : ndarray, shape (k,)
        Distinct.
    names : tuple of str
        Names of the features; a level of a text column is named "column=level".
    values : ndarray, shape (k, c)
        Finite.

    Examples
    --------
    >>> import lowland as ll
    >>> import pandas as pd
    >>> about = ll.read_covariates(pd.DataFrame({"who": ["a", "b"], "age": [31, 40], "sex": ["f", "m"]}))
    >>> about.names
    ('age', 'sex=f', 'sex=m')
    """

    labels: NDArray[Any]
    names: tuple[str, ...]
    values: Matrix

    def in_order(self, labels: Labels | None, what: str) -> Matrix:
        """Return the features in the order of a table's rows or columns, shape (n, c).

        Parameters
        ----------
        labels : ndarray or None
            Labels of the rows or columns.
        what : str
            Name of the covariates in error messages.

        Raises
        ------
        InvalidInputError
            If the table has no labels, or has a label without covariates.
        """
        if labels is None:
            raise InvalidInputError(
                f"{what}: covariates have labels, the table has none",
                f"{self.labels.size} labels",
                fix=Remedy("label the table", InCode("pass an array in its order")),
            )
        ordered: Matrix = self.values[find_labels(labels, self.labels, "label", where=what)]
        return ordered


@public("lowland")
def read_covariates(source: Any, *, key: str | None = None) -> Covariates:
    """Read covariates from a file or a data frame with one line per row (or column) of the table.

    Parameters
    ----------
    source : path or data frame
        CSV, TSV, Parquet or Feather; or a pandas, Polars or Arrow frame.
    key : str, optional
        Name of the column of labels; by default the first.

    Returns
    -------
    Covariates
        Numeric columns as they are, text columns as one 0-or-1 column per level.

    Raises
    ------
    InvalidInputError
        If a label repeats or a value is missing.

    Examples
    --------
    >>> import lowland as ll
    >>> import pandas as pd
    >>> ll.read_covariates(pd.DataFrame({"city": ["Bonn", "Rome"], "height": [60.0, 21.0]})).values
    array([[60.],
           [21.]])
    """
    columns, where = read_columns(source, (0 if key is None else key,))
    key = key or next(iter(columns), None)
    if key is None or key not in columns:
        raise without_column(where, str(key), columns)
    labels = columns[key]
    distinct, counts = np.unique(labels, return_counts=True)
    if distinct.size != labels.size:
        raise InvalidInputError(
            f"{where} lists a label twice", f"{distinct[counts > 1][0]!r}", fix="keep one line per label"
        )
    names, parts = list[str](), list[Matrix]()
    for name, column in columns.items():
        if name != key:
            for part_name, part in _numbers(name, column, where):
                names.append(part_name)
                parts.append(part)
    if not parts:
        raise InvalidInputError(f"{where} has no covariates", f"only the columns {', '.join(columns)}")
    return Covariates(labels, tuple(names), np.column_stack(parts))


def _numbers(name: str, column: NDArray[Any], where: str) -> list[tuple[str, Matrix]]:
    gaps = column == "" if column.dtype.kind == "U" else np.isnan(column.astype(np.float64))
    if gaps.any():
        raise InvalidInputError(
            f"{where} has a missing value in column {name!r}",
            f"data line {int(np.argmax(gaps)) + 1}",
            fix="fill it in, or drop the column",
        )
    if column.dtype.kind != "U":
        return [(name, column.astype(np.float64))]
    levels = np.unique(column)
    if levels.size > MOST_LEVELS:
        raise InvalidInputError(
            f"{where} has too many levels in column {name!r}", str(levels.size), fix="drop the column"
        )
    return [(f"{name}={level}", (column == level).astype(np.float64)) for level in levels.tolist()]
