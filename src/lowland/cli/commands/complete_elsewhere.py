"""`lowland complete` of Parquet files whose cells are kept on the disk or by a cluster, not in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import typer

from lowland.cells.sides import CellTable
from lowland.cli.completed_output import say_judged
from lowland.cli.completing import CompleteOptions, Elsewhere
from lowland.cli.output import exit_on_missed, refuse_given, say, say_json, warn
from lowland.cli.store import checkpoint_path, forget, identity_of, load_checkpoint, save_checkpoint
from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.cells.summary import SAMPLE
from lowland.completion.elsewhere.audit import judge_elsewhere
from lowland.completion.elsewhere.fit import (
    STORED,
    ElsewhereFit,
    cells_fingerprint,
    fit_elsewhere,
    refuse_elsewhere,
)
from lowland.completion.files.models import save_model
from lowland.completion.storage.contents import holds_table
from lowland.completion.storage.observations import StoredObservations
from lowland.core.arrays import check_rank
from lowland.core.atomic import real_path, was_written
from lowland.core.cells.fingerprints import recognise
from lowland.core.errors import InvalidInputError, LowlandError
from lowland.core.random import make_generator
from lowland.core.results.findings import Certificate
from lowland.core.results.status import StopReason
from lowland.core.wording import counted
from lowland.files.columns.sentinels import settle_sentinels
from lowland.files.foreign.columnar import first_lines
from lowland.files.frames import frame_columns
from lowland.files.shapes.assembling import decide_layout, list_roles, profiles_of
from lowland.files.shapes.layouts import Reading
from lowland.files.sources import parquet_files
from lowland.files.table_format import TableFormat

# options of `lowland complete` that need the cells in memory
IN_MEMORY = (
    *("output", "mark", "interval", "interval_method", "held_out", "report", "certificate"),
    *("model_data", "query", "keep_formulas", "row_graph", "column_graph"),
)


def complete_elsewhere(typed: typer.Context, asked: CompleteOptions) -> None:
    """Fit Parquet files whose cells are kept elsewhere, and write the model."""
    place, plan, model, table = asked.place, asked.plan, asked.results.model, asked.source.table
    where = f"tables {place.where}"
    refuse_given(typed, IN_MEMORY, where, "it needs the cells in memory", "fit the table in memory")
    refuse_elsewhere(plan, place.where)
    if model is None:
        raise InvalidInputError(
            f"--model is needed for {where}", "none", "nothing else is written", "name one"
        )
    if place.spill is not None and real_path(place.spill) in (real_path(model), *real_path(model).parents):
        raise InvalidInputError(
            "--model must not lie in the folder of --spill", str(model), fix="name a file beside it"
        )
    if table is None:
        raise InvalidInputError("no table was given", "none", fix="name Parquet files' folder, or one file")
    reading = replace(asked.reading, form=asked.table.reading.form)
    roles = _roles(table, reading)
    with _opened(place, table, roles, reading) as seen:
        if plan.rank is not None:
            check_rank(plan.rank, seen.cells.shape, name="--rank")
        _settle_sentinels(seen, reading.form.sentinels, table, roles[2])
        about = asked.sides.covariates((seen.labels.rows, seen.labels.columns))
        m, n = seen.cells.shape
        if not asked.files.json:
            say(
                f"{counted(m, 'row')} {roles[0]!r}, {counted(n, 'column')} {roles[1]!r}, "
                f"{counted(seen.cells.size, 'observed cell')} {roles[2]!r} "
                f"({seen.cells.size / (m * n):.2%}), {_kept(place)}"
            )
        fit, certificate = _fit(seen, asked, about, model)
    if asked.files.json:
        say_json(_as_data(fit, certificate, model))
    else:
        _say(fit, certificate, model)
    last = fit.last_search
    if last.stop_reason is StopReason.INTERRUPTED or (asked.effort is not None and certificate is None):
        _leave(last.iterations, model)
    exit_on_missed(certificate, asked.judging.require)


def _roles(table: Path, reading: Reading) -> tuple[str, str, str]:
    """Return the columns of row labels, column labels and values, found in the first lines."""
    if reading.form != TableFormat(sentinels=reading.form.sentinels):
        raise InvalidInputError(
            "options of text and of wide tables have no effect on Parquet files of long ones",
            "one of them",
            fix="omit them",
        )
    if reading.form.sentinels == "missing":
        raise InvalidInputError(
            "--sentinels missing is not there for such tables",
            "missing",
            fix="drop these lines from the files",
        )
    if reading.context not in ("auto", "no"):
        raise InvalidInputError(
            "cells of tables that are not in memory have no context",
            f"--context {reading.context}",
            fix="omit it, or fit the table in memory",
        )
    if reading.layout == "wide":
        raise InvalidInputError(
            "tables that are not in memory must be long, with one cell per line",
            "--layout wide",
            fix="omit it",
        )
    path = parquet_files(table)[0]
    columns, said = frame_columns(first_lines(path)), reading.layout == "long" or any(reading.names)
    roles = list_roles(columns)
    if said:
        roles = decide_layout(
            profiles_of(columns), str(path), replace(reading, layout="long"), whole=False
        ).roles
    elif not roles:
        raise InvalidInputError(
            f"it cannot be told which columns of {path} hold row labels, column labels and values",
            ", ".join(map(repr, columns)),
            fix="name them by --row, --column and --value",
        )
    row, column, value = roles
    return row, column, value


@contextmanager
def _opened(
    place: Elsewhere, table: Path, roles: tuple[str, str, str], reading: Reading
) -> Iterator[CellTable]:
    names = dict(zip(("row", "column", "value"), roles, strict=True))
    how: Any = {**names, "dtype": reading.dtype, "duplicates": reading.duplicates}
    if place.spill is not None:
        yield _stored(place.spill, table, how)
        return
    from lowland.dask import DaskObservations
    from lowland.dask.clients import client_of

    with client_of(place.scheduler, place.workers) as client:
        yield DaskObservations.from_parquet(table, client=client, **how)


def _stored(folder: Path, table: Path, how: dict[str, Any]) -> StoredObservations:
    """Return the table in a folder with all files in it, reading those that are not there yet."""
    if not holds_table(folder):
        try:
            return StoredObservations.from_parquet(table, folder, **how)
        except InvalidInputError:
            if not holds_table(folder):  # else another process has sorted them meanwhile
                raise
    stored = StoredObservations.open(folder)
    was = (*stored.origin.columns, stored.origin.dtype, stored.origin.duplicates)
    if was != tuple(how.values()):
        raise InvalidInputError(
            f"the table in {folder} was read in another way",
            f"{', '.join(was)}, not {', '.join(how.values())}",
            fix="name another folder, or remove this one",
        )
    known, meant = {f.path for f in stored.origin.files}, {str(real_path(p)) for p in parquet_files(table)}
    if not known <= meant:
        raise InvalidInputError(
            f"the table in {folder} holds the cells of other files",
            sorted(known - meant)[0],
            fix="name another folder, or remove this one",
        )
    return stored.add(table)


def _settle_sentinels(seen: CellTable, rule: str, table: Path, name: str) -> None:
    """Raise if some of the values look like marks of missing cells, unless they are said to be values."""
    some = seen.cells.some_values(SAMPLE)
    settle_sentinels({name: some}, rule, str(table), offered=("values",))


def _fit(
    seen: CellTable, asked: CompleteOptions, about: SideCovariates, model: Path
) -> tuple[ElsewhereFit, Certificate | None]:
    """Fit with checkpoints, save the model, certify the fit, and save the certificate with the model."""
    kept_at, data, seed = checkpoint_path(model), cells_fingerprint(seen), asked.run.seed
    identity = identity_of(data, asked.plan, about, seed)
    rng, certificate = make_generator(seed), None
    resume = None
    if asked.run.resume:
        is_same = partial(recognise, versions=STORED, compute=lambda _: data)
        resume = load_checkpoint(kept_at, identity, is_same)
    try:
        fit = fit_elsewhere(
            seen,
            asked.plan,
            asked.place.where,
            rng=rng,
            covariates=about,
            checkpoint=lambda snapshot: save_checkpoint(kept_at, snapshot, identity),
            resume=resume,
        )
    except LowlandError:  # such as that of a cluster that is gone
        if asked.run.resume or was_written(kept_at):
            warn(f"lowland: the fit so far is in {kept_at}; the same command with --resume continues from it")
        raise
    last = fit.last_search
    header = {
        "levels": [],
        "settings": fit.fit.settings.to_dict(),
        "dtype": str(seen.cells.dtype),
        "stop_reason": last.stop_reason.value,
        "message": fit.search.message,
        "objective": fit.search.value,
        "iterations": fit.search.iterations,
    }
    save_model(model, fit.table, seed=seed, about=header)
    if last.stop_reason is StopReason.INTERRUPTED:
        return fit, None
    if asked.effort is not None:
        try:
            fit, certificate = judge_elsewhere(fit, rng, asked.effort, companion=asked.judges_companion)
        except KeyboardInterrupt:
            return fit, None
        save_model(model, fit.table, certificate=certificate, seed=seed, about=header)
    forget(kept_at)
    return fit, certificate


def _kept(place: Elsewhere) -> str:
    if place.spill is not None:
        return f"kept in {place.spill}"
    workers = counted(place.workers, "worker")
    return f"kept by {workers}" if place.workers else f"kept by the cluster {place.scheduler}"


def _say(fit: ElsewhereFit, certificate: Certificate | None, model: Path) -> None:
    for line in fit.describe():
        say(line)
    if certificate is not None:
        say_judged(certificate, "" if certificate.of_audit else fit.describe_certificate())
    say(f"model: {model}")


def _as_data(fit: ElsewhereFit, certificate: Certificate | None, model: Path) -> dict[str, Any]:
    search, last = fit.search, fit.last_search
    return {
        "shape": list(fit.cells.shape),
        "observed": fit.cells.size,
        "method": fit.table.method,
        "rank": fit.table.model.rank,
        "stop_reason": last.stop_reason.value,
        "message": last.message,
        "iterations": search.iterations,
        "objective": search.value,
        "seconds": search.seconds,
        "held_out": None,
        "certificate": None if certificate is None else certificate.as_dict(),
        "files": {"model": str(model)},
    }


def _leave(sweeps: int, model: Path) -> NoReturn:
    """Say that the fit was interrupted and what holds it, and exit."""
    done = counted(sweeps, "sweep")
    warn(f"lowland: interrupted after {done}; the fit is in {model}; --resume continues from it")
    raise typer.Exit(130)
