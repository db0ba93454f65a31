"""Content of the reports on univariate fits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.core.status import Verdict
from lowland.networks.descent import Runs
from lowland.networks.page_records import DescentFit, SplineEstimator, Stability
from lowland.networks.stability_displays import BoundaryRiskDisplay, EdgeDisplay, KnotsDisplay, SplineDisplay
from lowland.report.page import FigureEntry, Page, TableEntry

HEADLINES = {
    Verdict.PROVED: "Proved: gradient descent with this step stays here.",
    Verdict.INCONCLUSIVE: "Open: it is not settled whether gradient descent with this step stays here.",
    Verdict.REFUTED: "Gradient descent with this step does not stay here.",
}


def stability_page(found: Stability, settings: Sequence[tuple[str, str]] = ()) -> Page:
    """Return the page of a network's stability."""
    return Page(
        "Stability of a univariate ReLU network",
        found.facts(),
        found.certificate,
        notes=found.notes,
        figures=_stability_figures(found),
        settings=settings,
        headline=HEADLINES[found.certificate["stable_at_step_size"].verdict],
    )


def fit_page(fit: DescentFit, settings: Sequence[tuple[str, str]] = ()) -> Page:
    """Return the page of a fit."""
    asked = [
        ("runs", run_words(fit.runs)),
        ("restarted", f"{fit.restarts}; {fit.collapsed} lost all knots, {fit.diverged} exploded"),
        ("descent", f"{fit.runs.steps} steps of {fit.step_size:g}; {fit.message}"),
        *fit.stability.facts(),
    ]
    words = "Data, the fitted linear spline and its knots."
    figures = [FigureEntry("Fit", words, SplineDisplay.from_fit(fit).plot)]
    if fit.runs.track is not None:
        words = "Largest curvature of every run over its steps, with the limit set by the step size."
        figures.append(FigureEntry("Edge of stability", words, EdgeDisplay.from_fit(fit).plot))
    return Page(
        "Regression by large-step gradient descent",
        asked,
        fit.stability.certificate,
        notes=fit.stability.notes,
        figures=(*figures, *_stability_figures(fit.stability)),
        settings=settings,
        headline=f"The data resolve {fit.knots.size} knots.",
    )


def regression_page(
    model: SplineEstimator,
    names: tuple[str, str],
    settings: Sequence[tuple[str, str]] = (),
    notes: Sequence[str] = (),
) -> Page:
    """Return the page of a fitted `StableSplineRegressor`."""
    residual = model.y_ - model.predict(model.x_)
    knots = model.effective_knots_
    asked = [
        ("column", f"{names[1]} by {names[0]}, {model.x_.size} rows"),
        ("minimum on all points", f"{model.n_knots_} knots, chosen among {len(model.path_)} minima"),
        ("step size", f"{model.step_size_:.4g} (inputs from -1 to 1, values of variance one)"),
        ("held-out root mean square error", f"{np.sqrt(model.cv_errors_[model.n_knots_]):.4g}"),
        ("root mean square of residuals", f"{np.sqrt(np.mean(residual**2)):.4g}"),
        ("knots of the spline", f"{model.knots_.size}; {knots.size} give nearly the same spline"),
        (
            "weighted variation",
            f"{model.variation_:.4g}; of the minimum {model.stability_.variation:.4g}, "
            f"limit {1 / model.step_size_ - 0.5:.4g}",
        ),
    ]
    minima = [
        (
            f"{minimum.n_knots}{' (chosen)' if minimum.n_knots == model.n_knots_ else ''}",
            f"{np.sqrt(model.cv_errors_[minimum.n_knots]):.5g}",
            f"{minimum.largest_step:.4g}",
        )
        for minimum in model.path_
    ]
    header = ("knots", "held-out root mean square", "stable up to step size")
    tables = [TableEntry("Minima by number of knots", header, minima)]
    if knots.size:
        values = model.predict(knots)
        rows = [(f"{k:.5g}", f"{value:.5g}") for k, value in zip(knots, values, strict=True)]
        tables.append(TableEntry("Knots", (names[0], names[1]), rows))
    stability, spline = model.stability_, SplineDisplay.from_estimator(model, names)
    figures = (
        FigureEntry("Fit", "Data, the fitted linear spline, its knots and 90 % intervals.", spline.plot),
        FigureEntry(
            "Weight of a change of slope", _RISK, BoundaryRiskDisplay.from_estimator(model, names[0]).plot
        ),
    )
    return Page(
        f"{names[1]} by {names[0]}",
        asked,
        stability.certificate,
        notes=[*stability.notes, *notes],
        tables=tables,
        figures=figures,
        settings=settings,
        headline=f"A linear spline; {knots.size} knots give nearly the same spline.",
    )


def run_words(runs: Runs) -> str:
    """Return how many runs ended in which way."""
    counts = {word: runs.status.count(word) for word in ("settled", "moving", "collapsed", "diverged")}
    words = {"collapsed": "with no knots left", "diverged": "exploded", "moving": "still moving"}
    return ", ".join(f"{count} {words.get(word, word)}" for word, count in counts.items() if count)


_RISK = (
    "The weight of a change of slope over the inputs: where it is small, the data hardly constrain the fit. "
    "It falls to zero towards both ends of the data, and does not detect gaps between them."
)


def _stability_figures(found: Stability) -> tuple[FigureEntry, ...]:
    figures = [FigureEntry("Weight of a change of slope", _RISK, BoundaryRiskDisplay.from_report(found).plot)]
    display = KnotsDisplay.from_report(found)
    if display.places.size:
        figures.insert(
            0, FigureEntry("Knots", "Changes of slope at the knots within the data.", display.plot)
        )
    return tuple(figures)
