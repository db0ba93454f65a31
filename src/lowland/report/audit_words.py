"""What audits show of missing cells, in plain words."""

from __future__ import annotations

from lowland.core.results.findings import Finding
from lowland.core.results.status import Verdict
from lowland.core.wording import counted

_WORDS = {
    Verdict.PROVED: "Yes",
    Verdict.SUPPORTED: "Yes, by the evidence",
    Verdict.REFUTED: "No",
    Verdict.INCONCLUSIVE: "Open",
}
_HEADS = {
    Verdict.PROVED: "Proved",
    Verdict.SUPPORTED: "Supported, not proved",
    Verdict.REFUTED: "Too narrow",
    Verdict.INCONCLUSIVE: "Not proved",
}


def covered_answer(finding: Finding) -> str:
    """Return whether enough of the missing cells lie within their intervals, and how many do."""
    return f"{_WORDS[finding.verdict]}: {_covered(finding)}."


def covered_sentence(finding: Finding) -> str:
    """Return how many of the missing cells lie within their intervals, for the top of a page."""
    return f"{_HEADS[finding.verdict]}: {_covered(finding)}."


def _covered(finding: Finding) -> str:
    known = finding.witness
    if finding.value is None or finding.bound is None or "missing" not in known:
        return finding.method
    cells = counted(int(known["missing"]), "missing cell")
    level, factor = f"{finding.bound:.0%}", float(known["factor"])
    sure = f"with confidence {float(known['confidence']):.0%}"
    wider = f"intervals {factor:.3g} times as wide as those of {level}"
    within = f"their {level} intervals" if factor == 1 else wider
    if finding.verdict is Verdict.REFUTED:
        words = f"at most {share(finding.value)} of {cells} are within their {level} intervals, {sure}"
        proved = float(known["largest_gamma"]) >= 1
        return f"{words}; at least {level} lie within {wider}" if proved and factor > 1 else words
    words = f"at least {share(finding.value)} of {cells} lie within {within}, {sure}"
    if finding.verdict is Verdict.INCONCLUSIVE:
        return f"{words}; more cells must be known to prove {level}"
    return words


def alike_answer(finding: Finding) -> str:
    """Return whether missing cells are like those held out, in a sentence."""
    if finding.value is None:
        return f"Open: {finding.method}."
    chance = f"p = {finding.value:.2g} by permutations"
    return {
        Verdict.SUPPORTED: f"Yes, as far as pattern and predictions show ({chance}).",
        Verdict.REFUTED: f"No: they differ by more than chance explains ({chance}).",
    }.get(finding.verdict, f"Open: they may differ ({chance}).")


def better_answer(finding: Finding) -> str:
    """Return what held-out cells are predicted better than, in one sentence."""
    head = _WORDS[finding.verdict]
    if not all(phrase.code in _COMPARED for phrase in finding.reason) or not finding.reason:
        return f"{head}: {finding.method}."
    errors = {str(phrase.numbers["name"]).replace("_", " "): phrase for phrase in finding.reason}
    own = float(str(finding.reason[0].numbers["error"]))
    told = [
        f"{_COMPARED[phrase.code]} {name} ({float(str(phrase.numbers['other'])):.2g})"
        for name, phrase in errors.items()
    ]
    return f"{head}: off by {own:.2g} spreads of columns, {', '.join(told)}."


_COMPARED = {
    "surely_better": "better than",
    "surely_worse": "worse than",
    "not_told_apart": "not told apart from",
}


def settled_answer(finding: Finding) -> str:
    """Return whether filled cells have settled, in one sentence."""
    return f"{_WORDS[finding.verdict]}: {finding.method}."


def settled_sentence(finding: Finding) -> str:
    """Return whether filled cells have settled, for the top of a page."""
    is_so = finding.verdict is Verdict.SUPPORTED
    return f"{'Settled, by the evidence' if is_so else 'Not yet settled'}: {finding.method}."


def audit_doubt(finding: Finding) -> str:
    """Return how what an audit shows could be wrong."""
    if finding.verdict is Verdict.INCONCLUSIVE and not finding.witness:
        return "Nothing is claimed."
    if finding.claim == "alike":
        return (
            "A test, not a proof: cells that are missing because of their own value show only through their "
            "prediction, those that are missing because their noise is large not at all."
        )
    if finding.claim == "settled":
        return "Evidence, not a proof: draws that have missed a part of the posterior do not show it."
    if finding.claim == "better_than":
        return "Evidence, not a proof: 99 % intervals of the differences, clustered by row."
    parts = ["A proof that fails only with a small, stated probability over which cells are missing."]
    if finding.verdict is Verdict.SUPPORTED:
        parts = ["Evidence, not a proof."]
    if finding.assumptions:
        parts.append(f"Assumes: {'; '.join(finding.assumptions)}.")
    room = float(finding.witness.get("largest_gamma", 0.0))
    if room > 1 and finding.bound is not None:
        parts.append(
            f"Had cells outside their intervals been up to {room:.3g} times as likely to be missing as the "
            f"others, {finding.bound:.0%} would still lie within."
        )
    return " ".join(parts)


def share(fraction: float) -> str:
    """Return a share in per cent, rounded down to one digit behind the point."""
    tenths = int(1000 * fraction + 1e-9) / 10
    return f"{tenths:.0f}%" if tenths == int(tenths) else f"{tenths}%"
