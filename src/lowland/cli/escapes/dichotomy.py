"""`lowland escape --dichotomy`: paths that leave a well soon, stay for long, or do neither."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lowland.cli.escapes.settings import EscapeOptions, ObservationOptions, dynamics_of, landscape_of
from lowland.cli.options import ReportOptions
from lowland.cli.output import say, say_files, say_json, try_report, typed_command
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_positive, check_share
from lowland.dynamics.exits.dichotomy import CHAINS, DichotomyStudy, escape_dichotomy, well_dichotomy
from lowland.dynamics.exits.kramers import stationary_hessian
from lowland.dynamics.report import dichotomy_page
from lowland.report.page import write_report

# of the interval and of the verdict
LEVEL = 0.99
# the published bound needs independent eigenvectors of the drift: at the smallest optimal J they coincide
TURN = "1.05*optimal"


def say_dichotomy(
    landscape: str, asked: EscapeOptions, observed: ObservationOptions, shared: ReportOptions, duration: float
) -> None:
    """Count paths, print what was found, and write the page."""
    check_positive("--dichotomy", duration)
    if asked.radius is None:
        raise InvalidInputError(
            "--dichotomy needs --radius",
            "none",
            fix="give the distance from the minimum at which paths leave",
        )
    check_positive("--radius", asked.radius)
    if observed.delta is not None:
        check_share("--delta", observed.delta)
    source, start = landscape_of(landscape, asked.start, asked.setting or [])
    minimum = min(source.minima, key=lambda one: float(np.linalg.norm(one - start)), default=start)
    hessian = stationary_hessian(source, minimum, "minimum")
    if asked.dynamics == "underdamped" and asked.friction is None:
        asked = replace(asked, friction=2 * float(np.sqrt(np.linalg.eigvalsh(hessian)[0])))
    if asked.dynamics == "non-reversible" and asked.turn is None:
        asked = replace(asked, turn=TURN)
    moves = dynamics_of(asked, source, minimum)
    count = CHAINS if observed.chains is None else observed.chains
    settings: dict[str, Any] = {"radius": asked.radius, "dynamics": moves, "duration": duration}
    settings |= {"n_chains": count, "rng": shared.seed}
    if landscape == "quadratic" and asked.step_size is None:
        study = well_dichotomy(hessian, start - minimum, **settings)
    else:
        study = escape_dichotomy(source, minimum, start=start, **settings)
    words, held = _held(study, observed.delta)
    if shared.files.json:
        say_json(_as_data(study) | {"minimum": minimum.tolist(), "start": start.tolist()} | held)
    else:
        say(str(study))
        if words:
            say(words)
    if shared.report is not None:
        report = shared.report
        asked_for = [("command", typed_command()), ("seed", str(shared.seed))]
        page = dichotomy_page(
            study, potential=source.name, minimum=minimum, start=start, verdict=words, settings=asked_for
        )
        try_report(lambda: write_report(report, page), report)
    if not shared.files.json:
        say_files({"report": shared.report})


def _held(study: DichotomyStudy, delta: float | None) -> tuple[str, dict[str, Any]]:
    """Return whether the probability is at least 1 - delta, in words and for JSON; nothing unless asked."""
    if delta is None:
        return "", {}
    verdict = study.holds(delta, LEVEL)
    words = f"a probability of at least {1 - delta:g}: {verdict.name}, by a one-sided interval of "
    data = {"delta": delta, "level": LEVEL, "verdict": verdict.value}
    return f"{words}{100 * LEVEL:g} %", {"holds": data}


def _as_data(study: DichotomyStudy) -> dict[str, Any]:
    exits = study.exits
    return {
        "share": study.share,
        "interval": list(study.interval(LEVEL)),
        "level": LEVEL,
        "paths": study.paths,
        "left_early": study.left_early,
        "left_late": study.left_late,
        "stayed": study.stayed,
        "recurrence_time": study.recurrence_time,
        "end": study.end,
        "radius": study.radius,
        "dynamics": study.dynamics.describe(with_step=exits is not None),
        "step_size": None if exits is None else study.dynamics.step_size,
        "bias": study.bias,
        "diverged": 0 if exits is None else exits.diverged,
        "gradient_calls": 0 if exits is None else exits.gradient_calls,
    }
