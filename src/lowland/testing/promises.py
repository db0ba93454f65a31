"""Properties of losses and penalties that proofs rely on: never negative, and zero where declared."""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.promises.protocols import (
    BoundedLoss,
    HasGram,
    HasRoundingBounds,
    Loss,
    MajorisedLoss,
    MeasuresClosely,
    Penalty,
)

# protocols of several members that a part may offer
OPTIONAL: tuple[type[Any], ...] = (BoundedLoss, HasGram, HasRoundingBounds, MajorisedLoss, MeasuresClosely)
# predictions at these fractions of the way from the data are tried as well
NEAR_DATA = (1e-12, 1e-8, 1e-4, 1e-2, 1.0)


@public("lowland.testing")
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
        If a loss is negative, also close to the data or in float32; or is not zero at the data though
        `vanishes_at_data` says so; or is not (z - y)^2 / 2 though `is_quadratic` says so.

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from lowland.testing import check_loss
    >>> loss = SimpleNamespace(value=lambda z, y: abs(z - y), vanishes_at_data=True, is_quadratic=False)
    >>> check_loss(loss, np.array([0.0, 3.0]), np.ones(2))
    >>> loss.value = lambda z, y: z - y
    >>> check_loss(loss, np.array([0.0, 3.0]), np.ones(2))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: a loss of -1 is negative...
    """
    values = loss.value(z, y)
    assert (values >= 0).all(), f"a loss of {values.min():.3g} is negative"
    for share in NEAR_DATA:  # where a formula subtracts numbers that are almost equal
        for dtype in ("float64", "float32"):
            near, data = np.asarray(y + share * (z - y), dtype), np.asarray(y, dtype)
            least = float(loss.value(near, data).min(initial=0.0))
            assert least >= 0, (
                f"a loss of {least:.3g} is negative, {share:g} of the way from the data in {dtype}"
            )
    if loss.vanishes_at_data:
        at_data = np.abs(loss.value(y, y)).max(initial=0.0)
        assert at_data == 0, f"the loss is declared to vanish at the data, but is {at_data:.3g} there"
    if loss.is_quadratic:
        off = np.abs(values - (z - y) ** 2 / 2).max(initial=0.0)
        assert off <= 1e-15 * np.max((z - y) ** 2), (
            f"the loss is declared quadratic, but differs by {off:.3g}"
        )


@public("lowland.testing")
def check_offers(part: object) -> None:
    """Check that an object offers each optional protocol completely or not at all; a part would be ignored.

    Parameters
    ----------
    part : object
        A measurement, a loss or a linear map.

    Raises
    ------
    AssertionError
        If it has some members of a protocol, but not all.

    Examples
    --------
    >>> import lowland as ll
    >>> from types import SimpleNamespace
    >>> from lowland.testing import check_offers
    >>> check_offers(ll.gaussian(7, (3, 4), 0))
    >>> check_offers(SimpleNamespace(measure_error=lambda factors: 0.0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: HasRoundingBounds is offered in part: adjoint_error missing...
    """
    for protocol in OPTIONAL:
        names = [name for name in vars(protocol) if not name.startswith("_")]
        missing = [name for name in names if name not in dir(part)]
        assert missing in ([], names), f"{protocol.__name__} is offered in part: {', '.join(missing)} missing"


@public("lowland.testing")
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

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from lowland.testing import check_penalty
    >>> penalty = SimpleNamespace(value=lambda x: x @ x, vanishes_when_balanced=False, is_of_biases=False)
    >>> check_penalty(penalty, np.ones(3), factor_size=2)
    >>> penalty.is_of_biases = True
    >>> check_penalty(penalty, np.ones(3), factor_size=2)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: the penalty is declared to be of biases only, but factors change it by 16...
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
