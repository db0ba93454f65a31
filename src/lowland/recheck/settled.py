"""Whether chance still moves filled cells, derived again from the draws that a document holds."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, final

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import FileFormatError
from lowland.core.results.findings import Finding
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check
from lowland.recheck.chains import chance_of_mean
from lowland.recheck.documents import Document, Settings
from lowland.recheck.statement import Statement

CLAIM, PREFIX = "settled", "settled_"
# errors are small below this share of a standard error, and for so many cells in a hundred; the R-hat that
# half of the cells do not exceed
SMALL, ENOUGH, MIXED = 1 / 20, 99, 1.1
# cells that are looked at, draws that are written, and draws that tell something; cells of tables whose
# pattern is formed
MOST_CELLS, MOST_DRAWS, FEWEST_DRAWS, FORMED = 200, 100, 4, 20_000_000
# draws are written in thousandths of a standard error
THOUSAND = 1_000
KINDS = ("draws", "starts")
# words of findings without draws
NOTHING = (
    "none_missing",
    "draws_not_kept",
    "few_draws",
    "starts_not_compared",
    "some_columns_alone",
    "too_large_to_look",
)
TRUST = "that these are draws of the fit, over its standard errors, is taken on trust"


@final
@dataclass(frozen=True, eq=False)
class Drawn:
    """Draws of filled cells as a document states them.

    Parameters
    ----------
    kind : {"draws", "starts"}
    averaged : int
        How many draws there were.
    in_parts : bool
        Whether columns were several numbers, so that cells are not found again by the pattern.
    rows, columns : ndarray of int, shape (cells,)
    draws : ndarray, shape (chains, draws, cells)
    trees : ndarray, shape (trees, cells)
    """

    kind: str
    averaged: int
    in_parts: bool
    rows: Indices
    columns: Indices
    draws: Matrix
    trees: Matrix


def drawn_of(document: Document) -> Drawn | None:
    """Return the draws of a document, None if it holds none.

    Raises
    ------
    FileFormatError
        If they cannot be read.
    """
    given = document.problem.get(CLAIM)
    arrays = {n.removeprefix(PREFIX): a for n, a in document.point.items() if n.startswith(PREFIX)}
    if given is None and not arrays:
        return None
    parts = {"rows", "columns", "draws"}
    if not isinstance(given, dict) or set(arrays) not in (parts, parts | {"trees"}):
        raise FileFormatError("the certificate's draws cannot be read", ", ".join(sorted(arrays)))
    settings = Settings(given)
    kind, averaged = settings.word("kind", KINDS), settings.maybe("averaged")
    in_parts = settings.flag("in_parts")
    settings.close()
    rows, columns, draws = (arrays[name] for name in ("rows", "columns", "draws"))
    trees = arrays.get("trees", np.zeros((0, rows.size)))
    whole = all(a.ndim == 1 and np.isrealobj(a) and np.array_equal(a, np.round(a)) for a in (rows, columns))
    shaped = draws.ndim == 3 and trees.ndim == 2 and np.isrealobj(draws) and np.isrealobj(trees)
    counted = isinstance(averaged, int) and not isinstance(averaged, bool) and averaged >= 0
    if not (whole and shaped and counted and {rows.size} == {columns.size, draws.shape[2], trees.shape[1]}):
        raise FileFormatError("the certificate's draws cannot be read", "their cells")
    places = rows.astype(np.intp), columns.astype(np.intp)
    return Drawn(kind, averaged, in_parts, *places, draws / THOUSAND, trees / THOUSAND)


def verify_settled(finding: Finding, drawn: Drawn | None, table: Observations) -> Check:
    """Check a finding on whether filled cells have settled.

    Parameters
    ----------
    finding : Finding
    drawn : Drawn or None
    table : Observations
        Row by row.
    """
    said = Statement(finding)
    if said.code in NOTHING:
        return _nothing(said, drawn, table)
    said.require(finding.verdict in (Verdict.SUPPORTED, Verdict.INCONCLUSIVE), "draws prove nothing")
    if drawn is None:
        return _without_draws(said)
    found_again = _is_sample(said, drawn, table)
    if said.faults:
        return said.settle("")
    _derive(said, drawn)
    said.rigour(Rigour.ESTIMATE)
    said.assume()
    if said.faults or found_again:
        return said.settle(
            f"errors of {drawn.rows.size} cells by {drawn.draws.shape[1]} numbers each; {TRUST}"
        )
    said.not_derived("errors are those of the draws, but cells of columns of words are not found again here")
    return said.settle("")


def _nothing(said: Statement, drawn: Drawn | None, table: Observations) -> Check:
    """Check an open finding without draws."""
    code, missing = said.code, table.shape[0] * table.shape[1] - table.size
    said.must_say(code)
    said.require(said.is_open, "nothing is known without draws")
    said.require(drawn is None, "there are draws")
    if code == "none_missing":
        said.require(missing == 0, f"{missing} cells are missing")
    return said.nothing_claimed()


def _without_draws(said: Statement) -> Check:
    """Check whether a finding goes together with itself, where a document does not hold its draws."""
    said.close("bound", SMALL)
    worst = said.needed("value") or 0.0
    said.require(said.is_open or worst < SMALL, "an error that is not small")
    if not said.says("chance_moves", share=None, cells=None):
        said.must_say("start_moves", share=None, cells=None)
    said.says("halves_apart")
    said.says("draws_would_do", needed=None, given=None)
    said.says("trees_would_do", needed=None, given=None)
    said.must_say("chance_alone")
    said.require(not said.phrases, "phrases that no judge says")
    return said.settle_unchecked("the draws are not in the certificate")


def _is_sample(said: Statement, drawn: Drawn, table: Observations) -> bool:
    """Return whether the cells are those that the pattern gives; note a fault if they cannot be."""
    (m, n), cells = table.shape, drawn.rows * table.shape[1] + drawn.columns
    inside = (drawn.rows >= 0) & (drawn.rows < m) & (drawn.columns >= 0) & (drawn.columns < n)
    known = np.isin(cells, table.rows * n + table.columns)
    if not said.require(bool(np.all(inside & ~known)) and cells.size > 0, "cells that are not missing"):
        return False
    if drawn.in_parts or m * n > FORMED:
        said.require(cells.size <= MOST_CELLS, "more cells than are looked at")
        return False
    missing = np.setdiff1d(np.arange(m * n), table.rows * n + table.columns, assume_unique=True)
    if missing.size > MOST_CELLS:
        missing = np.sort(np.random.default_rng(0).choice(missing, MOST_CELLS, replace=False))
    said.require(np.array_equal(missing, cells), "other cells are looked at by the pattern")
    return True


def _derive(said: Statement, drawn: Drawn) -> None:
    """Compare all numbers and words with those of the draws."""
    cells, trees = drawn.rows.size, len(drawn.trees)
    found = _errors(said, drawn)
    if found is None:
        return
    errors, mixed = found
    spread = drawn.trees.std(axis=0, ddof=1) / sqrt(trees) if trees > 1 else np.zeros(cells)
    whole = np.sqrt(errors**2 + spread**2)
    share, worst = float(np.mean(whole < SMALL)), _not_exceeded(whole)
    for name, number in (("bound", SMALL), ("value", worst), ("cells", cells), ("share", share)):
        said.close(name, number)
    small = worst < SMALL
    verdict = Verdict.SUPPORTED if small and mixed else Verdict.INCONCLUSIVE
    said.require(said.verdict is verdict, f"errors of {share:.1%} are small")
    if drawn.kind == "draws":
        said.must_say("chance_moves", share=share, cells=cells)
    else:
        said.must_say("start_moves", share=share, cells=cells)
    if not mixed:
        said.must_say("halves_apart")
    goal = SMALL / sqrt(2) if trees and drawn.averaged else SMALL
    _would_do(said, "draws", drawn.averaged, None if small else errors, goal)
    _would_do(said, "trees", trees, None if small else spread, goal)
    said.must_say("chance_alone")


def _errors(said: Statement, drawn: Drawn) -> tuple[Vector, bool] | None:
    """Return the errors of averages over draws, and whether the halves of chains tell the same."""
    chains, count, cells = drawn.draws.shape
    if drawn.kind == "starts":
        if not said.require((chains, count, drawn.averaged) == (1, 2, 0), "two starts are compared"):
            return None
        return np.abs(drawn.draws[0, 0] - drawn.draws[0, 1]) / sqrt(2), True
    every = -(-drawn.averaged // MOST_DRAWS)
    enough = chains >= 1 and count >= FEWEST_DRAWS and every > 0 and count == drawn.averaged // every
    if not said.require(enough, "so many draws are not averages of those"):
        return None
    told = np.array([chance_of_mean(drawn.draws[:, :, k]) for k in range(cells)])
    typical = float(np.median(told[:, 0]))
    said.close("r_hat", float(told[:, 0].max()))
    said.close("typical_r_hat", typical)
    said.close("effective", float(told[:, 1].min()))
    return told[:, 2], typical <= MIXED


def _would_do(said: Statement, what: str, given: int, errors: Vector | None, goal: float) -> None:
    """Check how many draws or trees are stated, and how many of them it would take."""
    if not given:
        return
    needed = given if errors is None else _needed(given, errors, goal)
    said.close(what, given)
    said.close(f"{what}_needed", needed, atol=1)
    if needed > given:
        # written apart, so that each phrase is seen to be read
        if what == "draws":
            said.must_say("draws_would_do", needed=("near", needed, 1), given=given)
        else:
            said.must_say("trees_would_do", needed=("near", needed, 1), given=given)


def _not_exceeded(errors: Vector) -> float:
    """Return the smallest error that 99 % of the cells do not exceed."""
    return float(np.sort(errors)[-(-ENOUGH * errors.size // 100) - 1])


def _needed(count: int, errors: Vector, goal: float) -> int:
    """Return how many draws it would take: errors fall with their root."""
    worst: Any = _not_exceeded(errors)
    return count if worst < goal else ceil(count * (worst / goal) ** 2)
