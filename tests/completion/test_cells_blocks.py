"""Cells in one block and in many: the same bits, whatever is asked of them."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest

import lowland as ll
from cases import BAYESIAN
from lowland.cells.block import CellBlock
from lowland.cells.labels import TableLabels
from lowland.cells.sides import PerLine, TableCells, whole_argument
from lowland.completion.bayesian.settings import BayesianSettings
from lowland.completion.bayesian.sweeps import fit_cells
from lowland.completion.cells.summary import TableSummary
from lowland.kernels.sparse_tables.sparse_gram import add_pairs
from lowland.search import Iterations, run
from lowland.search.gibbs import Gibbs
from lowland.search.variational import Variational

pytestmark = pytest.mark.usefixtures("light_fits_throughout")


@dataclass
class ManyBlocks:
    """Blocks of a side in memory, cut at given lines; `forget` makes each believe that it is the first."""

    blocks: list[CellBlock]
    bounds: list[int]
    forget: bool = False

    @classmethod
    def of(cls, whole, bounds, forget=False):
        blocks = []
        for low, high in pairwise(bounds):
            own = slice(whole.starts[low], whole.starts[high])
            weights = None if whole.weights is None else whole.weights[own]
            starts = whole.starts[low : high + 1] - whole.starts[low]
            first = 0 if forget else low
            blocks.append(CellBlock(first, starts, whole.partners[own], whole.values[own], weights))
        return cls(blocks, bounds)

    @property
    def counts(self):
        return np.concatenate([np.diff(block.starts) for block in self.blocks])

    def arguments(self, given, low, high):
        return [
            argument.array[low:high]
            if isinstance(argument, PerLine) and argument.array is not None
            else whole_argument(argument)
            for argument in given
        ]

    def each(self, function, given):
        ends = pairwise(self.bounds)
        return [
            function(block, *self.arguments(given, low, high))
            for block, (low, high) in zip(self.blocks, ends, strict=True)
        ]

    def map(self, function, *arguments):
        return tuple(np.concatenate(arrays) for arrays in zip(*self.each(function, arguments), strict=True))

    def change(self, function, *arguments):
        return ManyBlocks(self.each(function, arguments), self.bounds)

    def kept(self):
        return self

    def add_pairs(self, weights, gram, at):
        n = gram.shape[0] - at
        for block, low, high in zip(self.blocks, self.bounds[:-1], self.bounds[1:], strict=True):
            add_pairs(block.starts, block.partners, weights[low:high], gram[at:, at:], tile=(0, n))
        return gram


def in_blocks(cells, cuts, *, forget=False):
    """The same cells with both sides cut at shares of their lengths."""
    sides = []
    for side in (0, 1):
        length = cells.shape[side]
        bounds = [0, *sorted(int(share * length) for share in cuts), length]
        sides.append(ManyBlocks.of(cells.sides[side].block, bounds, forget))
    return replace(cells, sides=tuple(sides))


CUTS = ([0.5], [0.1, 0.1, 0.35, 0.9], [k / 12 for k in range(1, 12)])


def searched(objective, stepper):
    theta = 0.3 * np.random.default_rng(0).standard_normal(objective.size)
    result = run(objective, stepper, theta, stop=Iterations(4), rng=np.random.default_rng(1))
    return result.state.theta, result.trace.values


# every objective by both steppers, and all cuts in turn
FORMS = [
    pytest.param(
        name,
        cuts,
        stepper,
        id=f"{stepper.name}-{len(cuts)}-{name}",
        marks=[pytest.mark.slow] * (k % 3 != number),
    )
    for stepper in (Variational(), Gibbs(burn_in=1))
    for number, cuts in enumerate(CUTS)
    for k, name in enumerate(BAYESIAN)
]


@pytest.mark.parametrize(("name", "cuts", "stepper"), FORMS)
def test_sweeps_have_the_same_bits(name, cuts, stepper):
    whole, parts = BAYESIAN[name](), BAYESIAN[name]()
    parts.cells = in_blocks(parts.cells, cuts)
    for found, expected in zip(searched(parts, stepper), searched(whole, stepper), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_blocks_that_forget_their_place_are_found_out():
    """The mutant: normals are counted from the first row of the block."""
    whole, parts = BAYESIAN["everything"](), BAYESIAN["everything"]()
    parts.cells = in_blocks(parts.cells, CUTS[0], forget=True)
    assert (searched(parts, Gibbs(burn_in=1))[0] != searched(whole, Gibbs(burn_in=1))[0]).any()


def graded_table(rng, shape=(90, 40)):
    full = rng.standard_normal((shape[0], 2)) @ rng.standard_normal((2, shape[1])) + 3
    rows, columns = np.nonzero(rng.random(shape) < 0.25)
    return ll.Observations.from_triples(
        rows, columns, np.clip(np.rint(full[rows, columns]), 1, 5), shape=shape
    )


@pytest.mark.parametrize(
    ("described", "turned"),
    [
        (False, False),
        (True, True),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((False, True), (True, False))),
    ],
)
def test_whole_fits_have_the_same_bits(turned, described, rng):
    """The pattern's Gram matrices, both ways round, with and without covariates."""
    table = graded_table(rng)
    if turned:
        table = replace(table, rows=table.columns, columns=table.rows, shape=table.shape[::-1])
    cells = TableCells.of(table)
    about = tuple(rng.standard_normal((length, 2)) if described else None for length in table.shape)
    settings = BayesianSettings(rank=2, pattern=True, draws=2, max_iterations=5)
    models = [
        fit_cells(
            own, TableLabels(table.shape), settings, rng=np.random.default_rng(0), covariates=about
        ).model
        for own in (cells, in_blocks(cells, CUTS[1]))
    ]
    for name in ("rows", "columns"):
        for part in ("means", "covariances"):
            one, other = (getattr(getattr(model, name), part) for model in models)
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(models[0].row_draws, models[1].row_draws)


def test_a_summary_is_that_of_the_definition(rng):
    table = graded_table(rng)
    table = replace(table, weights=rng.uniform(0.5, 2, table.size))
    found = TableSummary.of(in_blocks(TableCells.of(table), CUTS[1]))
    dense = table.to_array()
    counts = (~np.isnan(dense)).sum(axis=0)
    assert (found.mean, found.spread) == pytest.approx((table.values.mean(), table.values.std()), rel=1e-13)
    full = counts >= 2
    np.testing.assert_allclose(found.column_means[full], np.nanmean(dense[:, full], axis=0), rtol=1e-13)
    spreads = np.nanstd(dense[:, full], axis=0)
    expected = np.where(spreads > 0, spreads, found.spread)  # equal values do not tell a column's unit
    np.testing.assert_allclose(found.column_spreads[full], expected, rtol=1e-12)
    assert (found.lowest, found.highest) == (table.values.min(), table.values.max())
    assert found.graded
    assert found.row_weights[5] == pytest.approx(table.weights[table.rows == 5].mean(), rel=1e-13)
    assert not TableSummary.of(TableCells.of(replace(table, values=rng.standard_normal(table.size)))).graded


def test_numbers_are_looked_at_in_the_same_places(rng, monkeypatch):
    monkeypatch.setattr("lowland.completion.cells.summary.SAMPLE", 20)
    cells = TableCells.of(graded_table(rng))
    from lowland.cells.sums import sampled_values

    begins = np.concatenate([[0], np.cumsum(cells.sides[0].counts)])[:-1]
    expected = cells.sides[0].block.values[::7]
    for cuts in CUTS:
        (found,) = in_blocks(cells, cuts).map(0, sampled_values, 7, PerLine(begins))
        np.testing.assert_array_equal(found, expected)
