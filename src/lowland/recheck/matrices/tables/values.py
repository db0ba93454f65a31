"""Values of a table in the unit of the fit: powers, centres and spreads, levels, as a document states them.

A document is believed in none of them: whoever writes it could choose units in which noise looks like a
constant. The numbers of a line must come back from what was made of them, with the digits that tell them
apart; whether units, shifts and weights are such as fits make of the numbers, `units` and `encodings` say;
which these are is told with the problem.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import FileFormatError
from lowland.recheck.documents import Settings
from lowland.recheck.matrices.tables.encodings import doubts_of_losses, doubts_of_powers
from lowland.recheck.matrices.tables.units import doubts_of_rows, doubts_of_scaling
from lowland.recheck.plain_losses import PlainLoss, PlainLosses

# losses of columns of tables
KINDS = ("squared", "log-Poisson", "clipped", "ordinal")
# counts of numbers of each kind of loss; thresholds of levels are any number of them
NUMBERS = {"clipped": 3}
# losses whose data are not centred: what they say is in their unit
IN_OWN_UNIT = ("log-Poisson", "ordinal")
# by how much numbers may differ that come back from another unit, as a share of their range
LOST = {"float64": 1e-6, "float32": 1e-3}
ROUNDINGS = 8.0
# what the numbers of powers and columns are called
MOVED = (("shift", "shifts"), ("lowest", "least numbers"), ("rest_shift", "shifts of rests"))
UNITS = {"precisions": "weights"}
# largest shift of a column of counts or of two levels: a log mean, or a log of odds
LARGEST_SHIFT = 100.0


@final
class Written(NamedTuple):
    """A table as it is fitted: values, losses and precisions of cells, and why units are not its own."""

    y: Vector
    losses: PlainLosses
    precisions: Vector | None
    doubts: list[str]


def write_table(table: Observations, row_units: Any, powers: Any, scaling: Any, columns: Any) -> Written:
    """Return a table in the units that a document states: powers, then units of rows, then of columns."""
    if columns is not None and scaling is not None:
        raise FileFormatError("the certificate scales columns twice", "columns and scaling")
    dtype, doubts = table.values.dtype, list[str]()
    if powers is not None:
        roots = as_powers(powers, table)
        doubts += doubts_of_powers(powers, table)
        table = replace(table, values=roots.astype(dtype))
    if row_units is not None:
        in_rows = in_units_of_rows(row_units, table)
        doubts += doubts_of_rows(row_units, table)
        table = replace(table, values=in_rows.astype(dtype))
    if columns is not None:
        y, losses, precisions, others = encoded(columns, table)
        return Written(y, losses, precisions, doubts + others)
    if scaling is None:
        return Written(table.values.astype(np.float64), PlainLosses(), None, doubts)
    return Written(scaled(scaling, table), PlainLosses(), None, doubts + doubts_of_scaling(scaling, table))


def encoded(given: Any, table: Observations) -> tuple[Vector, PlainLosses, Vector, list[str]]:
    """Return values in the units of the fit, losses of cells, precisions of their columns, and doubts."""
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
    kind_of_cell = which.astype(np.intp)[table.columns]
    in_own = np.array([loss.kind in IN_OWN_UNIT for loss, _ in kinds])[which.astype(np.intp)]
    if (centres[in_own] != 0).any() or (spreads[in_own] != 1).any():
        raise FileFormatError("the certificate's columns cannot be used", "counts or levels in another unit")
    if (shifts[~in_own] != 0).any() or (np.abs(shifts) > LARGEST_SHIFT).any():
        raise FileFormatError("the certificate's columns cannot be used", "shifts that no fit makes")
    y = _standardised(table, table.columns, centres, spreads, ~in_own[table.columns])
    for k, (loss, levels) in enumerate(kinds):
        at = np.flatnonzero(kind_of_cell == k)
        if loss.kind == "ordinal":
            values = table.values[at].astype(np.float64)
            codes = np.minimum(np.searchsorted(levels, values), levels.size - 1)
            if not np.array_equal(levels[codes], values):
                raise FileFormatError(
                    "a value of the table is not one of the certificate's levels", f"kind {k}"
                )
            y[at] = codes
        elif loss.kind == "log-Poisson" and ((y[at] < 0) | (y[at] % 1 != 0)).any():
            raise FileFormatError("a count of the table is negative or no whole number", f"kind {k}")
    losses = PlainLosses(tuple(loss for loss, _ in kinds), kind_of_cell, shifts[table.columns])
    return y, losses, precisions[table.columns], doubts_of_losses(given, kinds, table, y)


def as_powers(given: Any, table: Observations) -> Vector:
    """Return values of which some columns are square roots or logarithms."""
    if not isinstance(given, list):
        raise FileFormatError("the certificate's powers cannot be read", type(given).__name__)
    values, done, dtype = table.values.astype(np.float64), set(), table.values.dtype
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
        if ((x > 0) & (x <= lowest)).any() or (whole and ((rest > 0) & (rest <= least)).any()):
            raise FileFormatError("the certificate's powers change positive numbers", f"column {column:g}")
        values[at] = write(np.where(x > lowest, x, lowest) + shift)
        if whole:
            values[at] -= write(np.where(rest > least, rest, least) + more)
        inside = (x > lowest) & ((rest > least) | (whole == 0))
        written = values[at][inside].astype(dtype).astype(np.float64)
        back = _back(written, exponent, whole, whole + shift + more) - shift
        _check_back(back, x[inside], np.ptp(x) if x.size else 0.0, dtype, "powers")
    return values


def _back(written: Vector, exponent: float, whole: float, total: float) -> Vector:
    """Return the numbers, with their shift, of which roots or logarithms were written.

    Those of shares s of a total t are sqrt(s) - sqrt(t - s) or log(s / (t - s)).
    """
    if not whole:
        return written**2 if exponent else np.exp(written)
    if not exponent:
        return np.asarray(total / (1 + np.exp(-written)))
    return np.asarray(total / 2 + written * np.sqrt(np.maximum(2 * total - written**2, 0.0)) / 2)


def scaled(given: Any, table: Observations) -> Vector:
    """Return values minus the centre of their column, in units of its spread."""
    centres, spreads = _units(given, table.shape[1], "scaling")
    return _standardised(table, table.columns, centres, spreads, np.ones(table.size, bool))


def in_units_of_rows(given: Any, table: Observations) -> Vector:
    """Return values minus the centre of their row, in units of its spread."""
    centres, spreads = _units(given, table.shape[0], "units of rows")
    return _standardised(table, table.rows, centres, spreads, np.ones(table.size, bool))


def _units(given: Any, count: int, what: str) -> tuple[Vector, Vector]:
    """Return centres and positive spreads."""
    if not isinstance(given, dict):
        raise FileFormatError(f"the certificate's {what} cannot be read", type(given).__name__)
    settings = Settings(given)
    centres, spreads = settings.array("centres", count), settings.array("spreads", count)
    settings.close()
    if not (spreads > 0).all():
        raise FileFormatError(f"the certificate's {what} cannot be used", "a spread is not positive")
    return centres, spreads


def _standardised(
    table: Observations, lines: Indices, centres: Vector, spreads: Vector, numbers: NDArray[np.bool_]
) -> Vector:
    """Return values minus the centre of their line, in units of its spread, in their own precision.

    Parameters
    ----------
    table : Observations
    lines : ndarray of int, shape (p,)
        The column, or the row, of each cell.
    centres, spreads : ndarray
        By line.
    numbers : ndarray of bool, shape (p,)
        Which cells are in lines that may have any unit.
    """
    c, s = centres[lines], spreads[lines]
    with np.errstate(over="ignore"):
        y = ((table.values - c) / s).astype(table.values.dtype).astype(np.float64)
    some = lines[numbers]
    c, s, x = c[numbers], s[numbers], table.values[numbers].astype(np.float64)
    if not some.size or (np.ptp(c) == 0 and np.ptp(s) == 0):  # one unit of the whole table
        some = np.zeros_like(some)
    low, high = _ranges(some, x, centres.size)
    _check_back(c + s * y[numbers], x, (high - low)[some], table.values.dtype, "centres and spreads")
    return y


def _ranges(lines: Indices, values: Vector, n: int) -> tuple[Vector, Vector]:
    """Return the smallest and the largest number of each line, zero where there is none."""
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(low, lines, values)
    np.maximum.at(high, lines, values)
    return np.where(low <= high, low, 0.0), np.where(low <= high, high, 0.0)


def _check_back(back: Vector, values: Vector, reach: Vector | float, dtype: Any, what: str) -> None:
    """Raise unless numbers come back from another unit with the digits that tell them apart.

    Lines of one number, whose range is rounding, stay one number in any unit.
    """
    rounding = ROUNDINGS * np.finfo(dtype).eps * np.abs(values)
    lost = LOST[str(dtype)] * reach + rounding
    if not ((np.abs(back - values) <= lost) | (reach <= rounding)).all():
        raise FileFormatError(
            f"the certificate's {what} wipe out digits of the table",
            f"a number off by {np.max(np.abs(back - values)):.3g} when it comes back",
            "noise would look like a constant",
        )


def units_in_words(given: Mapping[str, Any] | None, lines: str) -> list[str]:
    """Return the checked units of rows or columns in words, for the line that describes the problem."""
    if given is None:
        return []
    names = ("centres", "spreads", "precisions", "shifts")
    parts = [f"{UNITS.get(name, name)} {_range(given[name])}" for name in names if name in given]
    return [f"{lines} in units of their own ({', '.join(parts)})"]


def losses_in_words(kinds: Sequence[Mapping[str, Any]]) -> str:
    """Return the checked losses of columns in words, with the numbers that say how steep they are."""
    told = []
    for name in sorted({kind["loss"] for kind in kinds}):
        alike = [kind for kind in kinds if kind["loss"] == name]
        numbers = [kind["numbers"] for kind in alike]
        if name == "clipped":
            low, high, width = zip(*numbers, strict=True)
            name += f" (slopes {_range(low + high)}, widths {_range(width)})"
        elif name == "ordinal":
            thresholds = _range([threshold for one in numbers for threshold in one])
            name += f" ({_range([len(kind['levels']) for kind in alike])} levels, thresholds {thresholds})"
        told.append(name)
    return ", ".join(told)


def powers_in_words(powers: Sequence[Mapping[str, Any]] | None) -> list[str]:
    """Return the checked powers of columns in words."""
    told = []
    for exponent, name in ((0.5, "square roots"), (0.0, "logarithms")):
        alike = [one for one in powers or () if one["exponent"] == exponent]
        shares = sum(one["whole"] > 0 for one in alike)
        if alike:
            moved = [f"{words} {_range([one[key] for one in alike])}" for key, words in MOVED]
            folded = [f"of {shares} shares less those of the rest"] if shares else []
            told.append(f"{len(alike)} columns as {name} ({', '.join(moved + folded)})")
    return told


def _range(numbers: Sequence[float]) -> str:
    """Return the smallest and the largest of some numbers, one if they are alike."""
    ends = f"{min(numbers):.4g}", f"{max(numbers):.4g}"
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


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
