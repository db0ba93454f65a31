"""`lowland escape`: how long Langevin dynamics takes to leave a basin."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import IO, Annotated, Any

import numpy as np
import typer

from lowland.cli.escapes.dichotomy import say_dichotomy
from lowland.cli.escapes.settings import (
    EscapeOptions,
    ObservationOptions,
    dynamics_of,
    exit_of,
    landscape_of,
    numbers,
)
from lowland.cli.options import ReportOptions
from lowland.cli.output import refuse_given, say, say_files, say_json, try_report, typed_command, warn
from lowland.cli.overwriting import check_outputs
from lowland.cli.records import takes_records
from lowland.core.atomic import write_whole
from lowland.core.errors import InvalidInputError
from lowland.dynamics.advice import Suggestion, advise_dynamics
from lowland.dynamics.closed_forms import POTENTIALS
from lowland.dynamics.exits.escape import escape_times
from lowland.dynamics.exits.kramers import kramers_time, lowest_barrier
from lowland.dynamics.potentials import Potential
from lowland.dynamics.report import escape_page
from lowland.dynamics.sample import split_escape
from lowland.report.page import write_report

# heights of barriers in temperatures: those that chains seldom cross in time, and those that they cross soon
_RARE, _USUAL = 10.0, 6.0
# steps of all chains, by default
MOST_CALLS = 1e9
# options about mean exit times alone
NOT_OF_DICHOTOMY = (
    "level",
    "axis",
    "max_time",
    "max_gradient_calls",
    "saddle",
    "extrapolate",
    "split",
    "times",
)
_STATUS = ("within", "left", "diverged")


@takes_records
def escape(
    typed: typer.Context,
    landscape: Annotated[
        str,
        typer.Argument(
            metavar="POTENTIAL",
            help=f"{', '.join(POTENTIALS)} or FILE.py:NAME: a gradient of points (n, d), or a Potential.",
        ),
    ],
    asked: EscapeOptions,
    observed: ObservationOptions,
    shared: ReportOptions,
) -> None:
    """Estimate how long Langevin dynamics takes to leave a basin, with intervals and theory."""
    times, report, json = observed.times, shared.report, shared.files.json
    _check(typed, asked, observed, shared)
    if observed.dichotomy is not None:
        say_dichotomy(landscape, asked, observed, shared, observed.dichotomy)
        return
    source, point = landscape_of(landscape, asked.start, asked.setting or [])
    out, moves = exit_of(asked, point), dynamics_of(asked, source, point)
    theory: float | None = None
    advice: tuple[Suggestion, ...] = ()
    if observed.saddle is not None:
        top = numbers("--saddle", observed.saddle)
        theory = kramers_time(source, point, top, moves)
        advice = advise_dynamics(source, point, top, beta=asked.beta)
    if observed.split:
        rare = split_escape(source, point, exit=out, dynamics=moves, rng=shared.seed)
        _say_split(rare, theory, json=json)
        return
    _warn_of_rare(source, point, asked.beta)
    study = escape_times(
        source,
        point,
        exit=out,
        dynamics=moves,
        n_chains=observed.chains,
        max_time=observed.max_time,
        max_gradient_calls=MOST_CALLS if observed.max_gradient_calls is None else observed.max_gradient_calls,
        extrapolate=observed.extrapolate,
        rng=shared.seed,
    )
    if times is not None:
        write_whole(times, lambda target: _write_times(target, study))
    # before the report, whose plots take a while
    if json:
        say_json(_as_data(study, theory))
    else:
        say(str(study))
        _say_theory(theory, advice)
        if times is not None:
            say(f"times: {times}")
    if report is not None:
        settings = [("command", typed_command()), ("seed", str(shared.seed))]
        page = escape_page(
            study, potential=source.name, exit=out, asymptotic=theory, suggestions=advice, settings=settings
        )
        try_report(lambda: write_report(report, page), report)
    if not json:
        say_files({"report": report})
    if study.message == "interrupted":
        raise typer.Exit(130)


def _check(
    typed: typer.Context, asked: EscapeOptions, observed: ObservationOptions, shared: ReportOptions
) -> None:
    """Refuse outputs that cannot be written, and options that would be ignored."""
    times, dynamics = observed.times, asked.dynamics
    check_outputs(times, shared.report, force=shared.files.force)
    if times is not None and times.suffix != ".csv":
        raise InvalidInputError("--times must name a .csv file", str(times))
    if observed.dichotomy is not None:
        why = "paths are counted that leave a ball around the minimum"
        refuse_given(typed, NOT_OF_DICHOTOMY, "--dichotomy", why, "omit --dichotomy")
    else:
        why = "it is about the chance of leaving soon or staying for long"
        refuse_given(typed, ("delta",), "mean exit times", why, "add --dichotomy")
    if asked.level is None:
        refuse_given(typed, ("axis",), "--radius", "a ball has no axis", "use --level")
    unused = {
        "--times": times,
        "--report": shared.report,
        "--max-time": observed.max_time,
        "--chains": observed.chains,
        "--max-gradient-calls": observed.max_gradient_calls,
        "--extrapolate": observed.extrapolate or None,
    }
    _refuse(observed.split, "--split", unused)
    _refuse(dynamics != "underdamped", f"{dynamics} dynamics", {"--friction": asked.friction})
    _refuse(dynamics != "non-reversible", f"{dynamics} dynamics", {"--turn": asked.turn})


def _say_split(rare: Any, theory: float | None, *, json: bool) -> None:
    if json:
        calls = {"gradient_calls": rare.gradient_calls, "asymptotic": theory}
        interval = [_number(end) for end in rare.interval()]
        say_json({"mean": _number(rare.mean), "interval": interval, **calls})
        return
    say(str(rare))
    _say_theory(theory, ())


def _warn_of_rare(source: Potential, point: Any, beta: float) -> None:
    height = lowest_barrier(source, point)
    if _RARE < beta * height < float("inf"):
        warn(
            f"the lowest known saddle lies {beta * height:.3g} temperatures above the start, so that few "
            "chains or none may leave before observation ends: use --split, or "
            f"--beta {_USUAL / height:.2g} for {_USUAL:g} temperatures"
        )


def _refuse(now: bool, what: str, options: Mapping[str, Any]) -> None:
    """Refuse options that would be ignored."""
    for name, value in options.items():
        if now and value is not None:
            raise InvalidInputError(f"{name} is not used with {what}", str(value), fix="omit it")


def _write_times(target: IO[bytes], study: Any) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["chain", "time", "status"])
    writer.writerows(
        (k, repr(float(t)), _STATUS[s])
        for k, (t, s) in enumerate(zip(study.times, study.status, strict=True))
    )
    target.write(text.getvalue().encode())


def _as_data(study: Any, theory: float | None) -> dict[str, Any]:
    estimate = study.estimate()
    return {
        "mean": _number(estimate.mean),
        "standard_error": _number(estimate.standard_error),
        "interval": [_number(estimate.lower), _number(estimate.upper)],
        "one_sided": estimate.one_sided,
        "method": estimate.method,
        "chains": study.n_chains,
        "left": study.left,
        "censored": study.censored,
        "diverged": study.diverged,
        "gradient_calls": study.gradient_calls,
        "seconds": study.seconds,
        "message": study.message,
        "asymptotic": theory,
        "extrapolated": study.coarse is not None,
    }


def _number(number: float) -> float | None:
    """Return a finite number as it is, and None for infinity and NaN, which JSON cannot hold."""
    return number if np.isfinite(number) else None


def _say_theory(theory: float | None, advice: Sequence[Any]) -> None:
    if theory is not None:
        say(f"Eyring-Kramers formula (asymptotic): {theory:.6g}")
    for suggestion in advice:
        say(f"  {suggestion}")
