"""Folders that appear whole or not at all, as single files do (`write_whole`)."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lowland.core.errors import InvalidInputError

# what a disk says that takes no more
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
# ending of a folder that is being replaced
_OLD = ".old.part"
# unfinished folders of this process: others with its number are those of one that ended
_OPEN: set[Path] = set()


@contextmanager
def unfinished_folder(target: Path) -> Iterator[Path]:
    """Yield a new folder beside the target, which is removed at the end if it is still there.

    Those of processes that ended are removed before.

    Raises
    ------
    InvalidInputError
        If the disk is full.
    """
    unfinished = _begin(target)
    try:
        with filling(target.parent):
            yield unfinished
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        _OPEN.discard(unfinished)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give an unfinished folder that takes the place of the target, which must not exist, at the end.

    Raises
    ------
    InvalidInputError
        If it exists, also if another process has made it meanwhile, or if the disk is full.
    """
    if target.exists():
        raise InvalidInputError(f"{target} exists", "a folder or file", fix="choose a new folder")
    with unfinished_folder(target) as unfinished:
        yield unfinished
        try:
            unfinished.rename(target)
        except OSError as error:
            if not target.exists():
                raise
            raise InvalidInputError(
                f"{target} exists", "another process has made it meanwhile", fix="choose a new folder"
            ) from error


@contextmanager
def filling(folder: Path) -> Iterator[None]:
    """Raise InvalidInputError where a disk takes no more of what is written into a folder.

    Raises
    ------
    InvalidInputError
        If it is full, or cannot be written.
    """
    try:
        yield
    except OSError as error:
        # NumPy tells of bytes that were not written without a number
        if error.errno is not None and error.errno not in FULL:
            raise
        raise InvalidInputError(
            f"cannot write into {folder}",
            error.strerror or f"the disk took less than it was given ({error})",
            fix="free some space, or use a folder on another disk",
        ) from error


def reserve(path: Path, size: int) -> None:
    """Give a file its room on the disk: to write into a mapped file without it would end the process."""
    if sys.platform != "linux" or not size:
        return
    with path.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno in FULL:
                raise


def remove_files(folder: Path, names: set[str]) -> None:
    """Remove files of a folder, and the folder itself unless it holds others; either may be gone already."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def replace_folder(target: Path, new: Path, names: set[str]) -> None:
    """Replace a folder by a new one.

    Parameters
    ----------
    target, new : Path
    names : set of str
        Names of the files that the old folder should hold.

    Raises
    ------
    InvalidInputError
        If it holds others, or another process replaces it as well.
    """
    others = sorted({path.name for path in target.iterdir()} - names) if target.exists() else []
    if others:
        raise InvalidInputError(
            f"{target} holds files that are not its own",
            others[0],
            "the folder is about to be replaced",
            "move them elsewhere",
        )
    old = target.with_name(f".{target.name}{_OLD}")
    try:
        target.rename(old)
        new.rename(target)
    except OSError as error:
        raise InvalidInputError(
            f"{target} was changed by another process",
            error.strerror or str(error),
            fix="open it again, and add what it lacks",
        ) from error
    shutil.rmtree(old, ignore_errors=True)


def restore_folder(target: Path) -> None:
    """Put a folder back where a process was ended in the middle of `replace_folder`."""
    old = target.with_name(f".{target.name}{_OLD}")
    if old.is_dir():
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(target)


def _begin(target: Path) -> Path:
    """Return a new folder of this process beside the target; those of processes that ended are removed."""
    for left in target.parent.glob(f".{target.name}.*.part"):
        number = left.name.split(".")[-2]
        if number.isdigit() and left not in _OPEN and not _is_another(int(number)):
            shutil.rmtree(left, ignore_errors=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        unfinished.mkdir()
    except OSError as error:
        raise InvalidInputError(
            f"cannot make a folder in {target.parent}", error.strerror or str(error), fix="check the path"
        ) from error
    _OPEN.add(unfinished)
    return unfinished


def _is_another(number: int) -> bool:
    """Return whether another process has this number; on Windows, where asking would end it, always."""
    if number == os.getpid():
        return False
    if sys.platform == "win32":
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
