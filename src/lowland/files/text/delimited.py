"""Read text tables as typed columns, with PyArrow if installed, else with the standard library."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.cells.labels import order_labels
from lowland.core.errors import FileFormatError, InvalidInputError, without_column
from lowland.core.memory import check_fits
from lowland.core.wording import Option, Remedy, Words
from lowland.files.beside_numbers import NOTHING
from lowland.files.frames import Columns
from lowland.files.numerals import Numerals, are_exact, beside, find_numerals, signs_of, type_cells
from lowland.files.sources import Opened
from lowland.files.table_format import TableFormat
from lowland.files.text.column_numerals import plain_cells
from lowland.files.text.text_layout import TextLayout, as_plain_text

# bytes of memory that reading a byte of text takes at least, however long labels and numbers are written
PER_BYTE = 0.6
# bytes that Arrow parses at once, at least and at most, and per cell of a line of a wide table
BLOCK, LARGEST_BLOCK, LONG = 1 << 20, 1 << 30, 64
# bytes that are looked through for a quotation mark
QUOTED = 1 << 20
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]+")
FEWER = "keep fewer columns, save the table as Parquet, or use a larger machine"


@final
@dataclass(frozen=True, eq=False)
class _Words:
    """A column of text: distinct cells, and the place of each cell among them."""

    codes: NDArray[Any]
    texts: Sequence[str]


_Raw = Mapping[str, "NDArray[Any] | _Words"]


def wanted_columns(names: Sequence[str], form: TableFormat, where: str) -> list[str]:
    """Return the columns that are kept.

    Raises
    ------
    InvalidInputError
        If a column to keep or to drop does not exist, or none is left.
    """
    present, keep, drop = frozenset(names), frozenset(form.keep), frozenset(form.drop)
    for asked in (form.keep, form.drop):
        unknown = [name for name in asked if name not in present]
        if unknown:
            raise without_column(where, unknown[0], names)
    left = [name for name in names if (name in keep if keep else name not in drop)]
    if not left:
        raise InvalidInputError(
            f"no column of {where} is left", f"columns {', '.join(names)}", fix="keep some"
        )
    return left


def read_delimited(
    opened: Opened, layout: TextLayout, labels: Collection[str], form: TableFormat, wanted: Sequence[str]
) -> tuple[Columns, Numerals]:
    """Read a text table.

    Parameters
    ----------
    opened : Opened
    layout : TextLayout
    labels : collection of str
        Columns that hold labels: kept exactly as written, never parsed as numbers.
    form : TableFormat
    wanted : sequence of str
        Columns to read.

    Returns
    -------
    columns : dict of str to ndarray or LabelColumn
        In order; those that are not labels are int64, float64 (NaN if missing) or text.
    numerals : Numerals
        How their numbers are written.

    Raises
    ------
    FileFormatError
        If lines differ in their number of fields.
    InvalidInputError
        If a comma may stand for decimals as well as between thousands.
    """
    check_fits(PER_BYTE * opened.size * len(wanted) / len(layout.names), f"reading {opened.name}", FEWER)
    plain = as_plain_text(opened, layout)
    numerals = numerals_of_sample(layout, labels, form, opened.name)
    raw = _read(plain, layout, labels, wanted, numerals)
    # the sample may not have shown what decides
    words = {name: x for name, x in raw.items() if isinstance(x, _Words) and name not in labels}
    besides = {name: beside(x.texts, form.missing, form.censored) for name, x in words.items()}
    texts = [besides[name].plain(text) for name, column in words.items() for text in column.texts]
    read_numerals = (
        find_numerals(texts, form.decimal, form.thousands, form.missing, opened.name) if texts else numerals
    )
    if not numerals.is_plain and (read_numerals.decimal, read_numerals.thousands) != (
        numerals.decimal,
        numerals.thousands,
    ):
        read_numerals = numerals
    elif read_numerals.decimal != numerals.decimal:
        raw = _read(plain, layout, labels, wanted, read_numerals)
    besides = {name: found for name, found in besides.items() if found != NOTHING}
    read_numerals = read_numerals.with_beside(besides, {x: (words[x].texts, words[x].codes) for x in besides})
    marks = marked_numbers(form.missing)
    columns: Columns = {}
    for name, column in raw.items():
        if name in labels:
            assert isinstance(column, _Words)
            columns[name] = order_labels(column.codes, column.texts)
            continue
        typed = (
            type_cells(column.codes, column.texts, read_numerals.of(name))
            if isinstance(column, _Words)
            else column
        )
        if not (name in layout.blank and _is_blank(typed)):
            columns[name] = without_marks(typed, marks)
    # nothing is left off text
    numbers = [
        words[name] for name in words if getattr(columns.get(name), "dtype", np.dtype("U")).kind != "U"
    ]
    signs = signs_of([text for column in numbers for text in column.texts]) if read_numerals.signs else ""
    return columns, replace(read_numerals, signs=signs)


def _are_numbers(column: Any) -> bool:
    return isinstance(column, np.ndarray) and column.dtype.kind in "if"


def numerals_of_sample(
    layout: TextLayout, labels: Collection[str], form: TableFormat, where: str
) -> Numerals:
    """Return how the numbers of a text's first records are written; plainly, if these do not decide it.

    Raises
    ------
    InvalidInputError
        If they are all, and do not decide it.
    """
    sampled = {
        name: {row[k] for row in layout.sample if k < len(row)}
        for k, name in enumerate(layout.names)
        if name not in labels
    }
    plain, by_column = plain_cells(sampled, form)
    cells = set[str]().union(*plain.values())
    semicolons = layout.delimiter == ";"
    try:
        found = find_numerals(
            cells, form.decimal, form.thousands, form.missing, where, continental=semicolons
        )
    except InvalidInputError:
        if layout.whole:
            raise
        found = Numerals(named=frozenset(form.missing))
    return replace(found, by_column=by_column)


def marked_numbers(missing: Collection[str]) -> list[float]:
    """Return the marks of missing cells that are numbers; they hold however these are written."""
    numbers = (Numerals().number(mark) for mark in missing)
    return [number for number in numbers if number is not None and not np.isnan(number)]


def without_marks(column: NDArray[Any], marks: Sequence[float]) -> NDArray[Any]:
    """Return a column of numbers with NaN instead of the marks."""
    if column.dtype.kind not in "if" or not marks:
        return column
    marked = np.isin(column, marks)
    return np.where(marked, np.nan, column) if marked.any() else column


def _is_blank(column: NDArray[Any]) -> bool:
    return bool(np.isnan(column).all()) if column.dtype.kind == "f" else not any(column.tolist())


def _read(
    plain: Opened, layout: TextLayout, labels: Collection[str], wanted: Sequence[str], numerals: Numerals
) -> _Raw:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return _read_plain(plain, layout, wanted)
    return _read_arrow(plain, layout, labels, wanted, numerals)


def text_delimiter(layout: TextLayout) -> str:
    """Return the one character between the fields of a text that `as_plain_text` has made."""
    return "\t" if layout.delimiter in ("::", " ") or layout.padded else layout.delimiter


def _read_plain(plain: Opened, layout: TextLayout, wanted: Sequence[str]) -> _Raw:
    places = {name: k for k, name in enumerate(layout.names) if name in wanted}
    seen: dict[str, dict[str, int]] = {name: {} for name in places}
    codes: dict[str, list[int]] = {name: [] for name in places}
    with io.TextIOWrapper(plain.stream(), encoding="utf-8-sig", newline="") as file:
        try:
            for _ in range(layout.skipped):
                next(file)
            reader = csv.reader(file, delimiter=text_delimiter(layout))
            for row in reader:
                if not row:
                    continue
                if len(row) != len(layout.names):
                    raise FileFormatError(
                        f"{plain.name} is not a regular text table",
                        f"{len(row)} fields for {len(layout.names)} columns on line "
                        f"{reader.line_num + layout.skipped}",
                        fix=Remedy(
                            "correct that line", Words("name what separates fields by ", Option("delimiter"))
                        ),
                    )
                for name, k in places.items():
                    codes[name].append(seen[name].setdefault(row[k], len(seen[name])))
        except (UnicodeDecodeError, csv.Error) as error:
            raise _not_text(plain, error) from error
    return {name: _Words(np.array(codes[name], np.intp), list(seen[name])) for name in wanted}


def _read_arrow(
    plain: Opened, layout: TextLayout, labels: Collection[str], wanted: Sequence[str], numerals: Numerals
) -> _Raw:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    text = pa.dictionary(pa.int32(), pa.string())
    texts = {*labels, *_hexadecimal(plain, layout)}
    options = arrow_csv.ConvertOptions(
        null_values=list(numerals.missing),
        strings_can_be_null=False,  # "NA" may be a legitimate label
        column_types=dict.fromkeys((name for name in wanted if name in texts), text),
        include_columns=list(wanted),
        decimal_point=numerals.decimal,
        # "true" and "false" are words
        true_values=[],
        false_values=[],
    )
    parsing = arrow_csv.ParseOptions(delimiter=text_delimiter(layout), newlines_in_values=_has_quotes(plain))
    reading = arrow_csv.ReadOptions(
        column_names=list(layout.names), skip_rows=layout.skipped, block_size=_block_size(plain, layout)
    )

    def read() -> Any:
        source: Any = str(plain.path) if plain.path is not None else pa.BufferReader(plain.data)
        return arrow_csv.read_csv(
            source, read_options=reading, parse_options=parsing, convert_options=options
        )

    try:
        try:
            table = read()
        except pa.ArrowInvalid:
            if parsing.newlines_in_values:
                raise
            parsing.newlines_in_values = True  # the first quotation mark stands far below
            table = read()
        arrays = {name: _from_arrow(table.column(name)) for name in table.column_names}
        # columns of nothing but marks, which may be words: as they are written
        unknown = [name for name in wanted if pa.types.is_null(table.schema.field(name).type)]
        if unknown and table.num_rows:
            options.include_columns, options.column_types = unknown, dict.fromkeys(unknown, text)
            table = read()
            arrays.update((name, _from_arrow(table.column(name))) for name in unknown)
        return arrays
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        if "UTF8" in str(error) or isinstance(error, UnicodeDecodeError):
            raise _not_text(plain, error) from error
        raise FileFormatError(
            f"{plain.name} is not a regular text table",
            str(error),
            fix=Remedy("correct that line", Words("name what separates fields by ", Option("delimiter"))),
        ) from error


def _block_size(plain: Opened, layout: TextLayout) -> int:
    """Return how many bytes are parsed at once: any line must fit, also of 500,000 cells."""
    seen = max(sum(map(len, line)) for line in (layout.names, *layout.sample))
    return max(BLOCK, min(plain.size, 4 * seen + LONG * len(layout.names), LARGEST_BLOCK))


def _hexadecimal(plain: Opened, layout: TextLayout) -> set[str]:
    """Return the columns with cells such as 0x10 in the sample: names, which Arrow takes for numbers."""
    if _HEXADECIMAL.search(plain.head(QUOTED).decode("utf-8", "replace")) is None:
        return set()
    places = enumerate(layout.names)
    held = {name: (row[k].strip() for row in layout.sample if k < len(row)) for k, name in places}
    return {name for name, cells in held.items() if any(map(_HEXADECIMAL.fullmatch, cells))}


def _has_quotes(plain: Opened) -> bool:
    """Return whether cells may go over several lines; reading is slower if they may."""
    return b'"' in plain.head(QUOTED)


def _from_arrow(column: Any) -> NDArray[Any] | _Words:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if pa.types.is_integer(kind) and column.null_count and not _are_exact(column):
        column = column.cast(pa.string()).fill_null("")  # names: beside missing cells, numbers become doubles
        kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return np.concatenate([np.zeros(0, np.int64), *(_numbers(chunk) for chunk in column.chunks)])
    if not pa.types.is_dictionary(kind):
        # Arrow infers other types (dates, times); here they are text
        text = column if pa.types.is_string(kind) else pa.chunked_array([_as_text(column)])
        column = text.dictionary_encode()
    joined = column.unify_dictionaries().combine_chunks()
    if isinstance(joined, pa.ChunkedArray):
        if not joined.num_chunks:
            return _Words(np.zeros(0, np.intp), [])
        joined = joined.chunk(0)
    return _Words(_numbers(joined.indices), joined.dictionary.to_pylist())


def _are_exact(column: Any) -> bool:
    """Return whether doubles hold all whole numbers of a column."""
    known = column.drop_null()
    return all(bool(are_exact(_numbers(chunk)).all()) for chunk in known.chunks)


def _as_text(column: Any) -> Any:
    import pyarrow as pa

    return pa.array([str(cell) if cell is not None else "" for cell in column.to_pylist()], pa.string())


def _numbers(chunk: Any) -> NDArray[Any]:
    """Return an Arrow array of numbers, NaN where missing; its own method for it imports pandas."""
    known, data = chunk.buffers()
    if data is None:
        return np.zeros(0, np.int64)
    part = slice(chunk.offset, chunk.offset + len(chunk))
    values = np.frombuffer(data, chunk.type.to_pandas_dtype())[part]
    if chunk.null_count == 0:
        return values
    bits = np.unpackbits(np.frombuffer(known, np.uint8), bitorder="little")[part]
    return np.where(bits == 1, values, np.nan)


def _not_text(plain: Opened, error: Exception) -> FileFormatError:
    return FileFormatError(
        f"{plain.name} is not a UTF-8 text file",
        str(error),
        fix=Remedy("save it as UTF-8", Words("name its encoding, such as ", Option("encoding", "cp1252"))),
    )
