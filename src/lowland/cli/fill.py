"""`lowland fill`: the missing cells of a tensor in a file, with error bars."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from lowland.cli.options import ForceOption, JsonOption, QuietOption, SeedOption
from lowland.cli.output import say, say_json, warn
from lowland.cli.overwriting import check_archive, check_output
from lowland.core.errors import InvalidInputError
from lowland.core.status import StopReason
from lowland.files.bundle import save_arrays
from lowland.tensors.cp_completion import CompletedTensor, complete_tensor
from lowland.tensors.reading import read_tensor


def fill(
    file: Annotated[Path, typer.Argument(help="Tensor: .npy or .npz (NaN is missing), .nc, or .tns.")],
    output: Annotated[
        Path,
        typer.Option(help="Write the completed tensor and the ends of intervals here (.npz)."),
    ],
    rank: Annotated[
        str, typer.Option(help="Number of components, or auto: compared by held-out cells.")
    ] = "auto",
    interval: Annotated[float, typer.Option(help="Level of the intervals of missing cells.")] = 0.9,
    draws: Annotated[int, typer.Option(help="Number of draws that are averaged.")] = 100,
    variable: Annotated[str | None, typer.Option(help="Array of an .npz or .nc file.")] = None,
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Fill the missing cells of a tensor by averages over CP decompositions, with error bars."""
    check_output(output, force=force)
    check_archive(output, file)
    if not 0 < interval < 1:
        raise InvalidInputError("--interval must lie between 0 and 1", f"{interval}")
    if draws < 2:
        raise InvalidInputError("--draws must be at least 2", str(draws))
    wanted = _rank(rank)
    found = complete_tensor(
        read_tensor(file, variable=variable).observations, wanted, n_draws=draws, rng=seed
    )
    missing = np.isnan(found.data.array())
    lower, upper = (np.full(found.shape, np.nan) for _ in range(2))
    lower[missing], upper[missing] = found.interval(np.argwhere(missing), interval)
    save_arrays(output, {"tensor": found.completed(), "lower": lower, "upper": upper})
    if json:
        say_json(_as_data(found, output))
    else:
        say(str(found))
        say(f"filled tensor: {output}")
    if found.search.stop_reason is StopReason.INTERRUPTED:
        warn(f"lowland: interrupted after {len(found.draws)} of {draws} draws, which were averaged")
        raise typer.Exit(130)


def _rank(text: str) -> int | str:
    if text == "auto":
        return text
    if not (text.isascii() and text.isdigit() and int(text)):
        raise InvalidInputError("--rank must be a positive whole number, or auto", text)
    return int(text)


def _as_data(found: CompletedTensor, output: Path) -> dict[str, Any]:
    errors = dict(found.tried)
    return {
        "shape": list(found.shape),
        "observed": found.data.size,
        "rank": found.rank,
        "ranks_compared": [{"rank": rank, "error": error} for rank, error in found.tried],
        "held_out": {"cells": int(found.held_out.size), "error": errors[found.rank]},
        "noise": found.noise,
        "draws": len(found.draws),
        "stop_reason": found.search.stop_reason.value,
        "files": {"output": str(output)},
    }
