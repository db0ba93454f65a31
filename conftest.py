"""For tests and for examples in docstrings alike."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """Leave no figure open for the next one: Matplotlib warns of more than twenty."""
    yield
    plots = sys.modules.get("matplotlib.pyplot")
    if plots is not None:
        plots.close("all")
