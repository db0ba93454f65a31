"""Cells to hold out that are missing as cells of the table are: whole runs, or one by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# rows that are tried as an example for another
TRIES = 8


def hidden_cells(known: NDArray[np.bool_], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which known cells to hide: rows lose what another row lacks, until enough is hidden.

    A row whose missing cells another one lacks too, and more, then looks like that one. Where few rows have
    such an example, because most lack much, the other cells are drawn one by one.

    Parameters
    ----------
    known : ndarray of bool, shape (m, n)
    share : float
        Share of the known cells to hide.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of bool, shape (m, n)
    """
    hidden, most = np.zeros_like(known), int(share * known.sum())
    with_gaps = np.flatnonzero(~known.all(axis=1) & known.any(axis=1))
    left = most
    for row in rng.permutation(len(known)) if with_gaps.size else ():
        for other in rng.choice(with_gaps, TRIES):
            lost = known[row] & ~known[other]
            if lost.any() and not (known[other] & ~known[row]).any() and lost.sum() <= left:
                hidden[row] = lost
                left -= int(lost.sum())
                break
        if not left:
            break
    single = np.argwhere(known & ~hidden)
    chosen = single[rng.permutation(len(single))[:left]]
    hidden[chosen[:, 0], chosen[:, 1]] = True
    return hidden
