"""Largest set of rows that splits into d independent sets: Edmonds' matroid partition for 0-1 rows.

For almost all data in d dimensions, that is the rank of the Jacobian of a layer of ReLU neurons with these
rows as patterns. Where it falls short of n, a set S of rows says why: |S| > d rank(S).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.kernels.modular_arithmetic import modular
from lowland.kernels.modular_arithmetic.exact_integers import exact_rank

# beyond this many rows at fault their rank is computed modulo a prime only
EXACT_ROWS = 160


@final
@dataclass(frozen=True, eq=False)
class Union:
    """A largest set of rows that splits into independent sets.

    Parameters
    ----------
    rank : int
        Size of the set.
    parts : tuple of ndarray of int
        The independent sets.
    at_fault : ndarray of int
        Rows S with n - rank = |S| - d rank(S); empty where all rows are covered.
    exact : bool
        Whether the rank is proved over the rational numbers; a full one always is.
    """

    rank: int
    parts: tuple[NDArray[np.intp], ...]
    at_fault: NDArray[np.intp]
    exact: bool


def matroid_union(rows: NDArray[Any], copies: int) -> Union:
    """Return a largest set of rows that is the union of `copies` sets, each independent.

    Parameters
    ----------
    rows : ndarray of zeros and ones, shape (n, k)
    copies : int

    Returns
    -------
    Union

    Notes
    -----
    There are at most n augmentations, each with some eliminations of k x (rank + n) residues modulo a prime.
    Rows are exchanged along a shortest path, so sets stay independent.
    """
    search = _Partition(np.asarray(rows, np.float64), copies)
    left = [row for row in range(len(rows)) if not search.insert(row)]
    rank = len(rows) - len(left)
    if not left:
        return Union(rank, search.sets(), np.zeros(0, np.intp), True)
    reached: set[int] = set()
    for row in left:
        search.insert(row, reached)
    at_fault = np.array(sorted(reached), np.intp)
    exact = False
    if at_fault.size <= EXACT_ROWS:
        lacking = at_fault.size - copies * exact_rank(np.asarray(rows, np.float64)[at_fault])
        exact = lacking == len(left)
    return Union(rank, search.sets(), at_fault, exact)


class _Partition:
    """Disjoint independent sets, with all rows in the coordinates of each."""

    def __init__(self, rows: NDArray[np.float64], copies: int) -> None:
        self.rows, self.home = rows, np.full(len(rows), -1)
        self.members: list[list[int]] = [[] for _ in range(copies)]
        self.coordinates: list[Any] = [None] * copies
        for part in range(copies):
            self._solve(part)

    def sets(self) -> tuple[NDArray[np.intp], ...]:
        return tuple(np.array(sorted(part), np.intp) for part in self.members)

    def insert(self, row: int, reached: set[int] | None = None) -> bool:
        """Find room for a row by exchanges, or add to `reached` all rows that block it."""
        parents: dict[int, tuple[int, int] | None] = {row: None}
        queue = deque([row])
        while queue:
            here = queue.popleft()
            for part, (inside, spanned) in enumerate(self.coordinates):
                if self.home[here] == part:
                    continue
                if not spanned[here]:
                    self._shift(here, part, parents)
                    return True
                for position in np.flatnonzero(inside[:, here]):
                    other = self.members[part][position]
                    if other not in parents:
                        parents[other] = here, part
                        queue.append(other)
        if reached is not None:
            reached.update(parents)
        return False

    def _shift(self, row: int, part: int, parents: dict[int, tuple[int, int] | None]) -> None:
        """Move a row into a set with room, its successor into its place, and so on back to the new row."""
        changed = {part}
        while True:
            old = int(self.home[row])
            if old >= 0:
                self.members[old].remove(row)
            self.members[part].append(row)
            self.home[row] = part
            step = parents[row]
            if step is None:
                break
            row, part = step
            changed.add(part)
        for part in changed:
            self._solve(part)

    def _solve(self, part: int) -> None:
        """Express all rows by the rows of a set: coefficients (members, n), and which rows it spans."""
        members, prime = self.members[part], modular.PRIME
        table = np.hstack([self.rows[members].T, self.rows.T])
        for k in range(len(members)):
            pivot = k + int(np.flatnonzero(table[k:, k])[0])
            table[[k, pivot]] = table[[pivot, k]]
            table[k] = np.mod(table[k] * modular.inverse(table[k, k], prime), prime)
            others = np.flatnonzero(table[:, k])
            others = others[others != k]
            table[others] = np.mod(table[others] - np.mod(table[others, k, None] * table[k], prime), prime)
        right = table[:, len(members) :]
        self.coordinates[part] = right[: len(members)], ~right[len(members) :].any(axis=0)
