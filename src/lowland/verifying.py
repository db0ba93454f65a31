"""`verify`: derive again everything that a certificate's document states, given the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from lowland.core.cells.fingerprints import ARRAYS, is_fingerprint, recognise
from lowland.core.cells.observations import Observations
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError, LowlandError
from lowland.core.results.claims import OF_CELLS
from lowland.core.results.verification import Verification, best_reading
from lowland.estimators.table_input import observed_table
from lowland.files.certificates import read_certificate
from lowland.files.shapes.layouts import Reading
from lowland.files.tables import load_table
from lowland.measure import Entries
from lowland.networks.network import check_inputs, check_targets
from lowland.networks.splines.stability import check_univariate
from lowland.networks.splines.variation import data_shares
from lowland.recheck.audits import audit_problem, verify_audit, without_audit
from lowland.recheck.documents import Document
from lowland.recheck.filled import verify_filled
from lowland.recheck.matrices.checks import verify_matrix
from lowland.recheck.matrices.measurements import measured_fingerprint, measured_problem, real_data
from lowland.recheck.matrices.tables.problem import in_precision, table_problem
from lowland.recheck.matrices.tables.units import doubts_of_rounding
from lowland.recheck.networks.region_checks import verify_region
from lowland.recheck.networks.regions import data_fingerprint, region_problem
from lowland.recheck.networks.stability_checks import layers_problem, verify_stability
from lowland.recheck.settled import drawn_of, verify_settled
from lowland.recheck.tensors.checks import verify_tensor
from lowland.recheck.tensors.cp_checks import verify_cp
from lowland.recheck.tensors.documents import PlainCells, cp_problem, precision_of, tensor_problem
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.cells.plain import plain_cells
from lowland.tensors.reading.files import read_tensor

Progress = Callable[[str], None]


@public("lowland")
def verify(
    document: str | PathLike[str] | Document, data: Any, *, on_progress: Progress | None = None
) -> Verification:
    """Re-check a certificate: derive all its numbers and sentences again, from the data alone.

    Parameters
    ----------
    document : path
        As written by `save_certificate`, or by `lowland certify --output`.
    data
        What the certificate is about. For a table: a path, a data frame, an array with NaN where cells are
        missing, a SciPy sparse array, or `Observations`. For measurements: the pair of measurement and y, or
        these two and the weights. For a tensor: a path, an array with NaN, or `TensorObservations`. For the
        region of a network: the inputs, or the pair of inputs and targets; for its stability the pair of x
        and y, or these two and the weights.
    on_progress : callable, optional
        Called with what is being computed; forming and factoring matrices can take minutes.

    Returns
    -------
    Verification
        For each finding whether all that it states was derived again, with what contradicts it if not.
        ``is_confirmed`` tells whether all were. Nothing of the solver and of the judges is used or trusted.

    Raises
    ------
    FileFormatError
        If the document cannot be read, or holds anything that would not be checked.
    InvalidInputError
        If the document is about other data.

    Notes
    -----
    Only NumPy and dense matrices are used; what is larger is "not checked": at most four million entries,
    4,000 coordinates of a point for curvatures, 8,000 dimensions of a tangent space. A document of a table in
    units, with weights or in a precision that fits of these data would not use is "not checked" either: an
    updated fit may have outgrown its units, and a forger could hide noise in them.

    Examples
    --------
    >>> import numpy as np, lowland as ll, pathlib, tempfile
    >>> A = ll.Entries([0, 0, 1], [0, 1, 0], (2, 2))
    >>> fit = ll.recover(A, [1.0, 2.0, 3.0], rank=1, rng=0)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "proof.json"
    >>> fit.save_certificate(path)
    >>> ll.verify(path, (A, [1.0, 2.0, 3.0])).is_confirmed
    True
    """
    if not isinstance(document, str | PathLike | Document):
        raise InvalidInputError("document must be a path", type(document).__name__, fix="pass that of a file")
    given = document if isinstance(document, Document) else read_certificate(document)
    try:
        readings = (VERIFIERS[given.kind](reading, data, on_progress) for reading in given.readings())
        return best_reading(readings, given.written)
    except LowlandError:
        raise
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        what = {
            "table": "a table",
            "audit": "a table",
            "measurements": "measurements",
            "tensor": "a tensor",
            "filled": "a tensor",
            "cp": "a tensor",
            "region": "inputs",
            "stability": "x and y",
        }[given.kind]
        raise InvalidInputError(
            f"data cannot be read as {what}", f"{type(data).__name__}: {error}"
        ) from error


def _verify_table(document: Document, data: Any, on_progress: Progress | None) -> Verification:
    given = table_of(document, Path(data)) if isinstance(data, str | PathLike) else observed_table(data)
    table = in_precision(document, given)
    _check_same(is_fingerprint(document.data, table), document, table.fingerprint())
    audited = None
    if any(finding.claim in OF_CELLS for finding in document.certificate):
        audited = verify_cells(document, table.in_order())
    if document.kind == "audit":
        return audited or Verification(())
    rest = without_audit(document)
    verified = verify_matrix(table_problem(rest, table, given), rest.certificate, on_progress)
    return verified if audited is None else replace(verified, checks=audited.checks + verified.checks)


def verify_cells(document: Document, table: Observations) -> Verification:
    """Check what a document says of missing cells and of what fills them; its table is row by row."""
    audited = verify_audit(audit_problem(document, table), table, document.certificate)
    drawn, checks = drawn_of(document), audited.checks
    for finding in document.certificate:
        if finding.claim == "settled":
            checks += (verify_settled(finding, drawn, table),)
    return replace(audited, checks=checks)


def table_of(document: Document, path: Path, reading: Reading | None = None) -> Observations:
    """Return the table of a file that a document is about, in which columns of two words may be numbers."""
    how = reading or Reading()
    table = load_table(path, replace(how, words=True)).observations
    if is_fingerprint(document.data, in_precision(document, table)):
        return table
    return load_table(path, how).observations


def _verify_measurements(document: Document, data: Any, on_progress: Progress | None) -> Verification:
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise InvalidInputError(
            "data must be the pair of measurement and y", type(data).__name__, fix="pass (measurement, y)"
        )
    measurement, numbers = data[0], np.asarray(data[1])
    weights = None if len(data) == 2 or data[2] is None else np.asarray(data[2])
    dtype = document.problem.get("dtype")
    if dtype in ("float32", "float64"):
        check_fingerprint(document, partial(measured_fingerprint, *real_data(numbers, weights, str(dtype))))
    cells = (measurement.rows, measurement.columns) if isinstance(measurement, Entries) else None
    problem = measured_problem(document, measurement, numbers, weights, cells)
    return verify_matrix(problem, document.certificate, on_progress)


def _verify_tensor(document: Document, data: Any, on_progress: Progress | None) -> Verification:
    problem = tensor_problem(document, _plain_cells(document, data))
    return verify_tensor(problem, document.certificate, on_progress)


def _verify_cp(document: Document, data: Any, on_progress: Progress | None) -> Verification:
    problem = cp_problem(document, _plain_cells(document, data))
    return verify_cp(problem, document.certificate, on_progress)


def _verify_filled(document: Document, data: Any, on_progress: Progress | None) -> Verification:
    known = replace(_tensor_of(data, empty_slices=True), weights=None).in_double()
    cells = plain_cells(known)
    check_fingerprint(document, cells.fingerprint)
    return verify_filled(document, cells)


def _tensor_of(data: Any, *, empty_slices: bool = False) -> TensorObservations:
    """Return the known cells of a tensor, or of the file that holds it."""
    if isinstance(data, str | PathLike):
        return read_tensor(Path(data)).observations
    if isinstance(data, TensorObservations):
        return data
    return TensorObservations.from_array(data, empty_slices=empty_slices)


def _plain_cells(document: Document, data: Any) -> PlainCells:
    """Return the known cells of a tensor in the precision of a document, which must be about them."""
    known = _tensor_of(data)
    dtype = precision_of(document)
    weights = None if known.weights is None else known.weights.astype(dtype)
    cells = plain_cells(replace(known, values=known.values.astype(dtype), weights=weights))
    check_fingerprint(document, cells.fingerprint)
    return cells._replace(doubts=tuple(doubts_of_rounding(known.values, cells.values)))


def _verify_region(document: Document, data: Any, on_progress: Progress | None) -> Verification:
    pair = data if isinstance(data, tuple) and len(data) == 2 else (data, None)
    inputs = check_inputs(pair[0])
    targets = None if pair[1] is None else check_targets(pair[1], len(inputs))
    check_fingerprint(document, partial(data_fingerprint, inputs, targets))
    return verify_region(region_problem(document, inputs, targets), document.certificate, on_progress)


def _verify_stability(document: Document, data: Any, on_progress: Progress | None) -> Verification:
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise InvalidInputError("data must be the pair of x and y", type(data).__name__, fix="pass (x, y)")
    x = check_univariate(data[0])
    y, shares = check_targets(data[1], x.size), data_shares(data[2] if len(data) == 3 else None, x.size)
    check_fingerprint(document, partial(measured_fingerprint, np.concatenate([x, y]), shares))
    return verify_stability(layers_problem(document, x, y, shares), document.certificate, on_progress)


def check_fingerprint(document: Document, compute: Callable[[int], str]) -> None:
    """Raise unless the document is about data whose fingerprint, of a version, is computed so."""
    _check_same(recognise(document.data, ARRAYS, compute), document, compute(ARRAYS[-1]))


def _check_same(same: bool | None, document: Document, fingerprint: str) -> None:
    """Raise unless a document's fingerprint is that of the data; None if its version is not known."""
    if same is None:
        raise InvalidInputError(
            "the certificate's fingerprint of the data is of another version of lowland",
            ascii(document.data[:20]),
            fix="certify the model again, or use the version that wrote it",
        )
    if not same:
        raise InvalidInputError(
            "the certificate is about other data",
            f"fingerprint {fingerprint[:12]} of the data, {document.data[:12]!a} in the certificate",
            fix="pass the data that the certificate was computed for, with the same labels in the same "
            "order, and the same --target if there was one",
        )


VERIFIERS: dict[str, Callable[[Document, Any, Progress | None], Verification]] = {
    "table": _verify_table,
    "audit": _verify_table,
    "measurements": _verify_measurements,
    "tensor": _verify_tensor,
    "filled": _verify_filled,
    "cp": _verify_cp,
    "region": _verify_region,
    "stability": _verify_stability,
}
