"""Settings of completions, stated once: estimators, plans and the command line take them from one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from functools import partial
from typing import Any, TypeVar, final

from lowland.core.wording import Option, Remedy, Words

T = TypeVar("T")

# the four kinds of fits of a table
METHODS = ("variational", "gibbs", "gaussian", "map")
# panels of the command line's help
MODEL, RUNNING = "Model", "Running"


class ValueKind(Enum):
    """What a setting holds; estimators and the command line each read it from what is given there."""

    WORD = "one of some words"
    FLAG = "true or false"
    ANSWER = "true, false, or None for auto"
    WHOLE = "a whole number"
    RANK = "a whole number, or None for auto"
    NUMBER = "a number of at least 0, or None for auto"
    MAYBE = "a finite number, or none"
    TOLERANCE = "the same, left out for auto on the command line"
    LOSS = "a loss, or losses by column"
    BOUNDS = "two numbers by column, of which either may be left open"
    PREDICTORS = "columns by column"
    COLUMNS = "some columns, or true for all"


@final
@dataclass(frozen=True)
class Setting:
    """A setting of a plan.

    Parameters
    ----------
    kind : ValueKind
    words : str
        What it means, for the help of the command line.
    methods : tuple of str
        Those that use it.
    least : int
        Of a whole number.
    parameter : str or None
        The estimators' name for it, "" if that is the same; None if it is none of their parameters.
    panel : str
        Of the help.
    elsewhere : bool
        Whether fits of cells on the disk or a cluster use it.
    why : str
        What other methods lack that it needs, if there is more to say.
    name : str
        Of the plan's field; on the command line with dashes.
    default : object
    """

    kind: ValueKind
    words: str
    methods: tuple[str, ...] = METHODS
    least: int = 0
    parameter: str | None = ""
    panel: str = MODEL
    elsewhere: bool = True
    why: str = ""
    name: str = ""
    default: Any = None

    def fix(self, method: str) -> Remedy:
        """Return what to do where the setting was given with a method that does not use it."""
        if method == "map" and "variational" in self.methods:
            return Remedy("omit it", "choose a Bayesian method")
        names = [name for name in self.methods if name != "map"] or ["map"]
        return Remedy("omit it", Words("choose ", Option("method", *names)))


def setting(  # noqa: PLR0913
    default: T,
    kind: ValueKind,
    words: str,
    methods: tuple[str, ...] = METHODS,
    *,
    least: int = 0,
    parameter: str | None = "",
    panel: str = MODEL,
    elsewhere: bool = True,
    why: str = "",
) -> T:
    """Return a field of a plan, a frozen dataclass, that `settings_of` lists; arguments as of `Setting`."""
    about = Setting(kind, words, methods, least, parameter, panel, elsewhere, why)
    made: T = field(default=default, metadata={"setting": about})
    return made


# settings that are None for "auto"
answer: Callable[..., Any] = partial(setting, None, ValueKind.ANSWER)
number: Callable[..., Any] = partial(setting, None, ValueKind.NUMBER)


def settings_of(plan: type[Any]) -> tuple[Setting, ...]:
    """Return the settings of a plan, in the order of its fields."""
    stated = [(f, f.metadata["setting"]) for f in fields(plan)]
    return tuple(
        replace(
            one, name=f.name, default=f.default, parameter=f.name if one.parameter == "" else one.parameter
        )
        for f, one in stated
    )
