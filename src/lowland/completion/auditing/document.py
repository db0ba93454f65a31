"""Documents of what is proved about missing cells: who was held out, and their intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lowland.completion.auditing.audit import Audit
from lowland.completion.auditing.inside import level_columns
from lowland.completion.settled.evidence import Evidence
from lowland.completion.settled.judge import evidence_of
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.fitted import FittedTable, data_of, without_certificate
from lowland.core.arrays import Vector
from lowland.core.cells.observations import Observations
from lowland.core.results.findings import Certificate
from lowland.recheck.documents import Document
from lowland.trials.audits.covered import LEVEL
from lowland.trials.audits.widening import widened

LARGEST = float(np.finfo(np.float64).max)


def judged_document(
    completed: Completed, certificate: Certificate | None, seen: Observations | None = None
) -> Document:
    """Return a certificate with what is needed to derive it again, but without the data.

    Parameters
    ----------
    completed : Completed
    certificate : Certificate or None
        What is proved of the missing cells, and perhaps of a penalised problem.
    seen : Observations, optional
        The fitted cells, by default those that the table holds.

    Raises
    ------
    UnsupportedError
        If nothing was judged, or the penalised problem is not one of the table as it is read.
    """
    table, audit = completed.table, completed.audit
    seen = data_of(table, "a certificate") if seen is None else seen
    if certificate is None:
        raise without_certificate()
    if "covered" not in certificate:
        return table.document()
    problem, point = _stated(audit if isinstance(audit, Audit) else None, certificate)
    drawn = _drawn(table, certificate)
    if certificate.of_audit:
        return Document(
            "audit",
            seen.fingerprint(),
            {"audit": problem, "dtype": str(seen.values.dtype), **drawn[0]},
            {**point, **drawn[1]},
            certificate,
        )
    within = table.document()
    return replace(
        within,
        problem={**within.problem, "audit": problem, **drawn[0]},
        point={**within.point, **point, **drawn[1]},
        certificate=certificate,
    )


def _stated(audit: Audit | None, certificate: Certificate) -> tuple[dict[str, Any] | None, dict[str, Vector]]:
    """Return settings of an audit, and its held-out cells with their intervals."""
    if audit is None:
        return None, {}
    plan, held = audit.plan, audit.held
    factor = certificate["covered"].witness.get("factor", 1.0)
    own = audit.reaches(LEVEL)
    wide = own if factor == 1 else audit.reaches(widened(LEVEL, factor))
    settings = {
        "seed": audit.seed,
        "scheme": plan.scheme,
        "longest": plan.longest,
        "parts": bool(audit.kinds),
        "words": np.flatnonzero(level_columns(audit.fitted)).tolist(),
    }
    names = ("low", "high", "wide_low", "wide_high")
    ends = zip(names, (*own, *wide), strict=True)
    arrays = {"rows": held.rows.astype(float), "columns": held.columns.astype(float)}
    # ends beyond all numbers hold as much as the largest does, and where there is no end nothing lies inside
    arrays |= {n: np.nan_to_num(end, nan=-LARGEST if "high" in n else LARGEST) for n, end in ends}
    return settings, {f"audit_{name}": array for name, array in arrays.items()}


def _drawn(table: FittedTable, certificate: Certificate) -> tuple[dict[str, Any], dict[str, Vector]]:
    """Return settings and arrays of what says whether filled cells have settled: the draws of the fit."""
    if "settled" not in certificate or certificate["settled"].value is None:
        return {}, {}
    evidence = evidence_of(table)
    if not isinstance(evidence, Evidence):  # another start is not kept
        return {}, {}
    return {"settled": evidence.settings}, {f"settled_{n}": array for n, array in evidence.arrays.items()}
