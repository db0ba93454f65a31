"""`lowland complete`: fill the missing cells of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import typer

from lowland.cli.commands.complete_elsewhere import complete_elsewhere
from lowland.cli.completed_output import (
    fit_as_data,
    say_counts,
    say_fit,
    say_judged,
    write_results,
)
from lowland.cli.completing import CompleteOptions
from lowland.cli.judging.completed import is_empty, run_plan
from lowland.cli.output import (
    exit_on_missed,
    say,
    say_files,
    say_json,
    try_report,
    typed_command,
    warn,
)
from lowland.cli.plan_options import options_of
from lowland.cli.records import takes_records
from lowland.cli.table_cells import worded
from lowland.completion.auditing.document import judged_document
from lowland.completion.page import report_page, trial_of
from lowland.completion.page_opening import held_out_sentences
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.fitted import FittedTable
from lowland.completion.tables.trial import Trial
from lowland.core.results.findings import Certificate
from lowland.core.results.status import StopReason
from lowland.core.wording import counted
from lowland.files.certificates import write_certificate
from lowland.report.page import write_report


@takes_records
def complete(typed: typer.Context, asked: CompleteOptions) -> None:
    """Fill the missing cells of a numeric table, with error bars, and report what is proved about the fit."""
    asked.check()
    results = asked.results
    if asked.place.check():
        complete_elsewhere(typed, asked)
        return
    given = asked.read(results.output or results.mark, quiet=asked.files.json)
    loaded = given.loaded
    run = run_plan(asked, given)
    completed, certificate = run.completed, run.certificate
    if is_empty(completed.table):
        warn("lowland: interrupted before the first sweep; there is no fit to write")
        raise typer.Exit(130)
    write_results(loaded, completed, results)
    if (results.output is not None or results.mark is not None) and not (
        results.lists_cells or asked.files.json
    ):
        say_counts(loaded, means=results.means)
    interrupted = (asked.judging.certify and certificate is None) or (
        completed.table.stop_reason is StopReason.INTERRUPTED
    )
    trial, report = None, results.report
    if not interrupted:
        if report is not None:
            settings = [
                ("command", typed_command()),
                ("chosen", f"{options_of(asked.plan)} --seed {asked.run.seed}"),
                ("fingerprint of the data", given.observations.fingerprint()[:16]),
            ]
            about: dict[str, Any] = {
                "title": f"Completion of {asked.source.source().name}",
                "settings": settings,
                "levels": dict(worded(loaded)),
            }
            try_report(
                lambda: write_report(report, report_page(completed, run.path, certificate, **about)),
                report,
            )
        if results.certificate is not None:
            write_certificate(results.certificate, judged_document(completed, certificate))
        if results.held_out or report is not None:
            trial = trial_of(completed)
        if results.held_out and trial is None:
            warn("the table has too few cells to hold some out")
    paths = {
        "output": results.output,
        "filled_cells": results.mark,
        "model": results.model,
        "report": report,
        "certificate": results.certificate,
    }
    if asked.files.json:
        say_json(fit_as_data(completed, certificate, trial, paths))
    else:
        _say_all(completed, certificate, trial, paths)
    if interrupted:
        _leave(completed.table, results.model, results.output)
    exit_on_missed(certificate, asked.judging.require)


def _say_all(
    completed: Completed, certificate: Certificate | None, trial: Trial | None, paths: dict[str, Path | None]
) -> None:
    say_fit(completed.table)
    for sentence in () if trial is None else held_out_sentences(completed, trial):
        say(sentence)
    if certificate is not None:  # below what most people look for
        say_judged(certificate, "" if certificate.of_audit else completed.table.describe_certificate())
    titles = {"output": "completed table", "filled_cells": "filled cells"}
    say_files({titles.get(name, name): path for name, path in paths.items()})


def _leave(table: FittedTable, model: Path | None, output: Path | None) -> NoReturn:
    """Say where the fit was interrupted and what holds it, and exit."""
    where, more = "while computing the certificate", ""
    if table.stop_reason is StopReason.INTERRUPTED:
        where = f"after {counted(table.last_search.iterations, 'sweep')}"
        more = "; --resume continues from it" if model else ""
    kept = " and ".join(str(path) for path in (model, output) if path is not None)
    held = f"the fit is in {kept}{more}" if kept else "it is lost: neither --model nor --output was given"
    warn(f"lowland: interrupted {where}; {held}")
    raise typer.Exit(130)
