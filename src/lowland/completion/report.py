"""The report of a completion, by whatever method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lowland.completion.bayesian import BayesianFit
from lowland.completion.fitted_table import Completed
from lowland.completion.holdout import Trial, hold_trial
from lowland.completion.mixed_report import mixed_errors, mixed_predictions
from lowland.completion.page import completion_page
from lowland.completion.penalised import CompletionFit
from lowland.completion.posterior_report import calibration_figure, path_figures, posterior_page, trial_tables
from lowland.completion.rank_path import RankPath
from lowland.core.errors import UnsupportedError
from lowland.core.findings import Certificate
from lowland.report.displays import PredictionDisplay
from lowland.report.page import Page, TableEntry


def report_page(
    completed: Completed,
    path: RankPath | None,
    certificate: Certificate | None,
    rng: np.random.Generator,
    *,
    title: str,
    settings: Sequence[tuple[str, str]] = (),
) -> Page:
    """Return the page of a completion; a trial on held-out cells is fitted for it.

    Parameters
    ----------
    completed : Completed
    path : RankPath or None
        How rank and penalty were chosen.
    certificate : Certificate or None
    rng : numpy.random.Generator
        For the held-out cells.
    title : str
    settings
        As of `Page`.

    Returns
    -------
    Page
    """
    fit = completed.fit
    trial = _trial(completed, rng)
    if isinstance(fit, BayesianFit):
        return posterior_page(fit, certificate, trial, title=title, settings=settings)
    if not isinstance(fit, CompletionFit):
        raise UnsupportedError("a report needs the data", "a model from a file", fix="fit the table again")
    figures = () if path is None else path_figures(path)
    held_out: PredictionDisplay | None = None
    tables: tuple[TableEntry, ...] = ()
    columns, asked = fit.settings.columns, tuple[tuple[str, str], ...]()
    if columns is not None:
        asked = (("losses", columns.describe(fit.observations)),)
    if trial is not None and columns is not None:
        held_out, tables = (
            mixed_predictions(trial, columns),
            (mixed_errors(trial, fit.observations, columns),),
        )
    elif trial is not None:
        held_out = PredictionDisplay(trial.observed, trial.predicted)
        figures, tables = (calibration_figure(trial), *figures), trial_tables(trial, fit.observations)
    judged = replace(fit, certificate=certificate)
    return completion_page(
        judged,
        title=title,
        held_out=held_out,
        figures=figures,
        tables=tables,
        asked=asked,
        settings=settings,
    )


def _trial(completed: Completed, rng: np.random.Generator) -> Trial | None:
    """Return a trial, or None for a table with too few cells."""
    if completed.fit is None:
        return None
    try:
        return hold_trial(completed.fit.observations, completed.refit, rng)
    except UnsupportedError:
        return None
