"""The report of a completion by any method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lowland.completion.auditing.box import box_of
from lowland.completion.page_opening import answer_first
from lowland.completion.penalised.path_figures import path_figures
from lowland.completion.penalised.rank_path import RankPath
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.fitted import PageParts, data_of
from lowland.completion.tables.trial import Trial
from lowland.core.errors import UnsupportedError
from lowland.core.results.findings import Certificate
from lowland.report.page import Page


def report_page(
    completed: Completed,
    path: RankPath | None,
    certificate: Certificate | None,
    *,
    title: str,
    settings: Sequence[tuple[str, str]] = (),
    levels: Mapping[int, Sequence[Any]] | None = None,
) -> Page:
    """Return the page of a completion; a trial on held-out cells is fitted for it.

    Parameters
    ----------
    completed : Completed
    path : RankPath or None
        How rank and penalty were chosen.
    certificate : Certificate or None
    title : str
    settings
        As in `Page`.
    levels : mapping of int to sequence, optional
        Names of the levels of columns, by position.

    Returns
    -------
    Page
    """
    data_of(completed.table, "a report")
    trial = trial_of(completed)
    page = completed.table.page(
        PageParts(trial, () if path is None else path_figures(path), certificate, title, settings)
    )
    if completed.plain_fits is not None:
        spent = f"Choosing and fitting took {completed.plain_fits:.1f} times the work of the last fit alone."
        page = replace(page, notes=(*page.notes, spent))
    lead = answer_first(completed, trial, levels or {})
    return replace(page, lead=lead, headline="", box=box_of(certificate, completed.model))


def trial_of(completed: Completed) -> Trial | None:
    """Return the trial on held-out cells, or None for a table with too few cells."""
    try:
        return completed.intervals.trial
    except UnsupportedError:
        return None
