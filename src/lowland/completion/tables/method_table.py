"""What tables fitted by any method share: a fit, or what a file kept of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from functools import cached_property
from typing import Any, Generic, Protocol, Self, TypeVar

from lowland.completion.tables.fitted import without_data
from lowland.completion.tables.kept_fit import KeptFit
from lowland.core.cells.observations import Observations
from lowland.core.results.records import SearchResult
from lowland.core.results.status import StopReason


class PlainSettings(Protocol):
    """Settings of a fit that are plain data too."""

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain data."""


class MethodFit(Protocol):
    """A fit by one method."""

    @property
    def observations(self) -> Observations:
        """The fitted table."""

    @property
    def search(self) -> SearchResult:
        """The search for the fit."""

    @property
    def settings(self) -> PlainSettings:
        """How it was fitted."""


F = TypeVar("F", bound=MethodFit)


class MethodTable(ABC, Generic[F]):
    """A table completed by one method."""

    fit: F | None
    kept: KeptFit | None

    @abstractmethod
    def restore(self, kept: KeptFit) -> F:
        """Return the fit again from the model and what a file kept."""

    @property
    def observations(self) -> Observations | None:
        """The fitted table; None if only the model is known."""
        source = self.kept or self.fit
        return None if source is None else source.observations

    @property
    def search(self) -> SearchResult:
        """The search; for a Bayesian fit, the variational sweeps."""
        return self.known("the search").search if self.kept is None else self.kept.search

    @property
    def last_search(self) -> SearchResult:
        """The search that ended last."""
        return self.search

    @property
    def stop_reason(self) -> StopReason:
        """Why the last search ended."""
        return self.last_search.stop_reason

    def plain_settings(self) -> dict[str, Any]:
        """Return the settings of the fit as plain data; column losses belong to the model."""
        return self.known("the settings").settings.to_dict()

    def with_kept(self, kept: KeptFit | None) -> Self:
        """Return the table with what a file holds of its fit."""
        return replace(self, kept=kept)  # type: ignore[type-var]

    @cached_property
    def restored(self) -> F | None:
        """The fit, also of a table read from a file; None if that was written without its data."""
        return self.fit if self.kept is None else self.restore(self.kept)

    def known(self, what: str) -> F:
        """Return the fit, or raise UnsupportedError, naming `what` needs it, if its data are not known."""
        if self.restored is None:
            raise without_data(what)
        return self.restored
