"""`TableIntervals`: intervals for new observations of cells, the method's own or conformal."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.tables.conformal import Conformal, calibrate, gap_trials
from lowland.completion.tables.fitted import FittedTable, data_of
from lowland.completion.tables.model import KnowsContext, SamplingModel, refuse_unlisted
from lowland.completion.tables.trial import Predictor, Refit, Trial, hold_trial, trial_of
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.parameter_checks import check_share
from lowland.core.wording import Option, Remedy, Words, counted
from lowland.trials.choices import LATEST

if TYPE_CHECKING:
    from lowland.completion.tables.audited import Audited

INTERVAL_METHODS = ("auto", "posterior", "fisher", "conformal", "conformal_gaps", "proved")
# distinct times of cells of which some are the latest
ENOUGH_TIMES = 10
# the fit that each kind of interval needs
_NEEDS = {
    "posterior": "a Bayesian fit",
    "fisher": "a penalised fit with squared losses and factors of unconstrained sign",
}


@final
class TableIntervals:
    """Intervals of a fitted table; conformal ones are calibrated on first use.

    Parameters
    ----------
    table : FittedTable
    seed : int
        Seed for the choice of held-out cells and for calibration.
    audit : Audited or None
        Cells that were held out already, of a fit that was judged.
    """

    table: FittedTable
    seed: int
    audit: Audited | None

    def __init__(self, table: FittedTable, seed: int, audit: Audited | None = None) -> None:
        self.table, self.seed, self.audit = table, seed, audit

    @property
    def columns(self) -> Indices:
        """The columns that have intervals: those that hold numbers or counts."""
        model = self.table.model
        return np.arange(model.shape[1]) if model.losses is None else np.flatnonzero(model.losses.numbers)

    def at(
        self,
        rows: Indices,
        columns: Indices,
        level: float,
        method: str,
        folded: SamplingModel | None = None,
    ) -> tuple[Vector, Vector]:
        """Return lower and upper ends for new observations of cells, each of shape (k,).

        Parameters
        ----------
        rows, columns : ndarray of int, shape (k,)
        level : float
            Coverage, between 0 and 1.
        method : {"auto", "posterior", "fisher", "conformal", "conformal_gaps", "proved"}
            "auto" is the kind of the fitted method itself.
        folded : SamplingModel, optional
            Of new rows, if these are asked for.

        Raises
        ------
        InvalidInputError
            If level or method is not possible.
        UnsupportedError
            If a column has levels, or the fit does not provide the kind asked for.
        """
        if method not in INTERVAL_METHODS:
            fix = Words("use ", Option("method", *INTERVAL_METHODS, typed="interval_method"))
            raise InvalidInputError(
                Words(Option("method", typed="interval_method"), " is unknown"), repr(method), fix=fix
            )
        check_share("level", level)
        refuse_unlisted(self.table.model, "intervals")
        offered, losses = self.table.interval_method, self.table.model.losses
        if losses is not None and not losses.numbers[columns].all():
            raise UnsupportedError(
                "columns of levels have no intervals",
                "two-level or ordered columns",
                fix="use level_probabilities or sample",
            )
        method = offered if method == "auto" else method
        if folded is not None:
            if method != "posterior":
                raise UnsupportedError(
                    "new rows have intervals of the posterior alone", repr(method), fix='use "posterior"'
                )
            return folded.intervals(rows, columns, level)
        if method == "proved":
            return self._proved_at(rows, columns, level)
        if method.startswith("conformal"):
            return self.table.model.clip(*self._conformal_at(rows, columns, level, method), columns)
        if method != offered:
            raise UnsupportedError(
                f'method "{method}" needs {_NEEDS[method]}',
                f'this model has "{offered}"',
                fix=Words(
                    "use ", Option("method", *dict.fromkeys((offered, "conformal")), typed="interval_method")
                ),
            )
        return self.table.intervals(rows, columns, level)

    def _conformal_at(
        self, rows: Indices, columns: Indices, level: float, method: str
    ) -> tuple[Vector, Vector]:
        """Return conformal intervals, each group of columns calibrated on its own errors."""
        groups = self.conformal if method == "conformal" else self.conformal_on_gaps
        lower, upper = np.full((2, rows.size), np.nan)
        for known, calibrated in groups:
            at = known[columns]
            if at.any():
                lower[at], upper[at] = calibrated.intervals(rows[at], columns[at], level)
        return lower, upper

    def _proved_at(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals of the audit's fit, as wide as is proved to hold a share of the missing cells."""
        if self.audit is None:
            raise UnsupportedError(
                "intervals are proved by an audit, of which there is none",
                "a fit that was not judged, or a model from a file",
                fix=Words("fit again, with ", Option("certify", True)),
            )
        factor = self.audit.proving(level)
        if factor is None:
            held = self.audit.held.size
            raise UnsupportedError(
                "no width of intervals is proved to hold as many of the missing cells",
                f"{counted(held, 'cell')} held out, level {level:g}",
                fix=Remedy(
                    "lower the level", Words("use ", Option("method", "auto", typed="interval_method"))
                ),
            )
        return self.audit.intervals(rows, columns, level, factor)

    @cached_property
    def trial(self) -> Trial:
        """A fit to most of the cells, and its predictions of the others."""
        if self.audit is not None:
            return self.audit.trial
        return hold_trial(*self._calibrating())

    @cached_property
    def trial_in_context(self) -> Trial | None:
        """The same, of predictions that know the context of these cells; None if nothing depends on it."""
        trial, context = self.trial, data_of(self.table, "held-out cells").context
        predictor = trial.predictor
        knows = isinstance(predictor, KnowsContext) and predictor.has_context
        if context is None or not knows or trial.rows is None:
            return None
        assert isinstance(predictor, KnowsContext)
        told = predictor.among(context)
        at = trial.rows, trial.columns
        return replace(
            trial, predictor=told, predicted=told.predict(*at), standard_errors=told.standard_errors(*at)
        )

    @cached_property
    def latest_trial(self) -> Trial | None:
        """The latest tenth of the cells, as a fit of those before predicts them; None without times.

        Predictions know when these cells are observed.
        """
        table, fit, rng = self._calibrating()
        context = table.context
        if context is None or context.kind == "words":
            return None
        times = context.at(table.rows, table.columns)
        if np.isnan(times).any() or np.unique(times).size < ENOUGH_TIMES:
            return None
        count = LATEST.hides.count(table.size)
        hidden = times >= np.partition(times, -count)[-count]
        kept, apart = table.hide(hidden)
        if not kept.size:
            return None
        predictor: Predictor = fit(kept, rng)
        if isinstance(predictor, KnowsContext):
            predictor = predictor.among(context)
        return trial_of(kept, apart, predictor)

    @cached_property
    def conformal(self) -> list[tuple[NDArray[np.bool_], Conformal]]:
        """Intervals calibrated on the held-out cells of the trial, by group of columns."""
        return calibrate([self.trial], self.trial.predictor, self._groups)

    @cached_property
    def conformal_on_gaps(self) -> list[tuple[NDArray[np.bool_], Conformal]]:
        """Intervals calibrated on cells held out in gaps like those of the table, by group of columns."""
        return calibrate(gap_trials(*self._calibrating()), self.table.predictor(), self._groups)

    @property
    def _groups(self) -> tuple[NDArray[np.bool_], ...]:
        model = self.table.model
        return (np.ones(model.shape[1], bool),) if model.losses is None else model.losses.calibrating

    def _calibrating(self) -> tuple[Observations, Refit, np.random.Generator]:
        """Return the data, the refitting function and the generator for calibration."""
        data = data_of(self.table, "conformal intervals")
        return data, self.table.refit, np.random.default_rng(self.seed)
