"""`lowland complete`: fill the holes of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from lowland.cli.completed_output import (
    describe_table,
    fit_as_data,
    say_fit,
    write_completed,
    write_intervals,
)
from lowland.cli.completing import (
    check_paths,
    check_seed,
    options_of,
    plan_from,
    run_plan,
    two_level_columns,
)
from lowland.cli.input import source_of
from lowland.cli.output import (
    EFFORT_HELP,
    check_claim,
    exit_on_missed,
    say,
    say_json,
    try_report,
    warn,
)
from lowland.completion.bayesian import SideCovariates
from lowland.completion.completed import INTERVALS, Completed
from lowland.completion.plan import check_effort
from lowland.completion.report import report_page
from lowland.core.arrays import Matrix, check_rank
from lowland.core.errors import InvalidInputError
from lowland.core.observations import Labels
from lowland.core.status import StopReason
from lowland.files.covariates import read_covariates
from lowland.files.layouts import Reading
from lowland.report.page import write_report

# a completed table with more cells than this is better asked cell by cell
LARGEST_OUTPUT = 20_000_000


def complete(
    table: Annotated[
        Path | None,
        typer.Argument(help="CSV, TSV, Parquet, Feather, Matrix Market, NPY or NPZ; long or wide."),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            envvar="LOWLAND_DATABASE",
            help="Instead of TABLE: postgresql://user@host/name, sqlite:///path or a path in .db.",
        ),
    ] = None,
    query: Annotated[str | None, typer.Option(help="SQL for --database; long or wide.")] = None,
    method: Annotated[
        str, typer.Option(help="variational, gibbs or map; auto is map if a penalty is given.")
    ] = "auto",
    loss: Annotated[
        list[str] | None,
        typer.Option(
            help="squared, huber, absolute, quantile:0.9, logistic, poisson or ordinal; or column=loss, "
            "as often as needed."
        ),
    ] = None,
    rank: Annotated[str, typer.Option(help="Rank of the low-rank part, or auto.")] = "auto",
    biases: Annotated[bool, typer.Option(help="Fit row, column and global biases.")] = True,
    nonnegative: Annotated[
        bool, typer.Option("--nonnegative", help="No factor may be negative (method map, --no-biases).")
    ] = False,
    pattern: Annotated[
        str, typer.Option(help="Whether which cells are observed tells of rows and columns: auto, yes, no.")
    ] = "auto",
    noise: Annotated[str, typer.Option(help="Noise of columns: auto, common or column.")] = "auto",
    scale: Annotated[str, typer.Option(help="Unit of columns: auto, common or column.")] = "auto",
    draws: Annotated[int, typer.Option(help="Draws that method gibbs keeps.")] = 100,
    penalty: Annotated[
        str, typer.Option(help="Weight of the nuclear norm, larger smooths more; or auto (method map).")
    ] = "auto",
    penalty_weights: Annotated[
        str, typer.Option(help="uniform, or counts: penalise a row or column by its number of cells.")
    ] = "uniform",
    bias_penalty: Annotated[
        str, typer.Option(help="Ridge on row and column biases, or auto (method map).")
    ] = "auto",
    row_covariates: Annotated[
        Path | None, typer.Option(help="Covariates of rows: a table with one line per row, its label first.")
    ] = None,
    column_covariates: Annotated[
        Path | None,
        typer.Option(help="Covariates of columns: a table with one line per column, its label first."),
    ] = None,
    row: Annotated[str | None, typer.Option(help="Name of the row column of a long table.")] = None,
    column: Annotated[str | None, typer.Option(help="Name of the column column of a long table.")] = None,
    value: Annotated[str | None, typer.Option(help="Name of the value column of a long table.")] = None,
    layout: Annotated[str, typer.Option(help="auto, long or wide.")] = "auto",
    delimiter: Annotated[
        str | None, typer.Option(help="Separator of a text table; by its ending by default.")
    ] = None,
    duplicates: Annotated[str, typer.Option(help="A cell listed twice: error, mean or last.")] = "error",
    output: Annotated[
        Path | None, typer.Option(help="Write the completed table here (CSV, TSV, Parquet or Feather).")
    ] = None,
    interval: Annotated[
        float | None, typer.Option(help="Write a line per cell to --output, with intervals of this level.")
    ] = None,
    interval_method: Annotated[
        str,
        typer.Option(help="auto (the method's own), conformal, or conformal_gaps where runs are missing."),
    ] = "auto",
    model: Annotated[Path | None, typer.Option(help="Write the fitted model here (.npz).")] = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report here.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted fit of --model.")
    ] = False,
    dtype: Annotated[str, typer.Option(help="float64 or float32.")] = "float64",
    tolerance: Annotated[
        float | None,
        typer.Option(help="Stop once the objective falls by less: a fraction, or nats per cell."),
    ] = None,
    max_iterations: Annotated[int, typer.Option(help="Most sweeps.")] = 500,
    seed: Annotated[int, typer.Option(help="Seed of the random start and draws.")] = 0,
    certify: Annotated[bool, typer.Option(help="Judge the fit.")] = True,
    effort: Annotated[str, typer.Option(help=EFFORT_HELP)] = "auto",
    require: Annotated[
        str | None, typer.Option(help="Exit with 1 unless this claim is proved or supported.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Complete a table of numbers with holes, with error bars, and say what is proved about the fit."""
    check_claim(require)
    check_effort(effort)
    plan = plan_from(
        method=method,
        loss=loss or [],
        rank=rank,
        biases=biases,
        nonnegative=nonnegative,
        pattern=pattern,
        noise=noise,
        scale=scale,
        draws=draws,
        penalty=penalty,
        penalty_weights=penalty_weights,
        bias_penalty=bias_penalty,
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    source = source_of(table, database, query)
    check_paths(table, output, model, report)
    check_seed(seed, dtype)
    _check_pairs(require=require, certify=certify, resume=resume, model=model)
    _check_interval(interval, interval_method, output)
    loaded = source.load(
        Reading(row, column, value, layout, delimiter, duplicates, dtype, two_level_columns(plan))
    )
    observations = loaded.observations
    if plan.rank is not None:
        check_rank(plan.rank, observations.shape, name="--rank")
    _check_size(output, observations.shape)
    covariates: SideCovariates = (
        _covariates(row_covariates, observations.row_labels, "row"),
        _covariates(column_covariates, observations.column_labels, "column"),
    )
    if not json:
        say(describe_table(loaded))
    planned, certificate = run_plan(
        observations,
        plan,
        covariates,
        seed=seed,
        effort=effort if certify else None,
        model=model,
        levels=loaded.levels,
        resume=resume,
        quiet=quiet,
    )
    completed = Completed(planned.table, seed)
    if output is not None and interval is not None:
        write_intervals(output, loaded, completed, interval, interval_method)
    elif output is not None:
        write_completed(output, loaded, completed.model)
    interrupted = planned.table.stop_reason is StopReason.INTERRUPTED
    if report is not None and not interrupted:
        command = f"lowland complete {source.words} {options_of(plan)} --seed {seed}"
        settings = [("command", command), ("data", observations.fingerprint()[:16])]
        title = f"Completion of {source.name}"
        try_report(
            lambda: write_report(
                report, report_page(completed, planned.path, certificate, title=title, settings=settings)
            ),
            report,
        )
    if json:
        paths = {"output": output, "model": model, "report": report}
        say_json(fit_as_data(planned.table, certificate, paths))
    else:
        say_fit(planned.table, certificate)
        for name, path in (("completed table", output), ("model", model), ("report", report)):
            if path is not None and path.exists():
                say(f"{name}: {path}")
    if interrupted:
        _leave(planned.table.search.iterations, model)
    exit_on_missed(certificate, require)


def _check_pairs(*, require: str | None, certify: bool, resume: bool, model: Path | None) -> None:
    if require is not None and not certify:
        raise InvalidInputError("--require needs a certificate", "--no-certify", fix="leave one of them out")
    if resume and model is None:
        raise InvalidInputError(
            "--resume needs --model", "no --model", fix="name the model of the interrupted fit"
        )


def _check_interval(level: float | None, method: str, output: Path | None) -> None:
    if method not in INTERVALS:
        raise InvalidInputError("--interval-method is unknown", method, fix=f"use {', '.join(INTERVALS)}")
    if level is not None and (output is None or not 0 < level < 1):
        raise InvalidInputError(
            "--interval is a level between 0 and 1, and needs --output",
            f"{level} and {output or 'no --output'}",
        )


def _check_size(output: Path | None, shape: tuple[int, int]) -> None:
    if output is not None and shape[0] * shape[1] > LARGEST_OUTPUT:
        raise InvalidInputError(
            "--output would be too large",
            f"{shape[0]} x {shape[1]} cells",
            fix="use --model, then lowland predict for the cells that matter",
        )


def _leave(sweeps: int, model: Path | None) -> NoReturn:
    kept = f"{model} holds the best model so far, --resume goes on" if model else "without --model it is lost"
    warn(f"lowland: interrupted after {sweeps} sweeps; {kept}")
    raise typer.Exit(130)


def _covariates(path: Path | None, labels: Labels | None, side: str) -> Matrix | None:
    return None if path is None else read_covariates(path).in_order(labels, f"{side} in {path.name}")
