"""`lowland sense`: recover a matrix from a file of linear measurements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, final

import typer

from lowland.cli.commands.tomography import COUNTS, CountOptions, sense_counts
from lowland.cli.judging.judged import JudgedOptions, verdict_lines
from lowland.cli.judging.measurements import read_measurements
from lowland.cli.judging.premises import LandscapeOptions
from lowland.cli.option_words import writer_of
from lowland.cli.output import refuse_given, start_lines, starts_as_data
from lowland.cli.records import option, takes_records
from lowland.core.damage import reading
from lowland.core.errors import InvalidInputError
from lowland.files.bundle import save_arrays
from lowland.report.page import write_report
from lowland.sensing.recover import recover
from lowland.sensing.recovery import RecoveryFit
from lowland.sensing.report import recovery_page
from lowland.sensing.searching.solvers import SOLVERS

# options without effect on counts: the state is estimated by maximum likelihood, convex at full rank
SETTLED = ("structure", "loss", "penalty", "solver", "start", "effort", "premise", "isometry", "census")
OF_COUNTS = tuple(one.name for one in fields(CountOptions))


@final
@dataclass(frozen=True, kw_only=True)
class SenseOptions:
    """What to recover, and how; `rank` of an NPZ file must be given."""

    rank: int | None = option(None, "Rank of the matrix; for counts, full by default.")
    structure: str = option("general", "general, psd or density.")
    loss: str = option("squared", "squared, poisson, binomial, or huber or absolute for gross errors.")
    penalty: float = option(0.0, "Weight of the nuclear norm.")
    solver: str = option("auto", f"auto, {', '.join(SOLVERS)}.")
    start: str = option("auto", "auto, spectral, random or small_random.")
    landscape: LandscapeOptions
    output: Path | None = option(None, "Write the factors left and right here (.npz).")


@takes_records
def sense(
    typed: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="NPZ with y and one of: arrays; rows, columns, shape; operator, shape; left[, right]; "
            "words; mask. Or counts (quantum tomography): a table of setting, outcome, count, or JSON."
        ),
    ],
    asked: SenseOptions,
    counts: CountOptions,
    given: JudgedOptions,
) -> None:
    """Recover a matrix from linear measurements, or a quantum state from counts; report what is proved."""
    given.check(asked.output)
    asked.landscape.check()
    if file.suffix.lower() in COUNTS:
        why = "the density matrix is estimated by maximum likelihood"
        refuse_given(typed, SETTLED, "a table of counts", why, "pass an NPZ of measurements")
        sense_counts(file, asked.rank, counts, asked.output, given)
        return
    why = "it is about counts of quantum measurements"
    refuse_given(typed, OF_COUNTS, "an NPZ of measurements", why, "pass a table of counts")
    if asked.rank is None:
        raise InvalidInputError(
            "--rank is missing", "an NPZ of measurements", fix="pass, for example, --rank 1"
        )
    with reading(file, "file of measurements"):
        measurement, y, weights = read_measurements(file)
    fit = recover(
        measurement,
        y,
        rank=asked.rank,
        structure=asked.structure,
        loss=asked.loss,
        penalty=asked.penalty,
        weights=weights,
        solver=asked.solver,
        start=asked.start,
        rng=given.seed,
        effort=given.effort,
        premise=asked.landscape.premise_for(asked.rank, measurement.shape),
    )
    survey = asked.landscape.survey(measurement, asked.rank, fit.objective, given.seed)
    command: Any = typed.command
    writer = writer_of(command)
    advice = [] if fit.advice is None else [fit.advice.write(writer)]
    if asked.output is not None:
        save_arrays(asked.output, {"left": fit.factors.left, "right": fit.factors.right})
    given.conclude(
        fit,
        ("factors", asked.output),
        report=lambda path: write_report(path, recovery_page(fit, writer)),
        data=lambda: _as_data(fit, advice) | survey.as_data(),
        lines=lambda: [*_lines(fit), *survey.lines(), *verdict_lines(fit.certificate), *advice],
    )


def _as_data(fit: RecoveryFit, advice: list[str]) -> dict[str, Any]:
    return {
        "shape": list(fit.factors.shape),
        "stop_reason": fit.search.stop_reason.value,
        "message": fit.search.message,
        "objective": fit.search.value,
        "own_end": {"solver": fit.own_end.solver, "objective": fit.own_end.value},
        **({"gross_errors": fit.gross_errors().tolist()} if fit.misses else {}),
        "starts": starts_as_data(fit.attempts),
        "advice": advice,
    }


def _lines(fit: RecoveryFit) -> Iterator[str]:
    yield fit.objective.describe()
    yield from start_lines(fit.attempts)
    yield from filter(None, (fit.polishing, fit.misses))
