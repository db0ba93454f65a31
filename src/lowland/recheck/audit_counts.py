"""How many cells an audit held out, how many of them lie inside, and what that proves: derived again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices
from lowland.recheck.audit_bounds import least_inside
from lowland.recheck.held_out import HeldOut

Mask = NDArray[np.bool_]

# the level of intervals that are judged
LEVEL = 0.9
# held-out cells that each of two parts is expected to have at least
FEWEST_EXPECTED = 100
# kinds of rows
ROWS = "fuller", "sparse"


@final
class Part(NamedTuple):
    """A kind of missing cells: its name, its held-out cells inside, all of these, and the missing ones."""

    kind: str
    inside: int
    held: int
    missing: int


@final
@dataclass(frozen=True, eq=False)
class Counts:
    """What was counted in an audit, and its risk.

    Parameters
    ----------
    held, missing : int
        Number of cells that were held out, and of the missing ones that they stand for.
    own, wide : int
        Held-out cells inside the fit's own intervals, and inside those that are stated.
    share : float
        Risk of the bound from above, and of those from below together.
    parts : list of Part
    """

    held: int
    missing: int
    own: int
    wide: int
    share: float
    parts: list[Part]

    @classmethod
    def of(cls, found: HeldOut, own: Mask, wide: Mask, risk: float, words: Indices | None) -> Counts:
        """Return the counts of held-out cells; `words` are columns that hold words, None without parts."""
        parts = [] if words is None else _parts(found, words, own)
        share = risk * found.allowance
        return cls(found.rows.size, found.missing, int(own.sum()), int(wide.sum()), share, parts)

    @property
    def risk(self) -> float:
        """Risk of the bound from below of the whole."""
        return self.share / 2 if self.parts else self.share

    @property
    def most(self) -> float:
        """Share of the missing cells inside their own intervals, at most."""
        outside = least_inside(self.held - self.own, self.held, self.missing, self.share, 1.0)
        return (self.missing - outside) / self.missing

    @cached_property
    def needed(self) -> int | None:
        """How many held-out cells inside prove the level at least; None if all of them do not."""
        too_few, enough = -1, self.held + 1
        while enough - too_few > 1:
            middle = (too_few + enough) // 2
            too_few, enough = (too_few, middle) if self.proves(middle) else (middle, enough)
        return enough if enough <= self.held else None

    def proves(self, inside: int, gamma: float = 1.0) -> bool:
        """Whether so many held-out cells inside prove the level."""
        return least_inside(inside, self.held, self.missing, self.risk, gamma) >= LEVEL * self.missing

    def inside(self, factor: float) -> int:
        """Return how many lie inside intervals that are wider by a factor."""
        return self.own if factor == 1 else self.wide

    def least(self, factor: float) -> float:
        """Return the share of the missing cells inside these, at least.

        A factor that was chosen by these cells proves what it was chosen for, and no more.
        """
        proven = self.inside(factor)
        if factor != 1 and self.needed is not None:
            proven = min(proven, self.needed)
        return least_inside(proven, self.held, self.missing, self.risk, 1.0) / self.missing

    def least_of(self, part: Part) -> float:
        """Return the share of the missing cells of a part inside their own intervals, at least."""
        risk = self.share / 2 / len(self.parts)
        fewest = least_inside(part.inside, part.held, part.missing, risk, 1.0)
        return fewest / part.missing if part.missing else 0.0


def _parts(found: HeldOut, words: Indices, inside: Mask) -> list[Part]:
    """Return the parts of an audit's statement: by kind of column, and by what was known of the row."""
    m, n = found.spoken.shape
    of_words = np.broadcast_to(np.isin(np.arange(n), words), (m, n))
    sparse = np.broadcast_to(2 * found.row_counts[:, None] <= n, (m, n))
    return [
        *_both(("numbers", "words"), of_words, found, inside),
        *_both(ROWS, sparse, found, inside),
    ]


def _both(kinds: tuple[str, str], which: Mask, found: HeldOut, inside: Mask) -> list[Part]:
    """Return the cells of which something is not so, and those of which it is; neither if one has too few."""
    parts, of_held = [], which[found.rows, found.columns]
    for kind, so in zip(kinds, (False, True), strict=True):
        held, missing = of_held == so, found.spoken & (which == so)
        parts.append(Part(kind, int(inside[held].sum()), int(held.sum()), int(missing.sum())))
    sizes = [part.held + part.missing for part in parts]
    return parts if min(sizes) * of_held.size >= FEWEST_EXPECTED * sum(sizes) else []
