"""Content of the reports of exit times and of the dichotomy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.core.arrays import Vector
from lowland.dynamics.advice import Suggestion
from lowland.dynamics.displays import SurvivalDisplay
from lowland.dynamics.exit_sets import Ball, HalfSpace
from lowland.dynamics.exits.dichotomy import DichotomyStudy
from lowland.dynamics.exits.exit_simulation import EscapeStudy
from lowland.report.page import FigureEntry, Lead, Page, TableEntry


def escape_page(
    study: EscapeStudy,
    *,
    potential: str,
    exit: HalfSpace | Ball,
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
        Mean exit time by the Eyring-Kramers law.
    suggestions : sequence of Suggestion
    settings : sequence of pairs
        Settings needed to repeat the run.
    """
    estimate = study.estimate()
    asked = [
        ("potential", potential),
        ("exit", exit.describe()),
        ("dynamics", study.dynamics.describe()),
        (
            "chains",
            f"{study.n_chains}: {study.left} left, {study.censored} still in the basin, "
            f"{study.diverged} diverged",
        ),
        ("observed until", f"time {study.horizon:.6g}; {study.message}"),
        ("mean exit time", str(estimate)),
        ("estimated by", estimate.method),
        ("cost", f"{study.gradient_calls:.4g} gradients in {study.seconds:.3g} s"),
    ]
    if asymptotic is not None:
        asked.insert(7, ("Eyring-Kramers law", f"{asymptotic:.6g} (asymptotic estimate)"))
    tables: tuple[TableEntry, ...] = ()
    if suggestions:
        rows = [
            (
                s.dynamics.describe(),
                f"{s.time:.4g}",
                f"{s.gradient_calls:.3g}",
                s.percent_off,
                s.caveat,
            )
            for s in suggestions
        ]
        header = ("dynamics", "expected time", "gradients per chain", "bias of variances", "")
        tables = (TableEntry("Dynamics that may leave with fewer gradients (estimates)", header, rows),)
    return Page(
        f"Exit times: {potential}",
        asked,
        None,
        notes=_notes(study),
        tables=tables,
        settings=settings,
        headline="Exit times are measured on simulated chains; nothing is proved about them.",
        lead=Lead(
            [_answer(study), *_theory(study, asymptotic), *_faster(study, suggestions)],
            figures=_survival(study),
        ),
    )


def dichotomy_page(
    study: DichotomyStudy,
    *,
    potential: str,
    minimum: Vector,
    start: Vector,
    verdict: str = "",
    settings: Sequence[tuple[str, str]] = (),
) -> Page:
    """Return the page of paths that leave a well soon, stay for long, or do neither.

    Parameters
    ----------
    study : DichotomyStudy
    potential : str
        Its name.
    minimum, start : ndarray, shape (d,)
    verdict : str
        Whether the probability is as large as was asked for, in words; "" if nothing was asked.
    settings : sequence of pairs
        Settings needed to repeat the run.
    """
    low, high = study.interval()
    soon, end = f"{study.recurrence_time:.4g}", f"{study.end:.4g}"
    asked = [
        ("potential", potential),
        ("minimum", _point(minimum)),
        ("start", _point(start)),
        ("exit", f"farther than {study.radius:g} from the minimum"),
        ("dynamics", study.dynamics.describe(with_step=study.exits is not None)),
        ("recurrence time", soon),
        ("paths", f"{study.paths:,}"),
    ]
    if study.exits is not None:
        asked.append(("cost", f"{study.exits.gradient_calls:.4g} gradients in {study.exits.seconds:.3g} s"))
    counts = (
        (f"left before time {soon}", study.left_early),
        (f"left between {soon} and {end}", study.left_late),
        (f"still there at {end}", study.stayed),
    )
    rows = [(name, f"{count:,}", f"{100 * count / study.paths:.2f} %") for name, count in counts]
    answer = (
        f"{100 * study.share:.2f} % of the paths left before the recurrence time, {soon}, or stayed until "
        f"{end}; the 99 % interval is {100 * low:.2f} to {100 * high:.2f} %."
    )
    asked_for = [f"{verdict[0].upper()}{verdict[1:]}."] if verdict else []
    bias = f"{study.bias[0].upper()}{study.bias[1:]}."
    return Page(
        f"Leave soon or stay for long: {potential}",
        asked,
        None,
        notes=[bias],
        tables=(TableEntry("Paths", ("", "paths", "share"), rows),),
        settings=settings,
        headline="Shares are measured on random paths; nothing is proved about them.",
        lead=Lead([answer, *asked_for]),
    )


def _point(coordinates: Vector) -> str:
    return ", ".join(f"{number:.6g}" for number in coordinates)


def _answer(study: EscapeStudy) -> str:
    """Return how long chains take to leave."""
    estimate = study.estimate()
    if not study.left:
        share = f"{100 * estimate.level:g} %"
        least = f"the mean exit time is at least {estimate.lower:.4g} ({share})"
        return f"No chain left during observation: {least}."
    if not np.isfinite(estimate.mean):
        return f"No mean exit time: {estimate.method}."
    return (
        f"Chains take {estimate.mean:.4g} on average to leave; the {100 * estimate.level:g} % interval is "
        f"{estimate.lower:.4g} to {estimate.upper:.4g}."
    )


def _theory(study: EscapeStudy, asymptotic: float | None) -> list[str]:
    """Return how the measured time compares with the asymptotic law."""
    mean = study.estimate().mean
    if asymptotic is None or not np.isfinite(mean):
        return []
    return [
        f"The Eyring-Kramers law, exact in the limit of low temperature, says {asymptotic:.4g}: measured "
        f"over law {mean / asymptotic:.3g}."
    ]


def _faster(study: EscapeStudy, suggestions: Sequence[Suggestion]) -> list[str]:
    """Return which dynamics is expected to leave with the fewest gradients, if it is another one."""
    if not suggestions:
        return []
    best = min(suggestions, key=lambda suggestion: suggestion.gradient_calls)
    if best.dynamics.describe() == study.dynamics.describe():
        return ["Of the dynamics compared, this one is expected to leave with the fewest gradients."]
    used = study.gradient_calls / study.n_chains
    return [
        f"By an estimate, {best.dynamics.describe()} leaves with {best.gradient_calls:.3g} gradients per "
        f"chain; this study used {used:.3g}."
    ]


def _survival(study: EscapeStudy) -> list[FigureEntry]:
    """Return the curve of the chains that are still inside, if any left."""
    if not study.left:
        return []
    words = (
        f"Share of {study.n_chains} chains still in the basin over time, on a logarithmic scale, compared "
        "with an exponential law."
    )
    return [FigureEntry("Chains still in the basin", words, SurvivalDisplay.from_study(study).plot)]


def _notes(study: EscapeStudy) -> list[str]:
    notes = []
    if study.censored:
        notes.append(
            f"{study.censored} of {study.n_chains} chains were still in the basin when observation ended. "
            "The mean assumes that exits are exponential once the law within the basin has settled."
        )
    if study.diverged:
        notes.append(
            f"{study.diverged} chains diverged: the step is too large for the gradients far out. "
            "They are left out, and the mean is that of the others."
        )
    if study.coarse is None:
        notes.append("The interval does not include the bias of the step; --extrapolate removes it.")
    return notes
