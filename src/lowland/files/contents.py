"""What files that are neither text nor arrays hold: typed columns, and the table as it is written back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import final

from lowland.core.errors import InvalidInputError
from lowland.files.foreign.columnar import index_first, other_fields, read_arrow, read_columnar
from lowland.files.foreign.json_records import JSON, read_document, read_json
from lowland.files.foreign.spreadsheets import SHEETS, Sheet, read_sheet
from lowland.files.foreign.statistics_files import STATISTICS, read_statistics
from lowland.files.foreign.values import lines_as_columns, other_columns
from lowland.files.frames import Columns, category_columns, frame_columns, truth_columns
from lowland.files.numerals import Numerals
from lowland.files.sources import Opened
from lowland.files.table_format import TEXT_ONLY, TableFormat
from lowland.files.writing.original import Book, Original, original_arrow, original_values


@final
@dataclass(frozen=True, eq=False)
class Contents:
    """The columns of a file.

    Parameters
    ----------
    columns : dict of str to ndarray or LabelColumn
    index : str
        The column that the file itself names as that of row labels; "" if it names none.
    truths : frozenset of str
        Columns of truth values, which are numbers here.
    decided : tuple of str
        What was found out, in a few words each.
    headed : bool
        Whether the file holds the names of the columns.
    labelled : frozenset of str
        Columns of words that the file itself has as levels.
    numerals : Numerals or None
        How numbers are written as text, if that is known.
    sheet : Sheet or None
        Where they stand in a workbook.
    others : mapping of str to str
        Columns of kinds of which nothing can be filled, such as lists and times of day, and what they hold.
    """

    columns: Columns
    index: str = ""
    truths: frozenset[str] = frozenset()
    decided: tuple[str, ...] = ()
    headed: bool = True
    labelled: frozenset[str] = frozenset()
    numerals: Numerals | None = None
    sheet: Sheet | None = None
    others: Mapping[str, str] = field(default_factory=dict)


def read_contents(opened: Opened, form: TableFormat) -> Contents:
    """Return what a file that is neither text nor array holds.

    Raises
    ------
    InvalidInputError
        If it cannot be read, or settings of text were given.
    MissingExtraError
        If that needs a package that is not installed.
    """
    refuse_text_settings(opened, form)
    if opened.kind in STATISTICS:
        held = read_statistics(opened, form)
        ordered, index = index_first(held.table)
        columns, truths = frame_columns(ordered), truth_columns(ordered)
        others = other_fields(ordered)
        return Contents(columns, index, truths, held.decided, labelled=held.labelled, others=others)
    if opened.kind in SHEETS:
        sheet = read_sheet(opened, form)
        numerals, texts = sheet.numerals(form, opened.name)
        columns, truths = sheet.columns(numerals, texts)
        made = Contents(columns, "", truths, sheet.decided, sheet.headed, numerals=numerals, sheet=sheet)
        return replace(made, others=other_columns(sheet.lines))
    if opened.kind in JSON:
        records = read_json(opened)
        columns, truths = lines_as_columns(records.lines)
        others = other_columns(records.lines)
        return Contents(columns, records.index, truths, (), records.headed, others=others)
    table, index = read_columnar(opened)
    truths, labelled = truth_columns(table), category_columns(table)
    return Contents(frame_columns(table), index, truths, labelled=labelled, others=other_fields(table))


def refuse_text_settings(opened: Opened, form: TableFormat) -> None:
    """Raise if a setting was given that applies only to text files."""
    if opened.kind in STATISTICS:  # whose text has an encoding, too
        form = replace(form, encoding=None)
    if opened.kind in SHEETS:  # which have titles above their tables and bounds of numbers, too
        form = replace(form, skip=None)
    if form.describes_text:
        raise InvalidInputError(TEXT_ONLY, opened.name, fix="omit them")


def original_of(opened: Opened, contents: Contents, names: Sequence[str], form: TableFormat) -> Original:
    """Return a file that is neither text nor array as it is read again, when it is written back.

    Parameters
    ----------
    opened : Opened
    contents : Contents
    names : sequence of str
        Of the columns that are kept.
    form : TableFormat
    """
    if contents.sheet is not None:
        original = _original_sheet(opened, contents.sheet, names, form)
    elif opened.kind in JSON:
        original = original_values(names, lambda: iter(read_json(opened).lines), floats_are_whole=False)
        if set(contents.columns) <= set(names):
            original = replace(original, document=lambda: read_document(opened))
    elif opened.kind in STATISTICS:
        return original_arrow(lambda: read_statistics(opened, form).table, names)
    else:
        return original_arrow(lambda: read_arrow(opened), names)
    return original if contents.headed else replace(original, header=None)


def _original_sheet(opened: Opened, sheet: Sheet, names: Sequence[str], form: TableFormat) -> Original:
    """Return a sheet as it is read again, in its workbook if all of its columns are kept."""
    original = original_values(
        names, lambda: iter(read_sheet(opened, form, again=True).lines), floats_are_whole=True
    )
    kept = [k for k, name in enumerate(sheet.places) if name in names]
    original = replace(original, heading=[[row[k] for k in kept] for row in sheet.heading])
    if not sheet.part or len(names) < len(sheet.places):
        return original
    columns = [sheet.places[name] for name in names]
    return replace(original, book=Book(opened, sheet.name, sheet.part, sheet.rows, columns, sheet.kept))
