"""`lowland tucker`: Tucker decomposition of a tensor in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lowland.cli.options import (
    CertificateOption,
    EffortOption,
    ForceOption,
    JsonOption,
    QuietOption,
    ReportOption,
    RequireOption,
    SeedOption,
)
from lowland.cli.output import (
    check_claim,
    exit_on_missed,
    say,
    say_certificate,
    say_json,
    try_report,
    typed_command,
)
from lowland.cli.overwriting import check_archive, check_outputs
from lowland.cli.tensor_source import TensorArgument, TensorSource, reads_tensor
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.results.status import StopReason
from lowland.files.bundle import save_arrays
from lowland.report.page import write_report
from lowland.report.words import verdict_sentence
from lowland.tensors.decomposition import decomposition_page
from lowland.tensors.tucker.cell_errors import NewCellError
from lowland.tensors.tucker.decompose import decompose_tucker
from lowland.tensors.tucker.fit import TuckerFit


@reads_tensor
def tucker(
    source: TensorSource,
    file: TensorArgument,
    ranks: Annotated[
        str | None,
        typer.Option(help='Ranks such as 3 or 3,2,4, or "auto" to choose them by held-out cells.'),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(help="Largest relative error allowed, instead of --ranks; every cell must be known."),
    ] = None,
    starts: Annotated[
        int | None,
        typer.Option(help="Number of random starts after the first; by default as many as needed."),
    ] = None,
    max_iter: Annotated[int, typer.Option(help="Maximum number of steps per search.")] = 500,
    output: Annotated[
        Path | None, typer.Option(help="Write core, factors and the completed tensor here (.npz).")
    ] = None,
    report: ReportOption = None,
    certificate: CertificateOption = None,
    seed: SeedOption = 0,
    effort: EffortOption = "standard",
    require: RequireOption = None,
    quiet: QuietOption = False,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Decompose a tensor into a core and one factor per mode, and report what is proved about it."""
    check_claim(require)
    check_outputs(output, report, certificate, force=force)
    if output is not None:
        check_archive(output, file)
    read = source.read(file)
    fit = decompose_tucker(
        read.observations,
        _parsed(ranks),
        tolerance=tolerance,
        n_restarts="auto" if starts is None else starts,
        max_iter=max_iter,
        rng=seed,
        effort=effort,
    )
    if output is not None:
        factors = {f"factor_{n}": factor for n, factor in enumerate(fit.factors)}
        save_arrays(output, {"core": fit.core, "tensor": fit.completed(), **factors})
    interrupted = fit.search.stop_reason is StopReason.INTERRUPTED or fit.certificate is None
    if certificate is not None and fit.certificate is not None:
        fit.save_certificate(certificate)
    if report is not None and not interrupted:
        settings = [("command", typed_command()), ("seed", str(seed))]
        page = decomposition_page(fit, read.names, read.coordinates, settings)
        try_report(lambda: write_report(report, page), report)
    if json:
        say_json(_as_data(fit))
    else:
        _say(fit, output, report)
        if certificate is not None and fit.certificate is not None:
            say(f"certificate: {certificate}")
    if interrupted:
        raise typer.Exit(130)
    exit_on_missed(fit.certificate, require)


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


def _expected(fit: TuckerFit) -> NewCellError | None:
    try:
        return fit.new_cell_error()
    except UnsupportedError:
        return None


def _as_data(fit: TuckerFit) -> dict[str, Any]:
    expected = _expected(fit)
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
        "starts": [{"start": a.start, "solver": a.solver, "objective": a.value} for a in fit.attempts],
        "certificate": fit.certificate.as_dict() if fit.certificate else None,
    }


def _say(fit: TuckerFit, output: Path | None, report: Path | None) -> None:
    say(fit.objective.describe())
    say(
        f"relative error {fit.relative_error:.4g} on the known cells; "
        f"compression ratio {fit.compression_ratio:.3g}"
    )
    interrupted = fit.search.stop_reason is StopReason.INTERRUPTED
    expected = None if fit.objective.data.is_full or interrupted else _expected(fit)
    if expected is not None:
        say(f"estimated error for a new observation of an unobserved cell: {expected.total:.4g}")
        say(f"  of which noise {expected.noise:.4g}, and the fit is off by {expected.fit:.4g}")
    say(f"stopped: {fit.search.stop_reason.value}, {fit.search.message}")
    for order in fit.escapes:
        say(f"escaped from a saddle of order {order}")
    for k, a in enumerate(fit.attempts):
        say(f"start {k} ({a.start}, {a.solver}): objective {a.value:.4g} after {a.iterations} steps")
    if fit.certificate is not None:
        say(verdict_sentence(fit.certificate))
        say_certificate(fit.certificate)
    for name, path in (("decomposition", output), ("report", report)):
        if path is not None and path.exists():
            say(f"{name}: {path}")
