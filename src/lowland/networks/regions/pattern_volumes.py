"""Share of the volume of weights whose patterns have full rank, exactly, for one input and biases."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import whole_number
from lowland.networks.network import check_inputs

# neurons of the widest layer: tables of this many squared are formed
WIDEST = 5_000


@public("lowland.networks")
def full_pattern_volume(inputs: ArrayLike, width: int) -> float:
    """Return the probability that the pattern of a layer on given numbers has full rank, exactly.

    Parameters
    ----------
    inputs : array_like, shape (n,) or (n, 1)
        Different numbers.
    width : int
        Number of neurons. Their weights and biases are independent, of a law that is the same in all
        directions of the plane, as normal ones are.

    Returns
    -------
    float
        Correct to rounding: all terms that are added are positive. It is the share of full rank of the
        pattern itself; the Jacobian, with twice the columns, has full rank more often.

    Raises
    ------
    InvalidInputError
        If there are two inputs, numbers repeat, or the layer is too wide for the tables.

    Notes
    -----
    A neuron changes sign between two neighbours x < x' with probability (atan x' - atan x) / pi, in either
    direction, or it has one sign on all points. A pattern has rank n if every gap is hit, and some neuron is
    active on all points or two hit the same gap in both directions. Gaps are added one by one, with
    binomial numbers of neurons in each. Costs O(n width^2).

    References
    ----------
    K. Karhadkar, M. Murray, H. Tseran, G. Montufar, Mildly overparameterized ReLU networks have a favorable
    loss landscape, TMLR 2024, who bound it.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.tan(np.pi * (np.arange(1, 5) / 4 - 1 / 8 - 1 / 2))    # as likely as by count
    >>> bool(np.isclose(full_pattern_volume(points, 5), 9360 / 8**5))
    True
    """
    gaps, count = _gap_probabilities(inputs), whole_number(width, "width", 1)
    if count > WIDEST:
        raise InvalidInputError(
            "the layer is too wide for its tables", f"{count} neurons, at most {WIDEST}", fix="see the bound"
        )
    one_sign = (1 - float(gaps.sum())) / 2
    every = _all_hit(gaps, 2 * one_sign, count)
    # no neuron is active everywhere, and each gap is hit in one direction alone: 2^(n - 1) choices of these
    one_sided = _all_hit(gaps / 2, one_sign, count)
    kept = float(gaps.sum()) / 2 + one_sign
    never = one_sided * np.exp(gaps.size * np.log(2.0) + count * np.log(kept))
    return float(min(max(every - never, 0.0), 1.0))


@public("lowland.networks")
def full_pattern_bound(inputs: ArrayLike, width: int) -> float:
    """Return a lower bound on `full_pattern_volume`, by the union bound of the theorem.

    Parameters
    ----------
    inputs : array_like, shape (n,) or (n, 1)
    width : int

    Returns
    -------
    float
        One minus the probabilities that a gap is not hit, and that no neuron is active everywhere or no two
        hit the same gap in both directions; at least zero.

    Examples
    --------
    >>> full_pattern_bound([-1.0, 0.0, 1.0], 40) < full_pattern_volume([-1.0, 0.0, 1.0], 40)
    True
    """
    gaps, count = _gap_probabilities(inputs), whole_number(width, "width", 1)
    never = (1 + float(gaps.sum())) / 2
    one_way = 2 * float(np.min((1 - gaps / 2) ** count, initial=np.inf))
    wrong = float(np.sum((1 - gaps) ** count)) + min(never**count, one_way)
    return max(1.0 - wrong, 0.0)


def _gap_probabilities(inputs: ArrayLike) -> Vector:
    """Return the probability that a neuron changes sign in each gap of sorted numbers, shape (n - 1,)."""
    points = check_inputs(inputs)
    if points.shape[1] != 1:
        raise InvalidInputError(
            "volumes are known for one input",
            f"{points.shape[1]} inputs",
            fix="draw regions with survey_regions",
        )
    gaps: Vector = np.diff(np.arctan(np.sort(points[:, 0]))) / np.pi
    if not (gaps > 0).all():
        raise InvalidInputError(
            "numbers repeat", f"{int((gaps <= 0).sum())} times", fix="remove repeated points"
        )
    return gaps


def _all_hit(gaps: Vector, free: float, count: int) -> float:
    """Return the probability that every gap is hit by neurons of which each hits one or none.

    Neurons lie in the gaps or in a part of probability `free`; those probabilities are relative.
    """
    from scipy.stats import binom

    # of m neurons among the gaps so far and the free part: the probability that all of these gaps are hit
    chances, total, numbers = np.ones(count + 1), free, np.arange(count + 1)
    for gap in gaps:
        total += float(gap)
        hits = binom.pmf(numbers[:, None], numbers[None, :], float(gap) / total)
        rest = numbers[None, :] - numbers[:, None]
        hits[0] = 0.0
        chances = np.sum(np.where(rest >= 0, hits * chances[np.maximum(rest, 0)], 0.0), axis=0)
    return float(chances[count])
