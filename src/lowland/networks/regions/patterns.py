"""Activation patterns of one ReLU neuron on data: counted by formula, enumerated exactly.

The patterns of a neuron w are the cells of the arrangement of hyperplanes x_i . w = 0. Where the rows
have rank r, each cell has an extreme ray, which lies on r - 1 independent hyperplanes, and around a
ray the cells are those of the hyperplanes through it. So all cells are found from the (r - 1)-subsets of
rows, repeated and collinear points included, with signs that no rounding can change.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice, product
from math import comb, gcd, log10

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import whole_number
from lowland.core.wording import InCode, Remedy
from lowland.kernels.modular_arithmetic.exact_integers import (
    Integers,
    integer_rows,
    pivot_columns,
    side_signs,
)
from lowland.networks.network import check_inputs

Patterns = NDArray[np.bool_]
# subsets of rows processed together, and at most in all
_CHUNK, MOST_SUBSETS = 4096, 5_000_000
MOST_NUMBERS = 2_000_000_000


@public("lowland.networks")
def neuron_patterns(inputs: ArrayLike, *, bias: bool = True) -> Patterns:
    """Return all non-empty activation patterns of one neuron, exactly.

    Parameters
    ----------
    inputs : array_like, shape (n, d) or (n,)
        Data points, read as the exact fractions that floats are.
    bias : bool
        Whether the neuron has a bias.

    Returns
    -------
    ndarray of bool, shape (patterns, n)
        In lexicographic order. Points where no neuron of an open cell is active are False.

    Raises
    ------
    InvalidInputError
        If there are too many to list.

    Notes
    -----
    With r the rank of the points (bias included), this takes C(n, r - 1) determinants, in exact integers
    where floats leave a sign open, and finds 2^(r-1) patterns for each.

    Examples
    --------
    >>> neuron_patterns([0.0, 1.0]).astype(int)
    array([[0, 0],
           [0, 1],
           [1, 0],
           [1, 1]])
    """
    rows = augmented(inputs, bias)
    return _sorted_patterns(_cells(rows, integer_rows(rows)))


def generic_pattern_count(n_points: int, dimension: int) -> int:
    """Return the cells of n hyperplanes through the origin in general position: 2 sum C(n-1, k), k < d."""
    return 2 * sum(comb(n_points - 1, k) for k in range(min(dimension, n_points)))


@public("lowland.networks")
def count_patterns(inputs: ArrayLike, *, bias: bool = True, width: int = 1, generic: bool = False) -> int:
    """Return how many activation patterns a layer of ReLU neurons can have on data, exactly.

    Parameters
    ----------
    inputs : array_like, shape (n, d) or (n,)
        Data points.
    bias : bool
        Whether neurons have a bias.
    width : int
        Number of neurons; each has its own pattern.
    generic : bool
        Assume general position instead of checking it.

    Returns
    -------
    int
        An integer of any size.

    Raises
    ------
    InvalidInputError
        If general position would take too long to check.

    Notes
    -----
    In general position there are 2 (C(n-1, 0) + ... + C(n-1, d-1)) for each neuron, d counting the bias
    (Cover 1965). If points repeat, or lie on a hyperplane with others, there are fewer; they are then
    enumerated.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> points = np.random.default_rng(0).standard_normal((7, 3))
    >>> ll.networks.count_patterns(points, bias=False), ll.networks.count_patterns(points[:, 0], width=3)
    (44, 2744)
    """
    whole_number(width, "width", 1)
    rows = augmented(inputs, bias)
    if generic:
        return _power(generic_pattern_count(*rows.shape), width)
    whole = _directions(integer_rows(rows))
    used = pivot_columns(whole)
    rank = len(used)
    if rank < 3:  # lines through the origin: always in general position
        return _power(max(1, 2 * len(whole)), width)
    reduced = [[row[c] for c in used] for row in whole]
    if is_generic(reduced):
        return _power(generic_pattern_count(len(whole), rank), width)
    return _power(len(_cells(_floats(reduced), reduced)), width)


def _power(count: int, width: int) -> int:
    power: int = count**width
    return power


def augmented(inputs: ArrayLike, bias: bool) -> NDArray[np.float64]:
    """Return data points as rows, with a final one in each if neurons have a bias."""
    points = check_inputs(inputs).astype(np.float64)
    return np.hstack([points, np.ones((len(points), 1))]) if bias else points


def is_generic(whole: Integers) -> bool:
    """Return whether every r of n rows in r dimensions are independent, exactly."""
    n, r = len(whole), len(whole[0])
    _check_effort(comb(n, r - 1), n)
    rows = _floats(whole)
    for picks in _subsets(n, r - 1):
        signs, independent = side_signs(rows, whole, picks)
        if not independent.all() or np.count_nonzero(signs) != len(picks) * (n - r + 1):
            return False
    return True


def _cells(rows: NDArray[np.float64], whole: Integers) -> Patterns:
    """Return the sign patterns of rows @ w over all w outside the hyperplanes, shape (cells, n)."""
    n = len(whole)
    used = pivot_columns(whole)
    rank = len(used)
    if rank == 0:
        return np.zeros((1, n), bool)
    if rank == n:
        _check_effort(2**n, n)
        return np.array(list(product([False, True], repeat=n)))
    reduced = [[row[c] for c in used] for row in whole]
    if rank == 1:
        one = np.array([row[0] > 0 for row in reduced])
        zero = np.array([row[0] == 0 for row in reduced])
        return np.stack([one, ~one & ~zero])
    _check_effort(comb(n, rank - 1), 2 ** (rank - 1) * n)
    floats = _floats(reduced)
    cells: list[Patterns] = []
    seen: set[bytes] = set()
    for picks in _subsets(n, rank - 1):
        signs, independent = side_signs(floats, reduced, picks)
        _around_rays(signs[independent], rank, reduced, cells, seen)
        if len(cells) > 64:
            cells = [_unique(np.concatenate(cells))]
    one = _unique(np.concatenate(cells))
    # the complement of a pattern is a pattern too; zero rows are never active
    zero = np.array([not any(row) for row in reduced])
    return _unique(np.concatenate([one, ~one & ~zero]))


def _around_rays(
    signs: NDArray[np.int8], rank: int, whole: Integers, cells: list[Patterns], seen: set[bytes]
) -> None:
    """Add the cells around rays, given the sign of every row on each ray."""
    zero = signs == 0
    simple = zero.sum(axis=1) == rank - 1
    if simple.any():
        tied = np.nonzero(zero[simple])[1].reshape(-1, rank - 1)
        for choice in product([False, True], repeat=rank - 1):
            patterns = signs[simple] > 0
            np.put_along_axis(patterns, tied, np.array(choice)[None], axis=1)
            cells.append(patterns)
    for row in signs[~simple]:
        key = np.packbits(row == 0).tobytes()
        if key in seen:  # the same flat from another of its bases
            continue
        seen.add(key)
        through = np.flatnonzero(row == 0)
        flat = [whole[i] for i in through]
        local = _cells(_floats(flat), flat)
        patterns = np.repeat(row[None] > 0, len(local), axis=0)
        patterns[:, through] = local
        cells.append(patterns)


def _subsets(n: int, size: int) -> Iterator[NDArray[np.intp]]:
    """Return arrays of subsets of row numbers, some thousand at a time."""
    source = combinations(range(n), size)
    while chunk := list(islice(source, _CHUNK)):
        yield np.array(chunk, dtype=np.intp).reshape(len(chunk), size)


def _directions(whole: Integers) -> Integers:
    """Return rows without zeros and without multiples of each other."""
    kept: dict[tuple[int, ...], None] = {}
    for row in whole:
        divisor = gcd(*row)
        if divisor:
            first = next(number for number in row if number)
            kept[tuple(number // (divisor if first > 0 else -divisor) for number in row)] = None
    return [list(row) for row in kept]


def _floats(whole: Integers) -> NDArray[np.float64]:
    """Return rows of integers as floats, each row scaled to about one; correctly rounded."""
    out = []
    for row in whole:
        bits = max((abs(number).bit_length() for number in row), default=0)
        out.append([_scaled(number, bits) for number in row])
    return np.array(out)


def _scaled(number: int, bits: int) -> float:
    return number / (1 << bits)


def _unique(patterns: Patterns) -> Patterns:
    packed = np.packbits(patterns, axis=1)
    keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1])))[:, 0]
    first = np.unique(keys, return_index=True)[1]
    return patterns[first]


def _sorted_patterns(patterns: Patterns) -> Patterns:
    return patterns[np.lexsort(patterns.T[::-1])]


def _check_effort(subsets: int, each: int) -> None:
    if subsets > MOST_SUBSETS or subsets * each > MOST_NUMBERS:
        raise InvalidInputError(
            "there are too many patterns to enumerate",
            f"{subsets} subsets of points",
            fix=Remedy(
                "use fewer points or dimensions",
                InCode("count by formula: count_patterns(..., generic=True)"),
            ),
        )


def describe_count(count: int) -> str:
    """Return a count in full, or its order of magnitude if it is long."""
    digits = str(count) if count.bit_length() < 3000 else ""
    if digits and len(digits) <= 12:
        return digits
    shift = max(count.bit_length() - 1000, 0)  # take the logarithm of the part that fits a float
    power = round(log10(count >> shift) + shift * log10(2), 1)
    return f"about 10^{power:g}"
