"""Names of a package that are loaded on first use (SPEC 1)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any


def lazy_names(
    package: str, table: dict[str, list[str]], *, rooms: tuple[str, ...] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Parameters
    ----------
    package : str
        Name of the package.
    table : dict of str to list of str
        Modules and the public names that they define.
    rooms : tuple of str
        Sub-packages that are public too. A package with sub-packages also offers "__version__".

    Returns
    -------
    tuple
        The three module attributes.
    """
    homes = {name: module for module, names in table.items() for name in names}
    public = sorted([*homes, *rooms, *(["__version__"] if rooms else [])])

    def load(name: str) -> Any:
        if name not in public:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if name == "__version__":
            from importlib.metadata import version

            return version(package)
        if name in rooms:
            return importlib.import_module(f"{package}.{name}")
        value = getattr(importlib.import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: public, public
