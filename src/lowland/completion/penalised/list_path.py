"""Choose the penalty of a fit in which cells that are not listed count, by lists of held-out cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.completion.penalised.fit import CompletionFit, completion_objective, fit_completion
from lowland.completion.penalised.settings import CompletionSettings
from lowland.completion.ranking.list_gains import LENGTHS, gains_of_apart
from lowland.core.arrays import Vector
from lowland.core.cells.observations import Observations
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.results.shown import Shown
from lowland.core.results.status import StopReason
from lowland.core.running.stages import stage
from lowland.core.wording import Option, Words, counted, number
from lowland.search import critical_ridge
from lowland.trials.choices import LISTS
from lowland.trials.gains import Gain
from lowland.trials.masks import hide_cells

# most rows whose lists are compared
MOST_ROWS = 2_000
# ratio of successive penalties, the first one over the smallest that gives zero factors, the maximum number
# of smaller ones, how many below the best end the path, and the largest over the first, where that is best
STEP, FIRST, LONGEST, PATIENCE, RAISED = 2.0**0.5, 0.25, 14, 2, 3.0
# highest rank of a fit whose rank is "auto": with the penalty, most of its factors are usually zero
HIGHEST_RANK = 64
# weight of a cell that is not listed, over the mean weight of those that are, and at most over the smallest
USUAL_WEIGHT, MOST_WEIGHT = 0.2, 0.5
# tolerance and maximum sweeps of a fit on the path: lists hardly change after
TOLERANCE, SWEEPS = 1e-4, 60


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False)
class ListPath(Shown):
    """How the penalty was chosen where cells that are not listed count.

    Parameters
    ----------
    penalties : ndarray, shape (k,)
        Those compared, the largest first.
    gains : ndarray, shape (k,)
        Normalised discounted cumulative gain of lists of ten columns, averaged over rows with held-out cells.
    uncertainties : ndarray, shape (k,)
        Standard error of the difference of each from the best, over the rows.
    settings : CompletionSettings
        Settings with the chosen rank and penalty.
    rows : int
        Number of rows whose lists were compared.

    Notes
    -----
    The chosen penalty is the largest whose gain is within one standard error of the best.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> kind = rng.integers(2, size=(60, 1)) == rng.integers(2, size=30)
    >>> rows, columns = np.nonzero(rng.random(kind.shape) < np.where(kind, 0.5, 0.05))
    >>> clicks = ll.Observations.from_triples(rows, columns, np.ones(rows.size))
    >>> path = ll.MatrixCompletion(unlisted=0, random_state=0).fit(clicks).rank_path_
    >>> path.settings.penalty in path.penalties, path.rows
    (True, 50)
    """

    penalties: Vector
    gains: Vector
    uncertainties: Vector
    settings: CompletionSettings
    rows: int

    def _lines(self) -> list[str]:
        chosen = self.settings
        lines = [
            f"rank {chosen.rank} and penalty {chosen.penalty:.4g}, chosen on lists of "
            f"{counted(self.rows, 'row')} with held-out cells"
        ]
        for penalty, gain, unsure in zip(self.penalties, self.gains, self.uncertainties, strict=True):
            lines.append(
                f"  penalty {penalty:.4g}: NDCG at {LENGTHS[0]} {gain:.4f}, best within +- {unsure:.2g}"
            )
        return lines


def weight_of_unlisted(table: Observations, given: float | None) -> float:
    """Return the weight of each cell that is not listed: the given one, else a fifth of a listed cell's.

    Raises
    ------
    InvalidInputError
        If the given one is not smaller than the weight of each listed cell.
    """
    weights = np.ones(1) if table.weights is None else table.weights.astype(np.float64)
    least = float(weights.min(initial=np.inf))
    if given is None:
        return float(min(USUAL_WEIGHT * weights.mean(), MOST_WEIGHT * least))
    if given >= least:
        raise InvalidInputError(
            Words(Option("unlisted_weight"), " must be smaller than the weight of each listed cell"),
            f"{number(given)}, the smallest weight is {number(least)}",
            fix="lower it, or give listed cells larger weights",
        )
    return given


def check_listed(table: Observations, unlisted: float) -> None:
    """Raise if all listed cells hold what the others count as, so that nothing is to be fitted."""
    if table.size and (table.values == unlisted).all():
        raise InvalidInputError(
            "cells that are not listed count as what all listed cells hold",
            Words(Option("unlisted", unlisted)),
            fix=Words("pass another value, such as ", Option("unlisted", 0 if unlisted else -1)),
        )


def choose_by_lists(
    table: Observations,
    settings: CompletionSettings,
    *,
    rank: int | None,
    penalty: float | None,
    rng: np.random.Generator,
) -> tuple[ListPath | None, CompletionSettings]:
    """Choose rank and penalty where they are None; the others are those of the settings.

    Parameters
    ----------
    table : Observations
    settings : CompletionSettings
    rank : int or None
        None: as high as allowed, since the penalty makes factors zero that are of no use.
    penalty : float or None
        None: lists of the best columns decide, along a path of falling penalties, by how many of the cells
        they hold that were held out of the fits.
    rng : numpy.random.Generator

    Returns
    -------
    path : ListPath or None
        None if nothing was compared.
    settings : CompletionSettings
    """
    settings = replace(settings, rank=rank or max(1, min(HIGHEST_RANK, min(table.shape) - 1)))
    if penalty is not None:
        return None, replace(settings, penalty=penalty)
    kept, apart = table.hide(hide_cells(table, LISTS.hides, rng))
    judged = np.unique(apart.rows)
    judged = judged[np.linspace(0, judged.size - 1, min(judged.size, MOST_ROWS)).astype(np.intp)]
    apart = apart.select(np.isin(apart.rows, judged))
    brief = replace(settings, penalty=1.0, tolerance=TOLERANCE, max_iterations=SWEEPS)
    largest = FIRST * critical_ridge(completion_objective(kept, brief), rng) or 1.0

    def gains_at(strength: float) -> Vector:
        fit = _fitted(kept, replace(brief, penalty=strength), rng)
        return gains_of_apart(fit.model.row_scores, kept, apart)

    def best() -> float:
        return max(gains, key=lambda strength: float(gains[strength].mean()))

    gains = {largest: gains_at(largest)}
    while len(gains) < LONGEST and sum(strength < best() for strength in gains) < PATIENCE:
        gains[min(gains) / STEP] = gains_at(min(gains) / STEP)
    while best() == max(gains) < RAISED * largest:
        gains[max(gains) * STEP] = gains_at(max(gains) * STEP)
    penalties = sorted(gains, reverse=True)
    surplus = [Gain.of(gains[best()] - gains[strength]) for strength in penalties]
    means = [float(gains[strength].mean()) for strength in penalties]
    (rule,) = LISTS.rules
    chosen = next(
        k for k, one in enumerate(surplus) if one.difference <= rule.margin(one.standard_error, means[k])
    )
    settings = replace(settings, penalty=penalties[chosen])
    unsure = np.array([one.standard_error for one in surplus])
    return ListPath(np.array(penalties), np.array(means), unsure, settings, judged.size), settings


def _fitted(kept: Observations, settings: CompletionSettings, rng: np.random.Generator) -> CompletionFit:
    with stage(f"choosing: penalty {settings.penalty:.3g}"):
        fit = fit_completion(kept, settings, rng=rng, certify=False, settle=False)
    if fit.stop_reason is StopReason.INTERRUPTED:
        raise KeyboardInterrupt  # an incomplete path allows no choice
    return fit
