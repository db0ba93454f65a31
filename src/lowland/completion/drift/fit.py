"""A fit with what its errors add along the context of cells, where that pays."""

from __future__ import annotations

from lowland.completion.drift.layer import DriftLayer
from lowland.completion.encoded.levels import Levels
from lowland.completion.layers.table import LayeredTable
from lowland.completion.tables.fitted import FittedTable
from lowland.completion.tables.model import sampling
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import unless_interrupted
from lowland.core.wording import Option, Words, counted


def with_drifts(fitted: FittedTable, table: Observations, levels: Levels) -> FittedTable:
    """Return a fit inside the layers of drift that cells held out favour.

    Parameters
    ----------
    fitted : FittedTable
        Of the table without its context.
    table : Observations
        With its context, if it has one.
    levels : Levels

    Raises
    ------
    UnsupportedError
        If the table has both a context and columns of words.
    """
    context = table.context
    if context is None:
        return fitted
    if levels and not context.asked:
        return fitted
    if levels:
        raise UnsupportedError(
            "errors at words do not drift along a context",
            f"{counted(len(levels.kinds), 'column')} of words, and a context of {context.kind}",
            fix=Words("leave the context out (", Option("context"), ")"),
        )
    if fitted.stop_reason is StopReason.INTERRUPTED:
        return fitted
    from lowland.completion.drift.learning import choose_drifts

    plain = fitted
    learnt = unless_interrupted(lambda: choose_drifts(plain, table), "learning from the context")
    for drift in learnt or ():
        layer = DriftLayer.of(sampling(fitted.model), drift, table)
        fitted = LayeredTable(layer, fitted, table)
    return fitted
