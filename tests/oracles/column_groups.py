"""Groups of columns between which no relation can be learnt, by trying every split."""

from itertools import combinations

import numpy as np


def column_groups(known, columns, fewest=4):
    """The columns as sets, no split of which is linked by fewer rows."""
    for size in range(1, len(columns) // 2 + 1):
        for one in combinations(columns, size):
            rest = [j for j in columns if j not in one]
            if np.sum(known[:, one].any(axis=1) & known[:, rest].any(axis=1)) < fewest:
                return column_groups(known, one, fewest) + column_groups(known, rest, fewest)
    return [set(columns)]


def informed(known, fewest=4, least=3):
    """Words' positions of missing cells, cell by cell."""
    m, n = known.shape
    groups, marks = column_groups(known, range(n), fewest), np.zeros((m, n), int)
    for i, j in np.argwhere(~known):
        own = next(group for group in groups if j in group)
        row = set(np.flatnonzero(known[i]).tolist())
        marks[i, j] = 0 if own & row else 3 if row else 2
        if known[:, j].sum() < least:
            marks[i, j] = 4
    return marks
