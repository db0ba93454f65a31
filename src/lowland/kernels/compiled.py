"""`compiled`: loops whose compiler is imported at their first call, so that importing a kernel costs nothing.

Importing Numba takes half a second, and predictions from a saved model need none of its code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import update_wrapper, wraps
from threading import Lock
from typing import Any, final

import numpy as np
from numpy.typing import NDArray


@final
class Kernel:
    """A function that Numba compiles at its first call, or when another kernel calls it.

    Parameters
    ----------
    py_func : callable
        Plain loops over arrays and numbers.
    targetoptions : dict
        Options of `numba.njit`. Numba reads both attributes by these names to inline kernels in others.
    """

    def __init__(self, py_func: Callable[..., Any], targetoptions: dict[str, Any]) -> None:
        self.py_func = py_func
        self.targetoptions = targetoptions
        self._dispatcher: Any = None
        self._lock = Lock()
        update_wrapper(self, py_func)

    @property
    def dispatcher(self) -> Any:
        """What `numba.njit` returns for the function, the same for all threads."""
        if self._dispatcher is None:
            from lowland.kernels.compiler import njit

            with self._lock:
                if self._dispatcher is None:
                    self._dispatcher = njit(**self.targetoptions)(self.py_func)
        return self._dispatcher

    @property
    def _numba_type_(self) -> Any:
        # read by Numba where the code that it compiles names a kernel
        return self.dispatcher._numba_type_

    def __reduce__(self) -> str:
        # pickled by name, as functions are
        return self.py_func.__qualname__

    def __call__(self, *arguments: Any) -> Any:
        """Call the compiled function."""
        return self.dispatcher(*arguments)


def compiler_is_there() -> bool:
    """Return whether the compiler is imported already, so that a kernel costs little."""
    return "lowland.kernels.compiler" in sys.modules


def constant(array: NDArray[Any]) -> NDArray[Any]:
    """Return a contiguous array that kernels read alone: code is compiled once, whoever may write to it."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def in_numpy(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return NumPy's form of a kernel, which warns of overflow as little as compiled code does."""

    @wraps(function)
    def silent(*arguments: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*arguments)

    return silent


def compiled(
    *, fastmath: bool | set[str] = False, inline: str = "never", cache: bool = True
) -> Callable[[Callable[..., Any]], Kernel]:
    """Return a decorator that makes a kernel of a function, which releases the lock of the interpreter.

    Division by zero gives infinity or NaN, as in NumPy.

    Parameters
    ----------
    fastmath : bool or set of str
        Which rewritings of floating-point arithmetic are allowed.
    inline : {"never", "always"}
        Whether Numba copies the function into kernels that call it.
    cache : bool
        Whether to keep the compiled code on disk.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "cache": cache}
    return lambda function: Kernel(function, {**options, "fastmath": fastmath, "inline": inline})
