"""Whether stated units are those of the numbers: honest ones raise no doubt, others name the line."""

from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from lowland.completion.columns.losses import Columns
from lowland.completion.columns.units import weighted_quantile
from lowland.completion.penalised.document import _plain
from lowland.completion.row_units.units import TypicalRow
from lowland.completion.row_units.units import _log_spreads as fitted_log_spreads
from lowland.core.results.verification import Outcome
from lowland.judges import certify
from lowland.models import General
from lowland.objectives import make_objective
from lowland.objectives.plain import recovery_document
from lowland.recheck.matrices.tables.units import (
    Lines,
    _log_spreads,
    doubts_of_rounding,
    doubts_of_rows,
    doubts_of_scaling,
)
from lowland.recheck.matrices.tables.values import encoded
from lowland.tensors.cells.plain import plain_cells
from proof_samples import sample
from table_kinds import KINDS, numbers, scaling_of


def seen(kind, seed=0, dtype="float64"):
    return ll.Observations.from_array(numbers(kind, seed).astype(dtype))


@pytest.mark.parametrize("weighted", [False, True])
def test_moments_of_lines_are_those_of_each_line(weighted):
    rng, table = np.random.default_rng(0), seen("skewed")
    table = replace(table, weights=rng.uniform(0.1, 9, table.size)) if weighted else table
    lines = Lines.of(table, 1, weighted=True)
    medians = lines.quantiles(lines.values)
    for j in range(table.shape[1]):
        at = table.columns == j
        x, w = table.values[at], lines.weights[at]
        mean = np.average(x, weights=w)
        found = lines.means[j], lines.deviations[j], medians[j], *(end[j] for end in lines.ends)
        deviation = np.sqrt(np.average((x - mean) ** 2, weights=w))
        np.testing.assert_allclose(
            found, (mean, deviation, weighted_quantile(x, w, 0.5), x.min(), x.max()), rtol=1e-9
        )


def test_lines_without_numbers_have_moments_too():
    table = ll.Observations(np.array([0, 1]), np.array([1, 1]), np.array([2.0, 4.0]), (2, 3))
    lines = Lines.of(table, 1)
    np.testing.assert_array_equal(lines.quantiles(lines.values), [0, 3, 0])
    np.testing.assert_array_equal(lines.means, [0, 3, 0])
    np.testing.assert_array_equal(lines.varies, [1])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_honest_units_raise_no_doubt(kind, dtype):
    table = seen(kind, dtype=dtype)
    assert doubts_of_scaling(scaling_of(table), table) == []
    for turned in (table, ll.Observations(table.columns, table.rows, table.values, table.shape[::-1])):
        units = TypicalRow.of(turned).units(turned)
        assert doubts_of_rows({"centres": units.centres, "spreads": units.spreads}, turned) == []


@pytest.mark.parametrize("factor", [1e-20, 0.5, 0.999, 1.001, 2.0, 1e20])
@pytest.mark.parametrize("name", ["centres", "spreads"])
def test_scalings_that_are_not_the_moments_of_columns_raise_doubt(name, factor):
    table = seen("skewed")
    given = scaling_of(table)
    given[name][3] *= factor
    (doubt,) = doubts_of_scaling(given, table)
    assert doubt.startswith("column 3 is centred at")
    given[name] = (np.array(given[name]) * factor).tolist()
    assert "(and 5 more)" in doubts_of_scaling(given, table)[0]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("spreads", lambda units: 1.001 * units["spreads"]),
        ("spreads", lambda units: units["spreads"] / 100),
        ("centres", lambda units: units["centres"] + units["spreads"]),
        ("centres", lambda units: units["centres"] + 12**0.5 * units["spreads"]),
        ("centres", lambda units: units["centres"] + 1e9 * units["spreads"]),
    ],
)
def test_units_that_rows_do_not_have_raise_doubt(name, change):
    table = seen("numbers")
    honest = TypicalRow.of(table).units(table)
    given = {"centres": honest.centres.copy(), "spreads": honest.spreads.copy()}
    given[name][2] = change(given)[2]
    (doubt,) = doubts_of_rows(given, table)
    assert doubt.startswith("row 2 is centred at")


@pytest.mark.covering
@pytest.mark.parametrize("scale", ["column", "common"])
@pytest.mark.parametrize("loss", ["huber", "absolute", "quantile:0.95", "quantile:0.001", "squared"])
@pytest.mark.parametrize("kind", KINDS)
def test_honest_units_of_losses_raise_no_doubt(kind, loss, scale):
    rng, table = np.random.default_rng(1), seen(kind)
    for weights in (None, rng.uniform(0.1, 5, table.size)):
        given = replace(table, weights=weights)
        columns = Columns.of(given, {j: loss for j in range(5)}, scale=scale)
        assert encoded(_plain(columns), given)[3] == []


@pytest.mark.parametrize("scale", ["column", "common"])
@pytest.mark.parametrize("loss", ["huber", "quantile:0.95", "squared"])
def test_units_of_losses_are_taken_anew_from_a_later_table(loss, scale):
    columns, later = Columns.of(seen("skewed"), loss, scale=scale), seen("numbers", seed=1)
    again, fresh = columns.renewed(later), Columns.of(later, loss, scale=scale)
    for name in ("centres", "spreads", "shifts"):
        np.testing.assert_array_equal(getattr(again, name), getattr(fresh, name))
    assert [kind.width for kind in again.kinds] == pytest.approx([kind.width for kind in fresh.kinds])
    assert encoded(_plain(again), later)[3] == []
    assert encoded(_plain(columns), later)[3] != []


@pytest.mark.parametrize(
    ("centre", "spread"), [(0, 1e20), (0, 1e-20), (0, 1.001), (0, 0.999), (1e9, 1.0), (-0.01, 1.0)]
)
def test_units_that_columns_do_not_have_raise_doubt(centre, spread):
    table = seen("numbers")
    columns = Columns.of(table, "huber")
    centres, spreads = columns.centres.copy(), columns.spreads.copy()
    centres[4] += centre * spreads[4]
    spreads[4] *= spread
    (doubt,) = encoded(_plain(replace(columns, centres=centres, spreads=spreads)), table)[3]
    assert doubt.startswith("column 4 is centred at")


@pytest.mark.parametrize("centre", [-1e3, 1e-6, 3.0])
def test_a_common_centre_is_the_median_of_all_numbers(centre):
    table = seen("numbers")
    columns = Columns.of(table, "huber", scale="common")
    (doubt,) = encoded(_plain(replace(columns, centres=columns.centres + centre)), table)[3]
    assert doubt.startswith("columns are centred at")


def test_a_constant_column_far_from_its_centre_raises_doubt():
    """It would outweigh all others, or hide what penalties cost."""
    table = seen("constant")
    given = scaling_of(table)
    given["spreads"][2] *= 1e-20
    given["centres"][2] += 1e-9
    (doubt,) = doubts_of_scaling(given, table)
    assert doubt.startswith("column 2 of one number is")


def test_single_precision_that_wipes_out_digits_raises_doubt():
    table = seen("offset")
    rounded = table.values.astype(np.float32)
    (doubt,) = doubts_of_rounding(table.values, rounded, table.columns)
    assert doubt.startswith("single precision moves numbers of column 0 by up to")
    assert doubts_of_rounding(rounded, rounded, table.columns) == []
    few = seen("units")
    assert doubts_of_rounding(few.values, few.values.astype(np.float32), few.columns) == []


def test_a_document_in_doubt_confirms_nothing_and_contradicts_as_before():
    one = sample("table of outliers")
    columns = {**one.document.problem["columns"]}
    columns["precisions"] = [1.0, *(1e-9 for _ in columns["precisions"][1:])]
    found = ll.verify(replace(one.document, problem={**one.document.problem, "columns": columns}), one.data)
    assert {check.outcome for check in found} <= {Outcome.NOT_CHECKED, Outcome.CONTRADICTED}
    told = [check.words for check in found if check.outcome is Outcome.NOT_CHECKED]
    assert told
    assert all("has weight" in words for words in told)


@pytest.mark.parametrize("make", [ll.decompose_tucker, ll.decompose_cp])
def test_tensors_whose_digits_single_precision_wipes_out_are_in_doubt(make):
    """Noise beside 1e8 is a constant tensor in single precision, of which much is true."""
    noise = 1e8 + np.random.default_rng(0).standard_normal((4, 3, 3))
    single = ll.TensorObservations.from_array(noise.astype(np.float32))
    fit = make(np.asarray(noise.astype(np.float32), float), 1, rng=0)
    document = fit.objective.document(fit.search.theta, fit.certificate)
    forged = replace(
        document,
        data=plain_cells(replace(single, values=single.values.astype(np.float32))).fingerprint(),
        problem={**document.problem, "dtype": "float32"},
    )
    found = ll.verify(forged, noise)
    assert not any(check.outcome is Outcome.CONFIRMED for check in found)
    assert any("single precision moves numbers of the data" in check.words for check in found)


def test_measurements_whose_digits_single_precision_wipes_out_are_in_doubt():
    y = 1e8 + np.random.default_rng(0).standard_normal(20)
    measurement = ll.gaussian(20, (3, 3), 0)
    objective = make_objective(measurement, y.astype(np.float32).astype(float), General((3, 3), 1))
    theta = np.ones(objective.size)
    document = recovery_document(objective, theta, certify(objective, theta))
    single = replace(document, problem={**document.problem, "dtype": "float32"})
    found = ll.verify(single, (measurement, y))
    assert {check.outcome for check in found} == {Outcome.NOT_CHECKED}


def test_logarithms_of_spreads_are_corrected_as_fits_do():
    counts = np.array([1, 2, 3, 4, 5, 6, 7, 40, 41, 1000, 100_001])
    spreads = np.linspace(0.1, 3, counts.size)
    own, fitted = _log_spreads(counts, spreads), fitted_log_spreads(counts, spreads)
    several = counts > 1  # of one number there is no spread
    np.testing.assert_allclose(own[0][several], fitted[0][several], rtol=1e-9)
    np.testing.assert_allclose(own[1], fitted[1], rtol=1e-9)
