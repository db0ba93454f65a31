"""What `lowland cp` and `lowland tucker` share: options of the search, and how they end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from lowland.cli.judging.judged import JudgedOptions
from lowland.cli.output import typed_command
from lowland.cli.overwriting import check_archive
from lowland.cli.records import option
from lowland.cli.tensor_source import TensorSource
from lowland.core.arrays import Matrix
from lowland.files.bundle import save_arrays
from lowland.report.page import write_report
from lowland.tensors.decomposition import Decomposition, decomposition_page
from lowland.tensors.reading.tensor_file import TensorFile
from lowland.tensors.searching import MOST_SWEEPS


@final
@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """How decompositions are searched for."""

    starts: int | None = option(
        None, "Number of random starts after the first; by default as many as needed."
    )
    max_iter: int | None = option(None, f"Maximum number of steps per search, by default {MOST_SWEEPS}.")

    @property
    def n_restarts(self) -> int | str:
        """The number of starts after the first, as decompositions take it."""
        return "auto" if self.starts is None else self.starts


def read_tensor(source: TensorSource, file: Path, output: Path | None, given: JudgedOptions) -> TensorFile:
    """Read a tensor, once it is sure that results can be written."""
    given.check(output)
    if output is not None:
        check_archive(output, file)
    return source.read(file)


def conclude(
    fit: Decomposition,
    arrays: dict[str, Matrix],
    output: Path | None,
    read: TensorFile,
    given: JudgedOptions,
    *,
    data: Callable[[], dict[str, Any]],
    lines: Callable[[], Iterable[str]],
) -> None:
    """Write a decomposition, its page and its certificate, print it, and set the exit code.

    Parameters
    ----------
    fit : Decomposition
    arrays : dict of str to ndarray
        What is written, beside the completed tensor.
    output : Path or None
    read : TensorFile
        The tensor that was decomposed.
    given : JudgedOptions
    data, lines : callable
        As of `JudgedOptions.conclude`.
    """
    if output is not None:
        save_arrays(output, arrays | {"tensor": fit.completed()})
    settings = [("command", typed_command()), ("seed", str(given.seed))]
    given.conclude(
        fit,
        ("decomposition", output),
        report=lambda path: write_report(
            path, decomposition_page(fit, read.names, read.coordinates, settings)
        ),
        data=data,
        lines=lines,
    )
