"""Names of a package that load when first used (SPEC 1)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


def lazy_names(
    package: str, table: dict[str, list[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Parameters
    ----------
    package : str
        Name of the package.
    table : dict of str to list of str
        Modules and the public names that they define. "__version__" is offered as well.

    Returns
    -------
    tuple
        The three module attributes.
    """
    homes = {name: module for module, names in table.items() for name in names}
    public = sorted([*homes, "__version__"])

    def load(name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import version

            return version(package)
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(homes[name]), name)
        if name not in shadowed:
            setattr(sys.modules[package], name, value)
        return value

    # importing a submodule sets it as an attribute of its package, which would hide a public name
    # that is spelt the same; a property of the module's class cannot be hidden
    shadowed = [name for name, home in homes.items() if f"{package}.{name}" == home]
    if shadowed:
        members = {name: property(_loader(load, name), _ignore) for name in shadowed}
        sys.modules[package].__class__ = type("LazyPackage", (ModuleType,), members)
    return load, lambda: public, public


def _loader(load: Callable[[str], Any], name: str) -> Callable[[ModuleType], Any]:
    return lambda module: load(name)


def _ignore(module: ModuleType, value: Any) -> None:
    """Let the import system's assignment of the submodule pass without effect."""
