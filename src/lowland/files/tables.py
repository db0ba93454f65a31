"""Read long (row, column, value) or wide tables from files and data frames."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.cells.labels import LabelColumn
from lowland.core.cells.observations import Observations
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.running.stages import stage
from lowland.core.wording import Option, Words
from lowland.files.arrays import read_array
from lowland.files.columns.dates import are_pointed_months
from lowland.files.columns.marks import distinct_texts, na_among_words, with_marks
from lowland.files.columns.roles import listed
from lowland.files.contents import Contents, original_of, read_contents, refuse_text_settings
from lowland.files.evidence import Profile, are_padded, profile
from lowland.files.foreign.columnar import COLUMNAR, give_back_memory
from lowland.files.frames import Columns, category_columns, frame_columns, truth_columns
from lowland.files.numerals import Numerals, type_cells
from lowland.files.opening import ARRAYS, is_file, is_text, open_table
from lowland.files.shapes.assembling import decide_layout, profiles_of, table_from_columns
from lowland.files.shapes.layouts import Reading, Table
from lowland.files.sources import Opened
from lowland.files.table_format import TableFormat
from lowland.files.text.column_numerals import distinct_cells
from lowland.files.text.delimited import numerals_of_sample, read_delimited, wanted_columns
from lowland.files.text.missing_words import with_marks_of_text
from lowland.files.text.text_layout import DELIMITERS, TextLayout, check_width, find_text_layout
from lowland.files.writing.listed import Listed
from lowland.files.writing.original import (
    Original,
    original_text,
    single_delimiter,
)

DEFAULT = Reading()
PLAIN = TableFormat()


@public("lowland")
def read_table(  # noqa: PLR0913
    source: Any,
    *,
    row: str | None = None,
    column: str | None = None,
    value: str | None = None,
    layout: str = "auto",
    duplicates: str = "error",
    context: str = "auto",
    dtype: str = "float64",
    form: TableFormat = PLAIN,
) -> Observations:
    """Read a table of observations from a file or a data frame.

    Parameters
    ----------
    source : path, address, open buffer or data frame
        CSV and other text, JSON, Parquet, Feather, a spreadsheet, a file of Stata, SPSS, SAS or R, Matrix
        Market, NPY or NPZ, perhaps compressed (.gz, .bz2, .xz, .zst, .zip); "-" for standard input; or a
        pandas, Polars or Arrow frame. A folder of Parquet or CSV files, or a pattern such as ``parts/*.csv``,
        is one table, whose files have the same columns. Addresses (https://, s3://, ...) are read through
        fsspec; of open files and buffers, such as io.BytesIO, what is left in them.
    row, column, value : str, optional
        Names of the columns of a long table. Naming one of them makes the table long, unless `layout` is
        "wide"; `row` then names the column of row labels.
    layout : {"auto", "long", "wide", "pairs"}
        "auto" decides by the names of the columns ("user", "item", "rating", ...), by their kinds, and by
        whether pairs of the first two repeat; if that does not tell, it is an error. "pairs" is a list of
        pairs without values, such as who bought what: each becomes a cell that holds 1.
    duplicates : {"error", "mean", "last"}
        What to do with a cell that is listed twice, or with a row of a wide table.
    context : str
        Column of a long table that says when each cell was observed, or under what circumstances; fits use it
        where cells held out show a gain. "auto": its column of dates, if it has one besides; "no": none.
    dtype : {"float64", "float32"}
        Precision of the values.
    form : TableFormat
        How the cells are written: delimiter, encoding, decimal mark, marks of missing cells, columns to leave
        out. What it does not say is found out.

    Returns
    -------
    Observations
        With the table's labels: integers, or text exactly as written ("007" is not "7"). The first
        column of a wide table holds the row labels if it is text, or if it numbers the rows, such as a year.
        Columns of a wide table that hold no data (identifiers, text, dates, nothing) are left out, which a
        warning says.

    Raises
    ------
    InvalidInputError
        If the file cannot be read, its contents cannot be used, or it may mean two things; the message gives
        the position, and what to say.
    MissingExtraError
        If that needs a package that is not installed.

    Examples
    --------
    >>> import lowland as ll
    >>> from lowland.datasets import data_path
    >>> ll.read_table(data_path("fertility")).shape
    (210, 52)
    """
    how = Reading(
        row=row,
        column=column,
        value=value,
        layout=layout,
        duplicates=duplicates,
        context=context,
        dtype=dtype,
        form=form,
    )
    table = load_table(source, how)
    if table.totals is not None and (table.totals.rows or table.totals.columns):
        left = ", ".join(map(repr, [*dict.fromkeys(table.totals.called), *table.sums.sums]))
        warnings.warn(
            f"rows and columns that are sums or statistics of others are left out: {left}; "
            "as_data of the form makes them data",
            UserWarning,
            stacklevel=2,
        )
    unused = {name: what for name, what in table.as_is.items() if name not in form.as_is}
    if unused:
        warnings.warn(
            f"columns that hold no data are left out: {listed(unused)}; as_data of the form makes them data",
            UserWarning,
            stacklevel=2,
        )
    return table.observations


def load_table(source: Any, how: Reading = DEFAULT) -> Table:
    """Read a table and keep its layout; errors are those of `read_table`.

    Parameters
    ----------
    source : path or data frame
    how : Reading
    """
    if not is_file(source):
        contents = Contents(
            frame_columns(source), truths=truth_columns(source), labelled=category_columns(source)
        )
        return _load_columns(contents, "the data frame", how)
    try:
        with stage("reading the table"):
            return _load_file(source, how)
    finally:
        give_back_memory()


def _load_file(source: str | os.PathLike[str], how: Reading) -> Table:
    opened = open_table(source, how.form)
    table = _load_opened(opened, how)
    return replace(table, decided=(*opened.said, *table.decided))


def _load_opened(opened: Opened, how: Reading) -> Table:
    if is_text(opened):
        return _load_text(opened, how)
    if opened.kind in ARRAYS:
        refuse_text_settings(opened, how.form)
        return Table(read_array(opened).in_precision(how.dtype), "array", ())
    contents = read_contents(opened, how.form)
    names = wanted_columns(list(contents.columns), how.form, opened.name)
    table = _load_columns(contents, opened.name, how)
    original = original_of(opened, contents, names, how.form)
    return _with_original(table, replace(original, numerals=table.numerals))


def read_columns(
    source: Any, labels: Collection[int | str] = (0,), form: TableFormat = PLAIN
) -> tuple[dict[str, NDArray[Any]], str]:
    """Return the columns of a file or data frame as arrays, and its name, as `read_typed_columns`."""
    typed, where = read_typed_columns(source, labels, form)
    plain = {
        name: column.names[column.codes] if isinstance(column, LabelColumn) else column
        for name, column in typed.items()
    }
    return plain, where


def read_typed_columns(
    source: Any, labels: Collection[int | str], form: TableFormat = PLAIN
) -> tuple[Columns, str]:
    """Return the columns of a file or data frame, and its name for error messages.

    Parameters
    ----------
    source : path or data frame
    labels : collection of int or str
        Columns of labels, by position or name: kept exactly as written.
    form : TableFormat
    """
    if not is_file(source):
        return frame_columns(source), "the data frame"
    form = form.without_bounds
    opened = open_table(source, form)
    where = opened.name
    if not is_text(opened):
        if opened.kind in ARRAYS:
            raise InvalidInputError(
                f"{where} has no named columns",
                opened.kind,
                fix=f"use one of {', '.join((*DELIMITERS, *COLUMNAR))}",
            )
        return read_contents(opened, form).columns, where
    layout = find_text_layout(opened, form)
    names = layout.names
    chosen = {names[k] if isinstance(k, int) and k < len(names) else str(k) for k in labels}
    wanted = [name for name in wanted_columns(names, form, where) if name not in layout.blank]
    return read_delimited(opened, layout, chosen, form, wanted)[0], where


def read_labelled_columns(source: Any, value: str, form: TableFormat) -> tuple[Columns, str, Numerals]:
    """Return the columns of a file or data frame, all but one as labels, its name, and how it writes numbers.

    Parameters
    ----------
    source : path or data frame
    value : str
        The column of numbers.
    form : TableFormat
    """
    form = form.without_bounds
    if not is_file(source):
        columns, where, numerals = frame_columns(source), "the data frame", Numerals()
    else:
        opened = open_table(source, form)
        where = opened.name
        if is_text(opened):
            layout = find_text_layout(opened, form)
            wanted = [name for name in wanted_columns(layout.names, form, where) if name not in layout.blank]
            columns, numerals = read_delimited(opened, layout, set(wanted) - {value}, form, wanted)
            return columns, where, numerals
        columns, numerals = read_typed_columns(source, (), form)[0], Numerals()
    return {name: columns[name] for name in wanted_columns(list(columns), form, where)}, where, numerals


def _load_columns(contents: Contents, where: str, how: Reading) -> Table:
    wanted = wanted_columns(list(contents.columns), how.form, where)
    give_back_memory()
    # the caller's columns are let go: long ones take much of the memory
    columns = {name: contents.columns.pop(name) for name in wanted}
    how = replace(how, truths=contents.truths, labelled=contents.labelled, others=contents.others)
    index, decided = contents.index, contents.decided
    profiles = profiles_of(columns) | _beside_words(columns, contents.numerals)
    if index not in columns or how.row:
        decision = decide_layout(profiles, where, how)
        if decision.layout == "wide":
            texts = distinct_texts({k: held for k, held in columns.items() if k not in decision.labels})
            form, said = with_marks(how.form, na_among_words(texts))
            how, decided = replace(how, form=form), (*decided, *said)
        made = table_from_columns(
            columns, where, how, decision=decision, numerals=contents.numerals, decided=decided
        )
        check_censored(made, made.numerals, where)
        return made
    # an index names the rows, whatever it holds
    inner = {name: column for name, column in profiles.items() if name != index}
    how = replace(how, form=replace(how.form, row_labels=False))
    decision = decide_layout(inner, where, how)
    if decision.layout == "wide":
        decision = replace(decision, roles=(index,), why=f"its index {index!r} names the rows")
    return table_from_columns(columns, where, how, decision=decision, decided=decided)


def _load_text(opened: Opened, how: Reading) -> Table:
    """Read a text table; the columns that hold labels must be known before reading."""
    layout = find_text_layout(opened, how.form)
    check_width(layout, opened.name)
    sample = _sample_profiles(layout, how.form, opened.name)
    decision = decide_layout(sample, opened.name, how, whole=layout.whole)
    said: tuple[str, ...] = ()
    if decision.layout == "wide":
        form, said = with_marks_of_text(opened, layout, how.form, decision.labels)
        how = replace(how, form=form)
    # columns of a long table that are not used need not even be read
    further = () if layout.whole else tuple(sorted(layout.blank))
    timed = (*decision.roles, *([decision.time] if decision.time else []))
    wanted = timed if decision.layout == "long" else (*sample, *further)
    used = [name for name in wanted if name not in decision.as_is or name in decision.labels]
    columns, numerals = read_delimited(opened, layout, decision.labels, how.form, used)
    table = table_from_columns(
        columns, opened.name, how, decision=decision, numerals=numerals, decided=(*layout.decided, *said)
    )
    check_censored(table, numerals, opened.name)
    if decision.layout == "long" and len(decision.roles) == 3:

        def again() -> tuple[LabelColumn, ...]:
            columns, _ = read_delimited(opened, layout, decision.roles, how.form, decision.roles)
            return tuple(one for name in decision.roles if isinstance(one := columns[name], LabelColumn))

        return replace(table, listed=Listed(again, numerals.of(decision.roles[2]), single_delimiter(layout)))
    if decision.layout == "long":
        return table
    kept = wanted_columns(layout.names, how.form, opened.name)
    return _with_original(table, original_text(opened, layout, kept, numerals))


def check_censored(table: Table, numerals: Numerals, where: str) -> None:
    """Raise if bounds are to be kept out of the fit, and lines are not rows."""
    if not (table.layout == "long" or table.merged):
        return
    if any(beside.censored == "missing" for beside in numerals.by_column.values()):
        raise InvalidInputError(
            "only a wide table whose lines are its rows can keep bounds out of the fit, as they are",
            f"{where} is {'long' if table.layout == 'long' else 'merged by its labels'}",
            fix=Words("fit them, or take the bounds for values: ", Option("censored", "within", "bound")),
        )


def _beside_words(columns: Columns, numerals: Numerals | None) -> dict[str, Profile]:
    """Return what the columns hold whose numbers have something beside them."""
    found: dict[str, Profile] = {}
    if numerals is None:
        return found
    for name in numerals.by_column:
        column = columns.get(name)
        if isinstance(column, np.ndarray) and column.dtype.kind == "U":
            texts, codes = distinct_cells(column)
            found[name] = _profile_of_text(codes, texts, numerals.of(name))
    return found


def _profile_of_text(codes: NDArray[Any], cells: Sequence[str], numerals: Numerals) -> Profile:
    if are_pointed_months(cells):
        return Profile("text", codes, len(cells), None, gaps="" in cells, words=cells)
    held = profile(type_cells(codes, cells, numerals))
    # numbers do not show the zeros that they began with
    return replace(held, padded=held.is_number and are_padded(cells))


def _with_original(table: Table, original: Original) -> Table:
    """Return a table with what it was read from, unless its lines are not its rows."""
    lines_are_rows = table.layout == "wide" and not table.merged
    if not original.is_text:
        original = replace(original, numerals=table.numerals)
    return replace(table, original=original) if lines_are_rows else table


def _sample_profiles(layout: TextLayout, form: TableFormat, where: str) -> dict[str, Profile]:
    """Return what the columns of a text hold in its first lines."""
    numerals = numerals_of_sample(layout, (), form, where)
    wanted = set(wanted_columns(layout.names, form, where)) - layout.blank
    profiles: dict[str, Profile] = {}
    for k, name in enumerate(layout.names):
        if name in wanted:
            texts, codes = distinct_cells([row[k] if k < len(row) else "" for row in layout.sample])
            profiles[name] = _profile_of_text(codes, texts, numerals.of(name))
    return profiles
