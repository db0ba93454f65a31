"""`lowland top`: rank the columns of rows by a saved model."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias, final

import numpy as np
import typer

from lowland.cells.labels import TableLabels
from lowland.cells.sides import TableCells
from lowland.cli.options import TableFileOptions
from lowland.cli.output import refuse_given, say, say_json, warn
from lowland.cli.overwriting import check_output, check_table
from lowland.cli.reading import TableOptions
from lowland.cli.records import argument, option, takes_records
from lowland.completion.files.models import load_model
from lowland.completion.ranking.chances import Chances
from lowland.completion.ranking.rankings import alike, one_row, recommend, recommend_new
from lowland.completion.ranking.scorers import SAID, ByChance, Scorer, make_scorer, resolve_by, usual_by
from lowland.completion.tables.fitted import FittedTable
from lowland.completion.tables.model import counts_unlisted
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.labels import label_text
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.core.wording import counted
from lowland.files.outputs import cell_text, write_rows
from lowland.files.profiles import read_profiles
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table, read_columns

HEADER = ("row", "rank", "column", "prediction")
# titles of what ranks
SCORES = {"chance": "chance", "value": "unclipped", "lower": "lower end"}
ALIKE = ("like", "rank", "", "correlation")
# a line of the output: what is asked about, place, what is ranked, numbers
Line: TypeAlias = tuple[str, int, str, *tuple[float, ...]]


@final
@dataclass(frozen=True, kw_only=True)
class TopOptions:
    """Which rows and columns to rank, and where to write that."""

    labels: list[str] | None = argument(
        "Labels of rows, or their positions if they have no labels.", default=None, metavar="[ROW]..."
    )
    everyone: bool = option(False, "Rank the columns of every row.", "--all")
    like: str | None = option(
        None, "Instead, print the columns most like this one, or the rows most like this one."
    )
    profile: Path | None = option(
        None,
        "Instead, rank the columns of new rows: a file with what is known of them, columns and their values.",
    )
    count: int = option(10, "Number of columns.", "--count", "-k")
    rank_by: str = option(
        "auto",
        "Rank by the estimated chance that the row lists a column given what else it lists (chance), by the "
        "predicted value (value), or by the lower end of its interval (lower); auto means by chance where "
        "values are grades and few cells are known, such as ratings, and else by value.",
        "--rank-by",
    )
    include_observed: bool = option(
        False, "Rank columns that the row has already, too.", "--include-observed"
    )
    candidates: Path | None = option(None, "Table whose first column lists the columns to choose from.")
    table: Path | None = option(
        None, "Table of what rows have already, of a model that was saved without its data."
    )
    output: Path | None = option(None, "Write the rankings here instead.")

    def check(self, typed: typer.Context) -> None:
        """Raise unless one thing is asked, with options that have an effect on it."""
        if self.count < 1:
            raise InvalidInputError("--count must be at least 1", str(self.count))
        given = {
            "rows": self.labels,
            "--all": self.everyone,
            "--like": self.like is not None,
            "--profile": self.profile,
        }
        asked = [name for name, value in given.items() if value]
        if len(asked) != 1:
            raise InvalidInputError(
                "name some rows, or pass --all, --like or --profile",
                " and ".join(asked) or "none of them",
                fix="give one of them",
            )
        if self.like is not None:
            why = "similarity is about the whole model"
            idle = ("include_observed", "candidates", "table", "rank_by")
            refuse_given(typed, idle, "--like", why, "rank the columns of a row")
        if self.profile is not None:
            why = "the file says what the row has"
            refuse_given(typed, ("table",), "--profile", why, "name rows of the model")


@takes_records
def top(
    typed: typer.Context,
    model: Annotated[Path, typer.Argument(help="A model written by lowland complete.")],
    asked: TopOptions,
    shared: TableFileOptions,
    layout: TableOptions,
) -> None:
    """Print the best columns of rows, without those that they have already."""
    asked.check(typed)
    output = asked.output
    if output is not None:
        check_output(output, force=shared.files.force)
        check_table(output, "--output")
    fitted, header = load_model(model)
    if asked.like is not None:
        titles, lines = _alike(fitted, asked.like, asked.count)
    else:
        known = fitted.model.labels
        reading = replace(layout.reading, pairs=counts_unlisted(fitted.model))
        seen = fitted.observations if asked.table is None else _aligned(asked.table, reading, known)
        scorer = _scorer(fitted, asked, seen)
        if asked.profile is not None:
            words = {str(name): levels for name, levels in header.get("levels", [])}
            lines = _of_profile(fitted, asked, scorer, words, layout.cells.form)
        else:
            lines = _of_rows(fitted, asked, scorer, seen)
        titles = (*HEADER, SCORES[scorer.by])
        if seen is not None:
            titles, lines = (*titles, "known"), _with_counts(lines, seen, known)
        if not shared.files.json:
            warn(f"ranked by {SAID[scorer.by]}")  # the lines themselves may go to another program
    if output is not None:
        write_rows(output, titles, lines, labels=3, formulas=shared.keep_formulas)
        rows = counted(len({line[0] for line in lines}), "row")
        say(f"{counted(len(lines), 'line')} for {rows}: {output}")
    elif shared.files.json:
        say_json({"columns": titles, "rows": lines})
    else:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(titles)
        writer.writerows(map(cell_text, line) for line in lines)


def _scorer(fitted: FittedTable, asked: TopOptions, seen: Observations | None) -> Scorer:
    """Return what ranks columns, learnt from what rows have where that is asked for."""

    def by_chance() -> ByChance:
        what, fix = (
            "chances are learnt from what rows have",
            "pass --table, or rank by value (--rank-by value)",
        )
        known = _must_know(seen, what, fix)
        return ByChance(Chances.of(TableCells.of(known)), lambda _: known)

    by = resolve_by(
        asked.rank_by, lambda: usual_by(None if seen is None else TableCells.of(seen), fitted.model)
    )
    return make_scorer(by, fitted.model, by_chance)


def _with_counts(lines: list[Line], seen: Observations, labels: TableLabels) -> list[Line]:
    """Return lines with the numbers of rows in which their columns are known."""
    counts = dict(zip(_names(labels.columns, np.arange(seen.shape[1])), seen.column_counts(), strict=True))
    return [(*line, int(counts[line[2]])) for line in lines]


def _of_rows(fitted: FittedTable, asked: TopOptions, scorer: Scorer, seen: Observations | None) -> list[Line]:
    """Return the best columns of rows of the model."""
    known, labels = fitted.model.labels, asked.labels
    wanted = (
        [] if labels is None else labels if known.rows is not None else [_position(x, "rows") for x in labels]
    )
    rows = np.arange(known.shape[0]) if asked.everyone else known.positions(wanted, 0)
    places, predictions, scores = recommend(
        fitted.model,
        rows,
        asked.count,
        seen=None if asked.include_observed else _must_know(seen),
        candidates=None if asked.candidates is None else _candidates(asked.candidates, known),
        scorer=scorer,
    )
    names = [_names(known.rows, rows), _names(known.columns, np.arange(known.shape[1]))]
    return [
        (names[0][i], rank, names[1][j], float(number), float(score))
        for i, row in enumerate(zip(places.tolist(), predictions.tolist(), scores.tolist(), strict=True))
        for rank, (j, number, score) in enumerate(zip(*row, strict=True), 1)
        if j >= 0
    ]


def _of_profile(
    fitted: FittedTable,
    asked: TopOptions,
    scorer: Scorer,
    levels: Mapping[str, Sequence[str]],
    form: TableFormat,
) -> list[Line]:
    """Return the best columns of new rows, which are folded in; those without a name go by the file's."""
    assert asked.profile is not None
    labels, lines = fitted.model.labels, list[Line]()
    candidates = None if asked.candidates is None else _candidates(asked.candidates, labels)
    rows = read_profiles(asked.profile, labels, levels, form)
    for k, (name, values) in enumerate(rows, 1):
        known: dict[Any, float] = dict(values)
        if labels.columns is None:
            known = {_position(column, "columns"): value for column, value in values.items()}
        best, predictions, scores = recommend_new(
            fitted.model,
            one_row(labels, known, n=labels.shape[1]),
            asked.count,
            with_known=asked.include_observed,
            candidates=candidates,
            scorer=scorer,
        )
        name = name or asked.profile.stem + (f" {k}" if len(rows) > 1 else "")
        lines += _ranked(name, _names(labels.columns, best), predictions, scores)
    return lines


def _alike(fitted: FittedTable, label: str, count: int) -> tuple[tuple[str, ...], list[Line]]:
    """Return the columns most like one, or the rows where the label is that of a row alone."""
    labels, (rows, columns) = fitted.model.labels, fitted.model.factors()
    is_row = labels.has(label, 0) and not labels.has(label, 1)
    if is_row:
        rows, columns, known, side = columns, rows, labels.rows, "row"
    else:
        known, side = labels.columns, "column"
    wanted: Any = label if known is not None else _position(label, "columns")
    (at,) = labels.positions([wanted], 0 if is_row else 1)
    best, correlations = alike(rows, columns, int(at), count)
    return tuple(title or side for title in ALIKE), _ranked(label, _names(known, best), correlations)


def _ranked(asked: str, names: list[str], *numbers: Vector) -> list[Line]:
    ranked = zip(names, *(part.tolist() for part in numbers), strict=True)
    return [(asked, rank, name, *map(float, values)) for rank, (name, *values) in enumerate(ranked, 1)]


def _must_know(
    seen: Observations | None,
    what: str = "what rows have already is not known",
    fix: str = "pass --table, or --include-observed",
) -> Observations:
    if seen is None:
        raise InvalidInputError(what, "a model that was saved without its data", fix=fix)
    return seen


def _aligned(table: Path, reading: Reading, labels: TableLabels) -> Observations:
    known = labels.align(load_table(table, replace(reading, words=True)).observations, rows=True)
    if known.shape != labels.shape:
        raise InvalidInputError(
            "the table and the model differ in shape",
            f"table {known.shape}, model {labels.shape}",
            fix="pass the table that the model was fitted to",
        )
    return known


def _candidates(path: Path, labels: TableLabels) -> Indices:
    columns, _ = read_columns(path)
    return labels.positions(next(iter(columns.values())), 1)


def _names(labels: Any, positions: Indices) -> list[str]:
    return [label_text(x) for x in (positions if labels is None else labels[positions]).tolist()]


def _position(text: str, what: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidInputError(
            f"{what} of this model have no labels", repr(text), fix="pass a position counted from 0"
        ) from None
