"""Turn the options of `lowland complete` into a plan, and fit it with progress and checkpoints."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np

from lowland.bayes.side_orders import SideOrders
from lowland.cli.output import check_claim
from lowland.cli.overwriting import check_outputs, check_table
from lowland.cli.store import checkpoint_path, forget, identity_of, load_checkpoint, save_checkpoint
from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.columns.kinds import parse_word
from lowland.completion.columns.losses import Losses
from lowland.completion.encoded.levels import LevelKind
from lowland.completion.files.models import levels_as_data, save_model
from lowland.completion.penalised.settings import PENALTY_WEIGHTS
from lowland.completion.plan import CompletionPlan
from lowland.completion.planned_fit import PlannedFit, check_effort, fit_plan
from lowland.completion.tables.completed import fingerprint
from lowland.completion.tables.intervals import INTERVAL_METHODS
from lowland.core.arrays import check_rank
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.core.random import make_generator
from lowland.core.results.findings import Certificate
from lowland.core.results.status import StopReason

# beyond this many cells, predicting the cells of interest beats writing the whole table
LARGEST_OUTPUT = 20_000_000
# settings of a plan that are answered by auto, yes or no
ANSWERED = ("pattern", "refine", "powers", "row-order", "column-order")
_ANSWERS = {"auto": None, "yes": True, "no": False}


def plan_from(
    *,
    method: str,
    loss: list[str],
    rank: str,
    biases: bool,
    nonnegative: bool,
    pattern: str,
    refine: str,
    powers: str,
    row_order: str,
    column_order: str,
    noise: str,
    scale: str,
    draws: int,
    penalty: str,
    penalty_weights: str,
    bias_penalty: str,
    tol: float | None,
    max_iter: int,
) -> CompletionPlan:
    """Return the plan that the options describe; errors name the option."""
    given = (pattern, refine, powers, row_order, column_order)
    answers = dict(zip(ANSWERED, given, strict=True))
    for name, answer in answers.items():
        if answer not in _ANSWERS:
            raise InvalidInputError(f"--{name} is unknown", answer, fix="use auto, yes or no")
    if draws < 2:
        raise InvalidInputError("--draws must be at least 2", str(draws))
    if bias_penalty != "auto" and _number(bias_penalty, "--bias-penalty") and not biases:
        raise InvalidInputError("--bias-penalty needs biases", "--no-biases", fix="omit one of them")
    if penalty_weights not in PENALTY_WEIGHTS:
        choices = " or ".join(PENALTY_WEIGHTS)
        raise InvalidInputError("--penalty-weights is unknown", penalty_weights, fix=f"use {choices}")
    if not ((tol is None or tol >= 0) and max_iter >= 1):
        found = f"{tol} and {max_iter}"
        raise InvalidInputError("--tol must be at least 0 and --max-iter positive", found)
    plan = CompletionPlan(
        method=method,
        loss=losses_from(loss),
        nonnegative=nonnegative,
        rank=None if rank == "auto" else int(_number(rank, "--rank", whole=True)),
        biases=biases,
        penalty=None if penalty == "auto" else _number(penalty, "--penalty"),
        bias_penalty=None if bias_penalty == "auto" else _number(bias_penalty, "--bias-penalty"),
        penalty_weights=penalty_weights,
        pattern=_ANSWERS[pattern],
        refine=_ANSWERS[refine],
        powers=_ANSWERS[powers],
        row_order=_ANSWERS[row_order],
        column_order=_ANSWERS[column_order],
        noise=noise,
        scale=scale,
        draws=draws,
        tol=tol,
        max_iter=max_iter,
    )
    plan.decide_method()
    return plan


def two_level_columns(plan: CompletionPlan) -> list[str]:
    """Return the columns that may hold two words instead of numbers."""
    if isinstance(plan.loss, str):
        return []
    return [str(column) for column, word in plan.loss.items() if word == "logistic"]


def losses_from(words: list[str]) -> Losses:
    """Return one loss for all columns, or a loss for each column named by column=loss."""
    named = [word.rpartition("=") for word in words]
    for column, _, word in named:
        parse_word(word, f"--loss of column {column!r}" if column else "--loss")
    if len(words) == 1 and not named[0][0]:
        return words[0]
    if any(not column for column, _, _ in named):
        raise InvalidInputError(
            "--loss must be one loss for all columns, or column=loss for single columns", ", ".join(words)
        )
    columns = [column for column, _, _ in named]
    repeated = [column for column in columns if columns.count(column) > 1]
    if repeated:
        raise InvalidInputError("--loss names a column twice", repr(repeated[0]), fix="keep one of them")
    return {column: word for column, _, word in named} if words else "squared"


def options_of(plan: CompletionPlan) -> str:
    """Return the options of a plan that differ from their defaults."""
    words = [f"--method {'auto' if plan.leaves_open else plan.decide_method()}"]
    for field in fields(plan):
        value, name = getattr(plan, field.name), field.name.replace("_", "-")
        if value == field.default or name == "method":
            continue
        if isinstance(value, Mapping):
            words += [f"--loss {shlex.quote(f'{column}={word}')}" for column, word in value.items()]
        elif isinstance(value, bool):
            answer = f"--{name} {'yes' if value else 'no'}"
            words.append(answer if name in ANSWERED else f"--{'' if value else 'no-'}{name}")
        else:
            words.append(f"--{name} {value:g}" if isinstance(value, float) else f"--{name} {value}")
    return " ".join(words)


def _number(text: str, name: str, *, whole: bool = False) -> float:
    try:
        number = float(int(text) if whole else float(text))
    except ValueError:
        number = float("nan")
    if not (np.isfinite(number) and number >= 0):
        kind = "a whole number" if whole else "a finite number at least 0"
        raise InvalidInputError(f"{name} must be {kind}, or auto", text)
    return number


def check_paths(
    table: Path | None, output: Path | None, model: Path | None, report: Path | None, *, force: bool
) -> None:
    """Raise unless all output files can be written and differ from the table and from each other."""
    for name, path in (("--output", output), ("--model", model), ("--report", report)):
        if path is not None and table is not None and path.resolve() == table.resolve():
            raise InvalidInputError(f"{name} would overwrite the table", str(path), fix="name another file")
    check_outputs(output, model, report, force=force)
    check_table(output, "--output")


def check_settings(claim: str | None, effort: str, seed: int, dtype: str) -> None:
    """Raise unless the required claim, the effort, the seed and the precision can be used."""
    check_claim(claim)
    check_effort(effort)
    if seed < 0:
        raise InvalidInputError("--seed must not be negative", str(seed))
    if dtype not in ("float64", "float32"):
        raise InvalidInputError("--dtype is unknown", dtype, fix="use float64 or float32")


def check_pairs(*, require: str | None, certify: bool, resume: bool, model: Path | None) -> None:
    """Raise where an option needs another that was not given."""
    if require is not None and not certify:
        raise InvalidInputError("--require needs a certificate", "--no-certify", fix="omit one of them")
    if resume and model is None:
        raise InvalidInputError(
            "--resume needs --model", "no --model", fix="give the --model of the interrupted fit"
        )


def check_interval(level: float | None, method: str, output: Path | None) -> None:
    """Raise unless intervals can be made and written."""
    if method not in INTERVAL_METHODS:
        raise InvalidInputError(
            "--interval-method is unknown", method, fix=f"use {', '.join(INTERVAL_METHODS)}"
        )
    if level is not None and (output is None or not 0 < level < 1):
        raise InvalidInputError(
            "--interval must lie between 0 and 1, and needs --output",
            f"{level} and {output or 'no --output'}",
        )


def check_table_size(rank: int | None, output: Path | None, shape: tuple[int, int]) -> None:
    """Raise unless the rank fits a table, or if it would be too large to be of use when it is completed."""
    if rank is not None:
        check_rank(rank, shape, name="--rank")
    if output is not None and shape[0] * shape[1] > LARGEST_OUTPUT:
        raise InvalidInputError(
            "--output would be too large",
            f"{shape[0]} x {shape[1]} cells",
            fix="save the model with --model, and use lowland predict for the cells that you need",
        )


def _kinds(table: Observations, levels: Mapping[str, tuple[str, ...]]) -> dict[int, LevelKind]:
    """Return the columns of words by position; of one word, they are constants."""
    labels = [] if table.column_labels is None else [str(name) for name in table.column_labels.tolist()]
    return {
        place: LevelKind(len(levels[name]), ordered=False)
        for place, name in enumerate(labels)
        if len(levels.get(name, ())) > 1
    }


def run_plan(
    observations: Observations,
    plan: CompletionPlan,
    covariates: SideCovariates = (None, None),
    orders: SideOrders | None = None,
    *,
    seed: int,
    effort: str | None,
    model: Path | None,
    model_data: bool,
    levels: Mapping[str, tuple[str, ...]],
    resume: bool,
    quiet: bool,
) -> tuple[PlannedFit, Certificate | None]:
    """Fit with progress and checkpoints, save the model, certify the fit, and save the certificate.

    If either is interrupted, there is no certificate.
    """
    checkpoint = snapshot = None
    if model is not None:
        kept_at, identity = (
            checkpoint_path(model),
            identity_of(observations.fingerprint(), plan, covariates, seed, orders),
        )
        checkpoint = partial(save_checkpoint, kept_at, identity=identity)
        snapshot = load_checkpoint(kept_at, identity, observations) if resume else None
    rng = make_generator(seed)
    planned = fit_plan(
        observations,
        plan,
        rng=rng,
        covariates=covariates,
        orders=orders,
        levels=_kinds(observations, levels) if plan.decide_method() != "map" else None,
        checkpoint=checkpoint,
        resume=snapshot,
    )
    table, certificate = planned.table, None
    about = {"levels": levels_as_data(levels)}
    if model is not None:
        cells = fingerprint(observations)
        save_model(model, table, seed=seed, cells=cells, about=about, data=model_data)
    if table.stop_reason is StopReason.INTERRUPTED:
        return planned, None
    if effort is not None:
        try:
            table, certificate = table.certify(rng, effort)
            planned = replace(planned, table=table)
        except KeyboardInterrupt:
            return planned, None
    if model is not None:
        save_model(
            model, table, certificate=certificate, seed=seed, cells=cells, about=about, data=model_data
        )
        forget(checkpoint_path(model))
    return planned, certificate
