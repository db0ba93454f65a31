"""Which known cells of a table a trial hides: one by one, or in gaps that other lines have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.core.wording import Option, Words
from lowland.trials.contents import Contents, random_words
from lowland.trials.contents import Words as Keys

Mask = NDArray[np.bool_]

# below this density the missing cells are the rule, not gaps
EMPTIEST = 0.5
# lines that are tried as an example for another
TRIES = 8
# cells that each trial of an order must hide, or single ones are hidden; and that a line keeps
FEWEST_HIDDEN, KEPT = 30, 3


@final
@dataclass(frozen=True)
class Hiding:
    """How much a trial hides.

    Parameters
    ----------
    share : float
        Of the known cells.
    times : int
        Number of trials, each with cells drawn anew.
    most : int or None
        Number of cells at most.
    nearest : bool
        Whether the number is rounded to the nearest, not down.
    """

    share: float
    times: int = 1
    most: int | None = None
    nearest: bool = False

    def count(self, size: int) -> int:
        """Return how many of so many cells are hidden: one at least."""
        wanted = self.share * size
        return min(max(round(wanted) if self.nearest else int(wanted), 1), self.most or size)


def folds_of(size: int, count: int, rng: np.random.Generator) -> Indices:
    """Return the fold of each point; each is hidden once."""
    return np.asarray(rng.permutation(size) % count)


def single_cells(keys: Keys, count: int) -> Mask:
    """Return which cells are hidden, all alike: those of the smallest random keys."""
    hidden = np.zeros(keys.size, dtype=bool)
    if count:
        hidden[np.argpartition(keys, count - 1)[:count]] = True
    return hidden


def some_cells(keys: Keys, share: float) -> Mask:
    """Return which cells are hidden, each by chance: those of random keys below a share of all numbers."""
    return np.asarray(keys < np.uint64(min(int(share * 2.0**64), 2**64 - 1)))


def leave_enough(counts: Indices, lines: Indices, least: int = 1) -> Mask:
    """Return which hidden cells may stay hidden: those whose lines are left with enough.

    Parameters
    ----------
    counts : ndarray of int
        Number of known cells of each line.
    lines : ndarray of int
        The lines of the hidden cells.
    least : int
    """
    left = counts - np.bincount(lines, minlength=counts.size)
    return np.asarray(left[lines] >= least)


def borrowed_gaps(
    known: Mask,
    lenders: Indices,
    rng: np.random.Generator,
    may_lose: Callable[[int, int, Mask, int], bool],
    *,
    keys: Keys,
    hidden: Mask | None = None,
    most: float = np.inf,
    tries: int = 1,
) -> Mask:
    """Hide in lines, one after the other in random order, what is missing in another line.

    Parameters
    ----------
    known : ndarray of bool, shape (lines, cells)
    lenders : ndarray of int
        Lines whose gaps are lent.
    rng : numpy.random.Generator
    may_lose : callable
        Takes a line, a lender, which cells the line would lose and how many are hidden so far.
    keys : ndarray of uint64, shape (lines,)
        Keys of the lines by what they hold, by which they are drawn.
    hidden : ndarray of bool, shape (lines, cells), optional
        What is hidden already, to which the rest is added in place.
    most : float
        No line loses any once so many cells are hidden.
    tries : int
        Lenders that are tried for a line.
    """
    hidden = np.zeros_like(known) if hidden is None else hidden
    count = int(hidden.sum())
    random = random_words(keys, rng)
    # of lines that hold the same, one is as good as another
    lenders = lenders[np.argsort(random[lenders], kind="stable")]
    for line in np.argsort(random, kind="stable").tolist():
        for lender in rng.choice(lenders, tries).tolist():
            lost = known[line] & ~known[lender]
            if may_lose(line, lender, lost, count):
                count += int((lost & ~hidden[line]).sum())
                hidden[line] |= lost
                break
        if count >= most:
            break
    return hidden


def hide_cells(table: Observations, hides: Hiding, rng: np.random.Generator) -> Mask:
    """Return single cells to hide.

    Raises
    ------
    UnsupportedError
        If there are too few cells.
    """
    if hides.count(table.size) >= table.size:
        raise UnsupportedError(
            "the table is too small to hold cells out",
            f"{table.size} observed cells",
            fix=Words("use the model's own intervals, ", Option("method", "auto", typed="interval_method")),
        )
    return single_cells(Contents.of_table(table).random_cells(rng), hides.count(table.size))


def hide_in_columns(
    table: Observations, columns: Sequence[int], hides: Hiding, rng: np.random.Generator
) -> Mask:
    """Return single cells of some columns to hide, each by chance."""
    keys = Contents.of_table(table).random_cells(rng)
    return np.isin(table.columns, columns) & some_cells(keys, hides.share)


def hide_gaps(table: Observations, hides: Hiding, rng: np.random.Generator) -> Mask:
    """Return cells to hide in gaps like those of the table.

    The missing cells of one row are held out of another row, row after row; those of columns where gaps run
    down the columns rather than along the rows.

    Raises
    ------
    UnsupportedError
        If the table has no gaps, or less than half of its cells are observed.
    """
    m, n = table.shape
    if not EMPTIEST * m * n <= table.size < m * n:
        raise UnsupportedError(
            'method "conformal_gaps" needs a table that is mostly, but not fully, observed',
            f"{table.size} of {m * n} cells",
            fix=Words(
                "use ",
                Option("method", "conformal", typed="interval_method"),
                ", which holds out single cells",
            ),
        )
    seen = known_cells(table)
    side = "column" if _gaps_run_down(seen) else "row"
    seen = seen.T if side == "column" else seen
    gappy, counts = np.flatnonzero(~seen.all(axis=1)), seen.sum(axis=1)
    may_lose = partial(_keeps_half, counts)
    contents = Contents.of_table(table)
    keys = contents.columns if side == "column" else contents.rows
    held = borrowed_gaps(seen, gappy, rng, may_lose, keys=keys, most=hides.share * table.size)
    apart = (held.T if side == "column" else held)[table.rows, table.columns]
    if not apart.any():
        raise UnsupportedError(
            f"no {side} has enough observed cells to hold out the gaps of another",
            f"{gappy.size} {side}s with gaps",
            fix=Words("use ", Option("method", "conformal", typed="interval_method")),
        )
    return np.asarray(apart)


def _keeps_half(counts: Indices, line: int, _lender: int, lost: Mask, _count: int) -> bool:
    return bool(lost.sum() <= counts[line] / 2)  # lines left with less would be harder than those to predict


def hide_alike(table: Matrix, share: float, rng: np.random.Generator) -> Mask:
    """Return which known cells to hide: rows lose what another row lacks, until enough is hidden.

    A row whose missing cells another one lacks too, and more, then looks like that one. Where few rows have
    such an example, because most lack much, the other cells are drawn one by one.

    Parameters
    ----------
    table : ndarray, shape (m, n)
        NaN where it is not known.
    share : float
        Share of the known cells to hide.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of bool, shape (m, n)
    """
    known, contents = ~np.isnan(table), Contents.of_array(table)
    most = int(share * known.sum())

    def is_like(row: int, other: int, lost: Mask, count: int) -> bool:
        contained = not (known[other] & ~known[row]).any()
        return bool(lost.any() and contained and lost.sum() <= most - count)

    with_gaps = np.flatnonzero(~known.all(axis=1) & known.any(axis=1))
    hidden = np.zeros_like(known)
    if with_gaps.size:
        borrowed_gaps(
            known, with_gaps, rng, is_like, keys=contents.rows, hidden=hidden, most=most, tries=TRIES
        )
    left = ~hidden[known]
    single, keys = np.argwhere(known)[left], contents.random_cells(rng)[left]
    chosen = single[single_cells(keys, min(most - int(hidden.sum()), keys.size))]
    hidden[chosen[:, 0], chosen[:, 1]] = True
    return hidden


def hide_along(
    table: Observations, ordered: tuple[bool, bool], hides: Hiding, rng: np.random.Generator
) -> Mask:
    """Return which cells to hide as cells are missing along the sides that are in order.

    What is missing in one column is hidden in another too where rows are in order, and the other way round:
    missing runs are judged by runs, and single cells by single cells.
    """
    known, hidden, contents = known_cells(table), np.zeros(table.shape, bool), Contents.of_table(table)
    sides = (known.T, hidden.T, contents.columns), (known, hidden, contents.rows)
    for given, (lines, out, keys) in zip(ordered, sides, strict=True):
        holes = np.flatnonzero(~lines.all(axis=1))
        if given and holes.size:
            may_lose = partial(_keeps_some, lines.sum(axis=1), hides.share * table.size)
            borrowed_gaps(lines, holes, rng, may_lose, keys=keys, hidden=out)
    chosen = hidden[table.rows, table.columns]
    if chosen.sum() < FEWEST_HIDDEN:
        chosen = chosen | some_cells(contents.random_cells(rng), hides.share / 2)
    return np.asarray(chosen)


def _keeps_some(counts: Indices, most: float, line: int, _lender: int, lost: Mask, count: int) -> bool:
    return bool(count + lost.sum() <= most and counts[line] - lost.sum() >= KEPT)


def hide_runs(
    table: Observations, rng: np.random.Generator, *, cells: int, rows: int, length: int
) -> tuple[Mask, Mask]:
    """Choose single cells, and runs of neighbouring columns in some rows.

    Parameters
    ----------
    table : Observations
    rng : numpy.random.Generator
    cells : int
        Number of single cells.
    rows : int
        Number of rows with a held-out run; only rows that are at least 80 % observed are chosen.
    length : int
        Number of columns in a run.

    Returns
    -------
    cells, runs : ndarray of bool, shape (p,)
        Masks over the observations, disjoint.
    """
    single = np.zeros(table.size, bool)
    single[rng.choice(table.size, cells, replace=False)] = True
    full = np.flatnonzero(table.row_counts() >= 0.8 * table.shape[1])
    chosen = rng.choice(full, min(rows, full.size), replace=False)
    first = np.full(table.shape[0], table.shape[1])
    first[chosen] = rng.integers(0, table.shape[1] - length + 1, chosen.size)
    begin = first[table.rows]
    runs = (begin <= table.columns) & (table.columns < begin + length)
    return single & ~runs, runs


def known_cells(table: Observations) -> Mask:
    """Return which cells of the whole table are known."""
    known = np.zeros(table.shape, dtype=bool)
    known[table.rows, table.columns] = True
    return known


def _gaps_run_down(seen: Mask) -> bool:
    """Whether a missing cell's neighbours in its column are missing more often than those in its row."""
    missing = ~seen
    down, along = (missing[1:] & missing[:-1]).mean(), (missing[:, 1:] & missing[:, :-1]).mean()
    return bool(down > along)
