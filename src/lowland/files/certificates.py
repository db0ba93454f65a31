"""Certificate files: a document as JSON text, written whole or not at all."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import IO

from lowland.core.atomic import write_whole
from lowland.core.errors import FileFormatError
from lowland.recheck.documents import Document


def write_certificate(path: str | PathLike[str], document: Document) -> None:
    """Write a document as JSON, atomically."""
    text = document.to_json().encode("utf-8")

    def write(stream: IO[bytes]) -> None:
        stream.write(text)

    write_whole(Path(path), write)


def read_certificate(path: str | PathLike[str]) -> Document:
    """Read a document.

    Raises
    ------
    FileFormatError
        If the file is not such a document, is from another version, or holds anything that is not read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read", error.strerror or str(error)) from error
    except ValueError as error:
        if not isinstance(error, UnicodeDecodeError):  # a zero byte in the name
            raise FileFormatError(f"{path!r} is no path", str(error)) from error
        raise FileFormatError(f"{path} is not a certificate", str(error)) from error
    return Document.from_json(text, str(path))
