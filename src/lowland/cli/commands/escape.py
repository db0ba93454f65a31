"""`lowland escape`: how long Langevin dynamics takes to leave a basin."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Annotated, Any

import numpy as np
import typer

from lowland.cli.escape_settings import KINDS, dynamics_of, exit_of, landscape_of, numbers
from lowland.cli.options import ForceOption, JsonOption, QuietOption, ReportOption, SeedOption
from lowland.cli.output import say, say_json, try_report, typed_command, warn
from lowland.cli.overwriting import check_outputs
from lowland.core.atomic import was_written, write_whole
from lowland.core.errors import InvalidInputError
from lowland.dynamics.advice import Suggestion, advise_dynamics
from lowland.dynamics.closed_forms import POTENTIALS
from lowland.dynamics.exits.escape import escape_times
from lowland.dynamics.exits.kramers import kramers_time, lowest_barrier
from lowland.dynamics.laws import Dynamics
from lowland.dynamics.potentials import Potential
from lowland.dynamics.report import escape_page
from lowland.dynamics.sample import split_escape
from lowland.report.page import write_report

# heights of barriers in temperatures: those that chains seldom cross in time, and those that they cross soon
_RARE, _USUAL = 10.0, 6.0
_STATUS = ("within", "left", "diverged")


def escape(
    landscape: Annotated[
        str,
        typer.Argument(
            metavar="POTENTIAL",
            help=f"{', '.join(POTENTIALS)} or FILE.py:NAME: a gradient of points (n, d), or a Potential.",
        ),
    ],
    start: Annotated[
        str | None,
        typer.Option(
            help="Where chains start, for instance -1,0; by default the first minimum of a named potential."
        ),
    ] = None,
    level: Annotated[
        float | None, typer.Option(help="A chain has left when coordinate --axis reaches this value.")
    ] = None,
    axis: Annotated[int, typer.Option(help="Coordinate of --level, counted from 0.")] = 0,
    radius: Annotated[
        float | None,
        typer.Option(
            help="Instead of --level: a chain has left when it is farther than this from its start."
        ),
    ] = None,
    beta: Annotated[float, typer.Option(help="Inverse temperature.")] = 8.0,
    dynamics: Annotated[str, typer.Option(help=f"{', '.join(KINDS)}.")] = "overdamped",
    step_size: Annotated[
        float | None,
        typer.Option(help="Step size in time; by default a twentieth of the largest stable one."),
    ] = None,
    friction: Annotated[
        float | None, typer.Option(help="Friction of underdamped dynamics; 1 by default.")
    ] = None,
    turn: Annotated[
        str | None,
        typer.Option(
            help='Antisymmetric matrix J of non-reversible dynamics: "optimal" (default), or its upper entry '
            "in two dimensions."
        ),
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter of the potential, such as tilt=0.1.")
    ] = None,
    chains: Annotated[int | None, typer.Option(help="Number of chains; 1000 by default.")] = None,
    max_time: Annotated[
        float | None, typer.Option(help="Time at which chains that are still inside are censored.")
    ] = None,
    max_gradient_calls: Annotated[
        float | None,
        typer.Option(help="Most steps of all chains together, after which observation ends; 1e9 by default."),
    ] = None,
    saddle: Annotated[
        str | None,
        typer.Option(
            help="A saddle that bounds the well, for theory and advice; --start must then be its minimum."
        ),
    ] = None,
    extrapolate: Annotated[
        bool, typer.Option("--extrapolate", help="Remove the bias due to the step size by extrapolation.")
    ] = False,
    split: Annotated[
        bool, typer.Option("--split", help="Use splitting, for exits too rare to simulate directly.")
    ] = False,
    times: Annotated[
        Path | None, typer.Option(help="Write the time and status of each chain here (CSV).")
    ] = None,
    report: ReportOption = None,
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Estimate how long Langevin dynamics takes to leave a basin, with intervals and theory."""
    check_outputs(times, report, force=force)
    if times is not None and times.suffix != ".csv":
        raise InvalidInputError("--times must name a .csv file", str(times))
    unused = [("--times", times), ("--report", report), ("--max-time", max_time), ("--chains", chains)]
    unused.append(("--max-gradient-calls", max_gradient_calls))
    _refuse(split, "--split", [*unused, ("--extrapolate", extrapolate or None)])
    _refuse(dynamics != "underdamped", f"{dynamics} dynamics", [("--friction", friction)])
    _refuse(dynamics != "non-reversible", f"{dynamics} dynamics", [("--turn", turn)])
    source, point = landscape_of(landscape, start, setting or [])
    out = exit_of(level, axis, radius, point)
    moves = dynamics_of(dynamics, step_size, beta, friction, turn, source, point)
    theory: float | None = None
    advice: tuple[Suggestion, ...] = ()
    if saddle is not None:
        top = numbers("--saddle", saddle)
        theory = kramers_time(source, point, top, moves)
        advice = advise_dynamics(source, point, top, beta=beta)
    if split:
        _split(source, point, out, moves, seed, json, theory)
        return
    _warn_of_rare(source, point, beta)
    study = escape_times(
        source,
        point,
        exit=out,
        dynamics=moves,
        n_chains=chains,
        max_time=max_time,
        max_gradient_calls=1e9 if max_gradient_calls is None else max_gradient_calls,
        extrapolate=extrapolate,
        rng=seed,
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
        settings = [("command", typed_command()), ("seed", str(seed))]
        page = escape_page(
            study, potential=source.name, exit=out, asymptotic=theory, suggestions=advice, settings=settings
        )
        try_report(lambda: write_report(report, page), report)
    if report is not None and was_written(report) and not json:
        say(f"report: {report}")
    if study.message == "interrupted":
        raise typer.Exit(130)


def _split(
    source: Potential, point: Any, out: Any, moves: Dynamics, seed: int, json: bool, theory: float | None
) -> None:
    rare = split_escape(source, point, exit=out, dynamics=moves, rng=seed)
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


def _refuse(now: bool, what: str, options: Sequence[tuple[str, Any]]) -> None:
    """Refuse options that would be ignored."""
    for name, value in options:
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
