"""`lowland complete`: fill the missing cells of a table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from lowland.cli.commands.complete_elsewhere import Elsewhere, complete_elsewhere
from lowland.cli.completed_output import (
    check_completable,
    describe_table,
    fit_as_data,
    say_fit,
    worded,
    write_table,
)
from lowland.cli.completing import (
    check_interval,
    check_pairs,
    check_paths,
    check_settings,
    check_table_size,
    options_of,
    plan_from,
    run_plan,
    two_level_columns,
)
from lowland.cli.input import orders_from, read_both_covariates, source_of
from lowland.cli.options import (
    JUDGING,
    MODEL,
    READING,
    RESULTS,
    RUNNING,
    ColumnCovariatesOption,
    ColumnGraphOption,
    ColumnOrderOption,
    EffortOption,
    ForceOption,
    FormulasOption,
    JsonOption,
    NoiseOption,
    PatternOption,
    PowersOption,
    QuietOption,
    RefineOption,
    ReportOption,
    RequireOption,
    RowCovariatesOption,
    RowGraphOption,
    RowOrderOption,
    ScaleOption,
    SchedulerOption,
    SeedOption,
    SpillOption,
    WorkersOption,
)
from lowland.cli.output import (
    exit_on_missed,
    say,
    say_json,
    try_report,
    typed_command,
    warn,
)
from lowland.cli.reading import reads_table
from lowland.completion.page import report_page, trial_of
from lowland.completion.page_opening import held_out_sentences
from lowland.completion.planned_fit import PlannedFit
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.fitted import FittedTable
from lowland.completion.tables.trial import Trial
from lowland.core.atomic import was_written
from lowland.core.results.findings import Certificate
from lowland.core.results.status import StopReason
from lowland.files.shapes.layouts import Reading, Table
from lowland.report.page import write_report


@reads_table
def complete(
    context: typer.Context,
    reading: Reading,
    table: Annotated[
        Path | None,
        typer.Argument(
            help="CSV, TSV, Parquet (also a folder of such files), Feather, Matrix Market, NPY or NPZ; long "
            "or wide."
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            envvar="LOWLAND_DATABASE",
            help="Read from a database instead of TABLE: postgresql://user@host/name, sqlite:///path, or the "
            "path of a .db file.",
            rich_help_panel=READING,
        ),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(help="SQL query for --database; its result is long or wide.", rich_help_panel=READING),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            help="variational, gibbs, gaussian or map; auto is map if an option of map is given, gaussian "
            "for tables of few columns, else variational.",
            rich_help_panel=MODEL,
        ),
    ] = "auto",
    loss: Annotated[
        list[str] | None,
        typer.Option(
            help="squared, huber, absolute, quantile:0.9, logistic, poisson or ordinal; or column=loss, "
            "which may be repeated.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    rank: Annotated[
        str, typer.Option(help="Rank of the low-rank part, or auto.", rich_help_panel=MODEL)
    ] = "auto",
    biases: Annotated[
        bool, typer.Option(help="Fit row, column and global biases.", rich_help_panel=MODEL)
    ] = True,
    nonnegative: Annotated[
        bool,
        typer.Option(
            "--nonnegative",
            help="Nonnegative factors (method map, --no-biases).",
            rich_help_panel=MODEL,
        ),
    ] = False,
    pattern: PatternOption = "auto",
    refine: RefineOption = "auto",
    powers: PowersOption = "auto",
    row_order: RowOrderOption = "auto",
    column_order: ColumnOrderOption = "auto",
    noise: NoiseOption = "auto",
    scale: ScaleOption = "auto",
    draws: Annotated[
        int, typer.Option(help="Number of draws that methods gibbs and gaussian keep.", rich_help_panel=MODEL)
    ] = 100,
    penalty: Annotated[
        str,
        typer.Option(
            help="Weight of the nuclear norm (larger is smoother), or auto; for method map.",
            rich_help_panel=MODEL,
        ),
    ] = "auto",
    penalty_weights: Annotated[
        str,
        typer.Option(
            help="uniform, or counts: penalise each row and column in proportion to its number of cells.",
            rich_help_panel=MODEL,
        ),
    ] = "uniform",
    bias_penalty: Annotated[
        str,
        typer.Option(
            help="Ridge penalty on row and column biases, or auto; for method map.", rich_help_panel=MODEL
        ),
    ] = "auto",
    row_covariates: RowCovariatesOption = None,
    column_covariates: ColumnCovariatesOption = None,
    row_graph: RowGraphOption = None,
    column_graph: ColumnGraphOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Write the completed table here (CSV, TSV, Parquet or Feather).", rich_help_panel=RESULTS
        ),
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option(
            help="Level of prediction intervals, such as 0.9; --output then has one line per cell.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    interval_method: Annotated[
        str,
        typer.Option(
            help="auto (the method's own), conformal, or conformal_gaps if whole runs of cells are missing.",
            rich_help_panel=RESULTS,
        ),
    ] = "auto",
    model: Annotated[
        Path | None, typer.Option(help="Write the fitted model here (.npz).", rich_help_panel=RESULTS)
    ] = None,
    held_out: Annotated[
        bool,
        typer.Option(
            "--held-out",
            help="Say how wrong filled cells are, by another fit without a tenth of the cells; "
            "--report does so too.",
            rich_help_panel=RESULTS,
        ),
    ] = False,
    model_data: Annotated[
        bool,
        typer.Option(
            help="Keep the table's cells in the model, for updates, certificates and rankings.",
            rich_help_panel=RESULTS,
        ),
    ] = True,
    keep_formulas: FormulasOption = False,
    report: ReportOption = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Resume the interrupted fit in --model.", rich_help_panel=RUNNING),
    ] = False,
    dtype: Annotated[str, typer.Option(help="float64 or float32.", rich_help_panel=RUNNING)] = "float64",
    tol: Annotated[
        float | None,
        typer.Option(
            help="Stop when a sweep improves the objective by less than this share (map), or changes "
            "predictions by less than this share of their standard deviation (Bayesian methods).",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    max_iter: Annotated[int, typer.Option(help="Maximum number of sweeps.", rich_help_panel=RUNNING)] = 500,
    seed: SeedOption = 0,
    spill: SpillOption = None,
    workers: WorkersOption = 0,
    scheduler: SchedulerOption = None,
    certify: Annotated[bool, typer.Option(help="Compute the certificate.", rich_help_panel=JUDGING)] = True,
    effort: EffortOption = "auto",
    require: RequireOption = None,
    quiet: QuietOption = False,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Fill the missing cells of a numeric table, with error bars, and report what is proved about the fit."""
    check_settings(require, effort, seed, dtype)
    plan = plan_from(
        method=method,
        loss=loss or [],
        rank=rank,
        biases=biases,
        nonnegative=nonnegative,
        pattern=pattern,
        refine=refine,
        powers=powers,
        row_order=row_order,
        column_order=column_order,
        noise=noise,
        scale=scale,
        draws=draws,
        penalty=penalty,
        penalty_weights=penalty_weights,
        bias_penalty=bias_penalty,
        tol=tol,
        max_iter=max_iter,
    )
    check_paths(table, output, model, report, force=force)
    check_pairs(require=require, certify=certify, resume=resume, model=model)
    check_interval(interval, interval_method, output)
    words = plan.decide_method() != "map"  # Bayesian methods fit levels as numbers
    reading = replace(reading, dtype=dtype, two_level=two_level_columns(plan), words=words)
    about, place = (row_covariates, column_covariates), Elsewhere(spill, workers, scheduler)
    if place.check():
        complete_elsewhere(
            context,
            place,
            table,
            reading,
            plan,
            about,
            model=model,
            seed=seed,
            resume=resume,
            effort=effort if certify else None,
            require=require,
            json=json,
        )
        return
    source = source_of(table, database, query)
    loaded = source.load(replace(reading, dtype="float64"))  # observed cells are written as they were read
    check_completable(loaded)
    observations = replace(loaded.observations, values=loaded.observations.values.astype(dtype))
    check_table_size(plan.rank, output, observations.shape)
    covariates = read_both_covariates(about, (observations.row_labels, observations.column_labels))
    orders = orders_from(plan, (row_graph, column_graph), observations)
    if not json:
        say(describe_table(loaded))
    planned, certificate = run_plan(
        observations,
        plan,
        covariates,
        orders,
        seed=seed,
        effort=effort if certify else None,
        model=model,
        model_data=model_data,
        levels=loaded.levels,
        resume=resume,
        quiet=quiet,
    )
    completed = Completed(planned.table, seed)
    if output is not None:
        write_table(output, loaded, completed, interval, interval_method, formulas=keep_formulas)
    interrupted = (certify and certificate is None) or planned.table.stop_reason is StopReason.INTERRUPTED
    if report is not None and not interrupted:
        settings = (f"{options_of(plan)} --seed {seed}", observations.fingerprint()[:16])
        _write_report(
            report, loaded, completed, planned, certificate, f"Completion of {source.name}", settings
        )
    trial = trial_of(completed) if (held_out or report is not None) and not interrupted else None
    if held_out and trial is None and not interrupted:
        warn("the table has too few cells to hold some out")
    paths = {"output": output, "model": model, "report": report}
    if json:
        say_json(fit_as_data(completed, certificate, trial, paths))
    else:
        _say_all(completed, certificate, trial, paths)
    if interrupted:
        _leave(planned.table, model, output)
    exit_on_missed(certificate, require)


def _write_report(
    report: Path,
    loaded: Table,
    completed: Completed,
    planned: PlannedFit,
    certificate: Certificate | None,
    title: str,
    chosen: tuple[str, str],
) -> None:
    names = ("command", "chosen", "fingerprint of the data")
    settings = list(zip(names, (typed_command(), *chosen), strict=True))
    try_report(
        lambda: write_report(
            report,
            report_page(
                completed,
                planned.path,
                certificate,
                title=title,
                settings=settings,
                levels=dict(worded(loaded)),
            ),
        ),
        report,
    )


def _say_all(
    completed: Completed, certificate: Certificate | None, trial: Trial | None, paths: dict[str, Path | None]
) -> None:
    say_fit(completed.table, certificate)
    for sentence in () if trial is None else held_out_sentences(completed, trial):
        say(sentence)
    for name, path in paths.items():
        if path is not None and was_written(path):
            say(f"{'completed table' if name == 'output' else name}: {path}")


def _leave(table: FittedTable, model: Path | None, output: Path | None) -> NoReturn:
    """Say where the fit was interrupted and what holds it, and exit."""
    where, more = "while computing the certificate", ""
    if table.stop_reason is StopReason.INTERRUPTED:
        where = f"after {table.last_search.iterations} sweeps"
        more = "; --resume continues from it" if model else ""
    kept = " and ".join(str(path) for path in (model, output) if path is not None)
    held = f"the fit is in {kept}{more}" if kept else "it is lost: neither --model nor --output was given"
    warn(f"lowland: interrupted {where}; {held}")
    raise typer.Exit(130)
