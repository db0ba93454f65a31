"""`lowland regions`: activation regions of ReLU networks on a table of inputs."""

from __future__ import annotations

from math import comb
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from lowland.cli.numeric_columns import read_numbers, split_target
from lowland.cli.options import (
    CertificateOption,
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
    refuse_given,
    say,
    say_json,
    try_report,
    typed_command,
)
from lowland.cli.overwriting import check_outputs
from lowland.cli.reading import reads_columns
from lowland.core.arrays import Matrix
from lowland.core.atomic import was_written
from lowland.core.errors import InvalidInputError
from lowland.files.table_format import TableFormat
from lowland.networks.reading import read_network
from lowland.networks.regions.pages import region_page, survey_page
from lowland.networks.regions.pattern_shares import WidthAdvice, advise_width
from lowland.networks.regions.patterns import count_patterns, describe_count
from lowland.networks.regions.report import region_report
from lowland.networks.regions.survey import LAWS, survey_regions
from lowland.report.page import write_report

# largest number of signs computed to check general position, without which a count is not called exact
QUICK = 20_000_000


@reads_columns
def regions(
    form: TableFormat,
    context: typer.Context,
    table: Annotated[
        Path, typer.Argument(help="Inputs, one row per data point: CSV, TSV, Parquet, Feather or .npy.")
    ],
    target: Annotated[
        str | None, typer.Option(help="Name of the target column; the other columns are inputs.")
    ] = None,
    network: Annotated[
        Path | None,
        typer.Option(help="Network whose region is examined (.npz: weight_0, bias_0, weight_1, ...)."),
    ] = None,
    trained: Annotated[
        str, typer.Option(help="Layers of the network that are trained: first or all.")
    ] = "first",
    width: Annotated[
        int | None, typer.Option(help="Survey random regions of a layer with this many neurons.")
    ] = None,
    law: Annotated[str, typer.Option(help=f"How regions are drawn: {', '.join(LAWS)}.")] = "normal",
    draws: Annotated[int, typer.Option(help="Number of regions drawn.")] = 200,
    advise: Annotated[
        float | None,
        typer.Option(help="Find the width at which this share of regions has no bad minimum."),
    ] = None,
    bias: Annotated[bool, typer.Option(help="Whether neurons have biases.")] = True,
    report: ReportOption = None,
    certificate: CertificateOption = None,
    require: RequireOption = None,
    seed: SeedOption = 0,
    force: ForceOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Count the activation regions of ReLU networks on data, and report which have no bad minima."""
    check_outputs(report, certificate, force=force)
    check_claim(require)
    _check_asked(network, width, report, require)
    if width is None:
        refuse_given(context, ("law", "draws"), "runs without --width", "no regions are drawn", "add --width")
    if network is None:
        refuse_given(
            context,
            ("trained", "certificate"),
            "runs without --network",
            "no network is given",
            "add --network",
        )
    names, numbers = read_numbers(table, None, form)
    inputs, values = split_target(names, numbers, target, table)
    if not np.isfinite(numbers).all():
        i, j = np.argwhere(~np.isfinite(numbers))[0]
        where = f"column {names[j]!r}, data line {i + 1}"
        raise InvalidInputError(f"{table} has empty or infinite cells", where, fix="remove such rows")
    data: dict[str, Any] = {"points": len(inputs), "inputs": inputs.shape[1]}
    count = _count(inputs, bias)
    data["patterns_of_a_neuron"] = count
    survey = found = None
    if width is not None:
        survey = survey_regions(inputs, values, width=width, law=law, n_regions=draws, bias=bias, rng=seed)
    if network is not None:
        net = read_network(network)
        found = region_report(net, inputs, values, trained=trained, rng=seed)
        if certificate is not None:
            found.save_certificate(certificate)
        data["network"] = dict(found.facts())
        data["notes"] = list(found.notes)
        data["certificate"] = found.certificate.as_dict()
    if survey is not None:
        data["survey"] = _shares(survey)
    advice = None if advise is None else _advice(inputs, advise, bias, seed)
    if advice is not None:
        data["width"] = {"advised": advice.width, "lower": advice.lower, "upper": advice.upper}
    if report is not None:
        _write_page(report, found, survey, advice, seed)
    if json:
        say_json(data)
    else:
        _say_all(inputs, bias, count, (found, survey, advice), (certificate, report))
    exit_on_missed(found.certificate if found else None, require)


def _advice(inputs: Matrix, share: float, bias: bool, seed: int) -> WidthAdvice:
    n, d = inputs.shape
    return advise_width(n, d, share, bias=bias, inputs=inputs, rng=seed)


def _write_page(report: Path, found: Any, survey: Any, advice: Any, seed: int) -> None:
    settings = [("command", typed_command()), ("seed", str(seed))]
    if found is not None:
        page = region_page(found, survey=survey, advice=advice, settings=settings)
    else:
        page = survey_page(survey, advice, settings)
    try_report(lambda: write_report(report, page), report)


def _say_all(
    inputs: Any, bias: bool, count: int | None, parts: tuple[Any, ...], files: tuple[Path | None, Path | None]
) -> None:
    exact = "exactly" if count is not None else "or fewer if the points are not in general position"
    shown = describe_count(count if count is not None else count_patterns(inputs, bias=bias, generic=True))
    say(
        f"{len(inputs)} points with {inputs.shape[1]} inputs: {shown} activation patterns per neuron, {exact}"
    )
    for part in parts:
        if part is not None:
            say(str(part))
    for name, path in zip(("certificate", "report"), files, strict=True):
        if path is not None and was_written(path):
            say(f"{name}: {path}")


def _check_asked(network: Path | None, width: int | None, report: Path | None, require: str | None) -> None:
    if report is not None and network is None and width is None:
        raise InvalidInputError(
            "there is nothing to report", "neither --network nor --width", fix="give one of them"
        )
    if require is not None and network is None:
        raise InvalidInputError("--require needs --network", require, fix="give --network")


def _count(inputs: Any, bias: bool) -> int | None:
    """Return the exact number of patterns, or None if counting would take too long."""
    n, d = inputs.shape[0], inputs.shape[1] + bias
    if d > 2 and comb(n, d - 1) * n > QUICK:
        return None
    try:
        return count_patterns(inputs, bias=bias)
    except InvalidInputError:
        return None


def _shares(survey: Any) -> dict[str, Any]:
    shares = {
        "full_rank": survey.full,
        "global_minimum": survey.global_minimum,
        "bad_minimum": survey.bad_minimum,
    }
    drawn = {"width": survey.width, "law": survey.law, "draws": survey.full.trials}
    return drawn | {
        name: {"share": share.estimate, "interval": list(share.interval())}
        for name, share in shares.items()
        if share is not None
    }
