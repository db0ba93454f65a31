"""Plots that keep their data, in the style of scikit-learn's displays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.doors import public
from lowland.core.results.records import Factors, SearchResult
from lowland.report.figures import ACCENT, FAINT, SECOND, require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axis import Axis

    from lowland.report.figures import Axes


# with at most so many different values, predictions are drawn by value
MOST_GRADES = 12


def new_axes(ax: Axes | None) -> Axes:
    """Return the given axes, or new ones."""
    if ax is not None:
        return ax
    require_matplotlib()
    from matplotlib import pyplot

    # labels of any length stay inside
    axes: Axes = pyplot.subplots(layout="constrained")[1]
    return axes


def use_whole_ticks(axis: Axis) -> None:
    """Place the ticks of an axis at whole numbers, as many as usual."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True))


@public("lowland.displays")
@final
@dataclass(repr=False)
class ConvergenceDisplay:
    """Objective against iterations.

    Parameters
    ----------
    iterations : ndarray
    values : ndarray
        Objective values.
    message : str
        Why the search stopped.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.displays import ConvergenceDisplay
    >>> fit = ll.recover(ll.gaussian(40, (5, 5), 0), np.ones(40), rank=1, structure="psd", rng=0)
    >>> display = ConvergenceDisplay.from_result(fit.search)
    >>> bool(display.values[-1] == fit.search.value), display.plot().ax_.get_xlabel()
    (True, 'iteration')
    """

    iterations: Vector
    values: Vector
    message: str
    ax_: Axes = field(init=False, repr=False, compare=False)

    @classmethod
    def from_result(cls, result: SearchResult) -> ConvergenceDisplay:
        """Return the display of a search."""
        return cls(result.trace.iterations.astype(float), result.trace.values, result.message)

    def plot(self, ax: Axes | None = None) -> ConvergenceDisplay:
        """Draw on axes, or on new ones."""
        self.ax_ = new_axes(ax)
        positive = bool(np.all(self.values > 0)) and self.values.max() > 3 * self.values.min()
        (self.ax_.semilogy if positive else self.ax_.plot)(
            self.iterations, self.values, color=ACCENT, marker="."
        )
        self.ax_.set(xlabel="iteration", ylabel="objective")
        return self


@public("lowland.displays")
@final
@dataclass(repr=False)
class SpectrumDisplay:
    """Singular values of the recovered matrix.

    Parameters
    ----------
    singular_values : ndarray
        Largest first.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.displays import SpectrumDisplay
    >>> factors = ll.Factors(np.array([[3.0, 0.0], [0.0, 2.0], [4.0, 0.0]]), np.eye(4)[:, :2])
    >>> SpectrumDisplay.from_factors(factors).singular_values.round(6).tolist()
    [5.0, 2.0]
    """

    singular_values: Vector
    ax_: Axes = field(init=False, repr=False, compare=False)

    @classmethod
    def from_factors(cls, factors: Factors) -> SpectrumDisplay:
        """Compute the singular values from factors, without forming the matrix."""
        left, right = np.linalg.qr(factors.left)[1], np.linalg.qr(factors.right)[1]
        return cls(np.linalg.svd(left @ right.conj().T)[1])

    def plot(self, ax: Axes | None = None) -> SpectrumDisplay:
        """Draw on axes, or on new ones."""
        self.ax_ = new_axes(ax)
        order = np.arange(1, self.singular_values.size + 1)
        self.ax_.bar(order, self.singular_values, color=ACCENT, width=0.6)
        self.ax_.set(xlabel="component", ylabel="singular value")
        if order.size <= 20:
            self.ax_.set_xticks(order)
        return self


@public("lowland.displays")
@final
@dataclass(repr=False)
class PredictionDisplay:
    """Predicted against observed values of held-out (or fitted) cells.

    Parameters
    ----------
    observed, predicted : ndarray
    label : str
        Which cells are shown.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.displays import PredictionDisplay
    >>> A = ll.gaussian(40, (5, 5), 0)
    >>> fit = ll.recover(A, np.ones(40), rank=1, structure="psd", rng=0)
    >>> display = PredictionDisplay(np.ones(40), A.measure_matrix(fit.matrix()), "measurements")
    >>> display.plot().ax_.get_xlabel()
    'observed (measurements)'
    """

    observed: Vector
    predicted: Vector
    label: str = "held-out cells"
    ax_: Axes = field(init=False, repr=False, compare=False)

    def plot(self, ax: Axes | None = None) -> PredictionDisplay:
        """Draw on axes, or on new ones: at most 2,000 cells; quartiles per grade if grades are few."""
        self.ax_ = new_axes(ax)
        step = max(1, self.observed.size // 2000)
        observed, predicted = self.observed[::step], self.predicted[::step]
        low, high = float(min(observed.min(), predicted.min())), float(max(observed.max(), predicted.max()))
        self.ax_.plot([low, high], [low, high], color=FAINT, linewidth=1, zorder=1)
        grades = np.unique(observed)
        if 1 < grades.size <= MOST_GRADES and observed.size >= 10 * grades.size:
            self._boxes(grades)
        else:
            self.ax_.scatter(observed, predicted, s=9, color=ACCENT, alpha=0.6, linewidths=0, zorder=2)
        self.ax_.set(xlabel=f"observed ({self.label})", ylabel="predicted")
        return self

    def _boxes(self, grades: Vector) -> None:
        """Draw the quartiles of the predictions of each grade, since dots of few grades hide each other."""
        width = 0.6 * float(np.diff(grades).min())
        line = {"color": ACCENT}
        self.ax_.boxplot(
            [self.predicted[self.observed == grade] for grade in grades],
            positions=grades,
            widths=width,
            whis=(5, 95),
            showfliers=False,
            manage_ticks=False,
            boxprops=line,
            whiskerprops=line,
            capprops=line,
            medianprops={"color": SECOND},
        )


@public("lowland.displays")
@final
@dataclass(repr=False)
class PatternDisplay:
    """Observed cells, and cells not determined by the data alone; a large table is drawn in blocks.

    The block with the highest density has the full shade.

    Parameters
    ----------
    density : ndarray, shape (a, b)
        Fraction of observed cells in each block.
    shape : tuple of int
        Shape of the table.
    open_cells : ndarray of int, shape (k, 2)
        Cells not determined by the data alone, if known.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.displays import PatternDisplay
    >>> seen = ll.Observations.from_array([[1.0, np.nan, np.nan], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    >>> PatternDisplay.from_observations(seen).density.tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    >>> PatternDisplay.from_observations(seen, blocks=2).density.tolist()
    [[0.75, 0.5], [1.0, 1.0]]
    """

    density: Matrix
    shape: tuple[int, int]
    open_cells: Indices | None = None
    ax_: Axes = field(init=False, repr=False, compare=False)

    @classmethod
    def from_observations(
        cls, observations: Observations, open_cells: Indices | None = None, *, blocks: int = 120
    ) -> PatternDisplay:
        """Count observations in at most `blocks` x `blocks` blocks."""
        m, n = observations.shape
        a, b = min(m, blocks), min(n, blocks)
        counts = np.zeros((a, b))
        np.add.at(counts, (observations.rows * a // m, observations.columns * b // n), 1)
        by_row = np.bincount(np.arange(m) * a // m, minlength=a)
        by_column = np.bincount(np.arange(n) * b // n, minlength=b)
        return cls(counts / np.outer(by_row, by_column), (m, n), open_cells)

    def plot(self, ax: Axes | None = None) -> PatternDisplay:
        """Draw on axes, or on new ones."""
        from matplotlib.colors import LinearSegmentedColormap

        self.ax_ = new_axes(ax)
        m, n = self.shape
        shades = LinearSegmentedColormap.from_list("observed", [(0, 0.45, 0.7, 0), (0, 0.45, 0.7, 1)])
        self.ax_.imshow(
            self.density,
            cmap=shades,
            vmin=0,
            vmax=float(self.density.max(initial=0.0)) or 1.0,
            aspect="auto",
            extent=(0, n, m, 0),
            interpolation="nearest",
        )
        if self.open_cells is not None and len(self.open_cells):
            cells = np.asarray(self.open_cells)
            self.ax_.scatter(
                cells[:, 1] + 0.5, cells[:, 0] + 0.5, s=4, color=SECOND, marker="s", linewidths=0
            )
        self.ax_.set(xlabel="column", ylabel="row")
        return self


@public("lowland.displays")
@final
@dataclass(repr=False)
class CalibrationDisplay:
    """Coverage of intervals on held-out cells against their nominal level.

    Parameters
    ----------
    levels : ndarray
        Nominal levels.
    coverage : ndarray
        Fraction of held-out cells inside the intervals of each level.
    count : int
        Number of held-out cells.

    Examples
    --------
    >>> import numpy as np
    >>> from lowland.displays import CalibrationDisplay
    >>> errors = np.abs(np.random.default_rng(0).standard_normal(500))  # in standard errors
    >>> coverage = np.array([np.mean(errors < reach) for reach in (0.674, 1.282, 1.96)])
    >>> display = CalibrationDisplay(np.array([0.5, 0.8, 0.95]), coverage, errors.size)
    >>> bool(np.abs(display.coverage - display.levels).max() < 0.05), display.plot().ax_.get_xlabel()
    (True, 'level of the interval')
    """

    levels: Vector
    coverage: Vector
    count: int
    ax_: Axes = field(init=False, repr=False, compare=False)

    def plot(self, ax: Axes | None = None) -> CalibrationDisplay:
        """Draw on axes, or on new ones; the band is the 95 % sampling range of exact intervals."""
        self.ax_ = new_axes(ax)
        line = np.linspace(0, 1, 101)
        band = 1.96 * np.sqrt(line * (1 - line) / self.count)
        self.ax_.fill_between(line, line - band, line + band, color=FAINT, alpha=0.4, linewidth=0)
        self.ax_.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
        self.ax_.plot(self.levels, self.coverage, color=ACCENT, marker="o", markersize=4)
        self.ax_.set(
            xlabel="level of the interval", ylabel="coverage of held-out cells", xlim=(0, 1), ylim=(0, 1)
        )
        return self


@public("lowland.displays")
@final
@dataclass(repr=False)
class PathDisplay:
    """Held-out errors along a path of ranks or penalties.

    Parameters
    ----------
    positions : ndarray
        Ranks, or penalties.
    errors : ndarray
        Root-mean-square errors on held-out cells.
    chosen : float
        The chosen position.
    name : str
        "rank" or "penalty".
    measure : str
        What was measured, if not errors.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.displays import PathDisplay
    >>> table = np.random.default_rng(0).random((20, 12)) + np.outer(np.arange(20), np.arange(12))
    >>> path = ll.MatrixCompletion(penalty=0.1, certify=False, random_state=0).fit(table).rank_path_
    >>> ranks, errors = np.array([(step.rank, step.error) for step in path.steps]).T
    >>> display = PathDisplay(ranks, errors, path.settings.rank, "rank")
    >>> display.chosen, display.plot().ax_.get_xlabel()
    (1, 'rank')
    """

    positions: Vector
    errors: Vector
    chosen: float
    name: str
    measure: str = "error on held-out cells"
    ax_: Axes = field(init=False, repr=False, compare=False)

    def plot(self, ax: Axes | None = None) -> PathDisplay:
        """Draw on axes, or on new ones."""
        self.ax_ = new_axes(ax)
        order = np.argsort(self.positions)
        x, y = self.positions[order], self.errors[order]
        (self.ax_.semilogx if self.name == "penalty" else self.ax_.plot)(x, y, color=ACCENT, marker=".")
        at = int(np.argmin(np.abs(x - self.chosen)))
        self.ax_.plot(x[at], y[at], color=SECOND, marker="o", markersize=8, linestyle="none")
        self.ax_.set(xlabel=self.name, ylabel=self.measure)
        return self
