"""Objects in few lines: numbers and names in full, arrays by shape, functions by name."""

from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import PurePosixPath

import numpy as np
import pytest

from lowland.core.brief import MOST_LINES, WIDTH, brief, briefly, in_lines, said


class Colour(Enum):
    RED = 1


@briefly
@dataclass(frozen=True)
class Record:
    name: str
    numbers: object
    weight: float = 1.0
    notes: tuple = ()
    found: dict = field(default_factory=dict)
    hidden: object = field(default=None, repr=False)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "None"),
        (True, "True"),
        (3, "3"),
        (0.1 + 0.2, "0.3"),
        (2.0, "2.0"),
        (1e-9, "1e-09"),
        (123456.5, "123456.5"),
        (1234567.5, "1.23457e+06"),
        (np.float64(2.5), "2.5"),
        (np.array(4), "4"),
        ("it's", '"it\'s"'),
        (Colour.RED, "RED"),
        (PurePosixPath("a/b"), "'a/b'"),
        (np.dtype("float32"), "float32"),
        (np.arange(4), "[0, 1, 2, 3]"),
        (np.arange(5), "int64[5]"),
        (np.zeros((2, 0)), "float64[2, 0]"),
        (np.array(["a", "b"]), "str[2]"),
        (np.array([None]), "object[1]"),
        (lambda x: x, "lambda"),
        (len, "len"),
        (partial(len, "a"), "len"),
        (Colour, "Colour"),
        ((1,), "(1,)"),
        ([1, "b"], "[1, 'b']"),
        ({"a": np.zeros(9)}, "{'a': float64[9]}"),
        ({2}, "{2}"),
        ([1.5] * 30, "[30 x float]"),
        ([1.5] * 5 + ["a"] * 30, "[35 items]"),
        ({k: "word" * 5 for k in range(9)}, "{9 x str}"),
        (object(), "object(...)"),
        (Record("b", 2), "Record(name='b', numbers=2)"),
        (Record("b" * 50, "c" * 50), "Record(...)"),
        ([Record("b" * 50, "c" * 50)], "[Record(...)]"),
    ],
)
def test_values(value, words):
    assert said(value) == words


def test_long_text_is_cut():
    assert said("a" * 70) == repr("a" * 55 + "...")
    assert len(said(10**80)) == 60


def test_what_is_as_by_default_is_left_out():
    assert repr(Record("a", None)) == "Record(name='a', numbers=None)"
    full = Record("a", np.zeros(5), 2.0, (1,), {"k": 1}, hidden=3)
    assert repr(full) == "Record(name='a', numbers=float64[5], weight=2.0, notes=(1,), found={'k': 1})"


def test_many_parts_take_five_lines():
    lines = in_lines("Many", [(f"part_{k}", "x" * (20 + k)) for k in range(40)]).splitlines()
    assert len(lines) == MOST_LINES
    assert lines[0].startswith("Many(part_0=")
    assert lines[-1].endswith(", ...)")
    assert max(map(len, lines)) <= WIDTH
    some = in_lines("Many", [(f"part_{k}", "x" * 80) for k in range(4)])
    assert "..." not in some
    assert some.endswith(")")
    assert max(map(len, in_lines("N", [("k" * 50, "x" * 500)] * 9).splitlines())) <= WIDTH


def test_an_object_that_holds_itself():
    held = []
    record = Record("a", held)
    held.append(record)
    assert repr(record) == "Record(name='a', numbers=[Record(...)])"


class Plain:
    def __init__(self, rows, scale=1.0, *, unkept=0):
        self.rows, self._scale = rows, scale

    shape = property(lambda self: (2, 3))


def test_of_other_classes_the_parameters_that_they_keep():
    assert brief(Plain(np.arange(9))) == "Plain(rows=int64[9], shape=(2, 3))"
    assert brief(Plain([], 2.0)) == "Plain(rows=[], scale=2.0, shape=(2, 3))"
    assert repr(briefly(Plain)([])) == brief(Plain([]))


def test_own_words_are_kept():
    @briefly
    @dataclass(repr=False)
    class Own:
        x: int

        def __repr__(self):
            return "mine"

    @briefly
    @dataclass(repr=False)
    class Heir(Own):
        pass

    assert repr(Own(1)) == repr(Heir(1)) == "mine"
    assert Colour.RED is briefly(Colour).RED
    assert repr(Colour.RED) == "<Colour.RED: 1>"
