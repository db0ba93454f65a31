"""The options of reading a tensor, from a file of arrays or a table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, TypeAlias, final

import typer

from lowland.cli.reading import CellOptions
from lowland.cli.records import option
from lowland.core.errors import InvalidInputError
from lowland.files.table_format import TableFormat
from lowland.tensors.reading.files import read_tensor
from lowland.tensors.reading.tables import read_tensor_table
from lowland.tensors.reading.tensor_file import TensorFile

READING = "Reading the tensor"

TensorArgument: TypeAlias = Annotated[
    Path,
    typer.Argument(
        help="Tensor: .npy or .npz (NaN is missing), .nc, .h5, .zarr, .mat or .tns; or a table, with --value "
        "or --fold."
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


@final
@dataclass(frozen=True, kw_only=True)
class TensorSource:
    """How a tensor is read: from a file of arrays, or from a table, and how the cells of that are written."""

    PANEL: ClassVar = READING
    variable: str | None = option(None, "Array of a file that has several.")
    value: str | None = option(
        None, "Long table, one line per cell: the column of values. All others are modes."
    )
    modes: ModesOption = None
    fold: FoldOption = None
    duplicates: str = option(
        "error", "Table: what to do with cells that fall on one of the tensor: error, mean or last."
    )
    cells: CellOptions

    def read(self, file: Path, *, empty_slices: Collection[str] | None = None) -> TensorFile:
        """Read the tensor.

        Parameters
        ----------
        file : Path
        empty_slices : collection of str, optional
            If given, slices may have no known cell: in tables those of labels that are listed without any
            value; and in modes of these names or numbers all between the first and the last.
        """
        form = self.cells.form
        if self.value is None and self.modes is None and not self.fold:
            if form != TableFormat() or self.duplicates != "error":
                raise InvalidInputError(
                    "options for reading a table are given, and none that says how it is a tensor",
                    file.name,
                    fix="name --value or --fold, or omit them",
                )
            return read_tensor(file, variable=self.variable, empty_slices=empty_slices is not None)
        if self.variable is not None:
            raise InvalidInputError("tables have no variables", self.variable, fix="omit --variable")
        folds = [_fold(text) for text in self.fold or ()]
        if len({name for name, _ in folds}) < len(folds):
            raise InvalidInputError("--fold names a mode twice", ", ".join(name for name, _ in folds))
        return read_tensor_table(
            file,
            value=self.value,
            modes=None if self.modes is None else self.modes.split(","),
            fold=dict(folds),
            empty_slices=empty_slices or (),
            listed=empty_slices is not None,
            duplicates=self.duplicates,
            form=form,
        )


def _fold(text: str) -> tuple[str, tuple[str, ...] | int]:
    mode, sign, parts = text.rpartition("=")
    if not sign or not mode or not parts:
        raise InvalidInputError("--fold must be MODE=PARTS", text, fix="write, for example, time=day,hour")
    if parts.isascii() and parts.isdigit():
        return mode, int(parts)
    return mode, tuple(parts.split(","))
