"""The contract of certificates: no false claim PROVED, no true claim REFUTED."""

from __future__ import annotations

from collections.abc import Mapping

from lowland.core.doors import public
from lowland.core.results.findings import Certificate
from lowland.core.results.status import Verdict


@public("lowland.testing")
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

    Examples
    --------
    >>> import lowland as ll
    >>> from lowland.testing import check_sound
    >>> A = ll.Entries([0, 0, 1], [0, 1, 0], (2, 2))
    >>> proof = ll.certify_matrix(A, [1.0, 2.0, 3.0], [[1.0], [3.0]], [[1.0], [2.0]])
    >>> check_sound(proof, {"uniquely_determined": True, "globally_optimal": True})
    >>> check_sound(proof, {"uniquely_determined": False})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: uniquely_determined is false and was PROVED...
    """
    for claim, holds in truth.items():
        verdict = certificate[claim].verdict
        if holds:
            assert verdict is not Verdict.REFUTED, f"{claim} is true and was REFUTED"
        else:
            wrong = (Verdict.PROVED, Verdict.SUPPORTED)
            assert verdict not in wrong, f"{claim} is false and was {verdict.name}"
