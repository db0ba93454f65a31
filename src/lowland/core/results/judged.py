"""How results that were judged are shown: their certificate follows their own lines."""

from __future__ import annotations

from abc import ABC

from lowland.core.results.findings import Certificate, findings_html
from lowland.core.results.shown import Shown


class Judged(Shown, ABC):
    """A result with a certificate, or None if it was not judged."""

    certificate: Certificate | None

    def __str__(self) -> str:
        text = super().__str__()
        return text if self.certificate is None else f"{text}\n{self.certificate}"

    def _repr_html_(self) -> str:
        text = super()._repr_html_()
        if self.certificate is None:
            return text
        about = self.certificate.objective  # often what the first line says
        about = "" if about == self._lines()[0] else about
        return text + findings_html(self.certificate.findings, about)
