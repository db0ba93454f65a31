"""`lowland demo`: complete a real table, predict held-out cells, and report what is proved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from lowland.cli.completed_output import write_completed
from lowland.cli.options import JsonOption, SeedOption
from lowland.cli.output import say, say_certificate, say_json, try_report
from lowland.completion.baselines import Scores, hold_out_cells_and_runs, score_hold_out
from lowland.completion.model_files import save_model
from lowland.completion.page import completion_page
from lowland.completion.penalised import fit_completion
from lowland.completion.penalised_table import PenalisedTable
from lowland.completion.settings import CompletionSettings
from lowland.core.atomic import check_writable
from lowland.core.random import make_generator
from lowland.datasets import data_path
from lowland.files.tables import load_table
from lowland.report.displays import PredictionDisplay
from lowland.report.page import TableEntry, write_report
from lowland.report.words import verdict_sentence

SETTINGS = CompletionSettings(rank=12, penalty=1.0, tolerance=1e-6)


def demo(
    folder: Annotated[
        Path, typer.Option(help="Folder for the report, the model and the completed table.")
    ] = Path(),
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Complete a table of fertility rates by country, and measure the error on held-out cells."""
    paths = {name: folder / f"demo-{name}" for name in ("report.html", "model.npz", "completed.csv")}
    for path in paths.values():
        check_writable(path)
    loaded = load_table(data_path("fertility"))
    table = loaded.observations
    rng = make_generator(seed)
    cells, runs = hold_out_cells_and_runs(table, rng, cells=400, rows=40, length=10)
    training = table.select(~(cells | runs))
    trial = fit_completion(training, SETTINGS, rng=rng, certify=False)
    scores = [
        score_hold_out(name, training, table.select(mask), trial.model)
        for name, mask in (("single cells", cells), ("runs of ten years", runs))
    ]
    fit = fit_completion(table, SETTINGS, rng=rng)
    save_model(paths["model.npz"], PenalisedTable.of(fit), certificate=fit.certificate, seed=seed)
    write_completed(paths["completed.csv"], loaded, fit.model)
    held = table.select(cells | runs)
    page = completion_page(
        fit,
        title="Births per woman, 1960 to 2011: the missing years completed",
        held_out=PredictionDisplay(held.values, trial.model.predict(held.rows, held.columns)),
        notes=_notes(scores),
        tables=(_score_table(scores),),
        settings=[
            ("command", f"lowland demo --seed {seed}"),
            ("data", "World Bank, SP.DYN.TFRT.IN, CC BY 4.0"),
        ],
    )
    written = try_report(lambda: write_report(paths["report.html"], page), paths["report.html"])
    if json:
        say_json(
            {
                "scores": [score.__dict__ for score in scores],
                "certificate": fit.certificate.as_dict() if fit.certificate else None,
            }
        )
        return
    m, n = table.shape
    missing = m * n - table.size
    say(
        f"Births per woman in {m} countries and regions, {n} years (World Bank): {missing} cells are missing."
    )
    say(f"Fitted: rank {SETTINGS.rank} plus biases, penalty {SETTINGS.penalty:g}.\n")
    say("Root-mean-square error on held-out cells, births per woman:")
    header = ("", "lowland", "row + column means", "interpolation")
    say(f"  {header[0]:<18}{header[1]:>9}{header[2]:>21}{header[3]:>16}")
    for s in scores:
        say(f"  {s.name:<18}{s.model:>9.3f}{s.means:>21.3f}{s.interpolation:>16.3f}")
    for note in _notes(scores):
        say(note)
    say(f"\n{verdict_sentence(fit.certificate)}")
    if fit.certificate is not None:
        say_certificate(fit.certificate)
    say("\nFiles to look at:" if written else "\nFiles written:")
    for path in paths.values():
        if path.exists():
            say(f"  {path}")


def _notes(scores: list[Scores]) -> list[str]:
    notes = []
    for s in scores:
        best = min(
            ("the low-rank model", s.model),
            ("interpolation along the row", s.interpolation),
            key=lambda x: x[1],
        )
        notes.append(f"On {s.count} held-out cells ({s.name}), {best[0]} predicts best.")
    return notes


def _score_table(scores: list[Scores]) -> TableEntry:
    header = ("held out", "cells", "lowland", "row + column means", "interpolation along the row")
    rows = [
        (s.name, str(s.count), *(f"{x:.3f}" for x in (s.model, s.means, s.interpolation)))
        for s in scores
        if np.isfinite(s.model)
    ]
    return TableEntry("Root-mean-square error on held-out cells, births per woman", header, rows)
