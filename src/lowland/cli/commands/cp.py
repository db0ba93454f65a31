"""`lowland cp`: a tensor in a file as a sum of products of one vector per mode."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from lowland.cli.factor_options import known_of, modes_of, splines_of
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
from lowland.core.results.status import StopReason
from lowland.files.bundle import save_arrays
from lowland.report.page import write_report
from lowland.report.words import verdict_sentence
from lowland.tensors.cp.decompose import decompose_cp
from lowland.tensors.cp.fit import CPFit
from lowland.tensors.decomposition import decomposition_page


@reads_tensor
def cp(
    source: TensorSource,
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
    starts: Annotated[
        int | None,
        typer.Option(help="Number of random starts after the first; by default as many as needed."),
    ] = None,
    max_iter: Annotated[int, typer.Option(help="Maximum number of steps per search.")] = 500,
    output: Annotated[
        Path | None, typer.Option(help="Write strengths, factors and the completed tensor here (.npz).")
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
    """Decompose a tensor into components, one vector per mode each, and report whether they are unique."""
    check_claim(require)
    check_outputs(output, report, certificate, force=force)
    if output is not None:
        check_archive(output, file)
    read = source.read(file)
    fit = decompose_cp(
        read.observations,
        rank,
        nonnegative=modes_of("--nonnegative", nonnegative, read),
        smooth=splines_of("--smooth", smooth, read),
        known=known_of("--known", known or [], read),
        n_restarts="auto" if starts is None else starts,
        max_iter=max_iter,
        rng=seed,
        effort=effort,
    )
    if output is not None:
        factors = {f"factor_{n}": factor for n, factor in enumerate(fit.factors)}
        save_arrays(output, {"strengths": fit.strengths, "tensor": fit.completed(), **factors})
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
        _say(fit, (("decomposition", output), ("report", report), ("certificate", certificate)))
    if interrupted:
        raise typer.Exit(130)
    exit_on_missed(fit.certificate, require)


def _say(fit: CPFit, files: Sequence[tuple[str, Path | None]]) -> None:
    for line in fit.summary_lines():
        say(line)
    if fit.certificate is not None:
        say(verdict_sentence(fit.certificate))
        say_certificate(fit.certificate)
    for name, path in files:
        if path is not None and path.exists():
            say(f"{name}: {path}")


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
        "certificate": None if fit.certificate is None else fit.certificate.as_dict(),
    }
