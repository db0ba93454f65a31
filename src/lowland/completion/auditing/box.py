"""The box at the top of a completion's page: how far off filled cells may be, which, and how sure that is."""

from __future__ import annotations

from lowland.completion.informed.answers import marks_of_model
from lowland.completion.informed.marks import NEVER_TOGETHER
from lowland.completion.tables.model import TableModel
from lowland.core.results.findings import Certificate, Finding
from lowland.core.results.status import Verdict
from lowland.core.wording import counted
from lowland.report.audit_words import settled_sentence
from lowland.report.plain_findings import answer
from lowland.report.words import verdict_sentence


def box_of(certificate: Certificate | None, model: TableModel) -> tuple[str, ...]:
    """Return the sentences of the box, none if missing cells were not judged."""
    if certificate is None or "covered" not in certificate:
        return ()
    covered = certificate["covered"]
    sentences = [verdict_sentence(certificate), *_premise(certificate), *_left_out(covered), *_marked(model)]
    if "settled" in certificate and certificate["settled"].value is not None:
        sentences.append(settled_sentence(certificate["settled"]))
    better = certificate["better_than"]
    if better.value is not None:
        sentences.append(f"Better than simple rules? {answer(better).words}")
    return tuple(sentences)


def _marked(model: TableModel) -> list[str]:
    """Return how many missing cells nothing known in their row can inform."""
    marks = marks_of_model(model)
    count = 0 if marks is None else int((marks >= NEVER_TOGETHER).sum())
    if not count:
        return []
    cells = counted(count, "missing cell is", "missing cells are")
    return [
        f"{cells} marked: what is known in their rows was never seen together with their columns, so that "
        "they have the mean and spread of these."
    ]


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
    if covered.verdict is Verdict.PROVED and room > 1:
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
