"""Settings of a plan on the command line: how each kind is given, read, and shown again."""

from __future__ import annotations

import csv
import inspect
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar, final

import numpy as np
import typer

from lowland.cli.option_words import by_name
from lowland.completion.columns.kinds import parse_word
from lowland.completion.columns.losses import Losses
from lowland.completion.penalised.settings import PENALTY_WEIGHTS
from lowland.completion.plan import SETTINGS, CompletionPlan
from lowland.completion.settings import Setting, ValueKind
from lowland.core.errors import InvalidInputError

T = TypeVar("T")
_ANSWERS = {"auto": None, "yes": True, "no": False}


@final
@dataclass(frozen=True)
class PlanOptions:
    """The settings of a plan that are in one panel of the help, for `takes_records`."""

    panel: str

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The settings in the panel."""
        return tuple(setting for setting in SETTINGS if setting.panel == self.panel)

    def parameters(self) -> list[inspect.Parameter]:
        """Return the options as parameters of a command."""
        return [_parameter(setting) for setting in self.settings]

    def make(self, given: Mapping[str, Any]) -> CompletionPlan:
        """Return a plan with these settings; errors name the option."""
        return CompletionPlan(
            **{one.name: KINDS[one.kind][1](given[one.name], name_of(one)) for one in self.settings}
        )


def _parameter(setting: Setting) -> inspect.Parameter:
    kind, default = KINDS[setting.kind][0], setting.default
    if setting.kind is ValueKind.LOSS:
        default = None
    if kind is str and default is None:
        default = "auto"
    names = (name_of(setting),) if default is False else ()  # nobody says --no-nonnegative
    shown = typer.Option(*names, help=setting.words, rich_help_panel=setting.panel)
    return inspect.Parameter(
        setting.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, shown]
    )


def name_of(setting: Setting) -> str:
    """Return the option's name."""
    return f"--{setting.name.replace('_', '-')}"


def checked_plan(model: CompletionPlan, stop: CompletionPlan) -> CompletionPlan:
    """Return the plan of what to fit and when to stop; errors name the option."""
    plan = replace(model, tol=stop.tol, max_iter=stop.max_iter)
    if plan.draws < 2:
        raise InvalidInputError("--draws must be at least 2", str(plan.draws))
    if plan.bias_penalty and not plan.biases:
        raise InvalidInputError("--bias-penalty needs biases", "--no-biases", fix="omit one of them")
    if plan.penalty_weights not in PENALTY_WEIGHTS:
        choices = " or ".join(PENALTY_WEIGHTS)
        raise InvalidInputError("--penalty-weights is unknown", plan.penalty_weights, fix=f"use {choices}")
    if plan.tol is not None and not plan.tol >= 0:
        raise InvalidInputError("--tol must be at least 0", f"{plan.tol:g}")
    if plan.max_iter < 1:
        raise InvalidInputError("--max-iter must be at least 1", str(plan.max_iter))
    plan.decide_method()
    return plan


def options_of(plan: CompletionPlan) -> str:
    """Return the options of a plan that differ from their defaults."""
    words = [f"--method {'auto' if plan.leaves_open else plan.decide_method()}"]
    for setting in SETTINGS[1:]:
        value, name = getattr(plan, setting.name), name_of(setting)
        if value == setting.default:
            continue
        if isinstance(value, Mapping):
            words += [f"{name} {shlex.quote(by_name(column, word))}" for column, word in value.items()]
        elif setting.kind is ValueKind.COLUMNS:
            columns = ("*",) if value is True else value
            words += [f"{name} {shlex.quote(str(column))}" for column in columns]
        elif setting.kind is ValueKind.FLAG:
            words.append(name if value else name.replace("--", "--no-"))
        elif setting.kind is ValueKind.ANSWER:
            words.append(f"{name} {'yes' if value else 'no'}")
        else:
            words.append(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}")
    return " ".join(words)


def _as_given(given: Any, name: str) -> Any:
    return given


def _finite(given: float | None, name: str) -> float | None:
    if given is not None and not np.isfinite(given):
        raise InvalidInputError(f"{name} must be a finite number", f"{given:g}", fix=f"write {name} 0")
    return given


def _answer(text: str, name: str) -> bool | None:
    if text not in _ANSWERS:
        raise InvalidInputError(f"{name} is unknown", text, fix="use auto, yes or no")
    return _ANSWERS[text]


def _rank(text: str, name: str) -> int | None:
    return None if text == "auto" else int(_number(text, name, "a whole number", int))


def _number_or_auto(text: str, name: str) -> float | None:
    return None if text == "auto" else _number(text, name, "a finite number at least 0", float)


def _number(text: str, name: str, kind: str, convert: Callable[[str], float]) -> float:
    try:
        number = float(convert(text))
    except ValueError:
        number = float("nan")
    if not (np.isfinite(number) and number >= 0):
        raise InvalidInputError(
            f"{name} must be {kind}, or auto", text, fix=f"write {name} 2, or {name} auto"
        )
    return number


def _losses(words: list[str] | None, name: str) -> Losses:
    """Return one loss for all columns, or a loss for each column named by column=loss."""
    named = [word.rpartition("=") for word in words or ()]
    for column, _, word in named:
        parse_word(word, f"{name} of column {column!r}" if column else name)
    if len(named) == 1 and not named[0][0]:
        return named[0][2]
    if any(not column for column, _, _ in named):
        raise InvalidInputError(
            f"{name} must be one loss for all columns, or column=loss for single columns",
            ", ".join(words or ()),
        )
    losses: Losses = _once([(column, word) for column, _, word in named], name)
    return losses or "squared"


def _once(named: list[tuple[str, T]], name: str) -> dict[Any, T]:
    """Return what is said of columns, each of which is named once."""
    columns = [column for column, _ in named]
    repeated = [column for column in columns if columns.count(column) > 1]
    if repeated:
        raise InvalidInputError(f"{name} names a column twice", repr(repeated[0]), fix="keep one of them")
    return dict(named)


def _bounds(words: list[str] | None, name: str) -> dict[str, list[float | None]] | None:
    """Return two ends by column, None where one is open."""
    named = []
    for word in words or ():
        column, _, ends = word.rpartition("=")
        low, colon, high = ends.partition(":")
        if not (column and colon):
            raise InvalidInputError(
                f"{name} must be COLUMN=LOW:HIGH", repr(word), fix=f"write {name} COLUMN=0:100, or COLUMN=0:"
            )
        named.append((column, [_end(low, word, name), _end(high, word, name)]))
    return _once(named, name) or None


def _end(text: str, word: str, name: str) -> float | None:
    try:
        return float(text) if text.strip() else None
    except ValueError:
        raise InvalidInputError(
            f"{name} must be COLUMN=LOW:HIGH with numbers", f"{text!r} in {word!r}", fix="write 0.5, not 0,5"
        ) from None


def _predictors(words: list[str] | None, name: str) -> dict[str, list[str]] | None:
    """Return the columns that may inform a column, all that are said of it."""
    found = dict[str, list[str]]()
    for word in words or ():
        column, _, others = word.partition("=")
        if not (column and others):
            raise InvalidInputError(
                f"{name} must be COLUMN=OTHER,OTHER", repr(word), fix=f"write {name} income=age,job"
            )
        # names that hold a comma may be quoted
        found.setdefault(column, []).extend(next(csv.reader([others], skipinitialspace=True)))
    return found or None


def _columns(words: list[str] | None, name: str) -> list[str] | bool | None:
    """Return columns, or True for all of them."""
    return True if words and "*" in words else words or None


# the type of each kind on the command line, and its reader
KINDS: dict[ValueKind, tuple[Any, Callable[[Any, str], Any]]] = {
    ValueKind.WORD: (str, _as_given),
    ValueKind.FLAG: (bool, _as_given),
    ValueKind.ANSWER: (str, _answer),
    ValueKind.WHOLE: (int, _as_given),
    ValueKind.RANK: (str, _rank),
    ValueKind.NUMBER: (str, _number_or_auto),
    ValueKind.MAYBE: (float | None, _finite),
    ValueKind.TOLERANCE: (float | None, _as_given),
    ValueKind.LOSS: (list[str] | None, _losses),
    ValueKind.BOUNDS: (list[str] | None, _bounds),
    ValueKind.PREDICTORS: (list[str] | None, _predictors),
    ValueKind.COLUMNS: (list[str] | None, _columns),
}
