"""Completed tables as Parquet and Feather files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import IO, Any

import numpy as np

from lowland.files.foreign.columnar import names_index_first
from lowland.files.writing.filled import Filled, check_end


def columnar_writer(ending: str, table: Filled) -> Callable[[IO[bytes]], None]:
    """Return a function that writes a table to an open file, in the kinds of its columns.

    Of a text file, columns of numbers become numbers, whole ones whole, and other columns stay text.
    """
    import pyarrow as pa
    from pyarrow import feather, parquet

    original = table.original
    plain = table.plain

    def write(file: IO[bytes]) -> None:
        made = filled_arrow(table)
        if ending == ".parquet":
            parquet.write_table(made, file)
        else:
            with pa.ipc.new_file(file, made.schema) as writer:
                writer.write_table(made)
        file.flush()
        file.seek(0)
        again = parquet.read_table(file) if ending == ".parquet" else feather.read_table(file)
        ordered = again if original.arrow is None else again.select(names_index_first(again)[0])
        written = zip(*(column.to_pylist() for column in ordered.columns), strict=True)
        table.check(None, written, lambda name, cell: plain[name](cell))
        check_end(written)
        file.seek(0, os.SEEK_END)

    return write


def filled_arrow(table: Filled) -> Any:
    """Return a table with its holes filled as an Arrow table."""
    import pyarrow as pa

    original = table.original
    columns = list(zip(*table.lines(), strict=True)) or [()] * len(original.names)
    cells = dict(zip(original.names, columns, strict=True))
    if original.arrow is not None:
        return _with_fills(original.arrow(), table, cells)
    plain = table.plain
    values = {name: [plain[name](cell) for cell in cells[name]] for name in original.names}
    # sheets hold all numbers as floats
    for name, held in values.items() if original.floats_are_whole else ():
        if table.manners[name].holds_whole and all(x is None or float(x).is_integer() for x in held):
            values[name] = [None if x is None else int(x) for x in held]
    return pa.table([_array(held) for held in values.values()], names=list(original.titles))


def _with_fills(before: Any, table: Filled, cells: Mapping[str, Sequence[Any]]) -> Any:
    """Return an Arrow table with the columns that have holes replaced, and all else as it was."""
    import pyarrow as pa

    titles, plain, _ = names_index_first(before)
    name_of = dict(zip(titles, plain, strict=True))
    for title in before.column_names:
        name = name_of[title]
        if name not in cells:
            before = before.drop_columns([title])
        elif name in table.fills and table.fills[name].lines.size:
            place, kind = before.column_names.index(title), before.schema.field(title).type
            held = list(cells[name])
            if pa.types.is_integer(kind):
                held = _within(held, str(kind), name)
            before = before.set_column(place, title, _array(held, kind, before.column(title)))
    return before


def _array(cells: list[Any], kind: Any = None, before: Any = None) -> Any:
    """Return cells as an Arrow array of the kind that their column had, if that holds what was filled."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind is not None and pa.types.is_dictionary(kind):
        levels = before.unify_dictionaries().chunk(0).dictionary
        codes = pc.index_in(pa.array(cells, kind.value_type), value_set=levels).cast(kind.index_type)
        return pa.DictionaryArray.from_arrays(codes, levels, ordered=kind.ordered)
    if kind is not None and pa.types.is_decimal(kind):
        places = Decimal(1).scaleb(-kind.scale)
        cells = [Decimal(cell).quantize(places) if isinstance(cell, float) else cell for cell in cells]
    # means among whole numbers are not, and would be cut
    whole = kind is not None and pa.types.is_integer(kind)
    if kind is not None and not (whole and any(isinstance(cell, float) and cell % 1 for cell in cells)):
        try:
            return pa.array(cells, type=kind)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            pass
    try:
        return pa.array(cells)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        numbers = all(cell is None or isinstance(cell, int | float) for cell in cells)
        return pa.array([None if cell is None else float(cell) if numbers else str(cell) for cell in cells])


def _within(cells: list[Any], kind: str, name: str) -> list[Any]:
    """Return whole numbers within the range of their kind, and warn of fills beyond it."""
    limits = np.iinfo(kind)
    beyond = [one for one in cells if isinstance(one, int) and not limits.min <= one <= limits.max]
    if beyond:
        warnings.warn(
            f"column {name!r} is filled within what {kind} holds, {limits.min} to {limits.max}, which "
            f"{len(beyond)} fills are not, such as {beyond[0]} (--means keeps means)",
            stacklevel=2,
        )
    return [min(max(one, int(limits.min)), int(limits.max)) if isinstance(one, int) else one for one in cells]
