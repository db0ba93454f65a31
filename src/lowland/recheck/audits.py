"""What an audit proves of missing cells, derived again from seed, pattern and intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import FileFormatError
from lowland.core.results.claims import AUDITED, OF_CELLS
from lowland.core.results.findings import Certificate, Finding
from lowland.core.results.reasons import assumption
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check, Verification
from lowland.recheck.audit_counts import LEVEL, ROWS, Counts
from lowland.recheck.documents import Document, Settings
from lowland.recheck.held_out import HeldOut, hold_out
from lowland.recheck.statement import Statement

# the risk that all bounds of a certificate share: those from below and those from above
RISK = 0.01
# by how much intervals are made wider at most
WIDEST = 1.01**139
SHARED = RISK / 2
SCHEMES = ("equal", "odds")
PARTS = ("rows", "columns", "low", "high", "wide_low", "wide_high")
# words of findings without an audit
NO_AUDIT = (
    "none_missing",
    "few_to_hold_out",
    "not_alike",
    "no_intervals",
    "audit_failed",
    "not_in_memory",
    "choices_unknown",
)
UNSEEN = "that a fit made without them gave these intervals is taken on trust"
# phrases on missing cells that are left out, by the reason
LEFT = {
    "rows": "left_rows",
    "columns": "left_columns",
    "censored": "left_censored",
    "odds": "left_odds",
    "runs": "left_runs",
    "other": "left_other",
    "few": "left_few",
    "few_slices": "left_few_slices",
    "slices": "left_slices",
}
# factor within which estimated odds are taken to be right; what a fit may be compared with
GAMMA = 1.2
BASELINES = (
    "column_means",
    "row_and_column_means",
    "interpolation_along_rows",
    "interpolation_along_columns",
)
COMPARED = ("surely_better", "surely_worse", "not_told_apart")


@final
@dataclass(frozen=True, eq=False)
class AuditProblem:
    """An audit as its document states it.

    Parameters
    ----------
    table : Observations
        Row by row.
    seed : int
    scheme : str
    longest : int or None
    words : ndarray of int
        Columns that hold words.
    rows, columns : ndarray of int
        The held-out cells that stand for missing ones.
    low, high, wide_low, wide_high : ndarray
        Their intervals, and those made wider. Of words, the probability of all likelier levels.
    parts : bool
        Whether kinds of cells are spoken of by themselves.
    modes : tuple of int or None
        Of a tensor that was unfolded: lengths of the modes that the rows run over.
    """

    table: Observations
    seed: int
    scheme: str
    longest: int | None
    words: Indices
    rows: Indices
    columns: Indices
    low: Vector
    high: Vector
    wide_low: Vector
    wide_high: Vector
    parts: bool
    modes: tuple[int, ...] | None = None


def without_audit(document: Document) -> Document:
    """Return what a document states of a penalised problem alone."""
    problem = {name: value for name, value in document.problem.items() if name not in ("audit", "settled")}
    point = {n: array for n, array in document.point.items() if not n.startswith(("audit_", "settled_"))}
    kept = tuple(finding for finding in document.certificate if finding.claim not in OF_CELLS)
    return replace(
        document, problem=problem, point=point, certificate=replace(document.certificate, findings=kept)
    )


def audit_problem(document: Document, table: Observations) -> AuditProblem | None:
    """Return the audit of a document, None if there was none.

    Raises
    ------
    FileFormatError
        If its settings cannot be read.
    """
    given = document.problem.get("audit")
    arrays = {n.removeprefix("audit_"): a for n, a in document.point.items() if n.startswith("audit_")}
    if given is None:
        if arrays:
            raise FileFormatError("the certificate has cells of an audit that it does not state", "audit")
        return None
    if not isinstance(given, dict) or set(arrays) != set(PARTS):
        raise FileFormatError("the certificate's audit cannot be read", ", ".join(sorted(arrays)))
    settings = Settings(given)
    parts = "parts" in given and settings.flag("parts")
    seed, scheme, longest = (
        settings.maybe("seed"),
        settings.word("scheme", SCHEMES),
        settings.maybe("longest"),
    )
    words = settings.array("words")
    settings.close()
    size = arrays["rows"].size
    whole = all(np.array_equal(a, np.round(a)) for a in (arrays["rows"], arrays["columns"], words))
    shaped = all(array.shape == (size,) and np.isrealobj(array) for array in arrays.values())
    counts = isinstance(seed, int) and (longest is None or (isinstance(longest, int) and longest >= 1))
    if not (whole and shaped and counts and seed >= 0):
        raise FileFormatError("the certificate's audit cannot be read", "its cells")
    rows, columns = (arrays.pop(name).astype(np.intp) for name in ("rows", "columns"))
    low, high, wide_low, wide_high = (arrays[name] for name in PARTS[2:])
    ends = low, high, wide_low, wide_high
    return AuditProblem(table, seed, scheme, longest, words.astype(np.intp), rows, columns, *ends, parts)


def verify_audit(problem: AuditProblem | None, table: Observations, certificate: Certificate) -> Verification:
    """Check the findings of a certificate that are about missing cells."""
    found = None if problem is None else _derived(problem)
    checks = [
        _checked(finding, problem, found, table, certificate)
        for finding in certificate
        if finding.claim in AUDITED
    ]
    m, n = table.shape
    return Verification(tuple(checks), f"an audit of {table.size} cells of a {m} x {n} table")


def _derived(problem: AuditProblem) -> HeldOut | None:
    if problem.scheme != "equal":
        return None
    return hold_out(problem.table, problem.seed, problem.longest, problem.modes)


def _checked(
    finding: Finding,
    problem: AuditProblem | None,
    found: HeldOut | None,
    table: Observations,
    certificate: Certificate,
) -> Check:
    said = Statement(finding)
    if said.code in NO_AUDIT:
        return _no_audit(said, problem, table)
    if problem is None:
        said.fault("there is no audit")
        return said.settle("no audit is stated")
    if finding.claim == "better_than":
        said.require(finding.verdict in (Verdict.SUPPORTED, Verdict.INCONCLUSIVE), "an estimate is no proof")
        while said.code in COMPARED:
            said.must_say(said.code, error=None, other=None, name=("of", BASELINES))
        said.require(not said.phrases, "words that nothing here derives")
        return said.settle_unchecked("the baselines are not fitted again here")
    if finding.claim == "alike" or said.code == "unlike":
        return _alike(said, problem, certificate)
    return _covered(said, problem, found)


def _no_audit(said: Statement, problem: AuditProblem | None, table: Observations) -> Check:
    """Check an open finding without an audit."""
    code, missing = said.code, table.shape[0] * table.shape[1] - table.size
    said.must_say(code)
    said.require(said.is_open, "nothing is known without an audit")
    said.require(problem is None, "there is an audit")
    if code == "none_missing":
        said.require(missing == 0, f"{missing} cells are missing")
    return said.nothing_claimed()


def _alike(said: Statement, problem: AuditProblem, certificate: Certificate) -> Check:
    """Check what cannot be derived without the audit's fit: only whether findings go together."""
    others = {finding.claim: finding for finding in certificate}
    alike, covered = others.get("alike"), others.get("covered")
    if alike is not None and covered is not None and alike.value is not None:
        rejected = any(phrase.code == "unlike" for phrase in alike.reason)
        said.require(
            rejected == any(phrase.code == "unlike" for phrase in covered.reason), "findings disagree"
        )
    said.require(said.finding.verdict is not Verdict.PROVED, "no test proves that cells are alike")
    if not said.says("not_unlike", chance=None):
        said.must_say("unlike", chance=None)
    return said.settle_unchecked(
        "the test is about predictions of the audit's fit, which is not made again here"
    )


def _covered(said: Statement, problem: AuditProblem, found: HeldOut | None) -> Check:
    """Check a bound on the share of the missing cells inside."""
    if any(phrase.code == LEFT["other"] for phrase in said.phrases):
        return said.settle_unchecked("cells that are marked are not found again here")
    if problem.scheme == "odds":
        said.assume((assumption("odds_right", gamma=GAMMA), assumption("audit_unseen")))
    if found is None:
        return said.settle_unchecked("held-out cells are not found again: by estimated odds, or too many")
    same = np.array_equal(found.rows, problem.rows) and np.array_equal(found.columns, problem.columns)
    if not said.require(same, "other cells are held out by pattern and seed"):
        return said.settle("")
    if not said.require(found.missing > 0, "held-out cells stand for no missing cell"):
        return said.settle("")
    own, wide = _inside(problem)
    counts = Counts.of(found, own, wide, SHARED, problem.words if problem.parts else None)
    factor = said.needed("factor") or 1.0
    _numbers(said, counts, factor)
    _words(said, counts, found, factor)
    said.rigour(Rigour.PROBABILISTIC)
    odds = "equal_odds" if problem.modes is None else "equal_odds_slices"
    said.assume((assumption(odds), assumption("audit_unseen")))
    held = f"{counts.inside(factor)} of {counts.held} held-out cells"
    return said.settle(f"{held} lie inside, found again by pattern and seed; {UNSEEN}")


def _numbers(said: Statement, counts: Counts, factor: float) -> None:
    """Check the numbers that are stated."""
    said.require(factor >= 1, "intervals are not made wider")
    if counts.needed is None or counts.own >= counts.needed:
        said.require(factor == 1, "intervals are made wider where that is not needed, or proves nothing")
    else:
        said.require(factor != 1, "intervals that hold too few are not made wider")
        farthest = abs(factor - WIDEST) <= 1e-9 * WIDEST
        said.require(counts.wide >= counts.needed or farthest, "intervals could be made wider")
    said.close("confidence", 1 - RISK)
    said.close("bound", LEVEL)
    for name, number in (("held_out", counts.held), ("missing", counts.missing), ("own_inside", counts.own)):
        said.close(name, number)
    gamma, inside = said.needed("largest_gamma") or 0.0, counts.inside(factor)
    some = (gamma >= 1) == counts.proves(inside)
    said.require(some, "a factor of odds is stated exactly where something is proved")
    if gamma >= 1:
        still = counts.proves(inside, gamma)
        said.require(still, f"with odds {gamma:g} times as large {LEVEL:.0%} is not proved")


def _words(said: Statement, counts: Counts, found: HeldOut, factor: float) -> None:
    """Check the verdict, its value, and what is said of it."""
    if said.says("own_narrow", share=-_written(-counts.most), level=LEVEL):
        said.close("value", counts.most)
        said.require(said.verdict is Verdict.REFUTED and counts.most < LEVEL, "so many may lie inside")
    else:
        least = counts.least(factor)
        said.close("value", least)
        verdict = Verdict.PROVED if least >= LEVEL else Verdict.INCONCLUSIVE
        said.require(said.verdict is verdict, f"at least {least:.4g} lie inside")
    if factor == 1:
        said.must_say("covered", inside=counts.own, held=counts.held, level=LEVEL)
    else:
        said.must_say("covered_wider", inside=counts.wide, held=counts.held, level=LEVEL, factor=factor)
    said.must_say("stand_for", missing=counts.missing)
    for part in counts.parts:
        share, (kind, inside, held, missing) = _written(counts.least_of(part)), part
        if kind in ROWS:
            said.must_say("of_rows", kind=kind, share=share, missing=missing, inside=inside, held=held)
        else:
            said.must_say("of_kind", kind=kind, share=share, missing=missing, inside=inside, held=held)
    for reason, count in found.left_out.items():
        said.must_say(LEFT[reason], count=count)
    if said.verdict is Verdict.INCONCLUSIVE:
        said.must_say("too_few_held")


def _written(bound: float) -> float:
    """Return a bound from below as a sentence gives it: in tenths of per cents, rounded down."""
    return float(np.floor(1000 * bound + 1e-9) / 1000)


def _inside(problem: AuditProblem) -> Iterator[NDArray[np.bool_]]:
    """Yield which held-out cells lie inside, within their intervals and those made wider."""
    n = problem.table.shape[1]
    codes = problem.table.rows * n + problem.table.columns
    values = problem.table.values[np.searchsorted(codes, problem.rows * n + problem.columns)]
    of_words = np.isin(problem.columns, problem.words)
    for low, high in ((problem.low, problem.high), (problem.wide_low, problem.wide_high)):
        # of words the nominal level stands beside the probability of all likelier levels
        yield np.where(of_words, low < high, (low <= values) & (values <= high))
