"""`lowland sense` with a premise, isometry and a census of ends."""

import json

import numpy as np
import pytest

import lowland as ll
from commands import assert_clean_error, call
from lowland.datasets import false_minimum, planted_sensing

HOW = ("--rank", "1", "--structure", "psd")


@pytest.fixture
def measured(tmp_path):
    for name, one in (("planted", planted_sensing(60, 6, 1, 0)), ("false", false_minimum(0.6)[0])):
        np.savez(tmp_path / f"{name}.npz", arrays=one.measurement.arrays, y=one.y)
    return tmp_path


def test_isometry_and_census_are_those_of_python(measured):
    asked = ("sense", "false.npz", *HOW, "--isometry", "--census", "20", "--json")
    told = json.loads(call(*asked, cwd=measured).stdout)
    one, _ = false_minimum(0.6)
    found = ll.restricted_isometry(one.measurement, 2, structure="psd", rng=0)
    assert told["isometry"]["delta_at_least"] == found.scaled_lower
    assert told["isometry"]["delta_at_most"] == found.scaled_upper
    fit = ll.recover(one.measurement, one.y, rank=1, structure="psd", rng=0)
    ends = ll.census(fit.objective, n_starts=20, rng=1)
    assert told["census"]["above_best"] == ends.misses > 0
    assert told["census"]["bound"] == ends.bound
    assert [(e["count"], e["kind"]) for e in told["census"]["endings"]] == [
        (e.count, e.describe()) for e in ends.endings
    ]
    words = call(*asked[:-1], cwd=measured).stdout
    assert str(found) in words
    assert str(ends) in words
    nothing = json.loads(call("sense", "false.npz", *HOW, "--json", cwd=measured).stdout)
    assert not {"isometry", "census"} & set(nothing)


def test_a_premise_says_what_follows_or_is_refused(measured):
    told = call("sense", "planted.npz", *HOW, "--premise", "0.7:0.01", "--json", cwd=measured).stdout
    findings = {one["claim"]: one for one in json.loads(told)["certificate"]["findings"]}
    assert findings["error_bounded"]["verdict"] == "supported"
    assert findings["error_bounded"]["witness"]["noise"] == 0.01
    refused = call("sense", "planted.npz", *HOW, "--premise", "0.1", cwd=measured)
    assert_clean_error(refused, "the premise of restricted isometry is false", "larger delta")


@pytest.mark.parametrize("words", ["a", "0.1:b", "0.1:0.2:0.3", ""])
def test_premises_that_are_no_numbers_are_refused(measured, words):
    refused = call("sense", "planted.npz", *HOW, "--premise", words, cwd=measured)
    assert_clean_error(refused, "--premise", "--premise 0.3:0.1")


def test_a_census_has_no_negative_number_of_starts(measured):
    assert_clean_error(call("sense", "planted.npz", *HOW, "--census", "-1", cwd=measured), "--census")


@pytest.mark.usefixtures("undrawn")
@pytest.mark.usefixtures("undrawn")
def test_symmetric_measurements_of_a_general_matrix_come_with_advice(tmp_path):
    rng = np.random.default_rng(0)
    arrays, u = rng.standard_normal((60, 5, 5)), rng.standard_normal(5)
    arrays = arrays + arrays.transpose(0, 2, 1)
    np.savez(tmp_path / "d.npz", arrays=arrays, y=arrays @ u @ u)
    words = (
        "the measuring matrices are symmetric, so that a matrix and its transpose measure alike; if the "
        "matrix is positive semidefinite, pass --structure psd"
    )
    asked = ("sense", "d.npz", "--rank", 1)
    told = call(*asked, "--report", "r.html", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert words in told.stdout.splitlines()
    assert words.removeprefix("the") in (tmp_path / "r.html").read_text()
    assert json.loads(call(*asked, "--json", cwd=tmp_path).stdout)["advice"] == [words]
    taken = call(*asked, "--structure", "psd", "--report", "p.html", cwd=tmp_path)
    assert "transpose" not in taken.stdout
    assert "transpose" not in (tmp_path / "p.html").read_text()
