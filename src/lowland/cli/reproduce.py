"""`lowland reproduce`: run a published experiment again."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from lowland.cli.output import say
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
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
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
        on_progress=None if quiet else _Progress(),
    )
    say(f"page: {page}")
    for file in sorted(output.glob(f"{name}-*.csv")):
        say(f"numbers: {file}")


class _Progress:
    """Cells done and time left: one line that is rewritten on a terminal, seldom lines elsewhere."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None
        self._spoken = 0.0

    def __call__(self, done: int, total: int, seconds: float) -> None:
        self._first = self._first or (done - 1, 0.0)
        live = sys.stderr.isatty()
        now = time.monotonic()
        if now - self._spoken < (0.2 if live else 15.0) and done < total:
            return
        self._spoken = now
        left = seconds / max(done - self._first[0], 1) * (total - done)
        text = f"{done} of {total} cells, about {_duration(left)} left"
        print(f"\r{text:60}" if live else text, end="" if live and done < total else "\n", file=sys.stderr)  # noqa: T201


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
