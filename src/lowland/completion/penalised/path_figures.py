"""Plots of how rank and penalty were chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.completion.penalised.held_out_path import RankStep
from lowland.completion.penalised.list_path import ListPath
from lowland.completion.penalised.rank_path import RankPath
from lowland.completion.ranking.list_gains import LENGTHS
from lowland.core.wording import counted
from lowland.report.displays import PathDisplay
from lowland.report.page import FigureEntry


def path_figures(path: RankPath | ListPath) -> tuple[FigureEntry, ...]:
    """Return the plots of the held-out errors, or gains of lists, by which rank and penalty were chosen."""
    if isinstance(path, ListPath):
        return _of_lists(path)
    figures = []
    for name in ("rank", "penalty"):
        steps = _varying(path.steps, name)
        if len(steps) > 1:
            positions = np.array([float(getattr(step, name)) for step in steps])
            errors = np.array([step.error for step in steps])
            chosen = float(getattr(path.settings, name))
            best = name == "penalty" and path.settings.columns is not None
            why = "the best" if best else "the simplest within one standard error of the best"
            figures.append(
                FigureEntry(
                    f"Choice of the {name}",
                    f"Error on {path.held_out} held-out cells by {name}; {chosen:.4g} was chosen, {why}.",
                    PathDisplay(positions, errors, chosen, name).plot,
                )
            )
    return tuple(figures)


def _of_lists(path: ListPath) -> tuple[FigureEntry, ...]:
    """Return the plot of the gains of lists along a path of penalties, none of a single one."""
    if path.penalties.size < 2:
        return ()
    chosen = path.settings.penalty
    words = (
        f"Gain (NDCG at {LENGTHS[0]}) of lists of {counted(path.rows, 'row')} by penalty; {chosen:.4g} was "
        "chosen, the largest within one standard error of the best."
    )
    display = PathDisplay(path.penalties[::-1], path.gains[::-1], chosen, "penalty", "gain of lists")
    return (FigureEntry("Choice of the penalty", words, display.plot),)


def _varying(steps: Sequence[RankStep], name: str) -> list[RankStep]:
    """Return the last run of steps along which only the named setting changes."""
    other = "penalty" if name == "rank" else "rank"
    runs: list[list[RankStep]] = []
    for step in steps:
        if runs and getattr(runs[-1][-1], other) == getattr(step, other):
            runs[-1].append(step)
        else:
            runs.append([step])
    long = [run for run in runs if len(run) > 1]
    return long[-1] if long else []
