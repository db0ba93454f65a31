"""Pages whose words matter, not their figures."""

import pytest
from matplotlib.figure import Figure


@pytest.fixture
def undrawn(monkeypatch):
    """Let displays plot each figure of a page, and leave out its drawing as SVG, which takes far longer."""
    monkeypatch.setattr(
        Figure, "savefig", lambda self, file, **_: file.write('<svg viewBox="0 0 1 1"></svg>')
    )
