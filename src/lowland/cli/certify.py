"""`lowland certify`: judge a saved model against data, whatever its fit said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from lowland.certify import Settings
from lowland.certify import certify as judge
from lowland.certify.recheck import Outcome, recheck
from lowland.certify.table_problem import TableProblem
from lowland.cli.output import (
    EFFORT_HELP,
    check_claim,
    exit_on_missed,
    refuse_given,
    say,
    say_certificate,
    say_json,
    warn,
)
from lowland.cli.store import load_model
from lowland.core.atomic import check_writable
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.observations import Observations
from lowland.files.certificates import CertificateDocument, read_certificate, write_certificate
from lowland.files.tables import load_table
from lowland.models import General
from lowland.report.words import verdict_sentence
from lowland.systems.completion import completion_objective
from lowland.systems.completion_settings import CompletionSettings

PENALTIES = ("penalty", "bias_penalty", "penalty_weights")
POINT = ("row_factors", "column_factors", "row_biases", "column_biases")


# what concerns a judgement, and not the check of an earlier one
JUDGING = ("gap", "effort", "output", "require")


def certify(
    context: typer.Context,
    model: Annotated[
        Path,
        typer.Argument(help="A model that lowland complete wrote, or a certificate (.json) to check."),
    ],
    table: Annotated[Path, typer.Argument(help="The table that it was fitted to.")],
    row: Annotated[str | None, typer.Option(help="Name of the row column of a long table.")] = None,
    column: Annotated[str | None, typer.Option(help="Name of the column column of a long table.")] = None,
    value: Annotated[str | None, typer.Option(help="Name of the value column of a long table.")] = None,
    layout: Annotated[str, typer.Option(help="auto, long or wide.")] = "auto",
    duplicates: Annotated[str, typer.Option(help="A cell listed twice: error, mean or last.")] = "error",
    gap: Annotated[float, typer.Option(help="Relative gap that counts as optimal.")] = 1e-2,
    effort: Annotated[str, typer.Option(help=EFFORT_HELP)] = "standard",
    output: Annotated[
        Path | None, typer.Option(help="Write the certificate with its point here (.json).")
    ] = None,
    require: Annotated[
        str | None, typer.Option(help="Exit with 1 unless this claim is proved or supported.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Judge a saved model: recompute everything from the table and the factors alone."""
    check_claim(require)
    Settings.for_effort(effort)
    if output is not None:
        check_writable(output)
    observations = load_table(
        table, row=row, column=column, value=value, layout=layout, duplicates=duplicates
    ).observations
    if model.suffix.lower() == ".json":
        why = "the numbers of the document are checked as they stand"
        refuse_given(context, JUDGING, "a certificate that is checked", why, "pass a model to judge")
        check_document(model, observations, json=json)
    fitted, header = load_model(model)
    observations = fitted.align(observations, rows=True)
    if observations.shape != fitted.shape:
        raise InvalidInputError(
            "the table does not fit the model",
            f"{observations.shape} for {fitted.shape}",
            fix="pass the table fitted",
        )
    if header["data"] != observations.fingerprint():
        warn("lowland: note: these are not the values that the model was fitted to")
    settings = CompletionSettings(
        fitted.row_factors.shape[1],
        fitted.biases,
        fitted.penalty,
        bias_penalty=fitted.bias_penalty,
        penalty_weights=fitted.penalty_weights,
    )
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
    if output is not None:
        point = {name: getattr(fitted, name).astype(double) for name in POINT} | {
            "offset": np.asarray(float(fitted.offset))
        }
        plain = {name: getattr(fitted, name) for name in ("biases", *PENALTIES)}
        write_certificate(output, CertificateDocument(certificate, observations.fingerprint(), plain, point))
    if json:
        say_json(certificate.as_dict())
    else:
        say(objective.describe())
        say(verdict_sentence(certificate))
        say_certificate(certificate)
        if output is not None:
            say(f"certificate: {output}")
    exit_on_missed(certificate, require)


def check_document(path: Path, observations: Observations, *, json: bool) -> None:
    """Check every number and witness of a certificate again, and exit with 1 if one is contradicted."""
    document = read_certificate(path)
    if document.data != observations.fingerprint():
        raise InvalidInputError(
            "the certificate is about other data",
            f"fingerprint {observations.fingerprint()[:12]}, {document.data[:12]} in {path}",
            fix="pass the table that was judged",
        )
    weights = observations.weights
    try:
        u, v, a, b = (document.point[name] for name in POINT)
        problem = TableProblem(
            observations.rows,
            observations.columns,
            observations.values.astype(float),
            np.ones(observations.size) if weights is None else weights.astype(float),
            u,
            v,
            a,
            b,
            float(document.point["offset"]),
            bool(document.settings["biases"]),
            *(document.settings[name] for name in PENALTIES),
        )
    except KeyError as error:
        raise FileFormatError(f"{path} is an incomplete certificate", f"no {error}") from error
    if problem.shape != observations.shape or (len(a), len(b)) != problem.shape:
        raise FileFormatError(f"{path} has a point of another shape", f"{problem.shape}")
    checks = recheck(document.certificate, problem)
    if json:
        say_json(
            {"checks": [{"claim": c.claim, "outcome": c.outcome.value, "words": c.words} for c in checks]}
        )
    else:
        for check in checks:
            verdict = document.certificate[check.claim].verdict.name
            say(f"  {check.claim:<24}  {verdict:<12}  {check.outcome.value}; {check.words}")
    raise typer.Exit(1 if any(c.outcome is Outcome.CONTRADICTED for c in checks) else 0)
