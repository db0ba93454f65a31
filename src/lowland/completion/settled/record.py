"""`Settled`: what is known of how far filled cells still move by chance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import final

import numpy as np

from lowland.bayes.monte_carlo import ENOUGH, SMALL, error_quantile
from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.results.status import Verdict
from lowland.core.wording import counted

# R-hat that half of the cells do not exceed where errors tell something: by chance it is so large where fewer
# than five draws are independent; the largest of hundreds of cells is above it in most short chains
MIXED = 1.1
# averages of two chains may differ by so many times what their errors say
APART = 2.0


@public("lowland")
@final
@dataclass(frozen=True)
class Settled:
    """How far averages of filled cells still move by chance, in units of the cells' standard errors.

    Parameters
    ----------
    kind : {"draws", "starts", "none"}
        Whether errors are those of averages over draws, or differences between two starts; "none": nothing
        was compared.
    cells : int
        Number of cells that were looked at.
    share : float
        Of the cells, those whose error by chance is below a twentieth of their standard error.
    worst : float
        The error by chance that 99 % of the cells do not exceed, in standard errors.
    r_hat : float or None
        Largest split R-hat; None without draws.
    typical : float or None
        Median of split R-hat; None without draws.
    effective : float or None
        Smallest effective number of draws; None without draws.
    apart : float or None
        How far the averages of two chains are apart, over what their errors say: about one; None of one.
    draws, trees : int
        How many are averaged; 0: none.
    draws_needed, trees_needed : int
        How many it would take, about; as many as there are if these are enough.
    left_out : tuple of str
        What is not part of it, in phrases.

    Notes
    -----
    An estimate from the draws themselves: a chain that has missed a part of the posterior altogether does not
    know. Therefore it is SUPPORTED at most.

    Examples
    --------
    >>> import lowland as ll
    >>> print(ll.Settled("draws", cells=90, share=1.0, worst=0.03, r_hat=1.01, effective=80.0, draws=100))
    Chance moves 100.0% of 90 filled cells by less than a twentieth of their standard error.
    """

    kind: str
    cells: int = 0
    share: float = 0.0
    worst: float = float("inf")
    r_hat: float | None = None
    typical: float | None = None
    effective: float | None = None
    apart: float | None = None
    draws: int = 0
    trees: int = 0
    draws_needed: int = 0
    trees_needed: int = 0
    left_out: tuple[str, ...] = ()

    @property
    def mixed(self) -> bool:
        """Whether chains tell the same, as far as that was looked at."""
        typical = self.typical is None or self.typical <= MIXED
        return typical and (self.apart is None or self.apart <= APART)

    @property
    def verdict(self) -> Verdict:
        """SUPPORTED if errors by chance are small for 99 % of the cells, else INCONCLUSIVE."""
        small = self.kind != "none" and self.share >= ENOUGH / 100
        return Verdict.SUPPORTED if small and self.mixed else Verdict.INCONCLUSIVE

    def __str__(self) -> str:
        """Return it in a sentence or two."""
        if self.kind == "none":
            return f"Whether filled cells have settled is not known: {'; '.join(self.left_out)}."
        by = "chance moves" if self.kind == "draws" else "another start moves"
        words = (
            f"{by} {self.share:.1%} of {counted(self.cells, 'filled cell')} by less than a twentieth of "
            "their standard error"
        ).capitalize()
        needs = [
            f"{needed:,} {what} instead of {given:,}"
            for needed, given, what in (
                (self.draws_needed, self.draws, "draws"),
                (self.trees_needed, self.trees, "trees"),
            )
            if needed > given
        ]
        if not self.mixed:
            return f"{words}; chains do not tell the same yet."
        if self.verdict is Verdict.SUPPORTED or not needs:
            return f"{words}."
        return f"{words}; for 99 % of them it would take about {' and '.join(needs)}."


def with_trees(said: Settled, errors: Vector, trees: Matrix) -> Settled:
    """Return what is said with the errors of averages over draws, and of forests' means over their trees.

    Parameters
    ----------
    said : Settled
        Of so many draws.
    errors : ndarray, shape (cells,)
        In standard errors.
    trees : ndarray, shape (trees, cells)
        What each tree adds, in standard errors.
    """
    count = len(trees)
    spread = trees.std(axis=0, ddof=1) / np.sqrt(count) if count > 1 else np.zeros(errors.size)
    whole = np.asarray(np.hypot(errors, spread), np.float64)
    said = replace(
        said,
        share=float(np.mean(whole < SMALL)),
        worst=error_quantile(whole),
        draws_needed=said.draws,
        trees=count,
        trees_needed=count,
    )
    if said.worst < SMALL:
        return said
    goal = SMALL / np.sqrt(2) if count and said.draws else SMALL  # both have their part
    return replace(
        said, draws_needed=needed(said.draws, errors, goal), trees_needed=needed(count, spread, goal)
    )


def needed(count: int, errors: Vector, goal: float = SMALL) -> int:
    """Return how many draws make the errors of 99 % of the cells small: they fall with their root."""
    worst = error_quantile(errors)
    return count if worst < goal or not np.isfinite(worst) else ceil(count * (worst / goal) ** 2)
