"""Parquet and Feather files."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lowland.core.damage import reading
from lowland.core.errors import InvalidInputError, MissingExtraError, without_column
from lowland.core.memory import check_fits
from lowland.files.sources import Opened, check_same_columns
from lowland.files.table_format import ROW_LABELS

# bytes per cell by physical type; text has at least its offsets
WIDTHS = {"INT32": 4.0, "FLOAT": 4.0, "INT64": 8.0, "DOUBLE": 8.0, "BYTE_ARRAY": 4.0, "BOOLEAN": 0.125}
COLUMNAR = (".parquet", ".feather", ".arrow", ".ipc")


def need_arrow(what: str) -> None:
    """Raise unless PyArrow is installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"{what} files need an optional package",
            "pyarrow is not installed",
            fix="pip install 'lowland[tables]'",
        ) from error


def give_back_memory() -> None:
    """Return to the system what PyArrow, if it is loaded, keeps of the memory of arrays that are gone."""
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.default_memory_pool().release_unused()


@contextmanager
def reading_arrow(name: Any) -> Iterator[None]:
    """Raise InvalidInputError, naming the file, in place of what PyArrow or the system raises."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        words = (str(error).splitlines() or [type(error).__name__])[0]
        raise InvalidInputError(f"cannot read {name}", words, fix="check the file") from error


@contextmanager
def open_parquet(path: Any, columns: Sequence[str]) -> Iterator[Any]:
    """Give a Parquet file that has columns of given names.

    Raises
    ------
    InvalidInputError
        If the file cannot be read, or has no such column.
    """
    from pyarrow import parquet

    with reading_arrow(path), parquet.ParquetFile(path) as file:
        missing = [name for name in columns if name not in file.schema_arrow.names]
        if missing:
            raise without_column(path, missing[0], file.schema_arrow.names)
        yield file


def read_columnar(opened: Opened) -> tuple[Any, str]:
    """Return a Parquet or Feather file as an Arrow table, and the name of a stored index of pandas, or "".

    An index comes first; errors are those of `read_arrow`.
    """
    return index_first(read_arrow(opened))


def read_arrow(opened: Opened) -> Any:
    """Return a Parquet or Feather file as an Arrow table.

    Raises
    ------
    InvalidInputError
        If the file cannot be read.
    MissingExtraError
        If PyArrow is not installed.
    """
    need_arrow(opened.kind)
    import pyarrow as pa
    from pyarrow import feather, parquet

    parts = opened.parts or (opened,)
    sources: list[Any] = [pa.BufferReader(one.data) if one.path is None else str(one.path) for one in parts]
    read = parquet.read_table if opened.kind == ".parquet" else feather.read_table
    with reading_arrow(opened.name), reading(opened.name, f"{opened.kind} file"):
        size = float(opened.size)
        if opened.kind == ".parquet":
            size = sum(_decoded_size(parquet.read_metadata(source)) for source in sources)
        check_fits(size, f"reading {opened.name}")
        tables = []
        for part, source in zip(parts, sources, strict=True):
            with reading_arrow(part.name):
                if opened.kind == ".parquet":
                    _check_distinct(parquet.read_schema(source).names, part.name)
                tables.append(read(source))
            _check_distinct(tables[-1].column_names, part.name)
            columns = [table.column_names for table in (tables[0], tables[-1])]
            check_same_columns((parts[0].name, columns[0]), (part.name, columns[1]))
        # a column may hold whole numbers in one file and others in the next
        table = pa.concat_tables(tables, promote_options="permissive")
        # offsets that lead out of their buffers would crash what uses them
        table.validate(full=True)
        return table


def _check_distinct(names: Sequence[str], where: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InvalidInputError(f"{where} names a column twice", repr(twice[0]), fix="rename one of them")


def first_lines(path: Path, lines: int = 10_000) -> Any:
    """Return the first lines of a Parquet file as an Arrow table.

    Raises
    ------
    InvalidInputError
        If the file cannot be read.
    MissingExtraError
        If PyArrow is not installed.
    """
    need_arrow(".parquet")
    import pyarrow as pa
    from pyarrow import parquet

    with reading_arrow(path), reading(path, "Parquet file"), parquet.ParquetFile(path) as file:
        batch = next(file.iter_batches(lines), None)
        return file.schema_arrow.empty_table() if batch is None else pa.Table.from_batches([batch])


def _decoded_size(about: Any) -> float:
    """Return the bytes that the columns of a Parquet file take at least: its encodings may hide many rows."""
    widths = [WIDTHS.get(about.schema.column(k).physical_type, 1.0) for k in range(len(about.schema))]
    return float(about.num_rows) * sum(widths)


def index_first(table: Any) -> tuple[Any, str]:
    """Return a table with the index that pandas stored in front, and its name if it is one column."""
    names, plain, indices = names_index_first(table)
    return table.select(names).rename_columns(plain), plain[0] if indices == 1 else ""


def names_index_first(table: Any) -> tuple[list[str], list[str], int]:
    """Return the names of an Arrow table's columns, an index of pandas first, and what they are called here.

    Last comes the number of columns of the index.
    """
    stored = (table.schema.pandas_metadata or {}).get("index_columns", [])
    index = [name for name in stored if isinstance(name, str) and name in table.column_names]
    names = [*index, *(name for name in table.column_names if name not in index)]
    plain = [re.sub(r"^__index_level_(\d+)__$", ROW_LABELS, name) for name in names]
    return names, plain if len(set(plain)) == len(plain) else names, len(index)


def other_fields(table: Any) -> dict[str, str]:
    """Return the columns of an Arrow table of kinds of which nothing can be filled, and what these hold."""
    called = {field.name: _other_kind(field.type) for field in table.schema}
    return {name: what for name, what in called.items() if what}


def _other_kind(kind: Any) -> str:
    """Return what a column holds whose cells are neither numbers, words nor dates; else ""."""
    from pyarrow import types

    if types.is_nested(kind):
        return "structures" if types.is_struct(kind) or types.is_map(kind) else "lists"
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return "bytes"
    return "times of day" if types.is_time(kind) else "durations" if types.is_duration(kind) else ""
