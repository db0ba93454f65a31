"""Problems of documents about tables, given the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.recheck.documents import Document, Settings, take_point
from lowland.recheck.matrices.problem import MatrixProblem
from lowland.recheck.matrices.table_values import (
    as_powers,
    encoded,
    in_units_of_rows,
    scaled,
    units_in_words,
)
from lowland.recheck.plain_losses import PlainLosses

DTYPES = ("float32", "float64")
SIDES = ("row", "column", "global")
POINT = ("row_factors", "column_factors", "row_biases", "column_biases", "offset")


def in_precision(document: Document, table: Observations) -> Observations:
    """Return a table in the precision that it was fitted in, if the document states one."""
    dtype = document.problem.get("dtype")
    if dtype not in DTYPES:
        raise FileFormatError("the certificate names no known precision", repr(dtype)[:60])
    weights = None if table.weights is None else table.weights.astype(dtype)
    return replace(table, values=table.values.astype(dtype), weights=weights)


def table_problem(document: Document, table: Observations) -> MatrixProblem:
    """Return the problem that a document states on a table.

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
    nonnegative, columns, scaling = (
        settings.flag("nonnegative"),
        settings.maybe("columns"),
        settings.maybe("scaling"),
    )
    powers = settings.maybe("powers")
    row_units = settings.maybe("row_units") if "row_units" in document.problem else None
    settings.word("dtype", DTYPES)  # the table has it already
    settings.close()
    (m, n), r = table.shape, u.shape[1] if u.ndim == 2 else 0
    shapes = [(m, r), (n, r), (m,), (n,), ()]
    given = [part.shape for part in (u, v, a, b, offset)]
    if given != shapes or r < 1 or any(np.iscomplexobj(part) for part in (u, v, a, b, offset)):
        raise FileFormatError(
            "the certificate's factors do not fit the table", f"{given[:2]} for {table.shape}"
        )
    check_fixed_biases(free, (a, b, offset))
    if columns is not None and scaling is not None:
        raise FileFormatError("the certificate scales columns twice", "columns and scaling")
    dtype = table.values.dtype
    if powers is not None:
        table = replace(table, values=as_powers(powers, table).astype(dtype))
    if row_units is not None:
        table = replace(table, values=in_units_of_rows(row_units, table).astype(dtype))
    weights: Vector = np.ones(table.size) if table.weights is None else table.weights.astype(np.float64)
    y: Vector = table.values.astype(np.float64)
    losses = PlainLosses()
    if scaling is not None:
        y = scaled(scaling, table)
    if columns is not None:
        y, losses, precisions = encoded(columns, table)
        weights = precisions if table.weights is None else precisions * table.weights
        weights = weights.astype(dtype).astype(np.float64)
    check_weights(weights)
    by_row = by_column = None
    if weighting == "counts":
        counts = np.bincount(table.rows, minlength=m), np.bincount(table.columns, minlength=n)
        by_row, by_column = (
            np.maximum(counts[0], 1) * m / table.size,
            np.maximum(counts[1], 1) * n / table.size,
        )
    return MatrixProblem(
        y,
        weights,
        u,
        v,
        cells=(table.rows, table.columns),
        losses=losses,
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
    )


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
    kinds = "squared" if columns is None else ", ".join(sorted({kind["loss"] for kind in columns["kinds"]}))
    free, by_side = problem["biases"], " by row and column" if problem["penalty_weights"] == "counts" else ""
    parts = [f"{kinds} loss of {table.size} cells of a {m} x {n} table, rank {r}"]
    parts.append(f"{', '.join(free)} biases" if free else "no biases")
    for name in ("penalty", "bias_penalty"):
        if problem[name]:
            parts.append(f"{name.replace('_', ' ')} {problem[name]:.4g}{by_side}")
    if problem["nonnegative"]:
        parts.append("nonnegative factors")
    if problem["powers"]:
        shares = sum(one["whole"] > 0 for one in problem["powers"])
        folded = f", of {shares} shares less those of the rest" if shares else ""
        parts.append(f"{len(problem['powers'])} columns as square roots or logarithms{folded}")
    parts += units_in_words(problem.get("row_units"), "rows")
    parts += units_in_words(columns if columns is not None else problem["scaling"], "columns")
    return ", ".join(parts)
