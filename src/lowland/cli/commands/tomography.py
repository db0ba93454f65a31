"""`lowland sense` on counts: quantum state tomography."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, final

import numpy as np

from lowland.cli.judging.judged import JudgedOptions
from lowland.cli.records import option
from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError
from lowland.core.wording import counted
from lowland.files.arrays import load_npy
from lowland.files.bundle import save_arrays
from lowland.files.counts import Counts, read_counts
from lowland.files.tables import read_columns
from lowland.measure import pauli_outcomes
from lowland.sensing.states.tomography import StateFit, estimate_state

RESAMPLES, LEVEL = 100, 0.9
# endings of files of counts; measurements of other matrices are NPZ files
COUNTS = (".csv", ".tsv", ".txt", ".json", ".parquet", ".feather", ".gz", ".xlsx")
# a number of a state: its name, its value, its error, and the ends of its interval
Row: TypeAlias = tuple[str, float, float, float, float]


@final
@dataclass(frozen=True, kw_only=True)
class CountOptions:
    """What is asked of counts alone."""

    target: str | None = option(
        None, "Counts: state to compare with, such as 00+11, or a file of it (.npy, .csv)."
    )
    readout: Path | None = option(
        None, "Counts: errors of the detectors, 2 x 2 for all or each qubit (.npy, .csv)."
    )
    zeros: bool | None = option(None, "Counts: whether outcomes that a setting does not list had no counts.")
    shots: int | None = option(
        None, "Counts: how often each setting was measured, where relative frequencies are given."
    )
    reverse: bool = option(False, "Counts: outcomes are written in reverse, as Qiskit does.", "--reverse")


def sense_counts(
    file: Path, rank: int | None, counts: CountOptions, output: Path | None, given: JudgedOptions
) -> None:
    """Estimate a density matrix from counts, print its numbers with error bars, and write it."""
    data = read_counts(file, zeros=counts.zeros, reverse=counts.reverse, shots=counts.shots)
    measurement = pauli_outcomes(
        data.settings, data.outcomes, None if counts.readout is None else read_readout(counts.readout)
    )
    goal = None if counts.target is None else read_target(counts.target, measurement.shape[0])
    estimate = estimate_state(
        measurement,
        data.counts,
        rank=rank,
        n_resamples=RESAMPLES,
        rng=given.seed,
    )
    if output is not None:
        save_arrays(output, {"state": estimate.state, "resampled": estimate.resampled})
    title = f"The state behind {file.name}"
    rows = [
        (name, quantity(estimate.state), estimate.error(quantity), *estimate.interval(quantity, LEVEL))
        for name, quantity in estimate.quantities(goal).items()
    ]
    given.conclude(
        estimate.fit,
        ("density matrix", output),
        report=lambda path: estimate.report(path, target=goal, settings=data.settings, title=title),
        data=lambda: _as_data(estimate, data, rows),
        lines=lambda: _lines(estimate, data, rows, goal),
        interrupted=len(estimate.resampled) < RESAMPLES,
    )


def _as_data(estimate: StateFit, data: Counts, rows: Sequence[Row]) -> dict[str, Any]:
    names = ("name", "value", "standard_error", "lower", "upper")
    return {
        "dimension": int(estimate.state.shape[0]),
        "outcomes": len(data.counts),
        "outcomes_added_as_zero": data.added,
        "stop_reason": estimate.fit.search.stop_reason.value,
        "level": LEVEL,
        "numbers": [dict(zip(names, row, strict=True)) for row in rows],
        "numbers_left_open": estimate.open_numbers,
    }


def _lines(estimate: StateFit, data: Counts, rows: Sequence[Row], goal: Matrix | None) -> Iterator[str]:
    yield f"{len(data.counts)} outcomes, {data.counts.sum():.0f} counts"
    if data.added:
        yield f"  {data.added} outcomes that are not listed count as zero (--no-zeros)"
    yield estimate.fit.objective.describe()
    for name, value, error, low, high in rows:
        yield f"{name}: {value:.5f} +- {error:.5f}, {LEVEL:.0%} between {low:.4f} and {high:.4f}"
    if estimate.open_numbers:
        yield estimate.what_is_open(goal)
    yield f"errors: scatter of {len(estimate.resampled)} estimates from resampled counts"


def read_readout(path: Path) -> Matrix:
    """Return the errors of detectors: an array in .npy, or a table of two columns, two lines per qubit."""
    if path.suffix.lower() == ".npy":
        return np.asarray(load_npy(path), float)
    columns, where = read_columns(path, ())
    numbers = np.column_stack(list(columns.values()))
    if numbers.dtype.kind not in "if" or numbers.shape[1] != 2 or len(numbers) % 2:
        raise InvalidInputError(
            f"{where} must hold two columns of numbers, two lines per qubit",
            f"shape {numbers.shape}",
            fix="line i, column j: the probability that i is read where j is true",
        )
    table = numbers.astype(float).reshape(-1, 2, 2)
    return np.asarray(table[0] if len(table) == 1 else table)


def read_target(text: str, dimension: int) -> Matrix:
    """Return a state from words such as ``00+11``, or a vector or density matrix from a file."""
    path = Path(text)
    if path.suffix.lower() == ".npy":
        state = load_npy(path)
        if state.dtype.kind not in "biufc":
            raise InvalidInputError(
                f"{path} does not hold numbers",
                f"dtype {state.dtype}",
                fix="save a vector or a density matrix",
            )
        return np.asarray(state, complex)
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        return _target_table(path, dimension)
    vector = np.zeros(dimension, complex)
    qubits = dimension.bit_length() - 1
    for sign, word in _terms(text):
        if len(word) != qubits or not set(word) <= set("01"):
            example = f"write, for example, {'0' * qubits}+{'1' * qubits}, or name a file (.npy, .csv)"
            raise InvalidInputError("--target must be a sum of basis states", repr(text), fix=example)
        vector[int(word, 2)] += sign
    return vector


def _target_table(path: Path, dimension: int) -> Matrix:
    """Return a vector from a table of one or two columns, the real and the imaginary parts of its entries."""
    try:
        numbers = np.loadtxt(path, delimiter="," if path.suffix.lower() == ".csv" else None, ndmin=2)
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"{path} is not a table of numbers", str(error), fix="write one entry per line: real, imaginary"
        ) from error
    if numbers.shape not in ((dimension, 1), (dimension, 2)):
        raise InvalidInputError(
            f"{path} does not hold a state vector",
            f"shape {numbers.shape}",
            fix=f"write {counted(dimension, 'line')}",
        )
    return np.asarray(numbers @ np.array([1, 1j])[: numbers.shape[1]])


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
