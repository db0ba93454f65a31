"""Announcements reach the listener, nested in their order, and only within its block."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.running.stages import announce, listening, stage


def heard(act):
    paths = []
    with listening(lambda path: paths.append([(one.what, one.done, one.total) for one in path])):
        act()
    return paths


def test_stages_are_nested():
    def work():
        with stage("fits", total=2) as tell:
            announce("sweep", 7)
            tell(1)
            with stage("choosing"):
                announce("sweep", 3)
        announce("end")

    assert heard(work) == [
        [("fits", 0, 2)],
        [("fits", 0, 2), ("sweep", 7, 0)],
        [("fits", 1, 2)],
        [("fits", 1, 2), ("choosing", 0, 0)],
        [("fits", 1, 2), ("choosing", 0, 0), ("sweep", 3, 0)],
        [("end", 0, 0)],
    ]


def test_nothing_is_left_after_an_error_or_without_a_listener():
    def fail():
        with stage("fits"):
            raise ValueError("as asked")

    with pytest.raises(ValueError, match="as asked"):
        heard(fail)
    assert heard(lambda: announce("alone")) == [[("alone", 0, 0)]]
    announce("nobody")
    with stage("nobody") as tell:
        tell(3)


def test_long_work_announces_itself(rng):
    table = np.where(rng.random((30, 8)) < 0.8, rng.normal(size=(30, 1)) @ rng.normal(size=(1, 8)), np.nan)
    words = {
        one[0]
        for path in heard(lambda: ll.MatrixCompletion(method="map", random_state=0).fit(table))
        for one in path
    }
    assert any(word.startswith("choosing: rank") for word in words)
    assert any(word.startswith("judging: ") for word in words)
    model = ll.MatrixCompletion(method="gibbs", n_draws=5, certify=False, random_state=0)
    totals = {one[1:] for path in heard(lambda: model.fit(table)) for one in path if "gibbs" in one[0]}
    assert (25, 25) in totals  # of a number that is known beforehand
    data = ll.read_counts({"X": {"0": 50, "1": 50}, "Y": {"0": 48, "1": 52}, "Z": {"0": 99, "1": 1}})
    A = ll.pauli_outcomes(data.settings, data.outcomes)
    paths = heard(lambda: ll.estimate_state(A, data.counts, n_resamples=3, rng=0))
    assert [("resampled estimates", 3, 3)] in paths
