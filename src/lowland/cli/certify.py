"""`lowland certify`: judge a saved model against data, whatever its fit said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from lowland.certify import Settings
from lowland.certify import certify as judge
from lowland.cli.output import check_claim, exit_on_missed, say, say_certificate, say_json, warn
from lowland.cli.store import load_model
from lowland.core.errors import InvalidInputError
from lowland.files.tables import load_table
from lowland.models import General
from lowland.report.words import verdict_sentence
from lowland.systems.completion import CompletionSettings, completion_objective


def certify(
    model: Annotated[Path, typer.Argument(help="A model that lowland complete wrote.")],
    table: Annotated[Path, typer.Argument(help="The table that it was fitted to.")],
    row: Annotated[str | None, typer.Option(help="Name of the row column of a long table.")] = None,
    column: Annotated[str | None, typer.Option(help="Name of the column column of a long table.")] = None,
    value: Annotated[str | None, typer.Option(help="Name of the value column of a long table.")] = None,
    layout: Annotated[str, typer.Option(help="auto, long or wide.")] = "auto",
    duplicates: Annotated[str, typer.Option(help="A cell listed twice: error, mean or last.")] = "error",
    gap: Annotated[float, typer.Option(help="Relative gap that counts as optimal.")] = 1e-2,
    effort: Annotated[
        str, typer.Option(help="quick, standard or thorough: how far to go in judging.")
    ] = "standard",
    require: Annotated[
        str | None, typer.Option(help="Exit with 1 unless this claim is proved or supported.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Judge a saved model: recompute everything from the table and the factors alone."""
    check_claim(require)
    Settings.for_effort(effort)
    fitted, header = load_model(model)
    observations = load_table(
        table, row=row, column=column, value=value, layout=layout, duplicates=duplicates
    ).observations
    observations = fitted.align(observations, rows=True)
    if observations.shape != fitted.shape:
        raise InvalidInputError(
            "the table does not fit the model",
            f"{observations.shape} for {fitted.shape}",
            fix="pass the table fitted",
        )
    if header["data"] != observations.fingerprint():
        warn("lowland: note: these are not the values that the model was fitted to")
    settings = CompletionSettings(fitted.row_factors.shape[1], fitted.biases, fitted.penalty)
    objective = completion_objective(observations, settings)
    general = objective.model
    if not isinstance(general, General):
        raise InvalidInputError("only completions can be judged here", general.name)
    double = np.float64
    theta = general.pack(
        fitted.row_factors.astype(double),
        fitted.column_factors.astype(double),
        fitted.row_biases.astype(double),
        fitted.column_biases.astype(double),
        fitted.offset,
    )
    certificate = judge(objective, theta, settings=replace(Settings.for_effort(effort), gap_tolerance=gap))
    if json:
        say_json(certificate.as_dict())
    else:
        say(objective.describe())
        say(verdict_sentence(certificate))
        say_certificate(certificate)
    exit_on_missed(certificate, require)
