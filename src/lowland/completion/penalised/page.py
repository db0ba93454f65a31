"""The report of a penalised completion."""

from __future__ import annotations

from dataclasses import replace

from lowland.completion.penalised.fit import CompletionFit
from lowland.completion.penalised.mixed_page import mixed_errors, mixed_predictions
from lowland.completion.penalised.page_of_fit import completion_page
from lowland.completion.tables.fitted import PageParts
from lowland.completion.tables.model import counts_unlisted
from lowland.completion.tables.trial_page import calibration_figure, trial_tables
from lowland.report.displays import PredictionDisplay
from lowland.report.page import Page, TableEntry


def penalised_page(fit: CompletionFit, parts: PageParts) -> Page:
    """Return the page of a penalised completion."""
    trial, seen = parts.trial, fit.observations
    figures = tuple(parts.figures)
    held_out: PredictionDisplay | None = None
    tables: tuple[TableEntry, ...] = ()
    columns, asked = fit.settings.columns, tuple[tuple[str, str], ...]()
    if columns is not None:
        asked = (("losses", columns.describe(seen)),)
    if trial is not None and columns is not None:
        held_out, tables = mixed_predictions(trial, columns), (mixed_errors(trial, seen, columns),)
    elif trial is not None and not counts_unlisted(fit.model):
        held_out = PredictionDisplay(trial.observed, trial.predicted)
        figures, tables = (calibration_figure(trial), *figures), trial_tables(trial, seen)
    return completion_page(
        replace(fit, certificate=parts.certificate),
        title=parts.title,
        held_out=held_out,
        figures=figures,
        tables=tables,
        asked=asked,
        settings=parts.settings,
    )
