"""Every layer around a fit brings back all that is asked of it; a layer with one fault is told."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from lowland.completion import layered_fit
from lowland.completion.bounded.from_zero import FromZeroLayer
from lowland.completion.bounded.layer import BoundedLayer
from lowland.completion.censored.layer import CensoredLayer
from lowland.completion.drift.layer import DriftLayer
from lowland.completion.encoded.level_model import LevelLayer
from lowland.completion.encoded.levels import LevelKind
from lowland.completion.encoded.power_model import PowerLayer
from lowland.completion.files.models import load_model, save_model
from lowland.completion.informed.layer import ColumnAloneLayer
from lowland.completion.layers.model import Layer
from lowland.completion.layers.table import LayeredTable
from lowland.completion.plan import CompletionPlan
from lowland.completion.planned_fit import fit_plan
from lowland.completion.refinement.layer import RefinementLayer
from lowland.completion.restricted.layer import RestrictedLayer
from lowland.completion.row_units.layer import RowUnitsLayer
from lowland.core.cells.observations import Observations

PLAN = CompletionPlan(method="variational", rank=2, max_iter=15, powers=False, refine=False, row_units=False)
DRAWS = 600
# standard errors of a mean of draws, and the share of a standard error by which means may differ beside that:
# draws read numbers past the largest known one, predictions cut them off
SURE, CUT_OFF = 5.0, 0.2


@pytest.fixture(autouse=True, scope="module")
def light(light_fits_throughout):
    return


def products(rng, m=60, n=6):
    table = rng.standard_normal((m, 2)) @ rng.standard_normal((2, n)) + 0.3 * rng.standard_normal((m, n))
    table[rng.random(table.shape) < 0.2] = np.nan
    return table


def skewed(rng):
    return Observations.from_array(100 * np.exp(products(rng)))


def with_levels(rng):
    table = products(rng)
    table[:, 2] = np.where(np.isnan(table[:, 2]), np.nan, np.digitize(table[:, 2], [-0.5, 0.5]))
    return Observations.from_array(table)


def curved(rng, m=120):
    x, y = rng.uniform(-2, 2, (2, m))
    table = np.stack([x, y, x**2, np.sin(2 * y), np.abs(x) - y, x * y], axis=1)
    table += 0.05 * rng.standard_normal(table.shape)
    table[rng.random(table.shape) < 0.15] = np.nan
    return Observations.from_array(table)


def variables(rng):
    """Rows that are variables, of any level and spread."""
    table = (products(rng) + 3 * rng.standard_normal((60, 1))) * 10 ** rng.uniform(-1, 1, (60, 1))
    return Observations.from_array(table)


def halves(rng):
    """Columns that are known in some rows, the others in the others."""
    table = products(rng, m=80)
    table[np.less.outer(np.arange(80), np.full(6, 40)) == (np.arange(6) < 3)] = np.nan
    return Observations.from_array(table)


def bounded(rng):
    """Numbers of which only some are possible, and observed."""
    table = products(rng)
    ends = np.array([(-0.5, 0.7), (-9, 9), (-9, 9), (-9, 1.0), (-9, 9), (0.0, 9)])
    return Observations.from_array(np.clip(table, *ends.T))


def from_zero(rng):
    """Numbers that are not negative in some columns, in one of them often zero, and so in others."""
    table = products(rng)
    table[:, 0], table[:, 4] = np.abs(table[:, 0]) + 0.01, np.abs(table[:, 4]) + 0.01
    table[:, 2] = np.maximum(table[:, 2] + 2, 0)
    table[:, [1, 3, 5]] *= 20
    return Observations.from_array(table)


def drifting(rng):
    """Rows that drift along the times at which their cells were observed."""
    table, times = products(rng, m=100, n=12), rng.uniform(0, 10, (100, 12))
    for row, at in zip(table, times, strict=True):
        covariance = np.exp(-np.abs(at[:, None] - at) / 3)
        row += 0.7 * rng.multivariate_normal(np.zeros(12), covariance)
    return Observations.from_array(table, context=times)


def censored(rng):
    """Numbers of which those below a limit, and above another, are not known."""
    table, low, high = products(rng), np.full(6, -9.0), np.full(6, 9.0)
    low[0], low[2], high[4] = -0.5, 0.2, 0.4
    sides = 1 * np.greater(table, high) - np.less(table, low)
    return Observations.from_array(np.clip(table, low, high), censored=sides)


@dataclass(frozen=True)
class Case:
    """A table whose fit needs a layer."""

    table: Callable[[np.random.Generator], Observations]
    plan: CompletionPlan = PLAN
    levels: dict[int, LevelKind] | None = None


CASES = {
    CensoredLayer: Case(censored),
    PowerLayer: Case(skewed, replace(PLAN, powers=True)),
    LevelLayer: Case(with_levels, levels={2: LevelKind(3, ordered=False)}),
    RefinementLayer: Case(curved, replace(PLAN, refine=True)),
    RowUnitsLayer: Case(variables, replace(PLAN, row_units=True)),
    ColumnAloneLayer: Case(halves),
    BoundedLayer: Case(bounded, replace(PLAN, bounds={0: (-0.5, 0.7), 3: (None, 1.0), 5: (0.0, np.inf)})),
    FromZeroLayer: Case(from_zero, replace(PLAN, noise="column", scale="column")),
    DriftLayer: Case(drifting),
    RestrictedLayer: Case(
        lambda rng: Observations.from_array(products(rng)),
        CompletionPlan(
            powers=False,
            row_units=False,
            draws=40,
            predictors=(np.arange(6) != np.array([[1], [-1], [5], [2], [0], [-1]])).tolist(),
        ),
    ),
}


def fit(case):
    rng = np.random.default_rng(0)
    return fit_plan(case.table(rng), case.plan, rng=rng, levels=case.levels).table


@pytest.fixture(scope="module")
def fits():
    return {layer: fit(case) for layer, case in CASES.items()}


@pytest.fixture(scope="module")
def nested():
    """Layers inside a layer: powers around levels."""
    table = with_levels(np.random.default_rng(0))
    values = np.where(table.columns == 2, table.values, 100 * np.exp(table.values))
    case = Case(
        lambda _: replace(table, values=values), replace(PLAN, powers=True), {2: LevelKind(3, ordered=False)}
    )
    return fit(case)


@pytest.fixture(scope="module")
def drawn():
    """Censored cells of logarithms, which a Gaussian of any covariance draws beyond their bounds."""
    table = censored(np.random.default_rng(0))
    plan = CompletionPlan(method="gaussian", powers=True, refine=False, row_units=False, draws=30)
    return fit(Case(lambda _: replace(table, values=np.exp(table.values)), plan))


def alike(one, other):
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def check_predictions(layer, table):
    """Cells, rows, whole tables and rows folded in are predicted alike, in the unit of the table."""
    assert layer.shape == table.shape
    rows, columns = (part.ravel() for part in np.indices(table.shape))
    whole = layer.matrix()
    alike(layer.predict(rows, columns).reshape(table.shape), whole)
    alike(layer.within_range(layer.row_scores(np.arange(table.shape[0]))), whole)
    known = whole[table.rows, table.columns]
    usual = np.array([table.values[table.columns == j].mean() for j in range(table.shape[1])])
    # in the table's own unit: better than the means of columns
    assert np.mean((known - table.values) ** 2) < np.mean((usual[table.columns] - table.values) ** 2)
    some = table.select(table.rows < 5)
    part = Observations(some.rows, some.columns, some.values, (5, table.shape[1]))
    folded = layer.of_rows(part)
    assert folded.shape == part.shape
    assert np.mean(np.abs(folded.matrix() - whole[:5]) / whole.std(axis=0)) < 0.25
    alike(folded.matrix(), layer.complete(part))
    alike(folded.predict(part.rows, part.columns), layer.complete(part)[part.rows, part.columns])
    alike(layer.within_range(layer.new_scores(part)), layer.complete(part))


def check_uncertainty(layer, table):
    """Draws have the means and the spread that are stated, and intervals hold the share that they should."""
    rng = np.random.default_rng(1)
    rows, columns = (part.ravel() for part in np.indices(table.shape))
    drawn = np.stack(list(layer.draws(rows, columns, DRAWS, rng)))
    means, stated = layer.predict(rows, columns), layer.standard_errors(rows, columns)
    spreads = drawn.std(axis=0)
    off = np.abs(drawn.mean(axis=0) - means)
    assert np.mean(off <= SURE * spreads / np.sqrt(DRAWS) + CUT_OFF * stated) > 0.9
    assert np.mean((spreads > 0.6 * stated) & (spreads < 1.6 * stated)) > 0.8
    numbers = np.ones(table.shape[1], bool) if layer.losses is None else layer.losses.numbers
    assert numbers.shape == (table.shape[1],)
    noise = (layer.parts().noise[columns] / stated)[numbers[columns]]  # in the unit of the table
    assert 0.1 < np.median(noise) < 1.2
    lower, upper = layer.intervals(rows, columns, 0.8)
    known = ~np.isnan(lower)
    assert known.mean() > 0.5
    assert 0.65 < np.mean(((lower <= drawn) & (drawn <= upper))[:, known]) < 0.92


def check_fits(fitted):
    """The layer is put around other fits: of the same table, of a cell more, and of what was kept."""
    layer, table = fitted.model, fitted.observations
    whole = layer.matrix()
    size = np.nanstd(whole, axis=0)
    rng = np.random.default_rng(2)
    again = fitted.refit(table, rng)
    assert type(again) is type(layer)
    assert np.mean(np.abs(again.matrix() - whole) / size) < 0.25
    missing = np.argwhere(np.isnan(table.to_array()))[0]
    longer = Observations(
        np.append(table.rows, missing[0]),
        np.append(table.columns, missing[1]),
        np.append(table.values, table.values[table.columns == missing[1]].max()),
        table.shape,
    )
    updated = fitted.updated(longer, rng)
    assert type(updated.model) is type(layer)
    assert updated.observations is longer
    assert np.mean(np.abs(updated.model.matrix() - whole) / size) < 0.25
    solved = fitted.refreshed(longer, missing[:1], missing[1:])
    assert solved is None or solved.observations is longer
    kept = fitted.keep()
    assert kept.observations is table
    alike(fitted.with_kept(kept).model.matrix(), whole)
    # what is within is what the fit within would write
    alike(fitted.with_kept(kept).base.observations.values, layer.apply(table).values)


def check_words(fitted):
    """What the layer does is said of the method and of what a certificate is about."""
    layer = fitted.model
    assert layer.words
    assert layer.words in fitted.describe_method()
    assert layer.scope
    assert all(sentence in fitted.describe_certificate() for sentence in layer.scope)


def check_layer(fitted):
    check_predictions(fitted.model, fitted.observations)
    check_uncertainty(fitted.model, fitted.observations)
    check_fits(fitted)
    check_words(fitted)


def concrete(kind):
    """Return the classes below one that are no bases themselves."""
    below = [layer for child in kind.__subclasses__() for layer in concrete(child)]
    return below or [kind]


def test_every_layer_is_checked():
    assert layered_fit
    there = {layer for layer in concrete(Layer) if layer.__module__.startswith("lowland.")}
    assert there == set(CASES)


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
def test_a_layer_brings_back_what_is_asked(kind, fits):
    fitted = fits[kind]
    assert isinstance(fitted, LayeredTable)
    assert type(fitted.model) is kind
    check_layer(fitted)


def test_layers_inside_each_other(nested):
    assert [type(nested.model), type(nested.model.base)] == [PowerLayer, LevelLayer]
    check_layer(nested)


def test_censored_cells_of_powers_that_a_gaussian_draws(drawn):
    assert [type(drawn.model), type(drawn.model.base)] == [CensoredLayer, PowerLayer]
    check_layer(drawn)


@pytest.mark.parametrize("kind", [*CASES, "nested"], ids=lambda kind: getattr(kind, "__name__", kind))
def test_a_layer_is_kept_in_files(kind, fits, nested, tmp_path):
    fitted = nested if kind == "nested" else fits[kind]
    save_model(tmp_path / "model.npz", fitted)
    read, _ = load_model(tmp_path / "model.npz")
    assert type(read.model) is type(fitted.model)
    alike(read.model.matrix(), fitted.model.matrix())
    np.testing.assert_array_equal(read.observations.to_array(), fitted.observations.to_array())
    rng = np.random.default_rng(3)
    alike(
        read.refit(read.observations, rng).matrix(),
        fitted.refit(fitted.observations, np.random.default_rng(3)).matrix(),
    )


FAULTS = {
    "draws are not read": ("draws", lambda self, *a, **k: self.base.draws(*a, **k)),
    "standard errors are not read": ("standard_errors", lambda self, *a: self.base.standard_errors(*a)),
    "intervals are not read": ("intervals", lambda self, *a: self.base.intervals(*a)),
    "whole rows are not read": ("values", lambda self, numbers, rows, **_: numbers),
    "cells are not read": ("predict", lambda self, *a: self.base.predict(*a)),
    "new rows are not written": ("of_rows", lambda self, *a: self.around(self.base.of_rows(*a), a[0])),
    "the table within is the one outside": ("apply", lambda self, table: table),
    "another fit is forgotten": ("around", lambda self, base, table: self),
    "the noise is that of what is written": ("parts", lambda self: self.base.parts()),
    "nothing is said": ("words", ""),
    "the scope is missing": ("scope", ()),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told(fault, fits):
    name, wrong = FAULTS[fault]
    fitted = fits[PowerLayer]
    mutant = type("Mutant", (PowerLayer,), {name: wrong})
    layer = mutant(fitted.model.base, fitted.model.powers, fitted.model.labels)
    with pytest.raises((AssertionError, ValueError, IndexError)):
        check_layer(replace(fitted, model=layer))
