"""What the reader of a completion's page asks first: how wrong a filled cell is, and what is known least."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from lowland.cells.sides import TableCells
from lowland.completion.cells.summary import TableSummary
from lowland.completion.ranking.list_trial import ListTrial, judge_lists
from lowland.completion.row_units.suspicion import look_like_variables, some_rows
from lowland.completion.row_units.units import moments_of_rows
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.fitted import data_of
from lowland.completion.tables.model import CountsUnlisted, all_squared, counts_unlisted
from lowland.completion.tables.trial import Trial
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Labels, Observations
from lowland.core.errors import UnsupportedError
from lowland.core.wording import counted, number
from lowland.report.page import Lead, TableEntry

# filled cells that are shown, the level of their intervals, and lines with the fewest cells
SHOWN, LEVEL, LEAST = 10, 0.9, 5
# missing cells whose intervals are compared with those of held-out ones, and the ratio that is told
COMPARED, HARDER = 500, 1.5
# errors of at most so many columns in different units are told one by one
FEW = 12


class _Units(NamedTuple):
    """What errors are told in: spreads of rows or of columns."""

    of_rows: bool
    spreads: Vector

    @property
    def name(self) -> str:
        return "row" if self.of_rows else "column"

    def of(self, rows: Indices, columns: Indices) -> Vector:
        """Return the units of cells, shape (k,)."""
        return self.spreads[rows if self.of_rows else columns]


def answer_first(
    completed: Completed,
    trial: Trial | None,
    levels: Mapping[int, Sequence[Any]] = MappingProxyType({}),
    lists: ListTrial | None = None,
) -> Lead:
    """Return the sentences and tables at the top of a completion's page.

    Parameters
    ----------
    completed : Completed
    trial : Trial or None
    levels : mapping of int to sequence, optional
        Names of the levels of columns, by position.
    lists : ListTrial, optional
        How good lists of columns are, for a fit in which cells that are not listed count.
    """
    seen = completed.table.observations
    if seen is None:
        return Lead()
    if counts_unlisted(completed.model):
        return Lead(listed_sentences(completed, lists), _known_least(seen))
    before = _missing_before(seen)
    tables = [_filled(completed, seen, before, levels)] if _missing(seen, before) else []
    return Lead(_sentences(completed, trial, seen, before), [*tables, *_known_least(seen)])


def listed_sentences(completed: Completed, lists: ListTrial | None) -> list[str]:
    """Return what counts in a fit of listed cells, and how good lists are, in sentences."""
    model, seen = completed.model, data_of(completed.table, "listed cells")
    assert isinstance(model, CountsUnlisted)
    value, weight = number(model.unlisted), number(model.unlisted_weight)
    others = model.shape[0] * model.shape[1] - seen.size
    told = [
        f"{counted(seen.size, 'cell is', 'cells are')} listed; each of the other {others:,} counts as "
        f"{value} with weight {weight}."
    ]
    if lists is None:
        return told
    k, shares = lists.lengths[0], {way: f"{recall[0]:.1%}" for way, recall in lists.recall.items()}
    return [
        *told,
        f"A list of {counted(k, 'column')} holds {shares['value']} of the cells of its row that were held "
        f"out of another fit; the {counted(k, 'column')} that most rows list: {shares['known']}.",
    ]


def held_out_sentences(completed: Completed, trial: Trial) -> list[str]:
    """Return how wrong filled cells are, in sentences."""
    if counts_unlisted(completed.model):
        return listed_sentences(completed, judge_lists(completed, trial))
    seen = data_of(completed.table, "held-out cells")
    if all_squared(completed.model.losses):
        return _sentences(completed, trial, seen, _missing_before(seen))
    lines = []
    for j, count, error in zip(*trial.errors_by_column(), strict=True):
        right = trial.right_in(int(j))
        told = f"off by {number(error, 3)} on {count}" if right is None else f"right on {right} of {count}"
        lines.append(f"column {_name(seen.column_labels, j)}: {told} held-out cells")
    return lines


def held_out_as_data(completed: Completed, trial: Trial) -> dict[str, Any]:
    """Return how wrong filled cells are, as data; errors by column where these have units of their own."""
    seen = data_of(completed.table, "held-out cells")
    data: dict[str, Any] = {"cells": int(trial.observed.size)}
    if counts_unlisted(completed.model):
        lists = judge_lists(completed, trial)
        return data if lists is None else data | {"lists": lists_as_data(lists)}
    if not all_squared(completed.model.losses):
        lines = list(zip(*trial.errors_by_column(), strict=True))
        names = {int(j): _name(seen.column_labels, j) for j, _, _ in lines}
        shares = {
            names[int(j)]: right / int(count)
            for j, count, _ in lines
            if (right := trial.right_in(int(j))) is not None
        }
        errors = {names[int(j)]: float(error) for j, _, error in lines if names[int(j)] not in shares}
        return {**data, "by_column": errors} | ({"levels_right": shares} if shares else {})
    inside = float(trial.coverage(np.array([LEVEL]))[0])
    data |= {"error": trial.error, "error_of_column_means": trial.usual, f"within_{LEVEL:.0%}": inside}
    timed, latest = completed.intervals.trial_in_context, completed.intervals.latest_trial
    data |= {} if timed is None else {"error_in_context": timed.error}
    if latest is not None:
        data["latest"] = {"error": latest.error, "error_of_column_means": latest.usual}
    units = _units_of_errors(completed, seen)
    if units is None:
        return data
    data[f"error_in_spreads_of_{units.name}s"] = _error_in(units, trial)
    if not units.of_rows:
        by_column = zip(*trial.errors_by_column(), strict=True)
        data["by_column"] = {_name(seen.column_labels, int(j)): float(error) for j, _, error in by_column}
    return data


def lists_as_data(lists: ListTrial) -> dict[str, Any]:
    """Return how good lists are, as data."""
    return {
        way: {
            f"{what}_at_{k}": float(share)
            for what, shares in (("recall", lists.recall[way]), ("ndcg", lists.ndcg[way]))
            for k, share in zip(lists.lengths, shares, strict=True)
        }
        for way in lists.recall
    }


def _sentences(completed: Completed, trial: Trial | None, seen: Observations, before: Indices) -> list[str]:
    missing, empty = _missing(seen, before), int((seen.row_counts() == 0).sum())
    filled = counted(missing, "missing cell was", "missing cells were")
    besides = f", besides those of {counted(empty, 'row')} of which no cell takes part in the fit"
    first = f"{filled} filled{besides if empty else ''}." if missing or empty else "Nothing is missing."
    if trial is None:
        return [first]
    if not all_squared(completed.model.losses):
        return [
            first,
            "How far off they are depends on the column; the table of errors by column says how far.",
        ]
    cells = counted(trial.observed.size, "cell was", "cells were")
    units = _units_of_errors(completed, seen)
    if units is None:
        told = [
            f"{first} A cell chosen at random is off by {number(trial.error, 3)}: {cells} held out of "
            f"another fit. The mean of its column would be off by {number(trial.usual, 3)}.",
            *_in_time(completed, trial),
        ]
    else:
        told = [
            f"{first} A cell chosen at random is off by {number(_error_in(units, trial), 3)} spreads of its "
            f"{units.name}: {cells} held out of another fit."
        ]
        if units.of_rows and completed.model.parts().row_noise is None:
            told.append("Spreads of rows are far apart; in this fit, rows have no units of their own.")
        elif not units.of_rows and np.sum(np.bincount(trial.columns) > 0) <= FEW:
            each = [
                f"{_name(seen.column_labels, int(j))} {number(error, 3)}"
                for j, _, error in zip(*trial.errors_by_column(), strict=True)
            ]
            told.append(f"In the units of the columns: {', '.join(each)}.")
    inside = float(trial.coverage(np.array([LEVEL]))[0])
    told.append(f"{inside:.0%} of these cells lie within the intervals that should hold {LEVEL:.0%} of them.")
    return [*told, *_harder(completed, trial, seen, before)]


def _in_time(completed: Completed, trial: Trial) -> list[str]:
    """Return how wrong predictions are that know when cells are observed, and of the latest cells."""
    told, timed, latest = [], completed.intervals.trial_in_context, completed.intervals.latest_trial
    if timed is not None:
        told.append(
            f"Where it is known when a cell is observed, it is off by {number(timed.error, 3)} instead of "
            f"{number(trial.error, 3)}."
        )
    if latest is not None:
        told.append(
            f"The latest tenth of the cells, predicted from those before, is off by "
            f"{number(latest.error, 3)} (the mean of its column by {number(latest.usual, 3)})."
        )
    return told


def _harder(completed: Completed, trial: Trial, seen: Observations, before: Indices) -> list[str]:
    """Return a sentence if the missing cells are harder to predict than the held-out ones."""
    if not _missing(seen, before) or completed.table.interval_method == "conformal":
        return []
    from scipy.special import ndtri

    cells = _missing_cells(seen, before, np.random.default_rng(completed.seed), COMPARED)
    try:
        low, high = completed.intervals.at(*cells, LEVEL, "auto")
    except UnsupportedError:
        return []
    told = np.isfinite(high - low)  # nothing says how far cells spread of columns that are hardly known
    if not told.any():
        return []
    low, high, cells = low[told], high[told], (cells[0][told], cells[1][told])

    units, of_lines = _units_of_errors(completed, seen), ""
    widths, errors = (high - low) / 2, trial.standard_errors * float(ndtri((1 + LEVEL) / 2))
    if units is not None and trial.rows is not None:
        widths, errors = widths / units.of(*cells), errors / units.of(trial.rows, trial.columns)
        of_lines = f" spreads of {units.name}s"
    missing, held = float(np.median(widths)), float(np.median(errors))
    if missing <= HARDER * held:
        return []
    return [
        f"The missing cells are harder than these: half of their intervals are wider than \u00b1 "
        f"{number(missing, 3)}{of_lines}, those of the held-out cells than \u00b1 {number(held, 3)}. "
        "Cells are often missing in runs, beside which little is known."
    ]


def _units_of_errors(completed: Completed, seen: Observations) -> _Units | None:
    """Return the spreads that errors are told in, None where one unit serves the whole table.

    Rows that were fitted in units of their own have these; else columns in different units, and else rows
    that look like variables. Grades have one unit, whatever their spreads.
    """
    if completed.model.parts().row_noise is not None:
        return _Units(True, _positive(moments_of_rows(seen)[2]))
    summary = TableSummary.of(TableCells.of(seen))
    if summary.graded:
        return None
    if summary.units_differ:
        return _Units(False, _positive(summary.column_spreads))
    return (
        _Units(True, _positive(moments_of_rows(seen)[2])) if look_like_variables(some_rows(seen)[0]) else None
    )


def _positive(spreads: Vector) -> Vector:
    return np.where(spreads > 0, spreads, 1.0)


def _error_in(units: _Units, trial: Trial) -> float:
    """Return the root-mean-square error in spreads of rows or columns."""
    assert trial.rows is not None
    errors = (trial.predicted - trial.observed) / units.of(trial.rows, trial.columns)
    return float(np.sqrt(np.mean(errors**2)))


def _filled(
    completed: Completed, seen: Observations, before: Indices, levels: Mapping[int, Sequence[Any]]
) -> TableEntry:
    """Return some filled cells with their intervals, drawn by the seed of the fit."""
    rows, columns = _missing_cells(seen, before, np.random.default_rng(completed.seed), SHOWN)
    model = completed.model
    filled, sure = model.predict(rows, columns), [""] * rows.size
    with_interval = np.flatnonzero(np.isin(columns, completed.intervals.columns))
    with suppress(UnsupportedError):
        ends = completed.intervals.at(rows[with_interval], columns[with_interval], LEVEL, "auto")
        for k, low, high in zip(with_interval.tolist(), *ends, strict=True):
            sure[k] = f"{number(low)} to {number(high)}" if np.isfinite(high - low) else "not known"
    told = [number(value) for value in filled]
    if levels:
        likeliest = np.round(model.matrix(likeliest=True)[rows, columns]).astype(int)
        for j in set(levels) & set(columns.tolist()):
            at = np.flatnonzero(columns == j)
            several = len(levels[j]) > 1  # a column of one word was fitted as a number
            chances = model.probabilities(rows[at], j) if several else np.ones((at.size, 1))
            for k, chance in zip(at.tolist(), chances, strict=True):
                told[k] = str(levels[j][likeliest[k]])
                sure[k] = f"probability {chance[likeliest[k]]:.0%}"
    names = (
        [_name(seen.row_labels, i) for i in rows.tolist()],
        [_name(seen.column_labels, j) for j in columns.tolist()],
    )
    header = (
        "row",
        "column",
        "filled with",
        f"{LEVEL:.0%} interval" + (", or probability" if levels else ""),
    )
    width = 4 if any(sure) else 3
    lines = [line[:width] for line in zip(*names, told, sure, strict=True)]
    return TableEntry("Some of the filled cells", header[:width], lines)


def _missing_before(seen: Observations) -> Indices:
    """Return how many missing cells lie before each known one, row by row, in rows with known cells.

    The others are totals, or blank in the table, too.
    """
    rows = np.searchsorted(np.flatnonzero(seen.row_counts()), seen.rows)
    known = np.unique(rows * seen.shape[1] + seen.columns)
    return np.asarray(known - np.arange(known.size))


def _missing(seen: Observations, before: Indices) -> int:
    """Return how many cells are missing in rows with known cells."""
    return int((seen.row_counts() > 0).sum()) * seen.shape[1] - before.size


def _missing_cells(
    seen: Observations, before: Indices, rng: np.random.Generator, count: int
) -> tuple[Indices, Indices]:
    """Return some missing cells of rows with known ones, row by row, without forming the table."""
    # a missing cell lies after as many known ones as have fewer missing cells before them
    places = np.unique(rng.integers(0, _missing(seen, before), count))
    cells = places + np.searchsorted(before, places, side="right")
    rows, columns = np.divmod(cells, seen.shape[1])
    return np.flatnonzero(seen.row_counts())[rows], columns


def _known_least(seen: Observations) -> list[TableEntry]:
    """Return the rows and columns with the fewest cells, where these are less than half the usual number."""
    tables = []
    for kind, counts, labels in (
        ("Rows", seen.row_counts(), seen.row_labels),
        ("Columns", seen.column_counts(), seen.column_labels),
    ):
        order = np.argsort(counts, kind="stable")[:LEAST]
        few = order[counts[order] < 0.5 * np.median(counts)]
        if few.size:
            lines = [(_name(labels, k), str(counts[k])) for k in few.tolist()]
            title = f"{kind} of which least is known (usually {np.median(counts):g} cells)"
            tables.append(TableEntry(title, (kind[:-1].lower(), "cells"), lines))
    return tables


def _name(labels: Labels | None, place: int) -> str:
    return str(place if labels is None else labels[place])
