"""The report of a Bayesian completion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.completion.bayesian import BayesianFit
from lowland.completion.fitted_table import PageParts
from lowland.completion.held_out_path import RankStep
from lowland.completion.holdout import LEVELS, TOLD, Trial
from lowland.completion.posterior_words import about_certificate, describe_draws, describe_method
from lowland.completion.rank_path import RankPath
from lowland.core.arrays import Vector
from lowland.core.observations import Observations
from lowland.core.records import Factors
from lowland.report.displays import CalibrationDisplay, PathDisplay, PatternDisplay, PredictionDisplay
from lowland.report.page import FigureEntry, Page, TableEntry
from lowland.sensing.report import prediction_figure, search_figures

# number of columns whose errors are listed
LISTED = 12
# with fewer held-out cells than this, the error of a column is too uncertain to list
FEW_CELLS = 5
_BOUND, _ENERGY = "Negative evidence lower bound", "Negative log density of the completed table"


def posterior_page(fit: BayesianFit, parts: PageParts) -> Page:
    """Return the page of a Bayesian completion; its certificate is that of the penalised problem."""
    trial, certificate = parts.trial, parts.certificate
    seen, model, search = fit.observations, fit.model, fit.search
    m, n = seen.shape
    asked = [
        ("table", f"{m} rows, {n} columns, {seen.size} observed cells ({seen.size / (m * n):.1%})"),
        ("method", describe_method(fit)),
        ("noise", _noise(model.scaling.spreads / np.sqrt(model.noise_precision * model.column_precisions))),
        ("stopped", f"{search.stop_reason.value.replace('_', ' ')}: {search.message}"),
        ("time", f"{search.iterations} sweeps in {search.seconds:.2g} s" + _sampling(fit)),
    ]
    notes = () if certificate is None else (about_certificate(fit),)
    figures = [
        FigureEntry(
            "Observed cells",
            f"{seen.size} of {m} x {n} cells are observed.",
            PatternDisplay.from_observations(seen).plot,
        ),
        *search_figures(search, Factors(*model.factors()), _ENERGY if fit.settings.full else _BOUND),
    ]
    tables: tuple[TableEntry, ...] = ()
    if trial is not None:
        prediction = prediction_figure(PredictionDisplay(trial.observed, trial.predicted))
        figures = [prediction, calibration_figure(trial), *figures]
        tables = trial_tables(trial, seen)
    return Page(parts.title, asked, certificate, notes, tables, figures, parts.settings)


def calibration_figure(trial: Trial) -> FigureEntry:
    """Return the plot of the coverage of intervals on held-out cells, by level."""
    return FigureEntry(
        "Calibration of intervals",
        "Fraction of held-out cells inside their intervals against the level; on the line they are equal.",
        CalibrationDisplay(LEVELS, trial.coverage(LEVELS), trial.observed.size).plot,
    )


def trial_tables(trial: Trial, seen: Observations) -> tuple[TableEntry, ...]:
    """Return the tables of a trial: coverage of intervals, and the columns with the largest errors."""
    measured = trial.coverage(np.array(TOLD))
    coverage = TableEntry(
        "Coverage of intervals on held-out cells",
        ("level", "coverage"),
        [(f"{level:.0%}", f"{inside:.1%}") for level, inside in zip(TOLD, measured, strict=True)],
    )
    columns, counts, errors = trial.errors_by_column()
    many = counts >= FEW_CELLS if (counts >= FEW_CELLS).any() else counts > 0
    order = [k for k in np.argsort(-errors, kind="stable").tolist() if many[k]][:LISTED]
    labels = seen.column_labels
    rows = [
        (str(columns[k] if labels is None else labels[columns[k]]), str(counts[k]), f"{errors[k]:.4g}")
        for k in order
    ]
    title = "Columns with the largest errors" if many.sum() > LISTED else "Errors by column"
    return coverage, TableEntry(title, ("column", "held-out cells", "root-mean-square error"), rows)


def path_figures(path: RankPath) -> tuple[FigureEntry, ...]:
    """Return the plots of the held-out errors by which rank and penalty were chosen."""
    figures = []
    for name in ("rank", "penalty"):
        steps = _varying(path.steps, name)
        if len(steps) > 1:
            positions = np.array([float(getattr(step, name)) for step in steps])
            errors = np.array([step.error for step in steps])
            chosen = float(getattr(path.settings, name))
            best = name == "penalty" and path.settings.columns is not None
            why = "the best" if best else "the simplest within one standard error of the best"
            figures.append(
                FigureEntry(
                    f"Choice of the {name}",
                    f"Error on {path.held_out} held-out cells by {name}; {chosen:.4g} was chosen, {why}.",
                    PathDisplay(positions, errors, chosen, name).plot,
                )
            )
    return tuple(figures)


def _varying(steps: Sequence[RankStep], name: str) -> list[RankStep]:
    """Return the last run of steps along which only the named setting changes."""
    other = "penalty" if name == "rank" else "rank"
    runs: list[list[RankStep]] = []
    for step in steps:
        if runs and getattr(runs[-1][-1], other) == getattr(step, other):
            runs[-1].append(step)
        else:
            runs.append([step])
    long = [run for run in runs if len(run) > 1]
    return long[-1] if long else []


def _noise(levels: Vector) -> str:
    low, high = float(levels.min()), float(levels.max())
    if high < 1.001 * low:
        return f"standard deviation {low:.4g}"
    return f"standard deviation {low:.4g} to {high:.4g} by column"


def _sampling(fit: BayesianFit) -> str:
    if fit.sampling is None:
        return ""
    return f", {describe_draws(fit)}"
