"""`LayeredTable`: a fitted table inside one layer, whatever the layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np

from lowland.completion.layers.model import Layer
from lowland.completion.tables.fitted import FittedTable, PageParts
from lowland.completion.tables.kept_fit import KeptFit
from lowland.completion.tables.model import sampling
from lowland.completion.tables.trial import Predictor
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.core.results.findings import Certificate
from lowland.core.results.records import SearchResult
from lowland.core.results.status import StopReason

if TYPE_CHECKING:
    from lowland.recheck.documents import Document
    from lowland.report.page import Page


@final
@dataclass(frozen=True, eq=False)
class LayeredTable:
    """A table completed by the fit of the table within a layer.

    Parameters
    ----------
    model : Layer
        Around the model of `base`.
    base : FittedTable
        The table within; it may have a layer of its own.
    observations : Observations or None
        The fitted table as it is outside the layer; None for a model read without its data.
    """

    model: Layer
    base: FittedTable
    observations: Observations | None

    @classmethod
    def of(cls, layer: Layer, base: FittedTable, table: Observations) -> LayeredTable:
        """Return a fitted table inside a layer, which is put around its model."""
        return cls(layer.around(sampling(base.model), table), base, table)

    @property
    def method(self) -> str:
        """The name of the method."""
        return self.base.method

    @property
    def search(self) -> SearchResult:
        """The variational sweeps."""
        return self.base.search

    @property
    def last_search(self) -> SearchResult:
        """The search that ended last."""
        return self.base.last_search

    @property
    def stop_reason(self) -> StopReason:
        """Why the last search ended."""
        return self.base.stop_reason

    @property
    def interval_method(self) -> str:
        """The name of the model's own intervals."""
        return self.base.interval_method

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return the model's own intervals for new observations of cells."""
        return self.model.intervals(rows, columns, level)

    def predictor(self) -> Predictor:
        """Return predictions with standard errors."""
        return self.model

    def sampler(self, what: str) -> Layer:
        """Return the model, which draws."""
        return self.model

    def refit(self, table: Observations, rng: np.random.Generator) -> Layer:
        """Return the fit of another table of the same shape by the same settings."""
        again = self.base.refit(self.model.apply(table), rng)
        return self.model.learnt_again(sampling(again), table, rng)

    def refreshed(self, table: Observations, rows: Indices, columns: Indices) -> LayeredTable | None:
        """Return the table with some rows and columns solved again, None if that cannot be done."""
        layer = self.model.renewed(table)
        if layer is None:
            return None
        base = self.base.refreshed(layer.apply(table), rows, layer.columns_within(columns))
        return None if base is None else LayeredTable.of(layer, base, table)

    def updated(self, table: Observations, rng: np.random.Generator) -> FittedTable:
        """Return the fit of a table that contains this one, warm-started from this fit."""
        layer = self.model.grown(table)
        base = self.base.updated(layer.apply(table), rng)
        settled = layer.settled(base, table, rng)
        return base if settled is None else LayeredTable(settled, base, table)

    def certify(self, rng: np.random.Generator, effort: str) -> tuple[LayeredTable, Certificate]:
        """Return the fit unchanged, and what is proved about the table within."""
        base, certificate = self.base.certify(rng, effort)
        return replace(self, base=base), certificate

    def document(self) -> Document:
        """Return the certificate with what is needed to derive it again, if the layer allows it."""
        return self.model.document(self.base.document, self.observations)

    def page(self, parts: PageParts) -> Page:
        """Return the page of a report."""
        as_given = parts if parts.seen is not None else replace(parts, seen=self.observations)
        return self.model.page(self.base.page, as_given, self.observations)

    def with_kept(self, kept: KeptFit | None) -> LayeredTable:
        """Return the table with what a file holds of its fit: the table as it is outside the layer."""
        if kept is None:
            return LayeredTable(self.model, self.base.with_kept(None), None)
        rows, columns = kept.covariates
        within = replace(
            kept,
            observations=self.model.apply(kept.observations),
            covariates=(rows, None if columns is None else self.model.covariates_within(columns)),
        )
        base = self.base.with_kept(within)
        model = self.model.with_cells(sampling(base.model), kept.observations)
        return LayeredTable(model, base, kept.observations)

    def keep(self) -> KeptFit:
        """Return what is kept of the fit in a file: the table as it is outside the layer."""
        kept, table = self.base.keep(), self.observations
        assert table is not None
        rows, columns = kept.covariates
        outside = None if columns is None else self.model.covariates_without(columns)
        return replace(kept, observations=table, covariates=(rows, outside))

    def plain_settings(self) -> dict[str, Any]:
        """Return the settings of the fit as plain data."""
        return self.base.plain_settings()

    def describe_method(self) -> str:
        """Return the method in a sentence."""
        return f"{self.base.describe_method()}; {self.model.words}"

    def describe_search(self) -> list[str]:
        """Return how the search ended."""
        return self.base.describe_search()

    def describe_certificate(self) -> str:
        """Return what the certificate is about."""
        return " ".join([self.base.describe_certificate(), *self.model.scope])
