"""A table fitted by `method="map"`: penalised least squares, or losses by column."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, final

import numpy as np

from lowland.completion.penalised.model import CompletionModel
from lowland.completion.penalised.settings import row_weights
from lowland.completion.tables.fitted import PageParts, Sampler, without_certificate, without_data
from lowland.completion.tables.kept_fit import KeptFit
from lowland.completion.tables.method_table import MethodTable
from lowland.completion.tables.trial import Predictor
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.core.results.findings import Certificate
from lowland.core.results.records import SearchResult
from lowland.core.running.interrupt import Interruptible, in_full
from lowland.core.running.stages import stage
from lowland.core.wording import Option, Words, counted

# what fits and judges is imported where it is used: a model that is read from a file only predicts
if TYPE_CHECKING:
    from lowland.completion.penalised.fit import CompletionFit
    from lowland.completion.penalised.laplace_sampling import RowDraws
    from lowland.recheck.documents import Document
    from lowland.report.page import Page


@final
@dataclass(frozen=True, eq=False)
class PenalisedTable(MethodTable["CompletionFit"]):
    """A table completed by a penalised fit.

    Parameters
    ----------
    model : CompletionModel
    fit : CompletionFit or None
        None for a model read from a file.
    kept : KeptFit or None
        What a model read from a file knows of its fit.
    """

    model: CompletionModel
    fit: CompletionFit | None = None
    kept: KeptFit | None = None

    @classmethod
    def of(cls, fit: CompletionFit) -> PenalisedTable:
        """Return the table completed by a fit."""
        return cls(fit.model, fit)

    def restore(self, kept: KeptFit) -> CompletionFit:
        """Return the fit again from the model and what a file kept."""
        from lowland.completion.penalised.fit import restore_fit

        return restore_fit(self.model, kept)

    @property
    def method(self) -> str:
        """The name of the method."""
        return "map"

    @property
    def interval_method(self) -> str:
        """The name of the model's own intervals: "fisher" for unconstrained squares, else "conformal"."""
        return "fisher" if self._smooth else "conformal"

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells, by the curvature at the fit."""
        from lowland.sensing.intervals import entry_intervals

        fit = self.known("these intervals")
        ends = entry_intervals(
            fit.objective,
            fit.theta,
            rows,
            columns,
            level=level,
            new_observation=True,
            new_weights=row_weights(fit.observations)[rows],
        )
        return ends.lower, ends.upper

    def predictor(self) -> Predictor:
        """Return predictions with standard errors."""
        fit = self.known("these intervals")
        return _with_errors(fit) if self._smooth else self.model

    def refit(self, table: Observations, rng: np.random.Generator) -> Predictor:
        """Return the fit of another table of the same shape by the same settings."""
        from lowland.completion.penalised.fit import fit_completion

        with stage("a fit without the held-out cells"):
            settings = self.known("another fit").settings
            again = in_full(lambda: fit_completion(table, settings, rng=rng, certify=False))
        return _with_errors(again) if self._smooth else again.model

    def refreshed(self, table: Observations, rows: Indices, columns: Indices) -> PenalisedTable | None:
        """Return the table with some rows and columns solved again, None if that cannot be done."""
        model = self.model.refreshed(table, rows, columns)
        return None if model is None else PenalisedTable(model, kept=self.keep().with_cells(table))

    def updated(self, table: Observations, rng: np.random.Generator) -> PenalisedTable:
        """Return the fit of a table that contains this one, warm-started from this fit."""
        from lowland.completion.penalised.fit import fit_completion

        fit = self.known("an update")
        if fit.settings.columns is not None and table.shape[1] != fit.observations.shape[1]:
            raise UnsupportedError(
                "new columns have no loss", f"{counted(table.shape[1], 'column')}", fix="fit the table again"
            )
        columns = None if fit.settings.columns is None else fit.settings.columns.renewed(table)
        settings = replace(fit.settings, columns=columns)
        return PenalisedTable.of(fit_completion(table, settings, rng=rng, certify=False, before=fit))

    def sampler(self, what: str) -> Sampler:
        """Return the sampler of a fit whose losses are not all squared."""
        if self._row_draws is not None:
            return self._row_draws
        if self.model.losses is not None:
            raise without_data(what)
        raise UnsupportedError(
            f"a posterior is needed for {what}",
            "a penalised fit",
            fix=Words("fit with ", Option("method", "variational", "gibbs")),
        )

    @Interruptible()
    def certify(self, rng: np.random.Generator, effort: str) -> tuple[PenalisedTable, Certificate]:
        """Return the fit refined to more digits, and what is proved about it."""
        from lowland.completion.penalised.fit import certify_fit

        better = certify_fit(self.known("a certificate"), rng, "standard" if effort == "auto" else effort)
        assert better.certificate is not None
        return PenalisedTable.of(better), better.certificate

    def document(self) -> Document:
        """Return the certificate with what is needed to derive it again."""
        from lowland.completion.penalised.document import table_document

        fit = self.known("a certificate")
        if fit.certificate is None:
            raise without_certificate()
        return table_document(fit.model, fit.observations, fit.certificate)

    def page(self, parts: PageParts) -> Page:
        """Return the page of a report."""
        from lowland.completion.penalised.page import penalised_page

        return penalised_page(self.known("a report"), parts)

    def keep(self) -> KeptFit:
        """Return what is kept of the fit in a file."""
        if self.kept is not None:
            return self.kept
        fit = self.known("a model with its data")
        return KeptFit(fit.observations, fit.settings.to_dict(), (None, None), fit.search)

    def describe_method(self) -> str:
        """Return an empty string: the description of the search suffices."""
        return ""

    def describe_search(self) -> list[str]:
        """Return how the search ended."""
        return [describe_sweeps(self.search)]

    def describe_certificate(self) -> str:
        """Return an empty string: the certificate is about the fit itself."""
        return ""

    @cached_property
    def _row_draws(self) -> RowDraws | None:
        # cached, because it factorises the system of every row
        from lowland.completion.penalised.laplace_sampling import RowDraws

        fit = self.restored
        columns = None if fit is None else fit.settings.columns
        return None if fit is None or columns is None else RowDraws(fit, columns)

    @property
    def _smooth(self) -> bool:
        """Whether losses are squared and factors unconstrained, so that the curvature gives errors."""
        return self.model.losses is None and not self.model.nonnegative


def describe_sweeps(search: SearchResult) -> str:
    """Return how sweeps ended, in words."""
    return (
        f"objective {search.value:.6g} after {counted(search.iterations, 'sweep')} in {search.seconds:.2g} s"
    )


def _with_errors(fit: CompletionFit) -> Predictor:
    """Return predictions with standard errors by the curvature at a fit."""
    from lowland.completion.penalised.fisher_errors import FisherErrors

    return FisherErrors(fit)
