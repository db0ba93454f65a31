"""The steps of `modular` in NumPy, for small matrices: whole numbers are exact in any order."""

from __future__ import annotations

import numpy as np


def reduce(block, prime):
    """Reduce whole numbers to their residues, in place."""
    np.remainder(block, prime, out=block)


def substitute(rest, lower, count, prime):
    """Bring the first rows to echelon form, given their lower triangle."""
    for i in range(1, count):
        rest[i] -= lower[i, :i] @ rest[:i]
        reduce(rest[i], prime)


def factor_panel(panel, lower, order, prime):
    """Bring a panel to echelon form; return its pivot columns."""
    pivots = []
    for c in range(panel.shape[1]):
        count = len(pivots)
        nonzero = np.flatnonzero(panel[count:, c])
        if not nonzero.size:
            continue
        swapped, at = [count, count + nonzero[0]], [count + nonzero[0], count]
        for array in (panel, lower, order):
            array[swapped] = array[at]
        scale = pow(int(panel[count, c]), -1, int(prime))
        factors = panel[count + 1 :, c] * scale % prime
        lower[count + 1 :, count] = factors
        below = panel[count + 1 :, c:]
        below -= factors[:, None] * panel[count, c:]
        reduce(below, prime)
        pivots.append(c)
    return np.array(pivots, np.intp)
