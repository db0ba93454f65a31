"""Tables at addresses (https, s3, ...) and in open buffers, whose bytes are kept to be read again."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lowland.core.errors import InvalidInputError, LowlandError, MissingExtraError
from lowland.core.wording import Option, Words
from lowland.files.sources import Opened, read_all

# a scheme of two letters or more: one is a drive of Windows; paths of Python have lost one of two slashes
_ADDRESS = re.compile(r"([A-Za-z][\w+.-]+):/{1,2}(?=[^/])")
DATABASES = ("postgresql", "postgres", "sqlite", "duckdb", "mysql")
PACKAGES = "; for s3, gs, abfs and the like also the package that it names"


def address_of(source: str | os.PathLike[str]) -> str:
    """Return the address that a source names, with both slashes; "" if it names a file."""
    text = os.fspath(source)
    found = _ADDRESS.match(text)
    if found is None or Path(text).exists():
        return ""
    return f"{found[1]}://{text[found.end() :]}"


def shown_address(address: str) -> str:
    """Return an address without what it may hold of passwords."""
    return re.sub(r"//[^/@]*@", "//", address).partition("?")[0]


def fetch(address: str) -> list[Opened]:
    """Return what is at an address; of one with a pattern, all files that fit it.

    Raises
    ------
    InvalidInputError
        If nothing can be read there.
    MissingExtraError
        If that needs a package that is not installed.
    """
    scheme, name = address.partition(":")[0].lower(), shown_address(address)
    if scheme in DATABASES:
        raise InvalidInputError(
            f"{scheme}:// is the address of a database",
            name,
            fix=Words("pass it by ", Option("database"), " with ", Option("query")),
        )
    try:
        import fsspec
    except ImportError as error:
        raise _missing(scheme, "fsspec is not installed") from error
    try:
        if "*" not in address:
            return [_read(fsspec.open(address, "rb"), address)]
        return [_read(file, f"{scheme}://{file.path}") for file in fsspec.open_files(address, "rb")]
    except ImportError as error:
        raise _missing(scheme, str(error)) from error
    except LowlandError:
        raise
    except Exception as error:  # each kind of store raises errors of its own
        words = (str(error).splitlines() or [""])[0].replace(address, name)
        raise InvalidInputError(
            f"cannot read {name}", words or type(error).__name__, fix="check the address and the connection"
        ) from error


def _missing(scheme: str, found: str) -> MissingExtraError:
    return MissingExtraError(
        f"{scheme}:// addresses need an optional package",
        found,
        fix=f"pip install 'lowland[remote]'{PACKAGES if scheme not in ('http', 'https') else ''}",
    )


def _read(file: Any, address: str) -> Opened:
    name = shown_address(address)
    with file as stream:
        return Opened(name, _ending(urlsplit(address).path or address), None, read_all(stream, name))


def _ending(name: str) -> str:
    return Path(name).suffix.lower()


def is_buffer(source: Any) -> bool:
    """Return whether a source is an open file or a buffer."""
    return callable(getattr(source, "read", None))


def drain(buffer: Any, encoding: str | None) -> Opened:
    """Return what is left in an open file or buffer, of bytes or text.

    Parameters
    ----------
    buffer : file or buffer
    encoding : str or None
        In which text will be read.

    Raises
    ------
    InvalidInputError
        If it cannot be read.
    """
    named = getattr(buffer, "name", None)
    name = str(named) if isinstance(named, str | os.PathLike) else "the buffer"
    try:
        held = buffer.read()
        data = held.encode(encoding or "utf-8") if isinstance(held, str) else bytes(held)
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise InvalidInputError(
            f"cannot read {name}", str(error), fix="pass a buffer that is open for reading"
        ) from error
    return Opened(name, _ending(name), None, data)
