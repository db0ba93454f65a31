"""`Completed`: a completed table, however it was fitted, and all that can be asked of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.completion.bayesian import BayesianFit, Covariates, fit_bayesian
from lowland.completion.conformal import Conformal, calibrate, calibrate_on_gaps
from lowland.completion.fisher_errors import FisherErrors
from lowland.completion.holdout import Predictor
from lowland.completion.laplace_sampling import RowDraws
from lowland.completion.penalised import CompletionFit, fit_completion
from lowland.completion.penalised_model import CompletionModel
from lowland.completion.posterior_model import PosteriorModel
from lowland.completion.rankings import alike, best_columns
from lowland.completion.settings import row_weights
from lowland.completion.table_labels import TableLabels
from lowland.completion.table_updates import merge
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.observations import Observations
from lowland.sensing.intervals import entry_intervals

INTERVALS = ("auto", "posterior", "fisher", "conformal", "conformal_gaps")
# what is drawn at once of all completions of a table
LARGEST_DRAWS = 200_000_000

Model: TypeAlias = CompletionModel | PosteriorModel


@final
@dataclass(frozen=True, eq=False)
class Completed:
    """A completed table.

    Parameters
    ----------
    model : CompletionModel or PosteriorModel
    fit : CompletionFit, BayesianFit or None
        None for a model read from a file, which knows no data.
    seed : int
        Of what is drawn to calibrate.
    covariates : pair of ndarray or None
        Of rows and columns, those of the fit.
    stored : str
        Fingerprint of the table fitted, its weights apart, where a file told it.
    """

    model: Model
    fit: CompletionFit | BayesianFit | None
    seed: int = 0
    covariates: Covariates = (None, None)
    stored: str = ""

    @classmethod
    def of(cls, fit: CompletionFit | BayesianFit, seed: int, covariates: Covariates) -> Completed:
        """Return the table that a fit completes."""
        return cls(fit.model, fit, seed, covariates)

    @cached_property
    def cells_fitted(self) -> str:
        """Fingerprint of the table fitted, its weights apart; empty where it is not known."""
        return self.stored if self.fit is None else fingerprint(self.fit.observations)

    @property
    def labels(self) -> TableLabels:
        """Names of rows and columns."""
        return self.model.labels

    def cells(self, rows: ArrayLike, columns: ArrayLike) -> tuple[Indices, Indices]:
        """Return the positions of cells given by labels or positions."""
        at_rows, at_columns = self.labels.positions(rows, 0), self.labels.positions(columns, 1)
        if at_rows.shape != at_columns.shape:
            raise InvalidInputError(
                "rows and columns must be equally long", f"{at_rows.size} and {at_columns.size}"
            )
        return at_rows, at_columns

    def complete(
        self, table: Observations, covariates: Matrix | None = None, *, likeliest: bool = False
    ) -> Matrix:
        """Return predictions of all cells of the rows of a table, folded in, shape (k, n).

        Of columns with levels they are expected values, or the `likeliest` levels.

        The rows of the fitted table itself are not folded in, which would make no use of draws and
        weights: what is predicted of a cell must not depend on how it is asked for.
        """
        if table.shape == self.model.shape and fingerprint(table) == self.cells_fitted:
            if isinstance(self.model, PosteriorModel):
                return self.model.matrix()
            return self.model.matrix(likeliest=likeliest)
        if isinstance(self.model, PosteriorModel):
            return self.model.complete(table, covariates)
        if covariates is not None:
            raise InvalidInputError('method "map" takes no covariates', "some were passed")
        return self.model.complete(table, likeliest=likeliest)

    def top(self, row: int, count: int, exclude_observed: bool) -> tuple[Indices, Vector]:
        """Return the columns of a row with the largest predictions, and these."""
        n = self.model.shape[1]
        scores = self.model.scores(np.full(n, row), np.arange(n))
        seen = np.zeros(0, np.intp)
        if exclude_observed:
            if self.fit is None:
                raise UnsupportedError(
                    "what was observed is not known",
                    "a model from a file",
                    fix="pass exclude_observed=False, or fit the table again",
                )
            table = self.fit.observations
            seen = table.columns[table.rows == row]
        chosen = best_columns(scores, seen, count)
        return chosen, self.model.predict(np.full(chosen.size, row), chosen)

    def similar(self, column: int, count: int) -> tuple[Indices, Vector]:
        """Return the columns most like one, and the correlations of their low-rank parts."""
        return alike(*self.model.factors(), column, count)

    def probabilities(self, rows: Indices, column: int) -> Matrix:
        """Return the probabilities of a column's levels in some rows, shape (k, number of levels)."""
        model = self.model
        known = model.columns if isinstance(model, CompletionModel) else None
        if known is None or not isinstance(model, CompletionModel) or known.numbers[column]:
            raise UnsupportedError(
                "only levels have probabilities",
                "a column of numbers",
                fix='fit it as "logistic" or "ordinal"',
            )
        return known.probabilities(model.natural(rows, np.full(rows.size, column)), column)

    def outliers(self) -> Any:
        """Return the sparse part that a robust fit takes off the observed cells, shape (m, n)."""
        from scipy.sparse import csr_array

        model = self.model
        known = model.columns if isinstance(model, CompletionModel) else None
        if known is None or not isinstance(model, CompletionModel) or "huber" not in known.words():
            raise UnsupportedError(
                "outliers need Huber's loss", "a fit with other losses", fix='fit with loss="huber"'
            )
        if self.fit is None:
            raise UnsupportedError("outliers need the data", "a model from a file", fix="fit the table again")
        table = self.fit.observations
        z = model.natural(table.rows, table.columns).astype(np.float64)
        parts = known.excesses(table, z)
        some = parts != 0
        places = (table.rows[some], table.columns[some])
        return csr_array((parts[some], places), shape=table.shape)

    # ---------------------------------------------------------------- uncertainty

    def intervals(self, rows: Indices, columns: Indices, level: float, way: str) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells, one of four ways ("auto": the model's own)."""
        if way not in INTERVALS:
            choices = ", ".join(f'"{choice}"' for choice in INTERVALS)
            raise InvalidInputError("method is unknown", repr(way), fix=f"use one of {choices}")
        if isinstance(level, bool) or not (isinstance(level, int | float | np.number) and 0 < level < 1):
            raise InvalidInputError("level must lie between 0 and 1", repr(level))
        own = "posterior" if isinstance(self.model, PosteriorModel) else "fisher"
        if isinstance(self.model, CompletionModel) and not self._smooth:
            own = "conformal"
            if self.model.columns is not None and not self.model.columns.numbers[columns].all():
                raise UnsupportedError(
                    "a column of levels has no intervals",
                    "two-level or ordered columns",
                    fix="ask for level_probabilities, or sample",
                )
        way = own if way == "auto" else way
        if way.startswith("conformal"):
            return self._clip(*self._calibrated(rows, columns, level, way), columns)
        if way != own:
            needs = "a Bayesian fit" if way == "posterior" else "a penalised fit of squares, no sign fixed"
            raise UnsupportedError(
                f'method "{way}" needs {needs}',
                f'this model has "{own}"',
                fix='use "conformal"' if own == "conformal" else f'use "{own}" or "conformal"',
            )
        if isinstance(self.model, PosteriorModel):
            return self._posterior(self.model, rows, columns, level)
        fit = self._penalised()
        found = entry_intervals(
            fit.objective,
            fit.theta,
            rows,
            columns,
            level=level,
            new_observation=True,
            new_weights=row_weights(fit.observations)[rows],
        )
        return found.lower, found.upper

    def _posterior(
        self, model: PosteriorModel, rows: Indices, columns: Indices, level: float
    ) -> tuple[Vector, Vector]:
        from scipy.special import ndtri

        centre = model.predict(rows, columns)
        reach = float(ndtri((1 + level) / 2)) * model.standard_errors(rows, columns)
        return self._clip(centre - reach, centre + reach, columns)

    def _clip(self, lower: Vector, upper: Vector, columns: Indices) -> tuple[Vector, Vector]:
        if isinstance(self.model, PosteriorModel):
            return self.model.scaling.clip(lower), self.model.scaling.clip(upper)
        if self.model.columns is None:
            return lower, upper
        return np.maximum(lower, self.model.columns.least(columns)), upper

    @property
    def with_intervals(self) -> Indices:
        """The columns that have intervals: those of numbers and counts."""
        known = self.model.columns if isinstance(self.model, CompletionModel) else None
        return np.arange(self.model.shape[1]) if known is None else np.flatnonzero(known.numbers)

    def _calibrated(self, rows: Indices, columns: Indices, level: float, way: str) -> tuple[Vector, Vector]:
        """Return conformal intervals, each group of columns by the errors of its own."""
        groups = self._conformal if way == "conformal" else self._conformal_gaps
        lower, upper = np.full((2, rows.size), np.nan)
        for known, calibrated in groups:
            at = known[columns]
            if at.any():
                lower[at], upper[at] = calibrated.intervals(rows[at], columns[at], level)
        return lower, upper

    @cached_property
    def _conformal(self) -> list[tuple[NDArray[np.bool_], Conformal]]:
        table, rng = self._calibrating()
        return calibrate(table, self.refit, rng, self._groups)

    @cached_property
    def _conformal_gaps(self) -> list[tuple[NDArray[np.bool_], Conformal]]:
        table, rng = self._calibrating()
        penalised = isinstance(self.fit, CompletionFit) and self._smooth
        whole: Predictor = FisherErrors(self._penalised()) if penalised else self.model
        return calibrate_on_gaps(table, self.refit, whole, rng, self._groups)

    @property
    def _groups(self) -> tuple[NDArray[np.bool_], ...]:
        known = self.model.columns if isinstance(self.model, CompletionModel) else None
        return (np.ones(self.model.shape[1], bool),) if known is None else known.calibrating

    def _calibrating(self) -> tuple[Observations, np.random.Generator]:
        """Return what intervals are calibrated on."""
        if self.fit is None:
            raise UnsupportedError(
                "conformal intervals need the data", "a model from a file", fix="fit the table again"
            )
        return self.fit.observations, np.random.default_rng(self.seed)

    def refit(self, table: Observations, rng: np.random.Generator) -> Predictor:
        """Return what the same settings make of another table of the same shape."""
        fit = self.fit
        if isinstance(fit, BayesianFit):
            return fit_bayesian(table, fit.settings, rng=rng, covariates=self.covariates).model
        settings = self._penalised().settings
        again = fit_completion(table, settings, rng=rng, certify=False)
        return FisherErrors(again) if self._smooth else again.model

    @property
    def _smooth(self) -> bool:
        """Whether a penalised fit is one of squares without constraints, whose curvature tells errors."""
        model = self.model
        return isinstance(model, CompletionModel) and model.columns is None and not model.nonnegative

    def _penalised(self) -> CompletionFit:
        if not isinstance(self.fit, CompletionFit):
            raise UnsupportedError(
                "these intervals need the data", "a model from a file", fix="fit the table again"
            )
        return self.fit

    def sample(self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator) -> Matrix:
        """Return draws of new observations of cells together, shape (count, k)."""
        return self._drawing("draws").sample(rows, columns, count, rng)

    def completions(self, count: int, rng: np.random.Generator) -> Matrix:
        """Return completed tables, missing cells drawn with their noise, shape (count, m, n)."""
        drawing = self._drawing("multiple imputation")
        m, n = self.model.shape
        if self.fit is None:
            raise UnsupportedError(
                "completions need the data", "a model from a file", fix="fit the table again, or use sample"
            )
        if count * m * n > LARGEST_DRAWS:
            raise InvalidInputError(
                "so many completions would be too large",
                f"{count} x {m} x {n} numbers",
                fix="ask for fewer, or sample the cells that matter",
            )
        seen = self.fit.observations
        missing = np.ones((m, n), bool)
        missing[seen.rows, seen.columns] = False
        rows, columns = np.nonzero(missing)
        tables = np.empty((count, m, n))
        tables[:, seen.rows, seen.columns] = seen.values
        tables[:, rows, columns] = drawing.sample(rows, columns, count, rng)
        return tables

    @cached_property
    def _row_draws(self) -> RowDraws | None:
        # kept, for it factors the system of every row
        fit = self.fit if isinstance(self.fit, CompletionFit) else None
        columns = None if fit is None else fit.settings.columns
        return None if fit is None or columns is None else RowDraws(fit, columns)

    def _drawing(self, what: str) -> PosteriorModel | RowDraws:
        """Return what draws cells: a posterior, or rows around a fit of columns of several kinds."""
        if isinstance(self.model, PosteriorModel):
            return self.model
        if self._row_draws is not None:
            return self._row_draws
        if self.model.columns is not None:
            raise UnsupportedError(f"{what} need the data", "a model from a file", fix="fit the table again")
        raise UnsupportedError(
            f"{what} need a posterior", "a penalised fit", fix='fit with method="variational" or "gibbs"'
        )

    # ---------------------------------------------------------------- new observations

    def updated(self, new: Observations) -> Completed:
        """Return the table fitted again with more observations, from where the fit is now.

        Parameters
        ----------
        new : Observations
            In the order of the fitted table, which they may extend; a cell that is known is replaced.
        """
        fit = self.fit
        if fit is None:
            raise UnsupportedError(
                "an update needs the data", "a model from a file", fix="fit the table again"
            )
        table, rng = merge(fit.observations, new), np.random.default_rng(self.seed)
        mixed = isinstance(fit, CompletionFit) and fit.settings.columns is not None
        if mixed and table.shape[1] != fit.observations.shape[1]:
            raise UnsupportedError(
                "new columns have no loss", f"{table.shape[1]} columns", fix="fit the table again"
            )
        if isinstance(fit, BayesianFit):
            described = any(covariates is not None for covariates in self.covariates)
            if described and table.shape != fit.observations.shape:
                raise UnsupportedError(
                    "new rows and columns have no covariates", f"{table.shape}", fix="fit the table again"
                )
            again: CompletionFit | BayesianFit = fit_bayesian(
                table, fit.settings, rng=rng, covariates=self.covariates, before=fit
            )
        else:
            again = fit_completion(table, fit.settings, rng=rng, certify=False, before=fit)
        return Completed.of(again, self.seed, self.covariates)


def fingerprint(table: Observations) -> str:
    """Return a hash of the cells of a table, whatever their weights."""
    return replace(table, weights=None).fingerprint()
