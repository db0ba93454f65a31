"""Check a certificate's document from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lowland.certificates import MATRIX_CLAIMS
from lowland.cli.judging.measurements import read_measurements
from lowland.cli.numeric_columns import read_numbers, split_target
from lowland.cli.output import say, say_json, warn
from lowland.cli.reading import CELL_OPTIONS, TABLE_OPTIONS
from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError
from lowland.core.results.status import Verdict
from lowland.core.results.verification import Outcome, Verification
from lowland.core.running.stages import announce
from lowland.files.certificates import read_certificate
from lowland.files.counts import read_counts
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat
from lowland.measure import pauli_outcomes
from lowland.recheck.documents import Document
from lowland.verifying import table_of, verify

# options for reading data, and those that have an effect on the data of each kind of document
TENSOR_OPTIONS = ("variable", "value", "modes", "fold", "duplicates", *CELL_OPTIONS)
READING = (*TABLE_OPTIONS, "variable", "modes", "fold", "target")
OPTIONS_OF: dict[str, tuple[str, ...]] = {
    "table": TABLE_OPTIONS,
    "audit": TABLE_OPTIONS,
    "measurements": (),
    "tensor": TENSOR_OPTIONS,
    "filled": TENSOR_OPTIONS,
    "cp": TENSOR_OPTIONS,
    "region": ("target", *CELL_OPTIONS),
    "stability": CELL_OPTIONS,
}
AFFIRMED = tuple(verdict.value for verdict in (Verdict.PROVED, Verdict.SUPPORTED))


def check_document(path: Path, read: Callable[[Document], Any], *, json: bool, require: str | None) -> bool:
    """Derive everything in a document again; return whether all of it was confirmed, or what is required.

    Parameters
    ----------
    path : path
    read : callable
        Takes the document and returns the data that it is about.
    json : bool
    require : str or None
        A claim that must be among the findings, proved or supported, and confirmed; then others may be
        not checked, but not contradicted.
    """
    document = read_certificate(path)
    data = read(document)
    checked = verify(document, data, on_progress=announce)
    if json:
        say_json(checked.as_dict())
    else:
        _say(checked, document)
    good = checked.is_confirmed
    if not checked.checks:
        warn("lowland: the certificate states nothing")
    if require is not None:
        known = require in checked and checked[require].outcome is Outcome.CONFIRMED
        if not (known and checked[require].verdict in AFFIRMED):
            warn(f"lowland: the required claim {require} is not confirmed")
            return False
        good = all(check.outcome is not Outcome.CONTRADICTED for check in checked)
    return good


def _say(checked: Verification, document: Document) -> None:
    say(checked.problem)
    for check in checked:
        say(f"  {check.claim:<24}  {check.verdict.upper():<12}  {check.outcome.value}; {check.words}")
    say(checked.summary)
    absent = [claim for claim in MATRIX_CLAIMS if claim not in checked]
    if absent and document.kind in ("table", "measurements"):
        say(f"not judged: {', '.join(absent)}")


def read_data(document: Document, path: Path, reading: Reading, *, target: str | None) -> Any:
    """Return the data, not of a tensor, that a document is about, as `lowland.verify` takes them."""
    if document.kind in ("table", "audit"):
        return table_of(document, path, reading)
    if document.kind == "region":
        return split_target(*read_numbers(path, None, reading.form), target, path)
    if document.kind == "stability":
        return _columns(path, reading.form)
    if path.suffix.lower() == ".csv":
        counts = read_counts(path)
        return pauli_outcomes(counts.settings, counts.outcomes), counts.counts
    return read_measurements(path)


def _columns(path: Path, form: TableFormat) -> tuple[Vector, ...]:
    """Return x, y and perhaps the weights of a table of two or three columns."""
    names, numbers = read_numbers(path, None, form)
    if len(names) not in (2, 3):
        raise InvalidInputError(
            f"{path} must have the columns x, y and perhaps weights, in this order",
            f"columns {', '.join(names)}",
            fix="write these columns to a file of their own",
        )
    return tuple(numbers.T)
