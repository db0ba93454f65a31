"""Words of messages that name settings, which each front end writes as they are typed there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias, final

if TYPE_CHECKING:
    import numpy as np

# names among which one that is unknown is looked for, and those that are listed if none is like it
MOST_COMPARED, MOST_NAMED = 10_000, 6


@final
@dataclass(frozen=True, init=False)
class Option:
    """A setting that a message names, alone or with the values to choose from.

    Parameters
    ----------
    name : str
        The library's name of it; one that begins with dashes is written as it is everywhere.
    *values : object
        None of them where the message is about the setting, whatever its value.
    typed : str
        The command line's name of it, where that is another.

    Examples
    --------
    >>> from lowland.core.wording import Option
    >>> print(Option("duplicates", "mean", "last"))
    duplicates="mean" or "last"
    """

    name: str
    values: tuple[Any, ...]
    typed: str

    def __init__(self, name: str, *values: Any, typed: str = "") -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "typed", typed)

    def __str__(self) -> str:
        return in_python(self)


# what is typed for an option; None where there is no such option
Writer: TypeAlias = Callable[[Option], str | None]


@final
@dataclass(frozen=True, init=False)
class Words:
    """A sentence that names options.

    Parameters
    ----------
    *parts : str or Option
        In their order, with the spaces between them.

    Examples
    --------
    >>> from lowland.core.wording import Option, Words
    >>> print(Words("fit with ", Option("loss", "huber")))
    fit with loss="huber"
    """

    parts: tuple[str | Option, ...]

    def __init__(self, *parts: str | Option) -> None:
        object.__setattr__(self, "parts", parts)

    def __str__(self) -> str:
        return self.write(in_python)

    def write(self, writer: Writer) -> str:
        """Return the sentence; options that are not there are named as the library names them."""
        return "".join(one if isinstance(one, str) else writer(one) or one.name for one in self.parts)

    def helps(self, writer: Writer) -> bool:
        """Return whether all of the options are there."""
        return all(isinstance(one, str) or writer(one) is not None for one in self.parts)


@final
@dataclass(frozen=True)
class InCode:
    """A way out that only callers of the library have."""

    text: str

    def write(self, writer: Writer) -> str:
        """Return the way."""
        return self.text

    def helps(self, writer: Writer) -> bool:
        """Return whether this is said to callers of the library."""
        return writer is in_python


@final
@dataclass(frozen=True, init=False)
class Remedy:
    """Ways out of an error, of which a front end offers those whose options it has.

    Parameters
    ----------
    *ways : str, Words or InCode

    Examples
    --------
    >>> from lowland.core.wording import Option, Remedy, Words
    >>> print(Remedy("drop the repeats", Words("pass ", Option("duplicates", "last"))))
    drop the repeats, or pass duplicates="last"
    """

    ways: tuple[str | Words | InCode, ...]

    def __init__(self, *ways: str | Words | InCode) -> None:
        object.__setattr__(self, "ways", ways)

    def __str__(self) -> str:
        return self.write(in_python)

    def write(self, writer: Writer) -> str:
        """Return the ways that help, joined; "" if none does."""
        told = [
            way if isinstance(way, str) else way.write(writer) for way in self.ways if _helps(way, writer)
        ]
        return ", or ".join((", ".join(told[:-1]), told[-1])) if len(told) > 1 else "".join(told)


Text: TypeAlias = str | Words | Remedy


def in_python(option: Option) -> str:
    """Return an option as an argument of a call: ``row_labels=False``."""
    if not option.values:
        return option.name
    mark = " " if option.name.startswith("--") else "="
    return f"{option.name}{mark}{listed([_literal(value) for value in option.values])}"


def listed(words: list[str]) -> str:
    """Return words to choose from: ``a, b or c``."""
    return " or ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else words[0]


def counted(count: int | np.integer[Any], noun: str, plural: str = "") -> str:
    """Return a number with what it counts: ``1 row``, ``12,000 rows``."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def number(value: float, digits: int = 4) -> str:
    """Return a number of some significant digits, without an exponent below a thousand million.

    Examples
    --------
    >>> from lowland.core.wording import number
    >>> number(15532.4), number(0.012345), number(1975)
    ('15,530', '0.01235', '1975')
    """
    text = f"{value:.{digits}g}"
    return f"{float(text):,.0f}" if "e+0" in text and abs(value) < 1e9 else text


def nearest(asked: str, names: Iterable[str]) -> str:
    """Return the names that may have been meant: the one most like it, or the first of them, quoted."""
    from difflib import get_close_matches

    known = list(islice(names, MOST_COMPARED))
    alike = get_close_matches(asked.casefold(), {name.casefold(): name for name in reversed(known)}, 1)
    if alike:
        return repr(next(name for name in known if name.casefold() == alike[0]))
    return ", ".join([*map(repr, known[:MOST_NAMED]), *(["..."] if len(known) > MOST_NAMED else [])])


def written(text: Text, writer: Writer = in_python) -> str:
    """Return a part of a message in the words of a front end."""
    return text if isinstance(text, str) else text.write(writer)


def _helps(way: str | Words | InCode, writer: Writer) -> bool:
    return isinstance(way, str) or way.helps(writer)


def _literal(value: Any) -> str:
    """Return a value as it is typed in Python, texts in double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_literal(key)}: {_literal(one)}' for key, one in value.items())}}}"
    return repr(value)
