"""The permutation test: exact where labels are a random choice, and not blind where they are not."""

import numpy as np
import pytest

from lowland.trials.audits import permuting
from lowland.trials.audits.permuting import permutation_p


@pytest.fixture
def fewer(monkeypatch):
    monkeypatch.setattr(permuting, "PERMUTATIONS", 99)


def p_values(rng, tilt, tests=300, cells=40):
    """Return p-values of labels that a feature makes likelier, or does not."""
    found = []
    for _ in range(tests):
        groups = [rng.standard_normal((cells, 2)), rng.integers(0, 2, (cells, 1)).astype(float)]
        ranks = groups[0][:, 0] * tilt + rng.gumbel(size=cells)
        labels = np.zeros(cells, bool)
        labels[np.argsort(ranks)[-12:]] = True
        found.append(permutation_p(labels, groups, rng))
    return np.array(found)


@pytest.mark.usefixtures("fewer")
def test_p_values_are_as_small_as_they_say_and_no_smaller(rng):
    found = p_values(rng, 0.0)
    for level in (0.05, 0.2, 0.5):
        reach = 3.9 * np.sqrt(level * (1 - level) / found.size)  # 1 in 10,000
        assert level - reach - 0.02 < np.mean(found <= level) < level + reach
    assert np.mean(p_values(rng, 1.5, tests=60) <= 0.05) > 0.8


def test_batches_do_not_change_the_law(rng, monkeypatch):
    monkeypatch.setattr(permuting, "BATCH", 100)
    labels, feature = np.arange(60) < 20, np.linspace(0, 1, 60)[:, None]
    assert permutation_p(labels, [feature], rng) == pytest.approx(1 / (1 + permuting.PERMUTATIONS))


def test_nothing_to_compare_rejects_nothing(rng):
    labels = np.arange(9) < 4
    assert permutation_p(labels, [np.ones((9, 2))], rng) == 1.0
    assert permutation_p(labels, [], rng) == 1.0
    assert permutation_p(labels | True, [rng.random((9, 2))], rng) == 1.0
