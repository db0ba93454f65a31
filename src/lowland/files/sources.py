"""Open what a person names as a table: a file, a compressed file or standard input."""

from __future__ import annotations

import bz2
import glob
import gzip
import io
import lzma
import os
import re
import sys
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, final

from lowland.core.atomic import real_path
from lowland.core.errors import FileFormatError, InvalidInputError, MissingExtraError, TooLargeError
from lowland.core.memory import check_fits

# bytes of a stream that are read between two looks at the memory that is left
PIECE = 64 << 20
# bytes of text from which, and the compression beyond which, a file is taken for one made to fill the memory
SUSPECT, TIMES = 128 << 20, 100
UNPACK = "unpack it to a file, or free some memory"
COMPRESSED = (".gz", ".bz2", ".zst", ".xz", ".zip")
# the first bytes of compressed files, but for archives, which may be tables themselves
STREAMS = {
    ".gz": rb"\x1f\x8b",
    ".bz2": rb"BZh[1-9]1AY&SY",
    ".xz": rb"\xfd7zXZ\x00",
    ".zst": rb"\x28\xb5\x2f\xfd",
}
STANDARD_INPUT = "-"
# what makes of a name a pattern of names
PATTERN = re.compile(r"[*?\[]")


@final
@dataclass(frozen=True, eq=False)
class Opened:
    """The bytes of a source.

    Parameters
    ----------
    name : str
        Name in messages.
    kind : str
        Ending of the name in lower case, without that of a compression: ".csv"; "" if unknown.
    path : Path or None
        A file to read from, if it holds the bytes as they are.
    data : bytes
        The bytes, if there is no such file.
    parts : tuple of Opened
        Several files of Arrow that are one table; then there are neither a file nor bytes.
    said : tuple of str
        What is said of the source, in a few words each.
    """

    name: str
    kind: str
    path: Path | None
    data: bytes = b""
    parts: tuple[Opened, ...] = ()
    said: tuple[str, ...] = ()

    def stream(self) -> IO[bytes]:
        """Open the bytes for reading."""
        return io.BytesIO(self.data) if self.path is None else self.path.open("rb")

    @property
    def size(self) -> int:
        """Number of bytes."""
        if self.parts:
            return sum(part.size for part in self.parts)
        return len(self.data) if self.path is None else self.path.stat().st_size

    def head(self, size: int) -> bytes:
        """Return the first bytes."""
        with self.stream() as file:
            return file.read(size)

    def tail(self, size: int) -> bytes:
        """Return the last bytes."""
        with self.stream() as file:
            file.seek(max(self.size - size, 0))
            return file.read()


def parquet_files(files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Return the Parquet files that are meant: of a folder, those in it by name; of a pattern, what fits.

    Raises
    ------
    InvalidInputError
        If there are none.
    """
    given = [Path(files)] if isinstance(files, str | os.PathLike) else [Path(file) for file in files]
    paths = given
    if len(given) == 1 and given[0].is_dir():
        paths = [path for path in files_meant(given[0]) if path.suffix == ".parquet"]
    elif len(given) == 1:
        paths = files_meant(given[0]) or given
    missing = [path for path in paths if not path.is_file()]
    if missing or not paths:
        raise InvalidInputError(
            "there is no such Parquet file",
            str((missing or given)[0]) if given else "an empty list",
            fix="pass files, or a folder of *.parquet",
        )
    return paths


def files_meant(source: str | os.PathLike[str]) -> list[Path]:
    """Return the files in a folder, or those that fit a pattern such as parts/*.csv, in order; else none.

    Hidden files, which systems leave behind, are never meant.
    """
    path, text = Path(source), os.fspath(source)
    if path.is_dir():
        found = list(path.iterdir())
    elif PATTERN.search(text) and not path.exists():
        found = [Path(name) for name in glob.glob(text, recursive=True)]
    else:
        return []
    return sorted(one for one in found if one.is_file() and not one.name.startswith("."))


def is_among(path: Path, source: str | os.PathLike[str]) -> bool:
    """Return whether a file is, or would be, one of those that a folder or a pattern means."""
    folder = Path(source)
    if folder.is_dir():
        return real_path(path).parent == real_path(folder)
    fits = PATTERN.search(os.fspath(source)) is not None and not folder.exists()
    return fits and path.absolute().match(str(folder.absolute()))


def check_same_columns(
    first: tuple[str, Sequence[str]], other: tuple[str, Sequence[str]], *, ordered: bool = False
) -> None:
    """Raise unless two files, each with its name and those of its columns, have the same columns."""
    (name, columns), (other_name, other_columns) = first, other
    if (list(columns) == list(other_columns)) if ordered else (set(columns) == set(other_columns)):
        return
    lacking = [one for one in columns if one not in other_columns]
    more = [one for one in other_columns if one not in columns]
    differ = [f"without {', '.join(map(repr, lacking[:6]))}"] if lacking else []
    differ += [f"with {', '.join(map(repr, more[:6]))}"] if more else []
    raise InvalidInputError(
        f"{name} and {other_name} do not have the same columns",
        f"the second {' and '.join(differ) or 'has them in another order'}",
        fix="read files of the same columns: name them by a pattern, such as parts/2020*.csv",
    )


def cannot_open(path: str, error: OSError) -> InvalidInputError:
    """Return the error of a file that cannot be opened."""
    return InvalidInputError(
        f"cannot read {path}", error.strerror or str(error), fix="check the name and permissions"
    )


def open_source(source: str | os.PathLike[str]) -> Opened:
    """Return a file's bytes, decompressed, or those of standard input for "-".

    Raises
    ------
    InvalidInputError
        If the file cannot be opened.
    FileFormatError
        If it cannot be decompressed.
    MissingExtraError
        If that needs a package that is not installed.
    """
    if os.fspath(source) == STANDARD_INPUT:
        try:
            contents = read_all(sys.stdin.buffer, "standard input")
        except OSError as error:
            raise cannot_open("standard input", error) from error
        return unpacked(Opened("standard input", "", None, contents))
    path = Path(source)
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise cannot_open(str(path), error) from error
    return unpacked(Opened(str(path), path.suffix.lower(), path))


def unpacked(opened: Opened) -> Opened:
    """Return the bytes of a source without its compression, which its name or its first bytes tell.

    Errors are those of `open_source`.
    """
    suffix = opened.kind if opened.kind in COMPRESSED else _compression(opened)
    if not suffix:
        return opened
    try:
        if suffix == ".zip":
            return _from_zip(opened)
        within = Path(opened.name).stem if opened.kind == suffix else opened.name
        return Opened(opened.name, Path(within).suffix.lower(), None, _decompress(opened, suffix))
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise _damaged(opened.name, suffix, error) from error
    except OSError as error:
        if error.errno is None:  # the decompressors say in this way that the data are not theirs
            raise _damaged(opened.name, suffix, error) from error
        raise cannot_open(opened.name, error) from error


def _compression(opened: Opened) -> str:
    """Return the ending of a compression by the first bytes of a source, "" of none."""
    head = opened.head(16)
    return next((ending for ending, begins in STREAMS.items() if re.match(begins, head)), "")


def _damaged(name: str, suffix: str, error: Exception) -> FileFormatError:
    return FileFormatError(
        f"{name} cannot be decompressed",
        str(error) or type(error).__name__,
        fix=f"check that it is a {suffix} file",
    )


def _decompress(opened: Opened, suffix: str) -> bytes:
    what = f"{opened.name}, decompressed,"
    opener: Any = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}.get(suffix)
    if opener is not None:
        with opened.stream() as raw, opener(raw, "rb") as file:
            return read_all(file, what, raw)
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingExtraError(
            f"{suffix} files need an optional package",
            "pyarrow is not installed",
            fix="pip install 'lowland[tables]'",
        ) from error
    with opened.stream() as raw, pa.input_stream(raw, compression="zstd") as file:
        return read_all(file, what, raw)


def read_all(file: Any, what: str, compressed: IO[bytes] | None = None) -> bytes:
    """Read a stream to its end, and refuse it as soon as it outgrows the memory, or its own bytes by far.

    Parameters
    ----------
    file : binary file
    what : str
        In messages.
    compressed : binary file, optional
        What the stream decompresses.
    """
    pieces: list[bytes] = []
    while piece := file.read(PIECE):
        pieces.append(bytes(piece))
        if compressed is not None:
            _refuse_bomb(sum(map(len, pieces)), compressed.tell(), what)
        if len(piece) == PIECE:  # another piece, and all of them once more as one
            check_fits((len(pieces) + 1) * PIECE, what, UNPACK)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _refuse_bomb(size: int, compressed: int, what: str) -> None:
    """Raise if so many bytes come from so few that they are no table."""
    if size > max(SUSPECT, TIMES * compressed):
        raise TooLargeError(
            f"{what} is more than {TIMES} times as large as before",
            f"{size / 1e6:,.0f} MB from {compressed / 1e6:.3g} MB",
            "tables are compressed less; such files fill the memory",
            "unpack it to a file if it is a table",
        )


def _from_zip(opened: Opened) -> Opened:
    """Return the one file of an archive; what the Finder of macOS adds is not counted."""
    with opened.stream() as file, zipfile.ZipFile(file) as archive:
        names = [
            item.filename
            for item in archive.infolist()
            if not item.is_dir() and not item.filename.startswith("__MACOSX/")
        ]
        if len(names) != 1:
            raise InvalidInputError(
                f"{opened.name} does not say which of its files is the table",
                f"{len(names)} files: {', '.join(names[:6])}{' ...' if len(names) > 6 else ''}",
                fix="unpack it and name one of them",
            )
        try:
            item, what = archive.getinfo(names[0]), f"{opened.name}, decompressed,"
            _refuse_bomb(item.file_size, item.compress_size, what)
            check_fits(item.file_size, what, UNPACK)
            data = archive.read(names[0])
        except RuntimeError as error:  # a password is needed
            raise _damaged(opened.name, ".zip", error) from error
    return Opened(f"{opened.name} ({names[0]})", Path(names[0]).suffix.lower(), None, data)
