"""How results are shown: in full when printed, in one line within other objects, as HTML in notebooks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from html import escape


class Shown(ABC):
    """A result that says in lines of text what it found."""

    @abstractmethod
    def _lines(self) -> list[str]:
        """Return what was found, beginning with what it was found of."""

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._lines()[0]}>"

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"
