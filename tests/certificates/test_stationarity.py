"""Gradients are judged of any operator, also of one whose results may not be written to."""

import numpy as np
from scipy.sparse.linalg import LinearOperator

import lowland as ll


class ReadOnly(LinearOperator):
    """All entries, handed out as arrays of other libraries are: read-only."""

    def __init__(self, size):
        super().__init__(float, (size, size))

    def _matvec(self, x):
        out = np.array(x, float).ravel()
        out.flags.writeable = False
        return out

    _rmatvec = _matvec


def test_results_of_operators_are_not_written_to():
    truth = np.outer([1.0, 2.0, 3.0], [1.0, -1.0, 2.0, 0.5])
    fit = ll.recover(ll.Linear(ReadOnly(12), (3, 4)), truth.ravel(), rank=1, rng=0)
    np.testing.assert_allclose(fit.matrix(), truth, atol=1e-10)
    assert fit.certificate["stationary"].verdict.name == "SUPPORTED"
