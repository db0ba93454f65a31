"""Atomic writing of files: whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import IO

from lowland.core.errors import InvalidInputError

# not on Windows, where leftovers of killed processes are not removed
if sys.platform != "win32":
    import fcntl

# the name of an unfinished file is that of the file, between a dot and this
UNFINISHED = ".part"
# longer names have a digest instead in those of unfinished files, since most file systems take 255 bytes
LONGEST_NAME = 200
# an unfinished file for a device is held in memory up to this size
MOST_IN_MEMORY = 64 << 20

_WRITTEN: ContextVar[list[Path] | None] = ContextVar("written", default=None)


@contextmanager
def noting_files() -> Iterator[list[Path]]:
    """Yield a list to which every file written within the block is added."""
    files: list[Path] = []
    token = _WRITTEN.set(files)
    try:
        yield files
    finally:
        _WRITTEN.reset(token)


def was_written(path: str | os.PathLike[str]) -> bool:
    """Whether a file was written since files are noted."""
    return Path(path) in (_WRITTEN.get() or ())


def real_path(path: str | os.PathLike[str]) -> Path:
    """Return an absolute path without symbolic links, as far as they lead: a loop of links stays as it is."""
    return Path(os.path.realpath(path))


def is_same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Return whether two paths name one file, by links of either kind, or would."""
    if real_path(one) == real_path(other):
        return True
    try:
        return os.path.samefile(one, other)
    except OSError:  # one of them is not there
        return False


def write_whole(path: str | os.PathLike[str], write: Callable[[IO[bytes]], None]) -> None:
    """Write a file to a temporary name in the same folder, flush it, and rename it.

    Parameters
    ----------
    path : path
        Destination. An existing file is replaced in one step and keeps its permissions; of a symbolic link
        that is the file to which it leads. Devices and pipes are written to.
    write : callable
        Takes an open binary file and writes to it; it may read what it wrote.

    Raises
    ------
    InvalidInputError
        If the folder does not exist or cannot be written, the file is read-only, or the disk is full. The old
        file, if there was one, is then untouched and no temporary file is left.
    """
    target = real_path(path)
    check_writable(target)
    try:
        if target.exists() and not target.is_file():
            _write_through(target, write)
        else:
            _replace(target, write)
    except OSError as error:
        raise InvalidInputError(
            f"cannot write {path}",
            error.strerror or str(error),
            fix="free some space, or write elsewhere",
        ) from error
    written = _WRITTEN.get()
    if written is not None:
        written.append(Path(path))


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise, before long work, if a file could not be written at the end."""
    target = real_path(path)
    folder = target.parent
    try:
        target.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:  # a name that is too long
        raise _cannot_be(path, error) from error
    if not folder.is_dir():
        raise InvalidInputError(f"cannot write {path}", f"no folder {folder}", fix="create it first")
    if target.is_symlink():
        raise _cannot_be(path, OSError(errno.ELOOP, os.strerror(errno.ELOOP)))
    if target.is_dir():
        raise InvalidInputError(f"cannot write {path}", "it is a folder", fix="name a file")
    if target.exists():
        # a superuser may write what is marked read-only, which is not what the mark is for
        marked = not target.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
        if marked or not os.access(target, os.W_OK):
            raise InvalidInputError(
                f"cannot write {path}",
                "the file is read-only",
                fix="write elsewhere, or change its permissions",
            )
    if (not target.exists() or target.is_file()) and not os.access(folder, os.W_OK):
        raise InvalidInputError(f"cannot write {path}", f"no permission in {folder}", fix="write elsewhere")


def _cannot_be(path: str | os.PathLike[str], error: OSError) -> InvalidInputError:
    return InvalidInputError(f"cannot write {path}", error.strerror or str(error), fix="name another file")


def _replace(target: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Write a file under a temporary name, and rename it."""
    _remove_leftovers(target)
    handle, name = _unfinished(target)
    try:
        with os.fdopen(handle, "w+b") as file:
            write(file)
            file.flush()
            _take_permissions(file.fileno(), target)
            os.fsync(file.fileno())
            _warn_of_links(target)
            # renamed while it is locked: an unfinished file without a lock is a leftover
            os.replace(name, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
    _sync(target.parent)


def _warn_of_links(target: Path) -> None:
    """Warn if a file that will be replaced has other names."""
    with suppress(OSError):
        if target.stat().st_nlink > 1:
            told = f"{target} is a hard link: the other names of the file keep its old contents"
            warnings.warn(told, UserWarning, stacklevel=4)


def _write_through(target: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Write to a device or a pipe, which cannot be replaced; formats that seek do so beforehand."""
    with tempfile.SpooledTemporaryFile(MOST_IN_MEMORY) as whole:
        write(whole)
        whole.seek(0)
        with target.open("wb") as out:
            shutil.copyfileobj(whole, out)


def _unfinished(target: Path) -> tuple[int, str]:
    """Create a temporary file beside the target, locked so that no other process takes it for a leftover."""
    while True:
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{_short(target.name)}.", suffix=UNFINISHED
        )
        try:
            if sys.platform != "win32":
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # another process is about to remove it
            os.close(handle)
            continue
        except OSError:  # some file systems do not support locks
            return handle, name
        if os.path.exists(name):  # or has removed it
            return handle, name
        os.close(handle)


def _remove_leftovers(target: Path) -> None:
    """Remove unfinished files for a target that killed processes have left."""
    if sys.platform == "win32":
        return
    for path in target.parent.glob(f".{_literal(_short(target.name))}.*{UNFINISHED}"):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _short(name: str) -> str:
    """Return a name that is short enough for an unfinished file."""
    encoded = os.fsencode(name)
    return name if len(encoded) <= LONGEST_NAME else hashlib.sha256(encoded).hexdigest()


def _literal(name: str) -> str:
    """Return a pattern that matches a name alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _take_permissions(file: int, target: Path) -> None:
    """Give a file the permissions of the one that it will replace, or those of a new one."""
    try:
        old = target.stat()
    except FileNotFoundError:
        os.chmod(file, 0o666 & ~_umask())
        return
    if old.st_uid != os.fstat(file).st_uid:
        with suppress(OSError):  # only a superuser can
            os.chown(file, old.st_uid, old.st_gid)
    os.chmod(file, stat.S_IMODE(old.st_mode))


def _sync(folder: Path) -> None:
    """Flush a folder, so that a renamed file survives a loss of power."""
    with suppress(OSError):  # folders cannot be opened on Windows, or flushed on some file systems
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
