"""`lowland cp`: a tensor in a file as a sum of products of one vector per mode."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lowland.cli.decomposing import IterationsOption, StartsOption, conclude, read_tensor
from lowland.cli.factor_options import known_of, modes_of, splines_of
from lowland.cli.judged import JudgedOptions, judges, verdict_lines
from lowland.cli.tensor_source import TensorArgument, TensorSource, reads_tensor
from lowland.tensors.cell_objective import factor_arrays
from lowland.tensors.cp.decompose import decompose_cp
from lowland.tensors.cp.fit import CPFit


@reads_tensor
@judges
def cp(
    source: TensorSource,
    given: JudgedOptions,
    file: TensorArgument,
    rank: Annotated[int, typer.Option(help="Number of components.")],
    nonnegative: Annotated[
        str,
        typer.Option(help="Modes whose factors must be nonnegative, joined by commas; all, or none."),
    ] = "none",
    smooth: Annotated[
        str,
        typer.Option(
            help="Modes whose factors are smooth curves, joined by commas, a number of splines after =; "
            "without one, held-out cells choose it. All, or none."
        ),
    ] = "none",
    known: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODE=FILE",
            help="Known entries of a mode's factor: a line per slice, the first components' columns, blank "
            "where unknown. May be repeated.",
        ),
    ] = None,
    starts: StartsOption = None,
    max_iter: IterationsOption = 500,
    output: Annotated[
        Path | None, typer.Option(help="Write strengths, factors and the completed tensor here (.npz).")
    ] = None,
) -> None:
    """Decompose a tensor into components, one vector per mode each, and report whether they are unique."""
    read = read_tensor(source, file, output, given)
    fit = decompose_cp(
        read.observations,
        rank,
        nonnegative=modes_of("--nonnegative", nonnegative, read),
        smooth=splines_of("--smooth", smooth, read),
        known=known_of("--known", known or [], read),
        n_restarts="auto" if starts is None else starts,
        max_iter=max_iter,
        rng=given.seed,
        effort=given.effort,
    )
    conclude(
        fit,
        {"strengths": fit.strengths, **factor_arrays(fit.factors)},
        output,
        read,
        given,
        data=lambda: _as_data(fit),
        lines=lambda: [*fit.summary_lines(), *verdict_lines(fit.certificate)],
    )


def _as_data(fit: CPFit) -> dict[str, Any]:
    return {
        "shape": list(fit.shape),
        "observed": fit.objective.data.size,
        "rank": fit.rank,
        "relative_error": fit.relative_error,
        "core_consistency": fit.core_consistency,
        "strengths": fit.strengths.tolist(),
        "cancels": fit.cancels,
        "stop_reason": fit.search.stop_reason.value,
    }
