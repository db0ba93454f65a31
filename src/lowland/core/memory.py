"""How much memory this process may still use, and refusals of what cannot fit."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from lowland.core.errors import TooLargeError

# what a process needs besides the largest of its arrays
RESERVE = 64 << 20
# smaller needs are not worth the look
NEVER_MISSED = 16 << 20

_GROUPS = Path("/sys/fs/cgroup")


def available_memory() -> float:
    """Return the bytes that this process may still use, infinite if unknown.

    The smallest of what the machine, the control groups around the process and its own limit leave.
    """
    return min(_of_machine(), _of_groups(), _of_process())


def check_fits(needed: float, what: str, fix: str = "free some memory, or use a larger machine") -> None:
    """Raise, before anything is allocated, if so many bytes are not available.

    Parameters
    ----------
    needed : float
        In bytes.
    what : str
        What needs them.
    fix : str
        What to do instead.

    Raises
    ------
    TooLargeError
        If they are not available.
    """
    if needed < NEVER_MISSED:
        return
    left = available_memory()
    if needed + RESERVE > left:
        raise TooLargeError(f"{what} would need {_size(needed)}", f"{_size(max(left, 0))} available", fix=fix)


def _size(count: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.3g} {unit} of memory"
    return f"{count / 1e3:.3g} kB of memory"


def _of_machine() -> float:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * int(line.split()[1])
    with suppress(OSError, ValueError, AttributeError):
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return float("inf")


def _of_groups() -> float:
    """Return what the control groups leave; cached files in them can be dropped."""
    least = float("inf")
    with suppress(OSError):
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        for line in lines:
            _, controllers, path = line.split(":", 2)
            if controllers == "":
                folder, names = _GROUPS, ("memory.max", "memory.current", "inactive_file")
            elif "memory" in controllers.split(","):
                names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
                folder = _GROUPS / "memory"
            else:
                continue
            # inside a container the path may be that outside, so that only the root is seen
            inner = folder / path.strip("/")
            for place in {folder, inner, *(one for one in inner.parents if folder in one.parents)}:
                least = min(least, _of_group(place, *names))
    return least


def _of_group(folder: Path, limit: str, usage: str, droppable: str) -> float:
    with suppress(OSError, ValueError):
        most = float(int((folder / limit).read_text()))  # "max" means no limit
        used = int((folder / usage).read_text())
        with suppress(OSError, ValueError):
            for line in (folder / "memory.stat").read_text().splitlines():
                name, _, count = line.partition(" ")
                if name == droppable:
                    used -= int(count)
        return most - used
    return float("inf")


def _of_process() -> float:
    if sys.platform == "win32":
        return float("inf")
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return float("inf")
    with suppress(OSError, ValueError, IndexError):
        return float(limit - int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize())
    return float(limit)
