"""The interface of models that predict the cells of a completed table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lowland.cells.labels import TableLabels
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.context import CellContext
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.core.memory import check_fits
from lowland.core.wording import Option, Words


@final
@dataclass(frozen=True, eq=False)
class TableParts:
    """The parts of a low-rank table: factors, biases, an offset, and the noise of each column if known.

    Parameters
    ----------
    row_factors, column_factors : ndarray, shapes (m, r) and (n, r)
    row_biases, column_biases : ndarray, shapes (m,) and (n,)
    offset : float
    noise : ndarray, shape (n,), or None
        Standard deviation of new observations.
    row_noise : ndarray, shape (m,), or None
        By what factor that of a row differs; None: by none.
    """

    row_factors: Matrix
    column_factors: Matrix
    row_biases: Vector
    column_biases: Vector
    offset: float
    noise: Vector | None = None
    row_noise: Vector | None = None


# what to do where a table cannot be formed
ALL_CELLS = "predict the cells that are needed (predict_cells, top), or some rows at a time"


class ColumnLosses(Protocol):
    """What the columns of a table hold, where they do not all hold numbers with squared losses."""

    @property
    def numbers(self) -> NDArray[np.bool_]:
        """Mask of the columns that hold numbers or counts, shape (n,)."""

    @property
    def calibrating(self) -> tuple[NDArray[np.bool_], ...]:
        """Groups of columns whose errors are calibrated together."""

    def words(self) -> Sequence[str]:
        """Return the names of the losses used."""

    def mean(self, z: Vector, columns: Indices) -> Vector:
        """Return expected values of cells from their natural parameters."""

    def levels_of(self, column: int) -> Vector:
        """Return the values that are the levels of a column, ascending, none of a column of numbers."""


def all_squared(losses: ColumnLosses | None) -> bool:
    """Return whether all columns hold numbers with squared losses."""
    return losses is None or list(losses.words()) == ["squared"]


@runtime_checkable
class TableModel(Protocol):
    """Predictions of cells in known and in new rows."""

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the table."""

    @property
    def rank(self) -> int:
        """Number of factors."""

    @property
    def labels(self) -> TableLabels:
        """Names of rows and columns."""

    @property
    def row_places(self) -> tuple[int, bool]:
        """Number of coordinates of rows that the fit found in order, and whether labels said them."""

    @property
    def losses(self) -> ColumnLosses | None:
        """Losses by column; None if all are squared."""

    def parts(self) -> TableParts:
        """Return factors, biases and offset."""

    def factors(self) -> tuple[Matrix, Matrix]:
        """Return factors U, V of the low-rank part."""

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells, shape (k,)."""

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return the standard errors of new observations of cells, up to a common factor; shape (k,)."""

    def scores(self, rows: Indices, columns: Indices) -> Vector:
        """Return scores that rank the columns of a row, shape (k,)."""

    def row_scores(self, rows: Indices) -> Matrix:
        """Return the scores of all columns for some rows, shape (k, n)."""

    def new_scores(self, table: Observations) -> Matrix:
        """Return the scores of all columns for new rows, folded in, shape (k, n)."""

    def within_range(self, scores: Matrix) -> Matrix:
        """Return the predictions that belong to scores."""

    def matrix(self, *, likeliest: bool = False) -> Matrix:
        """Return predictions of all cells; for levels, expected values or the likeliest level."""

    def of_rows(self, table: Observations, covariates: Matrix | None = None) -> TableModel:
        """Return the model of the rows of another table, folded in."""

    def complete(
        self, table: Observations, covariates: Matrix | None = None, *, likeliest: bool = False
    ) -> Matrix:
        """Return predictions of all cells of new rows, folded in, shape (k, n)."""

    def natural(self, rows: Indices, columns: Indices) -> Vector:
        """Return the natural parameters of cells, shape (k,)."""

    def probabilities(self, rows: Indices, column: int) -> Matrix:
        """Return the probabilities of a column's levels in some rows, or raise UnsupportedError."""

    def clip(self, lower: Vector, upper: Vector, columns: Indices) -> tuple[Vector, Vector]:
        """Return intervals clipped to the possible values of the columns."""


@runtime_checkable
class SamplingModel(TableModel, Protocol):
    """A model that knows how uncertain it is: with intervals and draws, and for new rows too."""

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells."""

    def draws(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Iterator[Vector]:
        """Give joint draws of cells, shape (k,) each: of new observations, or without noise."""

    def of_rows(self, table: Observations, covariates: Matrix | None = None) -> SamplingModel:
        """Return the model of the rows of another table, folded in."""

    def new_scores(self, table: Observations, covariates: Matrix | None = None) -> Matrix:
        """Return the scores of all columns for new rows, folded in, shape (k, n)."""


@runtime_checkable
class CountsUnlisted(Protocol):
    """A model of cells of which those that are not listed may count as a value, so that none is missing."""

    @property
    def unlisted_weight(self) -> float:
        """Weight of such a cell; 0 if they are missing."""

    @property
    def unlisted(self) -> float:
        """What it counts as."""


def counts_unlisted(model: object) -> bool:
    """Return whether cells that are not listed were fitted as a value, so that none is missing."""
    return isinstance(model, CountsUnlisted) and model.unlisted_weight > 0


def refuse_unlisted(model: object, what: str) -> None:
    """Raise if there are no missing cells that something could be about."""
    if counts_unlisted(model):
        raise UnsupportedError(
            f"{what} are about missing cells, of which there are none",
            "a fit in which cells that are not listed count",
            fix=Words("see held_out_lists for how good lists are, or fit without ", Option("unlisted")),
        )


@runtime_checkable
class KnowsContext(Protocol):
    """A model that may predict cells by when they are observed."""

    @property
    def has_context(self) -> bool:
        """Whether predictions depend on the context of cells."""

    def among(self, context: CellContext) -> TableModel:
        """Return the model that knows the context of further cells."""


@runtime_checkable
class HasUnordered(Protocol):
    """A model some of whose columns hold levels without an order."""

    @property
    def unordered(self) -> Indices:
        """Columns of more than two levels without an order, whose mean position says nothing."""


def sampling(model: object) -> SamplingModel:
    """Return a model around which layers can be put; only Bayesian fits and layers are such models."""
    assert isinstance(model, SamplingModel)
    return model


def no_levels() -> UnsupportedError:
    """Return the error for level probabilities of a column without levels."""
    return UnsupportedError(
        "only columns of levels have level probabilities",
        "a column of numbers",
        fix='fit it as "logistic" or "ordinal"',
    )


def check_table_fits(left: Matrix, columns: int) -> None:
    """Raise if the cells of some rows, given by their factors, would need more memory than there is."""
    check_fits(4.0 * len(left) * columns * left.itemsize, "the completed table", ALL_CELLS)
