"""Numba, imported here alone: interrupts wait while it loads or compiles, and code on disk is checked.

An exception in the middle of either leaves Numba unusable for the rest of the process, and one that reaches
LLVM's callbacks ends it. Both last seconds at most, and are worth the wait.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import cache
from inspect import getfile
from pathlib import Path
from typing import Any, final

from lowland.core.running.interrupt import HeldInterrupt
from lowland.core.running.stages import interlude

with HeldInterrupt():
    import numba
    from numba import get_num_threads, types
    from numba.core import cgutils, event
    from numba.core.caching import (
        CompileResultCacheImpl,
        FunctionCache,
        IndexDataCacheFile,
    )
    from numba.core.ccallback import CFunc
    from numba.core.registry import CPUDispatcher
    from numba.core.sigutils import normalize_signature
    from numba.extending import intrinsic

__all__ = ["CPUDispatcher", "cfunc", "cgutils", "get_num_threads", "intrinsic", "njit", "types"]


class _Compilation(event.Listener):  # type: ignore[misc]
    """Holds interrupts, which reach the main thread alone, while that thread has Numba's lock."""

    def __init__(self) -> None:
        self._held: list[HeldInterrupt] = []

    def on_start(self, event: Any) -> None:
        """Hold interrupts; a kernel takes the lock again for every kernel that it calls."""
        if threading.current_thread() is threading.main_thread():
            self._held.append(HeldInterrupt().__enter__())

    def on_end(self, event: Any) -> None:
        """Deliver an interrupt that has arrived, unless this module was imported in between."""
        if self._held and threading.current_thread() is threading.main_thread():
            self._held.pop().__exit__(None, None, None)


class _Compiling(event.Listener):  # type: ignore[misc]
    """Tells that a kernel is compiled, which takes seconds: once, then it is on the disk."""

    def __init__(self) -> None:
        self._told: list[Any] = []

    def on_start(self, event: Any) -> None:
        """Tell it; kernels that it calls, compiled meanwhile, are part of it."""
        told = nullcontext() if self._told else interlude("compiling, once on this machine")
        told.__enter__()
        self._told.append(told)

    def on_end(self, event: Any) -> None:
        """Tell what goes on, unless this module was imported in between."""
        if self._told:
            self._told.pop().__exit__(None, None, None)


event.register("numba:compiler_lock", _Compilation())
event.register("numba:compile", _Compiling())


@cache
def kernel_sources() -> str:
    """Return a digest of all kernels' sources: compiled code contains what a kernel calls in other files."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.glob("**/kernels/*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@final
class CheckedFile(IndexDataCacheFile):  # type: ignore[misc]
    """Compiled code on disk, each file with the types and the sources it was compiled for.

    Numba numbers the files of a function by an index that it reads before it writes. Two processes that
    compile the function for different types at once can give both the same number, and the index of one
    then names the code of the other. The types and sources in a file are compared where it is read; code for
    others counts as missing, and is compiled again.

    Parameters
    ----------
    folder, name : str
    stamp : object
        The sources.
    shipped : CheckedFile, optional
        Where code that is not in this file is read.
    """

    def __init__(self, folder: str, name: str, stamp: object, shipped: CheckedFile | None = None) -> None:
        super().__init__(folder, name, stamp)
        self._shipped = shipped

    def save(self, key: Any, data: Any) -> None:
        """Save code beside what it is for; a disk that is full keeps none."""
        with suppress(OSError):
            super().save(key, (self._source_stamp, key, data))

    def load(self, key: Any) -> Any:
        """Return the code for a key, or None."""
        code = self._load_own(key)
        return code if code is not None or self._shipped is None else self._shipped.load(key)

    def _load_own(self, key: Any) -> Any:
        try:
            kept = super().load(key)
        except Exception:  # unpickling a damaged file raises anything
            return None
        if kept is None or kept[:2] != (self._source_stamp, key):
            return None
        return kept[2]

    def _load_index(self) -> Any:
        """Return which code is where, nothing if that is damaged: it is written again."""
        try:
            return super()._load_index()
        except Exception:  # unpickling a damaged file raises anything
            return {}


# Numba's locator of the folder of the sources, whose name has changed between its versions
_InTree = next(
    locator
    for locator in CompileResultCacheImpl._locator_classes
    if locator.__name__.endswith("InTreeCacheLocator")
)


@final
class _BesideThePackage(_InTree):  # type: ignore[misc,valid-type]
    """The folder of the sources, for users who may not write there: what an image ships is read."""

    def ensure_cache_path(self) -> None:
        """Accept it as it is."""


@final
class _Places(CompileResultCacheImpl):  # type: ignore[misc]
    """Where Numba keeps code, and where it is read if nothing can be written."""

    _locator_classes = (*CompileResultCacheImpl._locator_classes, _BesideThePackage)


@final
class _Cache(FunctionCache):  # type: ignore[misc]
    """Numba's cache of one function, in files that are checked; those beside the package are always read."""

    _impl_class = _Places

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        name, stamp = self._impl.filename_base, (self._impl.locator.get_source_stamp(), kernel_sources())
        beside = _BesideThePackage(function, getfile(function)).get_cache_path()
        shipped = CheckedFile(beside, name, stamp)
        self._cache_file = CheckedFile(
            self.cache_path, name, stamp, shipped if beside != self.cache_path else None
        )


def njit(
    *,
    cache: bool = False,
    nogil: bool = False,
    fastmath: bool | set[str] = False,
    error_model: str = "python",
    inline: str = "never",
    forceinline: bool = False,
) -> Callable[[Callable[..., Any]], Any]:
    """Return `numba.njit` with these options; code on disk, where there is a folder for it, is checked."""
    decorate = numba.njit(
        nogil=nogil, fastmath=fastmath, error_model=error_model, inline=inline, forceinline=forceinline
    )

    def compiled(function: Callable[..., Any]) -> Any:
        dispatcher = decorate(function)
        if cache:
            with suppress(RuntimeError):  # no folder is allowed
                dispatcher._cache = _Cache(function)
        return dispatcher

    return compiled


def cfunc(
    signature: Any, *, cache: bool = False, error_model: str = "python"
) -> Callable[[Callable[..., Any]], Any]:
    """Return `numba.cfunc` with these options; code on disk, where there is a folder for it, is checked."""

    def compiled(function: Callable[..., Any]) -> Any:
        made = CFunc(function, normalize_signature(signature), {}, {"error_model": error_model})
        if cache:
            with suppress(RuntimeError):  # no folder is allowed
                made._cache = _Cache(function)  # type: ignore[attr-defined]
        made.compile()
        return made

    return compiled
