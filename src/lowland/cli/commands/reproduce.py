"""`lowland reproduce`: rerun a published experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lowland.cli.options import JsonOption, QuietOption
from lowland.cli.output import say, say_json
from lowland.core.errors import InvalidInputError
from lowland.reproduce import find_experiment, run_experiment
from lowland.reproduce.registry import EXPERIMENTS


def reproduce(
    name: Annotated[str | None, typer.Argument(help="Name of the experiment.")] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List the experiments.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Run a smaller version.")] = False,
    workers: Annotated[int, typer.Option(help="Number of processes.")] = 1,
    output: Annotated[
        Path,
        typer.Option(help="Folder for the numbers and the page; an interrupted run resumes from it."),
    ] = Path("reproduction"),
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Rerun a published experiment: numbers, figures, and how they agree with the paper."""
    if list_all:
        experiments = EXPERIMENTS.values()
        if json:
            say_json({each.name: {"title": each.title, "reference": each.reference} for each in experiments})
            return
        for each in experiments:
            say(f"{each.name}: {each.title}")
            say(f"  {each.reference}")
        return
    if name is None:
        known = ", ".join(EXPERIMENTS)
        raise InvalidInputError("no experiment was named", "no argument", fix=f"use one of {known}")
    page = run_experiment(
        find_experiment(name),
        output,
        quick=quick,
        n_workers=workers,
    )
    numbers = sorted(output.glob(f"{name}-*.csv"))
    if json:
        say_json({"page": str(page), "numbers": [str(file) for file in numbers]})
        return
    say(f"page: {page}")
    for file in numbers:
        say(f"numbers: {file}")
