"""Content of the report on a sum of splines, and what it asks of the estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.networks.splines.pages import how_far, knots_in_words
from lowland.report.displays import new_axes
from lowland.report.figures import ACCENT, FAINT, SECOND
from lowland.report.page import FigureEntry, Lead, Page, TableEntry

if TYPE_CHECKING:
    from lowland.report.figures import Axes

# inputs drawn, those that matter most first; points of a grid
DRAWN, GRID = 6, 200


class AdditiveEstimator(Protocol):
    """A fitted sum of splines, in scikit-learn's manner."""

    x_: Matrix
    y_: Vector
    knots_: list[Vector]
    used_: NDArray[np.bool_]
    n_knots_: NDArray[np.intp]
    spreads_: Vector
    cv_error_: float

    intercept_: float

    def parts_at(self, inputs: Matrix) -> Matrix:
        """Return what each input adds at plain points, shape (k, d)."""


@public("lowland.displays")
@final
@dataclass(repr=False)
class ComponentDisplay:
    """What one input adds to the prediction, and the data minus what the other inputs add.

    Parameters
    ----------
    x, rest : ndarray, shape (n,)
        The input, and the values less all other functions.
    grid, values : ndarray
        The function.
    knots : ndarray
    names : tuple of str
        Of the input and the values.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.displays import ComponentDisplay
    >>> X = np.random.default_rng(0).uniform(-1, 1, (60, 2))
    >>> model = ll.AdditiveSplineRegressor(random_state=0).fit(X, np.abs(X[:, 0]))
    >>> display = ComponentDisplay.from_estimator(model, 0, ("x", "y"))
    >>> bool(np.abs(display.values - np.abs(display.grid)).std() < 0.02)
    True
    """

    x: Vector
    rest: Vector
    grid: Vector
    values: Vector
    knots: Vector
    names: tuple[str, str]
    ax_: Axes = field(init=False, repr=False, compare=False)

    @classmethod
    def from_estimator(cls, model: AdditiveEstimator, j: int, names: tuple[str, str]) -> ComponentDisplay:
        """Take a fitted `AdditiveSplineRegressor` and the number of an input."""
        x = model.x_[:, j]
        grid = np.unique(np.r_[np.linspace(x.min(), x.max(), GRID), model.knots_[j]])
        points = np.tile(model.x_.mean(axis=0), (grid.size, 1))
        points[:, j] = grid
        parts = model.parts_at(model.x_)
        rest = model.y_ - model.intercept_ - np.delete(parts, j, axis=1).sum(axis=1)
        return cls(x, rest, grid, model.parts_at(points)[:, j], model.knots_[j], names)

    def plot(self, ax: Axes | None = None) -> ComponentDisplay:
        """Draw on axes, or on new ones."""
        self.ax_ = new_axes(ax)
        self.ax_.plot(self.x, self.rest, ".", color=FAINT, ms=4, label="values less the other functions")
        self.ax_.plot(self.grid, self.values, color=ACCENT, lw=2, label="function")
        if self.knots.size:
            at = np.interp(self.knots, self.grid, self.values)
            self.ax_.plot(self.knots, at, "o", color=SECOND, ms=5, label="knots of the fit on all points")
        self.ax_.set(xlabel=self.names[0], ylabel=f"adds to {self.names[1]}")
        self.ax_.legend()
        return self


def by_spread(model: AdditiveEstimator) -> list[int]:
    """Return the numbers of the inputs that matter, those that matter most first."""
    return [int(j) for j in np.argsort(-model.spreads_, kind="stable") if model.used_[j]]


def additive_page(
    model: AdditiveEstimator,
    names: Sequence[str] | None,
    y: str,
    settings: Sequence[tuple[str, str]] = (),
    notes: Sequence[str] = (),
) -> Page:
    """Return the page of a fitted `AdditiveSplineRegressor`."""
    d = model.x_.shape[1]
    names = names or [f"x{j}" for j in range(d)]
    order, error = by_spread(model), float(np.sqrt(model.cv_error_))
    rows = [
        (
            names[j],
            f"{model.spreads_[j]:.4g}",
            ", ".join(f"{knot:.5g}" for knot in model.knots_[j]) or "none: a straight line",
        )
        for j in order
    ]
    left_out = [names[j] for j in range(d) if not model.used_[j]]
    figures = []
    for j in order[:DRAWN]:
        display = ComponentDisplay.from_estimator(model, j, (names[j], y))
        figures.append(FigureEntry(names[j], f"What {names[j]} adds to {y}.", display.plot))
    answers = [
        how_far(error, model.y_),
        f"{len(order)} of {d} inputs matter, with {knots_in_words(int(model.n_knots_.sum()))} in all.",
    ]
    return Page(
        f"{y} by {d} inputs",
        [
            ("rows", str(len(model.y_))),
            ("held-out root mean square error", f"{error:.4g}"),
            ("inputs left out", ", ".join(left_out) or "none"),
        ],
        None,
        notes=[
            "What an input adds is said as a deviation from its mean over the data; functions add up.",
            *notes,
        ],
        figures=figures[1:],
        settings=settings,
        headline="A sum of functions, one per input that matters.",
        lead=Lead(
            answers,
            [TableEntry("Inputs that matter", ("input", "spread of what it adds", "bends at"), rows)],
            figures[:1],
        ),
    )
