"""The contract of certificates: no false claim PROVED, no true claim REFUTED."""

from __future__ import annotations

from collections.abc import Mapping

from lowland.core.findings import Certificate
from lowland.core.status import Verdict


def check_sound(certificate: Certificate, truth: Mapping[str, bool]) -> None:
    """Check a certificate against the known truth.

    Parameters
    ----------
    certificate : Certificate
    truth : mapping of str to bool
        Whether each claim is true of the judged point.

    Raises
    ------
    AssertionError
        If a false claim is PROVED or SUPPORTED, or a true one REFUTED.
    """
    for claim, holds in truth.items():
        verdict = certificate[claim].verdict
        if holds:
            assert verdict is not Verdict.REFUTED, f"{claim} is true and was REFUTED"
        else:
            wrong = (Verdict.PROVED, Verdict.SUPPORTED)
            assert verdict not in wrong, f"{claim} is false and was {verdict.name}"
