"""The options of commands whose result is judged, and what such commands write and say in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import typer

from lowland.cli.options import (
    CertificateOption,
    EffortOption,
    FileOptions,
    ReportOption,
    RequireOption,
    SeedOption,
)
from lowland.cli.output import (
    check_claim,
    exit_on_missed,
    say,
    say_certificate,
    say_files,
    say_json,
    try_report,
)
from lowland.cli.overwriting import check_outputs
from lowland.core.results.findings import Certificate
from lowland.core.results.status import StopReason
from lowland.report.words import verdict_sentence
from lowland.sensing.searched_fit import SearchedFit


@final
@dataclass(frozen=True, kw_only=True)
class JudgedOptions:
    """How a result is judged, where it is written, and how it is told."""

    report: ReportOption = None
    certificate: CertificateOption = None
    seed: SeedOption = 0
    effort: EffortOption = "standard"
    require: RequireOption = None
    files: FileOptions

    def check(self, output: Path | None) -> None:
        """Raise unless the required claim is known and all files can be written."""
        check_claim(self.require)
        check_outputs(output, self.report, self.certificate, force=self.files.force)

    def conclude(
        self,
        fit: SearchedFit,
        output: tuple[str, Path | None],
        *,
        report: Callable[[Path], object],
        data: Callable[[], dict[str, Any]],
        lines: Callable[[], Iterable[str]],
        interrupted: bool | None = None,
    ) -> None:
        """Write certificate and report, print the result, and set the exit code.

        Parameters
        ----------
        fit : SearchedFit
        output : pair of str and Path
            The file of the result, which was written already, and what it is called.
        report : callable
            Writes the page.
        data, lines : callable
            Return the result as JSON, and in lines of words; the certificate follows them.
        interrupted : bool, optional
            By default whether the search was, or judging.
        """
        if interrupted is None:
            interrupted = fit.search.stop_reason is StopReason.INTERRUPTED or fit.certificate is None
        page = self.report
        if self.certificate is not None and fit.certificate is not None:
            fit.save_certificate(self.certificate)
        if page is not None and not interrupted:
            try_report(lambda: report(page), page)
        if self.files.json:
            say_json(data() | {"certificate": fit.certificate.as_dict() if fit.certificate else None})
        else:
            for line in lines():
                say(line)
            if fit.certificate is not None:
                say_certificate(fit.certificate)
            say_files({output[0]: output[1], "report": page, "certificate": self.certificate})
        if interrupted:
            raise typer.Exit(130)
        exit_on_missed(fit.certificate, self.require)


def verdict_lines(certificate: Certificate | None) -> list[str]:
    """Return the verdict as a sentence, if there is one."""
    return [] if certificate is None else [verdict_sentence(certificate)]
