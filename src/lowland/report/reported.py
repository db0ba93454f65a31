"""`Reported`: results that write a page, and draw any of its figures."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from lowland.core.errors import InvalidInputError, UnsupportedError

if TYPE_CHECKING:
    from lowland.report.figures import Axes
    from lowland.report.page import FigureEntry, Page


class Reported(ABC):
    """A result with a page."""

    @abstractmethod
    def _page(self) -> Page:
        """Return the contents of the page."""

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write a self-contained HTML report.

        Parameters
        ----------
        path : path
            An existing file is replaced.

        Raises
        ------
        MissingExtraError
            If jinja2 or matplotlib is not installed.
        """
        from lowland.report.page import write_report

        write_report(path, self._page())

    def plot(self, figure: str | None = None, *, ax: Axes | None = None) -> Any:
        """Draw a figure of the report on its own.

        Parameters
        ----------
        figure : str, optional
            Its title in the report or the beginning of it, in any case; by default the first figure.
        ax : matplotlib Axes, optional
            By default new ones.

        Returns
        -------
        object
            The display, which keeps what is drawn, and its axes as ``ax_``.

        Raises
        ------
        InvalidInputError
            If no figure has such a title; the error lists the titles.
        MissingExtraError
            If matplotlib is not installed.

        Examples
        --------
        >>> import numpy as np, lowland as ll
        >>> fit = ll.recover(ll.gaussian(40, (5, 5), 0), np.ones(40), rank=1, structure="psd", rng=0)
        >>> fit.plot().ax_.get_ylabel(), fit.plot("singular").ax_.get_ylabel()
        ('predicted', 'singular value')
        """
        return draw_figure(self._page(), figure, ax)


def draw_figure(page: Page, figure: str | None, ax: Axes | None = None) -> object:
    """Draw one figure of a page, as `Reported.plot` does, and return its display."""
    from lowland.report.displays import new_axes

    entries = [*(page.lead.figures if page.lead else ()), *page.figures]
    if not entries:
        raise UnsupportedError("there is nothing to draw", f"{page.title.lower()} without figures")
    return (entries[0] if figure is None else _entry(entries, figure)).draw(new_axes(ax))


def _entry(entries: list[FigureEntry], figure: str) -> FigureEntry:
    """Return the entry with a title, or the only one whose title begins so."""
    titles, wanted = [entry.title.lower() for entry in entries], figure.lower()
    begin = [k for k, title in enumerate(titles) if title.startswith(wanted)]
    matches = [titles.index(wanted)] if wanted in titles else begin
    if len(matches) == 1:
        return entries[matches[0]]
    what = "the title of no figure begins" if not matches else "the titles of several figures begin"
    known = ", ".join(repr(title) for title in titles)
    raise InvalidInputError(f"{what} so", f"figure={figure!r}", fix=f"pass one of {known}")
