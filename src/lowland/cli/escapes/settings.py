"""What the options of `lowland escape` mean: potential, start, exit set and dynamics."""

from __future__ import annotations

import inspect
import runpy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np

from lowland.cli.records import option
from lowland.core.errors import InvalidInputError
from lowland.dynamics.antisymmetric import optimal_antisymmetric
from lowland.dynamics.closed_forms import potential
from lowland.dynamics.exit_sets import Ball, HalfSpace
from lowland.dynamics.exits.escape import as_potential
from lowland.dynamics.laws import Dynamics, NonReversible, Overdamped, Underdamped
from lowland.dynamics.potentials import Potential
from lowland.dynamics.quadratic_wells import stable_step

KINDS = ("overdamped", "underdamped", "non-reversible")
# fraction of the largest stable step; variances are then off by a few per cent
_SHARE = 0.05


@final
@dataclass(frozen=True, kw_only=True)
class EscapeOptions:
    """From where chains start, by which dynamics, and when they have left."""

    start: str | None = option(
        None, "Where chains start, for instance -1,0; by default the first minimum of a named potential."
    )
    level: float | None = option(None, "A chain has left when coordinate --axis reaches this value.")
    axis: int = option(0, "Coordinate of --level, counted from 0.")
    radius: float | None = option(
        None,
        "Instead of --level: a chain has left when it is farther than this from its start, or from the "
        "minimum with --dichotomy.",
    )
    beta: float = option(8.0, "Inverse temperature.")
    dynamics: str = option("overdamped", f"{', '.join(KINDS)}.")
    step_size: float | None = option(
        None,
        "Step size in time; by default a twentieth of the largest stable one, or none for --dichotomy in a "
        "quadratic well.",
    )
    friction: float | None = option(
        None,
        "Friction of underdamped dynamics; by default 1, or critical for --dichotomy: twice the root of the "
        "smallest curvature.",
    )
    turn: str | None = option(
        None,
        'Antisymmetric matrix J of non-reversible dynamics: "optimal" (default), a multiple of it such as '
        "1.05*optimal (default with --dichotomy), or its upper entry in two dimensions.",
    )
    setting: list[str] | None = option(None, "A parameter of the potential, such as tilt=0.1.", "--set")


@final
@dataclass(frozen=True, kw_only=True)
class ObservationOptions:
    """How chains are observed, or exits too rare for that, and what is compared."""

    chains: int | None = option(None, "Number of chains; by default 1000, or 10,000 for --dichotomy.")
    max_time: float | None = option(None, "Time at which chains that are still inside are censored.")
    max_gradient_calls: float | None = option(
        None, "Most steps of all chains together, after which observation ends; 1e9 by default."
    )
    saddle: str | None = option(
        None, "A saddle that bounds the well, for theory and advice; --start must then be its minimum."
    )
    extrapolate: bool = option(
        False, "Remove the bias due to the step size by extrapolation.", "--extrapolate"
    )
    split: bool = option(False, "Use splitting, for exits too rare to simulate directly.", "--split")
    dichotomy: float | None = option(
        None,
        "Count how often chains leave within the recurrence time of a well, or stay for this long after it; "
        "needs --radius.",
    )
    delta: float | None = option(
        None, "With --dichotomy: whether one or the other has a probability of at least 1 less this."
    )
    times: Path | None = option(None, "Write the time and status of each chain here (CSV).")


def numbers(name: str, text: str) -> Any:
    """Return the numbers that an option holds, separated by commas."""
    try:
        values = np.array([float(part) for part in text.split(",")])
    except ValueError as error:
        raise InvalidInputError(
            f"{name} must be numbers", text, fix=f"write, for example, {name}=-1,0"
        ) from error
    if not np.all(np.isfinite(values)):
        raise InvalidInputError(f"{name} must be finite", text)
    return values


def landscape_of(name: str, start: str | None, settings: Sequence[str]) -> tuple[Potential, Any]:
    """Return the potential and the start, by default the first minimum of a named potential."""
    point = None if start is None else numbers("--start", start)
    source = _source(name, None if point is None else point.size, settings)
    if point is None and not source.minima:
        raise InvalidInputError(
            "no minimum of this potential is known", name, fix="pass --start, such as --start=-1,0"
        )
    return source, source.minima[0] if point is None else point


def _source(name: str, dimension: int | None, settings: Sequence[str]) -> Potential:
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
        if dimension is None and not isinstance(names[function], Potential):
            raise InvalidInputError(
                "a function does not say its dimension", name, fix="pass --start, such as --start=-1,0"
            )
        return as_potential(names[function], dimension or 1)
    parameters = dict(_setting(text) for text in settings)
    unknown = [name for name in parameters if name not in inspect.signature(potential).parameters]
    if unknown:
        raise InvalidInputError("--set names an unknown parameter of a potential", unknown[0])
    plain = parameters or dimension is None
    return potential(name, **parameters) if plain else as_potential(name, dimension or 1)


def _public(names: dict[str, Any]) -> list[str]:
    return [name for name in names if not name.startswith("_")]


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInputError("--set takes name=value", text, fix="write, for example, --set tilt=0.1")
    values = numbers(f"--set {name}", value)
    if name in ("transverse", "hessian", "centre"):
        return name, values
    if values.size != 1:
        raise InvalidInputError(f"--set {name} takes one number", value)
    return name, int(values[0]) if name == "dimension" and values[0] % 1 == 0 else float(values[0])


def exit_of(asked: EscapeOptions, point: Any) -> HalfSpace | Ball:
    """Return where chains end: past a level of a coordinate, or beyond a distance from the start."""
    level, axis = asked.level, asked.axis
    if (level is None) == (asked.radius is None):
        raise InvalidInputError(
            "chains need exactly one exit criterion",
            "neither --level nor --radius" if level is None else "both --level and --radius",
            fix="give one of --level and --radius",
        )
    if level is None:
        assert asked.radius is not None
        return Ball(point, asked.radius)
    if not 0 <= axis < point.size:
        raise InvalidInputError("--axis is not a coordinate", f"{axis} for {point.size} coordinates")
    side = 1.0 if level > point[axis] else -1.0
    return HalfSpace(side * np.eye(point.size)[axis], side * level)


def dynamics_of(asked: EscapeOptions, source: Potential, point: Any) -> Dynamics:
    """Return the dynamics, by default with a step that is safe at the start."""
    step, beta = asked.step_size, asked.beta
    if step is None:
        moves = dynamics_of(replace(asked, step_size=1.0), source, point)
        return replace(moves, step_size=_SHARE * stable_step(moves, source.hessian_at(point)))
    if asked.dynamics == "overdamped":
        return Overdamped(step, beta)
    if asked.dynamics == "underdamped":
        return Underdamped(step, beta, 1.0 if asked.friction is None else asked.friction)
    if asked.dynamics != "non-reversible":
        raise InvalidInputError("--dynamics is unknown", asked.dynamics, fix=f"use one of {', '.join(KINDS)}")
    if point.size == 1:
        raise InvalidInputError(
            "non-reversible dynamics needs at least two dimensions", "a start with one coordinate"
        )
    turn = "optimal" if asked.turn is None else asked.turn
    factor, _, name = f"1*{turn}".rpartition("*") if turn == "optimal" else turn.rpartition("*")
    if name == "optimal":
        times = _single("--turn", factor)
        return NonReversible(step, beta, times * optimal_antisymmetric(source.hessian_at(point)))
    if point.size != 2:
        raise InvalidInputError(
            "a number for --turn needs exactly two dimensions", f"{point.size}", fix="use --turn optimal"
        )
    a = _single("--turn", turn)
    return NonReversible(step, beta, np.array([[0.0, a], [-a, 0.0]]))


def _single(name: str, text: str) -> float:
    values = numbers(name, text)
    if values.size != 1:
        raise InvalidInputError(f"{name} takes one number", text)
    return float(values[0])
