"""Distribution-free intervals, calibrated on held-out cells without assumptions on model or noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.tables.trial import Predictor, Refit, Trial, hold_trial
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.core.wording import Option, Remedy, Words, counted
from lowland.trials.choices import GAP_INTERVALS
from lowland.trials.masks import hide_gaps

# cells wanted to calibrate intervals in gaps
ENOUGH = 500


@final
@dataclass(frozen=True, eq=False)
class Conformal:
    """A fit to most cells, and the scores of the others, which set the width of the intervals.

    A score is an absolute error divided by the model's standard error of a new observation. If a new
    cell is exchangeable with the held-out ones, an interval as wide as the ceil((k + 1) level)-th
    smallest of k scores contains its value with probability at least `level`, over the choice of cells.

    Parameters
    ----------
    predictor : Predictor
        Fitted to the cells that were kept; intervals are centred at its predictions.
    scores : ndarray, shape (k,)
        Scores of the held-out cells, ascending.

    References
    ----------
    J. Lei et al., Distribution-free predictive inference for regression, JASA 2018; Y. Gui,
    R. F. Barber, C. Ma, Conformalized matrix completion, NeurIPS 2023.
    """

    predictor: Predictor
    scores: Vector

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return lower and upper ends for new observations, shape (k,) each.

        Raises
        ------
        UnsupportedError
            If the held-out cells are too few for the level.
        """
        count = self.scores.size
        place = int(np.ceil((count + 1) * level))
        if place > count:
            raise UnsupportedError(
                "the held-out cells are too few for this level",
                f"{counted(count, 'cell')}, level {level:g}",
                f"at least {int(np.ceil(level / (1 - level) - 1e-9))} are needed",
                Remedy(
                    "lower the level",
                    Words(
                        "use the model's own intervals: ", Option("method", "auto", typed="interval_method")
                    ),
                ),
            )
        centre = self.predictor.predict(rows, columns)
        reach = self.scores[place - 1] * self.predictor.standard_errors(rows, columns)
        return centre - reach, centre + reach


Groups = Sequence[NDArray[np.bool_]]


def calibrate(
    trials: Sequence[Trial], centre: Predictor, groups: Groups
) -> list[tuple[NDArray[np.bool_], Conformal]]:
    """Calibrate on the cells that were held out of one fit or several.

    Parameters
    ----------
    trials : sequence of Trial
    centre : Predictor
        Intervals are centred at its predictions.
    groups : sequence of ndarray of bool, shape (n,)
        Columns that are calibrated together.

    Returns
    -------
    list of (group, Conformal)
    """
    return [
        (group, Conformal(centre, np.sort(np.concatenate([trial.scores_of(group) for trial in trials]))))
        for group in groups
    ]


def gap_trials(table: Observations, fit: Refit, rng: np.random.Generator) -> list[Trial]:
    """Hold out gaps like those of a table several times.

    Parameters
    ----------
    table : Observations
    fit : callable
        Fits a table, given a generator.
    rng : numpy.random.Generator
        For the choice of cells and the fits.

    Notes
    -----
    Errors within a gap are correlated, so that a few gaps tell little: at least `ENOUGH` cells are scored, by
    several fits. Pooling fits makes the level approximate.
    """
    trials: list[Trial] = []
    while len(trials) < GAP_INTERVALS.hides.times and sum(trial.observed.size for trial in trials) < ENOUGH:
        trials.append(hold_trial(table, fit, rng, GAP_INTERVALS, hide_gaps))
    return trials
