"""How long the sweeps of a completion learn priors and noise, and from which cells.

The mean-field approximation takes rows and columns for better known than they are. Priors and noise that are
learnt from it drift on, long after the predictions have settled, to values that predict worse. So they are
learnt until the predictions settle, and then held while rows and columns converge, after which going on
changes nothing. Of grades, some cells are held out of the learning, whose errors bound the noise from below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.bayes.posterior import Posterior
from lowland.bayes.products import product_means, product_variances
from lowland.bayes.side_prior import SidePrior
from lowland.cells.sides import TableCells
from lowland.completion.cells.held_out import HeldCells
from lowland.core.arrays import Indices, Vector
from lowland.kernels.systems.moments import Moments

# predictions have settled once two sweeps change them by less than this share of their standard deviations
SETTLED = 0.03
# and once the noise precision changes by less than this share: of precise tables it goes on rising
NOISE_SETTLED = 0.005
# number of cells whose predictions are looked at
LOOKED_AT = 500


@final
@dataclass(frozen=True, eq=False)
class PriorTrial:
    """The cells that priors and noise are learnt from, where some are held out.

    Parameters
    ----------
    cells : TableCells
        All but those held out.
    priors : pair of SidePrior
        With the features that these cells give.
    held : HeldCells
    """

    cells: TableCells
    priors: tuple[SidePrior, SidePrior]
    held: HeldCells

    def noise_variance(self, rows: Moments, columns: Moments, tau: Vector, rank: int) -> float:
        """Return the variance of the noise, alpha^-1, that explains the errors on the cells held out.

        It is what their squared errors leave beyond the variances of the predictions; negative where these
        explain more than all of them.
        """
        held = self.held
        errors = product_means(rows.means, columns.means, held.at, rank) - held.values
        beyond = errors**2 - product_variances(rows, columns, held.at, rank)
        return float(np.mean(held.weights * tau[held.columns] * beyond))


def looked_at(shape: tuple[int, int]) -> tuple[Indices, Indices]:
    """Return cells, most of them not observed, whose predictions tell whether a fit has settled."""
    rng = np.random.default_rng(0)
    rows, columns = (rng.integers(0, length, LOOKED_AT) for length in shape)
    return rows, columns


def change_of(
    before: Posterior, rows: Moments, columns: Moments, at: tuple[Indices, Indices], rank: int
) -> tuple[Vector, float]:
    """Return predictions of cells, and their change since a posterior over their standard deviations.

    Both are root mean squares over the cells.
    """
    now = product_means(rows.means, columns.means, at, rank).astype(np.float64)
    spread = float(np.mean(product_variances(rows, columns, at, rank)))
    moved = float(np.mean((now - before.sampled) ** 2))
    return now, float(np.sqrt(moved / max(spread, np.finfo(float).tiny)))
