"""Errors in four parts: what is wrong, what was found, why it matters, what to do."""

from __future__ import annotations

from typing import Any


class LowlandError(Exception):
    """Base of every error that this package raises on purpose.

    Parameters
    ----------
    what : str
        What is wrong, naming the argument.
    found : str
        What was found.
    why : str
        Why it matters.
    fix : str
        What to do.

    Examples
    --------
    >>> import lowland as ll
    >>> try:
    ...     ll.diagnose(ll.Entries([0], [0], (2, 2)), rank=3)
    ... except ll.LowlandError as error:
    ...     print(error.found, "->", error.fix)
    rank 3 for shape 2 x 2 -> use 1 <= rank <= 2
    """

    def __init__(self, what: str, found: str = "", why: str = "", fix: str = "") -> None:
        self.what, self.found, self.why, self.fix = what, found, why, fix
        super().__init__(explain(what, found, why, fix))

    def __reduce__(self) -> tuple[type[LowlandError], tuple[Any, ...]]:
        return type(self), (self.what, self.found, self.why, self.fix)


class InvalidInputError(LowlandError, ValueError):
    """An argument, a table or a setting cannot be used."""


class FileFormatError(InvalidInputError):
    """A file is truncated, of another format or a newer version, or does not match."""


class UnsupportedError(LowlandError, TypeError):
    """A solver or judge needs something that the objective does not offer."""


class TooLargeError(LowlandError, MemoryError):
    """What was asked for needs more memory than there is."""


class MissingExtraError(LowlandError, ImportError):
    """An optional dependency is not installed."""


class InterruptedWarning(UserWarning):
    """A part of a result is missing because the user interrupted it."""


class UnderdeterminedWarning(UserWarning):
    """There are fewer data than the matrix has degrees of freedom."""


def explain(what: str, found: str = "", why: str = "", fix: str = "") -> str:
    """Join the four parts of an error into one message.

    Parameters
    ----------
    what, found, why, fix : str
        The parts; empty ones are left out.

    Returns
    -------
    str
        The message, one part per line.
    """
    parts = [what]
    if found:
        parts.append(f"found: {found}")
    if why:
        parts.append(f"why it matters: {why}")
    if fix:
        parts.append(f"what to do: {fix}")
    return "\n  ".join(parts)
