"""The fit of a table by the command line, and what is proved about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from lowland.cli.completing import CompleteOptions, FitInput
from lowland.cli.store import checkpoint_path, forget
from lowland.cli.table_cells import counted_columns
from lowland.completion.auditing.judging import judge_completed
from lowland.completion.files.models import levels_as_data, save_model
from lowland.completion.penalised.list_path import ListPath
from lowland.completion.penalised.rank_path import RankPath
from lowland.completion.tables.completed import Completed, fingerprint
from lowland.completion.tables.fitted import FittedTable
from lowland.core.random import make_generator
from lowland.core.results.findings import Certificate
from lowland.core.results.status import StopReason


@final
@dataclass(frozen=True, eq=False)
class Run:
    """A completed table, how rank and penalty were chosen if they were, and what is proved."""

    completed: Completed
    path: RankPath | ListPath | None
    certificate: Certificate | None = None


def is_empty(table: FittedTable) -> bool:
    """Return whether a fit was interrupted before its first sweep, so that it holds its start alone."""
    return table.stop_reason is StopReason.INTERRUPTED and not table.search.iterations


def run_plan(asked: CompleteOptions, given: FitInput) -> Run:
    """Fit with progress and checkpoints, save the model, judge the fit, and save what is proved.

    If either is interrupted, there is no certificate.
    """
    model, seed, loaded = asked.results.model, asked.run.seed, given.loaded
    kept_at, rng = None if model is None else checkpoint_path(model), make_generator(seed)
    planned = asked.fitted(given, rng, kept_at, means=asked.results.means)
    run = Run(planned.completed(seed), planned.path)
    wide = loaded.layout == "wide"
    about: dict[str, Any] = {
        "seed": seed,
        "cells": "" if model is None else fingerprint(given.observations),
        "about": {
            "levels": levels_as_data(loaded.levels),
            "untouched": [
                *loaded.as_is,
                *(name for name in loaded.names[:1] if name and wide),
                *loaded.sums.sums,
            ],
            "label_column": loaded.names[0] if wide else "",
            "time": list(loaded.time),
            **loaded.sums.as_data(),
            "counts": counted_columns(loaded) if model is not None else [],
        },
        "data": asked.results.model_data,
    }
    if model is not None and not is_empty(planned.table):
        save_model(model, planned.table, **about)
    if planned.table.stop_reason is StopReason.INTERRUPTED:
        return run
    if asked.effort is not None:
        try:
            judged = judge_completed(
                run.completed,
                rng,
                asked.effort,
                companion=asked.judges_companion,
                starts=asked.judging.require == "settled",
            )
            run = Run(judged[0], run.path, judged[1])
        except KeyboardInterrupt:
            return run
    if model is not None:
        save_model(model, run.completed.table, certificate=run.certificate, **about)
    if kept_at is not None:
        forget(kept_at)
    return run
