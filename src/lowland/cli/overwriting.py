"""Which existing files a command may replace: those that lowland wrote, and others only with --force."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from lowland.core.atomic import check_writable, real_path
from lowland.core.errors import InvalidInputError
from lowland.files.bundle import MARK
from lowland.files.foreign.columnar import COLUMNAR, need_arrow
from lowland.files.text.text_layout import DELIMITERS
from lowland.files.writing.writing import ENDINGS, need_writer

# what the first bytes of lowland's own pages and documents contain
PAGE, DOCUMENT = b'name="generator" content="lowland"', b'"format": "lowland'
HEAD = 4096


def check_output(path: str | os.PathLike[str], *, force: bool) -> None:
    """Raise, before long work, if a file could not be written, or would replace another's.

    Pages, certificates and archives of lowland are replaced without being asked; tables bear no mark of
    who wrote them.
    """
    check_writable(path)
    target = Path(path)
    if force or not target.is_file() or is_own(target):
        return
    raise InvalidInputError(
        f"{target} exists already",
        f"{target.stat().st_size:,} bytes that lowland may not have written",
        fix="pass --force to replace it, or name another file",
    )


def check_outputs(*paths: Path | None, force: bool) -> None:
    """Raise, before long work, unless every file can be written, as by `check_output`, and each is another.

    Parameters
    ----------
    *paths : Path or None
        Those of them that are asked for.
    force : bool
        Whether files of others may be replaced.
    """
    given = [path for path in paths if path is not None]
    if len({real_path(path) for path in given}) < len(given):
        names = ", ".join(str(path) for path in given)
        raise InvalidInputError(
            "two results would be written to the same file", names, fix="name different files"
        )
    for path in given:
        check_output(path, force=force)


def check_archive(output: Path, read: Path) -> None:
    """Raise unless --output is an .npz file, and another than the file that is read."""
    if output.suffix != ".npz" or output.absolute() == read.absolute():
        raise InvalidInputError("--output must be a new .npz file", str(output), fix="name another file")


def check_table(path: Path | None, name: str, *, sheets: bool = False) -> None:
    """Raise unless a table can be written under a name: its ending says in which format.

    Parameters
    ----------
    path : Path or None
    name : str
        The option, for the error.
    sheets : bool
        Whether files of JSON, Excel, Stata and SPSS can be written as well.
    """
    if path is not None and path.exists() and not path.is_file():
        return  # a device or a pipe, which gets text
    suffix = "" if path is None else path.suffix.lower()
    if suffix in COLUMNAR:
        need_arrow(suffix)
    elif suffix in ENDINGS and sheets:
        need_writer(suffix)
    elif path is not None and suffix not in DELIMITERS:
        raise InvalidInputError(
            f"{name} has an unknown file extension",
            str(path),
            fix="use .csv, .tsv, .parquet"
            + (", .feather, .json, .xlsx, .dta or .sav" if sheets else " or .feather"),
        )


def is_own(path: Path) -> bool:
    """Return whether a file bears the header of a model, a page or a certificate of lowland, or is empty."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
        if not head or PAGE in head or DOCUMENT in head:
            return True
        with zipfile.ZipFile(path) as archive:
            return archive.comment.startswith(MARK) or b'"lowland"' in archive.read("header.npy")
    except (OSError, KeyError, zipfile.BadZipFile, RuntimeError):
        return False
