"""The command line: only the module of the requested command is imported."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer

# one line per command, equal to the first line of its own help
COMMANDS = {
    "demo": "Complete a table of fertility rates by country, and measure the error on held-out cells.",
    "complete": (
        "Fill the missing cells of a numeric table, with error bars, and report what is proved about the fit."
    ),
    "completions": "Write several completed tables, whose missing cells are drawn: multiple imputation.",
    "predict": "Predict cells of a completed table.",
    "top": "Print the best columns of rows, without those that they have already.",
    "sense": (
        "Recover a matrix from linear measurements, or a quantum state from counts; report what is proved."
    ),
    "tucker": "Decompose a tensor into a core and one factor per mode, and report what is proved about it.",
    "cp": "Decompose a tensor into components, one vector per mode each, and report whether they are unique.",
    "fill": "Fill a tensor's missing cells by averages over CP decompositions and tables, with error bars.",
    "escape": "Estimate how long Langevin dynamics takes to leave a basin, with intervals and theory.",
    "regions": "Count the activation regions of ReLU networks on data, and report which have no bad minima.",
    "regress": "Fit a linear spline with few knots in one column, or a sum of such splines over several.",
    "certify": "Certify a saved model: recompute everything from the table and the factors alone.",
    "diagnose": "Check, before any fit, whether the observed positions determine a matrix of this rank.",
    "reproduce": "Rerun a published experiment: numbers, figures, and how they agree with the paper.",
    "warm-up": "Compile the kernels that most commands use, so that later runs on this machine start fast.",
    "info": "Print versions and system details for bug reports.",
}


def make_app(arguments: list[str]) -> typer.Typer:
    """Return the command line for some arguments.

    Parameters
    ----------
    arguments : list of str
        The first argument that is not an option names the command whose module is imported; for the other
        commands only the first line of the help is available.

    Returns
    -------
    typer.Typer
    """
    asked = asked_command(arguments)
    app = typer.Typer(
        name="lowland",
        help="Recover low-rank matrices from incomplete or indirect measurements, and report what is proved.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        # panels of options only for the help of one command: drawing them takes a tenth of a second
        rich_markup_mode="rich" if asked and "--help" in arguments else None,
    )
    app.callback()(_options)
    for name, line in COMMANDS.items():
        app.command(name)(load(name) if name == asked else _listed(line))
    return app


def asked_command(arguments: list[str]) -> str:
    """Return the name of the command that arguments ask for; "" if they ask for none."""
    return next((argument for argument in arguments if not argument.startswith("-")), "")


def load(name: str) -> Callable[..., Any]:
    """Return the function of a command."""
    module = name.replace("-", "_")
    command: Callable[..., Any] = getattr(import_module(f"lowland.cli.commands.{module}"), module)
    return command


def _listed(line: str) -> Callable[[], None]:
    def command() -> None:
        raise AssertionError("only the requested command is run")

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
