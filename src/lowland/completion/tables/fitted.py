"""`FittedTable`: the interface of tables fitted by any method of completion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, final

import numpy as np

from lowland.completion.tables.kept_fit import KeptFit
from lowland.completion.tables.model import TableModel
from lowland.completion.tables.trial import Predictor, Trial
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.core.results.findings import Certificate
from lowland.core.results.records import SearchResult
from lowland.core.results.status import StopReason
from lowland.core.wording import Option, Words

if TYPE_CHECKING:
    from lowland.recheck.documents import Document
    from lowland.report.page import FigureEntry, Page


def without_data(what: str, *, fix: str = "fit the table in memory") -> UnsupportedError:
    """Return the error of what needs the fitted data, asked of a model that is without them."""
    source = "a model that was saved, or fitted on the disk or a cluster, without them"
    return UnsupportedError(f"the fitted data are needed for {what}", source, fix=fix)


def without_certificate() -> UnsupportedError:
    """Return the error of a document asked of a table that was not certified."""
    source = "a fit without a certificate"
    return UnsupportedError(
        "there is no certificate to save", source, fix=Words("fit with ", Option("certify", True))
    )


class Sampler(Protocol):
    """Draws of new observations."""

    def draws(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator
    ) -> Iterator[Vector]:
        """Give draws of cells together, shape (k,) each."""


@final
@dataclass(frozen=True, eq=False)
class PageParts:
    """The parts of a page other than the fit.

    Parameters
    ----------
    trial : Trial or None
        Predictions of held-out cells.
    path : RankPath or None
        How rank and penalty were chosen.
    certificate : Certificate or None
    title : str
    settings : sequence of pairs
        As in `Page`.
    seen : Observations or None
        The table as it was given, None where it is that of the fit.
    """

    trial: Trial | None
    figures: Sequence[FigureEntry]
    certificate: Certificate | None
    title: str
    settings: Sequence[tuple[str, str]] = ()
    seen: Observations | None = None


class FittedTable(Protocol):
    """A table fitted by one method; a model that was saved without its data has none.

    Methods that need the data raise UnsupportedError if there are none.
    """

    @property
    def model(self) -> TableModel:
        """The model that predicts."""

    @property
    def observations(self) -> Observations | None:
        """The fitted table; None if only the model is known."""

    @property
    def method(self) -> str:
        """The name of the method: "map", "variational" or "gibbs"."""

    @property
    def search(self) -> SearchResult:
        """The search; for a Bayesian fit, the variational sweeps."""

    @property
    def last_search(self) -> SearchResult:
        """The search that ended last: of a Gibbs fit, the draws."""

    @property
    def stop_reason(self) -> StopReason:
        """Why the last search ended."""

    @property
    def interval_method(self) -> str:
        """The name of the model's own intervals: "posterior", "fisher" or "conformal"."""

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return the model's own intervals for new observations of cells."""

    def predictor(self) -> Predictor:
        """Return predictions with standard errors, for intervals calibrated on gaps."""

    def refit(self, table: Observations, rng: np.random.Generator) -> Predictor:
        """Return the fit of another table of the same shape by the same settings."""

    def refreshed(self, table: Observations, rows: Indices, columns: Indices) -> FittedTable | None:
        """Return the table with some rows and columns solved again for other cells, all else as it is.

        None if the model must be fitted again.
        """

    def updated(self, table: Observations, rng: np.random.Generator) -> FittedTable:
        """Return the fit of a table that contains this one, warm-started from this fit."""

    def sampler(self, what: str) -> Sampler:
        """Return a sampler of cells, or raise UnsupportedError, naming `what` the draws are for."""

    def certify(self, rng: np.random.Generator, effort: str) -> tuple[FittedTable, Certificate]:
        """Return the fit, refined if the certificate needs it, and what is proved about it.

        An effort of "auto" is the default effort of the method.
        """

    def document(self) -> Document:
        """Return the certificate with what is needed to derive it again."""

    def page(self, parts: PageParts) -> Page:
        """Return the page of a report."""

    def keep(self) -> KeptFit:
        """Return what is kept of the fit in a file."""

    def with_kept(self, kept: KeptFit | None) -> FittedTable:
        """Return the table with what a file holds of its fit."""

    def plain_settings(self) -> dict[str, Any]:
        """Return the settings of the fit as plain data."""

    def describe_method(self) -> str:
        """Return a phrase on the method; empty if the description of the search suffices."""

    def describe_search(self) -> list[str]:
        """Return how the search ended, one sentence per line."""

    def describe_certificate(self) -> str:
        """Return what the certificate is about; empty if it is about the fit itself."""


def data_of(table: FittedTable, what: str, *, fix: str = "fit the table in memory") -> Observations:
    """Return the fitted data, or raise UnsupportedError, naming `what` needs them, if they are not known."""
    if table.observations is None:
        raise without_data(what, fix=fix)
    return table.observations
