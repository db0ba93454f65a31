"""Errors in four parts: what is wrong, what was found, why it matters, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lowland.core.doors import public
from lowland.core.wording import Remedy, Text, Words, Writer, in_python, nearest, written


@public("lowland.errors")
class LowlandError(Exception):
    """Base of every error that this package raises on purpose.

    Parameters
    ----------
    what : str or Words
        What is wrong, naming the argument.
    found : str or Words
        What was found.
    why : str or Words
        Why it matters.
    fix : str, Words or Remedy
        What to do.

    Attributes
    ----------
    what, found, why, fix : str
        The parts, in which settings are written as arguments of Python.

    Examples
    --------
    >>> import lowland as ll
    >>> try:
    ...     ll.diagnose(ll.Entries([0], [0], (2, 2)), rank=3)
    ... except ll.errors.LowlandError as error:
    ...     print(error.found, "->", error.fix)
    rank 3 for shape 2 x 2 -> use 1 <= rank <= 2
    """

    what: str
    found: str
    why: str
    fix: str

    def __init__(self, what: Text, found: Text = "", why: Text = "", fix: Text = "") -> None:
        self._parts = what, found, why, fix
        self.what, self.found, self.why, self.fix = (written(part) for part in self._parts)
        super().__init__(self.told(in_python))

    def told(self, writer: Writer) -> str:
        """Return the message with settings as they are given elsewhere than in Python.

        Parameters
        ----------
        writer : callable
            Returns how a setting is given, None where there is no such setting.

        Returns
        -------
        str
        """
        what, found, why, fix = self._parts
        # a remedy whose option is not there is none
        ways = Remedy(fix) if isinstance(fix, Words) else fix
        return explain(*(written(part, writer) for part in (what, found, why, ways)))

    def __reduce__(self) -> tuple[type[LowlandError], tuple[Any, ...]]:
        return type(self), self._parts


@public("lowland.errors")
class InvalidInputError(LowlandError, ValueError):
    """An argument, a table or a setting cannot be used.

    Examples
    --------
    >>> import lowland as ll
    >>> try:
    ...     ll.recover(ll.Entries([0], [0], (2, 2)), [1.0, 2.0], rank=1)
    ... except ll.errors.InvalidInputError as error:
    ...     print(error)
    y must have one value per measurement
      found: 2 values for 1
    """


def without_column(where: object, name: str, names: Iterable[str]) -> InvalidInputError:
    """Return the error of a column that a file does not have, which names those that it has."""
    known = [str(one) for one in names]
    return InvalidInputError(
        f"{where} has no column {name!r}",
        f"columns {', '.join(known)}",
        fix=f"use one that it has: {nearest(name, known)}",
    )


@public("lowland.errors")
class FileFormatError(InvalidInputError):
    """A file is truncated, of another format or a newer version, or does not match.

    Examples
    --------
    >>> import lowland as ll
    >>> try:
    ...     ll.Certificate.from_json("{}")
    ... except ll.errors.FileFormatError as error:
    ...     print(error.what)
    this is not a certificate
    """


@public("lowland.errors")
class UnsupportedError(LowlandError, TypeError):
    """A solver or judge needs something that the objective does not offer.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> network = ll.networks.ReluNetwork(([[1.0], [-1.0]], [1.0, 1.0]), ([1.0, 1.0], None))
    >>> objective = ll.networks.ReluObjective([-2.0, 1.0], [1.0, 2.0], ll.networks.Relu(network, "first"))
    >>> start, stop = objective.model.point(network), ll.search.Iterations(3)
    >>> try:
    ...     ll.search.run(objective, ll.search.Alternating(), start, stop=stop, rng=np.random.default_rng(0))
    ... except ll.errors.UnsupportedError as error:
    ...     print(error.what)
    alternating cannot work on this objective
    """


@public("lowland.errors")
class TooLargeError(LowlandError, MemoryError):
    """A request needs more memory than is available.

    Examples
    --------
    >>> import lowland as ll
    >>> cells, size = ([0, 999_999], [0, 999_999]), (1_000_000, 1_000_000)
    >>> seen = ll.Observations.from_triples(*cells, [1.0, 2.0], shape=size)
    >>> fit = ll.MatrixCompletion(rank=1, method="map", penalty=1.0, certify=False).fit(seen)
    >>> try:
    ...     fit.predict_table()
    ... except ll.errors.TooLargeError as error:
    ...     print(error.fix)
    predict the cells that are needed (predict_cells, top), or some rows at a time
    """


@public("lowland.errors")
class MissingExtraError(LowlandError, ImportError):
    """An optional dependency is not installed.

    Examples
    --------
    >>> import lowland as ll
    >>> try:
    ...     raise ll.errors.MissingExtraError("plots need Matplotlib", fix="pip install 'lowland[report]'")
    ... except ImportError as error:
    ...     print(error.fix)
    pip install 'lowland[report]'
    """


@public("lowland.errors")
class InterruptedWarning(UserWarning):
    """A part of a result is missing because the user interrupted it.

    Examples
    --------
    A program that would rather fail than go on with what there is turns it into an error:

    >>> import warnings, lowland as ll
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", ll.errors.InterruptedWarning)
    ...     fit = ll.recover(ll.gaussian(60, (5, 5), 0), [1.0] * 60, rank=1, certify=False, rng=0)
    >>> fit.rank
    1
    """


@public("lowland.errors")
class UnderdeterminedWarning(UserWarning):
    """There are fewer data than the matrix has degrees of freedom.

    Examples
    --------
    >>> import warnings, lowland as ll
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     fit = ll.recover(ll.gaussian(3, (4, 4), 0), [1.0, 2.0, 3.0], rank=1, certify=False, rng=0)
    >>> caught[0].category is ll.errors.UnderdeterminedWarning, str(caught[0].message).split(";")[0]
    (True, '3 real numbers cannot determine a matrix with 7 degrees of freedom (rank 1)')
    """


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
