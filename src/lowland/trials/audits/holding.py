"""Hold-outs: known cells hidden with equal odds, or in proportion to their odds of being missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.trials.audits.missing_cells import ListedCells
from lowland.trials.audits.odds import Odds, hold_by_odds
from lowland.trials.audits.patterns import Mask
from lowland.trials.audits.scope import BATCH
from lowland.trials.audits.surroundings import Surroundings, in_column_units

# shares of the known cells that are held out: the usual one, and a larger one where that gives fewer cells
# than FEWEST; and the most cells
SHARE, LARGEST_SHARE, FEWEST, MOST = 0.15, 0.25, 60, 20_000
# factor within which estimated odds are taken to be right
GAMMA = 1.2
# cells from which odds are estimated
MOST_FITTED = 100_000


@final
@dataclass(frozen=True, eq=False)
class HoldOut:
    """Known cells that are held out.

    Parameters
    ----------
    scheme : {"equal", "odds"}
    hidden : ndarray of bool
        Of the known cells.
    gamma : float
        Factor within which the odds are taken to be right.
    odds : Odds or None
        Of being missing.
    kept : float
        Share of the missing cells, those of the smallest odds, for which the odds hold.
    """

    scheme: str
    hidden: Mask
    gamma: float = 1.0
    odds: Odds | None = None
    kept: float = 1.0


def number_held(size: int) -> int:
    """Return how many of so many known cells are held out."""
    return min(max(round(SHARE * size), min(FEWEST, round(LARGEST_SHARE * size))), MOST)


def hold_equally(table: Observations, eligible: Indices, rng: np.random.Generator) -> HoldOut:
    """Hold a simple random part of the eligible cells out."""
    hidden = np.zeros(table.size, dtype=bool)
    hidden[rng.choice(eligible, number_held(eligible.size), replace=False)] = True
    return HoldOut("equal", hidden)


def hold_in_proportion(
    table: Observations,
    eligible: Indices,
    around: Surroundings,
    missing: ListedCells,
    rng: np.random.Generator,
) -> HoldOut:
    """Hold eligible cells out in proportion to their odds of being missing, as estimated.

    Parameters
    ----------
    table : Observations
    eligible : ndarray of int
        Positions of the known cells that may be held out.
    around : Surroundings
        Of the known cells.
    missing : ListedCells
        Of the same columns.
    rng : numpy.random.Generator
    """
    rows = np.concatenate([table.rows[eligible], missing.rows])
    columns = np.concatenate([table.columns[eligible], missing.columns])
    own = in_column_units(table)[eligible]

    def features(places: Indices) -> Vector:
        known = places < eligible.size
        values = np.where(known, own[np.minimum(places, eligible.size - 1)], 0.0)
        return around.of_odds(rows[places], columns[places], known, values)

    places = np.arange(rows.size)
    fitted = places if rows.size <= MOST_FITTED else rng.choice(places, MOST_FITTED, replace=False)
    odds = Odds.fit(features(fitted), fitted >= eligible.size)
    batches = [places[start : start + BATCH] for start in range(0, places.size, BATCH)]
    logarithms = np.concatenate([odds.logarithms(features(batch)) for batch in batches])
    of_known, of_missing = logarithms[: eligible.size], logarithms[eligible.size :]
    held, largest = hold_by_odds(of_known, of_missing, number_held(eligible.size), rng)
    hidden = np.zeros(table.size, dtype=bool)
    hidden[eligible[held]] = True
    return HoldOut("odds", hidden, GAMMA, odds, float(np.mean(of_missing <= largest)))
