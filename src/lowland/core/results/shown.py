"""How results are shown: in full when printed, by their first line in a prompt, as HTML in notebooks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from textwrap import fill

from lowland.core.brief import MOST_LINES, WIDTH
from lowland.core.notebooks import lines_html


class Shown(ABC):
    """A result that says in lines of text what it found."""

    @abstractmethod
    def _lines(self) -> list[str]:
        """Return what was found, beginning with what it was found of."""

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        text = f"<{type(self).__name__}: {self._lines()[0]}>"
        return fill(text, WIDTH, subsequent_indent="    ", max_lines=MOST_LINES, placeholder=" ...>")

    def _repr_html_(self) -> str:
        return lines_html(type(self).__name__, self._lines())
