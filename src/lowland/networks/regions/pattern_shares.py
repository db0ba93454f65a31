"""Exact number of full-rank patterns in one dimension; estimated width that a layer needs."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import comb, gcd
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_share, whole_number
from lowland.core.random import RandomSource, make_generator, spawn
from lowland.core.results.shown import Shown
from lowland.core.running.progress import OnProgress, Reporter
from lowland.core.work import counted
from lowland.kernels.modular_arithmetic.exact_integers import integer_rows
from lowland.networks.kernels.exact_ranks import full_rank
from lowland.networks.network import check_inputs
from lowland.networks.regions.patterns import augmented

# pattern entries of the widest layer tried
MOST_NUMBERS = 20_000_000
# counted work after which only as many networks are drawn as confidence limits need
ENOUGH_WORK = 4e9


def full_pattern_count(n_points: int, width: int) -> int:
    """Return how many of the (2 n)^width patterns of neurons with biases on n numbers have rank n.

    It is counted by inclusion and exclusion over gaps that no neuron separates. The rank is that of the
    pattern itself; the Jacobian, with twice the columns, can have full rank even if the pattern has not.

    Parameters
    ----------
    n_points : int
    width : int

    Returns
    -------
    int
        Exact.

    Examples
    --------
    >>> full_pattern_count(4, 4), full_pattern_count(4, 5)
    (480, 9360)
    """
    n, w = whole_number(n_points, "n_points", 1), whole_number(width, "width", 1)
    signs = [(-1) ** j * comb(n - 1, j) for j in range(n)]
    whole: int = sum(s * (2 * (n - j)) ** w for j, s in enumerate(signs))
    one_sided: int = sum(s * (n - j) ** w for j, s in enumerate(signs))
    count: int = whole - 2 ** (n - 1) * one_sided
    return count


def full_pattern_share(n_points: int, width: int) -> float:
    """Return `full_pattern_count` over (2 n)^width."""
    return float(Fraction(full_pattern_count(n_points, width), (2 * n_points) ** width))


@public("lowland.networks")
@final
@dataclass(frozen=True, eq=False, repr=False)
class WidthAdvice(Shown):
    """How wide a layer must be for most regions to have no bad differentiable minimum.

    Parameters
    ----------
    width : int
        Estimated width at which the requested share is reached.
    lower, upper : int
        95 % confidence limits of the width, for any distribution; `upper` is a safe choice.
    probability : float
        The requested share.
    least_widths : ndarray of int
        The smallest width at which each draw had full rank.
    law : str
        How data and weights were drawn.

    Examples
    --------
    >>> import lowland as ll
    >>> advice = ll.networks.advise_width(10, 2, 0.9, n_draws=60, rng=0)
    >>> advice.lower <= advice.width <= advice.upper, advice.least_widths.size
    (True, 60)
    >>> print(advice.law)
    weights normal, data normal, 60 draws
    """

    width: int
    lower: int
    upper: int
    probability: float
    least_widths: NDArray[np.intp]
    law: str

    def _lines(self) -> list[str]:
        return [
            f"width {self.width} ({self.lower} to {self.upper} with 95 % confidence): "
            f"{100 * self.probability:g} % of regions by volume have no bad minimum; {self.law}"
        ]


@public("lowland.networks")
def advise_width(
    n_points: int,
    n_inputs: int,
    probability: float = 0.95,
    *,
    bias: bool = True,
    inputs: Matrix | None = None,
    n_draws: int = 400,
    rng: RandomSource = None,
    on_progress: OnProgress | None = None,
) -> WidthAdvice:
    """Return how wide a ReLU layer must be for a share of its regions to have no bad minimum.

    Parameters
    ----------
    n_points : int
        Number n of data points.
    n_inputs : int
        Number d of inputs.
    probability : float
        Share of regions by volume, under a normal law of weights and biases.
    bias : bool
        Whether neurons have biases.
    inputs : ndarray, shape (n, d), optional
        Given data; by default normal, drawn anew each time.
    n_draws : int
        Largest number of networks drawn; for many points, after some seconds of work, only as many as the
        limits need. Neurons are added one by one, so the width at which the rank becomes full is exact.
    rng : int or Generator
    on_progress : callable, optional
        Called after each draw with the number of draws, 0 (the total is not known), and the seconds so far.

    Returns
    -------
    WidthAdvice

    Raises
    ------
    InvalidInputError
        If the probability is not between 0 and 1, or there are too few draws for it.

    Examples
    --------
    >>> import lowland as ll
    >>> advice = ll.networks.advise_width(20, 5, 0.9, n_draws=100, rng=0)
    >>> advice.lower <= advice.width <= advice.upper
    True
    """
    n, d = whole_number(n_points, "n_points", 1), whole_number(n_inputs, "n_inputs", 1)
    draws = whole_number(n_draws, "n_draws", 20)
    check_share("probability", probability)
    if not _has_limits(draws, probability):
        raise InvalidInputError(
            "n_draws is too small for this probability",
            f"{draws} draws for probability {probability}",
            fix="draw more networks",
        )
    networks, residues = spawn(make_generator(rng), 2)
    if inputs is not None:
        inputs = check_inputs(inputs)
        if inputs.shape != (n, d):
            raise InvalidInputError("inputs do not match n_points and n_inputs", f"shape {inputs.shape}")
        _check_apart(augmented(inputs, bias))
    tell = Reporter(on_progress, what="random networks")
    with counted() as work:
        least_widths: list[int] = []
        for stream in spawn(networks, draws):
            layers = _Layers(n, d, bias, inputs, stream, residues)
            least_widths.append(_least_width(layers, least_widths[-1] if least_widths else 4))
            tell(len(least_widths))
            if work.spent > ENOUGH_WORK and _has_limits(len(least_widths), probability):
                break
    low, high = _quantile_limits(len(least_widths), probability)
    least = np.sort(least_widths)
    place = int(np.ceil(probability * len(least_widths))) - 1
    law = f"weights normal, data {'given' if inputs is not None else 'normal'}, {len(least_widths)} draws"
    return WidthAdvice(int(least[place]), int(least[low]), int(least[high]), probability, least, law)


def _quantile_limits(draws: int, probability: float) -> tuple[int, int]:
    """Return the order statistics between which a quantile lies with 95 % confidence."""
    from scipy.stats import binom

    # from the l-th to the u-th smallest, l <= B < u for the number B of draws below the quantile
    low, high = binom.ppf([0.025, 0.975], draws, probability).astype(int)
    return low - 1, high


def _has_limits(draws: int, probability: float) -> bool:
    """Return whether the number of draws suffices for both limits."""
    low, high = _quantile_limits(draws, probability)
    return low >= 0 and high < draws


def _check_apart(rows: Matrix) -> None:
    """Raise InvalidInputError if two points are positive multiples: their patterns are always the same."""
    seen = set()
    for row in integer_rows(rows):
        divisor = gcd(*row)
        direction = tuple(number // divisor for number in row) if divisor else ()
        if not divisor or direction in seen:
            raise InvalidInputError(
                "no width gives full rank",
                "inputs repeat, or without biases are zero or multiples of each other",
                fix="remove such points",
            )
        seen.add(direction)


@final
class _Layers:
    """Patterns of layers of growing width on one draw of data."""

    def __init__(
        self,
        n: int,
        d: int,
        bias: bool,
        inputs: Matrix | None,
        rng: np.random.Generator,
        residues: np.random.Generator,
    ) -> None:
        points = rng.standard_normal((n, d)) if inputs is None else np.asarray(inputs, dtype=float)
        self.points = np.hstack([points, np.ones((n, 1))]) if bias else points
        self.active, self.rng, self.residues = np.zeros((n, 0), bool), rng, residues
        # fewer neurons than this have fewer weights than there are points
        self.least: int = -(-n // int(self.points.shape[1]))

    def is_full(self, width: int) -> bool:
        """Return whether the first `width` neurons have full rank."""
        n, d = self.points.shape
        if n * width > MOST_NUMBERS:
            raise InvalidInputError(
                "no width tried gives full rank",
                f"{self.active.shape[1]} neurons on {n} points",
                fix="use fewer points",
            )
        if width > self.active.shape[1]:
            # neuron by neuron, so the draws do not depend on how many are requested at a time
            weights = self.rng.standard_normal((width - self.active.shape[1], d))
            self.active = np.hstack([self.active, self.points @ weights.T > 0])
        return bool(full_rank(self.active[None, :, :width], self.points, self.residues)[0])


def _least_width(layers: _Layers, guess: int) -> int:
    """Return the smallest width of full rank, searched from a guess: more neurons never lower the rank."""
    low, high, step = layers.least - 1, max(guess, layers.least), 1
    while not layers.is_full(high):
        low, high, step = high, high + step, 2 * step
    step = 1
    while high - low > 1:
        middle = high - min(step, (high - low) // 2)
        if layers.is_full(middle):
            high, step = middle, 2 * step
        else:
            low = middle
    return high
