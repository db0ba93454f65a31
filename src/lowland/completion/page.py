"""The report of a completion by any method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lowland.completion.auditing.box import box_of
from lowland.completion.grades.grade_trial import BINS, GradeTrial
from lowland.completion.grades.learning import Held
from lowland.completion.page_opening import answer_first
from lowland.completion.penalised.list_path import ListPath
from lowland.completion.penalised.path_figures import path_figures
from lowland.completion.penalised.rank_path import RankPath
from lowland.completion.ranking.list_trial import WAYS, ListTrial, judge_lists
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.fitted import PageParts, data_of
from lowland.completion.tables.trial import Trial
from lowland.core.errors import UnsupportedError
from lowland.core.results.findings import Certificate
from lowland.core.wording import counted, number
from lowland.report.page import Page, TableEntry


def report_page(
    completed: Completed,
    path: RankPath | ListPath | None,
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
    path : RankPath or ListPath or None
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
    lists = judge_lists(completed, trial)
    if lists is not None:
        page = replace(page, tables=(lists_table(lists), *page.tables))
    held = None if trial is None else Held.of(data_of(completed.table, "a report"), trial, completed.model)
    if held is not None:
        page = replace(page, tables=(*page.tables, grades_table(GradeTrial.of(held))))
    if completed.plain_fits is not None:
        spent = f"Choosing and fitting took {completed.plain_fits:.1f} times the work of the last fit alone."
        page = replace(page, notes=(*page.notes, spent))
    lead = answer_first(completed, trial, levels or {}, lists)
    return replace(page, lead=lead, headline="", box=box_of(certificate, completed.model))


def grades_table(grades: GradeTrial) -> TableEntry:
    """Return the table of how often grades occur that have a stated probability."""
    counts, stated, observed = grades.reliability()
    lines = [
        (f"{BINS[k]:.0%} to {BINS[k + 1]:.0%}", f"{counts[k]:,}", f"{stated[k]:.1%}", f"{observed[k]:.1%}")
        for k in np.flatnonzero(counts).tolist()
    ]
    title = (
        f"Probabilities of {counted(grades.grades.size, 'grade')} of "
        f"{counted(grades.observed.size, 'held-out cell')} (log score {number(grades.log_score, 3)}, "
        f"of rounded normal numbers {number(grades.log_score_of_normal, 3)})"
    )
    return TableEntry(title, ("stated between", "number", "stated on average", "observed"), lines)


def lists_table(lists: ListTrial) -> TableEntry:
    """Return the table of how much lists of the best columns hold of what was held out."""
    titles = [f"{what} at {k}" for k in lists.lengths for what in ("recall", "NDCG")]
    lines = []
    for way, words in WAYS.items():
        pairs = zip(lists.recall[way], lists.ndcg[way], strict=True)
        lines.append((words, *(f"{share:.3f}" for pair in pairs for share in pair)))
    title = f"Lists of the best columns of {counted(lists.rows, 'row')}, judged by held-out cells"
    return TableEntry(title, ("ranked", *titles), lines)


def trial_of(completed: Completed) -> Trial | None:
    """Return the trial on held-out cells, or None for a table with too few cells."""
    try:
        return completed.intervals.trial
    except UnsupportedError:
        return None
