"""Check a certificate's document from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lowland.certificates import MATRIX_CLAIMS
from lowland.cli.output import say, say_json, warn
from lowland.cli.progress import StageProgress
from lowland.core.status import Verdict
from lowland.core.verification import Outcome, Verification
from lowland.files.certificates import read_certificate
from lowland.recheck.documents import Document
from lowland.verifying import verify

AFFIRMED = tuple(verdict.value for verdict in (Verdict.PROVED, Verdict.SUPPORTED))


def check_document(
    path: Path, read: Callable[[Document], Any], *, json: bool, quiet: bool, require: str | None
) -> bool:
    """Derive everything in a document again; return whether all of it was confirmed.

    Parameters
    ----------
    path : path
    read : callable
        Takes the document and returns the data that it is about.
    json, quiet : bool
    require : str or None
        A claim that must be among the findings, proved or supported, and confirmed.
    """
    document = read_certificate(path)
    data = read(document)
    with StageProgress(quiet=quiet) as progress:
        found = verify(document, data, progress=progress)
    if json:
        say_json(found.as_dict())
    else:
        _say(found, document)
    good = found.is_confirmed
    if not found.checks:
        warn("lowland: the certificate states nothing")
    if require is not None:
        known = require in found and found[require].outcome is Outcome.CONFIRMED
        if not (known and found[require].verdict in AFFIRMED):
            warn(f"lowland: the required claim {require} is not confirmed")
            good = False
    return good


def _say(found: Verification, document: Document) -> None:
    say(found.problem)
    for check in found:
        say(f"  {check.claim:<24}  {check.verdict.upper():<12}  {check.outcome.value}; {check.words}")
    say(found.summary)
    absent = [claim for claim in MATRIX_CLAIMS if claim not in found]
    if absent and document.kind in ("table", "measurements"):
        say(f"not judged: {', '.join(absent)}")
