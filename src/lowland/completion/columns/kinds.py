"""Kinds of columns: losses by their names, with the parameters that a column's values decide."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.promises.protocols import MajorisedLoss
from lowland.core.wording import Option, Words
from lowland.losses import Clipped, LogPoisson, Ordinal, Squared

# names of losses; for the number after the colon its default and open bounds, None if there is no number
WORDS: dict[str, tuple[float, float, float] | None] = {
    "squared": None,
    "huber": (1.345, 1e-3, 1e9),
    "absolute": None,
    "quantile": (0.5, 0.0, 1.0),
    "logistic": None,
    "poisson": None,
    "ordinal": None,
}
# largest log mean of a count that is drawn
LARGEST_LOG_MEAN = 40.0
# half-width of the quadratic that replaces a kink
WIDTH = 0.02
# kinds whose values are scaled before a fit and scaled back afterwards
NUMBERS = ("squared", "huber", "absolute", "quantile")
# kinds whose values are levels
LEVELS = ("logistic", "ordinal")
MOST_LEVELS = 50


@final
@dataclass(frozen=True)
class Kind:
    """A loss, with the parameters that a column's values decide.

    Parameters
    ----------
    word : str
        One of "squared", "huber", "absolute", "quantile", "logistic", "poisson", "ordinal".
    number : float
        Threshold of "huber" in standard deviations of the noise, level of "quantile"; else 0.
    levels : tuple of float
        Values of "logistic" and "ordinal", ascending.
    thresholds : tuple of float
        Thresholds between the levels.
    precision : float
        For "huber": inverse variance of the noise, in the unit of the fit.
    width : float
        For "absolute" and "quantile": smaller errors count quadratically, in the unit of the fit.
    """

    word: str
    number: float = 0.0
    levels: tuple[float, ...] = ()
    thresholds: tuple[float, ...] = ()
    precision: float = 1.0
    width: float = WIDTH

    @cached_property
    def loss(self) -> MajorisedLoss:
        """The loss in the unit of the fit."""
        if self.word == "huber":
            return Clipped.huber(float(self.number / np.sqrt(self.precision)))
        if self.word in ("absolute", "quantile"):
            return Clipped.quantile(self.number or 0.5, self.width)
        if self.word in LEVELS:
            return Ordinal(self.thresholds)
        return LogPoisson() if self.word == "poisson" else Squared()

    def probabilities(self, z: Vector) -> Matrix:
        """Return the probabilities of the levels given the natural parameter z, shape (p, K)."""
        return Ordinal(self.thresholds).probabilities(z)

    def mean(self, z: Vector) -> Vector:
        """Return expected values given the natural parameter z (for numbers, z itself)."""
        if self.word in LEVELS:
            return np.asarray(self.probabilities(z) @ np.asarray(self.levels))
        return np.asarray(np.exp(z)) if self.word == "poisson" else z

    def variance(self, z: Vector, precision: Vector) -> Vector:
        """Return variances of new observations given the natural parameter z."""
        if self.word in LEVELS:
            levels, probabilities = np.asarray(self.levels), self.probabilities(z)
            return np.asarray(probabilities @ levels**2 - (probabilities @ levels) ** 2)
        if self.word == "poisson":
            return np.asarray(np.exp(z))
        # a Laplace law of rate b has variance 2 / b^2
        return np.asarray(1 / precision if self.word in ("squared", "huber") else 2 / precision**2)

    def draw(self, z: Vector, precision: Vector, rng: np.random.Generator) -> Vector:
        """Return new observations given the natural parameter z, in the unit of the fit.

        The noise of numbers is normal, or Laplace for absolute losses, with the estimated precision.
        """
        if self.word in LEVELS:
            below = np.cumsum(self.probabilities(z), axis=1)[:, :-1]
            places = (rng.random(z.size)[:, None] > below).sum(axis=1)
            return np.asarray(np.asarray(self.levels)[places])
        if self.word == "poisson":
            return np.asarray(rng.poisson(np.exp(np.minimum(z, LARGEST_LOG_MEAN))), np.float64)
        if self.word in ("absolute", "quantile"):
            return np.asarray(z + rng.laplace(0.0, 1 / precision))
        return np.asarray(z + rng.standard_normal(z.size) / np.sqrt(precision))

    def widened(self, width: float) -> Kind:
        """Return the kind with a loss quadratic up to `width` at least; smooth losses are unchanged."""
        if self.word == "huber":
            return replace(self, precision=min(self.precision, (self.number / width) ** 2))
        if self.word in ("absolute", "quantile"):
            return replace(self, width=max(self.width, width))
        return self

    def excess(self, error: Vector) -> Vector:
        """Return the part of errors beyond the threshold of the Huber loss; zero for other losses."""
        if self.word != "huber":
            return np.zeros_like(error)
        threshold = float(self.number / np.sqrt(self.precision))
        return np.asarray(np.sign(error) * np.maximum(np.abs(error) - threshold, 0.0))

    def likeliest(self, z: Vector) -> Vector:
        """Return the most probable level, or the expected value for kinds without levels."""
        if self.word not in LEVELS:
            return self.mean(z)
        best = np.argmax(self.probabilities(z), axis=1)
        chosen: Vector = np.asarray(self.levels)[best]
        return chosen


def parse_word(text: str, name: str) -> tuple[str, float]:
    """Return the name and number of a loss such as "quantile:0.9".

    Parameters
    ----------
    text : str
    name : str
        Name of the argument, for error messages.
    """
    word, _, rest = text.partition(":") if isinstance(text, str) else (repr(text), "", "")
    if word not in WORDS:
        raise InvalidInputError(f"{name} is unknown", repr(text), fix=f"use one of {', '.join(WORDS)}")
    bounds = WORDS[word]
    if bounds is None:
        if rest:
            raise InvalidInputError(f'{name} "{word}" takes no number', repr(text))
        return word, 0.0
    try:
        number = float(rest) if rest else bounds[0]
    except ValueError:
        number = float("nan")
    if not bounds[1] < number < bounds[2]:
        raise InvalidInputError(
            f'{name} "{word}" takes a number between {bounds[1]:g} and {bounds[2]:g}', repr(text)
        )
    return word, number


def fitting_losses(levels: Vector) -> Words:
    """Return the words for the losses that a column with these distinct values may have."""
    ordinal = ("ordinal",) if 2 <= levels.size <= MOST_LEVELS else ()
    poisson = ("poisson",) if levels.min() >= 0 and (levels == np.round(levels)).all() else ()
    return Words("use ", Option("loss", *ordinal, *poisson, "squared"))
