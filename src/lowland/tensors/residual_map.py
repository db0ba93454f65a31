"""Where a model of a tensor misses: residuals by the slices of two modes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.report.displays import new_axes, use_whole_ticks
from lowland.report.page import FigureEntry
from lowland.tensors.cells.observations import TensorObservations

if TYPE_CHECKING:
    from lowland.report.figures import Axes

# relative error below which residuals are rounding
EXACT = 1e-9


@public("lowland.displays")
@final
@dataclass(repr=False)
class ResidualDisplay:
    """Root-mean-square residuals by the slices of two modes.

    Parameters
    ----------
    residuals : ndarray, shape (I_a, I_b)
        NaN where no cell is known.
    names : pair of str
        Names of the modes.
    coordinates : pair of ndarray or None
        Coordinates along them; by default positions.

    Examples
    --------
    >>> import numpy as np
    >>> from lowland.displays import ResidualDisplay
    >>> display = ResidualDisplay(np.array([[0.1, 0.2], [0.1, np.nan]]), ("day", "hour"))
    >>> display.plot().ax_.get_ylabel()
    'day'
    """

    residuals: Matrix
    names: tuple[str, str]
    coordinates: tuple[NDArray[Any] | None, NDArray[Any] | None] = (None, None)
    ax_: Axes = field(init=False, repr=False, compare=False)

    def plot(self, ax: Axes | None = None) -> ResidualDisplay:
        """Draw on axes, or on new ones; where no cell is known it is grey."""
        self.ax_ = new_axes(ax)
        image = self.ax_.imshow(
            self.residuals, aspect="auto", origin="lower", cmap="viridis", vmin=0, interpolation="nearest"
        )
        image.set_cmap(image.get_cmap().with_extremes(bad="0.85"))
        self.ax_.figure.colorbar(image, ax=self.ax_, label="root-mean-square residual")
        self.ax_.set(ylabel=self.names[0], xlabel=self.names[1])
        for axis, along in zip((self.ax_.yaxis, self.ax_.xaxis), self.coordinates, strict=True):
            use_whole_ticks(axis)
            if along is not None:
                axis.set_major_formatter(_names_of(along))
        return self


def residual_figure(
    data: TensorObservations,
    predicted: Vector,
    names: Sequence[str],
    coordinates: Sequence[NDArray[Any] | None] = (),
) -> tuple[FigureEntry, ...]:
    """Return the map of residuals over the two longest modes; none if they are rounding.

    Parameters
    ----------
    data : TensorObservations
    predicted : ndarray, shape (p,)
        Of the known cells.
    names : sequence of str
        Of all modes.
    coordinates : sequence of ndarray or None, optional
        Along all modes.
    """
    misses = predicted - data.values
    if not np.linalg.norm(misses) > EXACT * np.linalg.norm(data.values):
        return ()
    a, b = sorted(np.argsort([-length for length in data.shape], kind="stable")[:2].tolist())
    along = coordinates or (None,) * len(names)
    display = ResidualDisplay(residuals_by(data, misses, (a, b)), (names[a], names[b]), (along[a], along[b]))
    others = [name for k, name in enumerate(names) if k not in (a, b)]
    words = (
        f"Residuals of the known cells by {names[a]} and {names[b]}, over all slices of "
        f"{' and '.join(others)}: what stands out is missed by the model."
    )
    return (FigureEntry("Residuals", words, display.plot),)


def residuals_by(data: TensorObservations, misses: Vector, modes: tuple[int, int]) -> Matrix:
    """Return root-mean-square misses by the slices of two modes, NaN where no cell is known."""
    shape = (data.shape[modes[0]], data.shape[modes[1]])
    at = data.all_positions()
    places = np.ravel_multi_index((at[:, modes[0]], at[:, modes[1]]), shape)
    counts = np.bincount(places, minlength=shape[0] * shape[1])
    squares = np.bincount(places, misses.astype(np.float64) ** 2, minlength=counts.size)
    with np.errstate(invalid="ignore"):
        residuals: Matrix = np.sqrt(squares / counts).reshape(shape)
    return residuals


def _names_of(along: NDArray[Any]) -> Any:
    """Return a formatter of positions as coordinates."""

    def name(position: float, _: Any = None) -> str:
        place = round(position)
        if not 0 <= place < along.size or abs(position - place) > 1e-6:
            return ""
        return f"{along[place]:g}" if along.dtype.kind in "iuf" else str(along[place])[:18]

    return name
