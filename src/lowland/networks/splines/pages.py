"""Content of the reports on univariate fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.results.status import Verdict
from lowland.networks.splines.descent import Runs
from lowland.networks.splines.displays import (
    BoundaryRiskDisplay,
    EdgeDisplay,
    KnotsDisplay,
    SplineDisplay,
    SplineEstimator,
)
from lowland.report.page import FigureEntry, Lead, Page, TableEntry

if TYPE_CHECKING:
    from lowland.networks.splines.stability import StabilityReport
    from lowland.networks.splines.stable_fit import StableFit

HEADLINES = {
    Verdict.PROVED: "Proved: gradient descent with step {step:.4g} stays {where}.",
    Verdict.SUPPORTED: "Supported, not proved: gradient descent with step {step:.4g} stays {where}.",
    Verdict.INCONCLUSIVE: "Open: whether gradient descent with step {step:.4g} stays {where} is not settled.",
    Verdict.REFUTED: "Gradient descent with step {step:.4g} does not stay {where}.",
}


def _headline(report: StabilityReport, where: str = "here") -> str:
    words = HEADLINES[report.certificate["stable_at_step_size"].verdict]
    return words.format(step=report.step_size, where=where)


def stability_page(report: StabilityReport) -> Page:
    """Return the page of a network's stability."""
    return Page(
        "Stability of a univariate ReLU network",
        report.facts(),
        report.certificate,
        notes=[_curvature(report), *report.notes],
        figures=_stability_figures(report),
        headline=_headline(report),
    )


def _curvature(report: StabilityReport) -> str:
    """Return what stability is about, in a sentence."""
    return (
        f"Gradient descent with step {report.step_size:g} settles only where the loss curves by at most "
        f"{2 / report.step_size:.4g} in every direction; here the largest curvature is "
        f"{report.sharpness.largest:.4g}."
    )


def fit_page(fit: StableFit) -> Page:
    """Return the page of a fit."""
    asked = [
        ("runs", run_words(fit.runs)),
        ("restarted", f"{fit.restarts}; {fit.collapsed} lost all knots, {fit.diverged} diverged"),
        ("descent", f"{fit.runs.steps} steps of {fit.step_size:g}; {fit.message}"),
        *fit.stability.facts(),
    ]
    error = float(np.sqrt(np.mean((fit(fit.x) - fit.y) ** 2)))
    answer = (
        f"The data resolve {knots_in_words(fit.knots.size)}; on these the spline is off by {error:.3g} (root "
        "mean square)."
    )
    spline = FigureEntry(
        "Fit", "Data, the fitted linear spline and its knots.", SplineDisplay.from_fit(fit).plot
    )
    knots = [(f"{place:.5g}", f"{float(fit(place)):.5g}") for place in fit.knots]
    tables = [TableEntry("Knots", ("x", "y"), knots)] if knots else []
    figures = []
    if fit.runs.track is not None:
        words = "Largest curvature of every run over its steps, with the limit set by the step size."
        figures.append(FigureEntry("Edge of stability", words, EdgeDisplay.from_fit(fit).plot))
    return Page(
        "Regression by large-step gradient descent",
        asked,
        fit.stability.certificate,
        notes=[_curvature(fit.stability), *fit.stability.notes],
        figures=(*figures, *_stability_figures(fit.stability)),
        headline=_headline(fit.stability),
        lead=Lead([answer], tables, [spline]),
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
        (
            "minimum on all points",
            f"{knots_in_words(model.n_knots_)}, chosen among {len(model.path_)} minima",
        ),
        ("step size", f"{model.step_size_:.4g} (inputs from -1 to 1, values of variance one)"),
        ("held-out root mean square error", f"{np.sqrt(model.cv_errors_[model.n_knots_]):.4g}"),
        ("root mean square of residuals", f"{np.sqrt(np.mean(residual**2)):.4g}"),
        ("knots of the spline", f"{model.knots_.size}; one with {knots.size} is nearly the same"),
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
    stability, spline = model.stability_, SplineDisplay.from_estimator(model, names)
    risk = BoundaryRiskDisplay.from_estimator(model, names[0])
    words = "Data, the fitted linear spline, its knots and 90 % intervals."
    return Page(
        f"{names[1]} by {names[0]}",
        asked,
        stability.certificate,
        notes=[*stability.notes, *notes],
        tables=[TableEntry("Minima by number of knots", header, minima)],
        figures=[FigureEntry("Weight of a change of slope", _RISK, risk.plot)],
        settings=settings,
        headline=f"{certified(model)} {_headline(stability, 'at it')}",
        lead=Lead(_answers(model), _knots(model, names), [FigureEntry("Fit", words, spline.plot)]),
    )


def certified(model: SplineEstimator) -> str:
    """Return whether the finding is about the function that predicts, or about which other, in a sentence."""
    minimum = f"the minimum on all points, with {knots_in_words(model.n_knots_)}"
    if not model.average:
        return f"The finding is about the function that predicts: {minimum}."
    return (
        f"The finding is about {minimum}, not about the function that predicts: that is the mean of the "
        f"splines without one fold each, with {knots_in_words(model.knots_.size)}."
    )


def _answers(model: SplineEstimator) -> list[str]:
    """Return the error of predictions and the form of the function, in words."""
    count = model.effective_knots_.size
    return [
        how_far(float(np.sqrt(model.cv_errors_[model.n_knots_])), model.y_),
        f"The function is a linear spline; one with {knots_in_words(count)} is nearly the same."
        if count
        else "The function is a straight line as far as the data can tell.",
    ]


def how_far(error: float, y: Vector) -> str:
    """Return the error of predictions in words, compared with the mean of all values."""
    return (
        f"A new value is off by {error:.3g} (root mean square over held-out points); the mean of all values "
        f"would be off by {float(np.std(y)):.3g}."
    )


def knots_in_words(knots: int) -> str:
    """Return a number of knots in words."""
    return f"{knots} knot{'' if knots == 1 else 's'}"


def _knots(model: SplineEstimator, names: tuple[str, str]) -> list[TableEntry]:
    """Return where the spline bends, if it does."""
    knots = model.effective_knots_
    if not knots.size:
        return []
    values = model.predict(knots)
    rows = [(f"{k:.5g}", f"{value:.5g}") for k, value in zip(knots, values, strict=True)]
    return [TableEntry("Knots", names, rows)]


def run_words(runs: Runs) -> str:
    """Return how many runs ended in which way."""
    counts = {word: runs.status.count(word) for word in ("settled", "moving", "collapsed", "diverged")}
    words = {"collapsed": "with no knots left", "moving": "still moving"}
    return ", ".join(f"{count} {words.get(word, word)}" for word, count in counts.items() if count)


_RISK = (
    "The weight of a change of slope over the inputs: where it is small, the data hardly constrain the fit. "
    "It falls to zero towards both ends of the data, and does not detect gaps between them."
)


def _stability_figures(report: StabilityReport) -> tuple[FigureEntry, ...]:
    figures = [
        FigureEntry("Weight of a change of slope", _RISK, BoundaryRiskDisplay.from_report(report).plot)
    ]
    display = KnotsDisplay.from_report(report)
    if display.places.size:
        figures.insert(
            0, FigureEntry("Knots", "Changes of slope at the knots within the data.", display.plot)
        )
    return tuple(figures)
