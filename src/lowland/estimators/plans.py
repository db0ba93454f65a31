"""Turn an estimator's parameters into a plan; errors name the parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lowland.completion.plan import CompletionPlan
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import whole_number
from lowland.estimators.table_input import flag, flag_or_auto, number_at_least_zero

if TYPE_CHECKING:
    from lowland.completion.columns.losses import Losses


def plan_of(model: Any) -> CompletionPlan:
    """Return the plan of a `MatrixCompletion`; its rank is checked against the table later."""
    rank = None if is_auto(model.rank) else model.rank
    return CompletionPlan(
        method=str(model.method),
        loss=loss_of(model.loss),
        nonnegative=flag(model.nonnegative, "nonnegative"),
        rank=rank,
        biases=flag(model.biases, "biases"),
        penalty=None if is_auto(model.penalty) else number_at_least_zero(model.penalty, "penalty"),
        bias_penalty=None
        if is_auto(model.bias_penalty)
        else number_at_least_zero(model.bias_penalty, "bias_penalty"),
        penalty_weights=str(model.penalty_weights),
        pattern=flag_or_auto(model.pattern, "pattern"),
        refine=flag_or_auto(model.refine, "refine"),
        powers=flag_or_auto(model.powers, "powers"),
        noise=str(model.noise),
        scale=str(model.scale),
        draws=whole_number(model.n_draws, "n_draws", 2),
        tol=None if is_auto(model.tol) else number_at_least_zero(model.tol, "tol"),
        max_iter=whole_number(model.max_iter, "max_iter", 1),
    )


def loss_of(loss: Any) -> Losses:
    """Return one loss for all columns, or losses by column; "auto" is resolved when the table is known."""
    if isinstance(loss, Mapping):
        return dict(loss)
    if not isinstance(loss, str):
        raise InvalidInputError("loss must be a name or a mapping from columns to names", type(loss).__name__)
    return "squared" if loss == "auto" else loss


def is_auto(value: Any) -> bool:
    """Return whether a setting is "auto"."""
    return isinstance(value, str) and value == "auto"
