"""Options shared by several commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

# panels of the help
READING, MODEL, RESULTS = "Reading the table", "Model", "Results"
JUDGING, RUNNING = "Certificate", "Running"

EFFORT_HELP = "quick, standard or thorough: how much work to spend on the certificate."

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
EffortOption: TypeAlias = Annotated[str, typer.Option(help=EFFORT_HELP, rich_help_panel=JUDGING)]
RequireOption: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Exit with code 1 unless this claim is proved or supported.", rich_help_panel=JUDGING),
]
SpillOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Keep the cells of Parquet files on the disk, in this new folder (or one that an earlier run "
        "made, to which new files are added), for tables larger than memory.",
        rich_help_panel=RUNNING,
    ),
]
WorkersOption: TypeAlias = Annotated[
    int,
    typer.Option(
        help="Fit Parquet files by so many worker processes on this machine.", rich_help_panel=RUNNING
    ),
]
SchedulerOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Fit Parquet files on the Dask cluster of this scheduler, such as tcp://host:8786.",
        rich_help_panel=RUNNING,
    ),
]
SeedOption: TypeAlias = Annotated[
    int, typer.Option(help="Seed of the random number generator.", rich_help_panel=RUNNING)
]
QuietOption: TypeAlias = Annotated[
    bool, typer.Option("--quiet", help="Show no progress.", rich_help_panel=RUNNING)
]
PatternOption: TypeAlias = Annotated[
    str,
    typer.Option(
        help="Use the pattern of observed cells as features of rows and columns: auto, yes or no.",
        rich_help_panel=MODEL,
    ),
]
RefineOption: TypeAlias = Annotated[
    str,
    typer.Option(
        help="Refine missing cells of columns with curves by forests, where held-out cells show a gain: "
        "auto (small tables), yes or no.",
        rich_help_panel=MODEL,
    ),
]
PowersOption: TypeAlias = Annotated[
    str,
    typer.Option(
        help="Fit skewed columns of nonnegative numbers as square roots or logarithms, and shares as logits: "
        "auto (where held-out cells are predicted better), yes or no.",
        rich_help_panel=MODEL,
    ),
]
RowOrderOption: TypeAlias = Annotated[
    str,
    typer.Option(
        help="Look whether rows vary smoothly along their labels (numbers or dates): auto (dates and "
        "years), yes or no.",
        rich_help_panel=MODEL,
    ),
]
ColumnOrderOption: TypeAlias = Annotated[
    str,
    typer.Option(help="The same of columns: auto, yes or no.", rich_help_panel=MODEL),
]
NoiseOption: TypeAlias = Annotated[
    str,
    typer.Option(
        help="One noise level for all columns, or one per column: auto, common or column.",
        rich_help_panel=MODEL,
    ),
]
ScaleOption: TypeAlias = Annotated[
    str,
    typer.Option(
        help="One scale for all columns, or one per column: auto, common or column.",
        rich_help_panel=MODEL,
    ),
]
RowCovariatesOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Covariates of rows: a table with one line per row, its label first.", rich_help_panel=MODEL
    ),
]
ColumnCovariatesOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Covariates of columns: a table with one line per column, its label first.",
        rich_help_panel=MODEL,
    ),
]
RowGraphOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Graph of rows, in place of their order: a list of edges, two labels and maybe a weight each.",
        rich_help_panel=MODEL,
    ),
]
ColumnGraphOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="Graph of columns, in the same way.", rich_help_panel=MODEL)
]
