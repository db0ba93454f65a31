"""The options of reading a table, shared by all commands that read one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, get_type_hints

import typer

from lowland.cli.options import READING
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat

# characters that a shell makes hard to type
_NAMED = {"tab": "\t", "\\t": "\t", "space": " ", "semicolon": ";", "comma": ","}

Command = Callable[..., None]


def _option(help_text: str) -> Any:
    return typer.Option(help=help_text, rich_help_panel=READING)


def cells_of(
    na: Annotated[
        list[str] | None,
        _option(
            "A cell that means missing, besides blanks and, among numbers, NA, -, ? ...; may be repeated."
        ),
    ] = None,
    sentinels: Annotated[
        str, _option("Numbers such as -999, far from all others: error, missing or values.")
    ] = "error",
    decimal: Annotated[str | None, _option("Decimal mark, . or a comma; by default found out.")] = None,
    thousands: Annotated[
        str | None, _option("Mark between groups of three digits; by default found out.")
    ] = None,
    delimiter: Annotated[
        str | None, _option("Field separator of a text file (also tab, space, ::); by default found out.")
    ] = None,
    encoding: Annotated[
        str | None, _option("Encoding of a text file, such as cp1252; by default found out.")
    ] = None,
    header: Annotated[
        bool | None, _option("Whether the first line names the columns; by default found out.")
    ] = None,
    comment: Annotated[str | None, _option("Leave out lines of a text file that begin with this.")] = None,
    sheet: Annotated[str | None, _option("Sheet of a spreadsheet.")] = None,
) -> TableFormat:
    """Return how the cells of a table are written."""
    return TableFormat(
        delimiter=_NAMED.get(delimiter or "", delimiter),
        encoding=encoding,
        header=header,
        comment=comment,
        decimal=_NAMED.get(decimal or "", decimal),
        thousands=_NAMED.get(thousands or "", thousands),
        missing=tuple(na or ()),
        sentinels=sentinels,
        sheet=sheet,
    )


def layout_of(
    row: Annotated[
        str | None, _option("Column of row labels; with --column or --value, of a long table.")
    ] = None,
    column: Annotated[str | None, _option("Long table: name of the column of column labels.")] = None,
    value: Annotated[str | None, _option("Long table: name of the column of values.")] = None,
    layout: Annotated[str, _option("Layout of the table: auto, long or wide.")] = "auto",
    row_labels: Annotated[
        bool | None, _option("Wide table: whether the first column names the rows; by default found out.")
    ] = None,
    duplicates: Annotated[
        str, _option("What to do with a cell or a row listed twice: error, mean or last.")
    ] = "error",
    keep: Annotated[list[str] | None, _option("Read this column only; may be repeated.")] = None,
    drop: Annotated[list[str] | None, _option("Leave out this column; may be repeated.")] = None,
) -> Reading:
    """Return how a table is laid out."""
    form = TableFormat(row_labels=row_labels, keep=tuple(keep or ()), drop=tuple(drop or ()))
    return Reading(row=row, column=column, value=value, layout=layout, duplicates=duplicates, form=form)


# names of the options, as parameters of a command
CELL_OPTIONS = tuple(inspect.signature(cells_of).parameters)
TABLE_OPTIONS = (*inspect.signature(layout_of).parameters, *CELL_OPTIONS)


def reads_table(command: Command) -> Command:
    """Give a command the options of reading a table; it takes what they say as its argument `reading`."""

    def run(own: dict[str, Any], shared: dict[str, Any]) -> None:
        cells = cells_of(**{name: shared.pop(name) for name in CELL_OPTIONS})
        reading = layout_of(**shared)
        laid = reading.form
        form = replace(cells, row_labels=laid.row_labels, keep=laid.keep, drop=laid.drop)
        command(**own, reading=replace(reading, form=form))

    return with_options(command, "reading", (layout_of, cells_of), run)


def reads_columns(command: Command) -> Command:
    """Give a command the options of reading columns of numbers; it takes them as its argument `form`."""

    def run(own: dict[str, Any], shared: dict[str, Any]) -> None:
        command(**own, form=cells_of(**shared))

    return with_options(command, "form", (cells_of,), run)


def with_options(
    command: Command,
    made: str,
    factories: tuple[Callable[..., object], ...],
    run: Callable[[dict[str, Any], dict[str, Any]], None],
) -> Command:
    """Return a command with its own parameters and those of the factories, without what they make."""
    hints = get_type_hints(command, include_extras=True)
    own = [p for name, p in inspect.signature(command).parameters.items() if name != made]
    shared: list[inspect.Parameter] = []
    for factory in factories:
        hints |= get_type_hints(factory, include_extras=True)
        shared += inspect.signature(factory).parameters.values()

    @functools.wraps(command)
    def called(**given: Any) -> None:
        run({p.name: given[p.name] for p in own}, {p.name: given[p.name] for p in shared})

    parameters = [
        p.replace(annotation=hints[p.name], kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *shared)
    ]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    return called
