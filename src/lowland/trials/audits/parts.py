"""Parts of the missing cells of which an audit speaks by themselves: by kind of column, by what rows have.

Which cells are of a part follows from the training cells alone, and how many held-out ones it needs from
numbers that do not depend on which cells are held out: as of the whole, those of a part are a simple random
part of its cells outside training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.cells.observations import Observations
from lowland.trials.audits.missing_cells import is_listed
from lowland.trials.audits.patterns import Mask
from lowland.trials.audits.plan import AuditPlan
from lowland.trials.masks import known_cells

# held-out cells that each part of a partition is expected to have; fewer prove little of it
FEWEST_EXPECTED = 100
# a row with at most this share of its cells in training is sparse
SPARSE = 0.5
# the two parts of each partition
KINDS, ROWS = ("numbers", "words"), ("fuller", "sparse")


@final
@dataclass(frozen=True, eq=False)
class Part:
    """Some of the missing cells, and those held out for them.

    Parameters
    ----------
    name : {"numbers", "words", "fuller", "sparse"}
        Kinds of columns, or of rows.
    held : ndarray of bool
        Which of the held-out cells of the statement.
    missing : int
        Number of the missing cells.
    """

    name: str
    held: Mask
    missing: int

    def counted(self, inside: Mask) -> CountedPart:
        """Return how many of its held-out cells lie inside, given which of all held-out cells do."""
        here = int(np.count_nonzero(inside & self.held))
        return CountedPart(self.name, here, int(np.count_nonzero(self.held)), self.missing)


@final
@dataclass(frozen=True)
class CountedPart:
    """How many held-out cells of a part lie in their intervals.

    Parameters
    ----------
    name : str
    inside, held : int
        Held-out cells inside their intervals, and all of the part.
    missing : int
        Number of the missing cells that they stand for.
    """

    name: str
    inside: int
    held: int
    missing: int


def parts_of(plan: AuditPlan, table: Observations, held: Observations, words: Mask) -> tuple[Part, ...]:
    """Return the parts of an audit's statement, none where they would be too small.

    Parameters
    ----------
    plan : AuditPlan
    table : Observations
        The table that it is of.
    held : Observations
        The held-out cells of the statement.
    words : ndarray of bool, shape (n,)
        Which columns hold words, as the training cells tell.
    """
    if not is_listed(table):
        return ()
    rows, columns = np.nonzero(~known_cells(table))
    spoken = plan.in_scope(rows, columns)
    sparse = np.asarray(table.select(~plan.hidden).row_counts() <= SPARSE * table.shape[1])
    of_missing = words[columns[spoken]], sparse[rows[spoken]]
    of_held = words[held.columns], sparse[held.rows]
    found: tuple[Part, ...] = ()
    for names, others, own in zip((KINDS, ROWS), of_missing, of_held, strict=True):
        found += _both(names, others, own)
    return found


def _both(names: tuple[str, str], missing: Mask, held: Mask) -> tuple[Part, ...]:
    """Return both parts of a partition, none if one of them is expected to have too few held-out cells."""
    parts = tuple(
        Part(name, np.asarray(held == side), int(np.count_nonzero(missing == side)))
        for side, name in enumerate(names)
    )
    smallest = min(np.count_nonzero(part.held) + part.missing for part in parts)
    expected = smallest * held.size / (held.size + missing.size)
    return parts if expected >= FEWEST_EXPECTED else ()
