"""Problems of documents about tables, given the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import FileFormatError, InvalidInputError, UnsupportedError
from lowland.recheck.documents import Document, Settings, take_point
from lowland.recheck.matrices.problem import SIDES, MatrixProblem
from lowland.recheck.matrices.tables.units import doubts_of_rounding
from lowland.recheck.matrices.tables.values import (
    losses_in_words,
    powers_in_words,
    units_in_words,
    write_table,
)

# most cells of a table of which all are needed, listed or not: a gigabyte
MOST_CELLS = 20_000_000
DTYPES = ("float32", "float64")
# settings that say in which units a table is fitted
UNITS = ("powers", "scaling", "columns")
POINT = ("row_factors", "column_factors", "row_biases", "column_biases", "offset")


def in_precision(document: Document, table: Observations) -> Observations:
    """Return a table in the precision that it was fitted in, if the document states one."""
    dtype = document.problem.get("dtype")
    if dtype not in DTYPES:
        raise FileFormatError("the certificate names no known precision", repr(dtype)[:60])
    return table.in_precision(dtype)


def table_problem(
    document: Document, table: Observations, given: Observations | None = None
) -> MatrixProblem:
    """Return the problem that a document states on a table.

    Parameters
    ----------
    document : Document
    table : Observations
        In the precision of the document.
    given : Observations, optional
        The table as it is given, which the document may round.

    Raises
    ------
    FileFormatError
        If settings or factors cannot be read, or do not fit the table.
    """
    u, v, a, b, offset = take_point(document, POINT)
    settings = Settings(document.problem)
    free = settings.words("biases", SIDES)
    penalty, bias_penalty = settings.number("penalty"), settings.number("bias_penalty")
    weighting = settings.word("penalty_weights", ("uniform", "counts"))
    nonnegative, units = settings.flag("nonnegative"), [settings.maybe(name) for name in UNITS]
    row_units = settings.maybe("row_units") if "row_units" in document.problem else None
    unlisted = settings.maybe("unlisted") if "unlisted" in document.problem else None
    settings.word("dtype", DTYPES)  # the table has it already
    settings.close()
    (m, n), r = table.shape, u.shape[1] if u.ndim == 2 else 0
    shapes = [(m, r), (n, r), (m,), (n,), ()]
    there = [part.shape for part in (u, v, a, b, offset)]
    if there != shapes or r < 1 or any(np.iscomplexobj(part) for part in (u, v, a, b, offset)):
        raise FileFormatError(
            "the certificate's factors do not fit the table", f"{there[:2]} for {table.shape}"
        )
    check_fixed_biases(free, (a, b, offset))
    doubts = [] if given is None else doubts_of_rounding(given.values, table.values, table.columns)
    written = write_table(table, row_units, *units)
    weights: Vector = np.ones(table.size) if table.weights is None else table.weights.astype(np.float64)
    if written.precisions is not None:
        weights = (weights * written.precisions).astype(table.values.dtype).astype(np.float64)
    check_weights(weights)
    by_row = by_column = None
    if weighting == "counts":
        counts = np.bincount(table.rows, minlength=m), np.bincount(table.columns, minlength=n)
        by_row, by_column = (
            np.maximum(counts[0], 1) * m / table.size,
            np.maximum(counts[1], 1) * n / table.size,
        )
    y, cells = written.y, (table.rows, table.columns)
    if unlisted is not None:
        y, weights, cells = all_cells(table, weights, Settings(unlisted))
    return MatrixProblem(
        y,
        weights,
        u,
        v,
        cells=cells,
        losses=written.losses,
        free=free,
        row_biases=a,
        column_biases=b,
        offset=float(offset),
        penalty=penalty,
        bias_penalty=bias_penalty,
        by_row=by_row,
        by_column=by_column,
        is_nonnegative=nonnegative,
        words=_describe(document.problem, table, r),
        doubts=(*doubts, *written.doubts),
    )


def all_cells(
    table: Observations, weights: Vector, settings: Settings
) -> tuple[Vector, Vector, tuple[Indices, Indices]]:
    """Return the values, weights and places of all cells of a table, of which those not listed count, too.

    Raises
    ------
    FileFormatError
        If the weight is no weight.
    UnsupportedError
        If that are too many cells.
    """
    value, weight = settings.number("value", least=-float(np.finfo(float).max)), settings.number("weight")
    settings.close()
    if not weight > 0:
        raise FileFormatError("cells that are not listed have no weight", f"{weight:g}")
    m, n = table.shape
    if m * n > MOST_CELLS:
        raise UnsupportedError(
            "all cells of the table are needed, listed or not",
            f"{m:,} x {n:,} cells, of at most {MOST_CELLS:,}",
            fix="verify a certificate of a smaller table",
        )
    y, whole = np.zeros((m, n)), np.full((m, n), weight)
    at = table.rows, table.columns
    y[at] = table.values - table.values.dtype.type(value)
    whole[at] = weights
    rows, columns = np.indices((m, n))
    return y.ravel(), whole.ravel(), (rows.ravel(), columns.ravel())


def check_fixed_biases(free: tuple[str, ...], parts: Sequence[NDArray[Any]]) -> None:
    """Raise unless biases that are not fitted are zero."""
    for side, part in zip(SIDES, parts, strict=True):
        if side not in free and np.any(part):
            raise FileFormatError("the certificate has a bias that is not fitted", side)


def check_weights(weights: Vector) -> None:
    """Raise unless all weights are positive and finite."""
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        extremes = f"from {np.min(weights):g} to {np.max(weights):g}"
        raise InvalidInputError("weights must be positive", extremes, fix="pass those of the fit")


def _describe(problem: Mapping[str, Any], table: Observations, r: int) -> str:
    """Return the problem of checked settings in one line."""
    columns, (m, n) = problem["columns"], table.shape
    kinds = "squared" if columns is None else losses_in_words(columns["kinds"])
    free, by_side = problem["biases"], " by row and column" if problem["penalty_weights"] == "counts" else ""
    parts = [f"{kinds} loss of {table.size} cells of a {m} x {n} table, rank {r}"]
    parts.append(f"{', '.join(free)} biases" if free else "no biases")
    for name in ("penalty", "bias_penalty"):
        if problem[name]:
            parts.append(f"{name.replace('_', ' ')} {problem[name]:.4g}{by_side}")
    if "unlisted" in problem:
        value, weight = (float(problem["unlisted"][name]) for name in ("value", "weight"))
        parts.append(f"cells that are not listed count as {value:g} with weight {weight:.4g}")
    if problem["nonnegative"]:
        parts.append("nonnegative factors")
    parts += powers_in_words(problem["powers"])
    parts += units_in_words(problem.get("row_units"), "rows")
    parts += units_in_words(columns if columns is not None else problem["scaling"], "columns")
    return ", ".join([*parts, *precision_in_words(problem["dtype"])])


def precision_in_words(dtype: str) -> list[str]:
    """Return that numbers are rounded, if they are."""
    return [] if dtype == "float64" else ["in single precision"]
