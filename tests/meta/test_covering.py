"""Which combinations of a family run always."""

from functools import partial
from itertools import combinations, product

import numpy as np
import pytest

from covering import chosen, label

pytest_plugins = ["pytester"]


def covered(cases, places, strength):
    """Return the combinations of so many values that some of the cases have."""
    return {item for place in places for item in combinations(sorted(cases[place].items()), strength)}


@pytest.mark.parametrize("strength", [1, 2])
def test_all_values_and_all_pairs_are_covered_by_few(strength):
    sizes = (5, 3, 4)
    cases = [dict(zip("abc", case, strict=True)) for case in product(*map(range, sizes))]
    kept = chosen(cases, strength)
    assert covered(cases, kept, strength) == covered(cases, range(len(cases)), strength)
    assert len(kept) <= (5 if strength == 1 else 24)


def test_values_alternate():
    cases = [{"entry": k, "road": road} for k in range(20) for road in ("file", "frame")]
    roads = [cases[place]["road"] for place in chosen(cases)]
    assert roads.count("file") == roads.count("frame") == 10


def test_cases_that_leave_combinations_out_are_covered():
    cases = [{"a": 0, "b": 0}, {"a": 1, "b": 0}, {"a": 1, "b": 1}]
    assert sorted(chosen(cases)) in ([0, 2], [0, 1, 2])
    assert sorted(chosen(cases, 2)) == [0, 1, 2]


def test_labels_tell_values_apart():
    array = np.arange(3)
    same = [(1, 1), (array, array), (partial(int, "1", base=2), partial(int, "2", base=2))]
    others = [(1, 1.0), (1, True), (array, np.arange(3)), (partial(int), partial(str))]
    others += [(partial(int, base=2), partial(int, base=3))]
    assert all(label(one) == label(other) for one, other in same)
    assert all(label(one) != label(other) for one, other in others)


@pytest.mark.parametrize(("expression", "count"), [("not slow", 5), ("slow", 2), ("", 7)])
def test_the_rest_is_slow(pytester, monkeypatch, expression, count):
    # of plugins this one is enough
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeini("[pytest]\nmarkers =\n    slow: x\n    covering: x")
    hook = "@pytest.hookimpl(tryfirst=True)\ndef pytest_collection_modifyitems(items): mark_the_rest(items)"
    pytester.makeconftest(f"import pytest\nfrom covering import mark_the_rest\n{hook}\n")
    twice = "@pytest.mark.parametrize('{}', [1, 2])\n"
    family = f"@pytest.mark.covering\n{twice.format('x')}{twice.format('y')}def test_family(x, y): pass\n"
    whole = twice.format("x") + "def test_whole(x): pass\n"
    pytester.makepyfile(f"import pytest\n{family}{whole}def test_one(): pass\n")
    pytester.runpytest_inprocess("-m", expression).assert_outcomes(passed=count, deselected=7 - count)
