"""For tests and for examples in docstrings alike."""

import doctest
import inspect
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from lowland.core.doors import home_of

_from_module = doctest.DocTestFinder._from_module


def _is_defined_in(finder: doctest.DocTestFinder, module: ModuleType, thing: object) -> bool:
    """Look for examples in the module that defines a class, not in the package by whose name it goes."""
    if inspect.isclass(thing):
        return home_of(thing) == module.__name__
    return _from_module(finder, module, thing)


doctest.DocTestFinder._from_module = _is_defined_in


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """Leave no figure open for the next one: Matplotlib warns of more than twenty."""
    yield
    plots = sys.modules.get("matplotlib.pyplot")
    if plots is not None:
        plots.close("all")
