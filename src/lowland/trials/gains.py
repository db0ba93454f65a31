"""By how much a candidate is better than a baseline on the same hidden cells, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Vector


def _ratio(part: float, whole: float) -> float:
    """Return a quotient, infinite of something over zero, and NaN of nothing over zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.divide(part, whole))


@final
@dataclass(frozen=True)
class Gain:
    """By how much a candidate is better than a baseline.

    Parameters
    ----------
    difference : float
        Mean over the hidden cells of what the candidate gains.
    standard_error : float
        Of that mean, cell by cell; 0 where errors are compared as a whole.
    share : float
        Of the baseline's error; NaN if that is zero.
    errors : Gain or None
        What is gained in errors, beside a gain in another measure.
    """

    difference: float
    standard_error: float
    share: float
    errors: Gain | None = None

    @classmethod
    def of(cls, gains: Vector, totals: tuple[float, float] | None = None, errors: Gain | None = None) -> Gain:
        """Return the gain from those of single cells, which are shares of the error themselves by default.

        Parameters
        ----------
        gains : ndarray, shape (k,)
        totals : pair of float, optional
            The errors of the baseline and of the candidate as a whole, of which the share is told.
        errors : Gain, optional
        """
        mean = float(gains.mean())
        share = mean if totals is None else cls.between(*totals).share
        return cls(mean, float(gains.std() / np.sqrt(gains.size)), share, errors)

    @classmethod
    def between(cls, before: float, after: float) -> Gain:
        """Return what lies between the error of a baseline and that of a candidate, as a whole."""
        difference = before - after
        return cls(difference, 0.0, 1.0 if difference == np.inf else _ratio(difference, before))

    @property
    def sureness(self) -> float:
        """The difference in standard errors; 0 where these are infinite, as nothing is known of them."""
        return 0.0 if self.standard_error == np.inf else _ratio(self.difference, self.standard_error)


@final
@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a gain must exceed; None is not asked for.

    Parameters
    ----------
    share : float, optional
    standard_errors : float, optional
    difference : float, optional
    errors : Rule, optional
        For what is gained in errors, beside a gain in another measure.
    """

    share: float | None = None
    standard_errors: float | None = None
    difference: float | None = None
    errors: Rule | None = None

    def allows(self, gain: Gain) -> bool:
        """Return whether a gain is large and sure enough; NaN never is."""
        asked = (
            (self.share, gain.share),
            (self.standard_errors, gain.sureness),
            (self.difference, gain.difference),
        )
        enough = all(least is None or value > least for least, value in asked)
        return enough and (
            self.errors is None or (gain.errors is not None and self.errors.allows(gain.errors))
        )

    def margin(self, standard_error: float, error: float) -> float:
        """Return what a difference must exceed, by its standard error and the error that shares are of."""
        return max((self.standard_errors or 0.0) * standard_error, (self.share or 0.0) * error)
