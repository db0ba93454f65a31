"""`lowland complete`: fill the holes of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from lowland.certify import Settings
from lowland.cli.output import (
    EFFORT_HELP,
    check_claim,
    exit_on_missed,
    say,
    say_certificate,
    say_json,
    try_report,
    warn,
)
from lowland.cli.progress import SearchProgress
from lowland.cli.store import (
    checkpoint_path,
    forget,
    identity_of,
    load_checkpoint,
    save_checkpoint,
)
from lowland.core.arrays import check_rank
from lowland.core.atomic import check_writable
from lowland.core.errors import InvalidInputError
from lowland.core.random import make_generator
from lowland.core.status import StopReason
from lowland.files.outputs import write_rows
from lowland.files.tables import DELIMITERS, Table, load_table
from lowland.report.page import write_report
from lowland.report.words import verdict_sentence
from lowland.search.loop import Checkpoint
from lowland.systems.completion import CompletionFit, certified, fit_completion
from lowland.systems.completion_settings import PENALTY_WEIGHTS, CompletionSettings
from lowland.systems.model_files import save_model
from lowland.systems.reporting import completion_page

# a completed table with more cells than this is better asked cell by cell
LARGEST_OUTPUT = 20_000_000


def complete(
    table: Annotated[
        Path, typer.Argument(help="CSV, TSV, Parquet, Feather, Matrix Market, NPY or NPZ; long or wide.")
    ],
    rank: Annotated[int, typer.Option(help="Rank of the low-rank part.")],
    penalty: Annotated[float, typer.Option(help="Weight of the nuclear norm; larger smooths more.")] = 1.0,
    penalty_weights: Annotated[
        str, typer.Option(help="uniform, or counts: penalise a row or column by its number of cells.")
    ] = "uniform",
    biases: Annotated[bool, typer.Option(help="Fit row, column and global biases.")] = True,
    bias_penalty: Annotated[float, typer.Option(help="Ridge on row and column biases.")] = 0.0,
    row: Annotated[str | None, typer.Option(help="Name of the row column of a long table.")] = None,
    column: Annotated[str | None, typer.Option(help="Name of the column column of a long table.")] = None,
    value: Annotated[str | None, typer.Option(help="Name of the value column of a long table.")] = None,
    layout: Annotated[str, typer.Option(help="auto, long or wide.")] = "auto",
    delimiter: Annotated[
        str | None, typer.Option(help="Separator of a text table; by its ending by default.")
    ] = None,
    duplicates: Annotated[str, typer.Option(help="A cell listed twice: error, mean or last.")] = "error",
    output: Annotated[Path | None, typer.Option(help="Write the completed table here (CSV or TSV).")] = None,
    model: Annotated[Path | None, typer.Option(help="Write the fitted model here (.npz).")] = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report here.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted fit of --model.")
    ] = False,
    dtype: Annotated[str, typer.Option(help="float64 or float32.")] = "float64",
    tolerance: Annotated[float, typer.Option(help="Stop once the objective falls by less than this.")] = 1e-6,
    max_iterations: Annotated[int, typer.Option(help="Most sweeps.")] = 500,
    seed: Annotated[int, typer.Option(help="Seed of the random start.")] = 0,
    certify: Annotated[bool, typer.Option(help="Judge the fit.")] = True,
    effort: Annotated[str, typer.Option(help=EFFORT_HELP)] = "standard",
    require: Annotated[
        str | None, typer.Option(help="Exit with 1 unless this claim is proved or supported.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Complete a table of numbers with holes, and say what is proved about the fit."""
    check_claim(require)
    Settings.for_effort(effort)
    settings = CompletionSettings(
        rank, biases, penalty, tolerance, max_iterations, bias_penalty, penalty_weights
    )
    _check_paths(table, output, model, report)
    _check_options(settings, dtype, seed)
    if require is not None and not certify:
        raise InvalidInputError("--require needs a certificate", "--no-certify", fix="leave one of them out")
    if resume and model is None:
        raise InvalidInputError(
            "--resume needs --model", "no --model", fix="name the model of the interrupted fit"
        )
    loaded = load_table(
        table,
        row=row,
        column=column,
        value=value,
        layout=layout,
        delimiter=delimiter,
        duplicates=duplicates,
        dtype=dtype,
    )
    observations = loaded.observations
    check_rank(rank, observations.shape, name="--rank")
    if output is not None and observations.shape[0] * observations.shape[1] > LARGEST_OUTPUT:
        raise InvalidInputError(
            "--output would be too large",
            f"{observations.shape[0]} x {observations.shape[1]} cells",
            fix="use --model, then lowland predict for the cells that matter",
        )
    if not json:
        say(describe_table(loaded))
    fit = run_fit(
        observations,
        settings,
        seed=seed,
        effort=effort if certify else None,
        model=model,
        resume=resume,
        quiet=quiet,
    )
    if output is not None:
        write_completed(output, loaded, fit)
    if report is not None:
        page = completion_page(
            fit,
            title=f"Completion of {table.name}",
            settings=[
                ("command", _command(table, settings, seed)),
                ("data", observations.fingerprint()[:16]),
            ],
        )
        try_report(lambda: write_report(report, page), report)
    if json:
        say_json(_as_data(fit, {"output": output, "model": model, "report": report}))
    else:
        say_fit(fit)
        for name, path in (("completed table", output), ("model", model), ("report", report)):
            if path is not None and path.exists():
                say(f"{name}: {path}")
    if fit.search.stop_reason is StopReason.INTERRUPTED:
        kept = (
            f"; {model} holds the best model so far, --resume goes on"
            if model
            else "; without --model it is lost"
        )
        warn(f"lowland: interrupted after {fit.search.iterations} sweeps{kept}")
        raise typer.Exit(130)
    exit_on_missed(fit.certificate, require)


def _check_paths(table: Path, output: Path | None, model: Path | None, report: Path | None) -> None:
    for name, path in (("--output", output), ("--model", model), ("--report", report)):
        if path is not None:
            check_writable(path)
            if path.resolve() == table.resolve():
                raise InvalidInputError(f"{name} would overwrite the table", str(path), fix="write elsewhere")
    if output is not None and output.suffix.lower() not in DELIMITERS:
        raise InvalidInputError("--output must be a text table", str(output), fix="end it in .csv or .tsv")


def _check_options(settings: CompletionSettings, dtype: str, seed: int) -> None:
    for name, strength in (("--penalty", settings.penalty), ("--bias-penalty", settings.bias_penalty)):
        if not (np.isfinite(strength) and strength >= 0):
            raise InvalidInputError(f"{name} must be a finite number at least 0", f"{strength}")
    if settings.penalty_weights not in PENALTY_WEIGHTS:
        choices = " or ".join(PENALTY_WEIGHTS)
        raise InvalidInputError(
            "--penalty-weights is unknown", settings.penalty_weights, fix=f"use {choices}"
        )
    if settings.bias_penalty and not settings.biases:
        raise InvalidInputError("--bias-penalty needs biases", "--no-biases", fix="leave one of them out")
    if not (settings.tolerance >= 0 and settings.max_iterations >= 1):
        found = f"{settings.tolerance} and {settings.max_iterations}"
        raise InvalidInputError("--tolerance must be at least 0 and --max-iterations positive", found)
    if seed < 0:
        raise InvalidInputError("--seed must not be negative", str(seed))
    if dtype not in ("float64", "float32"):
        raise InvalidInputError("--dtype is unknown", dtype, fix="use float64 or float32")


def run_fit(
    observations: Any,
    settings: CompletionSettings,
    *,
    seed: int,
    effort: str | None,
    model: Path | None,
    resume: bool,
    quiet: bool,
) -> CompletionFit:
    """Fit with progress and checkpoints, and save the model."""
    checkpoint = snapshot = None
    if model is not None:
        kept_at, identity = checkpoint_path(model), identity_of(observations, settings, seed)
        checkpoint = Checkpoint(lambda snapshot: save_checkpoint(kept_at, snapshot, identity))
        snapshot = load_checkpoint(kept_at, identity) if resume else None
    rng = make_generator(seed)
    with SearchProgress(settings.max_iterations, quiet=quiet) as progress:
        fit = fit_completion(
            observations,
            settings,
            rng=rng,
            certify=False,
            callbacks=[progress],
            checkpoint=checkpoint,
            resume=snapshot,
        )
    if model is not None:
        save_model(model, fit.model, fit=fit, certificate=fit.certificate, seed=seed)
    if fit.search.stop_reason is StopReason.INTERRUPTED:
        return fit
    if effort is not None:
        try:
            fit = certified(fit, rng, effort)
        except KeyboardInterrupt:
            kept = f"{model} holds the fitted model" if model else "without --model the fit is lost"
            warn(f"lowland: interrupted while judging the fit; {kept}")
            raise typer.Exit(130) from None
    if model is not None:
        save_model(model, fit.model, fit=fit, certificate=fit.certificate, seed=seed)
        forget(checkpoint_path(model))
    return fit


def describe_table(table: Table) -> str:
    """Return the size of a table in a sentence, empty rows and columns included."""
    seen = table.observations
    m, n = seen.shape
    text = f"read as {table.layout}: {m} rows, {n} columns, "
    text += f"{seen.size} observed cells ({seen.size / (m * n):.1%})"
    empty_rows, empty_columns = int((seen.row_counts() == 0).sum()), int((seen.column_counts() == 0).sum())
    if empty_rows or empty_columns:
        text += (
            f"; {empty_rows} rows and {empty_columns} columns have none and are predicted from biases alone"
        )
    return text


def say_fit(fit: CompletionFit) -> None:
    """Print why the search stopped and what is proved."""
    search = fit.search
    say(f"stopped: {search.stop_reason.value.replace('_', ' ')}, {search.message}")
    say(f"objective {search.value:.6g} after {search.iterations} sweeps in {search.seconds:.2g} s")
    if fit.certificate is not None:
        say(verdict_sentence(fit.certificate))
        say_certificate(fit.certificate)


def write_completed(path: Path, table: Table, fit: CompletionFit) -> None:
    """Write a completed table in the layout of the input; observed cells are kept."""
    seen = table.observations
    # predictions as floats of nine digits; observed cells as NumPy numbers, written in full
    filled = fit.model.matrix().astype(float).astype(object)
    filled[seen.rows, seen.columns] = list(seen.values)
    m, n = seen.shape
    rows = seen.row_labels if seen.row_labels is not None else np.arange(m)
    columns = seen.column_labels if seen.column_labels is not None else np.arange(n)
    if table.layout == "long":
        header: Sequence[str] = (*table.names, "observed")
        observed = np.zeros((m, n), dtype=int)
        observed[seen.rows, seen.columns] = 1
        body: Iterator[Sequence[Any]] = (
            (rows[i], columns[j], filled[i, j], observed[i, j]) for i in range(m) for j in range(n)
        )
    elif table.names and table.names[0]:
        header = (table.names[0], *map(str, columns))
        body = ((rows[i], *filled[i]) for i in range(m))
    else:
        header = tuple(map(str, columns))
        body = (tuple(filled[i]) for i in range(m))
    write_rows(path, header, body)


def _command(table: Path, settings: CompletionSettings, seed: int) -> str:
    options = "" if settings.biases else " --no-biases"
    options += f" --bias-penalty {settings.bias_penalty:g}" if settings.bias_penalty else ""
    options += (
        f" --penalty-weights {settings.penalty_weights}" if settings.penalty_weights != "uniform" else ""
    )
    return (
        f"lowland complete {table.name} --rank {settings.rank} --penalty {settings.penalty:g}{options} "
        f"--tolerance {settings.tolerance:g} --max-iterations {settings.max_iterations} --seed {seed}"
    )


def _as_data(fit: CompletionFit, paths: dict[str, Path | None]) -> dict[str, Any]:
    search = fit.search
    return {
        "shape": list(fit.observations.shape),
        "observed": fit.observations.size,
        "stop_reason": search.stop_reason.value,
        "message": search.message,
        "iterations": search.iterations,
        "objective": search.value,
        "seconds": search.seconds,
        "certificate": fit.certificate.as_dict() if fit.certificate else None,
        "files": {name: str(path) for name, path in paths.items() if path is not None and path.exists()},
    }
