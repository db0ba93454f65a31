"""What the options of `lowland escape` mean: potential, start, exit set and dynamics."""

from __future__ import annotations

import dataclasses
import inspect
import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

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


def numbers(name: str, text: str) -> Any:
    """Return the numbers that an option holds, separated by commas."""
    try:
        found = np.array([float(part) for part in text.split(",")])
    except ValueError as error:
        raise InvalidInputError(
            f"{name} must be numbers", text, fix=f"write, for example, {name}=-1,0"
        ) from error
    if not np.all(np.isfinite(found)):
        raise InvalidInputError(f"{name} must be finite", text)
    return found


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
    found = numbers(f"--set {name}", value)
    if name in ("transverse", "hessian", "centre"):
        return name, found
    if found.size != 1:
        raise InvalidInputError(f"--set {name} takes one number", value)
    return name, int(found[0]) if name == "dimension" and found[0] % 1 == 0 else float(found[0])


def exit_of(level: float | None, axis: int, radius: float | None, point: Any) -> HalfSpace | Ball:
    """Return where chains end: past a level of a coordinate, or beyond a distance from the start."""
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


def dynamics_of(
    kind: str,
    step: float | None,
    beta: float,
    friction: float | None,
    turn: str | None,
    source: Potential,
    point: Any,
) -> Dynamics:
    """Return the dynamics, by default with a step that is safe at the start."""
    if step is None:
        moves = dynamics_of(kind, 1.0, beta, friction, turn, source, point)
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
    a = float(numbers("--turn", str(turn))[0])
    return NonReversible(step, beta, np.array([[0.0, a], [-a, 0.0]]))
