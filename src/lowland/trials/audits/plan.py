"""Which known cells an audit holds out, and the missing cells that they stand for.

Given the training cells, each cell outside training was either missing, or known and held out. Where cells go
missing independently with some odds, and known ones are held out with a probability proportional to the same
odds, the odds of both are in the same ratio for every cell: the held-out cells are a simple random part of
the cells outside training, whatever their values are and whatever is fitted to the training cells. So a fit
must not use any of them: which cells are held out is decided from the pattern, from known values and from a
seed, before any fit, and of which cells an audit speaks from the training cells (`Scope`).

Only columns with missing cells are held out from: columns without are taken to be so by design. That a column
has at least one missing cell is known then, which is paid for by `AuditPlan.allowance`. Censored cells are
never held out, nor is anything said of their columns: a missing cell there may be one that would have been
censored, for which no held-out cell could stand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias, final

import numpy as np

from lowland.core.arrays import Indices
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.core.parameter_checks import whole_number
from lowland.trials.audits.comparing import Cells
from lowland.trials.audits.holding import HoldOut, hold_equally, hold_in_proportion
from lowland.trials.audits.missing_cells import ListedCells, MissingCells, missing_cells
from lowland.trials.audits.patterns import Mask, Pattern
from lowland.trials.audits.scope import IN_SCOPE, REASONS, Scope
from lowland.trials.audits.stating import FEWEST_SCORED, LEAST_SPOKEN_OF, Stated, stated_of
from lowland.trials.audits.surroundings import Surroundings
from lowland.trials.masks import known_cells

# takes the dense mask of training cells, returns the mask of cells of which nothing shall be said
AlsoOutside: TypeAlias = Callable[[Mask], Mask]

# a scheme is rejected at this p-value
REJECTED = 0.05
# longest runs of cells outside training that are tried, one after the other, None being any
RUNS = (None, 4, 2, 1)
# cells outside training whose largest odds are looked for
MOST_RANKED = 100_000


@final
@dataclass(frozen=True, eq=False)
class AuditPlan:
    """Known cells that an audit holds out, and the missing cells that they stand for.

    Parameters
    ----------
    hidden : ndarray of bool, shape (p,)
        The known cells that are held out: no fit of the audit may see them.
    scored : ndarray of bool, shape (p,)
        Those of them whose scores count.
    missing : int
        Number of missing cells in the statement.
    gamma : float
        Factor within which the odds are taken to be right: 1 where they are taken to be equal.
    scheme : {"equal", "odds"}
        Whether cells are taken to go missing with equal odds, or with odds that were estimated.
    left_out : dict of str to int
        Number of missing cells outside the statement by reason: "rows" and "columns" (no training cells),
        "censored" (their column has censored cells), "odds" (among the largest), "runs" (longer than
        held-out cells can imitate), "other" (the caller's), "few" (their column has too few cells outside
        training); of an unfolded tensor "few_slices" and "slices" (no training cells), and among "runs"
        those of whole fibres, or of a length of which there are more than chance would leave.
    alike_before : float
        p-value of the hypothesis that held-out cells are a random choice, without any fit.
    allowance : float
        Lower bound of the probability that a random choice leaves each column a missing cell, see `risk`.
    longest : int or None
        Most cells outside training that follow one another in the statement, None if any number may.
    scope : Scope
        Which cells outside training are in the statement.
    rejected : dict
        p-values of the schemes that were tried before, by name and longest run.
    """

    hidden: Mask
    scored: Mask
    missing: int
    gamma: float
    scheme: str
    left_out: dict[str, int]
    alike_before: float
    allowance: float
    longest: int | None
    scope: Scope
    rejected: dict[str, float] = field(default_factory=dict)

    def in_scope(self, rows: Indices, columns: Indices) -> Mask:
        """Return which cells outside training are in the statement, known or not.

        Parameters
        ----------
        rows, columns : ndarray of int
            Positions of held-out or missing cells.
        """
        return np.asarray(self.scope.reasons(rows, columns) == IN_SCOPE)

    def risk(self, risk: float) -> float:
        """Return the risk to compute a bound with, so that it is false at most so often.

        Parameters
        ----------
        risk : float
            Probability that the bound may be false, of all cells or of any group of them.
        """
        return risk * self.allowance

    def without_pattern(self) -> AuditPlan:
        """Return the plan without the training cells, of which it keeps counts: runs are unlimited in it."""
        return replace(self, scope=replace(self.scope, training=replace(self.scope.training, pattern=None)))


@final
@dataclass(frozen=True)
class NoAudit:
    """Why nothing can be said of the missing cells.

    Parameters
    ----------
    reason : {"complete", "few", "unlike"}
        No cell is missing; too few cells can be held out; or held-out cells differ from missing ones under
        every scheme.
    rejected : dict
        p-values of the schemes that were tried, by name and longest run.
    """

    reason: str
    rejected: dict[str, float] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The sentence of the table of sentences that says so."""
        return {"complete": "none_missing", "few": "few_to_hold_out", "unlike": "not_alike"}[self.reason]


def plan_audit(
    table: Observations,
    seed: int,
    also_outside: AlsoOutside | None = None,
    modes: tuple[int, ...] | None = None,
) -> AuditPlan | NoAudit:
    """Decide which known cells are held out, and for which missing cells they stand, before any fit.

    Parameters
    ----------
    table : Observations
    seed : int
        At least 0; fixed before anything is known of fits.
    also_outside : callable, optional
        Takes the mask of training cells, shape (m, n), and returns the mask of further cells of which nothing
        shall be said. It must not use anything else of the table.
    modes : tuple of int, optional
        Of a tensor that was unfolded: lengths of the modes that the rows run over, in C order. Slices and
        fibres along these are looked at too.

    Returns
    -------
    AuditPlan or NoAudit

    Raises
    ------
    InvalidInputError
        If the seed is no whole number of at least 0.
    UnsupportedError
        If `also_outside` or `modes` is given for a table too large to list its cells.

    Notes
    -----
    Equal odds first; where a permutation test rejects them, odds by a logistic regression, which are taken to
    be right within a factor, for the missing cells of the smallest odds; then both for cells in short runs.
    Costs a few permutation tests; memory as the known cells, and as the missing ones where these are listed.
    """
    whole_number(seed, "seed", 0)
    ordered, order = table.in_order(), table.row_by_row()
    found = _Planner.of(ordered, seed, also_outside, modes).plan()
    if isinstance(found, NoAudit) or isinstance(order, slice):
        return found
    hidden, scored = np.zeros((2, table.size), dtype=bool)
    hidden[order], scored[order] = found.hidden, found.scored
    return replace(found, hidden=hidden, scored=scored)


@final
@dataclass(frozen=True, eq=False)
class _Planner:
    """A table for which schemes are tried one after the other."""

    table: Observations
    around: Surroundings
    missing: MissingCells
    censored: Mask
    seed: int
    also_outside: AlsoOutside | None
    modes: tuple[int, ...] | None

    @classmethod
    def of(
        cls,
        table: Observations,
        seed: int,
        also_outside: AlsoOutside | None,
        modes: tuple[int, ...] | None,
    ) -> _Planner:
        pattern = Pattern.of(table.rows, table.columns, table.shape)
        around, missing = Surroundings.of(table, modes, pattern), missing_cells(pattern)
        asked = "modes" if also_outside is None else "also_outside"
        if (also_outside or modes) is not None and not isinstance(missing, ListedCells):
            raise UnsupportedError(
                f"{asked} needs a table whose missing cells can be listed",
                f"shape {table.shape}, {table.size} known cells",
                fix=f"leave {asked} out",
            )
        censored = np.zeros(table.shape[1], dtype=bool)
        if table.censored is not None:
            censored[table.columns[table.censored != 0]] = True
        return cls(table, around, missing, censored, seed, also_outside, modes)

    def plan(self) -> AuditPlan | NoAudit:
        """Return the plan of the first scheme that is not rejected."""
        if not self.around.with_gaps.any():
            return NoAudit("complete")
        eligible = np.flatnonzero((self.around.with_gaps & ~self.censored)[self.table.columns])
        if eligible.size < 2 * FEWEST_SCORED:
            return NoAudit("few")
        holds = [hold_equally(self.table, eligible, self._rng(0))]
        tried: dict[str, float] = {}
        for longest in RUNS if isinstance(self.missing, ListedCells) else RUNS[:1]:
            for place in range(2):
                if place == len(holds) and isinstance(self.missing, ListedCells):
                    around, missing = self.around, self.missing
                    holds.append(hold_in_proportion(self.table, eligible, around, missing, self._rng(1)))
                if place == len(holds):
                    continue
                plan = self._scheme(holds[place], longest)
                if plan is None:
                    continue
                if plan.alike_before > REJECTED:
                    return replace(plan, rejected=tried)
                tried[f"{plan.scheme} {longest or 'any'}"] = plan.alike_before
        return NoAudit("unlike" if tried else "few", tried)

    def _rng(self, *use: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *use])

    def _scheme(self, hold: HoldOut, longest: int | None) -> AuditPlan | None:
        """Return the plan of one scheme, None if too few cells are in its statement."""
        training = Surroundings.of(self.table.select(~hold.hidden), self.modes)
        held = np.flatnonzero(hold.hidden)
        cells = self.table.rows[held], self.table.columns[held]
        scope = self._scope(hold, training, cells, longest)
        least = LEAST_SPOKEN_OF * int(self.around.column_gaps.sum())
        rng = self._rng(2, longest or 0, hold.gamma > 1)
        stated = stated_of(scope, cells, self.missing, hold.gamma, least, rng)
        if stated is None:
            return None
        scored = np.zeros(self.table.size, dtype=bool)
        scored[held[stated.scored]] = True
        return plan_of(hold, replace(stated, scored=scored), longest, folded=bool(self.modes))

    def _scope(self, hold: HoldOut, training: Surroundings, held: Cells, longest: int | None) -> Scope:
        """Return the scope of a scheme, before columns of few cells are left out."""
        other = None
        if self.also_outside is not None:
            other = self.also_outside(known_cells(self.table.select(~hold.hidden)))
        scope = Scope(training, self.censored, longest, hold.odds, other=other)
        if hold.odds is not None and isinstance(self.missing, ListedCells):
            pairs = zip(held, (self.missing.rows, self.missing.columns), strict=True)
            rows, columns = (np.concatenate(pair) for pair in pairs)
            if rows.size > MOST_RANKED:
                some = self._rng(3).integers(rows.size, size=MOST_RANKED)
                rows, columns = rows[some], columns[some]
            logarithms = scope.log_odds(rows, columns)
            scope = replace(scope, largest=float(np.quantile(logarithms, hold.kept)))
        return scope


def plan_of(hold: HoldOut, stated: Stated, longest: int | None, *, folded: bool = False) -> AuditPlan:
    """Return the plan of cells that are held out, of a table or a `folded` tensor, and what they say."""
    names = [f"{name}_slices" if folded and name == "few" else name for name in REASONS]
    return AuditPlan(
        hidden=hold.hidden,
        scored=stated.scored,
        missing=int(stated.counts[IN_SCOPE]),
        gamma=hold.gamma,
        scheme=hold.scheme,
        left_out={name: int(k) for name, k in zip(names[1:], stated.counts[1:], strict=True) if k},
        alike_before=stated.alike_before,
        allowance=stated.allowance,
        longest=longest,
        scope=stated.scope,
    )
