"""Atomic writing of files: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from lowland.core.errors import InvalidInputError


def write_whole(path: str | os.PathLike[str], write: Callable[[IO[bytes]], None]) -> None:
    """Write a file to a temporary name in the same folder, flush it, and rename it.

    Parameters
    ----------
    path : path
        Destination; an existing file is replaced in one step.
    write : callable
        Takes an open binary file and writes to it.

    Raises
    ------
    InvalidInputError
        If the folder does not exist or cannot be written, or the disk is full. The old file, if
        there was one, is then untouched and no temporary file is left.
    """
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise InvalidInputError(
            f"cannot write {target}", error.strerror or str(error), fix="check the folder and its permissions"
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException as error:
        if os.path.exists(name):
            os.unlink(name)
        if isinstance(error, OSError):
            raise InvalidInputError(
                f"cannot write {target}",
                error.strerror or str(error),
                fix="free some space, or write elsewhere",
            ) from error
        raise


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise, before long work, if a file could not be written at the end."""
    folder = Path(path).parent
    if not folder.is_dir():
        raise InvalidInputError(f"cannot write {path}", f"no folder {folder}", fix="create it first")
    if Path(path).is_dir():
        raise InvalidInputError(f"cannot write {path}", "it is a folder", fix="name a file")
    if not os.access(folder, os.W_OK):
        raise InvalidInputError(f"cannot write {path}", f"no permission in {folder}", fix="write elsewhere")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
