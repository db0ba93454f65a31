"""`lowland escape`: how long Langevin dynamics takes to leave a basin."""

from __future__ import annotations

import csv
import dataclasses
import inspect
import io
import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Annotated, Any

import numpy as np
import typer

from lowland.cli.options import ForceOption, JsonOption, QuietOption, ReportOption, SeedOption
from lowland.cli.output import say, say_json, try_report, typed_command
from lowland.cli.overwriting import check_output
from lowland.core.atomic import was_written, write_whole
from lowland.core.errors import InvalidInputError
from lowland.dynamics.advice import Suggestion, advise_dynamics
from lowland.dynamics.antisymmetric import optimal_antisymmetric
from lowland.dynamics.closed_forms import POTENTIALS, potential
from lowland.dynamics.escape import as_potential, escape_times
from lowland.dynamics.exit_sets import Ball, HalfSpace
from lowland.dynamics.kramers import kramers_time
from lowland.dynamics.laws import Dynamics, NonReversible, Overdamped, Underdamped
from lowland.dynamics.potentials import Potential
from lowland.dynamics.quadratic_wells import stable_step
from lowland.dynamics.report import escape_page
from lowland.dynamics.sample import split_escape
from lowland.report.page import write_report

KINDS = ("overdamped", "underdamped", "non-reversible")
# fraction of the largest stable step; variances are then off by a few per cent
_SHARE = 0.05
_STATUS = ("within", "left", "diverged")


def escape(
    landscape: Annotated[
        str,
        typer.Argument(
            metavar="POTENTIAL",
            help=f"{', '.join(POTENTIALS)} or FILE.py:NAME: a gradient of points (n, d), or a Potential.",
        ),
    ],
    start: Annotated[str, typer.Option(help="Where chains start, for instance -1,0.")],
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
    saddle: Annotated[
        str | None,
        typer.Option(help="A saddle point, for theory and advice; --start must then be the minimum."),
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
    for path in (times, report):
        if path is not None:
            check_output(path, force=force)
    if times is not None and times.suffix != ".csv":
        raise InvalidInputError("--times must name a .csv file", str(times))
    unused = [("--times", times), ("--report", report), ("--max-time", max_time), ("--chains", chains)]
    _refuse(split, "--split", [*unused, ("--extrapolate", extrapolate or None)])
    _refuse(dynamics != "underdamped", f"{dynamics} dynamics", [("--friction", friction)])
    _refuse(dynamics != "non-reversible", f"{dynamics} dynamics", [("--turn", turn)])
    point = _numbers("--start", start)
    source = _potential(landscape, point.size, setting or [])
    out = _exit(level, axis, radius, point)
    moves = _dynamics(dynamics, step_size, beta, friction, turn, source, point)
    theory: float | None = None
    advice: tuple[Suggestion, ...] = ()
    if saddle is not None:
        top = _numbers("--saddle", saddle)
        theory = kramers_time(source, point, top, moves)
        advice = advise_dynamics(source, point, top, beta=beta)
    if split:
        _split(source, point, out, moves, seed, json, theory)
        return
    study = escape_times(
        source,
        point,
        exit=out,
        dynamics=moves,
        n_chains=chains,
        max_time=max_time,
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


def _refuse(now: bool, what: str, options: Sequence[tuple[str, Any]]) -> None:
    """Refuse options that would be ignored."""
    for name, value in options:
        if now and value is not None:
            raise InvalidInputError(f"{name} is not used with {what}", str(value), fix="omit it")


def _numbers(name: str, text: str) -> Any:
    try:
        numbers = np.array([float(part) for part in text.split(",")])
    except ValueError as error:
        raise InvalidInputError(
            f"{name} must be numbers", text, fix=f"write, for example, {name}=-1,0"
        ) from error
    if not np.all(np.isfinite(numbers)):
        raise InvalidInputError(f"{name} must be finite", text)
    return numbers


def _potential(name: str, dimension: int, settings: Sequence[str]) -> Potential:
    if ".py:" in name:
        if settings:
            raise InvalidInputError("--set applies only to named potentials", settings[0])
        path, function = name.rsplit(":", 1)
        if not Path(path).is_file():
            raise InvalidInputError("the file of the potential does not exist", path)
        try:
            names = runpy.run_path(path)
        except Exception as error:
            raise InvalidInputError(f"{path} cannot be run", f"{type(error).__name__}: {error}") from error
        if function not in names:
            raise InvalidInputError(f"{path} has no {function}", f"it has {', '.join(_public(names))}")
        return as_potential(names[function], dimension)
    parameters = dict(_setting(text) for text in settings)
    unknown = [name for name in parameters if name not in inspect.signature(potential).parameters]
    if unknown:
        raise InvalidInputError("--set names an unknown parameter of a potential", unknown[0])
    return potential(name, **parameters) if parameters else as_potential(name, dimension)


def _public(names: dict[str, Any]) -> list[str]:
    return [name for name in names if not name.startswith("_")]


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInputError("--set takes name=value", text, fix="write, for example, --set tilt=0.1")
    numbers = _numbers(f"--set {name}", value)
    if name in ("transverse", "hessian", "centre"):
        return name, numbers
    if numbers.size != 1:
        raise InvalidInputError(f"--set {name} takes one number", value)
    return name, int(numbers[0]) if name == "dimension" and numbers[0] % 1 == 0 else float(numbers[0])


def _exit(level: float | None, axis: int, radius: float | None, point: Any) -> HalfSpace | Ball:
    if (level is None) == (radius is None):
        raise InvalidInputError(
            "chains need exactly one exit criterion",
            "neither --level nor --radius" if level is None else "both --level and --radius",
            fix="give one of --level and --radius",
        )
    if radius is not None:
        return Ball(point, radius)
    if not 0 <= axis < point.size:
        raise InvalidInputError("--axis is not a coordinate", f"{axis} for {point.size} coordinates")
    assert level is not None
    side = 1.0 if level > point[axis] else -1.0
    return HalfSpace(side * np.eye(point.size)[axis], side * level)


def _dynamics(
    kind: str,
    step: float | None,
    beta: float,
    friction: float | None,
    turn: str | None,
    source: Potential,
    point: Any,
) -> Dynamics:
    if step is None:
        moves = _dynamics(kind, 1.0, beta, friction, turn, source, point)
        return dataclasses.replace(moves, step_size=_SHARE * stable_step(moves, source.hessian_at(point)))
    if kind == "overdamped":
        return Overdamped(step, beta)
    if kind == "underdamped":
        return Underdamped(step, beta, 1.0 if friction is None else friction)
    if kind != "non-reversible":
        raise InvalidInputError("--dynamics is unknown", kind, fix=f"use one of {', '.join(KINDS)}")
    if point.size == 1:
        raise InvalidInputError(
            "non-reversible dynamics needs at least two dimensions", "a start with one coordinate"
        )
    if turn in (None, "optimal"):
        return NonReversible(step, beta, optimal_antisymmetric(source.hessian_at(point)))
    if point.size != 2:
        raise InvalidInputError(
            "a number for --turn needs exactly two dimensions", f"{point.size}", fix="use --turn optimal"
        )
    a = float(_numbers("--turn", str(turn))[0])
    return NonReversible(step, beta, np.array([[0.0, a], [-a, 0.0]]))


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
