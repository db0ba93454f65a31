"""Properties of losses and penalties that proofs rely on: never negative, and zero where declared."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.protocols import Loss, Penalty


def check_loss(loss: Loss, z: Vector, y: Vector) -> None:
    """Check the declared properties of a loss, which exact fits and lower bounds rely on.

    Parameters
    ----------
    loss : Loss
    z : ndarray, shape (p,)
        Predictions in the domain of the loss.
    y : ndarray, shape (p,)
        Data in the domain of the loss.

    Raises
    ------
    AssertionError
        If a loss is negative; or is zero at the data though `vanishes_at_data` denies it, or is not though it
        says so; or is not (z - y)^2 / 2 though `is_quadratic` says so.
    """
    values = loss.value(z, y)
    assert (values >= 0).all(), f"a loss of {values.min():.3g} is negative"
    if loss.vanishes_at_data:
        at_data = np.abs(loss.value(y, y)).max(initial=0.0)
        assert at_data == 0, f"the loss is declared to vanish at the data, but is {at_data:.3g} there"
    if loss.is_quadratic:
        off = np.abs(values - (z - y) ** 2 / 2).max(initial=0.0)
        assert off <= 1e-15 * np.max((z - y) ** 2), (
            f"the loss is declared quadratic, but differs by {off:.3g}"
        )


def check_penalty(
    penalty: Penalty, theta: Vector, *, balanced: Vector | None = None, factor_size: int
) -> None:
    """Check the declared properties of a penalty, which bounds of the convex problem rely on.

    Parameters
    ----------
    penalty : Penalty
    theta : ndarray, shape (size,)
        Any point.
    balanced : ndarray, shape (size,), optional
        A balanced point.
    factor_size : int
        Length of the leading part of a point, the factors.

    Raises
    ------
    AssertionError
        If the penalty is negative, does not vanish at the balanced point despite `vanishes_when_balanced`, or
        depends on factors despite `is_of_biases`.
    """
    value = penalty.value(theta)
    assert value >= 0, f"a penalty of {value:.3g} is negative"
    if penalty.vanishes_when_balanced and balanced is not None:
        left = penalty.value(balanced)
        assert left <= 1e-20 * (1 + value), (
            f"the penalty is declared to vanish when balanced, but is {left:.3g}"
        )
    if penalty.is_of_biases:
        other = theta.copy()
        other[:factor_size] = 2 * other[:factor_size] + 1
        changed = penalty.value(other) - value
        assert changed == 0, (
            f"the penalty is declared to be of biases only, but factors change it by {changed:.3g}"
        )
