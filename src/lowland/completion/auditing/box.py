"""The box at the top of a completion's page: how far off filled cells may be, which, and how sure that is."""

from __future__ import annotations

from lowland.completion.informed.answers import marks_of_model
from lowland.completion.informed.marks import NEVER_TOGETHER
from lowland.completion.tables.model import TableModel
from lowland.core.results.findings import Certificate
from lowland.core.wording import counted
from lowland.report.audit_box import audit_sentences
from lowland.report.audit_words import settled_sentence
from lowland.report.plain_findings import answer


def box_of(certificate: Certificate | None, model: TableModel) -> tuple[str, ...]:
    """Return the sentences of the box, none if missing cells were not judged."""
    if certificate is None or "covered" not in certificate:
        return ()
    sentences = [*audit_sentences(certificate), *_marked(model)]
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
