"""Distribution-free intervals: calibrated on held-out cells, whatever the model or the noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np

from lowland.core.arrays import Indices, Vector
from lowland.core.errors import UnsupportedError
from lowland.core.observations import Observations

# part of the observed cells that calibrates, and how many suffice
SHARE = 0.1
MOST = 20_000


class Predictor(Protocol):
    """A fitted table that predicts cells and knows how far off a new observation may be."""

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells, shape (k,)."""

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard errors of new observations of cells, shape (k,)."""


Fit = Callable[[Observations, np.random.Generator], Predictor]


@final
@dataclass(frozen=True, eq=False)
class Conformal:
    """A fit to most cells, and the scores of the others, which say how wide intervals must be.

    A score is an absolute error over the model's own standard error of a new observation. If a new
    cell is as likely as each of the held-out ones to have any of the ranks, an interval that reaches
    the ceil((k + 1) level)-th of k scores holds it with probability at least `level`, over the choice
    of cells.

    Parameters
    ----------
    predictor : Predictor
        Fitted to the cells that were kept; intervals are centred at its predictions.
    scores : ndarray, shape (k,)
        Of the held-out cells, ascending.

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
                f"{count} for {level:g}",
                f"at least {int(np.ceil(level / (1 - level) - 1e-9))} are needed",
                "lower the level, or use the model's own intervals",
            )
        centre = self.predictor.predict(rows, columns)
        reach = self.scores[place - 1] * self.predictor.standard_errors(rows, columns)
        return centre - reach, centre + reach


def calibrate(observations: Observations, fit: Fit, rng: np.random.Generator) -> Conformal:
    """Fit most of the cells and score the others.

    Parameters
    ----------
    observations : Observations
    fit : callable
        Fits a table, given a generator.
    rng : numpy.random.Generator
        For the choice of cells and the fit.

    Returns
    -------
    Conformal

    Notes
    -----
    Costs another fit.
    """
    kept, apart = hold_out(observations, rng)
    predictor = fit(kept, rng)
    errors = np.abs(apart.values - predictor.predict(apart.rows, apart.columns))
    return Conformal(predictor, np.sort(errors / predictor.standard_errors(apart.rows, apart.columns)))


def hold_out(observations: Observations, rng: np.random.Generator) -> tuple[Observations, Observations]:
    """Return most of the cells, and a random tenth (20,000 at most).

    Raises
    ------
    UnsupportedError
        If there are too few cells.
    """
    size = observations.size
    count = min(max(round(SHARE * size), 1), MOST)
    if count >= size:
        raise UnsupportedError(
            "the table is too small to hold cells out",
            f"{size} observed",
            fix="use the model's own intervals",
        )
    held = np.zeros(size, dtype=bool)
    held[rng.choice(size, count, replace=False)] = True
    return observations.select(~held), observations.select(held)
