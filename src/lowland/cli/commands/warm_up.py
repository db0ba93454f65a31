"""`lowland warm-up`: compile the kernels once, for images and machines where the first run must not wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated

import numpy as np
import typer

from lowland.cli.options import JsonOption, QuietOption
from lowland.cli.output import say, say_json
from lowland.completion.plan import CompletionPlan
from lowland.completion.planned_fit import fit_plan
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.core.running.stages import stage
from lowland.dynamics.exit_sets import HalfSpace
from lowland.dynamics.exits.escape import escape_times
from lowland.dynamics.laws import Overdamped
from lowland.dynamics.sample import split_escape
from lowland.measure import gaussian
from lowland.networks.network import ReluNetwork
from lowland.networks.regions.report import region_report
from lowland.networks.splines.minima_path import spline_paths
from lowland.networks.splines.stable_fit import fit_stable
from lowland.sensing.recover import recover
from lowland.tensors.tucker.decompose import decompose_tucker

# ranks with vector kernels of their own, and the shapes of two tables that are fitted: a large one with few
# known cells, whose ranks all use them, and a moderate one, whose kernels are compiled once for all ranks
LARGEST_RANK, LARGE, MODERATE = 95, (1500, 1450), (220, 210)


def warm_up(
    rank: Annotated[int, typer.Option(help="Compile kernels of tables for ranks up to this one.")] = 16,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Compile the kernels that most commands use, so that later runs on this machine start fast."""
    if not 1 <= rank <= LARGEST_RANK:
        raise InvalidInputError(f"--rank must lie between 1 and {LARGEST_RANK}", str(rank))
    tasks, started = [*_of_tables(rank), *_others()], time.perf_counter()
    with stage("kernels", len(tasks)) as tell:
        for done, task in enumerate(tasks, 1):
            task()
            tell(done)
    seconds = time.perf_counter() - started
    if json:
        say_json({"tasks": len(tasks), "seconds": seconds})
    else:
        say(f"{len(tasks)} tasks in {seconds:.1f} s; what was compiled stays on disk")


def _of_tables(largest: int) -> Iterator[Callable[[], object]]:
    """Yield small fits by each method: kernels are compiled for each rank."""
    rng = np.random.default_rng(0)
    large, moderate = (_cells(shape, share, rng) for shape, share in ((LARGE, 0.02), (MODERATE, 0.5)))

    def fit(cells: Observations, plan: CompletionPlan) -> object:
        fitted = fit_plan(cells, plan, rng=np.random.default_rng(0)).table
        # the companion of averages has kernels of its own
        return fitted.certify(np.random.default_rng(0), "quick")

    tables = [(moderate, 4), *((large, rank) for rank in range(1, largest + 1))]
    for cells, rank in tables:
        # draws come after variational sweeps
        yield partial(fit, cells, CompletionPlan(rank=rank, method="gibbs", draws=2, max_iter=2))
        yield partial(fit, cells, CompletionPlan(rank=rank, penalty=1.0, max_iter=2))
    few = _cells((MODERATE[0], 20), 0.5, rng)
    plan = CompletionPlan(method="gaussian", draws=2, max_iter=4)
    yield partial(fit_plan, few, plan, rng=np.random.default_rng(0))


def _cells(shape: tuple[int, int], share: float, rng: np.random.Generator) -> Observations:
    """Return known cells of a noisy table whose rows have levels of their own."""
    rows, columns = np.nonzero(rng.random(shape) < share)
    values = rng.standard_normal(shape[0])[rows] + rng.standard_normal(rows.size)
    return Observations(rows, columns, values, shape)


def _others() -> Iterator[Callable[[], object]]:
    """Yield small tasks of the other systems."""
    rng = np.random.default_rng(0)
    for count, side in ((60, 6), (600, 20)):  # the second one's matrices are read by compiled code
        measurement = gaussian(count, (side, side), rng)
        yield partial(recover, measurement, measurement.measure_matrix(np.ones((side, side))), rank=1, rng=0)
    tensor = np.einsum("i,j,k->ijk", *(rng.standard_normal(n) for n in (7, 6, 5)))
    yield partial(decompose_tucker, tensor, 1, rng=0)
    yield partial(decompose_tucker, np.where(rng.random(tensor.shape) < 0.3, np.nan, tensor), "auto", rng=0)
    out = HalfSpace(np.ones(1), 0.7)
    yield partial(escape_times, "double_well", [-1.0], exit=out, dynamics=Overdamped(0.01, beta=4), rng=0)
    rarely = Overdamped(0.05, beta=20)
    yield partial(
        split_escape, "double_well", [-1.0], exit=out, dynamics=rarely, n_walkers=8, n_runs=2, rng=0
    )
    layers = np.array([[1.0], [-1.0]]), np.ones(2)
    network = ReluNetwork(layers, (np.ones(2), None))
    yield partial(region_report, network, [-2.0, -1.5, 1.5, 2.0])
    x = np.linspace(-1, 1, 20)
    yield partial(fit_stable, x, x**2, step_size=0.1, width=10, n_steps=100, rng=0)
    yield partial(spline_paths, x, x**2, np.ones((1, x.size)), 3)
