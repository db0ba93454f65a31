"""Cells put into columns of data frames, whose kinds stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from lowland.core.arrays import Indices
from lowland.estimators.frames.held import are_values

SINGLE = {"Float16": np.float16, "Float32": np.float32}
# of a decimal
MOST_DIGITS = 38


def place(series: Any, at: Indices, cells: Sequence[Any]) -> Any:
    """Return a column with cells put at some places, of the kind that it has.

    A column of numbers or truth values without a known cell becomes one of words if the cells are. Categories
    that it lacks are added after its own; decimals for which it has no room widen it, and means among whole
    numbers make it one of floats.

    Parameters
    ----------
    series : narwhals.Series
    at : ndarray of int, shape (k,)
    cells : sequence, shape (k,)
    """
    import narwhals as nw

    if are_values(series) and not _is_of_others(series, cells):
        if series.dtype.is_integer():
            series = series if all(isinstance(cell, int) for cell in cells) else series.cast(nw.Float64)
        kind = SINGLE.get(str(series.dtype))
        return series.scatter(at.tolist(), cells if kind is None else np.asarray(cells, kind))
    held = series.to_list()
    for k, cell in zip(at.tolist(), cells, strict=True):
        held[k] = cell
    if _is_of_others(series, cells):
        held = [None if isinstance(cell, float) and cell != cell else cell for cell in held]
        return _new(series, held)
    made = _like(series.to_native(), held, nw.get_native_namespace(series).__name__)
    return nw.from_native(made, series_only=True).alias(series.name)


def _is_of_others(series: Any, cells: Sequence[Any]) -> bool:
    """Return whether a column has a kind that the cells have not."""
    import narwhals as nw

    if are_values(series):
        return not all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells)
    return series.dtype == nw.Boolean and not all(isinstance(cell, bool) for cell in cells)


def _new(series: Any, cells: list[Any]) -> Any:
    """Return a column of the kind of its cells, in the place of another."""
    import narwhals as nw

    native = series.to_native()
    if not series.implementation.is_pandas():
        return nw.new_series(series.name, cells, backend=series.implementation)
    import pandas as pd

    return nw.from_native(pd.Series(cells, index=native.index, name=native.name), series_only=True)


def _like(native: Any, cells: list[Any], library: str) -> Any:
    """Return a column of some cells in the kind, and with the index, of another."""
    if library == "polars":
        import polars as pl

        kind = native.dtype
        if isinstance(kind, pl.Enum):
            kind = pl.Enum([*kind.categories, *_others(cells, kind.categories)])
        elif isinstance(kind, pl.Decimal) and _digits(cells, kind) > (kind.precision or MOST_DIGITS):
            kind = pl.Decimal(MOST_DIGITS, kind.scale)
        return pl.Series(native.name, cells, dtype=None if kind == pl.Null else kind)
    if library == "pyarrow":
        import pyarrow as pa

        kind = _with_digits(native.type, cells)
        if pa.types.is_null(kind):
            return pa.chunked_array([pa.array(cells)])
        try:
            return pa.chunked_array([pa.array(cells, type=kind)])
        except pa.ArrowTypeError:  # of kinds into which others are but cast, such as bool8
            return pa.chunked_array([pa.array(cells).cast(kind)])
    import pandas as pd

    kind = native.dtype
    if isinstance(kind, pd.CategoricalDtype):
        others = _others(cells, kind.categories)
        kind = pd.CategoricalDtype([*kind.categories, *others], kind.ordered) if others else kind
    elif isinstance(kind, pd.ArrowDtype):
        kind = pd.ArrowDtype(_with_digits(kind.pyarrow_dtype, cells))
    return pd.Series(cells, index=native.index, dtype=None if str(kind) == "null[pyarrow]" else kind)


def _others(cells: Sequence[Any], categories: Any) -> list[Any]:
    """Return what cells hold beside the categories of their column."""
    known = {None, *categories}
    return list({cell: None for cell in cells if cell == cell and cell not in known})


def _with_digits(kind: Any, cells: Sequence[Any]) -> Any:
    """Return a kind of Arrow; of decimals, one that has room for all of them."""
    import pyarrow as pa

    if not pa.types.is_decimal(kind) or _digits(cells, kind) <= kind.precision:
        return kind
    return pa.decimal128(MOST_DIGITS, kind.scale)


def _digits(cells: Sequence[Any], kind: Any) -> int:
    """Return how many digits decimals of a kind have at most."""
    return int(kind.scale) + max(1, *(cell.adjusted() + 1 for cell in cells if isinstance(cell, Decimal)))
