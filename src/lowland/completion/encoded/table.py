"""A table with columns of levels or skewed columns, fitted as a table in numbers by a Bayesian method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np

from lowland.completion.bayesian.table import BayesianTable
from lowland.completion.cells.labels import TableLabels
from lowland.completion.encoded.encoding import Encoding
from lowland.completion.encoded.level_maps import learn_maps, usual_maps
from lowland.completion.encoded.model import EncodedModel
from lowland.completion.refinement.table import RefinedTable
from lowland.completion.tables.fitted import FittedTable, PageParts
from lowland.completion.tables.kept_fit import KeptFit
from lowland.completion.tables.trial import Predictor, Trial
from lowland.completion.tables.wrapped import WrappedTable
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.core.results.findings import Certificate
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import unless_interrupted

if TYPE_CHECKING:
    from lowland.recheck.documents import Document
    from lowland.report.page import Page, TableEntry

LEVELS = (
    "Levels are fitted as numbers: one column per level, ordered ones as normal scores; their probabilities "
    "are a logistic function of these, learnt from cells held out."
)
POWERS = "{} of {} columns are fitted as square roots or logarithms{}: {}."
# number of columns that are named
NAMED = 8


@final
@dataclass(frozen=True, eq=False)
class EncodedTable(WrappedTable):
    """A table completed by the fit of the same table in numbers.

    Parameters
    ----------
    model : EncodedModel
    base : BayesianTable or RefinedTable
        The table in numbers.
    seen : Observations or None
        The fitted table as it is; None for a model read without its data.
    """

    model: EncodedModel
    base: BayesianTable | RefinedTable
    seen: Observations | None

    @classmethod
    def of(
        cls, base: FittedTable, known: Encoding, table: Observations, rng: np.random.Generator
    ) -> EncodedTable:
        """Return the table of a fit in numbers, with maps to levels that are learnt from cells held out.

        If the fit or this is interrupted, levels have the probabilities of their frequencies.
        """
        assert isinstance(base, BayesianTable | RefinedTable)
        inner = base

        def refit(numbers: Observations) -> Callable[[Indices], Matrix]:
            return inner.refit(numbers, rng).row_scores

        maps = None
        if known.kinds and base.stop_reason is not StopReason.INTERRUPTED:
            maps = unless_interrupted(lambda: learn_maps(known, table, refit, rng), "learning from levels")
        maps = usual_maps(known) if maps is None else maps
        return cls(EncodedModel(base.model, known, maps, TableLabels.of(table)), base, table)

    def _with(self, base: BayesianTable | RefinedTable, known: Encoding, table: Observations) -> EncodedTable:
        model = replace(self.model, base=base.model, encoding=known, labels=TableLabels.of(table))
        return EncodedTable(model, base, table)

    @property
    def observations(self) -> Observations | None:
        """The fitted table; None if only the model is known."""
        return self.seen

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells that hold numbers."""
        return self.model.intervals(rows, columns, level)

    def predictor(self) -> Predictor:
        """Return predictions with standard errors."""
        return self.model

    def refit(self, table: Observations, rng: np.random.Generator) -> Predictor:
        """Return the fit of another table of the same shape by the same settings."""
        again = self.base.refit(self.model.encoding.encode(table), rng)
        return replace(self.model, base=again, labels=TableLabels.of(table))

    def refreshed(self, table: Observations, rows: Indices, columns: Indices) -> EncodedTable | None:
        """Return the table with some rows and columns solved again, None if that cannot be done."""
        known = self.model.encoding
        if table.shape[1] != known.width:
            return None
        known = known.renewed(table)
        inner = np.flatnonzero(np.isin(known.groups, columns))
        base = self.base.refreshed(known.encode(table), rows, inner)
        return None if base is None else self._with(base, known, table)

    def updated(self, table: Observations, rng: np.random.Generator) -> FittedTable:
        """Return the fit of a table that contains this one, warm-started from this fit."""
        known = self.model.encoding
        if table.shape[1] != known.width:
            raise UnsupportedError(
                "new columns have no kind", f"{table.shape[1]} columns", fix="fit the table again"
            )
        known = known.renewed(table)
        return self._with(self.base.updated(known.encode(table), rng), known, table)

    def sampler(self, what: str) -> EncodedModel:
        """Return the model, which draws."""
        return self.model

    def certify(self, rng: np.random.Generator, effort: str) -> tuple[EncodedTable, Certificate]:
        """Return the fit unchanged, and what is proved about the table in numbers."""
        base, certificate = self.base.certify(rng, effort)
        return EncodedTable(self.model, base, self.seen), certificate

    def document(self) -> Document:
        """Return the certificate with what is needed to derive it again; raise UnsupportedError of levels."""
        if self.model.encoding.kinds:
            raise UnsupportedError(
                "certificates of tables with levels are about the table in numbers and are not saved",
                "columns of levels",
                fix='fit the table with method="map"',
            )
        assert self.seen is not None
        found = self.base.document()
        names = ("column", "exponent", "shift", "lowest", "whole", "rest_shift", "least_rest")
        powers = [{name: one[name] for name in names} for one in self.model.encoding.plain_powers()]
        problem = {**found.problem, "powers": powers}
        return replace(found, data=self.seen.fingerprint(), problem=problem)

    def page(self, parts: PageParts) -> Page:
        """Return the page of a report."""
        from lowland.completion.tables.trial_page import trial_tables

        kinds, trial, seen = self.model.encoding.kinds, parts.trial, self.seen
        page = self.base.page(replace(parts, trial=None) if kinds else parts)
        of_noise = " (of the table in numbers)"
        asked = [(name, told + (of_noise if name == "noise" else "")) for name, told in page.asked]
        page = replace(page, asked=asked, notes=(*page.notes, *self._scope()))
        if not kinds or trial is None or seen is None:
            return page
        errors, names = trial_tables(trial, seen)[1], seen.column_labels
        numbers = np.flatnonzero(self.model.encoding.is_number)
        told = {str(j if names is None else names[j]) for j in numbers.tolist()}
        rows = [row for row in errors.rows if row[0] in told]
        shown = (replace(errors, rows=rows),) if rows else ()
        return replace(page, tables=(*page.tables, *shown, *_levels_told(trial, seen)))

    def _scope(self) -> list[str]:
        """Return what is fitted instead of the table, in sentences."""
        known, names = self.model.encoding, self.model.labels.columns
        lines = [LEVELS] if known.kinds else []
        if known.powers:
            told = [str(j if names is None else names[j]) for j in known.powers]
            more = [] if len(told) <= NAMED else [f"{len(told) - NAMED} more"]
            columns = ", ".join(told[:NAMED] + more)
            lines.append(POWERS.format(len(told), known.width, self._shares(), columns))
        return lines

    def _shares(self) -> str:
        """Return of how many shares these are, in words."""
        count = sum(power.whole > 0 for power in self.model.encoding.powers.values())
        if not count:
            return ""
        return (
            f", of {count} shares less those of the rest"
            if count > 1
            else ", of a share less that of the rest"
        )

    def with_kept(self, kept: KeptFit | None) -> EncodedTable:
        """Return the table with what a file holds of its fit: the table as it is."""
        if kept is None:
            return EncodedTable(self.model, self.base.with_kept(None), None)
        known, (rows, columns) = self.model.encoding, kept.covariates
        written = replace(
            kept,
            observations=known.encode(kept.observations),
            covariates=(rows, None if columns is None else columns[known.groups]),
        )
        return EncodedTable(self.model, self.base.with_kept(written), kept.observations)

    def keep(self) -> KeptFit:
        """Return what is kept of the fit in a file: the table as it is."""
        kept, known = self.base.keep(), self.model.encoding
        rows, columns = kept.covariates
        assert self.seen is not None
        own = None if columns is None else columns[known.starts]
        return replace(kept, observations=self.seen, covariates=(rows, own))

    def describe_method(self) -> str:
        """Return the method in a sentence."""
        known = self.model.encoding
        told = "; levels as numbers" if known.kinds else ""
        if known.powers:
            told += f"; {len(known.powers)} of {known.width} columns as square roots or logarithms"
            told += self._shares()
        return self.base.describe_method() + told

    def describe_certificate(self) -> str:
        """Return what the certificate is about."""
        return " ".join([self.base.describe_certificate(), *self._scope()])


def _levels_told(trial: Trial, seen: Observations) -> list[TableEntry]:
    """Return the table of columns of levels: how many held-out cells are right."""
    from lowland.report.page import TableEntry

    rows, names = [], seen.column_labels
    for j, count, _ in zip(*trial.errors_by_column(), strict=True):
        right = trial.right_in(int(j))
        if right is not None:
            commonest = np.bincount(seen.values[seen.columns == j].astype(np.intp)).argmax()
            usual = int(np.sum(trial.observed[trial.columns == j] == commonest))
            rows.append((str(j if names is None else names[j]), str(count), str(right), str(usual)))
    header = ("column", "held-out cells", "right", "right by the commonest level")
    return [TableEntry("Levels by column", header, rows)] if rows else []
