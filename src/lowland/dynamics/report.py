"""What the report of exit times shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lowland.dynamics.advice import Suggestion
from lowland.dynamics.displays import SurvivalDisplay
from lowland.dynamics.exit_simulation import EscapeStudy
from lowland.report.page import FigureEntry, Page, TableEntry


def escape_page(
    study: EscapeStudy,
    *,
    potential: str,
    exit: Any,
    asymptotic: float | None = None,
    suggestions: Sequence[Suggestion] = (),
    settings: Sequence[tuple[str, str]] = (),
) -> Page:
    """Return the page of a study of exit times.

    Parameters
    ----------
    study : EscapeStudy
    potential : str
        Its name.
    exit : HalfSpace or Ball
    asymptotic : float, optional
        What the law of Eyring and Kramers says.
    suggestions : sequence of Suggestion
    settings : sequence of pairs
        What is needed to run it again.
    """
    estimate = study.estimate()
    asked = [
        ("potential", potential),
        ("exit", exit.describe()),
        ("dynamics", study.dynamics.describe()),
        (
            "chains",
            f"{study.n_chains}: {study.left} left, {study.censored} still within, {study.diverged} diverged",
        ),
        ("observed until", f"time {study.horizon:.6g}; {study.message}"),
        ("mean exit time", str(estimate)),
        ("estimated by", estimate.method),
        ("cost", f"{study.gradient_calls:.4g} gradients in {study.seconds:.3g} s"),
    ]
    if asymptotic is not None:
        asked.insert(7, ("Eyring and Kramers", f"{asymptotic:.6g} (asymptotic; an estimate)"))
    tables: tuple[TableEntry, ...] = ()
    if suggestions:
        rows = [
            (
                s.dynamics.describe(),
                f"{s.time:.4g}",
                f"{s.gradient_calls:.3g}",
                f"{100 * s.variance_bias:.2g} %",
                s.caveat,
            )
            for s in suggestions
        ]
        header = ("dynamics", "expected time", "gradients per chain", "bias of variances", "")
        tables = (TableEntry("What may leave sooner for each gradient (estimates)", header, rows),)
    figures: tuple[FigureEntry, ...] = ()
    if study.left:
        alternative = (
            f"Share of {study.n_chains} chains still within over time, on a logarithmic scale, "
            "beside an exponential law"
        )
        figures = (FigureEntry("Chains still within", alternative, SurvivalDisplay.from_study(study).plot),)
    return Page(
        f"Exit times: {potential}",
        asked,
        None,
        notes=_notes(study),
        tables=tables,
        figures=figures,
        settings=settings,
        headline=_headline(study),
    )


def _headline(study: EscapeStudy) -> str:
    estimate = study.estimate()
    if not study.left:
        share = f"{100 * estimate.level:g} %"
        least = f"the mean exit time is at least {estimate.lower:.4g} ({share})"
        return f"No chain left while it was watched: {least}."
    if not np.isfinite(estimate.mean):
        return f"No mean exit time: {estimate.method}."
    return (
        f"Chains take {estimate.mean:.4g} on average to leave; the 95 % interval is {estimate.lower:.4g} to "
        f"{estimate.upper:.4g}. This is measured, not proved."
    )


def _notes(study: EscapeStudy) -> list[str]:
    notes = []
    if study.censored:
        notes.append(
            f"{study.censored} of {study.n_chains} chains were still within when observation ended. The mean "
            "rests on exits being exponential once the law within the basin has settled."
        )
    if study.diverged:
        notes.append(
            f"{study.diverged} chains exploded: the step is too large for the slopes far out. "
            "They are left out, and the mean is that of the others."
        )
    if study.coarse is None:
        notes.append("The error that the step makes is not in the interval; --extrapolate takes it off.")
    return notes
