"""Content of the reports on activation regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lowland.core.results.status import Verdict
from lowland.networks.certificates.region_minima import UNSURE
from lowland.networks.regions.displays import ActivationDisplay, LossesDisplay
from lowland.networks.regions.pattern_shares import WidthAdvice
from lowland.networks.regions.patterns import describe_count
from lowland.report.page import FigureEntry, Page, TableEntry

if TYPE_CHECKING:
    from lowland.networks.regions.report import RegionReport
    from lowland.networks.regions.survey import RegionSurvey

HEADLINES = {
    Verdict.PROVED: "Proved: this region has no differentiable minimum that does not fit the data.",
    Verdict.REFUTED: "This region has a bad minimum: one that does not fit the data.",
    Verdict.SUPPORTED: "Supported, not proved: this region appears to have no bad differentiable minimum.",
    Verdict.INCONCLUSIVE: "Open: it is not settled whether this region has bad minima.",
}


def region_page(
    report: RegionReport,
    *,
    survey: RegionSurvey | None = None,
    advice: WidthAdvice | None = None,
    settings: Sequence[tuple[str, str]] = (),
    tables: Sequence[TableEntry] = (),
    more_notes: Sequence[str] = (),
) -> Page:
    """Return the page of a region, with a survey of other regions and more of the network if given."""
    finding = report.certificate["no_bad_minimum_in_region"]
    n, k = report.activation.patterns[0].shape
    alternative = (
        f"Map of {n} data points by {k} neurons of the first layer: filled where a neuron is active."
    )
    return Page(
        "Activation region of a ReLU network",
        report.facts(),
        report.certificate,
        notes=[
            *report.about_network(),
            _why(report),
            *_advised(advice),
            *report.notes,
            *_without_minimum(report),
            *more_notes,
            *([] if survey is None else [f"Other regions of {survey.width} neurons: {survey.summary}"]),
        ],
        tables=(*tables, *(() if survey is None else (survey_table(survey),))),
        figures=(FigureEntry("Activation pattern", alternative, ActivationDisplay.from_report(report).plot),),
        settings=settings,
        headline=HEADLINES[finding.verdict],
    )


def _why(report: RegionReport) -> str:
    """Return what the rank of the Jacobian means for minima."""
    if report.rank == report.n_points:
        return (
            f"The Jacobian has rank {report.rank}, as many as data points: small changes of the weights can "
            "move all predictions independently, so the loss has no slope only where every residual is zero."
        )
    return (
        f"The Jacobian has rank {report.rank} at {report.n_points} data points: small changes of the weights "
        "cannot make every change of the predictions, so the loss may rest where residuals are left."
    )


def _advised(advice: WidthAdvice | None) -> list[str]:
    """Return how wide the layer would have to be."""
    return [] if advice is None else [f"Advice: {advice}."]


def _without_minimum(report: RegionReport) -> list[str]:
    """Return a note if the best loss of a region is attained on its boundary only."""
    best = report.optimum
    if best is None or best.is_zero or best.margin > -UNSURE:
        return []
    return [
        f"Numerically, the region has no differentiable minimum at all: its best loss, "
        f"{best.loss:.3g}, is attained on its boundary, where training continues into another region."
    ]


def survey_table(survey: RegionSurvey) -> TableEntry:
    """Return the shares of a survey as a table."""
    names = (
        ("full-rank Jacobian, hence no bad minimum whatever the targets", survey.full),
        ("a network that fits the data, its boundary included", survey.global_minimum),
        ("bad minimum inside", survey.bad_minimum),
    )
    rows = []
    for name, share in names:
        if share is not None:
            low, high = share.interval()
            rows.append((name, f"{100 * share.estimate:.3g} %", f"{100 * low:.3g} to {100 * high:.3g} %"))
    title = f"{survey.full.trials} regions of width {survey.width} drawn ({survey.law} law)"
    return TableEntry(title, ("property of the region", "share", "95 % interval"), rows)


def survey_page(
    survey: RegionSurvey, advice: WidthAdvice | None = None, settings: Sequence[tuple[str, str]] = ()
) -> Page:
    """Return the page of a survey."""
    asked = [
        ("data points", f"{survey.n_points} of {survey.n_inputs} inputs"),
        ("width", str(survey.width)),
        ("regions", f"at most {describe_count(survey.regions)}"),
    ]
    figures: tuple[FigureEntry, ...] = ()
    if survey.best_losses is not None:
        display = LossesDisplay(survey.best_losses)
        figures = (FigureEntry("Best losses", "Best loss of each region drawn, in order.", display.plot),)
    return Page(
        "Survey of activation regions",
        asked,
        None,
        notes=_advised(advice),
        tables=(survey_table(survey),),
        figures=figures,
        settings=settings,
        headline=survey.summary,
    )
