"""`Verification`: the results of deriving a certificate's statements again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, final

from lowland.core.doors import public
from lowland.core.notebooks import lines_html, table_html
from lowland.core.results.shown import Shown
from lowland.core.results.status import Verdict


@public("lowland")
class Outcome(Enum):
    """The result of checking one finding.

    ``CONFIRMED``: everything that it states was derived again. ``CONTRADICTED``: it states something that
    the data do not show. ``NOT_CHECKED``: nothing was found to be wrong, but not everything could be derived.

    Examples
    --------
    >>> import lowland as ll
    >>> A = ll.Entries([0, 0, 1], [0, 1, 0], (2, 2))
    >>> fit = ll.recover(A, [1.0, 2.0, 3.0], rank=1, rng=0)
    >>> fit.certificate.verify(fit.objective)["uniquely_determined"].outcome is ll.Outcome.CONFIRMED
    True
    """

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    NOT_CHECKED = "not checked"


@public("lowland")
@final
@dataclass(frozen=True)
class Check:
    """One finding, checked.

    Parameters
    ----------
    claim : str
    verdict : str
        What the finding says, "proved" for instance.
    outcome : Outcome
    words : str
        What was derived, or what contradicts it.

    Examples
    --------
    >>> import lowland as ll
    >>> A = ll.Entries([0, 0, 1], [0, 1, 0], (2, 2))
    >>> fit = ll.recover(A, [1.0, 2.0, 3.0], rank=1, rng=0)
    >>> check = fit.certificate.verify(fit.objective)["uniquely_determined"]
    >>> check.verdict, check.outcome.value
    ('proved', 'confirmed')
    """

    claim: str
    verdict: str
    outcome: Outcome
    words: str


@public("lowland")
@final
@dataclass(frozen=True, repr=False)
class Verification(Shown):
    """All findings of a certificate, checked.

    Parameters
    ----------
    checks : tuple of Check
        One for each finding, in its order.
    problem : str
        The problem that the certificate is about, in one line.

    Examples
    --------
    >>> import lowland as ll
    >>> A = ll.Entries([0, 0, 1], [0, 1, 0], (2, 2))
    >>> fit = ll.recover(A, [1.0, 2.0, 3.0], rank=1, rng=0)
    >>> verification = fit.certificate.verify(fit.objective)
    >>> verification.is_confirmed, verification.summary
    (True, 'of 8 findings: 8 confirmed, 0 contradicted, 0 not checked')
    """

    checks: tuple[Check, ...]
    problem: str = ""

    @property
    def is_confirmed(self) -> bool:
        """Whether there are findings and all were confirmed."""
        return bool(self.checks) and all(check.outcome is Outcome.CONFIRMED for check in self.checks)

    @property
    def summary(self) -> str:
        """How many findings have which outcome, in one line."""
        counts = [f"{sum(c.outcome is outcome for c in self.checks)} {outcome.value}" for outcome in Outcome]
        return f"of {len(self.checks)} findings: {', '.join(counts)}"

    def __getitem__(self, claim: str) -> Check:
        for check in self.checks:
            if check.claim == claim:
                return check
        raise KeyError(f"the claim {claim!r} was not checked")

    def __iter__(self) -> Iterator[Check]:
        return iter(self.checks)

    def __contains__(self, claim: object) -> bool:
        return any(check.claim == claim for check in self.checks)

    def _lines(self) -> list[str]:
        width = max((len(check.claim) for check in self.checks), default=0)
        lines = [self.problem] if self.problem else []
        lines += [f"{c.claim:<{width}}  {c.verdict:<12}  {c.outcome.value}; {c.words}" for c in self.checks]
        return [*lines, self.summary]

    def _repr_html_(self) -> str:
        rows = [(check.claim, check.verdict, check.outcome.value, check.words) for check in self.checks]
        header = ("claim", "the certificate says", "checked", "derived here")
        return lines_html(type(self).__name__, [self.summary]) + table_html(header, rows, self.problem)

    def as_dict(self) -> dict[str, Any]:
        """Return the verification as plain data."""
        listed = [
            {"claim": c.claim, "verdict": c.verdict, "outcome": c.outcome.value, "words": c.words}
            for c in self.checks
        ]
        return {"problem": self.problem, "checks": listed, "summary": self.summary}


def best_reading(verifications: Iterable[Verification], written: Mapping[str, str]) -> Verification:
    """Return the verification of a document that a rule of earlier versions decided.

    Parameters
    ----------
    verifications : iterable of Verification
        Of what today's rule may say, the strongest first. No more are computed than are needed.
    written : mapping of str to str
        By claim, the verdicts that are written where today's rule asks for more.
    """
    best: dict[str, Check] = {}
    for verification in verifications:
        for check in verification:
            if check.claim in written:
                check = _by_earlier_rule(check, written[check.claim])
            known = best.setdefault(check.claim, check)
            if _ORDER.index(check.outcome) < _ORDER.index(known.outcome):
                best[check.claim] = check
        if all(best[claim].outcome is Outcome.CONFIRMED for claim in written):
            break
    return replace(verification, checks=tuple(best.values()))


# from the best
_ORDER = [Outcome.CONFIRMED, Outcome.NOT_CHECKED, Outcome.CONTRADICTED]


def _by_earlier_rule(check: Check, written: str) -> Check:
    """Return a check that says which verdict is written, and why today's may differ."""
    rule = f"the certificate says {written} by the rule of an earlier version, without bounds on all rounding"
    if check.verdict == Verdict.INCONCLUSIVE.value and check.outcome is Outcome.CONTRADICTED:
        return replace(check, outcome=Outcome.NOT_CHECKED, words=f"{rule}; by today's nothing is claimed")
    if check.verdict != written:
        rule += f"; by today's it is {check.verdict}"
    elif check.outcome is Outcome.CONFIRMED:
        rule += ", which were found here"
    return replace(check, words=f"{check.words}; {rule}")
