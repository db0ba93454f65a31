"""`lowland demo`: complete a real table, show one filled country, and compare with what is at hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from lowland.cli.completed_output import write_completed
from lowland.cli.options import JsonOption, QuietOption, SeedOption
from lowland.cli.output import say, say_json, try_report
from lowland.completion.auditing.judging import judge_completed
from lowland.completion.comparing.hold_out_scores import Scores, score_hold_out
from lowland.completion.files.models import save_model
from lowland.completion.page import report_page
from lowland.completion.plan import CompletionPlan
from lowland.completion.planned_fit import fit_plan
from lowland.completion.tables.completed import Completed
from lowland.core.atomic import check_writable, was_written
from lowland.core.cells.observations import Observations
from lowland.core.random import make_generator
from lowland.core.results.findings import Certificate
from lowland.core.results.status import Verdict
from lowland.core.running.interrupt import in_full
from lowland.core.wording import counted
from lowland.datasets import data_path
from lowland.files.tables import load_table
from lowland.report.page import FigureEntry, Lead, Page, TableEntry, write_report
from lowland.report.series_display import SeriesDisplay
from lowland.report.words import verdict_sentence
from lowland.trials.masks import hide_runs

LEVEL = 0.9
# what the table lacks
EMPTY = "nearly all years of some countries"


def demo(
    folder: Annotated[
        Path, typer.Option(help="Folder for the report, the model and the completed table.")
    ] = Path(),
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Complete a table of fertility rates by country, and measure the error on held-out cells."""
    paths = {name: folder / f"demo-{name}" for name in ("report.html", "model.npz", "completed.csv")}
    for path in paths.values():
        check_writable(path)
    loaded = load_table(data_path("fertility"))
    table = loaded.observations
    rng = make_generator(seed)
    cells, runs = hide_runs(table, rng, cells=1000, rows=40, length=10)
    training = table.select(~(cells | runs))
    trial, promise = _judged(training, seed, rng)
    scores = [
        score_hold_out(name, training, table.select(mask), trial.model)
        for name, mask in (("single cells", cells), ("runs of ten years", runs))
    ]
    inside = _coverage(trial, table.select(runs))
    kept = _kept(trial, promise, table.select(cells))
    completed, certificate = _judged(table, seed, rng)
    fitted = completed.table
    save_model(paths["model.npz"], fitted, certificate=certificate, seed=seed)
    write_completed(paths["completed.csv"], loaded, fitted.model)
    page = report_page(
        completed,
        None,
        certificate,
        title="Births per woman, 1960 to 2011: the missing years completed",
        settings=[
            ("command", f"lowland demo --seed {seed}"),
            ("data", "World Bank, SP.DYN.TFRT.IN, CC BY 4.0"),
        ],
    )
    told = f"Where single cells were hidden from a fit, before looking at them: {kept[0].lower()}{kept[1:]}"
    page = _with_comparison(page, told, scores, _country(trial, training, table.select(runs)))
    written = try_report(lambda: write_report(paths["report.html"], page), paths["report.html"])
    if json:
        say_json(
            {
                "scores": [score.__dict__ for score in scores],
                "coverage_of_runs": inside,
                "certificate_with_cells_hidden": promise.as_dict(),
                "certificate": certificate.as_dict(),
            }
        )
        return
    m, n = table.shape
    say(
        f"Births per woman in {m} countries and regions, {n} years (World Bank): "
        f"{counted(m * n - table.size, 'missing cell was filled', 'missing cells were filled')}.\n"
    )
    say("Error on cells that were hidden from another fit, births per woman: root-mean-square (median)")
    say(f"  {'':<18}{'lowland':>16}{'row + column means':>21}{'interpolation':>16}")
    for s in scores:
        say(f"  {s.name:<18}" + "".join(f"{x:>{w}}" for x, w in zip(_errors(s), (16, 21, 16), strict=True)))
    for note in _notes(scores):
        say(note)
    say(f"{inside:.0%} of the hidden runs' cells lie within their {LEVEL:.0%} intervals.\n")
    say(f"Of the single cells that were hidden, before looking at them:\n  {kept}")
    say(f"Of the cells that are truly missing, {EMPTY}:\n  {verdict_sentence(certificate)}")
    say("\nFiles to look at:" if written else "\nFiles written:")
    for path in paths.values():
        if was_written(path):
            say(f"  {path}")


def _judged(table: Observations, seed: int, rng: np.random.Generator) -> tuple[Completed, Certificate]:
    """Return a table completed without any settings, and what is proved about it."""
    planned = in_full(lambda: fit_plan(table, CompletionPlan(), rng=rng))
    return judge_completed(planned.completed(seed), rng, "auto")


def _kept(trial: Completed, promise: Certificate, hidden: Observations) -> str:
    """Return what was proved of hidden cells before they were looked at, and what is true of them."""
    covered = promise["covered"]
    told = verdict_sentence(promise)
    if trial.audit is None or covered.verdict is not Verdict.PROVED:
        return told
    low, high = trial.intervals.at(hidden.rows, hidden.columns, LEVEL, "proved")
    spoken_of = np.isfinite(low)
    share = np.mean(((low <= hidden.values) & (hidden.values <= high))[spoken_of])
    return f"{told} In truth, {share:.1%} of the hidden ones do."


def _coverage(trial: Completed, held: Observations) -> float:
    low, high = trial.intervals.at(held.rows, held.columns, LEVEL, "auto")
    return float(np.mean((low <= held.values) & (held.values <= high)))


def _errors(s: Scores) -> list[str]:
    """Return the errors of the three, root-mean-square (median)."""
    pairs = zip((s.model, s.means, s.interpolation), s.medians, strict=True)
    return [f"{rms:.3f} ({median:.3f})" for rms, median in pairs]


def _notes(scores: list[Scores]) -> list[str]:
    """Return who predicts best, and why."""
    single, runs = scores
    notes = []
    if single.interpolation < single.model:
        notes.append(
            "Single years are interpolated as well: births change slowly, in an order that it knows."
        )
    if runs.medians[0] < runs.medians[2]:
        notes.append(
            f"In hidden runs of years, half of the cells are off by less than {runs.medians[0]:.3f} "
            f"(interpolation: {runs.medians[2]:.3f}): lowland learns from countries like this one."
        )
    if runs.worst_share > 0.5:
        notes.append(f"Most of its error there is that of one country, {runs.worst}, unlike the others.")
    return notes


def _country(trial: Completed, training: Observations, hidden: Observations) -> FigureEntry:
    """Return the plot of the country whose hidden years vary most."""
    rows = np.unique(hidden.rows)
    spread = [np.ptp(hidden.values[hidden.rows == row]) for row in rows]
    row = int(rows[int(np.argmax(spread))])
    n = training.shape[1]
    at, everywhere = np.full(n, row), np.arange(n)
    low, high = trial.intervals.at(at, everywhere, LEVEL, "auto")
    series = []
    for cells in (training, hidden):
        values = np.full(n, np.nan)
        here = cells.rows == row
        values[cells.columns[here]] = cells.values[here]
        series.append(values)
    names = training.column_labels
    years = everywhere.astype(float) if names is None else names.astype(float)
    country = "A country" if training.row_labels is None else str(training.row_labels[row])
    display = SeriesDisplay(
        years,
        series[0],
        series[1],
        trial.model.predict(at, everywhere),
        low,
        high,
        ("year", "births per woman"),
    )
    return FigureEntry(
        f"{country}: ten years were hidden and filled",
        f"Known years, hidden years, and what was filled, within {LEVEL:.0%} intervals.",
        display.plot,
    )


def _with_comparison(page: Page, told: str, scores: list[Scores], country: FigureEntry) -> Page:
    """Return the page with a proof, a filled country and a comparison at its top."""
    header = ("hidden", "cells", "lowland", "row + column means", "interpolation along the row")
    rows = [(s.name, str(s.count), *_errors(s)) for s in scores]
    title = "Error on hidden cells, births per woman: root-mean-square (median)"
    table = TableEntry(title, header, rows)
    lead = page.lead or Lead()
    return replace(
        page,
        box=(*page.box, told),
        lead=Lead([*lead.sentences, *_notes(scores)], [table, *lead.tables], [country, *lead.figures]),
    )
