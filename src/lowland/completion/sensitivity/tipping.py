"""Tipping points: how far missing values must differ from what is predicted for a conclusion to change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.results.shown import Shown

# steps in which a change is looked for, and the length to which it is then located, in standard errors
STEP, TOLERANCE = 0.25, 0.01
# conclusions that are shown one by one
SHOWN = 8


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False)
class TippingPoint(Shown):
    """How many standard errors missing values must differ by for conclusions to change.

    Parameters
    ----------
    conclusion : str
        What is concluded: "sign", "significance" or the name of a function.
    names : sequence of str
        Of the estimates; of a function, its name alone.
    below, above : ndarray, shape (k,)
        The deltas nearest to zero, on either side, at which the conclusion is another; infinite if there is
        none up to `most`.
    most : float
        How far was looked.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> point = ll.TippingPoint("sign", ["age"], np.array([-0.8]), np.array([np.inf]), 3.0)
    >>> print(point)
    sign of 1 estimate, missing values up to 3 standard errors lower or higher
    age: changes where they are 0.80 lower
    >>> point.nearest.tolist()
    [-0.8]
    """

    conclusion: str
    names: Sequence[str]
    below: Vector
    above: Vector
    most: float

    @property
    def nearest(self) -> Vector:
        """The one of both deltas that is nearer to zero, shape (k,); infinite if there is none."""
        return np.where(-self.below < self.above, self.below, self.above)

    def _lines(self) -> list[str]:
        k = len(self.names)
        of = f" of {k} estimate{'s' if k > 1 else ''}" if self.conclusion in ("sign", "significance") else ""
        lines = [f"{self.conclusion}{of}, missing values up to {self.most:g} standard errors lower or higher"]
        for name, low, high in list(zip(self.names, self.below, self.above, strict=True))[:SHOWN]:
            ends = [f"{-low:.2f} lower"] * bool(np.isfinite(low)) + [f"{high:.2f} higher"] * bool(
                np.isfinite(high)
            )
            lines.append(f"{name}: changes where they are {' or '.join(ends)}" if ends else f"{name}: stays")
        if k > SHOWN:
            lines.append(f"and {k - SHOWN} more")
        return lines


def find_tipping_points(answers: Callable[[float], Sequence[Any]], most: float) -> tuple[Vector, Vector]:
    """Return the deltas nearest to zero, below it and above, at which answers differ from those at zero.

    Parameters
    ----------
    answers : callable
        Takes a delta and returns k answers; asked once for each delta.
    most : float
        How far is looked.

    Returns
    -------
    below, above : ndarray, shape (k,)
        Infinite where there is no change.

    Notes
    -----
    Each side is looked at in steps of a quarter, and a change then located by bisection to 0.01: what
    changes and changes back within a step is not seen. About `most` * 8 evaluations, and seven per change.
    """
    known: dict[float, Sequence[Any]] = {}

    def changed(delta: float, k: int) -> bool:
        if delta not in known:
            known[delta] = answers(delta)
        return bool(known[delta][k] != known[0.0][k])

    known[0.0] = answers(0.0)
    grid = [*np.arange(STEP, most, STEP).tolist(), most]
    below, above = (
        [_first_change(changed, k, side, grid) for k in range(len(known[0.0]))] for side in (-1, 1)
    )
    return np.array(below), np.array(above)


def _first_change(changed: Callable[[float, int], bool], k: int, side: int, grid: Sequence[float]) -> float:
    """Return the delta on one side, to a hundredth, from which an answer has changed; infinite if none."""
    near = 0.0
    for far in grid:
        if changed(side * far, k):
            while far - near > TOLERANCE:
                middle = (near + far) / 2
                near, far = (near, middle) if changed(side * middle, k) else (middle, far)
            return side * far
        near = far
    return side * np.inf


def usual_answer(answers: Iterable[Any]) -> Any:
    """Return the most frequent answer, of equally frequent ones the first; numbers of NumPy as Python's."""
    plain = [one.item() if isinstance(one, np.generic) else one for one in answers]
    return Counter(plain).most_common(1)[0][0]
