"""Which cells an audit holds out of a table that is not in memory, and what they stand for.

They are those that the first scheme of `plan_audit` holds out: equal odds, missing cells counted by row and
column. The k-th of the cells in columns with gaps, row by row, is the k-th wherever blocks end and whoever
reads them, so that the same seed holds the same cells out of the same table in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.cells.pattern import LinePattern
from lowland.cells.sides import PerLine, PerPartner, TableCells
from lowland.cells.taken import cells_inside, without
from lowland.core.cells.observations import Observations
from lowland.core.parameter_checks import whole_number
from lowland.trials.audits.alike import Alike, alike_cells
from lowland.trials.audits.comparing import Predicted
from lowland.trials.audits.holding import HoldOut, number_held
from lowland.trials.audits.line_surroundings import line_surroundings
from lowland.trials.audits.missing_cells import UnlistedCells
from lowland.trials.audits.plan import REJECTED, AuditPlan, NoAudit, plan_of
from lowland.trials.audits.scope import Scope
from lowland.trials.audits.stating import FEWEST_SCORED, LEAST_SPOKEN_OF, stated_of


@final
@dataclass(frozen=True, eq=False)
class CellPlan:
    """Cells that an audit holds out of a table that is not in memory.

    Parameters
    ----------
    plan : AuditPlan
        Of the cells that are held out alone: all of them are `hidden`.
    apart : Observations
        These cells, row by row.
    cells, training : TableCells
        All known cells, and those that are left.
    """

    plan: AuditPlan
    apart: Observations
    cells: TableCells
    training: TableCells

    @property
    def held(self) -> Observations:
        """The held-out cells that stand for missing ones."""
        return self.apart.select(self.plan.scored)

    def alike(self, predicted: Predicted | None, rng: np.random.Generator) -> Alike:
        """Test whether the held-out cells could be any of the cells outside training, as `alike` does."""
        missing = UnlistedCells(LinePattern(self.cells))
        return alike_cells(self.plan, (self.held.rows, self.held.columns), missing, predicted, rng)


def plan_of_cells(cells: TableCells, seed: int) -> CellPlan | NoAudit:
    """Decide which cells of a table are held out, wherever they are, before any fit.

    Parameters
    ----------
    cells : TableCells
        Without censored ones.
    seed : int
        At least 0; fixed before anything is known of fits.

    Returns
    -------
    CellPlan or NoAudit
        Where held-out cells are seen to differ from missing ones under equal odds, no other scheme is tried.

    Raises
    ------
    InvalidInputError
        If the seed is no whole number of at least 0.

    Notes
    -----
    Costs about a dozen passes over the cells. In memory are at most 20,000 cells, and some numbers per line.
    """
    whole_number(seed, "seed", 0)
    pattern, (m, n) = LinePattern(cells), cells.shape
    with_gaps = pattern.column_counts < m
    if not with_gaps.any():
        return NoAudit("complete")
    ends = np.cumsum(pattern.inside(0, with_gaps))
    eligible = int(ends[-1])
    if eligible < 2 * FEWEST_SCORED:
        return NoAudit("few")
    # of positions, as `hold_equally` draws them
    places = np.random.default_rng([seed, 0]).choice(eligible, number_held(eligible), replace=False)
    begins = np.concatenate([[0], ends[:-1]])
    rows, columns, values = cells.map(
        0, cells_inside, PerLine(begins), PerPartner(with_gaps), np.sort(places)
    )
    training = without(cells, rows, columns)
    scope = Scope(line_surroundings(training), censored=np.zeros(n, dtype=bool))
    least = LEAST_SPOKEN_OF * int(m * with_gaps.sum() - eligible)
    rng = np.random.default_rng([seed, 2, 0, 0])
    missing = UnlistedCells(pattern)
    stated = stated_of(scope, (rows, columns), missing, 1.0, least, rng)
    if stated is None:
        return NoAudit("few")
    if not stated.alike_before > REJECTED:
        return NoAudit("unlike", {"equal any": stated.alike_before})
    plan = plan_of(HoldOut("equal", np.ones(rows.size, dtype=bool)), stated, None)
    return CellPlan(plan, Observations(rows, columns, values, cells.shape), cells, training)
