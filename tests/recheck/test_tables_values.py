"""Units that a document states for a table: honest ones are taken, others that wipe out digits refused."""

import json

import numpy as np
import pytest

import lowland as ll
from lowland.completion.bayesian.scaling import Scaling
from lowland.completion.columns.losses import Columns
from lowland.completion.encoded.powers import Power
from lowland.completion.penalised.document import _plain
from lowland.completion.row_units.units import TypicalRow
from lowland.core.errors import FileFormatError
from lowland.recheck.documents import Document
from lowland.recheck.matrices.tables.problem import table_problem
from lowland.recheck.matrices.tables.values import (
    as_powers,
    encoded,
    in_units_of_rows,
    scaled,
    units_in_words,
)
from proof_samples import completed, table
from table_kinds import SHAPE, numbers, scaling_of


def _table(kind, dtype="float64"):
    return ll.Observations.from_array(numbers(kind).astype(dtype))


def _powers(seen, make=Power.of):
    """Return the powers that suit the columns, as a document states them."""
    names = ("exponent", "shift", "lowest", "whole", "rest_shift", "least_rest")
    found = [make(seen.values[seen.columns == j]) for j in range(SHAPE[1])]
    return [
        {"column": j, **{name: getattr(one, name) for name in names}}
        for j, one in enumerate(found)
        if one is not None
    ]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", ["numbers", "skewed", "shares", "counts", "offset", "units", "constant"])
def test_honest_units_are_taken(kind, dtype):
    seen = _table(kind, dtype)
    given = scaling_of(seen)
    np.testing.assert_array_equal(
        scaled(given, seen), Scaling(*map(np.array, given.values()), 0, 0).apply(seen.values, seen.columns)
    )
    one, all_alike = given["spreads"][0], {"centres": [np.median(seen.values)] * 6, "spreads": [1.0] * 6}
    scaled(all_alike, seen)
    assert "centres" in units_in_words(given, "columns")[0]
    assert f"{one:.4g}" in units_in_words({**given, "spreads": [one]}, "columns")[0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", ["numbers", "skewed", "shares", "counts", "offset", "constant"])
def test_honest_units_of_rows_are_taken(kind, dtype):
    seen = ll.Observations.from_array(numbers(kind).T.copy().astype(dtype))
    units = TypicalRow.of(seen).units(seen)
    given = {"centres": units.centres.tolist(), "spreads": units.spreads.tolist()}
    np.testing.assert_array_equal(in_units_of_rows(given, seen), units.write(seen).values)
    wrong = {**given, "centres": (units.centres + 1e17 * units.spreads).tolist()}
    for name, one in (("wipe out", wrong), ("positive", {**given, "spreads": [0.0] * SHAPE[1]})):
        # what is one number stays one in any unit
        if name == "positive" or not (kind == "constant" or (kind == "offset" and dtype == "float32")):
            with pytest.raises(FileFormatError, match=name):
                in_units_of_rows(one, seen)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("kind", "make"), [("skewed", Power.of), ("counts", Power.of), ("shares", Power.of_shares)]
)
def test_honest_powers_are_taken(kind, make, dtype):
    seen = _table(kind, dtype)
    given = _powers(seen, make)
    assert len(given) >= 2
    written = as_powers(given, seen)
    for one in given:
        at = seen.columns == one["column"]
        power = make(seen.values[at])
        np.testing.assert_allclose(written[at], power.write(seen.values[at]), rtol=1e-12)


def test_units_of_columns_that_came_later_are_taken():
    """They are those of the last column before: of other columns, but of no other kind."""
    seen = _table("units")
    given = scaling_of(seen)
    for name in given:
        given[name][4] = given[name][3]
    scaled(given, seen)


@pytest.mark.parametrize(
    ("name", "factor"), [("centres", 1e20), ("centres", -1e12), ("spreads", 0.0), ("spreads", -1.0)]
)
def test_other_units_are_refused(name, factor):
    seen = _table("numbers")
    given = scaling_of(seen)
    given[name] = (factor * np.maximum(np.abs(given[name]), 1.0)).tolist()
    with pytest.raises(FileFormatError, match=r"wipe out digits|not positive"):
        scaled(given, seen)


ODD = {
    "equal up to rounding": np.where(np.arange(SHAPE[0]) % 2, 0.3, 0.1 + 0.2),
    "an outlier": np.where(np.arange(SHAPE[0]) == 3, 1e12, np.arange(SHAPE[0]) / 10),
    "two sizes": np.where(np.arange(SHAPE[0]) % 2, 1e-10, 5.0) * (1 + np.arange(SHAPE[0]) / 40),
    "rounding and outliers": np.where(
        np.arange(SHAPE[0]) % 5, np.where(np.arange(SHAPE[0]) % 2, 0.3, 0.1 + 0.2), 9.0
    ),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("loss", ["squared", "huber", "absolute", "quantile:0.8"])
def test_honest_units_of_odd_columns_are_taken(odd, loss):
    """A review found documents of such tables refused: a spread is no share of a range that outliers make."""
    values = numbers("numbers")
    values[:, 3] = ODD[odd]
    seen = ll.Observations.from_array(values)
    plain = _plain(Columns.of(seen, loss))
    y, *_ = encoded(plain, seen)
    np.testing.assert_array_equal(y, Columns.of(seen, loss).encode(seen))
    scaled(scaling_of(seen), seen)


def test_honest_units_of_updated_fits_are_taken():
    """Digits come back from the units of an earlier table, too."""
    seen = _table("skewed")
    given, powers = scaling_of(seen), _powers(seen)
    moved = ll.Observations(seen.rows, seen.columns, 1e-3 * seen.values, seen.shape)
    scaled(given, moved)
    for one in powers:
        one["lowest"] *= 1e-3
    as_powers(powers, moved)


@pytest.mark.parametrize(("losses", "shift"), [("squared", 1e8), ("huber", 1e-3), ("poisson", 1e3)])
def test_shifts_that_no_fit_makes_are_refused(losses, shift):
    seen = ll.Observations.from_array(numbers("counts"))
    plain = _plain(Columns.of(seen, losses))
    encoded(plain, seen)
    plain["shifts"][0] = shift
    with pytest.raises(FileFormatError, match="shifts that no fit makes"):
        encoded(plain, seen)


@pytest.mark.parametrize("column", range(3))
def test_the_unit_of_a_far_larger_column_wipes_out_digits(column):
    seen = _table("numbers")
    values = np.where(seen.columns == 5, 1e20 * (1 + seen.values), seen.values)
    seen = ll.Observations(seen.rows, seen.columns, values, seen.shape)
    given = scaling_of(seen)
    scaled(given, seen)
    for name in given:
        given[name][column] = given[name][5]
    with pytest.raises(FileFormatError, match="wipe out digits"):
        scaled(given, seen)


@pytest.mark.parametrize(("kind", "make"), [("skewed", Power.of), ("shares", Power.of_shares)])
@pytest.mark.parametrize("name", ["shift", "lowest", "rest_shift", "least_rest"])
@pytest.mark.parametrize("factor", [1e20, 1e12, -1.0])
def test_other_powers_are_refused(kind, make, name, factor):
    seen = _table(kind)
    given = _powers(seen, make)
    if "rest" in name and kind == "skewed":
        assert not given[0][name]  # a column without a whole has no rest: nothing reads this
        return
    for one in given:
        one[name] = factor * seen.values.max()
    with pytest.raises(FileFormatError, match=r"powers|cannot be used"):
        as_powers(given, seen)


def test_zeros_stay_apart_from_the_smallest_number():
    seen = ll.Observations.from_array(np.array([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0], [9.0, 1.0]]))
    given = [{"column": 0, **dict.fromkeys(("exponent", "shift", "whole", "rest_shift", "least_rest"), 0.0)}]
    assert np.unique(as_powers([{**given[0], "lowest": 1.0}], seen)[seen.columns == 0]).size == 4
    with pytest.raises(FileFormatError, match="change positive numbers"):
        as_powers([{**given[0], "lowest": 2.0}], seen)


@pytest.mark.parametrize(
    ("name", "losses"),
    [
        # every day each loss with one of both
        pytest.param(name, losses, marks=[pytest.mark.slow] if (own + k) % 2 else [])
        for k, name in enumerate(("centres", "spreads"))
        for own, losses in enumerate(("squared", "huber", "poisson", "ordinal"))
    ],
)
def test_other_units_of_losses_are_refused(losses, name):
    kind = {"poisson": "counts", "ordinal": "levels"}.get(losses, "numbers")
    one = completed(table(kind), losses={0: losses}, rank=1, penalty=1.0, bias_penalty=1.0)
    assert table_problem(one.document, one.data).words
    plain = json.loads(one.document.to_json())
    plain["problem"]["columns"][name][0] = 1e20 if name == "centres" else -1.0
    with pytest.raises(FileFormatError, match=r"another unit|wipe out digits|cannot be used"):
        table_problem(Document.from_json(json.dumps(plain)), one.data)


def test_a_forged_constant_is_refused_by_verify(tmp_path):
    """Pure noise as a constant table, of which everything is proved."""
    noise = np.round(np.exp(np.random.default_rng(0).standard_normal((12, 6))), 3)
    settings = {"method": "map", "rank": 1, "penalty": 0.0, "biases": False, "random_state": 0}
    honest = ll.MatrixCompletion(**settings).fit(noise)
    honest.save_certificate(tmp_path / "honest.json")
    for name, constant, problem in (
        ("scaling", -1.0, {"scaling": {"centres": [1e20] * 6, "spreads": [1e20] * 6}}),
        ("powers", np.log(1e20), {"powers": [_power(column) for column in range(6)]}),
    ):
        fit = ll.MatrixCompletion(**settings).fit(np.full(noise.shape, constant))
        fit.save_certificate(tmp_path / "p.json")
        plain = json.loads((tmp_path / "p.json").read_text())
        plain["data"] = json.loads((tmp_path / "honest.json").read_text())["data"]
        plain["problem"].update(problem)
        (tmp_path / "p.json").write_text(json.dumps(plain))
        with pytest.raises(FileFormatError, match=name if name == "powers" else "centres and spreads"):
            ll.verify(tmp_path / "p.json", noise)


def _power(column):
    names = ("exponent", "lowest", "whole", "rest_shift", "least_rest")
    return {"column": column, "shift": 1e20, **dict.fromkeys(names, 0.0)}
