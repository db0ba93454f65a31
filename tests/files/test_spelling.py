"""Filled numbers are spelt as the others of their column: with their decimals, marks and signs."""

import numpy as np
import pytest

from lowland.files.beside_numbers import Beside
from lowland.files.numerals import Numerals
from lowland.files.writing.manners import Manner, filled_cell
from lowland.files.writing.original import Original
from lowland.files.writing.spelling import Digits, cut, decimals_of

COMMA = Numerals(decimal=",", thousands=".")
GROUPS = Numerals(thousands=",")
ENOUGH = [f"{k}.0" for k in range(10)]
# cells, how numbers are written, what is filled, and how
SPELT = {
    "decimals": ("12.35 13.10 19.90", Numerals(), 12.7234871, "12.72"),
    "zeros at the end": ("12.35 13.10 19.90", Numerals(), 13.0, "13.00"),
    "zeros left out": ("12.35 13 19.9 14.25", Numerals(), 13.001, "13"),
    "some zeros left out": ("12.35 13.0 19.9 14.25", Numerals(), 13.001, "13.0"),
    "below zero": ("12.35 -13.10 19.90", Numerals(), -0.002, "0.00"),
    "whole": ("12 13 190", Numerals(), 12.7, "13"),
    "whole, none below zero": ("12 13 190", Numerals(), -2.2, "0"),
    "whole, one below zero": ("12 -13 190", Numerals(), -2.2, "-2"),
    "whole, few different": ("0 1 1 0", Numerals(), 0.7, "1"),
    "counts with a decimal": (" ".join(ENOUGH), Numerals(), 3.4, "3.0"),
    "counts with a decimal, none below zero": (" ".join(ENOUGH), Numerals(), -3.4, "0.0"),
    "nine measured numbers": (" ".join(ENOUGH[1:]), Numerals(), 3.4321, "3.4"),
    "ten, one of them not whole": (" ".join([*ENOUGH, "14.5"]), Numerals(), 3.4321, "3.4"),
    "one more decimal where rounding would make most the same": (
        "0.01 0.02 0.05",
        Numerals(),
        0.0034567,
        "0.003",
    ),
    "a large number in a column of small ones": ("0.01 0.02 0.05", Numerals(), 1234.56789, "1234.568"),
    "as many digits at any size": ("0.00123 12.3 456", Numerals(), 0.0345678, "0.0346"),
    "as many digits at any size, a large one": ("0.00123 12.3 456", Numerals(), 345.678, "346"),
    "many digits": ("0.1234567890123 0.2345678901 0.7", Numerals(), 0.12345678987654, "0.12345679"),
    "seventeen digits": (
        "0.31594249568644982 0.28290665052973881 0.2",
        Numerals(),
        0.31,
        "0.31",
    ),
    "as many as seventeen": (
        "0.3159424956864498 0.02829066505297388",
        Numerals(),
        0.3159260764,
        "0.315926076",
    ),
    "a point and nothing below": ("2. 13. 64.", Numerals(), 12.7, "13."),
    "exponents": ("1.50e-03 2.25e+01", Numerals(), 0.0123456, "1.23e-02"),
    "exponents, a smaller number": ("1.50e-03 2.25e+01", Numerals(), 1.23456e-7, "1.23e-07"),
    "exponents without signs": ("1.5E-3 2.2E1", Numerals(), 12.3456, "1.2E1"),
    "exponents of Fortran": ("1.5D-03 2.2D+01", Numerals(), 12.3456, "1.2D+01"),
    "exponents of small numbers alone": ("1.5e-05 0.22 0.31", Numerals(), 0.0000123456, "1.2e-05"),
    "beside exponents": ("1.5e-05 0.22 0.31", Numerals(), 0.25432, "0.25"),
    "per cent": ("12 % 13 % 90 %".replace(" %", "_%"), Numerals(), 40.2, "40_%"),
    "per cent without a space": ("12.5% 13.0% 90.0%", Numerals(), 40.2, "40.2%"),
    "currency": ("$12.50 $13.00 $7.25", Numerals(), 8.2, "$8.20"),
    "currency below zero": ("$12.50 -$13.00 $7.25", Numerals(), -8.2, "-$8.20"),
    "currency, the minus after it": ("$12.50 $-13.00 $7.25", Numerals(), -8.2, "$-8.20"),
    "currency of some": ("$12.50 13.00 7.25", Numerals(), 8.2, "8.20"),
    "thousands": ("1,200 3,400 12", GROUPS, 45678.2, "45,678"),
    "thousands, a small number": ("1,200 3,400 12", GROUPS, 78.2, "78"),
    "thousands from five digits": ("1200 13,400", GROUPS, 4567.8, "4568"),
    "lakhs": ("1,20,000 3,400", GROUPS, 12345678.0, "1,23,45,678"),
    "decimal commas": ("1.200,50 3,25", COMMA, 4567.891, "4.567,89"),
    "apostrophes": ("1'200.50 3.25", Numerals(), 4567.891, "4'567.89"),
    "a plus": ("+1.5 -0.3 +20.0", Numerals(), 2.26, "+2.3"),
    "a plus, below zero": ("+1.5 -0.3 +20.0", Numerals(), -2.26, "-2.3"),
    "another minus": ("1.5 \u22120.3 20.0", Numerals(), -2.26, "\u22122.3"),
    "brackets": ("1.5 (0.3) 20.0", Numerals(beside=Beside(losses=True)), -2.26, "(2.3)"),
    "no zero before the point": (".53 .28 .91", Numerals(), 0.4321, ".43"),
    "no zero before the point, from one": (".53 .28 1.91", Numerals(), 1.4321, "1.43"),
    "zeros before": ("05 11 02", Numerals(), 7.2, "07"),
    "units": (
        "63.6 kg 70.2 kg".replace(" kg", "_kg"),
        Numerals(beside=Beside(unit="_kg")),
        64.123,
        "64.1_kg",
    ),
    "marks of notes": ("22.06* 21.10", Numerals(beside=Beside(marks=frozenset("*"))), 21.567, "21.57"),
    "blanks before": ("_1.5|_2.5|13.5", Numerals(), 2.26, "_2.3"),
    "a blank before each": ("_1.5|_2.5|_13.5", Numerals(), 2.26, "_2.3"),
    "no cell": ("", Numerals(decimal=","), 2.5, "2,5"),
}


@pytest.mark.parametrize(("cells", "numerals", "value", "expected"), SPELT.values(), ids=list(SPELT))
def test_fills_are_spelt_as_the_others(cells, numerals, value, expected):
    manner, original = Manner(), Original(("x",), lambda: iter(()), is_text=True, numerals=numerals)
    written = cells.replace("_", " ").split("|") if "|" in cells else cells.split()
    beside = Beside(unit=" kg") if numerals.beside.unit else numerals.beside
    numerals = Numerals(decimal=numerals.decimal, thousands=numerals.thousands, beside=beside)
    for cell in written:
        manner.see(cell.replace("_", " "), numerals)
    found = filled_cell(value, manner, original, numerals, means=False)
    assert found == expected.replace("_", " ")
    if written:
        number = numerals.number(found)
        assert manner.numbers
        assert number is not None
        full = numerals.number(filled_cell(value, manner, original, numerals, means=True))
        assert full == pytest.approx(value, rel=1e-8)


def test_a_column_all_of_marks_has_no_manner():
    manner, original = Manner(), Original(("x",), lambda: iter(()), is_text=True)
    for cell in ("NA", "-", "NA"):
        manner.see(cell, Numerals())
    assert filled_cell(1.23456, manner, original, Numerals(), means=False) == "1.23456"


def test_values_have_the_decimals_of_their_shortest_text():
    assert [decimals_of(x) for x in (12.35, 3.0, 1e20, 1.5e-7, float(np.float32(0.1)))] == [2, 1, -20, 8, 1]
    digits = Digits()
    for value in (12.35, 0.1, 100.0):
        digits.see(value, decimals_of(value))
    assert [digits.round(x) for x in (12.34567, 0.98765, 1234.567, -0.001, 0.0)] == [
        12.35,
        0.99,
        1234.6,
        0,
        0,
    ]
    assert digits.round(99.99) == 99.99  # what was rounded already, so that sums stay sums


@pytest.mark.parametrize("cell", ["inf", "", "x", "$", "-", "1.2.3"])
def test_what_has_no_digits_is_not_cut(cell):
    assert cut(cell, Numerals()) is None


def test_a_few_sums_among_rounded_numbers_show_no_decimals():
    original = Original(("x",), lambda: iter(()))
    for sums, expected in (([24.830000000000002], 1.61), ([2.4830000000000005] * 12, 1.607217405)):
        manner = Manner()
        for cell in [*(1.03 + 0.25 * k for k in range(20)), *sums]:
            manner.see(round(cell, 2) if cell not in sums else cell, Numerals())
        assert filled_cell(1.607217405, manner, original, Numerals(), means=False) == pytest.approx(
            expected, abs=1e-9
        )
