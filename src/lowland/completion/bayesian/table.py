"""A table fitted by `method="variational"` or `"gibbs"`: averages over a posterior."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np

from lowland.bayes.side_orders import extended
from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.tables.fitted import PageParts, without_certificate
from lowland.completion.tables.kept_fit import KeptFit
from lowland.completion.tables.method_table import MethodTable
from lowland.completion.tables.trial import Predictor
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.core.results.findings import Certificate
from lowland.core.results.records import SearchResult
from lowland.core.running.interrupt import Interruptible, in_full
from lowland.core.running.stages import stage

# what fits and judges is imported where it is used: a model that is read from a file only predicts
if TYPE_CHECKING:
    from lowland.completion.bayesian.features import SideCovariates
    from lowland.completion.bayesian.gaussian.objective import GaussianDraw, GaussianRows
    from lowland.completion.bayesian.settings import BayesianSettings
    from lowland.completion.bayesian.sweeps import BayesianFit
    from lowland.completion.penalised.fit import CompletionFit
    from lowland.recheck.documents import Document
    from lowland.report.page import Page
    from lowland.trials.masks import Mask


@final
@dataclass(frozen=True, eq=False)
class BayesianTable(MethodTable["BayesianFit"]):
    """A table completed by a Bayesian fit.

    Parameters
    ----------
    model : PosteriorModel
    fit : BayesianFit or None
        None for a model read from a file.
    covariates : pair of ndarray or None
        Of rows and columns, those of the fit.
    surrogate : CompletionFit or None
        The penalised problem that the posterior implies, once it is certified.
    kept : KeptFit or None
        What a model read from a file knows of its fit.
    """

    model: PosteriorModel
    fit: BayesianFit | None = None
    covariates: SideCovariates = (None, None)
    surrogate: CompletionFit | None = None
    kept: KeptFit | None = None

    @classmethod
    def of(cls, fit: BayesianFit, covariates: SideCovariates) -> BayesianTable:
        """Return the table completed by a fit."""
        return cls(fit.model, fit, covariates)

    def restore(self, kept: KeptFit) -> BayesianFit:
        """Return the fit again from the model and what a file kept."""
        from lowland.completion.bayesian.fit import restore_fit

        return restore_fit(self.model, kept)

    @property
    def method(self) -> str:
        """The name of the method."""
        if self.model.axes:
            return "gaussian"
        return "gibbs" if len(self.model.row_draws) else "variational"

    @property
    def last_search(self) -> SearchResult:
        """The Gibbs sweeps if there were any, else the variational ones."""
        if self.kept is not None:
            return self.kept.sampling or self.kept.search
        return self.known("the search").last_search

    @property
    def column_places(self) -> Matrix | None:
        """Coordinates of columns that are in order, shape (n, c), of a fit by one Gaussian."""
        places = self.known("the order of columns").settings.column_places
        return None if places is None else np.array(places, np.float64)

    @property
    def interval_method(self) -> str:
        """The name of the model's own intervals: those of the posterior."""
        return "posterior"

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells, by the posterior's spread and the noise."""
        return self.model.intervals(rows, columns, level)

    def predictor(self) -> Predictor:
        """Return predictions with standard errors."""
        return self.model

    def refit(self, table: Observations, rng: np.random.Generator) -> PosteriorModel:
        """Return the fit of another table of the same shape by the same settings."""
        return self.again(table, rng).model

    def again(
        self,
        table: Observations,
        rng: np.random.Generator,
        *,
        most_draws: int | None = None,
        order: tuple[Indices, Indices] | None = None,
    ) -> BayesianTable:
        """Return another table of the same shape completed by the same settings.

        Parameters
        ----------
        table : Observations
        rng : numpy.random.Generator
        most_draws : int, optional
            Draws of a full Gaussian, if that is fewer than the settings say: means need fewer than intervals.
        order : pair of ndarray of int, optional
            Which rows and columns of this table those of the other one are; by default the same.
        """
        from lowland.completion.bayesian.fit import fit_bayesian

        settings = self.known("another fit").settings
        if most_draws is not None:
            settings = replace(settings, gaussian_draws=min(settings.gaussian_draws, most_draws))
        about = self._about
        if order is not None:
            settings = settings.with_columns(order[1])
            both = [None if each is None else each[at] for each, at in zip(about, order, strict=True)]
            about = both[0], both[1]
        with stage("a fit without the held-out cells"):
            fit = in_full(lambda: fit_bayesian(table, settings, rng=rng, covariates=about))
        return BayesianTable.of(fit, about)

    @property
    def of_one_gaussian(self) -> bool:
        """Whether rows are draws from one Gaussian, which can do without one of them."""
        return self.known("the kind of the fit").settings.full is True

    def left_out(self, groups: Indices) -> Matrix:
        """Return known cells as the other cells of their row predict them, without what the row has told.

        Of one Gaussian of all rows.

        Parameters
        ----------
        groups : ndarray of int, shape (n,)
            Columns of one group are known together, and do not predict each other.

        Returns
        -------
        ndarray, shape (m, n)
            Of no meaning where nothing is known.
        """
        from lowland.completion.bayesian.gaussian.left_out import left_out

        predictions, _ = left_out(*self._rows_of_gaussian(), groups)
        return self.model.scaling.undo(predictions, np.arange(groups.size))

    def without(self, kept: Mask) -> tuple[Matrix, Matrix]:
        """Return what some of the known cells of each row say of its others, without what the row has told.

        Of one Gaussian of all rows.

        Parameters
        ----------
        kept : ndarray of bool, shape (m, n)
            The known cells that predict the others.

        Returns
        -------
        predictions, errors : ndarray, shape (m, n)
            Unclipped, and standard errors.
        """
        from lowland.completion.bayesian.gaussian.left_out import without

        scaling = self.model.scaling
        predictions, errors = without(*self._rows_of_gaussian(), kept, self.model.row_scales)
        return scaling.undo(predictions, np.arange(kept.shape[1])), scaling.spreads * errors

    def _rows_of_gaussian(self) -> tuple[GaussianRows, GaussianDraw]:
        """Return the rows as draws from one Gaussian, and what was drawn."""
        from lowland.completion.bayesian.gaussian.objective import GaussianRows

        fit = self.known("cells predicted from their rows")
        assert isinstance(fit.objective, GaussianRows)
        return fit.objective, fit.search.state

    def refreshed(self, table: Observations, rows: Indices, columns: Indices) -> BayesianTable | None:
        """Return the table with some rows and columns solved again, None if that cannot be done."""
        model = self.model.refreshed(table, rows, columns)
        return None if model is None else BayesianTable(model, kept=self.keep().with_cells(table))

    def updated(self, table: Observations, rng: np.random.Generator) -> BayesianTable:
        """Return the fit of a table that contains this one, warm-started from this fit."""
        from lowland.completion.bayesian.fit import fit_bayesian

        fit = self.known("an update")
        labels = table.row_labels, table.column_labels
        orders = fit.settings.row_order, fit.settings.column_order
        covariates = list(self._about)
        for side, (given, length) in enumerate(zip(self._about, table.shape, strict=True)):
            if given is None or len(given) == length:
                continue
            order = orders[side]
            # coordinates alone may go on in the labels
            if order is not None and order[2] == given.shape[1]:
                covariates[side] = extended(given, labels[side])
            if order is None or order[2] != given.shape[1] or covariates[side] is None:
                raise UnsupportedError(
                    "new rows and columns have no covariates or coordinates",
                    f"shape {table.shape}",
                    fix="fit the table again",
                )
        both = covariates[0], covariates[1]
        settings = _with_more_places(fit.settings, table)
        again = fit_bayesian(table, settings, rng=rng, covariates=both, before=fit)
        return BayesianTable.of(again, both)

    def sampler(self, what: str) -> PosteriorModel:
        """Return the posterior."""
        return self.model

    @Interruptible()
    def certify(self, rng: np.random.Generator, effort: str) -> tuple[BayesianTable, Certificate]:
        """Return the fit unchanged, and what is proved about the penalised problem that it implies."""
        from lowland.completion.bayesian.map_surrogate import fit_map_surrogate

        effort = "quick" if effort == "auto" else effort
        surrogate = fit_map_surrogate(self.known("a certificate"), rng, effort=effort)
        assert surrogate.certificate is not None
        return replace(self, surrogate=surrogate), surrogate.certificate

    def document(self) -> Document:
        """Return the certificate of the penalised problem with what is needed to derive it again."""
        from lowland.completion.penalised.document import table_document

        fit, surrogate = self.known("a certificate"), self.surrogate
        if surrogate is None or surrogate.certificate is None:
            raise without_certificate()
        scaling = fit.model.scaling
        by_column = (scaling.centres, scaling.spreads) if fit.settings.scale == "column" else None
        return table_document(surrogate.model, fit.observations, surrogate.certificate, scaling=by_column)

    def page(self, parts: PageParts) -> Page:
        """Return the page of a report."""
        from lowland.completion.bayesian.page import posterior_page

        return posterior_page(self.known("a report"), parts)

    def keep(self) -> KeptFit:
        """Return what is kept of the fit in a file."""
        if self.kept is not None:
            return self.kept
        fit = self.known("a model with its data")
        return KeptFit(fit.observations, fit.settings.to_dict(), self.covariates, fit.search, fit.sampling)

    def describe_method(self) -> str:
        """Return the method in a sentence."""
        from lowland.completion.bayesian.words import describe_method

        return describe_method(self.known("a description of the method"))

    def describe_search(self) -> list[str]:
        """Return how the variational sweeps and the Gibbs draws ended, one sentence per line."""
        from lowland.completion.bayesian.words import describe_search

        return describe_search(self.known("the search"))

    def describe_certificate(self) -> str:
        """Return what the certificate is about."""
        from lowland.completion.bayesian.words import about_certificate

        return about_certificate(self.known("the certificate"))

    @property
    def _about(self) -> SideCovariates:
        """Covariates of the fit, also of one read from a file."""
        return self.covariates if self.kept is None else self.kept.covariates


def _with_more_places(settings: BayesianSettings, table: Observations) -> BayesianSettings:
    """Return settings for a table that may have more columns, without places if its labels do not go on."""
    known = settings.column_places
    if known is None or len(known) == table.shape[1]:
        return settings
    longer = extended(np.array(known), table.column_labels)
    places = None if longer is None else tuple(tuple(place) for place in longer.tolist())
    return replace(settings, column_places=places)
