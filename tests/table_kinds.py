"""Tables of all kinds of numbers, and the units that fits use for them."""

import numpy as np

from lowland.cells.sides import TableCells
from lowland.completion.bayesian.scaling import Scaling
from lowland.completion.cells.summary import TableSummary

SHAPE = (40, 6)
KINDS = ("numbers", "skewed", "shares", "counts", "offset", "units", "constant", "grades", "outlier", "few")


def numbers(kind, seed=0):
    """Return a table of one kind of numbers, a tenth of it missing."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((SHAPE[0], 1)) @ rng.standard_normal((1, SHAPE[1]))
    z = z + 0.2 * rng.standard_normal(SHAPE)
    values = {
        "numbers": z,
        "skewed": np.exp(1.5 * z),
        "shares": np.round(1 / (1 + np.exp(-3 * z)), 3),
        "counts": rng.poisson(np.exp(2 * z)).astype(float),
        "offset": 1e8 + z,
        "units": z * 10.0 ** np.arange(-9, 9, 3),
        "constant": np.broadcast_to([3.3, 0.0, -7.0, 1e9, 0.1, 0.7], SHAPE),
        "grades": np.clip(np.round(3 + 2 * z), 1, 5),
        "outlier": np.where(np.add.outer(np.arange(SHAPE[0]), np.arange(SHAPE[1])) == 7, 1e12, z),
        # columns and rows of one number, two, and none
        "few": np.where(np.add.outer(np.arange(SHAPE[0]), 9 * np.arange(SHAPE[1])) < 11, z, np.nan),
    }[kind]
    return np.where(rng.random(SHAPE) < 0.1, np.nan, values)


def scaling_of(seen):
    """Return the scaling that a Bayesian fit uses, as a document states it."""
    own = Scaling.of(TableSummary.of(TableCells.of(seen)), "column")
    return {"centres": own.centres.tolist(), "spreads": own.spreads.tolist()}
