"""Fill totals as the sums of their parts, and parts so that known totals stay their sums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.files.columns.totals import Summary

# lower and upper end by column
Bounds: TypeAlias = "Mapping[int, tuple[float, float]]"
# what a fill of nothing counts as, in means of fills, and rounds in which negative fills are set to 0
LEAST, ROUNDS = 1e-9, 20
# how far a number of steps of the last decimal may be from a whole one
NEAR = 1e-9


def keep_sums(
    cells: Matrix,
    filled: Matrix,
    sums: tuple[Sequence[Summary], Sequence[Summary]],
    decimals: Vector | None = None,
    bounds: Bounds | None = None,
) -> Matrix:
    """Return a filled table in which totals are the sums of their parts.

    Parameters
    ----------
    cells : ndarray, shape (m, n)
        Known cells, NaN where they are missing.
    filled : ndarray, shape (m, n)
        What fills the others; in totals whatever.
    sums : pair of sequences of Summary
        Rows and columns that are totals.
    decimals : ndarray of float, shape (n,), optional
        Of what fills each column: 0 of whole numbers, infinite where nothing is rounded.
    bounds : mapping of int to (float, float), optional
        By column, of parts: they hold even where a known total is then missed.
    """
    lower, upper = _ends(cells, sums[0], bounds or {})
    exact = _followed(cells, sums, lower, upper)
    known = ~np.isnan(exact)
    made = _adjusted(np.where(known, exact, filled), known, sums, lower, upper)
    if decimals is not None and np.isfinite(decimals).any():
        made = _rounded(made, known, sums, decimals)
    rows, columns = sums
    _add_up(made, known, rows)
    _add_up(made.T, known.T, columns)
    return made


def _ends(cells: Matrix, rows: Sequence[Summary], bounds: Bounds) -> tuple[Matrix, Matrix]:
    """Return the least and the most that fills can be: not negative in columns where no known cell is."""
    lower = np.tile(np.where((cells < 0).any(axis=0), -np.inf, 0.0), (len(cells), 1))
    upper = np.full(cells.shape, np.inf)
    plain = np.isin(np.arange(len(cells)), [one.place for one in rows], invert=True)
    for j, (low, high) in bounds.items():
        lower[plain, j], upper[plain, j] = max(low, lower[0, j]), high
    return lower, upper


def _followed(
    cells: Matrix, sums: tuple[Sequence[Summary], Sequence[Summary]], lower: Matrix, upper: Matrix
) -> Matrix:
    """Return a table with the cells that follow exactly: totals of known parts, and parts missing alone."""
    made = cells.copy()
    while True:
        missing = int(np.isnan(made).sum())
        for table, low, high, side in zip(
            (made, made.T), (lower, lower.T), (upper, upper.T), sums, strict=True
        ):
            for one in side:
                lines = np.array([one.place, *one.parts])
                gaps = np.isnan(table[lines])
                at = np.flatnonzero(one.where & (gaps.sum(axis=0) == 1))
                place = np.argmax(gaps[:, at], axis=0)
                others = np.nansum(table[one.parts][:, at], axis=0)
                rest = np.where(place == 0, others, table[one.place, at] - others)
                # sums of rounded numbers leave a little less than nothing
                table[lines[place], at] = np.clip(rest, low[lines[place], at], high[lines[place], at])
        if int(np.isnan(made).sum()) == missing:
            return made


def _adjusted(
    made: Matrix,
    known: NDArray[np.bool_],
    sums: tuple[Sequence[Summary], Sequence[Summary]],
    lower: Matrix,
    upper: Matrix,
) -> Matrix:
    """Return a table whose fills add up to known totals: the nearest, in units of the fills.

    Parts of one total are filled in proportion, none beyond its ends.
    """
    from scipy.sparse import coo_array, diags_array
    from scipy.sparse.linalg import lsmr

    place = np.full(made.shape, -1)
    place[~known] = np.arange(int((~known).sum()))
    left, lines, cells = list[float](), list[Indices](), list[Indices]()
    for total, parts in _known_totals(known, sums):
        unknown = place[parts][place[parts] >= 0]
        if unknown.size:
            lines.append(np.full(unknown.size, len(left)))
            cells.append(unknown)
            left.append(float(made[total] - made[parts][known[parts]].sum()))
    if not left:
        return made
    low, high = lower[~known], upper[~known]
    fills = np.clip(made[~known], low, high)
    units = np.abs(fills) + LEAST * max(float(np.abs(fills).mean()), np.finfo(float).tiny)
    at = np.concatenate(lines), np.concatenate(cells)
    sizes = np.ones(at[0].size)
    sides = coo_array((sizes, at), shape=(len(left), fills.size)).tocsr()
    for _ in range(ROUNDS):
        scaled = sides @ diags_array(np.sqrt(units))
        norms = np.sqrt(scaled.power(2).sum(axis=1))
        norms[norms == 0] = 1.0
        rest = (np.array(left) - sides @ fills) / norms
        steps = lsmr(diags_array(1 / norms) @ scaled, rest, atol=1e-14, btol=1e-14)[0]
        shared = fills + np.sqrt(units) * steps
        within = np.clip(shared, low, high)
        beyond = (shared != within) & (units > 0)
        if not beyond.any():
            break
        fills[beyond], units[beyond] = within[beyond], 0.0
    out = made.copy()
    fills, parts = made[~known], np.unique(at[1])
    fills[parts] = np.clip(shared, low, high)[parts]
    out[~known] = fills
    return out


def _known_totals(
    known: NDArray[np.bool_], sums: tuple[Sequence[Summary], Sequence[Summary]]
) -> Iterator[tuple[tuple[int, int], Any]]:
    """Yield each known total, and the cells that it is the sum of: none of them a total."""
    rows, columns = sums
    by_column, by_row = {one.place: one for one in columns}, {one.place: one for one in rows}
    for one in rows:
        for j in np.flatnonzero(one.where & known[one.place]).tolist():
            # a cell that is no sum of its own row, which skips what is blank, is a part itself
            cells = [
                (i, k)
                for i in one.parts.tolist()
                for k in (by_column[j].parts.tolist() if j in by_column and by_column[j].where[i] else [j])
            ]
            yield (one.place, j), tuple(np.array(cells).T)
    for one in columns:
        for i in np.flatnonzero(one.where & known[:, one.place]).tolist():
            if i not in by_row:
                yield (i, one.place), np.ix_(np.array([i]), one.parts)


def _add_up(table: Matrix, known: NDArray[np.bool_], sums: Sequence[Summary]) -> None:
    """Fill totals that are not known."""
    for one in sums:
        at = np.flatnonzero(one.where & ~known[one.place])
        table[one.place, at] = table[np.ix_(one.parts, at)].sum(axis=0)


def _rounded(
    made: Matrix,
    known: NDArray[np.bool_],
    sums: tuple[Sequence[Summary], Sequence[Summary]],
    decimals: Vector,
) -> Matrix:
    """Return a table whose fills have so many decimals, and still add up along one side."""
    is_rounded = np.isfinite(decimals)
    sizes = 10.0 ** np.where(is_rounded, decimals, 0.0)
    rounded = np.round(made * sizes) / sizes
    counts = (decimals == 0) & ~(np.where(known, made, 0.0) < 0).any(axis=0)
    rounded[:, counts] = np.maximum(rounded[:, counts], 0.0)
    out = np.where(known | ~is_rounded, made, rounded)
    some, units = (np.broadcast_to(x, made.shape) for x in (is_rounded, sizes))
    for table, plain, at_known, side, which, unit in (
        (out, made, known, sums[0], some, units),
        (out.T, made.T, known.T, sums[1], some.T, units.T),
    ):
        for one in side:
            missing = ~at_known[one.parts] & which[one.parts]
            for j in np.flatnonzero(one.where & at_known[one.place] & missing.any(axis=0)).tolist():
                at = one.parts[missing[:, j]]
                size = float(unit[at, j].min())
                rest = float(table[one.place, j] - table[one.parts, j].sum() + table[at, j].sum()) * size
                if abs(rest - round(rest)) <= NEAR * max(1.0, abs(rest)):
                    table[at, j] = _apportioned(plain[at, j] * size, round(rest)) / size
    return out


def _apportioned(shares: Vector, total: float) -> Vector:
    """Return whole numbers near shares that add up to a total, by largest remainders."""
    below = np.floor(shares)
    more = round(total - float(below.sum()))
    if not 0 <= more <= shares.size:
        return np.round(shares)
    below[np.argsort(below - shares, kind="stable")[:more]] += 1
    return np.asarray(below)
