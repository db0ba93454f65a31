"""The options of reading a table, shared by all commands that read one."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import ClassVar, final

from lowland.cli.options import READING
from lowland.cli.records import option
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat

# characters that a shell makes hard to type
_NAMED = {"tab": "\t", "\\t": "\t", "space": " ", "semicolon": ";", "comma": ","}


@final
@dataclass(frozen=True, kw_only=True)
class CellOptions:
    """How the cells of a table are written."""

    PANEL: ClassVar = READING
    na: list[str] | None = option(
        None, "A cell that means missing, besides blanks and, among numbers, NA, -, ? ...; may be repeated."
    )
    word: list[str] | None = option(
        None, "A cell that is a word in a column of words, although it might mean missing; may be repeated."
    )
    sentinels: str = option("error", "Numbers such as -999, far from all others: error, missing or values.")
    censored: str = option(
        "within",
        "Bounds such as <0.05: within (fitted as what lies beyond), bound (taken for the value), missing "
        "(left out of the fit, written as they are) or error.",
    )
    decimal: str | None = option(None, "Decimal mark, . or a comma; by default found out.")
    thousands: str | None = option(None, "Mark between groups of three digits; by default found out.")
    delimiter: str | None = option(
        None, "Field separator of a text file (also tab, space, ::); by default found out."
    )
    encoding: str | None = option(None, "Encoding of a text file, such as cp1252; by default found out.")
    header: bool | None = option(None, "Whether the first line names the columns; by default found out.")
    skip: int | None = option(
        None, "Number of lines of a text file, or rows of a sheet, above its header; by default found out."
    )
    comment: str | None = option(None, "Leave out lines of a text file that begin with this.")
    sheet: str | None = option(
        None, "Sheet of a spreadsheet, or a range as 'Prices!A1:E25', or table in an .RData file."
    )
    dates: str | None = option(None, "Order of dates in numbers: dmy, mdy or ymd; by default found out.")

    @property
    def form(self) -> TableFormat:
        """What they say."""
        return TableFormat(
            delimiter=_NAMED.get(self.delimiter or "", self.delimiter),
            encoding=self.encoding,
            header=self.header,
            skip=self.skip,
            comment=self.comment,
            decimal=_NAMED.get(self.decimal or "", self.decimal),
            thousands=_NAMED.get(self.thousands or "", self.thousands),
            missing=tuple(self.na or ()),
            words=tuple(self.word or ()),
            sentinels=self.sentinels,
            censored=self.censored,
            sheet=self.sheet,
            dates=self.dates,
        )


@final
@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """How a table is laid out, and how its cells are written."""

    PANEL: ClassVar = READING
    row: str | None = option(None, "Column of row labels; with --column or --value, of a long table.")
    column: str | None = option(None, "Long table: name of the column of column labels.")
    value: str | None = option(None, "Long table: name of the column of values.")
    layout: str = option(
        "auto", "Layout of the table: auto, long, wide, or pairs (without values, such as who bought what)."
    )
    row_labels: bool | None = option(
        None, "Wide table: whether the first column names the rows; by default found out."
    )
    context: str = option(
        "auto",
        "Long table: column that says when each cell was observed, or under what circumstances, used if it "
        "helps: auto (its column of dates), no, or a name.",
    )
    duplicates: str = option("error", "What to do with a cell or a row listed twice: error, mean or last.")
    keep: list[str] | None = option(None, "Read this column only; may be repeated.")
    drop: list[str] | None = option(None, "Leave out this column, from the output too; may be repeated.")
    as_data: list[str] | None = option(
        None,
        "Wide table: a column that is data although it looks like identifiers, or a row or column that is "
        "although it looks like the sum or mean of others; may be repeated.",
    )
    as_is: list[str] | None = option(
        None, "Wide table: a column or row without a part in the fit, written as it is; may be repeated."
    )
    as_total: list[str] | None = option(
        None,
        "Wide table: a row or column that is the sum of others whatever it is called: without a part in the "
        "fit, filled as a sum; may be repeated.",
    )
    cells: CellOptions

    @property
    def reading(self) -> Reading:
        """What they say."""
        cells = replace(
            self.cells.form,
            row_labels=self.row_labels,
            keep=tuple(self.keep or ()),
            drop=tuple(self.drop or ()),
            as_data=tuple(self.as_data or ()),
            as_is=tuple(self.as_is or ()),
            as_total=tuple(self.as_total or ()),
        )
        return Reading(
            row=self.row,
            column=self.column,
            value=self.value,
            layout=self.layout,
            duplicates=self.duplicates,
            context=self.context,
            form=cells,
        )


# names of the options
CELL_OPTIONS = tuple(one.name for one in fields(CellOptions))
TABLE_OPTIONS = (*(one.name for one in fields(TableOptions) if one.name != "cells"), *CELL_OPTIONS)
