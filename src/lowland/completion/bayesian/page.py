"""The report of a Bayesian completion."""

from __future__ import annotations

import numpy as np

from lowland.completion.bayesian.sweeps import BayesianFit
from lowland.completion.bayesian.words import about_certificate, describe_draws, describe_method
from lowland.completion.tables.fitted import PageParts
from lowland.completion.tables.trial_page import calibration_figure, trial_tables
from lowland.core.arrays import Vector
from lowland.core.results.records import Factors
from lowland.core.wording import counted
from lowland.report.displays import PatternDisplay, PredictionDisplay
from lowland.report.page import FigureEntry, Page, TableEntry
from lowland.sensing.report import prediction_figure, search_figures

_BOUND, _ENERGY = "Negative evidence lower bound", "Negative log density of the completed table"


def posterior_page(fit: BayesianFit, parts: PageParts) -> Page:
    """Return the page of a Bayesian completion; its certificate is that of the penalised problem."""
    trial, certificate = parts.trial, parts.certificate
    seen, model, search = parts.seen or fit.observations, fit.model, fit.search
    m, n = seen.shape
    asked = [
        (
            "table",
            f"{counted(m, 'row')}, {counted(n, 'column')}, {counted(seen.size, 'observed cell')} "
            f"({seen.size / (m * n):.1%})",
        ),
        ("method", describe_method(fit)),
        ("noise", _noise(model.scaling.spreads / np.sqrt(model.noise_precision * model.column_precisions))),
        ("ended", search.ending),
        ("time", f"{counted(search.iterations, 'sweep')} in {search.seconds:.2g} s" + _sampling(fit)),
    ]
    notes = () if certificate is None or certificate.of_audit else (about_certificate(fit),)
    figures = [
        FigureEntry(
            "Observed cells",
            f"{seen.size:,} of {m:,} x {n:,} cells are observed.",
            PatternDisplay.from_observations(seen).plot,
        ),
        *search_figures(search, Factors(*model.factors()), _ENERGY if fit.settings.full else _BOUND),
    ]
    tables: tuple[TableEntry, ...] = ()
    if trial is not None:
        prediction = prediction_figure(PredictionDisplay(trial.observed, trial.predicted))
        figures = [prediction, calibration_figure(trial), *figures]
        tables = trial_tables(trial, fit.observations)
    return Page(parts.title, asked, certificate, notes, tables, figures, parts.settings)


def _noise(levels: Vector) -> str:
    low, high = float(levels.min()), float(levels.max())
    if high < 1.001 * low:
        return f"standard deviation {low:.4g}"
    return f"standard deviation {low:.4g} to {high:.4g} by column"


def _sampling(fit: BayesianFit) -> str:
    if fit.sampling is None:
        return ""
    return f", {describe_draws(fit)}"
