"""Columns with several losses: encode values in common units for a fit, and decode predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.columns.kinds import LEVELS, MOST_LEVELS, NUMBERS, Kind, fitting_losses, parse_word
from lowland.completion.columns.ordered_levels import marginal_thresholds, refitted_thresholds
from lowland.completion.columns.units import in_common, noise_of, precision_of, units_of
from lowland.core.arrays import Indices, Matrix, Vector, places_of_each
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Remedy, Words, counted, nearest
from lowland.losses import Mixed

# one loss for all columns, or losses of some columns by label or position; the others are squared
Losses: TypeAlias = str | Mapping[str | int, str]

# up to this many columns of a loss are listed by name
NAMED = 6
# decreasing widths of the quadratic that replaces a kink, in the unit of the fit
WIDTHS = (1.0, 0.3, 0.1, 0.05)
# number of cells that the typical noise of the table counts for, as a prior
PRIOR = 4.0


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Columns:
    """The kinds and units of all columns of a table.

    Parameters
    ----------
    kinds : tuple of Kind
    which : ndarray of int, shape (n,)
        The kind of each column.
    centres, spreads : ndarray, shape (n,)
        Centre and unit of numbers; 0 and 1 for other kinds.
    shifts : ndarray, shape (n,)
        Natural parameter of a column before the fit.
    precisions : ndarray, shape (n,)
        Weight of a column's loss: the inverse variance of its noise (for absolute losses, the rate).
    learns : bool
        Whether precisions are learnt; otherwise all columns have equal weight.
    unit : float
        Typical spread of numbers in the unit of the fit.
    """

    kinds: tuple[Kind, ...]
    which: Indices
    centres: Vector
    spreads: Vector
    shifts: Vector
    precisions: Vector
    learns: bool = True
    unit: float = 1.0

    @classmethod
    def of(
        cls, table: Observations, losses: Losses, *, scale: str = "column", noise: str = "column"
    ) -> Columns:
        """Return the kinds of columns, with units, levels and shifts estimated from a table.

        Parameters
        ----------
        table : Observations
        losses : str or mapping
            One loss for all columns, which then share their levels, or losses of some columns by label or
            position.
        scale : {"column", "common"}
            Whether numbers are centred and scaled column by column, or keep their unit.
        noise : {"column", "common"}
            Whether columns are weighted by their estimated noise, or equally.

        Raises
        ------
        InvalidInputError
            If a loss or column is unknown, or values contradict their loss.
        """
        n = table.shape[1]
        by_column = places_of_each(table.columns, table.shape[1])
        if isinstance(losses, str):
            word, number = parse_word(losses, "loss")
            made = [_kind(word, number, table.values, "the table")] * n
        else:
            named = _resolved(losses, table)
            made = [
                _kind(
                    *named.get(j, ("squared", 0.0)), table.values[by_column[j]], f"column {_name(table, j)}"
                )
                for j in range(n)
            ]
        (kinds, which), unit = _distinct(made), 1.0
        centres, spreads, shifts = units_of(made, table)
        numbers = np.array([kind.word in NUMBERS for kind in made])
        seen = numbers & (table.column_counts() > 0)
        if scale == "common" and seen.any():
            unit = float(np.median(spreads[seen]))
            centres, spreads = in_common(centres, spreads, numbers, table)
            kinds = tuple(replace(kind, width=kind.width * unit) for kind in kinds)
        return cls(
            kinds=kinds,
            which=which,
            centres=centres,
            spreads=spreads,
            shifts=shifts,
            precisions=np.ones(n),
            learns=noise == "column",
            unit=unit,
        )

    def renewed(self, table: Observations) -> Columns:
        """Return the columns in the units of a later table; what fits have taught is kept.

        Precisions are those of the noise as a share of a column's spread, and need not change.
        """
        kinds, unit = self.kinds, self.unit
        numbers = np.array([kind.word in NUMBERS for kind in kinds])[self.which]
        centres, spreads, shifts = units_of([kinds[k] for k in self.which], table)
        if numbers.any() and np.ptp(self.centres[numbers]) == 0 and (self.spreads[numbers] == 1).all():
            unit = float(np.median(spreads[numbers & (table.column_counts() > 0)]))
            centres, spreads = in_common(centres, spreads, numbers, table)
            kinds = tuple(replace(kind, width=kind.width * unit / self.unit) for kind in kinds)
        return replace(self, kinds=kinds, unit=unit, centres=centres, spreads=spreads, shifts=shifts)

    # ---------------------------------------------------------------- into a fit

    def encode(self, table: Observations) -> Vector:
        """Return values in the unit of the fit: standardised numbers, counts, codes of levels."""
        scaled = (table.values - self.centres[table.columns]) / self.spreads[table.columns]
        for kind, at in self._cells(table.columns):
            if not kind.levels:
                continue
            levels, values = np.asarray(kind.levels), table.values[at].astype(np.float64)
            codes = np.clip(np.searchsorted(levels, values), 0, levels.size - 1)
            wrong = levels[codes] != values
            if wrong.any():
                bad = at[int(np.argmax(wrong))]
                raise InvalidInputError(
                    "a value is not one of the levels of its column",
                    f"{table.values[bad]:g} in column {_name(table, int(table.columns[bad]))}",
                    f"the levels of the fit are {', '.join(f'{level:g}' for level in kind.levels[:8])}",
                    "leave the cell missing, or fit again",
                )
            scaled[at] = codes
        return np.asarray(scaled, table.values.dtype)

    def loss(self, columns: Indices) -> Mixed:
        """Return the loss of cells in these columns."""
        parts = tuple(kind.loss for kind in self.kinds)
        return Mixed(parts, self.which[columns], self.shifts[columns])

    def weights(self, table: Observations) -> Vector:
        """Return the weights of cells times the precisions of their columns."""
        weights = self.precisions[table.columns]
        weights = weights if table.weights is None else weights * table.weights
        return weights.astype(table.values.dtype)

    # ---------------------------------------------------------------- and back

    def mean(self, z: Vector, columns: Indices) -> Vector:
        """Return expected values of cells in the unit of the table; quantiles for quantile losses."""
        return self._back(z, columns, lambda kind, z: kind.mean(z))

    def likeliest(self, z: Vector, columns: Indices) -> Vector:
        """Return the likeliest level of cells with levels, and expected values of the others."""
        return self._back(z, columns, lambda kind, z: kind.likeliest(z))

    def draw(self, z: Vector, columns: Indices, rng: np.random.Generator) -> Vector:
        """Return new observations of cells whose natural parameters, without shifts, are z."""
        precisions = self.precisions[columns]
        out = np.empty(z.size)
        for kind, at in self._cells(columns):
            out[at] = kind.draw(z[at] + self.shifts[columns[at]], precisions[at], rng)
        return np.asarray(self.centres[columns] + self.spreads[columns] * out)

    def spread(self, z: Vector, columns: Indices) -> Vector:
        """Return standard deviations of new observations around exact predictions."""
        precisions = self.precisions[columns]
        out = np.empty(z.size)
        natural = z.astype(np.float64) + self.shifts[columns]
        for kind, at in self._cells(columns):
            out[at] = np.sqrt(np.maximum(kind.variance(natural[at], precisions[at]), 0))
        return self.spreads[columns] * out

    @property
    def biases(self) -> tuple[str, ...]:
        """The biases that are meaningful: a row bias needs columns that share a loss."""
        return ("column",) if len(self.words()) > 1 else ("row", "column")

    @cached_property
    def numbers(self) -> NDArray[np.bool_]:
        """Mask of the columns that hold numbers or counts, shape (n,)."""
        return np.array([kind.word not in LEVELS for kind in self.kinds])[self.which]

    @cached_property
    def calibrating(self) -> tuple[NDArray[np.bool_], ...]:
        """Groups of columns whose errors are calibrated together: numbers, and counts."""
        return tuple(group for group in (self.numbers & ~self._counts, self._counts) if group.any())

    def least(self, columns: Indices) -> Vector:
        """Return the smallest value that cells of these columns can have: zero for counts."""
        return np.asarray(np.where(self._counts[columns], 0.0, -np.inf))

    @cached_property
    def _counts(self) -> NDArray[np.bool_]:
        counts: NDArray[np.bool_] = np.array([kind.word == "poisson" for kind in self.kinds])[self.which]
        return counts

    def probabilities(self, z: Vector, column: int) -> Matrix:
        """Return the probabilities of a column's levels for natural parameters z, without shifts."""
        natural = z.astype(np.float64) + self.shifts[column]
        kind: Kind = self.kinds[self.which[column]]
        return kind.probabilities(natural)

    def levels_of(self, column: int) -> Vector:
        """Return the values that are the levels of a column, none of a column of numbers."""
        return np.array(self.kinds[self.which[column]].levels, np.float64)

    def excesses(self, table: Observations, z: Vector) -> Vector:
        """Return the outlying part of cells with predictions z, in the unit of the table, shape (p,)."""
        errors, out = self.encode(table).astype(np.float64) - z, np.zeros(table.size)
        for kind, at in self._cells(table.columns):
            out[at] = kind.excess(errors[at])
        return out * self.spreads[table.columns]

    def _back(self, z: Vector, columns: Indices, read: Callable[[Kind, Vector], Vector]) -> Vector:
        out = np.empty(z.size)
        natural = z.astype(np.float64) + self.shifts[columns]
        for kind, at in self._cells(columns):
            out[at] = read(kind, natural[at])
        back = self.centres[columns] + self.spreads[columns] * out
        return np.asarray(back, z.dtype)

    def _cells(self, columns: Indices) -> list[tuple[Kind, Indices]]:
        which = self.which[columns]
        return [(kind, np.flatnonzero(which == k)) for k, kind in enumerate(self.kinds)]

    # ---------------------------------------------------------------- what a fit teaches

    def with_thresholds(self, apart: Observations, z: Vector) -> Columns:
        """Return columns with thresholds fitted to held-out cells, whose predictions are z."""
        y, natural = self.encode(apart).astype(np.float64), z.astype(np.float64) + self.shifts[apart.columns]
        weights = _relative_weights(apart)
        kinds = [
            refitted_thresholds(kind, y[at], natural[at], weights[at]) if kind.word == "ordinal" else kind
            for kind, at in self._cells(apart.columns)
        ]
        return self._with([kinds[k] for k in self.which], self.precisions)

    def with_noise(self, table: Observations, z: Vector, variances: Vector) -> Columns:
        """Return columns with the noise estimated from the fitted cells.

        Parameters
        ----------
        table : Observations
        z, variances : ndarray, shape (p,)
            Predictions of its cells in the unit of the fit, and their variances.

        Notes
        -----
        For columns with few cells the estimate is shrunk towards the typical noise of the table.
        """
        if not self.learns:
            return self
        y, z = self.encode(table).astype(np.float64), z.astype(np.float64)
        weights, groups = _relative_weights(table), places_of_each(table.columns, table.shape[1])
        kinds = [self.kinds[k] for k in self.which]
        noises = {
            j: noise_of(kinds[j], y[at], z[at], variances[at], weights[at])
            for j, at in enumerate(groups)
            if kinds[j].word in NUMBERS and at.size
        }
        usual = float(np.median([noise for noise, _ in noises.values()])) if noises else 1.0
        precisions = self.precisions.copy()
        for j, kind in enumerate(kinds):
            noise, count = noises.get(j, (usual, 0.0))
            if kind.word in NUMBERS:
                precisions[j] = precision_of((PRIOR * usual + count * noise) / (PRIOR + count))
                kinds[j] = replace(kind, precision=precisions[j]) if kind.word == "huber" else kind
        return self._with(kinds, precisions)

    @cached_property
    def smoother(self) -> tuple[Columns, ...]:
        """The same columns with losses smoothed less and less, since cells near a kink slow down a search."""
        stages = []
        for width in WIDTHS:
            wider = [kind.widened(width * self.unit) for kind in self.kinds]
            if tuple(wider) != self.kinds:
                stages.append(self._with([wider[k] for k in self.which], self.precisions))
        return tuple(stages)

    def _with(self, kinds: Sequence[Kind], precisions: Vector) -> Columns:
        distinct, which = _distinct(kinds)
        return replace(self, kinds=distinct, which=which, precisions=precisions)

    def describe(self, table: Observations) -> str:
        """Return the losses, each with its number of columns, or their names if they are few."""
        told = []
        for word in self.words():
            columns = [j for j, k in enumerate(self.which) if self.kinds[k].word == word]
            names = columns if table.column_labels is None else table.column_labels[columns].tolist()
            few = ", ".join(map(str, names[:NAMED]))
            told.append(f"{word} ({few if len(columns) <= NAMED else counted(len(columns), 'column')})")
        return "; ".join(told)

    def words(self) -> Sequence[str]:
        """Return the names of the losses used."""
        return sorted({kind.word for kind in self.kinds})


def _distinct(kinds: Sequence[Kind]) -> tuple[tuple[Kind, ...], Indices]:
    """Return the distinct kinds in order of appearance, and the index of the kind of each column."""
    places = {kind: k for k, kind in enumerate(dict.fromkeys(kinds))}
    return tuple(places), np.array([places[kind] for kind in kinds], np.intp)


def check_columns(losses: Losses, table: Observations) -> None:
    """Raise unless all named columns exist and their losses are known."""
    if not isinstance(losses, str):
        _resolved(losses, table)


def _kind(word: str, number: float, values: Vector, where: str) -> Kind:
    if word == "poisson" and values.size and (values.min() < 0 or (values != np.round(values)).any()):
        bad = values[(values < 0) | (values != np.round(values))][0]
        raise InvalidInputError(
            f'loss "poisson" of {where} needs counts', f"{bad:g}", "counts are integers of at least 0"
        )
    if word not in LEVELS:
        return Kind(word, number)
    levels, counts = np.unique(values.astype(np.float64), return_counts=True)
    if word == "logistic" and levels.size > 2:
        shown = ", ".join(f"{level:g}" for level in levels[:5])
        raise InvalidInputError(
            f'loss "logistic" of {where} needs two levels',
            f"{counted(levels.size, 'level')}, {shown}",
            fix=fitting_losses(levels),
        )
    if not 2 <= levels.size <= MOST_LEVELS:
        raise InvalidInputError(
            f'loss "{word}" of {where} needs 2 to {MOST_LEVELS} levels',
            f"{levels.size}",
            fix=Remedy("leave the column out", fitting_losses(levels)),
        )
    thresholds = (0.0,) if word == "logistic" else marginal_thresholds(counts)
    return Kind(word, 0.0, tuple(levels.tolist()), thresholds)


def _relative_weights(table: Observations) -> Vector:
    """Return the weights of cells divided by their mean."""
    if table.weights is None:
        return np.ones(table.size)
    return table.weights.astype(np.float64) / float(np.mean(table.weights, dtype=np.float64))


def _resolved(losses: Mapping[str | int, str], table: Observations) -> dict[int, tuple[str, float]]:
    """Return the loss names and numbers of the named columns by position."""
    kinds: dict[int, tuple[str, float]] = {}
    names = None if table.column_labels is None else {str(x): j for j, x in enumerate(table.column_labels)}
    for column, text in losses.items():
        at: Any = column if names is None or isinstance(column, int | np.integer) else names.get(str(column))
        if names is not None and str(column) in names:
            at = names[str(column)]
        if not isinstance(at, int | np.integer) or isinstance(at, bool) or not 0 <= at < table.shape[1]:
            known = nearest(str(column), names) if names else f"0 to {table.shape[1] - 1}"
            what = Words(Option("loss"), " names a column that does not exist")
            raise InvalidInputError(what, repr(column), fix=f"use a column that there is: {known}")
        kinds[int(at)] = parse_word(text, f"loss of column {column!r}")
    return kinds


def _name(table: Observations, column: int) -> str:
    return str(column) if table.column_labels is None else repr(table.column_labels[column].item())
