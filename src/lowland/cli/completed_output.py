"""Write completed tables to files, and print fits as text or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lowland.cli.cell_lists import LEVEL, write_intervals, write_marks
from lowland.cli.output import say, say_certificate
from lowland.cli.table_cells import (
    fillable_cells,
    observed_cells,
    observed_title,
    observed_word,
    side_names,
    text_style,
    with_totals,
    worded,
)
from lowland.completion.informed.answers import marked_counts
from lowland.completion.page_opening import held_out_as_data
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.fitted import FittedTable
from lowland.completion.tables.model import SamplingModel, TableModel
from lowland.completion.tables.trial import Trial
from lowland.core.atomic import was_written
from lowland.core.cells.observed_cells import check_table_kept
from lowland.core.results.findings import Certificate
from lowland.files.foreign.columnar import COLUMNAR
from lowland.files.outputs import write_rows
from lowland.files.shapes.layouts import Table
from lowland.files.writing.filled import ColumnFills, Filled
from lowland.files.writing.manners import find_manners, word_of
from lowland.files.writing.writing import ENDINGS, write_filled, write_list
from lowland.report.words import verdict_sentence

if TYPE_CHECKING:
    from lowland.cli.completing import ResultOptions


def say_fit(table: FittedTable) -> None:
    """Print how a table was fitted, and why the search stopped."""
    if table.describe_method():
        say(table.describe_method())
    say(table.last_search.ending)
    for line in table.describe_search():
        say(line)


def say_judged(certificate: Certificate, about: str) -> None:
    """Print what a certificate is about, if it is not the fit itself, its verdict and its findings."""
    if about:
        say(about)
    say(verdict_sentence(certificate))
    say_certificate(certificate)


def fit_as_data(
    completed: Completed, certificate: Certificate | None, trial: Trial | None, paths: dict[str, Path | None]
) -> dict[str, Any]:
    """Return what --json prints."""
    table = completed.table
    search, (m, n) = table.search, table.model.shape
    return {
        "shape": [m, n],
        "observed": 0 if table.observations is None else table.observations.size,
        "method": table.method,
        "rank": table.model.rank,
        "stop_reason": table.stop_reason.value,
        "message": table.last_search.message,
        "iterations": search.iterations,
        "objective": search.value,
        "seconds": search.seconds,
        "marked": marked_counts(table.model) if isinstance(table.model, SamplingModel) else None,
        "held_out": held_out_as_data(completed, trial) if trial else None,
        "certificate": certificate.as_dict() if certificate else None,
        "files": {name: str(path) for name, path in paths.items() if path is not None and was_written(path)},
    }


def write_results(table: Table, completed: Completed, asked: ResultOptions) -> None:
    """Write the completed table, or a line per cell with its interval, and which cells were filled."""
    formulas, means, level = asked.keep_formulas, asked.means, asked.interval or LEVEL
    if asked.output is not None and not asked.lists_cells:
        write_completed(asked.output, table, completed.model, means=means, formulas=formulas)
    elif asked.output is not None:
        write_intervals(asked.output, table, completed, level, asked.interval_method, formulas=formulas)
    if asked.mark is not None:
        write_marks(
            asked.mark, table, completed, level, asked.interval_method, means=means, formulas=formulas
        )


def say_counts(table: Table, *, means: bool) -> None:
    """Print which numbers are filled by whole ones, although they are written with decimals."""
    if table.original is None or means:
        return
    manners = find_manners(table.original)
    missing: NDArray[Any] = np.asarray(fillable_cells(table).any(axis=0))
    names = [str(name) for name in side_names(table)[1].tolist()]
    counts = [
        repr(name)
        for name, some in zip(names, missing, strict=True)
        if some and manners[name].holds_counts and not manners[name].whole
    ]
    if counts:
        say(f"all whole, and filled by whole numbers: {', '.join(counts)} (--means)")


def write_completed(
    path: Path, table: Table, model: TableModel, *, means: bool = False, formulas: bool = False
) -> None:
    """Write a completed table in the layout of the input, with observed cells kept and likeliest levels."""
    write_filled_table(path, table, model.matrix(likeliest=True), model, means=means, formulas=formulas)


def write_filled_table(
    path: Path,
    table: Table,
    filled: NDArray[Any],
    model: TableModel,
    *,
    means: bool = False,
    formulas: bool = False,
    drawn: bool = False,
) -> None:
    """Write a table whose missing cells are filled from an array of what a model has of the fitted ones.

    If these are `drawn`, numbers take the place of censored cells, too.
    """
    table = table.exact if drawn else table
    filled = with_totals(table, filled, model, means=means)
    if table.original is not None:
        fills = column_fills(table, filled)
        some = Filled(original=table.original, fills=fills, form=table.form, means=means, drawn=drawn)
        write_filled(path, some)
    else:
        _write_cells(path, table, filled, formulas=formulas)


def column_fills(table: Table, filled: NDArray[Any]) -> dict[str, ColumnFills]:
    """Return what is filled in each column of a wide table that has missing cells."""
    seen = table.known
    names = np.arange(seen.shape[1]) if seen.column_labels is None else seen.column_labels
    missing, words = fillable_cells(table), dict(worded(table, seen))
    return {
        str(name): ColumnFills(np.flatnonzero(missing[:, j]), filled[missing[:, j], j], words.get(j, ()))
        for j, name in enumerate(names.tolist())
        if missing[:, j].any()
    }


def _write_cells(path: Path, table: Table, everything: NDArray[Any], *, formulas: bool) -> None:
    """Write a table from its cells: a long one, an array, or one whose lines became fewer rows."""
    seen = table.known
    # Python floats (predictions) are written with nine digits, NumPy numbers (observed cells) in full
    filled = everything.astype(float).astype(object)
    filled[seen.rows, seen.columns] = list(seen.values)
    m, n = seen.shape
    observed = observed_cells(seen).astype(int)
    check_table_kept(seen, filled)
    if table.layout == "long":
        filled[seen.rows, seen.columns] = _listed_values(path, table)
    if table.totals is not None:
        filled[table.totals.left_blank] = np.nan if path.suffix.lower() in COLUMNAR else ""
    for j, words in worded(table, seen):
        known = zip(filled[:, j], observed[:, j], strict=True)
        filled[:, j] = [
            "" if code == "" or code != code else (observed_word if one else word_of)(words, code)
            for code, one in known
        ]
    rows, columns = side_names(table)
    if table.layout == "long":
        header: Sequence[str] = (*table.names, observed_title(table.names))
        body: Iterator[Sequence[Any]] = (
            (rows[i], columns[j], filled[i, j], observed[i, j]) for i in range(m) for j in range(n)
        )
    elif table.names and table.names[0]:
        header = (table.names[0], *map(str, columns))
        body = ((rows[i], *filled[i]) for i in range(m))
    else:
        header = tuple(map(str, columns))
        body = (tuple(filled[i]) for i in range(m))
    if path.suffix.lower() in ENDINGS:
        write_list(path, header, body)
        return
    labels = 2 if table.layout == "long" else int(len(header) > n)
    write_rows(path, header, body, labels=labels, formulas=formulas, **text_style(table))


def _listed_values(path: Path, table: Table) -> Any:
    """Return the observed values of a long table: as they are written, or whole ones as whole numbers."""
    seen = table.known
    if table.listed is not None and path.suffix.lower() not in (*COLUMNAR, *ENDINGS):
        return table.listed.values(seen)
    whole = np.equal(seen.values, np.floor(seen.values)).all()
    return [int(value) for value in seen.values] if whole else list(seen.values)
