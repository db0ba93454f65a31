"""The bound on the share of patterns of full rank, beside all patterns of small layers."""

import itertools

import numpy as np
import pytest

from lowland.core.errors import InvalidInputError
from lowland.networks import binary_pattern_width, pattern_share_bound

CASES = [(2, 2, 1), (3, 3, 1), (3, 4, 1), (3, 2, 2), (3, 3, 2), (4, 3, 2), (5, 3, 2), (3, 2, 3), (3, 3, 4)]


def shares(n, w, d):
    """Return the share of all patterns with a Jacobian of full rank, and that with bits whose groups do."""
    points = np.random.default_rng(0).standard_normal((n, d))
    groups = np.array_split(np.arange(n), min(n, d))
    patterns = (np.arange(2 ** (n * w))[:, None] >> np.arange(n * w) & 1).reshape(-1, n, w)
    jacobians = (patterns[..., None] * points[:, None, :]).reshape(len(patterns), n, -1)
    full = np.linalg.matrix_rank(jacobians) == n
    bits = np.all([_independent_modulo_2(patterns[:, group]) for group in groups], axis=0)
    return full.mean(), bits.mean()


def _independent_modulo_2(rows):
    """Return, for each pattern, whether no sum of some rows is zero, modulo 2."""
    sums = [
        (np.array(chosen) @ rows % 2).any(axis=-1)
        for chosen in itertools.product((0, 1), repeat=rows.shape[1])
        if any(chosen)
    ]
    return np.all(sums, axis=0)


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_share_with_independent_bits_and_below_that_of_full_rank(case):
    full, bits = shares(*case)
    n, w, d = case
    bound = pattern_share_bound(n, d, w, bias=False)
    assert bound == pytest.approx(bits, abs=1e-12)
    assert bound <= full + 1e-12
    if d >= n:  # no point may be dead
        assert bound == pytest.approx(full, abs=1e-12)


def test_a_bound_with_one_group_less_would_not_hold():
    """Mutant: points in more groups than there are inputs are not what a matroid union is of."""
    full, _ = shares(4, 4, 1)
    assert 0 < pattern_share_bound(4, 1, 4, bias=False) < full < pattern_share_bound(4, 1, 4)


def test_the_least_width_for_a_share():
    for n, d, share in ((1000, 50, 0.99), (10, 1, 0.5), (7, 9, 0.999)):
        width = binary_pattern_width(n, d, share, bias=False)
        least, less = (pattern_share_bound(n, d, w, bias=False) for w in (width, width - 1))
        assert least >= share > less
        assert width <= np.ceil(n / d) + np.log2(min(n, d) / (1 - share)) + 1
    assert binary_pattern_width(1000, 49, 0.99) == binary_pattern_width(1000, 50, 0.99, bias=False)
    assert pattern_share_bound(10, 1, 3) == 0
    with pytest.raises(InvalidInputError, match="width"):
        pattern_share_bound(10, 2, 0)
    with pytest.raises(InvalidInputError, match="probability"):
        binary_pattern_width(10, 2, 1.0)
