"""Tensors and their flattenings in fractions: slow, short, and never wrong by rounding."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product

import numpy as np


def fractions(array):
    """Return an array of exact fractions."""
    return np.array([Fraction(float(x)) for x in np.ravel(array)], dtype=object).reshape(np.shape(array))


def tensor_of(core, factors):
    """Return a tensor in Tucker form as a sum of outer products; of components if there is no core."""
    total = np.full([len(factor) for factor in factors], Fraction(0))
    for places in product(*(range(factor.shape[1]) for factor in factors)):
        if core is None and len(set(places)) > 1:
            continue
        term = Fraction(1) if core is None else core[places]
        for factor, k in zip(factors, places, strict=True):
            term = np.multiply.outer(term, factor[:, k])
        total = total + term
    return total


def flat(tensor, modes):
    """Return a flattening."""
    others = [n for n in range(tensor.ndim) if n not in modes]
    rows = int(np.prod([tensor.shape[n] for n in modes]))
    return np.transpose(tensor, (*modes, *others)).reshape(rows, -1)


def leaves(matrix, rank, square):
    """Return whether squares of singular values beyond rank one or two add up to a number or more.

    The sum of all is the trace of the Gram matrix G; the largest is at most t where t I - G has no negative
    pivot. The largest two add up to the largest eigenvalue of G x I + I x G on antisymmetric pairs.
    """
    exact = fractions(matrix if len(matrix) <= matrix.shape[1] else matrix.T)
    gram, size = exact @ exact.T, min(matrix.shape)
    form = gram
    if rank == 2:
        pairs = list(combinations(range(size), 2))
        form = np.array([[_entry(gram, *p, *q) for q in pairs] for p in pairs], dtype=object)
    return has_no_negative_pivot((np.trace(gram) - square) * np.eye(len(form), dtype=int) - form)


def _entry(gram, a, b, c, d):
    return (b == d) * gram[a, c] + (a == c) * gram[b, d] - (b == c) * gram[a, d] - (a == d) * gram[b, c]


def has_no_negative_pivot(matrix):
    """Return whether a symmetric matrix of fractions is positive semidefinite."""
    while len(matrix):
        pivot, rest = matrix[0, 0], matrix[0, 1:]
        if pivot < 0 or (pivot == 0 and any(rest)):
            return False
        matrix = matrix[1:, 1:] - (np.outer(rest, rest) / pivot if pivot else 0)
    return True
