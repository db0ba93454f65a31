"""Settings of a Bayesian completion, and how "auto" is resolved from the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np

from lowland.core.arrays import Indices, check_rank
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.wording import Option, Remedy, Words

if TYPE_CHECKING:
    from lowland.completion.cells.summary import TableSummary

USUAL_RANK = 16
# tables with so many cells per line tell more factors apart, if so many lines do not take too much memory
LARGER_RANK, CELLS_PER_LINE, MOST_LINES = 32, 50, 200_000
# with fewer cells, too few can be held out to say how large the noise is; with more, the copy of the others
# takes too much memory
LEAST_CALIBRATED, MOST_CALIBRATED = 4_000, 5_000_000
# where rows may be draws from a Gaussian of any covariance: most columns, also per row, least number of cells
# per column, least share of cells, most rows times squared columns, beyond which factors take far less time
FEW_COLUMNS, COLUMNS_PER_ROW, CELLS_PER_COLUMN, LEAST_DENSITY, MOST_WORK = 100, 4, 4, 0.2, 8_000_000
# cells of every column there
LEAST_SEEN = 3
# sweeps before the first kept draw of that Gaussian; cells of tables with more than one sweep per kept
# draw, and how many at most: where cells are few, what they leave open takes more draws to average over
BURN_IN, FEW_CELLS, MOST_SWEEPS = 40, 4_000, 4
# draws, or sweeps, of a fit that settings are compared by
BRIEF = 40
BY_COLUMN = ("auto", "common", "column")


@final
@dataclass(frozen=True, kw_only=True)
class BayesianSettings:
    """What to fit and when to stop.

    Parameters
    ----------
    rank : int or None
        None means as many as stand out from noise, at least 16, or 32 of grades with 50 cells per line, and
        at most 64 and half the shorter side.
    biases : bool
    pattern : bool or None
        Whether the pattern of observed cells is a feature of rows and columns; None means yes for sparse
        tables of grades, unless cells held out show that it does harm.
    pattern_ridge : float or None
        Ridge of the pattern's coefficients; None means 2, or 10 if cells held out show that it is better.
    row_order, column_order : tuple of (float, float, int, str) or None
        Length and strength of a smooth order of a side, how many of its last covariates are coordinates, and
        what these are: "labels", "coordinates" or "graph".
    column_places : tuple of (tuple of float) or None
        Coordinates of the columns, along which correlations of a Gaussian of any covariance may fall.
    inflation : float
        By how much standard errors are larger than the posterior's.
    noise : {"auto", "common", "column"}
        Whether all columns have a common noise level, or one per column; "auto" means "common" for
        grades, else "column".
    scale : {"auto", "common", "column"}
        Whether all columns are centred and scaled alike, or each by itself; "auto" means "column" if
        values are not grades and spreads differ by more than a factor of ten, else "common".
    calibrated : bool or None
        Whether some cells are held out while priors and noise are learnt, to bound the noise from below; None
        means yes for grades, if they are enough and not too many.
    tolerance : float
        Sweeps stop once they change predictions by less than this share of their standard deviation.
    max_iterations : int
        Maximum number of variational sweeps.
    draws : int
        Number of Gibbs draws kept; 0 for variational inference alone.
    burn_in : int
        Number of Gibbs sweeps before the first kept draw.
    full : bool or None
        Whether rows are draws from one Gaussian of any covariance instead of having few factors; None means
        yes for tables with at most 100 columns and four per row, enough observed cells in every column, and
        no weights or covariates.
    gaussian_draws : int
        Number of draws of that Gaussian that are kept.
    sweeps_per_draw : int
        Number of sweeps for each of these, over all of which predictions are averaged.
    graded : bool or None
        Whether values are grades; None means as the table looks.
    groups : tuple of int, optional
        Which column of the table each column of numbers belongs to: those of one column of levels determine
        each other, are missing together, and have errors that go together. None means each is its own.
    """

    rank: int | None = None
    biases: bool = True
    pattern: bool | None = None
    pattern_ridge: float | None = None
    row_order: tuple[float, float, int, str] | None = None
    column_order: tuple[float, float, int, str] | None = None
    column_places: tuple[tuple[float, ...], ...] | None = None
    inflation: float = 1.0
    noise: str = "auto"
    scale: str = "auto"
    calibrated: bool | None = None
    tolerance: float = 0.005
    max_iterations: int = 100
    draws: int = 0
    burn_in: int = 20
    full: bool | None = False
    gaussian_draws: int = 100
    sweeps_per_draw: int = 1
    graded: bool | None = None
    groups: tuple[int, ...] | None = None

    @property
    def grouped(self) -> bool:
        """Whether some columns of numbers belong to one column of the table."""
        return self.groups is not None and len(set(self.groups)) < len(self.groups)

    @property
    def gaussian_sweeps(self) -> tuple[int, int]:
        """How many sweeps draw the Gaussian, and how many of the first are not kept, if there are enough."""
        averaged = self.gaussian_draws * self.sweeps_per_draw
        sweeps = min(BURN_IN + averaged, self.max_iterations)
        return sweeps, min(BURN_IN, max(sweeps - averaged, sweeps // 2))

    def with_columns(self, order: Indices) -> BayesianSettings:
        """Return the settings of a table with the same columns in another order."""
        places, groups = self.column_places, self.groups
        return replace(
            self,
            column_places=None if places is None else tuple(places[j] for j in order.tolist()),
            groups=None if groups is None else tuple(groups[j] for j in order.tolist()),
        )

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> BayesianSettings:
        """Return settings from plain data, in which tuples have become lists."""
        known: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()
        }
        for name in ("row_order", "column_order"):
            order = known.get(name)
            if order is not None and isinstance(order[3], bool):  # as earlier versions wrote it
                known[name] = (*order[:3], "labels" if order[3] else "coordinates")
        places = known.get("column_places")
        known["column_places"] = None if places is None else tuple(tuple(place) for place in places)
        known.pop("shaped", None)  # of earlier versions
        return cls(**known)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        return asdict(self)

    def resolve(self, table: TableSummary, *, plain: bool = True) -> BayesianSettings:
        """Return the settings with "auto" resolved for a table.

        Parameters
        ----------
        table : TableSummary
        plain : bool
            Whether there are neither weights nor covariates.

        Raises
        ------
        InvalidInputError
            If a setting is unknown or does not fit the table.
        UnsupportedError
            If a Gaussian of any covariance is asked for, with weights or covariates.
        """
        for name in ("noise", "scale"):
            check_by_column(getattr(self, name), name)
        m, n = table.shape
        graded = table.graded
        pattern = table.lists_choices if self.pattern is None else self.pattern
        noise = ("common" if graded else "column") if self.noise == "auto" else self.noise
        by_column = not graded and table.units_differ
        scale = ("column" if by_column else "common") if self.scale == "auto" else self.scale
        full = plain and not pattern and _has_few_columns(table) if self.full is None else self.full
        if full and not plain:
            raise UnsupportedError(
                'method "gaussian" takes neither weights nor covariates',
                "weights or covariates",
                fix=Remedy("omit them", Words("use ", Option("method", "variational", "gibbs"))),
            )
        if full:
            return replace(
                self,
                rank=n,
                biases=False,
                pattern=False,
                noise="column",
                scale="column",
                full=True,
                calibrated=False,
                sweeps_per_draw=max(1, min(MOST_SWEEPS, FEW_CELLS // (m * n))),
            )
        rank = (
            usual_rank(m, n, table.size if graded else 0)
            if self.rank is None
            else check_rank(self.rank, (m, n))
        )
        calibrated = graded and LEAST_CALIBRATED <= table.size <= MOST_CALIBRATED
        if self.calibrated is not None:
            calibrated = self.calibrated
        return replace(
            self,
            rank=rank,
            pattern=pattern,
            noise=noise,
            scale=scale,
            full=False,
            column_places=None,
            calibrated=calibrated,
        )


def usual_rank(m: int, n: int, size: int = 0) -> int:
    """Return the rank of a fit of an m x n table with so many cells if none is given."""
    larger = size >= CELLS_PER_LINE * (m + n) and m + n <= MOST_LINES
    return max(1, min(LARGER_RANK if larger else USUAL_RANK, min(m, n) // 2))


def _has_few_columns(table: TableSummary) -> bool:
    """Return whether a Gaussian of any covariance predicts best, as measured on some twenty tables."""
    m, n = table.shape
    enough = table.size >= max(CELLS_PER_COLUMN * n, LEAST_DENSITY * m * n)
    small = 1 < n <= min(FEW_COLUMNS, COLUMNS_PER_ROW * m) and m * n * n <= MOST_WORK
    # a column of which little is seen borrows the structure of others, which factors share
    usual = float(np.median(table.column_counts))
    return bool(small and enough and table.column_counts.min() >= max(LEAST_SEEN, usual / 2))


def check_by_column(choice: str, name: str) -> None:
    """Raise unless a setting is "auto", "common" or "column"."""
    if choice not in BY_COLUMN:
        fix = Words("use ", Option(name, *BY_COLUMN))
        raise InvalidInputError(Words(Option(name), " is unknown"), repr(choice), fix=fix)
