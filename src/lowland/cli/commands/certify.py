"""`lowland certify`: certify a saved model against data, independently of its fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, final

import typer

from lowland.certificates import JUDGES, JudgeSettings, judge, usual_work
from lowland.cli.judging.proofs import OPTIONS_OF, READING, TENSOR_OPTIONS, check_document, read_data
from lowland.cli.options import EffortOption, FileOptions, RequireOption
from lowland.cli.output import (
    check_claim,
    exit_on_missed,
    refuse_given,
    say,
    say_certificate,
    say_json,
    warn,
)
from lowland.cli.overwriting import check_output
from lowland.cli.reading import TableOptions
from lowland.cli.records import option, takes_records
from lowland.cli.tensor_source import FoldOption, ModesOption, TensorSource
from lowland.completion.files.models import load_model
from lowland.completion.penalised.document import table_document
from lowland.completion.penalised.fit import problem_of
from lowland.completion.penalised.model import CompletionModel
from lowland.completion.penalised.table import PenalisedTable
from lowland.completion.tables.completed import without_weights
from lowland.completion.tables.model import counts_unlisted
from lowland.core.cells.fingerprints import is_fingerprint
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.estimators.observing import in_precision
from lowland.files.certificates import write_certificate
from lowland.files.tables import load_table
from lowland.recheck.documents import Document
from lowland.report.words import verdict_sentence

# options for computing a certificate, which have no effect when an existing one is checked
JUDGING = ("gap", "effort", "seconds", "output")


@final
@dataclass(frozen=True, kw_only=True)
class CertifyOptions:
    """What the data are, and what is proved, required and written."""

    variable: str | None = option(None, "Array of a file that has several, for the certificate of a tensor.")
    modes: ModesOption = None
    fold: FoldOption = None
    target: str | None = option(
        None, "Target column, for the certificate of an activation region with targets."
    )
    gap: float = option(1e-2, "Largest relative gap that counts as optimal.")
    effort: EffortOption = "standard"
    seconds: float | None = option(
        None, "Time limit in seconds; verdicts then depend on the speed of the machine."
    )
    output: Path | None = option(None, "Write the certificate and the model's factors here (.json).")
    require: RequireOption = None
    files: FileOptions


@takes_records
def certify(
    typed: typer.Context,
    model: Annotated[
        Path,
        typer.Argument(help="A model written by lowland complete, or a certificate (.json) to check."),
    ],
    table: Annotated[
        Path, typer.Argument(help="The table that the model was fitted to, or the data of the certificate.")
    ],
    asked: CertifyOptions,
    layout: TableOptions,
) -> None:
    """Certify a saved model: recompute everything from the table and the factors alone."""
    output, reading = asked.output, layout.reading
    check_claim(asked.require)
    JudgeSettings.for_effort(asked.effort).budget(0.0, asked.seconds)
    if output is not None:
        check_output(output, force=asked.files.force)
    if model.suffix.lower() == ".json":
        why = "everything in the certificate is derived again as it stands"
        refuse_given(typed, JUDGING, "the check of a certificate", why, "pass a model")

        def read(document: Document) -> Any:
            refuse_given(
                typed,
                tuple(name for name in READING if name not in OPTIONS_OF[document.kind]),
                f"the certificate of a {document.kind}",
                "the data are read without it",
                "pass another certificate",
            )
            if OPTIONS_OF[document.kind] is TENSOR_OPTIONS:
                source = TensorSource(
                    variable=asked.variable,
                    value=layout.value,
                    modes=asked.modes,
                    fold=asked.fold,
                    duplicates=layout.duplicates,
                    cells=layout.cells,
                )
                return source.read(table).observations
            within = replace(reading, pairs="unlisted" in document.problem)
            return read_data(document, table, within, target=asked.target)

        if not check_document(model, read, json=asked.files.json, require=asked.require):
            raise typer.Exit(1)
        return
    refuse_given(
        typed, ("variable", "target", "modes", "fold"), "a model", "a table is read", "pass a certificate"
    )
    loaded, header = load_model(model)
    if not isinstance(loaded, PenalisedTable):
        raise InvalidInputError(
            f"{model} holds a Bayesian model, whose predictions are averages and minimise no objective",
            f"method {loaded.method}",
            fix="certify a fit of --method map; the model's header holds the certificate of the penalised "
            "problem that the posterior implies",
        )
    fitted = loaded.model
    reading = replace(reading, words=True, pairs=counts_unlisted(fitted))
    observations = load_table(table, reading).observations
    observations = _aligned(observations, fitted, header)
    objective, theta = problem_of(fitted, observations)
    goals = replace(JudgeSettings.for_effort(asked.effort), gap_tolerance=asked.gap)
    budget = goals.budget(usual_work(objective, theta), asked.seconds)
    certificate = judge(objective, theta, JUDGES, settings=goals, budget=budget)
    if output is not None:
        write_certificate(output, table_document(fitted, observations, certificate))
    if asked.files.json:
        say_json(certificate.as_dict())
    else:
        say(objective.describe())
        say(verdict_sentence(certificate))
        say_certificate(certificate)
        if output is not None:
            say(f"certificate: {output}")
    exit_on_missed(certificate, asked.require)


def _aligned(table: Observations, fitted: CompletionModel, header: dict[str, Any]) -> Observations:
    """Return the table with rows and columns in the order of the model."""
    observations = fitted.labels.align(table, rows=True)
    if observations.shape != fitted.shape:
        raise InvalidInputError(
            "the table and the model differ in shape",
            f"table {observations.shape}, model {fitted.shape}",
            fix="pass the table that the model was fitted to",
        )
    seen = in_precision(observations, str(fitted.row_factors.dtype))  # as it was fitted
    if "data" in header:
        same = is_fingerprint(header["data"], seen)
    else:  # the model was saved, loaded and saved again without its data
        same = is_fingerprint(header["cells"], without_weights(seen))
    if same is None:
        warn(
            "lowland: note: another version wrote the model; it cannot be told whether the table is the same"
        )
    elif not same:
        warn("lowland: note: the table differs from the one that the model was fitted to")
    return observations
