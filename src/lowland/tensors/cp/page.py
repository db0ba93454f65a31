"""Content of the report of a CP decomposition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.results.findings import Certificate
from lowland.core.results.records import Attempt, SearchResult
from lowland.core.results.status import Verdict
from lowland.report.page import FigureEntry, Lead, Page, TableEntry
from lowland.tensors.cp.constraints import asked_of
from lowland.tensors.cp.objective import CPObjective
from lowland.tensors.displays import FactorDisplay
from lowland.tensors.page_parts import convergence_figures, known_cells_figure, starts_table
from lowland.tensors.residual_map import residual_figure

# components that are drawn, each in a colour of its own
DRAWN = 5
# dependence of columns, in units of the relative error, below which the fit's errors may decide on it
FRAGILE = 10.0


class DecomposedComponents(Protocol):
    """A CP decomposition with how it was found, so that the page need not know the record that imports it."""

    @property
    def objective(self) -> CPObjective:
        """The problem that was solved."""

    @property
    def search(self) -> SearchResult:
        """The best search."""

    @property
    def certificate(self) -> Certificate | None:
        """What is proved; None if not asked for."""

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every start, in order, and how it ended."""

    @property
    def strengths(self) -> Vector:
        """Norms of the components."""

    @property
    def factors(self) -> tuple[Matrix, ...]:
        """One factor per mode."""

    @property
    def relative_error(self) -> float:
        """Norm of the residual over the norm of the data."""

    @property
    def core_consistency(self) -> float:
        """Percentage of a full core that is on its diagonal."""

    @property
    def cosines(self) -> Matrix:
        """Cosines of components with each other."""

    @property
    def cancels(self) -> bool:
        """Whether two components nearly cancel each other."""


def cp_page(
    fit: DecomposedComponents,
    *,
    names: Sequence[str] | None = None,
    coordinates: Sequence[NDArray[Any] | None] = (),
    settings: Sequence[tuple[str, str]] = (),
) -> Page:
    """Return the page of a decomposition.

    Parameters
    ----------
    fit : DecomposedComponents
        A `CPFit`.
    names : sequence of str, optional
        Names of the modes.
    coordinates : sequence of ndarray or None, optional
        Coordinates along each mode.
    settings : sequence of pairs
        Settings needed to repeat the run.

    Returns
    -------
    Page
    """
    shape = fit.objective.shape
    names = [f"mode {n}" for n in range(len(shape))] if names is None else list(names)
    return Page(
        f"CP decomposition of a {' x '.join(str(k) for k in shape)} tensor",
        _asked(fit),
        fit.certificate,
        tables=_tables(fit, names),
        figures=_figures(fit, names, coordinates),
        settings=settings,
        lead=Lead(_sentences(fit)),
    )


def _sentences(fit: DecomposedComponents) -> list[str]:
    count = fit.strengths.size
    told = [
        f"The known cells are described up to a relative error of {fit.relative_error:.3g} by {count} "
        f"component{'s' if count > 1 else ''}; the core consistency is {fit.core_consistency:.3g} %."
    ]
    finding = None if fit.certificate is None else fit.certificate["unique_decomposition"]
    unique = None if finding is None else finding.verdict
    smallest = 1.0 if finding is None else float(finding.witness.get("smallest", 1.0))
    if unique is Verdict.PROVED and smallest < FRAGILE * fit.relative_error:
        told.append(
            "No other components of this number add up to the fitted tensor, but some columns are so nearly "
            "dependent that errors of the size of the residual could make others of it: interpret with care."
        )
    elif unique is Verdict.PROVED:
        told.append(
            "No other components of this number add up to the fitted tensor: they may be interpreted."
        )
    elif unique is Verdict.REFUTED:
        told.append("Other components add up to the same tensor: these must not be interpreted one by one.")
    if fit.cancels:
        told.append(
            "Two components nearly cancel each other, as they do where no best decomposition exists: use "
            "fewer of them, or nonnegative modes."
        )
    return told


def _asked(fit: DecomposedComponents) -> list[tuple[str, str]]:
    data, search = fit.objective.data, fit.search
    asked = [
        ("tensor", f"{data.size} of {int(np.prod(data.shape))} cells known ({data.observed_share:.1%})"),
        ("components", str(fit.strengths.size)),
        ("relative error", f"{fit.relative_error:.4g} on the known cells"),
        ("core consistency", f"{fit.core_consistency:.4g} %"),
        ("solver", search.solver.replace("_", " ")),
        ("stopped", f"{search.stop_reason.value.replace('_', ' ')}: {search.message}"),
        ("objective", f"{search.value:.6g} after {search.iterations} steps in {search.seconds:.2g} s"),
    ]
    return asked + asked_of(fit.objective.constraints)


def _tables(fit: DecomposedComponents, names: Sequence[str]) -> tuple[TableEntry, ...]:
    square = float(np.sum(fit.strengths**2)) or 1.0
    near = fit.cosines - 2 * np.eye(fit.strengths.size)
    rows = [
        (
            str(k + 1),
            f"{strength:.4g}",
            f"{strength**2 / square:.1%}",
            "" if near.shape[0] == 1 else f"{near[k].max():.3f}",
        )
        for k, strength in enumerate(fit.strengths)
    ]
    columns = ("component", "strength", "share of squares", "largest cosine with another")
    return (TableEntry("Components", columns, rows), starts_table(fit.attempts))


def _figures(
    fit: DecomposedComponents, names: Sequence[str], coordinates: Sequence[NDArray[Any] | None]
) -> tuple[FigureEntry, ...]:
    data, search = fit.objective.data, fit.search
    figures: list[FigureEntry] = []
    along = coordinates or (None,) * len(names)
    for factor, name, place in zip(fit.factors, names, along, strict=True):
        own = fit.objective.kept_scales[len(figures)]
        scale = "those that are known as they are, the others of length one" if own.any() else "of length one"
        words = f"The components along {name}, {scale}."
        drawn = FactorDisplay(factor, name, place, most=DRAWN)
        figures.append(FigureEntry(f"Factor: {name}", words, drawn.plot))
    predicted = fit.objective.predict(search.theta)
    known = known_cells_figure(data.values, predicted)
    missed = residual_figure(data, predicted, names, coordinates)
    return (*figures, known, *missed, *convergence_figures(search))
