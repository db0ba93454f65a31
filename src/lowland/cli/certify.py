"""`lowland certify`: certify a saved model against data, independently of its fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from lowland.certificates import JUDGES, MATRIX_CLAIMS, Settings, judge, usual_work
from lowland.certificates.recheck import recheck
from lowland.certificates.recheck_outcomes import Check, Outcome
from lowland.certificates.table_problem import TableProblem
from lowland.cli.options import (
    ColumnOption,
    DelimiterOption,
    DuplicatesOption,
    EffortOption,
    JsonOption,
    LayoutOption,
    RequireOption,
    RowOption,
    ValueOption,
)
from lowland.cli.output import (
    check_claim,
    exit_on_missed,
    refuse_given,
    say,
    say_certificate,
    say_json,
    warn,
)
from lowland.completion.model_files import load_model
from lowland.completion.penalised import problem_of
from lowland.completion.penalised_model import CompletionModel
from lowland.completion.penalised_table import PenalisedTable
from lowland.completion.settings import PENALTY_WEIGHTS
from lowland.core.atomic import check_writable
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.observations import Observations
from lowland.core.status import Verdict
from lowland.files.certificates import CertificateDocument, read_certificate, write_certificate
from lowland.files.layouts import Reading
from lowland.files.tables import load_table
from lowland.report.words import verdict_sentence

PENALTIES = ("penalty", "bias_penalty", "penalty_weights")
POINT = ("row_factors", "column_factors", "row_biases", "column_biases")


# options for computing a certificate, which have no effect when an existing one is checked
JUDGING = ("gap", "effort", "seconds", "output")
AFFIRMED = (Verdict.PROVED, Verdict.SUPPORTED)


def certify(
    context: typer.Context,
    model: Annotated[
        Path,
        typer.Argument(help="A model written by lowland complete, or a certificate (.json) to check."),
    ],
    table: Annotated[Path, typer.Argument(help="The table that the model was fitted to.")],
    row: RowOption = None,
    column: ColumnOption = None,
    value: ValueOption = None,
    layout: LayoutOption = "auto",
    delimiter: DelimiterOption = None,
    duplicates: DuplicatesOption = "error",
    gap: Annotated[float, typer.Option(help="Largest relative gap that counts as optimal.")] = 1e-2,
    effort: EffortOption = "standard",
    seconds: Annotated[
        float | None,
        typer.Option(help="Time limit in seconds; verdicts then depend on the speed of the machine."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write the certificate and the model's factors here (.json).")
    ] = None,
    require: RequireOption = None,
    json: JsonOption = False,
) -> None:
    """Certify a saved model: recompute everything from the table and the factors alone."""
    check_claim(require)
    Settings.for_effort(effort).budget(0.0, seconds)
    if output is not None:
        check_writable(output)
    observations = load_table(
        table,
        Reading(
            row=row, column=column, value=value, layout=layout, delimiter=delimiter, duplicates=duplicates
        ),
    ).observations
    if model.suffix.lower() == ".json":
        why = "the numbers in the certificate are checked as they stand"
        refuse_given(context, JUDGING, "the check of a certificate", why, "pass a model")
        if not check_document(model, observations, json=json, require=require):
            raise typer.Exit(1)
        return
    loaded, header = load_model(model)
    if not isinstance(loaded, PenalisedTable):
        raise InvalidInputError(
            f"{model} holds a Bayesian model, whose predictions are averages and minimise no objective",
            f"method {loaded.method}",
            fix="certify a fit of --method map; the model's header holds the certificate of the penalised "
            "problem that the posterior implies",
        )
    fitted = loaded.model
    _check_documented(output, fitted)
    observations = _aligned(observations, fitted, header)
    objective, theta = problem_of(fitted, observations)
    goals = replace(Settings.for_effort(effort), gap_tolerance=gap)
    budget = goals.budget(usual_work(objective, theta), seconds)
    certificate = judge(objective, theta, JUDGES, settings=goals, budget=budget)
    if output is not None:
        point = {name: getattr(fitted, name).astype(np.float64) for name in POINT}
        point["offset"] = np.asarray(float(fitted.offset))
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


def _aligned(table: Observations, fitted: CompletionModel, header: dict[str, Any]) -> Observations:
    """Return the table with rows and columns in the order of the model."""
    observations = fitted.labels.align(table, rows=True)
    if observations.shape != fitted.shape:
        raise InvalidInputError(
            "the table and the model differ in shape",
            f"table {observations.shape}, model {fitted.shape}",
            fix="pass the table that the model was fitted to",
        )
    if header["data"] != observations.fingerprint():
        warn("lowland: note: the table differs from the one that the model was fitted to")
    return observations


def _check_documented(output: Path | None, fitted: CompletionModel) -> None:
    if output is not None and (fitted.columns is not None or fitted.nonnegative):
        words = "nonnegative factors" if fitted.columns is None else ", ".join(fitted.columns.words())
        raise InvalidInputError(
            "certificate files need squared losses and factors of unconstrained sign",
            words,
            "for other fits the numbers of the certificate cannot be rechecked",
            "omit --output",
        )


def check_document(path: Path, observations: Observations, *, json: bool, require: str | None) -> bool:
    """Recheck every number and witness of a certificate; return whether none is contradicted."""
    document = read_certificate(path)
    if document.data != observations.fingerprint():
        raise InvalidInputError(
            "the certificate is about other data",
            f"fingerprint {observations.fingerprint()[:12]} of the table, {document.data[:12]} in {path}",
            fix="pass the table that the certificate was computed for",
        )
    checks = recheck(document.certificate, table_problem(path, document, observations))
    summary = summarise(document, checks)
    if json:
        listed = [{"claim": c.claim, "outcome": c.outcome.value, "words": c.words} for c in checks]
        say_json({"checks": listed, "summary": summary})
    else:
        for check in checks:
            verdict = document.certificate[check.claim].verdict.name
            say(f"  {check.claim:<24}  {verdict:<12}  {check.outcome.value}; {check.words}")
        for line in summary:
            say(line)
    wrong = any(c.outcome is Outcome.CONTRADICTED for c in checks)
    if require is not None:
        good = {c.claim for c in checks if c.outcome is Outcome.CONFIRMED}
        claimed = require in document.certificate and document.certificate[require].verdict in AFFIRMED
        if not (require in good and claimed):
            warn(f"lowland: the required claim {require} is not confirmed")
            wrong = True
    return not wrong


def table_problem(path: Path, document: CertificateDocument, observations: Observations) -> TableProblem:
    """Return the checked problem and point of a document as plain arrays."""
    weights, settings = observations.weights, document.settings
    try:
        u, v, a, b = (document.point[name] for name in POINT)
        penalty, bias_penalty = float(settings["penalty"]), float(settings["bias_penalty"])
        kind = settings["penalty_weights"]
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
            bool(settings["biases"]),
            penalty,
            bias_penalty,
            kind,
        )
        fits = problem.shape == observations.shape and (a.shape, b.shape) == ((len(u),), (len(v),))
    except KeyError as error:
        raise FileFormatError(f"{path} is an incomplete certificate", f"no {error}") from error
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"{path} has settings or factors that cannot be read", str(error)) from error
    if not (fits and u.ndim == v.ndim == 2 and u.shape[1] == v.shape[1]):
        raise FileFormatError(
            f"{path} has factors that do not fit the table", f"shapes {u.shape} and {v.shape}"
        )
    usable = np.isfinite([penalty, bias_penalty]).all() and min(penalty, bias_penalty) >= 0
    if not usable or kind not in PENALTY_WEIGHTS:
        found = f"penalty {penalty:g}, bias penalty {bias_penalty:g}, weights {kind!r}"
        raise FileFormatError(f"{path} has invalid penalties", found)
    return problem


def summarise(document: CertificateDocument, checks: Sequence[Check]) -> list[str]:
    """Return how many findings were confirmed, and which proofs and claims were not checked."""
    counts = [f"{sum(c.outcome is outcome for c in checks)} {outcome.value}" for outcome in Outcome]
    lines = [f"of {len(checks)} findings: {', '.join(counts)}"]
    settled = (Verdict.PROVED, Verdict.REFUTED)
    unchecked = [
        c.claim
        for c in checks
        if c.outcome is Outcome.NOT_CHECKED and document.certificate[c.claim].verdict in settled
    ]
    if unchecked:
        lines.append(f"marked proved or refuted, but not checked: {', '.join(unchecked)}")
    absent = [claim for claim in MATRIX_CLAIMS if claim not in document.certificate]
    if absent:
        lines.append(f"not judged: {', '.join(absent)}")
    return lines
