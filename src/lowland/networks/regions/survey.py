"""`survey_regions`: shares of activation regions with a full-rank Jacobian, and with a global minimum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.core.arrays import Matrix, Vector, check_floats
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import whole_number
from lowland.core.random import RandomSource, make_generator, spawn
from lowland.core.results.shown import Shown
from lowland.core.running.interrupt import Interruptible
from lowland.core.running.progress import Reporter
from lowland.networks.certificates.region_minima import UNSURE
from lowland.networks.kernels.exact_ranks import full_rank, modular_rank
from lowland.networks.network import check_inputs, check_targets
from lowland.networks.regions.patterns import (
    augmented,
    describe_count,
    generic_pattern_count,
    neuron_patterns,
)
from lowland.networks.regions.program import region_optimum, with_inner_minimum
from lowland.networks.regions.share import Share
from lowland.report.reported import Reported

if TYPE_CHECKING:
    from lowland.report.page import Page

LAWS = ("normal", "uniform", "count")
_BATCH = 64


@public("lowland.networks")
@final
@dataclass(frozen=True, eq=False, repr=False)
class RegionSurvey(Shown, Reported):
    """Properties of drawn activation regions of one hidden layer.

    Parameters
    ----------
    full : Share
        Regions whose Jacobian has full row rank, so that no differentiable minimum in them is bad.
    global_minimum : Share or None
        Regions whose closure has a network of zero loss, if targets were given.
    bad_minimum : Share or None
        Regions with a minimum of positive loss inside, if targets were given.
    best_losses : ndarray or None
        The best loss of each region drawn.
    width, n_points, n_inputs : int
    law : str
        How regions were drawn.
    regions : int
        Upper bound on the number of regions, attained in general position.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> survey = ll.networks.survey_regions(np.linspace(-1, 1, 5), width=8, n_regions=50, rng=0)
    >>> survey.full.trials, survey.regions == 10**8
    (50, True)
    >>> low, high = survey.full.interval()
    >>> low < survey.full.estimate < high
    True
    """

    full: Share
    global_minimum: Share | None
    bad_minimum: Share | None
    best_losses: Vector | None
    width: int
    n_points: int
    n_inputs: int
    law: str
    regions: int

    @property
    def summary(self) -> str:
        """What was found about bad minima, in one sentence."""
        bad, fitting = self.bad_minimum, self.global_minimum
        if bad is None or fitting is None:
            return (
                f"{100 * self.full.estimate:.3g} % of the regions drawn are known to have no bad minimum "
                "whatever the targets; of the others this says nothing: pass targets to look for bad minima "
                "in each."
            )
        edge = Share(bad.trials - bad.hits - bad.undecided - fitting.hits, bad.trials)
        open_ones = f"; {bad.undecided} could not be decided" if bad.undecided else ""
        return (
            f"{100 * bad.estimate:.3g} % of the regions drawn have a bad minimum inside, "
            f"{100 * fitting.estimate:.3g} % a network that fits the data, and {100 * edge.estimate:.3g} % "
            f"their best loss on the boundary only, where training goes on into another region{open_ones}."
        )

    def _lines(self) -> list[str]:
        weight = "regions" if self.law == "count" else f"regions by volume ({self.law} weights)"
        lines = [
            f"{self.n_points} points of {self.n_inputs} inputs, width {self.width}; {self.full.trials} "
            f"{weight} drawn of at most {describe_count(self.regions)}",
            f"  full-rank Jacobian, hence no bad minimum whatever the targets: {self.full}",
        ]
        if self.global_minimum is not None:
            lines.append(f"  a network that fits the data, its boundary included: {self.global_minimum}")
        if self.bad_minimum is not None:
            lines.append(f"  a bad minimum inside: {self.bad_minimum}")
        return [*lines, f"  {self.summary}"]

    def _page(self) -> Page:
        from lowland.networks.regions.pages import survey_page

        return survey_page(self)


@public("lowland.networks")
@Interruptible()
def survey_regions(
    inputs: ArrayLike,
    targets: ArrayLike | None = None,
    *,
    width: int,
    law: str = "normal",
    n_regions: int = 200,
    bias: bool = True,
    outer: ArrayLike | None = None,
    rng: RandomSource = None,
) -> RegionSurvey:
    """Draw activation regions of a layer of ReLU neurons and estimate how many have bad minima.

    Parameters
    ----------
    inputs : array_like, shape (n, d) or (n,)
    targets : array_like, shape (n,), optional
        If given, the best loss of every region drawn is computed.
    width : int
        Number of neurons.
    law : {"normal", "uniform", "count"}
        By volume, with weights and biases from a normal law or uniform on a cube; or every non-empty region
        with equal probability, by enumerating the patterns of a neuron.
    n_regions : int
        Number of regions to draw.
    bias : bool
        Whether neurons have biases.
    outer : array_like, shape (width,), optional
        Output weights, for the losses; by default 1, -1, 1, ...
    rng : int, Generator or None

    Returns
    -------
    RegionSurvey

    Raises
    ------
    InvalidInputError
        If a setting is unknown, or there are too many patterns to enumerate.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> survey = ll.networks.survey_regions(np.linspace(-1, 1, 5), width=40, law="count", rng=0)
    >>> survey.full.trials, survey.full.estimate > 0.9
    (200, True)
    """
    points = check_inputs(inputs)
    values = None if targets is None else check_targets(targets, len(points))
    whole_number(width, "width", 1)
    whole_number(n_regions, "n_regions", 1)
    if law not in LAWS:
        raise InvalidInputError("law is unknown", repr(law), fix=f"use one of {', '.join(LAWS)}")
    weights = _outer(outer, width)
    # two streams, so the regions drawn do not depend on how their ranks are computed
    generator, residues = spawn(make_generator(rng), 2)
    rows = augmented(points, bias)
    known = neuron_patterns(points, bias=bias) if law == "count" else None
    full, losses, zero, bad, undecided = 0, [], 0, 0, 0
    tell = Reporter(None, n_regions, what="regions")
    for low in range(0, n_regions, _BATCH):
        tell(low)
        active = _draw(rows, min(_BATCH, n_regions - low), width, law, known, generator)
        ranks = full_rank(active, rows, residues)
        full += int(ranks.sum())
        if values is None:
            continue
        for one, is_full in zip(active, ranks, strict=True):
            best = region_optimum(rows, values, weights, one)
            losses.append(best.loss)
            zero += best.is_zero
            if is_full or best.is_zero or best.margin <= -UNSURE:
                continue
            inner = with_inner_minimum(best, modular_rank(one, rows, residues)).inner
            bad += inner is not None
            undecided += inner is None
    asked = values is not None
    return RegionSurvey(
        full=Share(full, n_regions),
        global_minimum=Share(zero, n_regions) if asked else None,
        bad_minimum=Share(bad, n_regions, undecided) if asked else None,
        best_losses=np.array(losses) if asked else None,
        width=width,
        n_points=len(points),
        n_inputs=points.shape[1],
        law=law,
        regions=generic_pattern_count(*rows.shape) ** width,
    )


def _outer(outer: ArrayLike | None, width: int) -> Vector:
    if outer is None:
        return np.where(np.arange(width) % 2, -1.0, 1.0)
    weights = check_floats(outer, "outer", dtype="float64")
    if weights.shape != (width,) or not weights.all():
        raise InvalidInputError(
            "outer must be one finite nonzero weight per neuron", f"shape {weights.shape}"
        )
    return weights


def _draw(
    rows: Matrix, count: int, width: int, law: str, known: NDArray[np.bool_] | None, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return patterns of drawn networks, shape (count, n, width)."""
    if known is not None:
        picks = rng.integers(0, len(known), (count, width))
        return np.ascontiguousarray(np.swapaxes(known[picks], 1, 2))
    size = (count, rows.shape[1], width)
    weights = rng.standard_normal(size) if law == "normal" else rng.uniform(-1, 1, size)
    active: NDArray[np.bool_] = rows @ weights > 0
    return active
