"""What a fit refuses: settings that its method has no place for, and what contradicts the table."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from lowland.bayes.graph_places import GraphPlaces
from lowland.bayes.side_orders import SideOrders
from lowland.cells.labels import TableLabels
from lowland.certificates import JudgeSettings
from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.bounded.limits import Limits, check_within
from lowland.completion.censored.cells import CensoredCells
from lowland.completion.encoded.levels import Levels
from lowland.completion.plan import CompletionPlan
from lowland.completion.restricted.allowed import Allowed
from lowland.core.cells.context import CellContext
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.wording import Option, Remedy, Words, counted


def refuse_forests(plan: CompletionPlan) -> None:
    """Raise if forests are to refine columns that are predicted from some of the others alone."""
    if plan.refine:
        raise UnsupportedError(
            "forests predict from all columns",
            Words(Option("refine", True), " with ", Option("predictors")),
            fix=Words("use ", Option("refine", "auto", False)),
        )


def check_row_units(allowed: Allowed | None) -> None:
    """Raise if rows can have no units of their own."""
    if allowed is not None:
        raise UnsupportedError(
            "units of rows are known from all columns",
            Words(Option("predictors")),
            fix=Words("use ", Option("row_units", "auto", False)),
        )


def check_limits(table: Observations, limits: Limits, levels: Levels) -> None:
    """Raise if a column can have no bounds, or a known value lies beyond them."""
    for j in limits:
        if j in levels.kinds:
            name = TableLabels.of(table).column_name(j)
            raise InvalidInputError(
                Words("columns of levels have no ", Option("bounds")), f"column {name}", fix="leave it out"
            )
    check_within(table, limits)


def check_signed(given: Any, signed: Collection[int], labels: TableLabels, levels: Levels) -> None:
    """Raise if a column of levels is said to hold numbers that may be negative."""
    for j in () if given is True else sorted(set(signed) & set(levels.kinds)):
        raise InvalidInputError(
            Words("columns of levels are no numbers, which ", Option("may_be_negative"), " is about"),
            f"column {labels.column_name(j)}",
            fix="leave it out",
        )


def refuse_censored(cells: CensoredCells | None) -> None:
    """Raise if there are censored cells: penalised fits have no law of which a part is possible."""
    if cells is not None:
        raise UnsupportedError(
            'method "map" knows no bounds of cells',
            counted(cells.size, "censored cell"),
            fix=Remedy(
                Words("take bounds for values (", Option("censored", "bound"), ")"),
                Words("fit with ", Option("method", "variational", "gibbs", "gaussian")),
            ),
        )


def refuse_context(context: CellContext | None) -> None:
    """Raise if cells have a context: penalised fits have no place for it."""
    if context is not None and context.asked:
        raise UnsupportedError(
            'method "map" knows no context of cells',
            f"{context.kind} of {counted(context.size, 'cell')}",
            fix=Remedy(
                Words("leave it out (", Option("context"), ")"),
                Words("use ", Option("method", "auto", "variational", "gibbs")),
            ),
        )


def refuse_covariates(covariates: SideCovariates) -> None:
    """Raise if there are covariates: penalised fits have none."""
    if any(known is not None for known in covariates):
        raise InvalidInputError(
            'method "map" takes no covariates',
            "covariates",
            fix=Remedy("omit them", Words("use ", Option("method", "variational", "gibbs"))),
        )


def refuse_orders(orders: SideOrders, method: str, *, grouped: bool = False) -> None:
    """Raise if an order was asked for that a method has no place for; columns of levels are `grouped`."""
    if method not in ("map", "gaussian"):
        return
    for asked, places, side in zip(orders.asked, orders.sides, ("row", "column"), strict=True):
        graph = isinstance(places, GraphPlaces)
        if asked and (method == "map" or side == "row" or graph or grouped):
            what = "graph" if graph else "order"
            raise InvalidInputError(
                f'method "{method}" knows no {what} of {side}s',
                Words(Option(f"{side}_order")),
                fix=Remedy("omit it", Words("use ", Option("method", "auto", "variational", "gibbs"))),
            )


def check_effort(effort: str) -> None:
    """Raise unless the effort is known or "auto"."""
    if effort != "auto":
        JudgeSettings.for_effort(effort)
