"""Where paths lead: links followed, without an error where they end nowhere."""

from __future__ import annotations

import os
from pathlib import Path


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
