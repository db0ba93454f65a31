"""Losses of measurements by name; robust ones have thresholds in standard deviations of the noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Indices, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.promises.protocols import Loss
from lowland.core.wording import Option, Words
from lowland.losses import LOSSES, Clipped
from lowland.measure import RealParts
from lowland.objectives import RecoveryObjective

# thresholds beyond which errors count linearly, in standard deviations of the noise: with Huber's choice
# 95 % of the efficiency of least squares is kept where nothing is wrong; and bounds on what may be passed
THRESHOLDS = {"huber": 1.345, "absolute": 0.05}
LEAST, MOST = 1e-3, 1e3
# measurements further off are named as gross errors, in standard deviations of the noise
FAR_OFF = 5.0
# the median of the absolute error of a normal law, in standard deviations
MEDIAN = 0.6745


@final
@dataclass(frozen=True)
class RobustLoss:
    """A loss that is squared up to a threshold and absolute beyond, the threshold in spreads of the noise.

    Parameters
    ----------
    word : {"huber", "absolute"}
    threshold : float
        In standard deviations of the noise.
    """

    word: str
    threshold: float

    def at(self, width: float) -> Clipped:
        """Return the loss with its threshold in the unit of the data."""
        return Clipped.huber(width) if self.word == "huber" else Clipped(-1.0, 1.0, width)


def loss_by_name(name: str) -> Loss | RobustLoss:
    """Return the loss of measurements that a user names, such as "squared" or "huber:2".

    Raises
    ------
    InvalidInputError
        If there is none.
    """
    word, colon, rest = name.partition(":") if isinstance(name, str) else (repr(name), "", "")
    if word in LOSSES and not colon:
        return LOSSES[word]()
    if word not in THRESHOLDS or (colon and word == "absolute"):
        fix = Words("use ", Option("loss", *LOSSES, *THRESHOLDS))
        raise InvalidInputError(Words(Option("loss"), " is unknown"), repr(name), fix=fix)
    try:
        threshold = float(rest) if colon else THRESHOLDS[word]
    except ValueError:
        threshold = np.nan
    if not LEAST <= threshold <= MOST:
        raise InvalidInputError(
            Words(Option("loss", word), f" takes a threshold between {LEAST:g} and {MOST:g}"),
            repr(name),
            "it is in standard deviations of the noise",
            Words("for example ", Option("loss", "huber:1.345")),
        )
    return RobustLoss(word, threshold)


def size_of(y: Vector) -> float:
    """Return the spread of data, 1 if all are zero; gross errors do not move it."""
    return spread_of(y[y != 0], 0) or 1.0


def far_off(objective: RecoveryObjective, theta: Vector, spreads: float) -> Indices:
    """Return which measurements are further off than so many standard deviations of the noise, ascending."""
    errors = objective.predict(theta) - objective.y
    noise = spread_of(errors, objective.degrees_of_freedom)
    far = np.flatnonzero(np.abs(errors) > spreads * noise)
    return np.unique(far // numbers_per_measurement(objective))


def numbers_per_measurement(objective: RecoveryObjective) -> int:
    """Return 2 where real and imaginary parts are data, else 1."""
    return 2 if isinstance(objective.measurement, RealParts) and objective.measurement.both else 1


def spread_of(errors: Vector, fitted: int) -> float:
    """Return the standard deviation of noise by the median of what remains, which gross errors do not move.

    Parameters
    ----------
    errors : ndarray, shape (p,)
    fitted : int
        Number of unknowns: a robust fit meets up to as many data exactly, and these say nothing.
    """
    sizes = np.sort(np.abs(errors))
    rest = sizes[min(fitted, sizes.size) :]
    return float(np.median(rest)) / MEDIAN if rest.size else 0.0
