"""Settings that an error names, as options of the command that was typed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import click
import typer

from lowland.core.wording import Option, Writer, listed

# settings whose options have other names
NAMES = {"missing": "na", "n_draws": "draws", "rng": "seed", "random_state": "seed"}
_ANSWERS = {True: "yes", False: "no", None: "auto"}


def writer_for(app: typer.Typer, name: str) -> Writer:
    """Return what writes settings as options of a command."""
    commands: Any = typer.main.get_command(app)
    return writer_of(commands.commands[name])


def writer_of(command: click.Command) -> Writer:
    """Return what writes settings as options of a command; None of one that the command lacks."""
    known = {one.name: one for one in command.params if one.param_type_name == "option"}

    def write(option: Option) -> str | None:
        name = option.typed or NAMES.get(option.name, option.name)
        if name.startswith("--"):  # an error of the command line itself
            return " ".join([name, *([listed(list(map(_word, option.values)))] if option.values else [])])
        return typed(known[name], option.values) if name in known else None

    return write


def typed(parameter: Any, values: tuple[Any, ...]) -> str:
    """Return what is typed for an option with one of some values; its name if there are none."""
    name: str = max(parameter.opts, key=len)
    if not values:
        return name
    if parameter.is_flag:
        return listed(
            [name if value else next(iter(parameter.secondary_opts), f"no {name}") for value in values]
        )
    if parameter.multiple:
        return listed([" ".join(f"{name} {word}" for word in _words(value)) for value in values])
    return f"{name} {listed([_word(value) for value in values])}"


def _words(value: Any) -> list[str]:
    """Return what an option that may be repeated is given, one by one."""
    if isinstance(value, Mapping):
        return [_word(by_name(key, one)) for key, one in value.items()]
    return [_word(one) for one in ([value] if isinstance(value, str) else value)]


def by_name(name: Any, value: Any) -> str:
    """Return what is said by name: a word, words joined by commas, or two ends."""
    if isinstance(value, str):
        return f"{name}={value}"
    if all(isinstance(one, str) for one in value):
        return f"{name}={','.join(value)}"
    return f"{name}={':'.join('' if end is None else _number(end) for end in value)}"


def _number(value: float) -> str:
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def _word(value: Any) -> str:
    return _ANSWERS[value] if value is None or isinstance(value, bool) else shlex.quote(str(value))
