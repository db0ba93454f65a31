"""Which cells an audit with equal odds held out, and which missing ones they stand for: from the pattern."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.recheck.tensors.scattered import in_empty_slices, in_unlikely_runs, run_lengths

Mask = NDArray[np.bool_]

# shares of the known cells that are held out: the usual one, the larger one where that gives fewer than so
# many; and the most cells
SHARE, LARGER, FEWEST, MOST = 0.15, 0.25, 60, 20_000
# largest probability that chance alone would leave a column without missing cells, of all columns together
DOUBT = 0.2
# cells of tables up to which the pattern is formed
FORMED = 20_000_000
# why missing cells are left out, in the order in which they are counted
REASONS = ("rows", "columns", "slices", "censored", "runs", "few", "few_slices")


@final
@dataclass(frozen=True, eq=False)
class HeldOut:
    """Cells that were held out and stand for missing ones.

    Parameters
    ----------
    rows, columns : ndarray of int
    missing : int
        Number of the missing cells that they stand for.
    left_out : dict of str to int
        Numbers of the others, by reason.
    allowance : float
        Share of a risk that bounds may take.
    spoken : ndarray of bool, shape (m, n)
        Which cells are the missing ones that they stand for.
    row_counts : ndarray of int, shape (m,)
        Known cells of each row that were not held out.
    """

    rows: Indices
    columns: Indices
    missing: int
    left_out: dict[str, int]
    allowance: float
    spoken: Mask
    row_counts: Indices


def hold_out(
    table: Observations, seed: int, longest: int | None, modes: tuple[int, ...] | None = None
) -> HeldOut | None:
    """Return what an audit with equal odds holds out; None of tables that are too large.

    Parameters
    ----------
    table : Observations
        Row by row.
    seed : int
    longest : int or None
        Number of cells outside training that may follow one another.
    modes : tuple of int, optional
        Of a tensor that was unfolded: lengths of the modes that the rows run over.
    """
    (m, n), known = table.shape, np.zeros(table.shape, bool)
    if m * n > FORMED:
        return None
    known[table.rows, table.columns] = True
    gaps = ~np.asarray(known.all(axis=0))
    censored = np.zeros(n, bool)
    if table.censored is not None:
        censored[table.columns[table.censored != 0]] = True
    eligible = np.flatnonzero((gaps & ~censored)[table.columns])
    usual, larger = round(SHARE * eligible.size), round(LARGER * eligible.size)
    count = min(max(usual, min(FEWEST, larger)), MOST)
    chosen = np.random.default_rng([seed, 0]).choice(eligible, count, replace=False)
    held = np.zeros(table.shape, bool)
    held[table.rows[chosen], table.columns[chosen]] = True
    training = known & ~held
    reason = _reasons(training, gaps, censored, longest, modes)
    inside = (reason == "") & ~training & gaps
    counts, of_held = inside.sum(axis=0), (inside & held).sum(axis=0)
    few: Mask = (counts > 0) & (_all_held(counts, of_held) * int((counts > 0).sum()) > DOUBT)
    reason[:, few] = np.where(reason[:, few] == "", "few_slices" if modes else "few", reason[:, few])
    kept = (counts > 0) & ~few
    allowance = float(1 - _all_held(counts[kept], of_held[kept]).sum())
    missing = ~known & gaps
    spoken = missing & (reason == "")
    left = {word: int((missing & (reason == word)).sum()) for word in REASONS}
    rows, columns = np.nonzero(held & (reason == ""))
    return HeldOut(
        rows,
        columns,
        int(spoken.sum()),
        {word: number for word, number in left.items() if number},
        allowance,
        spoken,
        training.sum(axis=1),
    )


def _all_held(counts: Indices, held: Indices) -> Vector:
    """Return, by column, a bound on the chance that all its cells outside training are held out."""
    share = held.sum() / counts.sum() if counts.sum() > held.sum() else 1.0
    return np.asarray(share ** counts.astype(np.float64))


def _reasons(
    training: Mask, gaps: Mask, censored: Mask, longest: int | None, modes: tuple[int, ...] | None
) -> NDArray[np.str_]:
    """Return why cells outside training are left out, "" where they are not."""
    reason = np.full(training.shape, "", dtype="<U10")
    n = training.shape[1]
    runs = [_runs(training), _runs(training.T).T] if longest is not None else []
    rules = [
        ("rows", np.broadcast_to(~training.any(axis=1, keepdims=True), training.shape)),
        ("columns", np.broadcast_to(~training.any(axis=0), training.shape)),
    ]
    if modes is not None:
        tensor, shunned = training.reshape(*modes, n), np.zeros(training.shape, dtype=bool)
        open_cells = tensor[..., gaps]
        # slices without a known cell but for columns that are complete by design
        slices = np.ones(tensor.shape, dtype=bool)
        slices[..., gaps] = in_empty_slices(open_cells)
        shunned[:, gaps] = in_unlikely_runs(open_cells).reshape(len(training), -1)
        rules = [("slices", slices.reshape(training.shape)), ("runs", shunned)]
        if longest is not None:
            runs += [run_lengths(tensor, mode).reshape(training.shape) for mode in range(len(modes))]
    rules.insert(-1 if modes else len(rules), ("censored", np.broadcast_to(censored, training.shape)))
    if runs:
        rules.append(("runs", np.max(runs, axis=0) > longest))
    for word, which in rules:
        reason[which & (reason == "")] = word
    return reason


def _runs(training: Mask) -> NDArray[np.intp]:
    """Return, for cells outside training, the length of their run along the row; 0 for others."""
    lengths = np.zeros(training.shape, np.intp)
    for i, row in enumerate(training):
        walls = np.flatnonzero(np.concatenate([[True], row, [True]]))
        for left, right in pairwise(walls.tolist()):
            lengths[i, left : right - 1] = right - left - 1
    return lengths
