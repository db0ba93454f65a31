"""The options of reading a tensor, from a file of arrays or a table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias, final

import typer

from lowland.cli.reading import CELL_OPTIONS, Command, cells_of, with_options
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


@final
@dataclass(frozen=True, kw_only=True)
class TensorSource:
    """What the options say of how a tensor is read: from a file of arrays, or from a table with theirs.

    Parameters
    ----------
    variable, value, modes, fold, duplicates
        As the options.
    form : TableFormat
        How the cells of a table are written.
    """

    variable: str | None = None
    value: str | None = None
    modes: str | None = None
    fold: Sequence[str] | None = None
    duplicates: str = "error"
    form: TableFormat = TableFormat()  # noqa: RUF009 - it cannot be changed

    def read(self, file: Path, *, empty_slices: Collection[str] | None = None) -> TensorFile:
        """Read the tensor.

        Parameters
        ----------
        file : Path
        empty_slices : collection of str, optional
            If given, slices may have no known cell: in tables those of labels that are listed without any
            value; and in modes of these names or numbers all between the first and the last.
        """
        if self.value is None and self.modes is None and not self.fold:
            if self.form != TableFormat() or self.duplicates != "error":
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
            form=self.form,
        )


def source_from(
    variable: VariableOption = None,
    value: ValueOption = None,
    modes: ModesOption = None,
    fold: FoldOption = None,
    duplicates: DuplicatesOption = "error",
) -> TensorSource:
    """Return what the options of tensors say."""
    return TensorSource(variable=variable, value=value, modes=modes, fold=fold, duplicates=duplicates)


def reads_tensor(command: Command) -> Command:
    """Give a command the options of reading a tensor; it takes what they say as its argument `source`."""

    def run(own: dict[str, Any], shared: dict[str, Any]) -> None:
        form = cells_of(**{name: shared.pop(name) for name in CELL_OPTIONS})
        command(**own, source=replace(source_from(**shared), form=form))

    return with_options(command, "source", (source_from, cells_of), run)


def _fold(text: str) -> tuple[str, tuple[str, ...] | int]:
    mode, sign, parts = text.rpartition("=")
    if not sign or not mode or not parts:
        raise InvalidInputError("--fold must be MODE=PARTS", text, fix="write, for example, time=day,hour")
    if parts.isascii() and parts.isdigit():
        return mode, int(parts)
    return mode, tuple(parts.split(","))
