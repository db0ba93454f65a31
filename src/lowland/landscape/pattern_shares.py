"""How many patterns in one dimension have full rank, exactly; how wide a layer must be, by draws."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import comb, gcd
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError
from lowland.core.networks import check_inputs
from lowland.core.numbers import check_share, whole_number
from lowland.core.random import RandomSource, make_generator, spawn
from lowland.kernels.exact_integers import integer_rows
from lowland.kernels.relu_rank import full_rank
from lowland.landscape.neuron_patterns import augmented

# pattern entries of the widest layer tried
MOST_NUMBERS = 20_000_000


def full_pattern_count(n_points: int, width: int) -> int:
    """Return how many of the (2 n)^width patterns of neurons with biases on n numbers have rank n.

    By inclusion and exclusion over gaps that no neuron separates. This is the rank of the pattern itself; the
    Jacobian, which has twice the columns, needs less.

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


@final
@dataclass(frozen=True, eq=False)
class WidthAdvice:
    """How wide a layer must be for most regions to have no bad differentiable minimum.

    Parameters
    ----------
    width : int
        Estimated width at which the share asked for is reached.
    lower, upper : int
        95 % confidence limits of it, whatever the distribution; `upper` is a safe choice.
    probability : float
        The share.
    least_widths : ndarray of int
        The width from which on each draw had full rank.
    law : str
        How data and weights were drawn.
    """

    width: int
    lower: int
    upper: int
    probability: float
    least_widths: NDArray[np.intp]
    law: str

    def __str__(self) -> str:
        return (
            f"width {self.width} ({self.lower} to {self.upper} with 95 % confidence): "
            f"{100 * self.probability:g} % of regions by volume hold no bad minimum; {self.law}"
        )


def advise_width(
    n_points: int,
    dimension: int,
    probability: float = 0.95,
    *,
    bias: bool = True,
    inputs: Matrix | None = None,
    n_draws: int = 400,
    rng: RandomSource = 0,
) -> WidthAdvice:
    """Return how wide a ReLU layer must be for a share of its regions to hold no bad minimum.

    Parameters
    ----------
    n_points : int
        Number n of data points.
    dimension : int
        Number d of inputs.
    probability : float
        Share of regions, by volume: of weights and biases drawn from a normal law.
    bias : bool
        Whether neurons have biases.
    inputs : ndarray, shape (n, d), optional
        Data of one's own; by default normal, drawn anew each time.
    n_draws : int
        Networks drawn. Neurons are added one by one, and the width at which the rank becomes full is exact.
    rng : int or Generator

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
    >>> advice = ll.advise_width(20, 5, 0.9, n_draws=100)
    >>> advice.lower <= advice.width <= advice.upper
    True
    """
    n, d = whole_number(n_points, "n_points", 1), whole_number(dimension, "dimension", 1)
    draws = whole_number(n_draws, "n_draws", 20)
    check_share("probability", probability)
    low, high = _quantile_limits(draws, probability)
    if low < 0 or high >= draws:
        raise InvalidInputError(
            "n_draws is too small for that probability",
            f"{draws} for {probability}",
            fix="draw more networks",
        )
    streams = spawn(make_generator(rng), 2)  # of networks, and of residues for their ranks
    if inputs is not None:
        inputs = check_inputs(inputs)
        if inputs.shape != (n, d):
            raise InvalidInputError("inputs do not fit n_points and dimension", f"shape {inputs.shape}")
        _check_apart(augmented(inputs, bias))
    least = np.array([_least_width(n, d, bias, inputs, streams) for _ in range(draws)])
    least.sort()
    place = int(np.ceil(probability * draws)) - 1
    law = f"weights normal, data {'given' if inputs is not None else 'normal'}, {draws} draws"
    return WidthAdvice(int(least[place]), int(least[low]), int(least[high]), probability, least, law)


def _quantile_limits(draws: int, probability: float) -> tuple[int, int]:
    """Return the order statistics between which a quantile lies with 95 % confidence."""
    from scipy.stats import binom

    # from the l-th to the u-th smallest, l <= B < u for the number B of draws below the quantile
    low, high = binom.ppf([0.025, 0.975], draws, probability).astype(int)
    return low - 1, high


def _check_apart(rows: Matrix) -> None:
    """Raise where two points are positive multiples of each other: their patterns are always the same."""
    seen = set()
    for row in integer_rows(rows):
        divisor = gcd(*row)
        direction = tuple(number // divisor for number in row) if divisor else ()
        if not divisor or direction in seen:
            raise InvalidInputError(
                "no width gives full rank",
                "inputs repeat, or without biases are multiples of each other or zero",
                fix="leave such points out",
            )
        seen.add(direction)


def _least_width(
    n: int, d: int, bias: bool, inputs: Matrix | None, streams: list[np.random.Generator]
) -> int:
    rng, residues = streams
    points = rng.standard_normal((n, d)) if inputs is None else np.asarray(inputs, dtype=float)
    if bias:
        points = np.hstack([points, np.ones((n, 1))])
    active = np.zeros((n, 0), bool)
    low: int = 0
    high: int = max(4, -(-n // points.shape[1]))

    def full(width: int) -> bool:
        return bool(full_rank(active[None, :, :width], points, residues)[0])

    while True:
        grown = points @ rng.standard_normal((points.shape[1], high - active.shape[1])) > 0
        active = np.hstack([active, grown])
        if full(high):
            break
        low, high = high, 2 * high
        if n * high > MOST_NUMBERS:
            raise InvalidInputError(
                "no width tried gives full rank",
                f"{low} neurons on {n} points",
                fix="draw fewer points",
            )
    while high - low > 1:  # more neurons never lower the rank
        middle = (low + high) // 2
        low, high = (low, middle) if full(middle) else (middle, high)
    return high
