"""Open a table of any kind: the ending of its name says which, or else its first bytes."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.files.foreign.columnar import COLUMNAR
from lowland.files.foreign.databases import database_kind, refuse_without_query
from lowland.files.foreign.json_records import JSON
from lowland.files.foreign.spreadsheets import SHEETS
from lowland.files.foreign.statistics_files import R_FILES, STATISTICS
from lowland.files.remote import address_of, drain, fetch, is_buffer, shown_address
from lowland.files.sources import COMPRESSED, PATTERN, Opened, files_meant, open_source, unpacked
from lowland.files.table_format import TableFormat
from lowland.files.text.conventions import in_usual_form
from lowland.files.text.encodings import find_encoding
from lowland.files.text.joined import join_texts
from lowland.files.text.text_layout import DELIMITERS

ARRAYS = (".npy", ".npz", ".mtx")
KINDS = (*DELIMITERS, *JSON, *COLUMNAR, *SHEETS, *STATISTICS, *ARRAYS)
# what files begin with, and the ending that their kind has
BEGINNINGS = {
    b"PAR1": ".parquet",
    b"ARROW1": ".arrow",
    b"FEA1": ".feather",
    b"\x93NUMPY": ".npy",
    b"%%MatrixMarket": ".mtx",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ".xls",
    b"<stata_dta>": ".dta",
    b"$FL2@(#)": ".sav",
    b"$FL3@(#)": ".sav",
    b"X\n\x00\x00\x00": ".rds",
    b"RDX2\n": ".rdata",
    b"RDX3\n": ".rdata",
}
# endings of one kind: what the name says is kept
_SAME = (frozenset({".feather", ".arrow", ".ipc"}), frozenset(SHEETS), frozenset(R_FILES))
HDF5, ARCHIVE = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"
# what tells pages, which some programs write under the names of spreadsheets
_PAGES = {
    rb"\s*(<!doctype\s+html|<html|<table|<\?xml|<\w+>\s*<\w+>)": "a page of HTML or XML",
    rb"\s*(%[^\n]*\n\s*)*\\(documentclass|begin\{)": "a document of LaTeX",
}
# what records of JSON begin with, and no line of CSV; what text does not hold; other kinds of text
_RECORDS = re.compile(rb'(?:\xef\xbb\xbf)?\s*(\[\s*\{\s*"|\{\s*"[^"]*"\s*:)')
_CONTROL, _BLANKS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]"), b"\xef\xbb\xbf \t\r\n"
_OF_TEXT = (".mtx", ".por", ".xpt")
HEAD = 512
PLAIN = TableFormat()


def open_table(source: Any, form: TableFormat = PLAIN) -> Opened:
    """Return a table's bytes, decompressed, and their kind; a text of no known ending is a .csv file.

    Parameters
    ----------
    source : path, address, "-" or open buffer
        A folder or a pattern, such as parts/*.csv, means several files of the same columns.
    form : TableFormat
        What a person says about how texts are written.

    Raises
    ------
    InvalidInputError
        If it cannot be opened, is of no known kind, or is a database.
    """
    opened = _open(source, form)
    return in_usual_form(opened, form) if is_text(opened) and not opened.parts else opened


def _open(source: Any, form: TableFormat) -> Opened:
    if is_buffer(source):
        return _of_kind(unpacked(drain(source, form.encoding)))
    address = address_of(source)
    if address:
        return _joined(shown_address(address), list(map(_of_kind, map(unpacked, fetch(address)))), form)
    if PATTERN.search(os.fspath(source)) or os.path.isdir(source):
        many = _many(source)
        if many:
            return _joined(os.fspath(source), list(map(_open_one, many)), form)
    return _open_one(source)


def _many(source: str | os.PathLike[str]) -> list[Path]:
    """Return the files that a folder or a pattern means: of a folder, Parquet files, or else texts of a kind.

    Raises
    ------
    InvalidInputError
        If there is none.
    """
    found = files_meant(source)
    if os.path.isdir(source):
        by_kind = {kind: [one for one in found if _ending(one) == kind] for kind in (*COLUMNAR, *DELIMITERS)}
        found = next((files for files in by_kind.values() if files), [])
    parts = sorted(Path(source).glob("*=*/")) if not found and os.path.isdir(source) else []
    if parts:
        raise InvalidInputError(
            f"{os.fspath(source)} holds folders whose names are values of a column",
            ", ".join(part.name for part in parts[:3]),
            "these values are in no file, so that a table of the files lacks them",
            "name one of the folders, or write the table to one file with its program",
        )
    if not found and not Path(source).is_file():
        raise InvalidInputError(
            f"{os.fspath(source)} means no table",
            "no file" if not os.path.isdir(source) else "no Parquet file and no text of a table",
            fix="name a file, a folder of *.parquet or *.csv files, or a pattern such as 'parts/*.csv'",
        )
    return found


def _ending(path: Path) -> str:
    """Return the ending of a name, without that of a compression."""
    whole = path.suffix.lower()
    return Path(path.stem).suffix.lower() if whole in COMPRESSED else whole


def _joined(name: str, opened: Sequence[Opened], form: TableFormat) -> Opened:
    """Return several files as one table.

    Raises
    ------
    InvalidInputError
        If they are not of one kind, texts or files of Arrow, or have other columns.
    """
    if not opened:
        raise InvalidInputError(f"{name} means no table", "no file", fix="check the address")
    if len(opened) == 1:
        return opened[0]
    if all(is_text(one) for one in opened):
        return join_texts(name, opened, form)
    other = next((one for one in opened if one.kind != opened[0].kind), None)
    if other is not None or opened[0].kind not in COLUMNAR:
        raise InvalidInputError(
            f"{name} means files that cannot be read as one table",
            f"{opened[0].name}, {(other or opened[1]).name}",
            fix="name texts alone, or Parquet files alone, by a pattern such as 'parts/*.csv'",
        )
    said = [f"{len(opened)} files read as one table"]
    named = {part for one in opened for part in Path(one.name).parts[:-1] if "=" in part}
    if len(named) > 1:
        said.append(f"values in the names of folders are not read: {', '.join(sorted(named)[:3])}")
    return Opened(name, opened[0].kind, None, parts=tuple(opened), said=tuple(said))


def _open_one(source: str | os.PathLike[str]) -> Opened:
    opened = open_source(source)
    kind = "" if opened.path is None else database_kind(opened.path)
    if kind:
        assert opened.path is not None
        refuse_without_query(opened.path)
    return _of_kind(opened)


def _of_kind(opened: Opened) -> Opened:
    """Return a source with the ending of its kind, unpacked where it is an archive of one file."""
    while True:
        found = _by_contents(opened)
        if found != ".zip":
            other = found in (".csv", ".json") and opened.kind in KINDS and opened.kind != found
            said = (f"named {opened.kind}, but {'JSON' if found == '.json' else 'text'} by its contents",)
            return replace(opened, kind=found, said=said if other else opened.said)
        opened = unpacked(replace(opened, kind=found))


def _by_contents(opened: Opened) -> str:
    """Return the ending that the kind of a file has: that of its name, if its first bytes do not differ."""
    head = opened.head(HEAD)
    found = next((ending for begins, ending in BEGINNINGS.items() if head.startswith(begins)), "")
    if head.startswith(ARCHIVE):
        found = opened.kind if opened.kind in (*SHEETS, ".npz") else _in_archive(opened)
    if found:
        return opened.kind if any({found, opened.kind} <= same for same in _SAME) else found
    if head.startswith(HDF5):
        raise InvalidInputError(
            f"{opened.name} is an HDF5 file, which holds arrays",
            opened.kind or "no file extension",
            fix="complete a tensor in it by lowland fill (under a name that ends in .h5), or save the table "
            "as Parquet",
        )
    named = opened.kind in KINDS and not _is_plainly_text(opened.kind, head)
    if opened.kind in DELIMITERS:
        _refuse_page(opened, head)
    return opened.kind if named or (opened.kind in KINDS and not head) else _text(opened, head)


def _is_plainly_text(kind: str, head: bytes) -> bool:
    """Return whether contents of another kind than their name says are text: a table of CSV, or JSON."""
    if kind in DELIMITERS:
        return _RECORDS.match(head) is not None
    if kind in JSON:
        return b"\0" not in head and head.lstrip(_BLANKS)[:1] not in (b"", b"[", b"{")
    return kind in SHEETS or (kind not in _OF_TEXT and _CONTROL.search(head) is None)


def _in_archive(opened: Opened) -> str:
    """Return the kind of file that an archive is; ".zip" if it is none."""
    try:
        with opened.stream() as file, zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return ".zip"
    if "xl/workbook.xml" in names:
        return ".xlsx"
    if "xl/workbook.bin" in names:
        return ".xlsb"
    if "content.xml" in names and "mimetype" in names:
        return ".ods"
    return ".npz" if names and all(name.endswith(".npy") for name in names) else ".zip"


def _refuse_page(opened: Opened, head: bytes) -> None:
    """Raise if a text is a page or a document, whatever its name."""
    for pattern, kind in _PAGES.items():
        if re.match(pattern, head, re.IGNORECASE):
            raise InvalidInputError(
                f"{opened.name} is {kind}",
                head.split(b"\n")[0][:60].decode("utf-8", "replace"),
                fix="open it in a spreadsheet and save the table as CSV",
            )


def _text(opened: Opened, head: bytes) -> str:
    """Return the kind of a text: JSON, or delimited.

    Raises
    ------
    InvalidInputError
        If it is no text, or a page.
    """
    _refuse_page(opened, head)
    if b"\0" in head:
        try:
            find_encoding(head, opened.name, whole=len(head) < HEAD)
        except FileFormatError as error:
            raise InvalidInputError(
                f"{opened.name} has an unknown file extension, and contents of no known kind",
                opened.kind or "none",
                fix=f"use one of {', '.join(KINDS)}",
            ) from error
    return ".json" if head.lstrip(_BLANKS)[:1] in (b"[", b"{") else ".csv"


def is_file(source: Any) -> bool:
    """Return whether a source names a file, or is an open one; else it is a data frame."""
    return isinstance(source, str | os.PathLike) or is_buffer(source)


def is_text(opened: Opened) -> bool:
    """Return whether a table is a delimited text."""
    return opened.kind in DELIMITERS
