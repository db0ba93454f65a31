"""Standard errors of a penalised fit, from the curvature at its solution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from lowland.completion.penalised.fit import CompletionFit
from lowland.completion.penalised.settings import row_weights
from lowland.core.arrays import Indices, Vector
from lowland.core.errors import UnsupportedError
from lowland.sensing.tangent_covariance import TangentCovariance, estimate_noise

# standard errors are at most about this many noise levels, so that a cell without information gets a wide
# interval and not an infinite one
WIDEST = 10.0


@final
@dataclass(frozen=True, eq=False)
class FisherErrors:
    """A penalised fit with standard errors of new observations; those of the noise alone if saturated.

    A new observation has the mean weight of the cells in its row.
    """

    fit: CompletionFit

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells, shape (k,)."""
        return self.fit.model.predict(rows, columns)

    @cached_property
    def _covariance(self) -> TangentCovariance:
        # cached, because it factorises a matrix once for all cells
        return TangentCovariance(self.fit.objective.in_double(), self.fit.theta.astype(np.float64))

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return the standard errors of cells, shape (k,)."""
        covariance = self._covariance
        try:
            level = estimate_noise(covariance.objective, covariance.theta, strict=False).level
            variances = covariance.of_entries(rows, columns)
        except UnsupportedError:  # saturated: the residuals carry no information on the noise
            level, variances = 1.0, np.zeros(rows.size)
        if not level > 0:
            level = 1.0
        noise = 1 / row_weights(self.fit.observations)[rows]
        errors: Vector = level * np.sqrt(noise + np.minimum(variances, WIDEST**2 * noise))
        return errors
