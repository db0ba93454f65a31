"""`lowland regions`: activation regions of ReLU networks on a table of inputs."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import Annotated, Any, final

import numpy as np
import typer

from lowland.cli.network_sharpness import NetworkSharpness
from lowland.cli.numeric_columns import read_numbers, split_target
from lowland.cli.options import CertificateOption, FileOptions, ReportOption, RequireOption, SeedOption
from lowland.cli.output import (
    check_claim,
    exit_on_missed,
    refuse_given,
    say,
    say_files,
    say_json,
    try_report,
    typed_command,
)
from lowland.cli.overwriting import check_outputs
from lowland.cli.reading import CellOptions
from lowland.cli.records import option, takes_records
from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.networks.reading import read_network
from lowland.networks.regions.pages import region_page, survey_page
from lowland.networks.regions.pattern_shares import WidthAdvice, advise_width
from lowland.networks.regions.patterns import count_patterns, describe_count
from lowland.networks.regions.report import region_report
from lowland.networks.regions.survey import LAWS, survey_regions
from lowland.report.page import write_report

# largest number of signs computed to check general position, without which a count is not called exact
QUICK = 20_000_000


@final
@dataclass(frozen=True, kw_only=True)
class RegionOptions:
    """Which regions to look at, and what to find out about them."""

    target: str | None = option(None, "Name of the target column; the other columns are inputs.")
    network: Path | None = option(
        None, "Network whose region is examined (.npz: weight_0, bias_0, weight_1, ...)."
    )
    trained: str = option("first", "Layers of the network that are trained: first or all.")
    sharpness: bool = option(
        False,
        "Measure how curved the loss is at the network, by all its weights, how flat rescaling its neurons "
        "can make it, and up to which step gradient descent is stable.",
        "--sharpness",
    )
    width: int | None = option(None, "Survey random regions of a layer with this many neurons.")
    law: str = option("normal", f"How regions are drawn: {', '.join(LAWS)}.")
    draws: int = option(200, "Number of regions drawn.")
    advise: float | None = option(None, "Find the width at which this share of regions has no bad minimum.")
    bias: bool = option(True, "Whether neurons have biases.")
    report: ReportOption = None
    certificate: CertificateOption = None
    require: RequireOption = None
    seed: SeedOption = 0
    files: FileOptions


@takes_records
def regions(
    typed: typer.Context,
    table: Annotated[
        Path, typer.Argument(help="Inputs, one row per data point: CSV, TSV, Parquet, Feather or .npy.")
    ],
    asked: RegionOptions,
    cells: CellOptions,
) -> None:
    """Count the activation regions of ReLU networks on data, and report which have no bad minima."""
    width, seed, bias, network = asked.width, asked.seed, asked.bias, asked.network
    _check_asked(typed, asked)
    inputs, values = _read(table, asked.target, cells)
    data: dict[str, Any] = {"points": len(inputs), "inputs": inputs.shape[1]}
    count = data["patterns_of_a_neuron"] = _count(inputs, bias)
    survey = region = sharp = None
    if width is not None:
        survey = survey_regions(
            inputs, values, width=width, law=asked.law, n_regions=asked.draws, bias=bias, rng=seed
        )
    if network is not None:
        net = read_network(network)
        region = region_report(net, inputs, values, trained=asked.trained, rng=seed)
        sharp = NetworkSharpness.of(net, inputs, values, seed) if asked.sharpness else None
        if asked.certificate is not None:
            region.save_certificate(asked.certificate)
        data["network"] = dict(region.facts())
        data["notes"] = list(region.notes)
        data["certificate"] = region.certificate.as_dict()
    if sharp is not None:
        data |= sharp.as_data()
    if survey is not None:
        data["survey"] = _shares(survey)
    advice = None if asked.advise is None else _advice(inputs, asked.advise, bias, seed)
    if advice is not None:
        data["width"] = {"advised": advice.width, "lower": advice.lower, "upper": advice.upper}
    if asked.report is not None:
        _write_page(asked.report, region, survey, advice, seed, sharp)
    if asked.files.json:
        say_json(data)
    else:
        measured = None if sharp is None else "\n".join(sharp.lines())
        _say_all(inputs, bias, count, (region, measured, survey, advice))
        say_files({"certificate": asked.certificate, "report": asked.report})
    exit_on_missed(region.certificate if region else None, asked.require)


def _advice(inputs: Matrix, share: float, bias: bool, seed: int) -> WidthAdvice:
    n, d = inputs.shape
    return advise_width(n, d, share, bias=bias, inputs=inputs, rng=seed)


def _write_page(
    report: Path, region: Any, survey: Any, advice: Any, seed: int, sharp: NetworkSharpness | None
) -> None:
    settings = [("command", typed_command()), ("seed", str(seed))]
    if region is not None:
        page = region_page(
            region,
            survey=survey,
            advice=advice,
            settings=settings,
            tables=() if sharp is None else (sharp.table(),),
            more_notes=() if sharp is None else sharp.notes(),
        )
    else:
        page = survey_page(survey, advice, settings)
    try_report(lambda: write_report(report, page), report)


def _say_all(inputs: Any, bias: bool, count: int | None, parts: tuple[Any, ...]) -> None:
    exact = "exactly" if count is not None else "or fewer if the points are not in general position"
    shown = describe_count(count if count is not None else count_patterns(inputs, bias=bias, generic=True))
    say(
        f"{len(inputs)} points with {inputs.shape[1]} inputs: {shown} activation patterns per neuron, {exact}"
    )
    for part in parts:
        if part is not None:
            say(str(part))


def _read(table: Path, target: str | None, cells: CellOptions) -> tuple[Matrix, Vector | None]:
    """Return inputs and targets, if a column of targets is named."""
    names, numbers = read_numbers(table, None, cells.form)
    inputs, values = split_target(names, numbers, target, table)
    if not np.isfinite(numbers).all():
        i, j = np.argwhere(~np.isfinite(numbers))[0]
        where = f"column {names[j]!r}, data line {i + 1}"
        raise InvalidInputError(f"{table} has empty or infinite cells", where, fix="remove such rows")
    return inputs, values


def _check_asked(typed: typer.Context, asked: RegionOptions) -> None:
    """Refuse outputs that cannot be written, and options that would be ignored."""
    check_outputs(asked.report, asked.certificate, force=asked.files.force)
    check_claim(asked.require)
    if asked.report is not None and asked.network is None and asked.width is None:
        raise InvalidInputError(
            "there is nothing to report", "neither --network nor --width", fix="give one of them"
        )
    if asked.require is not None and asked.network is None:
        raise InvalidInputError("--require needs --network", asked.require, fix="give --network")
    if asked.width is None:
        refuse_given(typed, ("law", "draws"), "runs without --width", "no regions are drawn", "add --width")
    if asked.network is None:
        of_networks = ("trained", "sharpness", "certificate")
        without = "runs without --network"
        refuse_given(typed, of_networks, without, "no network is given", "add --network")


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
    drawn: dict[str, Any] = {"width": survey.width, "law": survey.law, "draws": survey.full.trials}
    drawn["summary"] = survey.summary
    return drawn | {
        name: {"share": share.estimate, "interval": list(share.interval())}
        for name, share in shares.items()
        if share is not None
    }
