"""The turn that is advised for a well and its saddle."""

import numpy as np

from lowland import dynamics as ld
from lowland.dynamics.advice import _best_turn


def test_the_advised_turn_is_the_best_multiple_of_the_optimal_one():
    """Crossings of the saddle per gradient, against a fine grid of multiples."""
    H, Hs = np.diag([1.0, 9.0]), np.array([[-1.0, 0.5], [0.5, 4.0]])
    J = ld.optimal_antisymmetric(H)

    def worth(turn):
        rate = -np.linalg.eigvals(Hs + turn @ Hs).real.min()
        return rate * ld.stable_step(ld.NonReversible(1.0, 1.0, turn), H)

    found = worth(_best_turn(H, Hs))
    best = max(worth(scale * J) for scale in np.geomspace(0.01, 4.0, 400))
    assert 0.97 * best <= found <= best * (1 + 1e-9)
    round_well = _best_turn(np.eye(2), Hs)  # equal curvatures: the optimal turn is zero
    np.testing.assert_array_equal(round_well, -round_well.T)
    assert np.abs(round_well).max() > 0
