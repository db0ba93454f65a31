"""What audits show, as sentences for the box at the top of a page."""

from __future__ import annotations

from lowland.core.results.findings import Certificate, Finding
from lowland.core.results.reasons import Phrase
from lowland.core.results.status import Verdict
from lowland.core.wording import counted
from lowland.report.audit_words import share
from lowland.report.words import verdict_sentence

# kinds of rows, as their cells are called
_ROWS = {"fuller": "cells in fuller rows", "sparse": "cells in sparse rows"}


def audit_sentences(certificate: Certificate | None) -> tuple[str, ...]:
    """Return how many missing cells lie in their intervals, what that assumes, and of which nothing is said.

    None if missing cells were not judged.
    """
    if certificate is None or "covered" not in certificate:
        return ()
    return (
        verdict_sentence(certificate),
        *_parts(certificate["covered"]),
        *_premise(certificate),
        *_left_out(certificate["covered"]),
    )


def _parts(covered: Finding) -> list[str]:
    """Return how many missing cells of each kind lie inside intervals as they are."""
    said = [phrase for phrase in covered.reason if phrase.code in ("of_kind", "of_rows")]
    if not said:
        return []
    parts = [f"{_share_of(phrase)} missing {_kind_of(phrase)}" for phrase in said]
    level = f"{float(covered.bound or 0):.0%}"
    told = [
        f"By kind, within {level} intervals as they are: at least {', '.join(parts)}, all of this at once."
    ]
    if any(phrase.code == "of_rows" for phrase in said):
        told.append("Sparse rows are known to at most half, without the cells held out.")
    return [" ".join(told)]


def _share_of(phrase: Phrase) -> str:
    return f"{share(float(str(phrase.numbers['share'])))} of {int(str(phrase.numbers['missing'])):,}"


def _kind_of(phrase: Phrase) -> str:
    kind = str(phrase.numbers["kind"])
    return _ROWS.get(kind, kind)


def _premise(certificate: Certificate) -> list[str]:
    """Return what the bound assumes, and what speaks for or against it."""
    covered, alike = certificate["covered"], certificate["alike"]
    if not covered.witness or not covered.assumptions:
        return []
    told = f"This assumes that {covered.assumptions[0]}."
    if alike.value is not None:
        sign = "no sign against it" if alike.verdict is Verdict.SUPPORTED else "signs against it"
        told += f" A test of the known cells held out for it found {sign} (p = {alike.value:.2g})."
    room = float(covered.witness["largest_gamma"])
    if covered.verdict is Verdict.PROVED and room >= 1.005:  # else it rounds to 1
        told += (
            f" It would still hold if cells outside their intervals were up to {room:.3g} times as likely "
            "to be missing as others."
        )
    return [told]


def _left_out(covered: Finding) -> list[str]:
    """Return how many missing cells the bound is not about, and why."""
    counts, told = [], []
    for phrase in covered.reason:
        if phrase.code.startswith("left_"):
            counts.append(int(str(phrase.numbers["count"])))
            why = str(phrase).partition(" cells ")[2]  # "are ..."
            told.append(f"{counts[-1]:,} {why if counts[-1] > 1 else why.replace('are', 'is', 1)}")
    return [f"Nothing is said of {counted(sum(counts), 'other')}: {'; '.join(told)}."] if told else []
