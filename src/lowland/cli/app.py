"""The commands put together: only the module of the command that is asked for is imported."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer

# what each command does, as its own help says in its first line
COMMANDS = {
    "demo": "Complete the world's fertility table, with cells held out to see how well it works.",
    "complete": (
        "Complete a table of numbers with holes, with error bars, and say what is proved about the fit."
    ),
    "predict": "Predict cells of a completed table.",
    "top": "Print the columns with the largest predictions in a row.",
    "sense": "Recover a low-rank matrix from linear measurements, and say what is proved about it.",
    "tucker": "Decompose a tensor into a core and a factor per mode, and say what is proved about the fit.",
    "escape": "Estimate how long noise takes to drive chains out of a basin, with intervals, beside theory.",
    "regions": "Count activation regions on data, and say which hold no bad minima.",
    "regress": (
        "Fit a linear spline with few knots by large steps of descent, and say which steps are stable there."
    ),
    "certify": "Judge a saved model: recompute everything from the table and the factors alone.",
    "diagnose": "Say, before any fit, whether the observed positions determine a matrix of this rank.",
    "reproduce": "Run a published experiment again: numbers, figures, and what agrees with the paper.",
    "info": "Print what this installation consists of, for bug reports.",
}


def make_app(arguments: list[str]) -> typer.Typer:
    """Return the command line for some arguments.

    Parameters
    ----------
    arguments : list of str
        The first that is no option names the command whose module is imported; of the others the first lines
        of their help are known.

    Returns
    -------
    typer.Typer
    """
    asked = next((argument for argument in arguments if not argument.startswith("-")), "")
    app = typer.Typer(
        name="lowland",
        help="Recover low-rank matrices from incomplete or indirect measurements, and say what is proved.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        # options in panels, for whoever asks; drawing them takes a tenth of a second
        rich_markup_mode="rich" if asked and "--help" in arguments else None,
    )
    app.callback()(_options)
    for name, line in COMMANDS.items():
        app.command(name)(load(name) if name == asked else _listed(line))
    return app


def load(name: str) -> Callable[..., Any]:
    """Return the function of a command."""
    command: Callable[..., Any] = getattr(import_module(f"lowland.cli.{name}"), name)
    return command


def _listed(line: str) -> Callable[[], None]:
    def command() -> None:
        raise AssertionError("only the command that is asked for is run")

    command.__doc__ = line
    return command


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"lowland {version('lowland')}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
