"""Problems of documents about tensors, given the known cells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.cells.fingerprints import ARRAYS, fingerprint_of_arrays
from lowland.core.errors import FileFormatError
from lowland.recheck.documents import Document, Settings, take_point
from lowland.recheck.matrices.tables.problem import DTYPES, precision_in_words
from lowland.recheck.tensors.cp_problem import CPProblem
from lowland.recheck.tensors.factor_constraints import DEGREE, PlainConstraint
from lowland.recheck.tensors.problem import TensorProblem

LEAST_ORDER = 3
# the setting that holds known entries and splines, where there are some
CONSTRAINTS = "constraints"


@final
class PlainCells(NamedTuple):
    """Known cells of a tensor, whose positions have the shape (p, N); weights are None if all are one.

    Doubts say why these are not the data as they were given.
    """

    shape: tuple[int, ...]
    values: Vector
    positions: NDArray[np.int64]
    weights: Vector | None
    doubts: tuple[str, ...] = ()

    def fingerprint(self, version: int = ARRAYS[-1]) -> str:
        """Return their fingerprint."""
        return fingerprint_of_arrays(repr(self.shape), (self.positions, self.values, self.weights), version)

    def stated(self, model: str) -> dict[str, Any]:
        """Return what a problem of any model holds of them."""
        number = "all" if self.values.size == int(np.prod(self.shape)) else str(self.values.size)
        by = " x ".join(map(str, self.shape))
        weights = np.ones(self.values.size) if self.weights is None else self.weights.astype(np.float64)
        return {
            "at_cells": self.positions,
            "y": self.values.astype(np.float64),
            "weights": weights,
            "is_weighted": self.weights is not None,
            "words": f"squared loss of {number} cells of a {by} tensor, {model}",
            "doubts": self.doubts,
        }


def precision_of(document: Document) -> str:
    """Return the precision in which a document's tensor was fitted.

    Raises
    ------
    FileFormatError
        If the document states none.
    """
    dtype = document.problem.get("dtype")
    if dtype not in DTYPES:
        raise FileFormatError("the certificate names no known precision", repr(dtype)[:60])
    return str(dtype)


def tensor_problem(document: Document, cells: PlainCells) -> TensorProblem:
    """Return the problem that a document states on the known cells of a tensor.

    Raises
    ------
    FileFormatError
        If settings, core or factors cannot be read, or do not fit the tensor.
    """
    shape, order = cells.shape, len(cells.shape)
    core, *factors = take_point(document, ("core", *(f"factor_{n}" for n in range(order))))
    settings = Settings(document.problem)
    strength, dtype = settings.number("strength"), settings.word("dtype", DTYPES)
    settings.close()
    fits = order >= LEAST_ORDER and core.ndim == order and min(core.shape, default=0) >= 1
    expected = [(length, rank) for length, rank in zip(shape, core.shape, strict=False)]
    fits = fits and [factor.shape for factor in factors] == expected
    if not fits or any(np.iscomplexobj(part) for part in (core, *factors)):
        shapes = f"core {core.shape}, factors {[factor.shape for factor in factors]} for {shape}"
        raise FileFormatError("the certificate's core and factors do not fit the tensor", shapes)
    model = [f"Tucker ranks ({', '.join(str(rank) for rank in core.shape)})"]
    model += [f"regulariser {strength:.4g}"] if strength else []
    stated = cells.stated(", ".join([*model, *precision_in_words(dtype)]))
    return TensorProblem(core=core, factors=tuple(factors), strength=strength, **stated)


def cp_problem(document: Document, cells: PlainCells) -> CPProblem:
    """Return the problem of CP decompositions that a document states on the known cells of a tensor.

    Raises
    ------
    FileFormatError
        If settings or factors cannot be read, or do not fit the tensor.
    """
    shape, order = cells.shape, len(cells.shape)
    factors = take_point(document, tuple(f"factor_{n}" for n in range(order)))
    settings, modes = Settings(document.problem), tuple(f"mode {n}" for n in range(order))
    signs = settings.words("nonnegative", modes)
    asked = [PlainConstraint(mode in signs) for mode in modes]
    dtype = settings.word("dtype", DTYPES)
    given = settings.maybe(CONSTRAINTS) if CONSTRAINTS in document.problem else None
    settings.close()
    fits = order >= LEAST_ORDER and all(factor.ndim == 2 for factor in factors)
    rank = factors[0].shape[-1] if fits else 0
    fits = fits and rank >= 1 and [factor.shape for factor in factors] == [(length, rank) for length in shape]
    if not fits or any(np.iscomplexobj(part) for part in factors):
        shapes = f"factors {[factor.shape for factor in factors]} for {shape}"
        raise FileFormatError("the certificate's factors do not fit the tensor", shapes)
    if CONSTRAINTS in document.problem:
        asked = _read_constraints(given, asked, [factor.shape for factor in factors])
    words = [constraint.words(mode) for mode, constraint in zip(modes, asked, strict=True)]
    model = [f"{rank} CP components", *(part for part in words if part)]
    stated = cells.stated(", ".join([*model, *precision_in_words(dtype)]))
    return CPProblem(factors=tuple(factors), asked=tuple(asked), **stated)


def _read_constraints(
    given: Any, signs: list[PlainConstraint], shapes: list[tuple[int, ...]]
) -> list[PlainConstraint]:
    """Return constraints with their splines and known entries."""
    words = "the certificate's constraints on factors cannot be used"
    if not isinstance(given, list) or len(given) != len(signs):
        raise FileFormatError(words, ascii(given)[:60])
    constraints = []
    for entry, sign, shape in zip(given, signs, shapes, strict=True):
        if not isinstance(entry, dict) or set(entry) != {"functions", "known"}:
            raise FileFormatError(words, ascii(entry)[:60])
        functions, known = entry["functions"], entry["known"]
        whole = isinstance(functions, int) and not isinstance(functions, bool)
        if not whole or not (functions == 0 or DEGREE < functions <= max(shape[0], 1)):
            raise FileFormatError(words, f"{ascii(functions)[:60]} splines")
        constraints.append(replace(sign, functions=functions, known=_read_known(known, shape, words)))
    return constraints


def _read_known(given: Any, shape: tuple[int, ...], words: str) -> NDArray[np.float64] | None:
    """Return known entries, None standing for unknown ones."""
    if given is None:
        return None
    lines = given if isinstance(given, list) else []
    entries = [entry for line in lines if isinstance(line, list) for entry in line]
    good = [len(line) if isinstance(line, list) else -1 for line in lines] == [shape[1]] * shape[0]
    good = good and all(entry is None or type(entry) in (int, float) for entry in entries)
    if not good:
        raise FileFormatError(words, ascii(given)[:60])
    try:
        known = np.array([np.nan if entry is None else float(entry) for entry in entries]).reshape(shape)
    except OverflowError as error:
        raise FileFormatError(words, ascii(given)[:60]) from error
    if np.isinf(known).any():
        raise FileFormatError(words, "entries that are not finite")
    return known
