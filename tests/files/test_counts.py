"""Counts as files and programs have them: outcomes left out, dictionaries, JSON, other orders of digits."""

import json

import numpy as np
import pytest

import lowland as ll
from commands import assert_clean_error, call
from lowland.cli.commands import tomography
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.datasets import data_path


@pytest.fixture(scope="module")
def photons():
    data = ll.read_counts(data_path("photon_counts"))
    return dict(zip(zip(data.settings, data.outcomes, strict=True), data.counts.tolist(), strict=True))


def as_table(counts):
    return "setting,outcome,count\n" + "".join(f"{s},{o},{c}\n" for (s, o), c in counts.items())


def as_dictionary(counts):
    found = {}
    for (setting, outcome), count in counts.items():
        found.setdefault(setting, {})[outcome] = count
    return found


def test_outcomes_that_are_left_out_had_no_counts(photons, tmp_path):
    small = {key for key, count in photons.items() if count < 5}
    rounded = {key: 0.0 if key in small else count for key, count in photons.items()}
    left = {key: count for key, count in rounded.items() if count}
    path = tmp_path / "counts.csv"
    path.write_text(as_table(left))
    data = ll.read_counts(path)
    found = dict(zip(zip(data.settings, data.outcomes, strict=True), data.counts, strict=True))
    assert found == rounded
    assert data.added == len(small) > 0
    bare = ll.read_counts(path, zeros=False)
    assert (bare.added, len(bare.counts)) == (0, len(left))
    # as the file says it: the fidelity depends on what is left out
    fidelities = []
    for one in (data, bare):
        A = ll.pauli_outcomes(one.settings, one.outcomes)
        fidelities.append(ll.estimate_state(A, one.counts, n_resamples=0, rng=0).fidelity([1, 0, 0, 1]))
    assert fidelities[0] > 0.99


def test_one_outcome_per_setting_may_mean_two_things(tmp_path):
    path = tmp_path / "counts.csv"
    path.write_text("setting,outcome,count\nX,0,500\nZ,0,1000\n")
    with pytest.raises(InvalidInputError, match="single outcome for every setting"):
        ll.read_counts(path)
    assert ll.read_counts(path, zeros=True).counts.tolist() == [500, 0, 1000, 0]
    assert ll.read_counts(path, zeros=False).counts.tolist() == [500, 1000]


@pytest.mark.parametrize("kind", ["mapping", "json", "reverse", "hexadecimal"])
def test_counts_by_setting(photons, tmp_path, kind):
    found = as_dictionary(photons)
    reverse = kind == "reverse"
    if reverse:
        found = {s: {o[::-1]: c for o, c in own.items()} for s, own in found.items()}
    if kind == "hexadecimal":
        found = {s: {hex(int(o, 2)): c for o, c in own.items()} for s, own in found.items()}
    source = found
    if kind == "json":
        source = tmp_path / "counts.json"
        source.write_text(json.dumps(found))
    data = ll.read_counts(source, reverse=reverse)
    assert dict(zip(zip(data.settings, data.outcomes, strict=True), data.counts, strict=True)) == photons


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ("setting,outcome\nX,0\n", FileFormatError, "no column count"),
        ("", FileFormatError, "is empty"),
        ("setting,outcome,count\nX,0,many\n", FileFormatError, "data line 1: count is not a number"),
        ("setting,outcome,count\nX,0,many\nX,1,3\n", FileFormatError, "data line 1: count is not a number"),
        ("setting,outcome,count\nX,0,-1\nX,1,3\n", InvalidInputError, "at least 0"),
        (
            "setting,outcome,count\nX,0,3\nX,1,-1\n",
            InvalidInputError,
            "data line 2: count must be finite and at least 0",
        ),
        ("setting,outcome,count\nX,0,nan\n", InvalidInputError, "data line 1"),
        ("setting,outcome,count\nX,0,0\nX,1,0\n", InvalidInputError, "holds no counts"),
        ("setting,outcome,count\nX,0,1\nX,0,3\n", InvalidInputError, "outcome listed twice"),
        ("setting,outcome,count\nX,0,1\nx,0,2\n", InvalidInputError, "listed twice"),
    ],
)
def test_files_that_are_no_counts(tmp_path, content, error, words):
    path = tmp_path / "counts.csv"
    path.write_text(content)
    with pytest.raises(error, match=words):
        ll.read_counts(path)


@pytest.mark.parametrize("text", ["[1, 2]", '{"X": 3}', "{", "{}"])
def test_json_that_is_no_counts(tmp_path, text):
    path = tmp_path / "counts.json"
    path.write_text(text)
    with pytest.raises(FileFormatError):
        ll.read_counts(path)


def test_a_byte_that_is_no_text(tmp_path):
    path = tmp_path / "counts.csv"
    path.write_bytes(b"setting,outcome,count\nX,0,\xff\nX,1,3\n")
    with pytest.raises(InvalidInputError):
        ll.read_counts(path)


# ------------------------------------------------------------------ errors of detectors
def test_readout_errors_are_undone(rng):
    settings = [a + b for a in "XYZ" for b in "XYZ" for _ in range(4)]
    outcomes = [a + b for _ in range(9) for a in "01" for b in "01"]
    readout = np.array([[[0.97, 0.06], [0.03, 0.94]], [[0.99, 0.1], [0.01, 0.9]]])
    ideal, real = ll.pauli_outcomes(settings, outcomes), ll.pauli_outcomes(settings, outcomes, readout)
    bell = np.array([1, 0, 0, 1]) / np.sqrt(2)
    state = 0.9 * np.outer(bell, bell) + 0.1 * np.diag([0, 1, 0, 0])
    # what is read is what is true, mixed by the detectors
    true, read = (A.measure_matrix(state).real.reshape(9, 4) for A in (ideal, real))
    np.testing.assert_allclose(read, true @ np.kron(readout[0], readout[1]).T, atol=1e-14)
    counts = rng.poisson(20_000 * read.ravel())
    found = [ll.estimate_state(A, counts, n_resamples=0, rng=0).fidelity(bell) for A in (ideal, real)]
    assert abs(found[1] - 0.9) < 0.01 < abs(found[0] - 0.9)
    for bad, words in (
        (np.eye(3), "2 x 2"),
        ([[0.9, 0.2], [0.3, 0.8]], "columns sum to one"),
        ([[1.1, 0.0], [-0.1, 1.0]], "probabilities"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            ll.pauli_outcomes(settings, outcomes, bad)


def test_fidelity_to_mixed_targets_and_concurrence():
    from lowland.sensing.states.functions import concurrence, fidelity

    bell = np.array([1, 0, 0, 1]) / np.sqrt(2)
    pure, mixed = np.outer(bell, bell).astype(complex), np.eye(4, dtype=complex) / 4
    assert abs(fidelity(mixed, bell) - 0.25) < 1e-12
    assert abs(fidelity(mixed, pure) - 0.25) < 1e-12
    assert abs(fidelity(pure, 3 * pure) - 1) < 1e-12
    assert abs(fidelity(mixed, mixed) - 1) < 1e-12
    diagonal, other = (
        np.diag([0.5, 0.3, 0.2, 0.0]).astype(complex),
        np.diag([0.1, 0.2, 0.3, 0.4]).astype(complex),
    )
    classical = np.sqrt(np.diag(diagonal) * np.diag(other)).sum().real ** 2
    assert abs(fidelity(diagonal, other) - classical) < 1e-12
    for weight in (1.0, 0.8, 0.3, 0.0):  # of Werner states, with the known answer
        state = weight * pure + (1 - weight) * mixed
        assert abs(concurrence(state) - max(0.0, 1.5 * weight - 0.5)) < 1e-9
    assert concurrence(np.diag([1.0, 0, 0, 0]).astype(complex)) == 0
    with pytest.raises(InvalidInputError, match="two qubits"):
        concurrence(np.eye(2))
    with pytest.raises(InvalidInputError, match="positive semidefinite"):
        fidelity(mixed, np.diag([1.0, -1.0, 0, 0]))


def test_intervals_are_percentiles_of_the_resamples():
    data = ll.read_counts(data_path("photon_counts"))
    A = ll.pauli_outcomes(data.settings, data.outcomes)
    estimate = ll.estimate_state(A, data.counts, n_resamples=4, rng=0)
    trace = [abs(state[0, 3]) for state in estimate.resampled]
    low, high = estimate.interval(lambda state: abs(state[0, 3]), 0.5)
    assert sum(low <= x <= high for x in trace) == 2
    with pytest.raises(InvalidInputError, match="level"):
        estimate.interval(lambda state: 1.0, 1.0)
    assert all(np.isnan(ll.estimate_state(A, data.counts, n_resamples=0).interval(lambda state: 1.0)))


@pytest.mark.parametrize("digits", [2, 3, 17])
def test_relative_frequencies_are_refused_and_counts_with_the_shots(photons, tmp_path, digits):
    totals = {}
    for (setting, _), count in photons.items():
        totals[setting] = totals.get(setting, 0) + count
    shares = {key: round(count / totals[key[0]], digits) for key, count in photons.items()}
    (tmp_path / "counts.csv").write_text(as_table(shares))
    result = call("sense", "counts.csv", cwd=tmp_path)
    assert_clean_error(result, "relative frequencies, not counts", "--shots")
    for given in (tmp_path / "counts.csv", as_dictionary(shares)):
        data = ll.read_counts(given, shots=1000)
        assert data.counts.tolist() == [round(1000 * share) for share in shares.values()]
    with pytest.raises(InvalidInputError, match="no relative frequencies"):
        ll.read_counts(as_dictionary(photons), shots=1000)


def test_what_only_looks_like_frequencies(tmp_path):
    once = {"Z": {"0": 1, "1": 0}, "X": {"0": 0, "1": 1}}  # each setting was measured once
    assert ll.read_counts(once).counts.tolist() == [1, 0, 0, 1]
    some = {"Z": {"0": 0.5, "1": 0.25}, "X": {"0": 0.5, "1": 0.5}}
    assert ll.read_counts(some).counts.sum() == 1.75  # means over runs
    with pytest.raises(InvalidInputError, match=r"0.75 in setting Z"):
        ll.read_counts(some, shots=100)
    assert ll.read_counts(some, shots=100, zeros=False).counts.tolist() == [50, 25, 50, 50]


def test_shots_on_the_command_line_are_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(tomography, "RESAMPLES", 4)
    shares = {(setting, digit): 0.5 for setting in "XYZ" for digit in "01"}
    (tmp_path / "counts.csv").write_text(as_table(shares))
    result = call("sense", "counts.csv", "--shots", "50", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "6 outcomes, 150 counts" in result.stdout
