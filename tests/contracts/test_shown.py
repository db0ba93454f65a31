"""Everything public is shown in one to five lines: no dumps of arrays, no addresses."""

import functools
import inspect
from dataclasses import dataclass, is_dataclass
from doctest import DocTestParser, DocTestRunner
from enum import Enum
from importlib import import_module

import numpy as np
import pytest
from sklearn.base import BaseEstimator

import lowland as ll
from lowland.core.brief import brief

DOORS = (
    "dask datasets displays dynamics landscape models networks objectives reproduce search tensors testing"
)


@pytest.fixture(autouse=True, scope="module")
def hasty(light_fits_throughout):
    """Fit with few sweeps, draws and trees."""


def public_classes():
    """Return what has instances that people print; errors say what they say."""
    doors = [ll, *(import_module(f"lowland.{name}") for name in DOORS.split())]
    named = [getattr(door, name) for door in doors for name in door.__all__]
    classes = dict.fromkeys(item for item in named if inspect.isclass(item))
    return [item for item in classes if not issubclass(item, BaseException | Enum)]


def short_tensor():
    cube = np.einsum("i,j,k->ijk", *(np.arange(1.0, n) for n in (5, 4, 6)))
    cube[0, 0, 0] = np.nan
    return ll.complete_tensor(cube, rank=1, model="cp", burn_in=2, n_draws=2, rng=0)


@functools.cache
def rank_path():
    """Return a choice of ranks, which several classes are parts of."""
    table = np.random.default_rng(0).random((8, 5)) + np.outer(np.arange(8), np.arange(5))
    return ll.MatrixCompletion(penalty=0.1, certify=False, random_state=0).fit(table).rank_path_


def new_cell_error():
    cube = np.einsum("i,j,k->ijk", *(np.arange(1.0, n) for n in (5, 4, 6)))
    cube += 0.1 * np.random.default_rng(0).standard_normal(cube.shape)
    cube[0, 0, 0] = np.nan
    return ll.decompose_tucker(cube, 1, n_restarts=0, certify=False, rng=0).new_cell_error()


def sampling_advice():
    return ll.dynamics.advise_sampling(np.diag([0.1, 1.0]), beta=1, accuracy=0.5)


def backward_solution():
    well = ll.dynamics.potential("double_well", transverse=[1.0])
    how = {"exit": ll.dynamics.HalfSpace([1.0, 0.0], 0.7), "box": [(-2.5, 1.0), (-2.5, 2.5)], "n_cells": 40}
    return ll.dynamics.solve_backward(well, ll.dynamics.Overdamped(0.01, beta=8), **how)


# of those whose examples take long, or show no instance
BY_HAND = {
    "BackwardSolution": backward_solution,
    "CPFit": lambda: ll.decompose_cp(np.ones((3, 4, 2)), 1, n_restarts=0, rng=0),
    "EmpiricalBayes": ll.search.EmpiricalBayes,
    "Experiment": lambda: ll.reproduce.find_experiment("zhang2018"),
    "NewCellError": new_cell_error,
    "PathDisplay": lambda: ll.displays.PathDisplay(np.arange(99), np.arange(99.0), 1, "rank"),
    "RankPath": rank_path,
    "RankStep": lambda: rank_path().steps[0],
    "SamplingAdvice": lambda: sampling_advice()[0],
    "SharpnessTrace": lambda: ll.networks.SharpnessTrace(None, None, len, step_size=0.1),
    "Study": lambda: ll.reproduce.find_experiment("zhang2018").studies[0],
    "TensorCompletionFit": short_tensor,
    "Trial": lambda: ll.Trial(None, np.arange(90) % 3, *(np.arange(90.0),) * 2, np.ones(90), 2.0),
}


def instances(kind):
    """Return what the examples of a class make of it, or what is made by hand."""
    if kind.__name__ in BY_HAND:
        return [BY_HAND[kind.__name__]()]
    if issubclass(kind, BaseEstimator):
        return [kind(), kind(**dict.fromkeys(inspect.signature(kind).parameters, np.arange(99.0)))]
    made, init = [], kind.__init__

    @functools.wraps(init)
    def kept(self, *arguments, **named):
        init(self, *arguments, **named)
        made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "__init__", kept)
        examples = DocTestParser().get_doctest(inspect.getdoc(kind), {}, kind.__name__, None, 0)
        DocTestRunner(verbose=False).run(examples, clear_globs=False, out=lambda text: None)
    return [one for one in made if type(one) is kind][-3:]


def held_records(thing):
    """Yield the records of the package that an object's public attributes hold, and it itself."""
    yield thing
    for name, value in getattr(thing, "__dict__", {}).items():
        for one in value[:3] if isinstance(value, list | tuple) else [value]:
            if not name.startswith("_") and is_dataclass(one) and "lowland" in type(one).__module__:
                yield one


def faults(thing):
    """Return what is wrong with how an object is shown."""
    text = repr(thing)
    lines = text.splitlines()
    found = [word for word in ("0x", "array([", "<function", "<lambda>") if word in text]
    return found + [line for line in lines if len(line) > 100] + lines[5:] + ["empty"] * (not text)


@pytest.mark.parametrize("kind", public_classes(), ids=lambda kind: kind.__name__)
@pytest.mark.filterwarnings("ignore")
def test_everything_public_is_shown_in_few_lines(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = instances(kind)
    assert made
    shown = {type(one).__name__: faults(one) for thing in made for one in held_records(thing)}
    assert {name: found for name, found in shown.items() if found} == {}


@pytest.mark.parametrize("name", ["double_well", "many_wells", "muller_brown"])
def test_potentials_name_their_functions(name):
    assert faults(ll.dynamics.potential(name)) == []


def test_dumps_are_found():
    @dataclass
    class Dump:
        x: object

    numbers, function = Dump(np.arange(999)), Dump(lambda x: x)
    assert "array([" in faults(numbers)
    assert "<function" in faults(function)
    assert faults(object()) == ["0x"]
    assert faults(Dump("x" * 99))
    assert faults(type("Tall", (), {"__repr__": lambda self: "a\n" * 6})()) == ["a"]
    assert faults(type("Mute", (), {"__repr__": lambda self: ""})()) == ["empty"]
    assert [faults(type("Brief", (), {"x": 1, "__repr__": brief})()) for _ in range(1)] == [[]]
