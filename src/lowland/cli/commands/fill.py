"""`lowland fill`: the missing cells of a tensor in a file, with error bars."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np
import typer

from lowland.cli.options import (
    JUDGING,
    CertificateOption,
    FileOptions,
    ReportOption,
    RequireOption,
    SeedOption,
)
from lowland.cli.output import (
    check_claim,
    exit_on_missed,
    say,
    say_certificate,
    say_files,
    say_json,
    try_report,
    typed_command,
    warn,
)
from lowland.cli.overwriting import check_archive, check_outputs, check_table
from lowland.cli.records import REQUIRED, option, takes_records
from lowland.cli.tensor_source import TensorArgument, TensorSource
from lowland.core.arrays import Matrix
from lowland.core.atomic import was_written
from lowland.core.cells.observed_cells import check_kept
from lowland.core.errors import InvalidInputError
from lowland.core.results.status import StopReason
from lowland.estimators.tensors.tensor_completion import complete_tensor
from lowland.files.bundle import save_arrays
from lowland.files.foreign.columnar import COLUMNAR
from lowland.files.outputs import write_rows
from lowland.report.page import write_report
from lowland.tensors.filling.completed import TensorCompletionFit
from lowland.tensors.filling.page import filled_page
from lowland.tensors.reading.tensor_file import TensorFile

# endings of files that a table is written to
TABLES = (".csv", ".tsv", ".tab", *COLUMNAR)


@final
@dataclass(frozen=True, kw_only=True)
class FillOptions:
    """How cells are filled, and where they are written."""

    output: Path = option(
        REQUIRED,
        "Write the completed tensor and the ends of intervals here: .npz, or a long table, one line per "
        "cell, with the labels of its modes (.csv, .tsv, .parquet, .feather).",
        "--output",
        "-o",
    )
    rank: str = option("auto", "Number of components, or auto: compared by held-out cells.")
    model: str = option(
        "auto", "auto: blended with tables of the same cells where held-out cells show it; or cp."
    )
    order: list[str] | None = option(
        None,
        "Order of a mode, as MODE=line, cycle, coordinates (of the file) or a period, or several joined by "
        "commas: time=line,7. Missing slices are predicted along it. Repeat it for other modes.",
    )
    interval: float = option(0.9, "Level of the intervals of missing cells.")
    draws: int = option(100, "Number of draws that are averaged.")
    report: ReportOption = None
    certify: bool = option(
        True,
        "Prove how many missing cells lie in their intervals, by another fit without some known ones.",
        panel=JUDGING,
    )
    certificate: CertificateOption = None
    require: RequireOption = None
    seed: SeedOption = 0
    files: FileOptions

    def check(self, file: Path) -> bool:
        """Raise where options cannot be used, and return whether the output is a table."""
        check_claim(self.require)
        for name, asked in (("--require", self.require), ("--certificate", self.certificate)):
            if asked is not None and not self.certify:
                raise InvalidInputError(f"{name} needs a certificate", "--no-certify", fix="omit one of them")
        output, endings = self.output, ", ".join(TABLES)
        check_outputs(output, self.report, self.certificate, force=self.files.force)
        as_table = output.suffix.lower() in TABLES
        if as_table:
            check_table(output, "--output")
        elif output.suffix != ".npz":
            raise InvalidInputError(
                "--output has an unknown file extension", str(output), fix=f"use .npz, {endings}"
            )
        else:
            check_archive(output, file)
        if not 0 < self.interval < 1:
            raise InvalidInputError("--interval must lie between 0 and 1", f"{self.interval}")
        if self.draws < 2:
            raise InvalidInputError("--draws must be at least 2", str(self.draws))
        return as_table


@takes_records
def fill(file: TensorArgument, asked: FillOptions, source: TensorSource) -> None:
    """Fill a tensor's missing cells by averages over CP decompositions and tables, with error bars."""
    output, as_table = asked.output, asked.check(file)
    wanted = _rank(asked.rank)
    ordered = [text.partition("=")[0] for text in asked.order or []]
    read = source.read(file, empty_slices=ordered)
    header = (*read.names, source.value or "value", "lower", "upper", "observed")
    if as_table and len(set(header)) < len(header):
        raise InvalidInputError(
            "two columns of the output would have the same name", ", ".join(header), fix="rename one"
        )
    completed = complete_tensor(
        read.observations,
        wanted,
        model=asked.model,
        orders=_orders(asked.order or [], read),
        n_draws=asked.draws,
        certify=asked.certify,
        rng=asked.seed,
    )
    missing = np.isnan(completed.data.array())
    lower, upper = (np.full(completed.shape, np.nan) for _ in range(2))
    lower[missing], upper[missing] = completed.interval(np.argwhere(missing), asked.interval)
    if as_table:
        write_rows(output, header, _lines(completed, read, lower, upper, output), labels=len(read.names))
    else:
        save_arrays(output, {"tensor": _kept(completed, read), "lower": lower, "upper": upper})
    interrupted = completed.search.stop_reason is StopReason.INTERRUPTED
    if not interrupted:
        _report(asked, completed, read)
    _tell(asked, completed)
    if interrupted:
        warn(f"lowland: interrupted after {len(completed.draws)} of {asked.draws} draws, which were averaged")
        raise typer.Exit(130)
    exit_on_missed(completed.certificate, asked.require)


def _tell(asked: FillOptions, fit: TensorCompletionFit) -> None:
    """Write the certificate, and print the result."""
    if asked.certificate is not None and fit.certificate is not None:
        fit.save_certificate(asked.certificate)
    paths = {"output": asked.output, "report": asked.report, "certificate": asked.certificate}
    if asked.files.json:
        say_json(_as_data(fit, paths))
        return
    say(str(fit))
    if fit.certificate is not None:
        say_certificate(fit.certificate)
    say_files({"filled tensor" if name == "output" else name: path for name, path in paths.items()})


def _report(asked: FillOptions, fit: TensorCompletionFit, read: TensorFile) -> None:
    """Write the page, if it is asked for."""
    path = asked.report
    if path is None:
        return
    settings = [("command", typed_command()), ("seed", str(asked.seed))]
    page = partial(filled_page, fit, read.names, read.coordinates or None, settings)
    try_report(lambda: write_report(path, page()), path)


def _kept(fit: TensorCompletionFit, read: TensorFile) -> Any:
    """Return the completed tensor; raise if it changes a cell that the file holds."""
    tensor, cells = fit.completed(), read.observations
    at = cells.all_positions()
    check_kept(cells.values, tensor[tuple(at.T)], lambda k: f"cell {at[k].tolist()}")
    return tensor


def _lines(
    fit: TensorCompletionFit, read: TensorFile, lower: Matrix, upper: Matrix, output: Path
) -> Iterator[list[Any]]:
    """Yield a line per cell: its labels, its value, the ends of its interval, and whether it was known."""
    names = [[str(name) if isinstance(name, np.datetime64) else name for name in dim] for dim in read.labels]
    completed = _kept(fit, read)
    # no interval: a cell without text, or a number that is none
    absent = math.nan if output.suffix.lower() in COLUMNAR else ""
    for at in np.ndindex(fit.shape):
        labels = [names_of_mode[k] for names_of_mode, k in zip(names, at, strict=True)]
        known = bool(np.isnan(lower[at]))
        ends = [absent, absent] if known else [float(lower[at]), float(upper[at])]
        yield [*labels, completed[at] if known else float(completed[at]), *ends, int(known)]


def _rank(text: str) -> int | str:
    if text == "auto":
        return text
    if not (text.isascii() and text.isdigit() and int(text)):
        raise InvalidInputError("--rank must be a positive whole number, or auto", text)
    return int(text)


def _orders(texts: list[str], read: TensorFile) -> dict[int, Any]:
    """Return the orders of modes that are named, or counted from zero."""
    orders: dict[int, Any] = {}
    for text in texts:
        name, sign, words = text.partition("=")
        if name in read.names:
            mode = read.names.index(name)
        elif sign and name.isascii() and name.isdigit() and int(name) < len(read.names):
            mode = int(name)
        else:
            modes = ", ".join(read.names)
            raise InvalidInputError(
                "--order must be MODE=ORDER", text, fix=f"modes are {modes}, or 0, 1, ..."
            )
        if mode in orders:
            raise InvalidInputError(
                "--order names a mode twice", text, fix="join the orders of a mode by commas: time=line,7"
            )
        orders[mode] = tuple(_order(word, mode, read) for word in words.split(","))
    return orders


def _order(word: str, mode: int, read: TensorFile) -> Any:
    if word in ("line", "cycle"):
        return word
    if word == "coordinates":
        if not read.coordinates or read.coordinates[mode] is None:
            raise InvalidInputError(
                "the file has no coordinates of this mode",
                read.names[mode],
                fix="use line, cycle or a period",
            )
        return read.coordinates[mode]
    try:
        return float(word)
    except ValueError:
        raise InvalidInputError(
            "--order is unknown", word, fix="use line, cycle, coordinates or a period, joined by commas"
        ) from None


def _as_data(fit: TensorCompletionFit, paths: Mapping[str, Path | None]) -> dict[str, Any]:
    blend = fit.blend
    return {
        "shape": list(fit.shape),
        "observed": fit.data.size,
        "rank": fit.rank,
        "ranks_compared": [{"rank": rank, "error": error} for rank, error in fit.tried],
        "held_out": {"cells": fit.held_out_count, "error": fit.held_out_error},
        "no_table": fit.no_table or None,
        "blend": None
        if blend is None
        else {
            "mode": blend.mode,
            "weight": blend.weight,
            "error_without": blend.cp_error,
            "tables_compared": [{"mode": mode, "error": error} for mode, error in blend.table_errors],
        },
        "orders": list(fit.orders),
        "noise": fit.noise,
        "noise_mode": fit.noise_mode,
        "noise_by_slice": fit.slice_noise.tolist(),
        "draws": len(fit.draws),
        "certificate": fit.certificate.as_dict() if fit.certificate else None,
        "stop_reason": fit.search.stop_reason.value,
        "files": {name: str(path) for name, path in paths.items() if path is not None and was_written(path)},
    }
