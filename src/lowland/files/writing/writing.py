"""Write a table back with its holes filled: text, Parquet, Feather or Excel by the ending of the name."""

from __future__ import annotations

import os

from lowland.core.atomic import write_whole
from lowland.files.foreign.columnar import COLUMNAR, need_arrow
from lowland.files.writing.columnar import columnar_writer
from lowland.files.writing.filled import Filled
from lowland.files.writing.sheets import SHEET, need_openpyxl, sheet_writer
from lowland.files.writing.text import text_writer


def write_filled(path: str | os.PathLike[str], table: Filled) -> None:
    """Write a table with its holes filled, atomically.

    Before the file takes its name it is read again and compared with the table that was read.

    Raises
    ------
    InvalidInputError
        If a cell that was observed would be changed, an internal error; then nothing is written.
    MissingExtraError
        If the format needs a package that is not installed.
    """
    ending = os.path.splitext(os.fspath(path))[1].lower()
    if ending in COLUMNAR:
        need_arrow(ending)
        write_whole(path, columnar_writer(ending, table))
    elif ending == SHEET:
        need_openpyxl()
        write_whole(path, sheet_writer(table))
    else:
        write_whole(path, text_writer(ending, table))
