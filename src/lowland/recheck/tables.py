"""Problems of documents about tables, given the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.observations import Observations
from lowland.recheck.documents import Document, Settings, take_point
from lowland.recheck.matrix_problem import MatrixProblem
from lowland.recheck.plain_losses import KINDS, PlainLoss, PlainLosses

DTYPES = ("float32", "float64")
SIDES = ("row", "column", "global")
POINT = ("row_factors", "column_factors", "row_biases", "column_biases", "offset")
# counts of numbers of each kind of loss; thresholds of levels are any number of them
NUMBERS = {"clipped": 3}


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
        table = replace(table, values=_as_powers(powers, table).astype(dtype))
    weights: Vector = np.ones(table.size) if table.weights is None else table.weights.astype(np.float64)
    y: Vector = table.values.astype(np.float64)
    losses = PlainLosses()
    if scaling is not None:
        y = _scaled(scaling, table).astype(dtype).astype(np.float64)
    if columns is not None:
        y, losses, precisions = _encoded(columns, table)
        y = y.astype(dtype).astype(np.float64)
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
        is_double=dtype == np.float64,
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
        found = f"from {np.min(weights):g} to {np.max(weights):g}"
        raise InvalidInputError("weights must be positive", found, fix="pass those of the fit")


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
    if columns is not None or problem["scaling"] is not None:
        parts.append("columns scaled as the certificate says")
    return ", ".join(parts)


def _encoded(given: Any, table: Observations) -> tuple[Vector, PlainLosses, Vector]:
    """Return values in the units of the fit, the losses of cells, and the precisions of their columns."""
    if not isinstance(given, dict):
        raise FileFormatError("the certificate's columns cannot be read", type(given).__name__)
    settings, n = Settings(given), table.shape[1]
    listed = settings.maybe("kinds")
    which = settings.array("which", n)
    centres, spreads = settings.array("centres", n), settings.array("spreads", n)
    shifts, precisions = settings.array("shifts", n), settings.array("precisions", n)
    settings.close()
    if not isinstance(listed, list) or not listed or not all(isinstance(kind, dict) for kind in listed):
        raise FileFormatError("the certificate's columns cannot be read", "kinds")
    kinds = [_kind(kind) for kind in listed]
    if not (np.isin(which, np.arange(len(kinds))).all() and (spreads > 0).all() and (precisions > 0).all()):
        raise FileFormatError("the certificate's columns cannot be used", "which, spreads or precisions")
    own = which.astype(np.intp)[table.columns]
    y = (table.values - centres[table.columns]) / spreads[table.columns]
    for k, (loss, levels) in enumerate(kinds):
        at = np.flatnonzero(own == k)
        if loss.kind == "ordinal":
            values = table.values[at].astype(np.float64)
            codes = np.minimum(np.searchsorted(levels, values), levels.size - 1)
            if not np.array_equal(levels[codes], values):
                raise FileFormatError(
                    "a value of the table is not one of the certificate's levels", f"kind {k}"
                )
            y[at] = codes
        elif loss.kind == "log-Poisson" and (table.values[at] < 0).any():
            raise FileFormatError("a count of the table is negative", f"kind {k}")
    losses = PlainLosses(tuple(loss for loss, _ in kinds), own, shifts[table.columns])
    return y, losses, precisions[table.columns]


def _as_powers(given: Any, table: Observations) -> Vector:
    """Return values of which some columns are square roots or logarithms."""
    if not isinstance(given, list):
        raise FileFormatError("the certificate's powers cannot be read", type(given).__name__)
    values, done = table.values.astype(np.float64), set()
    for one in given:
        settings = Settings(one if isinstance(one, dict) else {})
        column, exponent = settings.number("column"), settings.number("exponent")
        shift, lowest, whole = (settings.number(name) for name in ("shift", "lowest", "whole"))
        more, least = settings.number("rest_shift"), settings.number("least_rest")
        settings.close()
        known = column in range(table.shape[1]) and column not in done
        fine = exponent in (0.0, 0.5) and min(shift, lowest, more, least) >= 0 and whole in (0.0, 1.0, 100.0)
        small = 0 < shift + lowest < 1e300 and (not whole or 0 < more + least < whole)
        if not (known and fine and small):
            raise FileFormatError("the certificate's powers cannot be used", f"column {column:g}")
        done.add(column)
        at = table.columns == int(column)
        x = values[at]
        if (x < 0).any() or (whole and (x > whole).any()):
            raise FileFormatError("numbers lie beyond the certificate's powers", f"column {column:g}")
        rest, write = whole - x, np.log if exponent == 0 else np.sqrt
        if ((x > 0) & (x < lowest)).any() or (whole and ((rest > 0) & (rest < least)).any()):
            raise FileFormatError("the certificate's powers change positive numbers", f"column {column:g}")
        values[at] = write(np.where(x > lowest, x, lowest) + shift)
        if whole:
            values[at] -= write(np.where(rest > least, rest, least) + more)
    return values


def _scaled(given: Any, table: Observations) -> Vector:
    """Return values minus the centre of their column, in units of its spread."""
    if not isinstance(given, dict):
        raise FileFormatError("the certificate's scaling cannot be read", type(given).__name__)
    settings, n = Settings(given), table.shape[1]
    centres, spreads = settings.array("centres", n), settings.array("spreads", n)
    settings.close()
    if not (spreads > 0).all():
        raise FileFormatError("the certificate's scaling cannot be used", "a spread is not positive")
    return np.asarray((table.values - centres[table.columns]) / spreads[table.columns])


def _kind(given: dict[str, Any]) -> tuple[PlainLoss, Vector]:
    settings = Settings(given)
    loss, numbers, levels = settings.word("loss", KINDS), settings.array("numbers"), settings.array("levels")
    settings.close()
    if loss == "ordinal":
        good = numbers.size >= 1 and levels.size == numbers.size + 1
        good = bool(good and (np.diff(numbers) > 0).all() and (np.diff(levels) > 0).all())
    else:
        good = numbers.size == NUMBERS.get(loss, 0) and levels.size == 0
    if good and loss == "clipped":
        good = bool(numbers[0] < 0 < numbers[1] and numbers[2] > 0)
    if not good:
        raise FileFormatError("the certificate holds a loss with wrong numbers", loss)
    return PlainLoss(loss, tuple(numbers.tolist())), levels
