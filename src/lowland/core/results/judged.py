"""How results that were judged are shown: their certificate follows their own lines."""

from __future__ import annotations

from abc import ABC
from html import escape

from lowland.core.results.findings import Certificate
from lowland.core.results.shown import Shown


class Judged(Shown, ABC):
    """A result with a certificate, or None if it was not judged."""

    certificate: Certificate | None

    def __str__(self) -> str:
        text = super().__str__()
        return text if self.certificate is None else f"{text}\n{self.certificate}"

    def _repr_html_(self) -> str:
        text = f"<pre>{escape(super().__str__())}</pre>"
        return text if self.certificate is None else text + self.certificate._repr_html_()
