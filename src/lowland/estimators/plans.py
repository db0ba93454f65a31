"""From an estimator's parameters to a plan, each checked by name."""

from __future__ import annotations

from typing import Any

from lowland.estimators.table_input import flag, flag_or_auto, number_at_least_zero, whole_number
from lowland.systems.completion_plan import CompletionPlan


def plan_of(model: Any) -> CompletionPlan:
    """Return the plan of a `MatrixCompletion`; its rank is checked against the table later."""
    rank = None if _is_auto(model.rank) else model.rank
    return CompletionPlan(
        str(model.method),
        rank,
        flag(model.biases, "biases"),
        None if _is_auto(model.penalty) else number_at_least_zero(model.penalty, "penalty"),
        None if _is_auto(model.bias_penalty) else number_at_least_zero(model.bias_penalty, "bias_penalty"),
        str(model.penalty_weights),
        flag_or_auto(model.pattern, "pattern"),
        str(model.noise),
        str(model.scale),
        whole_number(model.n_draws, "n_draws", 2),
        None if _is_auto(model.tolerance) else number_at_least_zero(model.tolerance, "tolerance"),
        whole_number(model.max_iterations, "max_iterations", 1),
    )


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"
