"""Powers, losses and weights of columns: those of fits raise no doubt, others do."""

import json
from dataclasses import replace

import pytest

import lowland as ll
from lowland.completion.columns.losses import Columns
from lowland.completion.encoded.powers import Power
from lowland.completion.penalised.document import _plain
from lowland.core.errors import FileFormatError
from lowland.recheck.documents import Document
from lowland.recheck.matrices.tables.encodings import doubts_of_powers
from lowland.recheck.matrices.tables.values import encoded, losses_in_words, powers_in_words
from proof_samples import sample
from table_kinds import SHAPE, numbers

LOSSES = {
    "numbers": ("huber", "absolute", "quantile:0.9", "quantile:0.001", "huber:50"),
    "counts": ("poisson",),
    "grades": ("ordinal", "poisson"),
    "outlier": ("huber", "absolute"),
}


def stated(kind, loss, **settings):
    """Return a table, and what a document states of its columns before anything is learnt."""
    table = ll.Observations.from_array(numbers(kind))
    return table, _plain(Columns.of(table, loss, **settings))


@pytest.mark.parametrize("settings", [{}, {"scale": "common"}])
@pytest.mark.parametrize(("kind", "loss"), [(kind, loss) for kind, some in LOSSES.items() for loss in some])
def test_losses_of_fits_raise_no_doubt(kind, loss, settings):
    table, plain = stated(kind, loss, **settings)
    assert encoded(plain, table)[3] == []


@pytest.mark.parametrize(
    ("kind", "loss", "change", "words"),
    [
        ("numbers", "huber", {"precisions": 1e-9}, "has weight"),
        ("numbers", "huber", {"precisions": 1e3}, "has weight"),
        ("counts", "poisson", {"precisions": 2.0}, "has weight"),
        ("counts", "poisson", {"shifts": 50.0}, "the shift of column 0"),
        ("grades", "ordinal", {"shifts": 1.0}, "the shift of column 0"),
        ("numbers", "huber", {"numbers": [-1.0, 1e-300, 1.0]}, "slopes"),
        ("numbers", "huber", {"numbers": [-1.0, 1.0, 1e9]}, "slopes"),
        ("numbers", "huber", {"numbers": [-1e-4, 1e-4, 1.0]}, "slopes"),
        ("numbers", "quantile:0.5", {"numbers": [-2e-9, 2 - 2e-9, 0.02]}, "slopes"),
        ("numbers", "absolute", {"numbers": [-1.0, 1.0, 1e9]}, "slopes"),
        ("grades", "ordinal", {"numbers": [0.0, 1e-9, 2e-9, 3e-9]}, "thresholds give levels"),
        ("grades", "ordinal", {"numbers": [70.0, 71.0, 72.0, 73.0]}, "thresholds lie around"),
    ],
)
def test_losses_that_no_fit_makes_raise_doubt(kind, loss, change, words):
    table, plain = stated(kind, loss)
    for name, number in change.items():
        if name == "numbers":
            plain["kinds"][0][name] = number
        else:
            plain[name][0] = number
    assert any(words in doubt for doubt in encoded(plain, table)[3])


@pytest.mark.parametrize("loss", ["poisson", "binomial"])
def test_losses_that_tables_do_not_have_are_refused(loss):
    table, plain = stated("counts", "poisson")
    plain["kinds"][0]["loss"] = loss
    with pytest.raises(FileFormatError, match="setting loss that cannot be used"):
        encoded(plain, table)


@pytest.mark.parametrize("change", [0.5, -1.0])
def test_counts_are_whole_numbers_from_zero_on(change):
    table, plain = stated("counts", "poisson")
    values = table.values.copy()
    values[3] = change
    with pytest.raises(FileFormatError, match="negative or no whole number"):
        encoded(plain, replace(table, values=values))


def powers(kind, make):
    """Return a table, and its powers as a document states them."""
    table = ll.Observations.from_array(numbers(kind))
    names = ("exponent", "shift", "lowest", "whole", "rest_shift", "least_rest")
    found = [make(table.values[table.columns == j]) for j in range(SHAPE[1])]
    stated = [
        {"column": j, **{name: getattr(one, name) for name in names}}
        for j, one in enumerate(found)
        if one is not None
    ]
    return table, stated


@pytest.mark.parametrize(
    ("kind", "make"), [("skewed", Power.of), ("counts", Power.of), ("shares", Power.of_shares)]
)
def test_powers_of_fits_raise_no_doubt_and_others_do(kind, make):
    table, given = powers(kind, make)
    assert len(given) > 1
    assert doubts_of_powers(given, table) == []
    for change in ({"shift": 2 * table.values.max(), "lowest": 0.0}, {"shift": 0.0, "lowest": 1e-250}):
        (doubt,) = doubts_of_powers([{**one, **change} for one in given], table)
        assert doubt.startswith(f"powers of column {given[0]['column']} have shift and least number")
    if kind == "shares":
        rests = [{**one, "rest_shift": 3.0, "least_rest": 0.0} for one in given]
        assert doubts_of_powers(rests, table)
        assert doubts_of_powers([{**one, "whole": 100.0} for one in given], table)


def test_numbers_of_losses_and_powers_are_told():
    kinds = [{"loss": "clipped", "numbers": [-1, k, 0.02], "levels": []} for k in (1, 3)]
    kinds += [{"loss": "ordinal", "numbers": [-2.0, 1.5], "levels": [1, 2, 3]}]
    assert losses_in_words(kinds) == (
        "clipped (slopes -1 to 3, widths 0.02), ordinal (3 levels, thresholds -2 to 1.5)"
    )
    one = {"exponent": 0.0, "shift": 0.5, "lowest": 0.0, "whole": 0.0, "rest_shift": 0.0}
    assert powers_in_words([one, {**one, "shift": 1e20}]) == [
        "2 columns as logarithms (shifts 0.5 to 1e+20, least numbers 0, shifts of rests 0)"
    ]
    assert powers_in_words(None) == []


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("measurements", {"nonnegative": True}, "nonnegative factors"),
        ("measurements", {"balancing": 3.5}, "balancing 3.5"),
        ("cells", {"bias_penalty": 7.5}, "bias penalty 7.5"),
        ("measurements", {"dtype": "float32"}, "in single precision"),
        ("table", {"dtype": "float32"}, "in single precision"),
        ("tensor", {"strength": 0.25}, "regulariser 0.25"),
        ("components", {"nonnegative": ["mode 1"]}, "mode 1 nonnegative"),
    ],
)
def test_settings_of_problems_are_told(name, change, words, monkeypatch):
    """What a claim is about is not left out of the line that says what it is about."""
    one = sample(name)
    monkeypatch.setattr("lowland.verifying.check_fingerprint", lambda *_: None)
    monkeypatch.setattr("lowland.verifying.is_fingerprint", lambda *_: True)
    plain = json.loads(one.document.to_json())
    plain["problem"].update(change)
    assert words in ll.verify(Document.from_json(json.dumps(plain)), one.data).problem
    assert words not in ll.verify(one.document, one.data).problem


def test_known_entries_and_splines_are_told():
    one = sample("constrained components")
    problem = ll.verify(one.document, one.data).problem
    assert "mode 0 nonnegative, of 4 splines, mode 1 4 of 8 entries known" in problem
