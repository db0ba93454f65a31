"""Bounds on the rounding of losses, compared with fifty digits."""

import mpmath as mp
import numpy as np
import pytest

from cases import DRAWN_LOSSES, parametrise
from lowland.core.promises.protocols import BoundedLoss
from lowland.core.rounding import ELEMENTARY, gamma
from lowland.losses import Binomial, Clipped, LogPoisson, Mixed, Ordinal, Poisson, Squared


def exact_value(loss, z, y):
    """Value of one datum, from the formulas of the docstrings."""
    if isinstance(loss, Squared):
        return (z - y) ** 2 / 2
    if isinstance(loss, Poisson):
        return z - y + (y * mp.log(y / z) if y else 0)
    if isinstance(loss, Binomial):
        return sum(a * mp.log(a / b) if a else 0 for a, b in ((y, z), (1 - y, 1 - z)))
    if isinstance(loss, LogPoisson):
        return mp.exp(z) - y * z - y + (y * mp.log(y) if y else 0)
    if isinstance(loss, Clipped):
        slope = exact_slope(loss, z, y)
        return slope * (z - y) - mp.mpf(loss.width) * slope**2 / 2
    return -mp.log(level(loss, z, int(y) + 1) - level(loss, z, int(y)))


def exact_slope(loss, z, y):
    """Slope of one datum."""
    if isinstance(loss, Squared):
        return z - y
    if isinstance(loss, Poisson):
        return 1 - y / z
    if isinstance(loss, Binomial):
        return (1 - y) / (1 - z) - y / z
    if isinstance(loss, LogPoisson):
        return mp.exp(z) - y
    if isinstance(loss, Clipped):
        return min(max((z - y) / mp.mpf(loss.width), mp.mpf(loss.lowest)), mp.mpf(loss.highest))
    below, above = level(loss, z, int(y)), level(loss, z, int(y) + 1)
    return 1 - below - above


def level(loss, z, k):
    """P(y < k)."""
    if k in (0, len(loss.thresholds) + 1):
        return mp.mpf(k > 0)
    return 1 / (1 + mp.exp(z - mp.mpf(loss.thresholds[k - 1])))


def parts_of(loss, z):
    """The loss of each datum and its shifted prediction."""
    if not isinstance(loss, Mixed):
        return [(loss, mp.mpf(x)) for x in z]
    return [
        (loss.parts[k], mp.mpf(x) + mp.mpf(s)) for k, x, s in zip(loss.which, z, loss.shifts, strict=True)
    ]


@pytest.mark.covering
@parametrise(DRAWN_LOSSES)
@pytest.mark.parametrize("size", [1.0, 1e-6])
def test_rounding_is_within_its_bounds(case, rng, size):
    loss = case.make()
    assert isinstance(loss, BoundedLoss)
    z, y = case.extra.get("draw", lambda rng: rng.standard_normal((2, 200)))(rng)
    if size < 1 and not isinstance(loss, Binomial | Poisson):
        z = z * size + (y if loss.vanishes_at_data else 0)  # close to the data, where terms cancel
    with mp.workdps(50):
        for what, oracle in (("value", exact_value), ("slope", exact_slope)):
            found, bounds = getattr(loss, what)(z, y), getattr(loss, f"{what}_error")(z, y)
            exact = [oracle(part, x, mp.mpf(t)) for (part, x), t in zip(parts_of(loss, z), y, strict=True)]
            off = np.array([float(abs(mp.mpf(a) - b)) for a, b in zip(found, exact, strict=True)])
            assert (off <= bounds).all()
            assert (bounds <= 1e-12 * (1 + np.abs(found) + np.abs(y) + np.abs(z))).all()


@parametrise([case for case in DRAWN_LOSSES if case.part is not Squared])
def test_bounds_of_nothing_are_broken(case, rng):
    """A mutant that forgets all rounding must fail the comparison above for some datum."""
    loss = case.make()
    z, y = case.extra.get("draw", lambda rng: rng.standard_normal((2, 200)))(rng)
    with mp.workdps(50):
        exact = [exact_value(part, x, mp.mpf(t)) for (part, x), t in zip(parts_of(loss, z), y, strict=True)]
        assert any(mp.mpf(a) != b for a, b in zip(loss.value(z, y), exact, strict=True))


@pytest.mark.parametrize("gap", [1e-3, 1e-8, 1e-12])
def test_conjugates_of_close_thresholds_are_within_their_bounds(gap):
    loss, y = Ordinal((0.25, 0.25 + gap)), np.ones(3)
    slopes = np.array([-0.7, 0.3, 0.999])
    found, bounds = loss.conjugate(slopes, y), gamma(ELEMENTARY) * loss.conjugate_size(slopes, y)
    with mp.workdps(50):
        low, high = (mp.mpf(c) for c in loss.thresholds)
        for s, value, bound in zip(map(mp.mpf, slopes), found, bounds, strict=True):
            tilt = s * mp.cosh((high - low) / 2)
            z = (low + high) / 2 + mp.log((tilt + mp.sqrt(tilt**2 + 1 - s**2)) / (1 - s))
            exact = s * z - mp.log1p(mp.exp(z - high)) - mp.log1p(mp.exp(low - z))
            assert abs(exact + mp.log(1 - mp.exp(low - high)) - value) <= bound
