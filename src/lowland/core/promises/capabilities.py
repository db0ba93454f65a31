"""Checks, before the first step, that an objective offers what a solver or judge needs."""

from __future__ import annotations

import inspect
from typing import Any, Protocol, TypeVar, cast

from lowland.core.errors import UnsupportedError
from lowland.core.promises.objectives import Objective, Searchable
from lowland.core.wording import Option, Remedy, Words

C = TypeVar("C")
_ABSENT = object()
_MEMBERS: dict[type[Any], tuple[str, ...]] = {}


def missing(objective: object, capability: type[Any]) -> str:
    """Return the first member of a protocol that an objective lacks, or an empty string.

    Parameters
    ----------
    objective : Objective
    capability : type
        A protocol. Members are looked up without being computed, except for that of a power, a protocol that
        adds a single member to those that it extends: it must not be None.

    Examples
    --------
    >>> import lowland as ll
    >>> from lowland.core.promises.powers import HasBatchGradient, HasBlockSolver
    >>> missing(ll.dynamics.potential("double_well"), HasBlockSolver)
    'block_solver'
    """
    for name in members_of(capability):
        if not _has(objective, name):
            return name
    members = _public(capability)
    if len(members) == 1 and getattr(objective, members[0]) is None:
        return members[0]
    return ""


def offers(objective: object, capability: type[Any]) -> bool:
    """Whether an objective has all members of a protocol."""
    return not missing(objective, capability)


def offered(objective: object, capability: type[C]) -> C | None:
    """Return the objective, typed as offering a capability, or None if it does not."""
    return cast(C, objective) if offers(objective, capability) else None


def check_offered(objective: object, capability: type[C], who: str) -> C:
    """Return an objective that offers what is needed, or raise.

    Parameters
    ----------
    objective : Objective
        The objective to be searched.
    capability : type
        A protocol.
    who : str
        Name of the solver, for the message.

    Returns
    -------
    Objective
        The same object, typed as offering the capability.

    Raises
    ------
    UnsupportedError
        If a member is missing.
    """
    name = missing(objective, capability)
    if name:
        meaning = (inspect.getdoc(capability) or "").split("\n")[0].rstrip(".")
        raise UnsupportedError(
            f"{who} cannot work on this objective",
            f"the objective has no {name} ({meaning[:1].lower()}{meaning[1:]})",
            fix=Remedy(
                "choose another solver", Words(Option("solver", "gradient"), ", which works everywhere")
            ),
        )
    return cast(C, objective)


def members_of(capability: type[Any]) -> tuple[str, ...]:
    """Return the members that a protocol requires besides those of `Objective`."""
    if capability not in _MEMBERS:
        _MEMBERS[capability] = _list_members(capability)
    return _MEMBERS[capability]


def _list_members(capability: type[Any]) -> tuple[str, ...]:
    known = {*_public(Searchable), *_public(Objective)}
    bases = [base for base in capability.__mro__ if base not in (object, Protocol)]
    names = [name for base in bases for name in _public(base)]
    return tuple(dict.fromkeys(name for name in names if name not in known))


def _public(protocol: type[Any]) -> list[str]:
    return [name for name in (*protocol.__dict__, *inspect.get_annotations(protocol)) if name[0] != "_"]


def _has(objective: object, name: str) -> bool:
    # properties may be costly, so they are not computed; a wrapper with __getattr__ is asked directly
    member = inspect.getattr_static(objective, name, _ABSENT)
    return member is not _ABSENT or (hasattr(type(objective), "__getattr__") and hasattr(objective, name))
