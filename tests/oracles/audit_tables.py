"""Tables whose cells go missing by a known law, for audits."""

import numpy as np


def with_gaps(rng, law="equal", shape=(40, 8), shares=(0.2, 0.4)):
    """Return a whole table and its known cells.

    "equal": all cells with the same odds; "column": by the first column, which is always known; "value": by
    their own value; "runs": a run in most rows.
    """
    m, n = shape
    whole = rng.standard_normal((m, 2)) @ rng.standard_normal((2, n)) + 0.5 * rng.standard_normal((m, n))
    unit = (whole - whole.mean(axis=0)) / whole.std(axis=0)
    chances = {
        "equal": np.full(shape, rng.uniform(*shares)),
        "column": 1 / (1 + np.exp(1.2 - 1.5 * unit[:, :1] - 0.5 * rng.standard_normal(n))),
        "value": 1 / (1 + np.exp(1.2 - 2 * unit)),
        "runs": np.zeros(shape),
    }[law]
    known = rng.random(shape) >= chances
    if law == "runs":
        for row in np.flatnonzero(rng.random(m) < 0.7):
            start = rng.integers(n - 2)
            known[row, start : start + rng.integers(2, n // 2 + 1)] = False
    if law == "column":
        known[:, 0] = True
    return whole, known
