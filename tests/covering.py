"""What keeps families of tests small: some of their combinations run always, the others are slow.

A family is a test function with all its inputs. One marked `covering` keeps so many combinations that every
value of every parameter is among them, and `covering(2)` so many that every pair of values is; the rest are
marked `slow`, of which each revision draws some (`sampling.py`).
"""

from collections import Counter, defaultdict
from functools import partial
from itertools import combinations

import pytest


def label(value):
    """Return what tells a value of a parameter from others: equal ones are one value.

    What has no hash is told by its identity. Of scikit-learn's checks it is the check, whichever estimator's
    name it was given.
    """
    if isinstance(value, partial):
        return label(value.func), repr(value.keywords)
    try:
        hash(value)
    except TypeError:
        return id(value)
    return type(value), value


def tuples_of(values, strength):
    """Return the combinations of so many parameters with their values that one case covers."""
    return frozenset(combinations(sorted(values.items()), min(strength, len(values))))


def chosen(cases, strength=1):
    """Return the places of the cases that are kept, of cases that are dictionaries of labels by parameter.

    Each is the one that covers most of what is not covered yet; of several, the one whose values were taken
    least often, so that values alternate.
    """
    numbers = defaultdict(dict)
    plain = [{name: numbers[name].setdefault(x, len(numbers[name])) for name, x in c.items()} for c in cases]
    covers = [tuples_of(case, strength) for case in plain]
    left, taken, kept = set().union(*covers), Counter(), []
    while left:
        gains = [len(left & cover) for cover in covers]
        most = max(gains)
        best = min(
            (place for place, gain in enumerate(gains) if gain == most),
            key=lambda place: (sum(taken[item] for item in plain[place].items()), place),
        )
        kept.append(best)
        taken.update(plain[best].items())
        left -= covers[best]
    return kept


def mark_the_rest(items):
    """Mark the combinations as slow that a family marked `covering` does without."""
    families = defaultdict(list)
    for item in items:
        if item.get_closest_marker("covering") and not item.get_closest_marker("slow"):
            families[item.nodeid.split("[")[0]].append(item)
    for family in families.values():
        strength = family[0].get_closest_marker("covering").args or (1,)
        cases = [{name: label(x) for name, x in item.callspec.params.items()} for item in family]
        kept = set(chosen(cases, *strength))
        for place, item in enumerate(family):
            if place not in kept:
                item.add_marker(pytest.mark.slow)
