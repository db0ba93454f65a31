"""Records of options: a command takes a record as one argument, and the command line the options in it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import MISSING, field, fields, is_dataclass
from typing import Annotated, Any, Protocol, TypeAlias, TypeVar, get_args, get_type_hints, runtime_checkable

import typer
from typer.models import OptionInfo

T = TypeVar("T")
# the default of what must be given
REQUIRED: Any = MISSING
Command = Callable[..., None]
# the parameters of options, and what makes an argument from what is given of them, by name
Taken: TypeAlias = tuple[list[inspect.Parameter], Callable[[Mapping[str, Any]], Any]]


@runtime_checkable
class Options(Protocol):
    """Options that together are one argument of a command."""

    def parameters(self) -> list[inspect.Parameter]:
        """Return the options as parameters of a command."""

    def make(self, given: Mapping[str, Any]) -> Any:
        """Return the argument from what is given of the options, by name."""


def option(
    default: T,
    words: str,
    *names: str,
    panel: str | None = None,
    metavar: str | None = None,
    envvar: str | None = None,
) -> T:
    """Return a field of a record that is an option.

    Parameters
    ----------
    default : object
        `REQUIRED` where it must be given.
    words : str
        What it means, for the help.
    *names : str
        Such as "--all", where they do not follow from the field's name.
    panel : str, optional
        Of the help; by default the record's `PANEL`, if it has one.
    metavar : str, optional
        What is shown for its value.
    envvar : str, optional
        Name of a variable of the environment that gives it, too.
    """
    shown = typer.Option(*names, help=words, rich_help_panel=panel, metavar=metavar, envvar=envvar)
    made: T = field(default=default, metadata={"shown": shown})
    return made


def argument(words: str, *, default: Any = MISSING, metavar: str | None = None) -> Any:
    """Return a field of a record that is an argument, required without a default."""
    return field(default=default, metadata={"shown": typer.Argument(help=words, metavar=metavar)})


def takes_records(command: Command) -> Command:
    """Return a command whose arguments that are records are given by the options in them.

    Records are frozen dataclasses, which may hold others; or what `Options` of an annotation make, as in
    ``plan: Annotated[CompletionPlan, PlanOptions(MODEL)]``.
    """
    hints = get_type_hints(command, include_extras=True)
    asked = inspect.signature(command).parameters
    taken = {name: _taken(name, hints[name], known.default) for name, known in asked.items()}
    parameters, make = _together(command, taken)

    @functools.wraps(command)
    def called(**given: Any) -> None:
        make(given)

    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def _taken(name: str, hint: Any, default: Any) -> Taken:
    """Return how an argument, or a field of a record, is given on the command line."""
    if is_dataclass(hint):
        return _of_record(hint)
    for about in get_args(hint)[1:]:
        if isinstance(about, Options):
            return about.parameters(), about.make
    kind, default = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.empty if default is MISSING else default
    return [inspect.Parameter(name, kind, default=default, annotation=hint)], lambda given: given[name]


def _of_record(record: Any) -> Taken:
    """Return how the fields of a record are given."""
    hints, taken = get_type_hints(record, include_extras=True), dict[str, Taken]()
    for known in fields(record):
        hint, shown = hints[known.name], copy(known.metadata.get("shown"))
        if isinstance(shown, OptionInfo):
            shown.rich_help_panel = shown.rich_help_panel or getattr(record, "PANEL", None)
        taken[known.name] = _taken(known.name, Annotated[hint, shown] if shown else hint, known.default)
    return _together(record, taken)


def _together(made: Callable[..., Any], taken: Mapping[str, Taken]) -> Taken:
    """Return how all arguments of a command, or all fields of a record, are given."""
    parameters = [parameter for some, _ in taken.values() for parameter in some]
    return parameters, lambda given: made(**{name: make(given) for name, (_, make) in taken.items()})
