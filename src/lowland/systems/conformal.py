"""Distribution-free intervals: calibrated on held-out cells, whatever the model or the noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from lowland.certify.uncertainty import TangentCovariance, estimate_noise
from lowland.core.arrays import Indices, Vector
from lowland.core.errors import UnsupportedError
from lowland.core.observations import Observations
from lowland.systems.completion import CompletionFit, fit_completion
from lowland.systems.completion_settings import CompletionSettings, row_weights

# part of the observed cells that calibrates, and how many suffice
SHARE = 0.1
MOST = 20_000
# scales are kept within this factor of the usual one, so that a cell without information gets a wide
# interval and not an infinite one
WIDEST = 10.0


@final
@dataclass(frozen=True, eq=False)
class StandardErrors:
    """The model's standard errors of new observations, of the noise alone where it has no more.

    A new observation has the weight that its row's cells have on average.
    """

    fit: CompletionFit

    @cached_property
    def _covariance(self) -> TangentCovariance:
        # kept, for it factors a matrix once for all cells
        return TangentCovariance(self.fit.objective.in_double(), self.fit.theta.astype(np.float64))

    def at(self, rows: Indices, columns: Indices) -> Vector:
        """Return the standard errors of cells, shape (k,)."""
        covariance = self._covariance
        try:
            level = estimate_noise(covariance.objective, covariance.theta, strict=False).level
            variances = covariance.of_entries(rows, columns)
        except UnsupportedError:  # saturated: the residuals say nothing of the noise
            level, variances = 1.0, np.zeros(rows.size)
        if not level > 0:
            level = 1.0
        noise = 1 / row_weights(self.fit.observations)[rows]
        errors: Vector = level * np.sqrt(noise + np.minimum(variances, WIDEST**2 * noise))
        return errors


@final
@dataclass(frozen=True, eq=False)
class Conformal:
    """A fit to most cells, and the scores of the others, which say how wide intervals must be.

    A score is an absolute error over the model's own standard error of a new observation (over one
    where it has none). If a new cell is as likely as each of the held-out ones to have any of the ranks,
    an interval that reaches the ceil((k + 1) level)-th of k scores holds it with probability at least
    `level`, over the choice of cells.

    Parameters
    ----------
    fit : CompletionFit
        To the cells that were kept; intervals are centred at its predictions.
    scale : StandardErrors
        Of that fit.
    scores : ndarray, shape (k,)
        Of the held-out cells, ascending.

    References
    ----------
    J. Lei et al., Distribution-free predictive inference for regression, JASA 2018; Y. Gui,
    R. F. Barber, C. Ma, Conformalized matrix completion, NeurIPS 2023.
    """

    fit: CompletionFit
    scale: StandardErrors
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
                f"at least {int(np.ceil(level / (1 - level)))} are needed",
                'lower the level, or use method="fisher"',
            )
        centre = self.fit.model.predict(rows, columns)
        reach = self.scores[place - 1] * self.scale.at(rows, columns)
        return centre - reach, centre + reach


def calibrate(
    observations: Observations, settings: CompletionSettings, rng: np.random.Generator
) -> Conformal:
    """Fit most of the cells and score the others.

    Parameters
    ----------
    observations : Observations
    settings : CompletionSettings
    rng : numpy.random.Generator
        For the choice of cells and the start of the fit.

    Returns
    -------
    Conformal

    Notes
    -----
    Costs another fit.
    """
    size = observations.size
    count = min(max(round(SHARE * size), 1), MOST)
    if count >= size:
        raise UnsupportedError(
            "the table is too small to hold cells out", f"{size} observed", fix='use method="fisher"'
        )
    held = np.zeros(size, dtype=bool)
    held[rng.choice(size, count, replace=False)] = True
    fit = fit_completion(observations.select(~held), settings, rng=rng, certify=False)
    apart = observations.select(held)
    errors = np.abs(apart.values - fit.model.predict(apart.rows, apart.columns))
    scale = StandardErrors(fit)
    return Conformal(fit, scale, np.sort(errors / scale.at(apart.rows, apart.columns)))
