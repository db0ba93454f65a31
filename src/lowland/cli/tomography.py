"""`lowland sense` on a table of counts: quantum state tomography."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import typer

from lowland.cli.output import exit_on_missed, say, say_certificate, say_json, try_report
from lowland.cli.progress import CountProgress
from lowland.core.errors import InvalidInputError
from lowland.files.bundle import save_arrays
from lowland.files.counts import read_counts
from lowland.measure import pauli_outcomes
from lowland.sensing.tomography import estimate_state

RESAMPLES = 100


def sense_counts(
    file: Path,
    *,
    rank: int | None,
    target: str | None,
    output: Path | None,
    report: Path | None,
    certificate: Path | None,
    seed: int,
    require: str | None,
    json: bool,
    quiet: bool,
) -> None:
    """Estimate a density matrix from counts, print its numbers with error bars, and write it."""
    data = read_counts(file)
    measurement = pauli_outcomes(data.settings, data.outcomes)
    goal = None if target is None else read_target(target, measurement.shape[0])
    estimate = estimate_state(
        measurement,
        data.counts,
        rank=rank,
        n_resamples=RESAMPLES,
        rng=seed,
        on_progress=None if quiet else CountProgress("resampled estimates"),
    )
    if output is not None:
        save_arrays(output, {"state": estimate.state, "resampled": estimate.resampled})
    if certificate is not None:
        estimate.fit.save_certificate(certificate)
    if report is not None:
        try_report(lambda: estimate.fit.report(report), report)
    proof = estimate.fit.certificate
    interrupted = len(estimate.resampled) < RESAMPLES
    rows = estimate.table(goal)
    if json:
        say_json(
            {
                "dimension": int(estimate.state.shape[0]),
                "stop_reason": estimate.fit.search.stop_reason.value,
                "numbers": [{"name": n, "value": v, "standard_error": e} for n, v, e in rows],
                "certificate": proof.as_dict() if proof else None,
            }
        )
    else:
        say(f"{len(data.counts)} outcomes, {data.counts.sum():.0f} counts")
        say(estimate.fit.objective.describe())
        for name, value, error in rows:
            say(f"{name}: {value:.5f} +- {error:.5f}")
        say(f"errors: standard deviation over {len(estimate.resampled)} estimates from resampled counts")
        if proof is not None:
            say_certificate(proof)
        for name, path in (("density matrix", output), ("certificate", certificate), ("report", report)):
            if path is not None and path.exists():
                say(f"{name}: {path}")
    if interrupted:
        raise typer.Exit(130)
    exit_on_missed(proof, require)


def read_target(text: str, dimension: int) -> np.ndarray:
    """Return a state vector from words such as ``00+11`` or ``01-10``."""
    vector = np.zeros(dimension, complex)
    qubits = dimension.bit_length() - 1
    for sign, word in _terms(text):
        if len(word) != qubits or not set(word) <= set("01"):
            example = f"write, for example, {'0' * qubits}+{'1' * qubits}"
            raise InvalidInputError("--target must be a sum of basis states", repr(text), fix=example)
        vector[int(word, 2)] += sign
    return vector


def _terms(text: str) -> list[tuple[int, str]]:
    terms, sign, word = [], 1, ""
    for letter in text.replace(" ", "") + "+":
        if letter in "+-":
            if word:
                terms.append((sign, word))
            sign, word = (1 if letter == "+" else -1), ""
        else:
            word += letter
    return terms
