"""A fit of a table by its column means, for tests of what is done around fits."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from scipy.special import ndtri

from lowland.bayes.side_orders import SideOrders


class ColumnMeans:
    """Normal intervals around column means, of a spread that may be wrong by a factor."""

    interval_method = "posterior"
    method = "variational"

    def __init__(self, table, factor=1.0):
        self.observations = table
        n = table.shape[1]
        parts = [table.values[table.columns == j] for j in range(n)]
        self.means = np.array([part.mean() if part.size else 0.0 for part in parts])
        self.spreads = np.array([part.std() if part.size > 1 else 1.0 for part in parts]) * factor
        self.model = SimpleNamespace(losses=None, shape=table.shape)

    def predictor(self):
        return self

    def predict(self, rows, columns):
        return self.means[columns]

    def standard_errors(self, rows, columns):
        return self.spreads[columns]

    def intervals(self, rows, columns, level):
        reach = ndtri((1 + level) / 2) * self.spreads[columns]
        return self.means[columns] - reach, self.means[columns] + reach


class Knowing(ColumnMeans):
    """The same that knows the truth: better than all else."""

    truth = None

    def predict(self, rows, columns):
        return self.truth[rows, columns]


@dataclass
class Asked:
    """A request of such fits, which notes what they saw."""

    seed: int = 0
    factor: float = 1.0
    orders: SideOrders = SideOrders()  # noqa: RUF009 (nothing changes it)
    covariates: tuple = (None, None)
    fitted: object = None
    fits: type = ColumnMeans

    def fit(self, table, rng):
        self.fitted = table
        return self.fits(table, self.factor)
