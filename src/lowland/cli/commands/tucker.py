"""`lowland tucker`: Tucker decomposition of a tensor in a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from lowland.cli.decomposing import SearchOptions, conclude, read_tensor
from lowland.cli.judging.judged import JudgedOptions, verdict_lines
from lowland.cli.output import start_lines, starts_as_data
from lowland.cli.records import option, takes_records
from lowland.cli.tensor_source import TensorArgument, TensorSource
from lowland.core.errors import InvalidInputError
from lowland.core.results.status import StopReason
from lowland.tensors.cell_objective import factor_arrays
from lowland.tensors.tucker.decompose import decompose_tucker
from lowland.tensors.tucker.fit import TuckerFit, expected_error
from lowland.tensors.tucker.multistart import SOLVERS


@final
@dataclass(frozen=True, kw_only=True)
class TuckerOptions:
    """Of which ranks, and where it is written."""

    ranks: str | None = option(None, 'Ranks such as 3 or 3,2,4, or "auto" to choose them by held-out cells.')
    tolerance: float | None = option(
        None, "Largest relative error allowed, instead of --ranks; every cell must be known."
    )
    solver: str = option("auto", f"{', '.join(SOLVERS)}; of gradient steps at most 30,000.")
    search: SearchOptions
    output: Path | None = option(None, "Write core, factors and the completed tensor here (.npz).")


@takes_records
def tucker(file: TensorArgument, asked: TuckerOptions, given: JudgedOptions, source: TensorSource) -> None:
    """Decompose a tensor into a core and one factor per mode, and report what is proved about it."""
    read = read_tensor(source, file, asked.output, given)
    fit = decompose_tucker(
        read.observations,
        _parsed(asked.ranks),
        tolerance=asked.tolerance,
        solver=asked.solver,
        n_restarts=asked.search.n_restarts,
        max_iter=asked.search.max_iter,
        rng=given.seed,
        effort=given.effort,
    )
    conclude(
        fit,
        {"core": fit.core, **factor_arrays(fit.factors)},
        asked.output,
        read,
        given,
        data=lambda: _as_data(fit),
        lines=lambda: [*_lines(fit), *verdict_lines(fit.certificate)],
    )


def _parsed(ranks: str | None) -> list[int] | int | str | None:
    if ranks is None or ranks == "auto":
        return ranks
    try:
        numbers = [int(part) for part in ranks.split(",")]
    except ValueError as error:
        raise InvalidInputError(
            "--ranks are not numbers", ranks, fix="write, for example, --ranks 3,2,4"
        ) from error
    return numbers[0] if len(numbers) == 1 else numbers


def _as_data(fit: TuckerFit) -> dict[str, Any]:
    expected = expected_error(fit)
    return {
        "shape": list(fit.parts.shape),
        "ranks": list(fit.ranks),
        "relative_error": fit.relative_error,
        "compression_ratio": fit.compression_ratio,
        "expected_error": None if expected is None else expected.total,
        "stop_reason": fit.search.stop_reason.value,
        "message": fit.search.message,
        "objective": fit.search.value,
        "saddles_left": list(fit.escapes),
        "own_end": {
            "solver": fit.own_end.solver,
            "objective": fit.own_end.value,
            "stop_reason": fit.own_end.stop_reason.value,
        },
        "starts": starts_as_data(fit.attempts),
    }


def _lines(fit: TuckerFit) -> Iterator[str]:
    yield fit.objective.describe()
    yield (
        f"relative error {fit.relative_error:.4g} on the known cells; "
        f"compression ratio {fit.compression_ratio:.3g}"
    )
    interrupted = fit.search.stop_reason is StopReason.INTERRUPTED
    expected = None if fit.objective.data.is_full or interrupted else expected_error(fit)
    if expected is not None:
        yield f"estimated error for a new observation of an unobserved cell: {expected.total:.4g}"
        yield f"  of which noise {expected.noise:.4g}, and the fit is off by {expected.fit:.4g}"
    yield from start_lines(fit.attempts)
    for order in fit.escapes:
        yield f"escaped from a saddle of order {order}"
    if fit.polishing:
        yield fit.polishing
    yield fit.search.ending
