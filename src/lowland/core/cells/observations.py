"""`Observations`: the known cells of a table, with their labels and weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from lowland.core.arrays import Indices, Vector, cell_codes, check_floats, check_positions
from lowland.core.cells.context import CellContext
from lowland.core.cells.duplicates import merge_duplicates
from lowland.core.cells.fingerprints import fingerprint_of
from lowland.core.cells.frame_cells import frame_column, label_cells, number_cells
from lowland.core.cells.labels import label_column
from lowland.core.cells.parts import (
    Labels as Labels,
)
from lowland.core.cells.parts import (
    check_censored,
    check_labels,
    check_shape,
    check_weights,
    extent,
)
from lowland.core.cells.preview import preview_html
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError


@public("lowland")
@final
@dataclass(frozen=True, eq=False)
class Observations:
    """Known cells of a table. Listed cells are observed, including zeros; all others are missing.

    Parameters
    ----------
    rows, columns : ndarray of intp, shape (p,)
        Positions of the observed cells.
    values : ndarray, shape (p,)
        Their values, float32 or float64, finite.
    shape : tuple of int
        Shape of the whole table.
    weights : ndarray, shape (p,), optional
        Positive weight of each cell in the loss; None means 1.
    row_labels, column_labels : ndarray, optional
        Distinct names of the rows and columns.
    censored : ndarray of int8, shape (p,), optional
        -1 where a cell's number is only known to lie below its value, such as a limit of detection, 1 where
        it lies above, else 0; None means that all values are known. Bayesian fits of `MatrixCompletion` know
        of it, everything else takes the bounds for values.
    context : CellContext, optional
        When cells are observed, or under what circumstances: of the listed cells, and perhaps of others that
        are to be predicted. Bayesian fits of `MatrixCompletion` use it where cells held out show a gain.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> seen = ll.Observations.from_array(np.array([[1.0, np.nan], [3.0, 4.0]]))
    >>> seen.size, seen.shape
    (3, (2, 2))
    """

    rows: Indices
    columns: Indices
    values: Vector
    shape: tuple[int, int]
    weights: Vector | None = None
    row_labels: Labels | None = None
    column_labels: Labels | None = None
    censored: NDArray[np.int8] | None = None
    context: CellContext | None = None

    def _repr_html_(self) -> str:
        labels = self.row_labels, self.column_labels
        return preview_html((self.rows, self.columns), self.values, self.shape, labels)

    @property
    def size(self) -> int:
        """Number of observed cells."""
        return int(self.values.size)

    @classmethod
    def from_triples(  # noqa: PLR0913
        cls,
        rows: ArrayLike,
        columns: ArrayLike,
        values: ArrayLike,
        *,
        shape: tuple[int, int] | None = None,
        weights: ArrayLike | None = None,
        row_labels: ArrayLike | None = None,
        column_labels: ArrayLike | None = None,
        duplicates: str = "error",
        censored: ArrayLike | None = None,
        context: ArrayLike | None = None,
    ) -> Observations:
        """Build from lists of positions and values.

        Parameters
        ----------
        rows, columns : array_like of int, shape (p,)
            Positions counted from 0.
        values : array_like, shape (p,)
            Finite values.
        shape : tuple of int, optional
            Shape of the table; by default just large enough (or as long as the labels).
        weights : array_like, shape (p,), optional
            Positive weights.
        row_labels, column_labels : array_like, optional
            Distinct names.
        duplicates : {"error", "mean", "last"}
            What to do with a cell that is listed twice. The (weighted) mean sums the weights.
        censored : array_like of int, shape (p,), optional
            -1 where a number is only known to lie below the value, 1 where it lies above, else 0.
        context : array_like, shape (p,), optional
            When each cell was observed (dates, or numbers such as seconds since 1970), or under what
            circumstances (words): what a row or column says may drift along it. Of a cell that is listed
            twice, the last.

        Returns
        -------
        Observations

        Raises
        ------
        InvalidInputError
            If lengths differ, values are not finite, or a cell repeats while `duplicates` is "error".
        """
        value = check_floats(values, "values", ndim=1)
        check_shape(shape)
        shape = shape or (
            extent(rows, row_labels, "rows"),
            extent(columns, column_labels, "columns"),
        )
        row = check_positions(rows, "rows", below=shape[0])
        column = check_positions(columns, "columns", below=shape[1])
        if not row.size == column.size == value.size:
            raise InvalidInputError(
                "rows, columns and values must be equally long", f"{row.size}, {column.size} and {value.size}"
            )
        weight = check_weights(weights, value)
        names = [
            check_labels(row_labels, shape[0], "row_labels"),
            check_labels(column_labels, shape[1], "column_labels"),
        ]
        side = check_censored(censored, value.shape)
        known = None if context is None else CellContext.of(row, column, context, shape)
        row, column, value, weight, side = merge_duplicates(
            row, column, value, weight, side, shape, duplicates, names
        )
        return cls(row, column, value, shape, weight, names[0], names[1], side, known)

    @classmethod
    def from_array(
        cls,
        table: ArrayLike,
        *,
        weights: ArrayLike | None = None,
        row_labels: ArrayLike | None = None,
        column_labels: ArrayLike | None = None,
        censored: ArrayLike | None = None,
        context: ArrayLike | None = None,
    ) -> Observations:
        """Build from a two-dimensional array in which NaN means missing and zero is a value.

        Parameters
        ----------
        table : array_like, shape (m, n)
            Numbers; NaN (or masked) is missing, an infinity is an error.
        weights : array_like, shape (m, n), optional
            Positive weight of each observed cell.
        row_labels, column_labels : array_like, optional
            Distinct names.
        censored : array_like of int, shape (m, n), optional
            -1 where a number is only known to lie below what the table holds, 1 where it lies above, else 0.
        context : array_like, shape (m, n), optional
            As in `from_triples`, of missing cells too; NaN, NaT or "" where not known.

        Returns
        -------
        Observations

        Raises
        ------
        InvalidInputError
            If the array is not two-dimensional or holds an infinity.
        """
        if isinstance(table, np.ma.MaskedArray):
            table = np.ma.filled(table.astype(np.float64), np.nan)
        array = np.asarray(table)
        if array.ndim != 2:
            raise InvalidInputError("the table must have two dimensions", f"shape {array.shape}")
        if array.dtype.kind not in "fiub":
            raise InvalidInputError(
                "the table must hold real numbers", f"dtype {array.dtype}", fix="drop or encode other columns"
            )
        array = array.astype(np.float32 if array.dtype == np.float32 else np.float64, copy=False)
        if np.isinf(array).any():
            i, j = (int(k) for k in np.argwhere(np.isinf(array))[0])
            raise InvalidInputError(
                "the table must not hold infinities",
                f"{array[i, j]} in row {i}, column {j}",
                fix="use NaN for missing values",
            )
        row, column = np.nonzero(~np.isnan(array))
        weight = None if weights is None else np.asarray(weights)[row, column]
        side = check_censored(censored, array.shape)
        made = cls.from_triples(
            row,
            column,
            array[row, column],
            shape=array.shape,
            weights=weight,
            row_labels=row_labels,
            column_labels=column_labels,
            censored=None if side is None else side[row, column],
        )
        return made if context is None else replace(made, context=CellContext.of_array(context, array.shape))

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        row: str,
        column: str,
        value: str,
        duplicates: str = "error",
        context: str | None = None,
    ) -> Observations:
        """Build from a data frame with one line per observed cell.

        Parameters
        ----------
        frame : data frame
            Of pandas, Polars or Arrow: anything whose columns are found by ``frame[name]`` and are arrays for
            NumPy. Lines whose value is missing are left out. (`read_table` takes lazy frames and relations of
            DuckDB too.)
        row, column, value : str
            Names of the columns that hold the row's label, the column's label and the number. Dates become
            text in ISO form, whose order is that of time.
        duplicates : {"error", "mean", "last"}
            What to do with a cell that is listed twice.
        context : str, optional
            Name of the column that says when each cell is observed, or under what circumstances, as in
            `from_triples`; also of lines without a value.

        Returns
        -------
        Observations

        Raises
        ------
        InvalidInputError
            If a column does not exist, a label is missing, or values are not numbers.

        Examples
        --------
        >>> import pandas as pd, lowland as ll
        >>> columns = {"shop": ["a", "a", "b"], "fruit": ["fig", "plum", "fig"], "kilos": [3.5, 1.0, 2.0]}
        >>> sold = pd.DataFrame(columns)
        >>> ll.Observations.from_frame(sold, row="shop", column="fruit", value="kilos").shape
        (2, 2)
        """
        rows, columns = (
            label_column(label_cells(frame_column(frame, name)), name, "the data frame")
            for name in (row, column)
        )
        numbers = number_cells(frame_column(frame, value), value)
        keep = ~np.isnan(numbers)
        # a fit must not depend on the order of lines
        order = np.flatnonzero(keep)[np.lexsort((columns.codes[keep], rows.codes[keep]))]
        made = cls.from_triples(
            rows.codes[order],
            columns.codes[order],
            numbers[order],
            row_labels=rows.names,
            column_labels=columns.names,
            duplicates=duplicates,
        )
        if context is None:
            return made
        given = frame_column(frame, context)
        return replace(made, context=CellContext.of(rows.codes, columns.codes, given, made.shape, context))

    def row_counts(self) -> Indices:
        """Return the number of observed cells of each row."""
        return np.bincount(self.rows, minlength=self.shape[0])

    def column_counts(self) -> Indices:
        """Return the number of observed cells of each column."""
        return np.bincount(self.columns, minlength=self.shape[1])

    def select(self, keep: NDArray[Any]) -> Observations:
        """Return the observations at the positions or mask `keep`, with the same table shape."""
        weights, censored = (None if part is None else part[keep] for part in (self.weights, self.censored))
        known = {"rows": self.rows[keep], "columns": self.columns[keep], "values": self.values[keep]}
        return replace(self, **known, weights=weights, censored=censored)

    def hide(self, hidden: NDArray[np.bool_]) -> tuple[Observations, Observations]:
        """Return the observations that a mask leaves, with their own context alone, and those that it hides.

        Of missing cells it is not known when they are observed, nor is it then of hidden ones.
        """
        kept = self.select(~hidden)
        if self.context is not None:
            kept = replace(kept, context=self.context.only(kept.rows, kept.columns))
        return kept, self.select(hidden)

    def exact(self) -> Observations:
        """Return the observations without the censored ones."""
        return self if self.censored is None else replace(self.select(self.censored == 0), censored=None)

    def to_array(self) -> NDArray[np.floating[Any]]:
        """Return the dense table, NaN where missing."""
        table = np.full(self.shape, np.nan, dtype=self.values.dtype)
        table[self.rows, self.columns] = self.values
        return table

    def in_precision(self, dtype: DTypeLike) -> Observations:
        """Return the observations with values and weights in a precision."""
        weights = None if self.weights is None else self.weights.astype(dtype, copy=False)
        return replace(self, values=self.values.astype(dtype, copy=False), weights=weights)

    def row_by_row(self) -> Indices | slice:
        """Return the order of the cells by row and column; a slice if they are listed in that order."""
        code = cell_codes(self.rows, self.columns, self.shape[1])
        return slice(None) if (code[1:] >= code[:-1]).all() else np.argsort(code, kind="stable")

    def in_order(self) -> Observations:
        """Return the observations listed row by row, by which sums over them have the same bits."""
        order = self.row_by_row()
        return self if isinstance(order, slice) else self.select(order)

    def fingerprint(self) -> str:
        """Return a hash of positions, values, weights and labels, by which the same data are recognised."""
        return fingerprint_of(self)
