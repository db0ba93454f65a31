"""How wide a layer of several inputs must be for most patterns to have full rank: a bound with its constants.

Generic data (all but a set of measure zero) with d numbers each, a bias's one included, have a Jacobian of
full row rank exactly if the points can be parted into at most d groups, the rows of each being independent in
the pattern (the union of d matroids). Take fixed groups of at most k = ceil(n / d) points. The rows of a
group are independent over the rationals if they are so modulo 2, which uniformly random bits are with
probability prod (1 - 2^(i - w)), i < k; groups are independent of each other.
"""

from __future__ import annotations

import math

from lowland.core.doors import public
from lowland.core.parameter_checks import check_share, whole_number


@public("lowland.networks")
def pattern_share_bound(n_points: int, n_inputs: int, width: int, *, bias: bool = True) -> float:
    """Return a lower bound on the share of all binary matrices, as patterns, whose Jacobian has full rank.

    Parameters
    ----------
    n_points : int
        Number n of data points, generic: outside a set of measure zero.
    n_inputs : int
        Number of inputs; with a bias, points have d = n_inputs + 1 numbers.
    width : int
        Number w of neurons.
    bias : bool
        Whether neurons have biases.

    Returns
    -------
    float
        Of all 2^(n w) patterns, whether or not a layer can produce them on given data. Exact if d >= n.

    Raises
    ------
    InvalidInputError
        If a number is not a positive whole number.

    Notes
    -----
    Regions of full rank have no bad differentiable minimum. A layer on given data has all 2^(n w) patterns
    only with at least as many inputs as points; with few inputs it has few of them, and neighbours are mostly
    on together. The share among those is much smaller. Costs O(n).

    References
    ----------
    That most patterns have full rank at such widths is shown by K. Karhadkar, M. Murray, H. Tseran, G.
    Montufar, Mildly overparameterized ReLU networks have a favorable loss landscape, 2023; the constants here
    are of this argument.

    Examples
    --------
    >>> import lowland as ll
    >>> ll.networks.pattern_share_bound(2, 1, 2)  # neither point may be dead: (1 - 1/4)^2
    0.5625
    >>> round(ll.networks.pattern_share_bound(100, 9, 20), 3)
    0.99
    """
    n, w = whole_number(n_points, "n_points", 1), whole_number(width, "width", 1)
    d = whole_number(n_inputs, "n_inputs", 1) + bias
    groups = min(d, n)
    small, larger = divmod(n, groups)  # so many groups have a point more than the others
    logs = [
        count * _log_independent(size, w)
        for count, size in ((larger, small + 1), (groups - larger, small))
        if count
    ]
    return math.exp(sum(logs))


@public("lowland.networks")
def binary_pattern_width(
    n_points: int, n_inputs: int, probability: float = 0.95, *, bias: bool = True
) -> int:
    """Return a width at which a share of all binary matrices, as patterns, has a Jacobian of full rank.

    About n / d + log2(d / (1 - probability)). It is not the width that a layer needs on data with few inputs:
    most binary matrices are then patterns of no region. For that ask `advise_width`.

    Parameters
    ----------
    n_points, n_inputs : int
        As in `pattern_share_bound`.
    probability : float
        The share.
    bias : bool
        Whether neurons have biases.

    Returns
    -------
    int
        The least width at which `pattern_share_bound` is so large.

    See Also
    --------
    advise_width : Of the regions that layers have on data, by volume.
    survey_regions : Of the regions on given data, by volume or by number.

    Raises
    ------
    InvalidInputError
        If the probability is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> ll.networks.binary_pattern_width(1000, 49, 0.99)
    33
    >>> ll.networks.binary_pattern_width(60, 1, 0.9)  # of 60 points on a line, no region drawn has full rank
    35
    >>> points = np.random.default_rng(0).standard_normal((60, 1))
    >>> shares = [ll.networks.survey_regions(points, width=w, law="count", rng=0).full for w in (35, 428)]
    >>> [share.estimate for share in shares]
    [0.0, 1.0]
    """
    check_share("probability", probability)
    n, inputs = whole_number(n_points, "n_points", 1), whole_number(n_inputs, "n_inputs", 1)
    width = -(-n // (inputs + bias))
    while pattern_share_bound(n, inputs, width, bias=bias) < probability:
        width += 1
    return width


def _log_independent(size: int, width: int) -> float:
    """Return the logarithm of the probability that random bits have independent rows modulo 2."""
    if size > width:
        return -math.inf
    return sum(math.log1p(-(2.0 ** (i - width))) for i in range(size))
