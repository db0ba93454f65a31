"""What callers ask of the factors of modes, checked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Words
from lowland.sensing.input_checks import check_scale
from lowland.tensors.cp.constraints import LEAST_FUNCTIONS, Constraints, FactorConstraint
from lowland.tensors.named_modes import is_mode
from lowland.tensors.number_inputs import real_numbers

# numbers of splines that held-out cells are to choose
AUTO = "auto"
Splines = dict[int, int | str]


def constraints_of(
    shape: tuple[int, ...],
    rank: int,
    nonnegative: bool | Collection[int],
    smooth: Splines,
    known: Mapping[int, ArrayLike] | None,
) -> Constraints:
    """Return what each mode's factor must satisfy, splines that are to be chosen left out.

    Raises
    ------
    InvalidInputError
        If a mode does not exist, or known entries do not fit the tensor or what else is asked.
    """
    order = len(shape)
    signs = modes_of(nonnegative, order, "nonnegative")
    given = _mapping(known, order, "known")
    entries = {mode: _entries(entry, mode, shape[mode], rank) for mode, entry in given.items()}
    if len(entries) == order and all(not np.isnan(entry).any() for entry in entries.values()):
        raise InvalidInputError("known leaves nothing to be found", "all entries of all factors")
    constraints = []
    for mode in range(order):
        functions = smooth.get(mode)
        constraint = FactorConstraint(
            mode in signs, entries.get(mode), functions if isinstance(functions, int) else None
        )
        _check_together(constraint, mode, is_smooth=functions is not None)
        constraints.append(constraint)
    return tuple(constraints) if not all(constraint.is_free for constraint in constraints) else ()


def splines_of(shape: tuple[int, ...], smooth: bool | Collection[int] | Mapping[int, int | str]) -> Splines:
    """Return the number of splines of each mode that must be smooth, "auto" if it is to be chosen.

    Raises
    ------
    InvalidInputError
        If a mode does not exist or is too short, or a number cannot be used.
    """
    if not isinstance(smooth, Mapping):
        smooth = dict.fromkeys(modes_of(smooth, len(shape), "smooth"), AUTO)
    splines = _mapping(smooth, len(shape), "smooth")
    for mode, functions in splines.items():
        length, least = shape[mode], LEAST_FUNCTIONS
        if length <= least:
            raise InvalidInputError(
                Words(Option("smooth"), " names a mode that is too short"),
                f"{length} slices of mode {mode}",
                fix="leave it out",
            )
        if isinstance(functions, str) and functions == AUTO:
            continue
        whole = isinstance(functions, int | np.integer) and not isinstance(functions, bool)
        if not whole or not least <= functions <= length:
            raise InvalidInputError(
                Words(Option("smooth"), ' must give a number of splines, or "auto"'),
                f"{functions!r} for mode {mode}",
                fix=f"use {least} to {length}",
            )
        splines[mode] = int(functions)
    return splines


def modes_of(given: Any, order: int, name: str) -> list[int]:
    """Return modes by their numbers, True standing for all and False for none."""
    if isinstance(given, bool | np.bool_):
        return list(range(order)) if given else []
    if isinstance(given, str) or not isinstance(given, int | np.integer | Collection):
        raise InvalidInputError(
            Words(Option(name), " must name modes"),
            repr(given),
            fix=f"use True, False, or some of 0 to {order - 1}",
        )
    asked = [given] if isinstance(given, int | np.integer) else list(given)
    for mode in asked:
        _check_mode(mode, order, name)
    return sorted({int(mode) for mode in asked})


def _mapping(given: Mapping[int, Any] | None, order: int, name: str) -> dict[int, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidInputError(
            f"{name} must be a mapping from modes", type(given).__name__, fix=f"pass {name}={{1: ...}}"
        )
    for mode in given:
        _check_mode(mode, order, name)
    return {int(mode): value for mode, value in given.items()}


def _check_mode(mode: Any, order: int, name: str) -> None:
    if not is_mode(mode, order):
        raise InvalidInputError(
            Words(Option(name), " names a mode that the tensor does not have"),
            repr(mode),
            fix=f"use True, or some of 0 to {order - 1}" if name != "known" else f"use 0 to {order - 1}",
        )


def _entries(given: ArrayLike, mode: int, length: int, rank: int) -> Matrix:
    """Return the known entries of a factor, shape (length, rank), NaN where they are not."""
    entries = real_numbers(given, "known entries", f"mode {mode}: ")
    if entries.ndim != 2 or len(entries) != length or not 1 <= entries.shape[1] <= rank:
        raise InvalidInputError(
            "known entries do not fit the factor",
            f"shape {entries.shape} for mode {mode}",
            fix=f"pass shape ({length}, {rank}), or the columns of the first components, NaN where unknown",
        )
    if np.isinf(entries).any():
        raise InvalidInputError("known entries must be finite", f"inf in mode {mode}")
    out = np.full((length, rank), np.nan)
    out[:, : entries.shape[1]] = entries
    check_scale(out[~np.isnan(out)], "known")
    empty = np.flatnonzero((out == 0).all(axis=0))
    if empty.size:
        raise InvalidInputError(
            "a known column is zero, so that its component is nothing",
            f"column {empty[0]} of mode {mode}",
            fix="use fewer components",
        )
    return out


def _check_together(constraint: FactorConstraint, mode: int, *, is_smooth: bool) -> None:
    if constraint.known is None:
        return
    if constraint.nonnegative and bool((constraint.known < 0).any()):
        raise InvalidInputError(
            "a known entry is negative where factors must not be",
            f"{np.nanmin(constraint.known):.6g} in mode {mode}",
        )
    some = constraint.is_known.any(axis=0) & ~constraint.is_known.all(axis=0)
    if is_smooth and some.any():
        raise InvalidInputError(
            "columns that must be smooth are known in part",
            f"column {np.flatnonzero(some)[0]} of mode {mode}",
            fix="give whole columns, or do not ask for smooth ones",
        )
