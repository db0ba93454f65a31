"""Turn an estimator's parameters into a plan; errors name the parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lowland.completion.plan import SETTINGS, CompletionPlan
from lowland.completion.settings import Setting, ValueKind
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import whole_number
from lowland.core.wording import Option, Words
from lowland.estimators.table_input import flag, flag_or_auto, number_at_least_zero

if TYPE_CHECKING:
    from lowland.completion.columns.losses import Losses


def plan_of(model: Any) -> CompletionPlan:
    """Return the plan of a `MatrixCompletion`; its rank is checked against the table later."""
    asked = [(one, one.parameter) for one in SETTINGS if one.parameter is not None]
    return CompletionPlan(**{one.name: read(one, getattr(model, name)) for one, name in asked})


def read(setting: Setting, value: Any) -> Any:
    """Return what a plan holds of a parameter."""
    name, kind = setting.parameter or setting.name, setting.kind
    if kind is ValueKind.WHOLE:
        return whole_number(value, name, setting.least)
    return READERS[kind](value, name)


def number_or_auto(value: Any, name: str) -> float | None:
    """Return a setting that must be a number of at least 0, or None for "auto"."""
    return None if is_auto(value) else number_at_least_zero(value, name)


def number_or_none(value: Any, name: str) -> float | None:
    """Return a setting that must be a finite number, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
        raise InvalidInputError(Words(Option(name), " must be a finite number, or None"), repr(value))
    return float(value.real)


def loss_of(loss: Any, name: str = "loss") -> Losses:
    """Return one loss for all columns, or losses by column; "auto" is resolved when the table is known."""
    if isinstance(loss, Mapping):
        return dict(loss)
    if not isinstance(loss, str):
        kind = type(loss).__name__
        raise InvalidInputError(f"{name} must be a name or a mapping from columns to names", kind)
    return "squared" if loss == "auto" else loss


def by_column(value: Any, name: str) -> Any:
    """Return what is said of columns: a mapping, or lists in the order of columns; None of none of them."""
    if value is None or isinstance(value, Mapping):
        return dict(value or {}) or None
    return np.asarray(value, object).tolist()


def some_columns(value: Any, name: str) -> Any:
    """Return columns of which something is said: a list, True for all of them, or None for none."""
    if value is True or value is None:
        return value
    if isinstance(value, str | bytes) or not np.iterable(value):
        raise InvalidInputError(
            Words(Option(name), " must be a list of columns, or True for all of them"),
            repr(value),
            fix=f"write [{value!r}]",
        )
    return list(value) or None


def is_auto(value: Any) -> bool:
    """Return whether a setting is "auto"."""
    return isinstance(value, str) and value == "auto"


# how each kind of parameter is read
READERS: dict[ValueKind, Callable[[Any, str], Any]] = {
    ValueKind.WORD: lambda value, name: str(value),
    ValueKind.FLAG: flag,
    ValueKind.ANSWER: flag_or_auto,
    ValueKind.RANK: lambda value, name: None if is_auto(value) else value,
    ValueKind.NUMBER: number_or_auto,
    ValueKind.MAYBE: number_or_none,
    ValueKind.TOLERANCE: number_or_auto,
    ValueKind.LOSS: loss_of,
    ValueKind.BOUNDS: by_column,
    ValueKind.PREDICTORS: by_column,
    ValueKind.COLUMNS: some_columns,
}
