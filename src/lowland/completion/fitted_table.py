"""`FittedTable`: what every method of completion offers of the table that it fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, final

import numpy as np

from lowland.completion.holdout import Predictor, Trial
from lowland.completion.rank_path import RankPath
from lowland.completion.table_model import TableModel
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.findings import Certificate
from lowland.core.observations import Observations
from lowland.core.records import SearchResult
from lowland.core.status import StopReason
from lowland.report.page import Page


class Sampler(Protocol):
    """Draws of new observations."""

    def sample(self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator) -> Matrix:
        """Return draws of cells together, shape (count, k)."""


@final
@dataclass(frozen=True, eq=False)
class PageParts:
    """What a page shows beside the fit.

    Parameters
    ----------
    trial : Trial or None
        How well held-out cells were predicted.
    path : RankPath or None
        How rank and penalty were chosen.
    certificate : Certificate or None
    title : str
    settings : sequence of pairs
        As of `Page`.
    """

    trial: Trial | None
    path: RankPath | None
    certificate: Certificate | None
    title: str
    settings: Sequence[tuple[str, str]] = ()


class FittedTable(Protocol):
    """A table fitted by one method; a model that was read from a file knows no data.

    What needs the data raises UnsupportedError where there are none.
    """

    @property
    def model(self) -> TableModel:
        """What predicts."""

    @property
    def observations(self) -> Observations | None:
        """The table that was fitted, None where only the model is known."""

    @property
    def method(self) -> str:
        """Either "map", "variational" or "gibbs"."""

    @property
    def search(self) -> SearchResult:
        """The search, of a Bayesian fit that of the variational sweeps."""

    @property
    def stop_reason(self) -> StopReason:
        """Why the last search ended."""

    @property
    def interval_method(self) -> str:
        """The model's own intervals: "posterior", "fisher" or "conformal"."""

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return the model's own intervals for new observations of cells."""

    def predictor(self) -> Predictor:
        """Return predictions with standard errors, for intervals that are calibrated on gaps."""

    def refit(self, table: Observations, rng: np.random.Generator) -> Predictor:
        """Return what the same settings make of another table of the same shape."""

    def updated(self, table: Observations, rng: np.random.Generator) -> FittedTable:
        """Return the fit of a table that holds this one, from where this fit is now."""

    def sampler(self, what: str) -> Sampler:
        """Return what draws cells, or raise UnsupportedError with what draws were wanted for."""

    def certify(self, rng: np.random.Generator, effort: str) -> tuple[FittedTable, Certificate]:
        """Return the fit, finished where judges need it, and what is proved about it.

        An effort of "auto" is what the method can afford.
        """

    def page(self, parts: PageParts) -> Page:
        """Return the page of a report."""

    def plain_settings(self) -> dict[str, Any]:
        """Return the settings of the fit as plain data."""

    def describe_method(self) -> str:
        """Return the method in a sentence, empty where the search says all."""

    def describe_search(self) -> list[str]:
        """Return how the search ended, a sentence per line."""

    def describe_certificate(self) -> str:
        """Return what the certificate is about, empty where it is the fit itself."""
