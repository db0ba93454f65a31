"""`lowland reproduce`: run a published experiment again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lowland.cli.options import QuietOption
from lowland.cli.output import say
from lowland.cli.progress import CountProgress
from lowland.core.errors import InvalidInputError
from lowland.reproduce import EXPERIMENTS, find_experiment, run_experiment


def reproduce(
    name: Annotated[str | None, typer.Argument(help="Name of the experiment.")] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List the experiments.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="A smaller size.")] = False,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    output: Annotated[
        Path, typer.Option(help="Folder for numbers and page; a run goes on from what it holds.")
    ] = Path("reproduction"),
    quiet: QuietOption = False,
) -> None:
    """Run a published experiment again: numbers, figures, and what agrees with the paper."""
    if list_all:
        for experiment in EXPERIMENTS.values():
            say(f"{experiment.name}: {experiment.title}")
            say(f"  {experiment.reference}")
        return
    if name is None:
        known = ", ".join(EXPERIMENTS)
        raise InvalidInputError(
            "the name of an experiment is missing", "no argument", fix=f"use one of {known}"
        )
    page = run_experiment(
        find_experiment(name),
        output,
        quick=quick,
        workers=workers,
        on_progress=None if quiet else CountProgress("cells"),
    )
    say(f"page: {page}")
    for file in sorted(output.glob(f"{name}-*.csv")):
        say(f"numbers: {file}")
