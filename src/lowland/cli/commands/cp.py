"""`lowland cp`: a tensor in a file as a sum of products of one vector per mode."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from lowland.cli.decomposing import SearchOptions, conclude, read_tensor
from lowland.cli.factor_options import known_of, modes_of, splines_of
from lowland.cli.judging.judged import JudgedOptions, verdict_lines
from lowland.cli.records import REQUIRED, option, takes_records
from lowland.cli.tensor_source import TensorArgument, TensorSource
from lowland.tensors.cell_objective import factor_arrays
from lowland.tensors.cp.decompose import decompose_cp
from lowland.tensors.cp.fit import CPFit
from lowland.tensors.searching import MOST_SWEEPS


@final
@dataclass(frozen=True, kw_only=True)
class CPOptions:
    """How many components, what is asked of them, and where they are written."""

    rank: int = option(REQUIRED, "Number of components.")
    nonnegative: str = option(
        "none", "Modes whose factors must be nonnegative, joined by commas; all, or none."
    )
    smooth: str = option(
        "none",
        "Modes whose factors are smooth curves, joined by commas, a number of splines after =; without one, "
        "held-out cells choose it. All, or none.",
    )
    known: list[str] | None = option(
        None,
        "Known entries of a mode's factor: a line per slice, the first components' columns, blank where "
        "unknown. May be repeated.",
        metavar="MODE=FILE",
    )
    search: SearchOptions
    output: Path | None = option(None, "Write strengths, factors and the completed tensor here (.npz).")


@takes_records
def cp(file: TensorArgument, asked: CPOptions, given: JudgedOptions, source: TensorSource) -> None:
    """Decompose a tensor into components, one vector per mode each, and report whether they are unique."""
    read = read_tensor(source, file, asked.output, given)
    fit = decompose_cp(
        read.observations,
        asked.rank,
        nonnegative=modes_of("--nonnegative", asked.nonnegative, read),
        smooth=splines_of("--smooth", asked.smooth, read),
        known=known_of("--known", asked.known or [], read),
        n_restarts=asked.search.n_restarts,
        max_iter=MOST_SWEEPS if asked.search.max_iter is None else asked.search.max_iter,
        rng=given.seed,
        effort=given.effort,
    )
    conclude(
        fit,
        {"strengths": fit.strengths, **factor_arrays(fit.factors)},
        asked.output,
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
