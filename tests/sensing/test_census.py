"""A census and a recovery say the same of the same ends, of data that are mostly zero too."""

import numpy as np
import pytest

import lowland as ll


def mostly_zero(n, rank, rng, structure):
    """Return a matrix of which all but two or three rows and columns are zero."""
    left, right = np.zeros((n, rank)), np.zeros((n, rank))
    left[: rank + 1] = rng.standard_normal((rank + 1, rank))
    right[: rank + 1] = rng.standard_normal((rank + 1, rank))
    return left @ (left if structure == "psd" else right).T


@pytest.mark.covering
@pytest.mark.parametrize("structure", ["general", "psd"])
@pytest.mark.parametrize("rank", [1, 2])
def test_ends_of_sparse_data_are_proved_as_recoveries_are(structure, rank, rng, tmp_path):
    n = 7
    rows, columns = (a.ravel() for a in np.indices((n, n)))
    for measurement in (ll.Entries(rows, columns, (n, n)), ll.Dense(np.eye(n * n).reshape(n * n, n, n))):
        y = measurement.measure_matrix(mostly_zero(n, rank, rng, structure))
        assert np.mean(y == 0) > 0.5
        fit = ll.recover(measurement, y, rank=rank, structure=structure, start="random", rng=0)
        assert fit.certificate["globally_optimal"].verdict is ll.Verdict.PROVED
        fit.save_certificate(tmp_path / "p.json")
        assert ll.verify(tmp_path / "p.json", (measurement, y)).is_confirmed
        best = ll.census(fit.objective, n_starts=4, rng=1).endings[0]
        assert best.describe() == "global minimum (PROVED)"
        there = fit.objective.matrix(best.theta)
        again = ll.certify_matrix(measurement, y, there.left, *(() if structure == "psd" else (there.right,)))
        assert again["globally_optimal"].verdict is ll.Verdict.PROVED
