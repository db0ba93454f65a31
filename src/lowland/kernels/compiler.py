"""Numba, imported here alone: an interrupt waits while it loads or compiles.

An exception in the middle of either leaves Numba unusable for the rest of the process, and one that reaches
LLVM's callbacks ends it. Both last seconds at most, and are worth the wait.
"""

from __future__ import annotations

import threading
from typing import Any

from lowland.core.interrupt import HeldInterrupt

with HeldInterrupt():
    from numba import cfunc, get_num_threads, njit, types
    from numba.core import cgutils, event
    from numba.core.registry import CPUDispatcher
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


event.register("numba:compiler_lock", _Compilation())
