"""`SearchedFit`: what fits share that are the best of several searches, and were judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from os import PathLike
from typing import ClassVar

from lowland.core.errors import InvalidInputError
from lowland.core.results.findings import Certificate
from lowland.core.results.judged import Judged
from lowland.core.results.records import Attempt, SearchResult
from lowland.core.wording import Option, Words, counted
from lowland.files.certificates import write_certificate
from lowland.recheck.documents import Document
from lowland.report.reported import Reported


class SearchedFit(Judged, Reported, ABC):
    """The best of several searches, how it was found, and what is proved about it.

    Attributes
    ----------
    search : SearchResult
        The best of all starts: why it stopped and its trace.
    certificate : Certificate or None
        What is proved; None if not asked for, or if the search was interrupted.
    attempts : tuple of Attempt
        Every start, in order, and how it ended.
    made_by : str
        The verb by which such a fit is made, for errors.
    """

    search: SearchResult
    certificate: Certificate | None
    attempts: tuple[Attempt, ...]
    made_by: ClassVar[str]

    def save_certificate(self, path: str | PathLike[str]) -> None:
        """Write the certificate with its point, but without the data, for `lowland.verify`.

        Parameters
        ----------
        path : path
            Path of the file (JSON); an existing file is replaced.

        Raises
        ------
        InvalidInputError
            If there is no certificate.

        Examples
        --------
        >>> import lowland as ll, pathlib, tempfile
        >>> A = ll.Entries([0, 0, 1], [0, 1, 0], (2, 2))
        >>> fit = ll.recover(A, [1.0, 2.0, 3.0], rank=1, rng=0)
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "proof.json"
        >>> fit.save_certificate(path)
        >>> ll.verify(path, (A, [1.0, 2.0, 3.0])).is_confirmed
        True
        """
        if self.certificate is None:
            raise InvalidInputError(
                "there is no certificate to save",
                Words("the fit was made with ", Option("certify", False)),
                fix=Words(f"{self.made_by} with ", Option("certify", True)),
            )
        write_certificate(path, self._document(self.certificate))

    @abstractmethod
    def _document(self, certificate: Certificate) -> Document:
        """Return a certificate with the problem and the point that it is about."""

    def _stopped(self) -> str:
        return self.search.ending

    def _starts(self) -> list[str]:
        return [
            f"start {k}: {a.start}, {a.solver}, objective {a.value:.4g} after {a.iterations} steps"
            for k, a in enumerate(self.attempts)
        ]


def polished(own: SearchResult, end: SearchResult, by: str) -> str:
    """Return where a solver ended, and where other steps led from there, in words."""
    return (
        f"polished: {own.solver} ended at objective {own.value:.4g} after {counted(own.iterations, 'step')}, "
        f"{by} at {end.value:.4g}"
    )
