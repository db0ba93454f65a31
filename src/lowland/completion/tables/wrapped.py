"""A fitted table around another one: what is passed on unchanged."""

from __future__ import annotations

from abc import ABC
from typing import Any

from lowland.completion.tables.fitted import FittedTable
from lowland.completion.tables.kept_fit import KeptFit
from lowland.core.results.records import SearchResult
from lowland.core.results.status import StopReason


class WrappedTable(ABC):
    """Asks the table within for its method, its search and what is kept of it."""

    base: FittedTable

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

    def keep(self) -> KeptFit:
        """Return what is kept of the fit in a file: that of the table within."""
        return self.base.keep()

    def plain_settings(self) -> dict[str, Any]:
        """Return the settings of the fit as plain data."""
        return self.base.plain_settings()

    def describe_search(self) -> list[str]:
        """Return how the search ended."""
        return self.base.describe_search()
