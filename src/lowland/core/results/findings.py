"""`Finding` and `Certificate`: records of what is proved about a point."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Vector
from lowland.core.brief import in_lines
from lowland.core.doors import public
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.notebooks import table_html
from lowland.core.results.claims import CLAIMS, OF_CELLS
from lowland.core.results.finding_json import (
    by_todays_rule,
    finding_fields,
    parse,
    plain_number,
    plain_reason,
    plain_value,
    with_reasons,
)
from lowland.core.results.reasons import Reason, because, sentence
from lowland.core.results.status import Rigour, Verdict, allowed_verdict
from lowland.core.results.verification import Verification

# from the weakest to the strongest; an overall verdict is the weakest that it depends on
_STRENGTH = [Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.SUPPORTED, Verdict.PROVED]


@public("lowland")
@final
@dataclass(frozen=True)
class Finding:
    """One judged claim.

    Parameters
    ----------
    claim : str
        A key of `CLAIMS`.
    verdict : Verdict
    value : float or None
        The number that was judged, in the objective's units if it has units.
    bound : float or None
        The number that it was compared with, or the proven bound.
    tolerance : float or None
        The relative tolerance that decided.
    assumptions : tuple of str
        Assumptions of a PROVED or REFUTED verdict.
    method : str
        How it was judged, in one sentence; that of the reason if there is one.
    rigour : Rigour
        What the verdict rests on.
    seconds : float
        Time spent on it.
    witness : dict
        Numbers and matrices that support the verdict: bounds, directions, counterexamples.
    limited_by : str
        The setting that stopped the judge, empty if none did; with a larger effort the claim may be
        decided.
    reason : tuple of Phrase
        The phrases of that sentence, with their numbers; empty if a finding was written without.

    Examples
    --------
    >>> import lowland as ll
    >>> A = ll.Entries([0, 0, 1], [0, 1, 0], (2, 2))
    >>> proof = ll.certify_matrix(A, [1.0, 2.0, 3.0], [[1.0], [3.0]], [[1.0], [2.0]])
    >>> finding = proof["uniquely_determined"]
    >>> finding.verdict.name, finding.rigour.name, finding.assumptions
    ('PROVED', 'RIGOROUS', ())
    """

    claim: str
    verdict: Verdict
    value: float | None = None
    bound: float | None = None
    tolerance: float | None = None
    assumptions: tuple[str, ...] = ()
    method: str = ""
    rigour: Rigour = Rigour.ESTIMATE
    seconds: float = 0.0
    witness: dict[str, Any] = field(default_factory=dict, compare=False)
    limited_by: str = ""
    reason: Reason = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.claim not in CLAIMS:
            raise InvalidInputError(
                "claim is unknown", repr(self.claim), fix=f"use one of {', '.join(CLAIMS)}"
            )
        if allowed_verdict(self.verdict, self.rigour) is not self.verdict:
            rests = f"claim {self.claim} {self.verdict.name} by {self.rigour.value.replace('_', ' ')}"
            raise InvalidInputError(
                "only bounds on all rounding prove or refute", rests, fix="call it SUPPORTED or INCONCLUSIVE"
            )
        if self.reason:
            text = sentence(self.reason)
            if self.method not in ("", text):
                raise InvalidInputError(
                    "the sentence of a finding is not that of its reason", repr(self.method)
                )
            object.__setattr__(self, "method", text)

    def _repr_html_(self) -> str:
        return findings_html([self])


def undecided(claim: str, reason: Reason, limited_by: str = "") -> Finding:
    """Return the finding that nothing is known of a claim, and why."""
    return Finding(claim, Verdict.INCONCLUSIVE, reason=reason, limited_by=limited_by)


def where_bounded(finding: Finding, is_bounded: bool) -> Finding:
    """Return a proof or refutation if all rounding is bounded, or else what is left of it, and why."""
    if is_bounded or finding.verdict not in (Verdict.PROVED, Verdict.REFUTED):
        return finding
    rigour = Rigour.WORKING_PRECISION
    return replace(
        finding,
        verdict=allowed_verdict(finding.verdict, rigour),
        rigour=rigour,
        method="",
        reason=finding.reason + because("rounding_unbounded"),
    )


@public("lowland")
@final
@dataclass(frozen=True, repr=False)
class Certificate:
    """All findings about one point of one objective.

    Parameters
    ----------
    findings : tuple of Finding
    objective : str
        A description of the objective that was judged.
    point : ndarray, shape (size,), optional
        The point that was judged; it is not part of the JSON text.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> A = ll.gaussian(14, (5, 5), 0)
    >>> fit = ll.recover(A, A.measure_matrix(np.ones((5, 5))), rank=1, structure="psd", rng=0)
    >>> fit.certificate.verdict.name, fit.certificate["locally_unique"].verdict.name
    ('PROVED', 'PROVED')
    >>> [finding.claim for finding in fit.certificate if finding.verdict is ll.Verdict.INCONCLUSIVE]
    ['uniquely_determined']
    """

    findings: tuple[Finding, ...]
    objective: str = ""
    point: Vector | None = field(default=None, compare=False)

    def __getitem__(self, claim: str) -> Finding:
        for finding in self.findings:
            if finding.claim == claim:
                return finding
        judged = ", ".join(finding.claim for finding in self.findings)
        raise KeyError(f"the claim {claim!r} was not judged; judged claims: {judged}")

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __contains__(self, claim: object) -> bool:
        return any(finding.claim == claim for finding in self.findings)

    def with_finding(self, finding: Finding) -> Certificate:
        """Return the certificate with one claim's finding replaced."""
        return replace(
            self, findings=tuple(finding if f.claim == finding.claim else f for f in self.findings)
        )

    @property
    def verdict(self) -> Verdict:
        """The verdict on the filled cells of a table, else on global optimality, else the weakest of all."""
        for claim in ("covered", "globally_optimal"):
            if claim in self:
                return self[claim].verdict
        return min((f.verdict for f in self.findings), key=_STRENGTH.index, default=Verdict.INCONCLUSIVE)

    @property
    def of_audit(self) -> bool:
        """Whether all findings are about missing cells, none about an optimum."""
        return all(finding.claim in OF_CELLS for finding in self.findings)

    def verify(
        self,
        objective: Recheckable,
        theta: ArrayLike | None = None,
        *,
        on_progress: Callable[[str], None] | None = None,
    ) -> Verification:
        """Re-check the certificate: derive all its numbers and sentences again, by independent code.

        Parameters
        ----------
        objective : Objective
            The problem that was judged: of a matrix, or of a Tucker tensor.
        theta : array_like, shape (size,), optional
            The point that was judged; by default the one that the certificate holds.
        on_progress : callable, optional
            Called with what is being computed; forming and factoring matrices can take minutes.

        Returns
        -------
        Verification
            For each finding whether all that it states was derived again, with what contradicts it if not.
            Its time and the effort that it cost are not checked.

        Raises
        ------
        InvalidInputError
            If no point is known.

        Notes
        -----
        Only NumPy and dense matrices are used, so that larger problems are "not checked": at most four
        million entries, 4,000 coordinates of a point for curvatures, 8,000 dimensions of a tangent space.

        Examples
        --------
        >>> import lowland as ll
        >>> A = ll.Entries([0, 0, 1], [0, 1, 0], (2, 2))
        >>> fit = ll.recover(A, [1.0, 2.0, 3.0], rank=1, rng=0)
        >>> fit.certificate.verify(fit.objective).is_confirmed
        True
        """
        point = self.point if theta is None else np.asarray(theta, np.float64)
        if point is None:
            raise InvalidInputError(
                "the certificate holds no point", "no theta", fix="pass the point that was judged as theta"
            )
        return objective.recheck(self, point, on_progress)

    def to_json(self) -> str:
        """Return the certificate as JSON text; arrays become lists."""
        return json.dumps(self.as_dict(), allow_nan=False)

    def as_dict(self) -> dict[str, Any]:
        """Return the certificate as plain data."""
        return {
            "objective": self.objective,
            "findings": [_finding_as_dict(finding) for finding in self.findings],
        }

    @classmethod
    def from_json(cls, text: str) -> Certificate:
        """Read what `to_json` wrote.

        What earlier versions called proved or refuted to working precision is supported or inconclusive.

        Parameters
        ----------
        text : str
            JSON text.

        Returns
        -------
        Certificate

        Raises
        ------
        FileFormatError
            If the text is not a certificate.
        """
        data = parse(text, "this")
        if not isinstance(data, dict) or not isinstance(data.get("findings"), list):
            raise FileFormatError("this is not a certificate", "no list of findings")
        findings, _ = by_todays_rule(with_reasons(data["findings"]))
        return cls.from_plain(findings, str(data.get("objective", "")), "this", timed=True)

    @classmethod
    def from_plain(cls, listed: list[Any], objective: str, what: str, *, timed: bool = False) -> Certificate:
        """Return a certificate from findings as plain data; `what` names their source in errors."""
        findings = []
        for item in listed:
            fields = finding_fields(item, what, timed=timed)
            if fields["claim"] not in CLAIMS:
                raise FileFormatError(f"{what} judges an unknown claim", repr(fields["claim"]))
            if allowed_verdict(fields["verdict"], fields["rigour"]) is not fields["verdict"]:
                rests = fields["rigour"].value.replace("_", " ")
                raise FileFormatError(f"{what} claims a proof by {rests}", fields["claim"])
            findings.append(Finding(**fields))
        return cls(tuple(findings), objective)

    def __str__(self) -> str:
        lines = [self.objective] if self.objective else []
        width = max((len(f.claim) for f in self.findings), default=0)
        for finding in self.findings:
            lines.append(f"{finding.claim:<{width}}  {finding.verdict.name:<12}  {describe(finding)}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        verdicts = [(finding.claim, finding.verdict) for finding in self.findings]
        return in_lines("Certificate", [("objective", self.objective), *verdicts])

    def _repr_html_(self) -> str:
        return findings_html(self.findings, self.objective)


class Recheckable(Protocol):
    """An objective whose findings can be derived again."""

    def recheck(
        self, certificate: Certificate, theta: Vector, on_progress: Callable[[str], None] | None
    ) -> Verification:
        """Derive everything that a certificate states about a point again."""


def describe(finding: Finding) -> str:
    """Return the numbers, method, rigour and assumptions of a finding in one line."""
    parts = []
    if finding.value is not None:
        bound = "" if finding.bound is None else f" against {short_number(finding.bound)}"
        parts.append(short_number(finding.value) + bound)
    parts.append(f"{finding.method} [{finding.rigour.value.replace('_', ' ')}]")
    if finding.assumptions:
        parts.append("assuming " + "; ".join(finding.assumptions))
    if finding.limited_by:
        parts.append(f"limited by {finding.limited_by}: {effort_hint(finding)}")
    return "; ".join(parts)


def findings_html(findings: Sequence[Finding], objective: str = "") -> str:
    """Return findings as a table for notebooks."""
    rows = [(finding.claim, finding.verdict.name, describe(finding)) for finding in findings]
    return table_html(("claim", "verdict", "why"), rows, objective)


def effort_hint(finding: Finding) -> str:
    """Return what may help a finding that a budget cut short, empty if none did."""
    if not finding.limited_by:
        return ""
    word = "settle" if finding.verdict is Verdict.INCONCLUSIVE else "prove"
    return f"{'more time' if finding.limited_by == 'seconds' else 'a larger effort'} may {word} it"


def short_number(value: float) -> str:
    """Return a whole number in full, any other with three digits."""
    return (
        str(int(value)) if np.isfinite(value) and value == int(value) and abs(value) < 1e9 else f"{value:.3g}"
    )


def _finding_as_dict(finding: Finding) -> dict[str, Any]:
    return {
        "claim": finding.claim,
        "verdict": finding.verdict.value,
        "value": plain_number(finding.value),
        "bound": plain_number(finding.bound),
        "tolerance": plain_number(finding.tolerance),
        "assumptions": list(finding.assumptions),
        "method": finding.method,
        "rigour": finding.rigour.value,
        "seconds": finding.seconds,
        "limited_by": finding.limited_by,
        "reason": plain_reason(finding.reason),
        "witness": {key: plain_value(value) for key, value in finding.witness.items()},
    }
