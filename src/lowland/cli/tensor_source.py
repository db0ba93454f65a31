"""The options of reading a tensor, from a file of arrays or a table."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from lowland.core.errors import InvalidInputError
from lowland.files.table_format import TableFormat
from lowland.tensors.folding import read_tensor_table
from lowland.tensors.reading import read_tensor
from lowland.tensors.tensor_file import TensorFile

READING = "Reading the tensor"

TensorArgument: TypeAlias = Annotated[
    Path,
    typer.Argument(
        help="Tensor: .npy or .npz (NaN is missing), .nc, .h5, .zarr, .mat or .tns; or a table, with --value "
        "or --fold."
    ),
]
VariableOption: TypeAlias = Annotated[
    str | None, typer.Option(help="Array of a file that has several.", rich_help_panel=READING)
]
ValueOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Long table, one line per cell: the column of values. All others are modes.",
        rich_help_panel=READING,
    ),
]
ModesOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Long table: the columns that are modes, joined by commas, if not all.", rich_help_panel=READING
    ),
]
FoldOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        help="Fold a mode of a table (a column; rows or columns of a wide one), as time=day,hour. Parts are "
        "year, month, week, day, yearday, weekday, hour and time (of day). Or a number of labels per round, "
        "as columns=144. Repeat it for other modes.",
        rich_help_panel=READING,
    ),
]


DuplicatesOption: TypeAlias = Annotated[
    str,
    typer.Option(
        help="Table: what to do with cells that fall on one of the tensor: error, mean or last.",
        rich_help_panel=READING,
    ),
]


def tensor_of(
    file: Path,
    variable: str | None,
    table: tuple[str | None, str | None, list[str] | None, str],
    form: TableFormat,
    *,
    empty_slices: Collection[str] = (),
) -> TensorFile:
    """Read a tensor from a file of arrays, or from a table if options of tables are given.

    Parameters
    ----------
    file : Path
    variable : str or None
    table : tuple
        The options --value, --modes, --fold and --duplicates.
    form : TableFormat
        How the cells of a table are written.
    empty_slices : collection of str
        Modes, by name or number, that may have slices without known cells.
    """
    value, modes, fold, duplicates = table
    if value is None and modes is None and not fold:
        if form != TableFormat() or duplicates != "error":
            raise InvalidInputError(
                "options for reading a table are given, and none that says how it is a tensor",
                file.name,
                fix="name --value or --fold, or omit them",
            )
        return read_tensor(file, variable=variable, empty_slices=bool(empty_slices))
    if variable is not None:
        raise InvalidInputError("tables have no variables", variable, fix="omit --variable")
    folds = [_fold(text) for text in fold or []]
    if len({name for name, _ in folds}) < len(folds):
        raise InvalidInputError("--fold names a mode twice", ", ".join(name for name, _ in folds))
    return read_tensor_table(
        file,
        value=value,
        modes=None if modes is None else modes.split(","),
        fold=dict(folds),
        empty_slices=empty_slices,
        duplicates=duplicates,
        form=form,
    )


def _fold(text: str) -> tuple[str, tuple[str, ...] | int]:
    mode, sign, parts = text.rpartition("=")
    if not sign or not mode or not parts:
        raise InvalidInputError("--fold must be MODE=PARTS", text, fix="write, for example, time=day,hour")
    if parts.isascii() and parts.isdigit():
        return mode, int(parts)
    return mode, tuple(parts.split(","))
