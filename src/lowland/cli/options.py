"""Options shared by several commands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias, final

import typer

from lowland.completion.settings import RUNNING

# panels of the help
READING, RESULTS, JUDGING = "Reading the table", "Results", "Certificate"

ForceOption: TypeAlias = Annotated[
    bool,
    typer.Option("--force", help="Replace existing files of others, too.", rich_help_panel=RESULTS),
]
FormulasOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--keep-formulas",
        help="Write labels that a spreadsheet would run as formulas as they are, without an apostrophe.",
        rich_help_panel=RESULTS,
    ),
]
OutputOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="File to write the result to.", rich_help_panel=RESULTS)
]
ReportOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="File to write an HTML report to.", rich_help_panel=RESULTS)
]
CertificateOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Write the certificate with the fit, without the data, here (.json); lowland certify checks it.",
        rich_help_panel=RESULTS,
    ),
]
JsonOption: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON instead of text.", rich_help_panel=RESULTS)
]
EffortOption: TypeAlias = Annotated[
    str,
    typer.Option(
        help="quick, standard or thorough: how much work to spend on the certificate.",
        rich_help_panel=JUDGING,
    ),
]
RequireOption: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Exit with code 1 unless this claim is proved or supported.", rich_help_panel=JUDGING),
]
SeedOption: TypeAlias = Annotated[
    int, typer.Option(help="Seed of the random number generator.", rich_help_panel=RUNNING)
]
QuietOption: TypeAlias = Annotated[
    bool, typer.Option("--quiet", help="Show no progress.", rich_help_panel=RUNNING)
]


@final
@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """What commands are asked that write files."""

    quiet: QuietOption = False
    force: ForceOption = False
    json: JsonOption = False


@final
@dataclass(frozen=True, kw_only=True)
class TableFileOptions:
    """What commands are asked that write tables of labels."""

    keep_formulas: FormulasOption = False
    files: FileOptions


@final
@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """What commands are asked that draw random numbers and write a report."""

    report: ReportOption = None
    seed: SeedOption = 0
    files: FileOptions
