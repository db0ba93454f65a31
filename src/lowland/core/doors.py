"""The doors of the package: where functions and classes are known to be, wherever they are defined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from lowland.core.brief import briefly

T = TypeVar("T")

# modules that define what is known by another name
_HOMES: dict[str, str] = {}


def public(door: str) -> Callable[[T], T]:
    """Return a decorator of what a package offers: pickles, errors and the reference name that package.

    Parameters
    ----------
    door : str
        "lowland" or one of its public packages, which offers the object by its own name.

    Returns
    -------
    callable
        Changes nothing but ``__module__``, and the `repr` of a class that did not write it (`briefly`). It
        belongs above all other decorators.
    """

    def known(thing: T) -> T:
        named: Any = thing
        _HOMES[f"{door}.{named.__qualname__}"] = named.__module__
        named.__module__ = door
        if isinstance(thing, type):
            briefly(thing)
        return thing

    return known


def home_of(thing: Any) -> str:
    """Return the name of the module that defines a function or a class."""
    home: str = _HOMES.get(f"{thing.__module__}.{thing.__qualname__}", thing.__module__)
    return home
