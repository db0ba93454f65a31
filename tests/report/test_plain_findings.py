"""Findings in plain words: never stronger than their verdict."""

import itertools

import numpy as np
import pytest

import lowland as ll
from lowland.core.results.claims import CLAIMS
from lowland.core.results.findings import Finding, effort_hint
from lowland.core.results.status import Rigour, Verdict
from lowland.report.plain_findings import QUESTIONS, answer
from lowland.report.words import verdict_sentence

DENIED = (
    "globally_optimal",
    "convex_optimal",
    "locally_unique",
    "unique_decomposition",
    "no_bad_minimum_in_region",
)
YES = {claim: claim not in DENIED for claim in CLAIMS}  # whether "yes" affirms the claim


@pytest.mark.parametrize(("claim", "verdict"), list(itertools.product(CLAIMS, Verdict)))
def test_words_follow_the_verdict(claim, verdict):
    proof = verdict in (Verdict.PROVED, Verdict.REFUTED)
    rigour = Rigour.RIGOROUS if proof else Rigour.WORKING_PRECISION
    finding = Finding(claim, verdict, 0.27, rigour=rigour, method="a method")
    told = answer(finding)
    assert told.question == QUESTIONS[claim]
    affirmed = told.words.startswith("Yes" if YES[claim] else ("No", "Probably not"))
    denied = told.words.startswith("No" if YES[claim] else "Yes")
    if verdict in (Verdict.PROVED, Verdict.SUPPORTED):
        assert not denied
        assert affirmed or told.words.startswith("Open")
    elif verdict is Verdict.INCONCLUSIVE:
        assert told.words.startswith("Open")
        assert told.doubt == "Nothing is claimed."
    else:
        assert not affirmed
    if verdict is Verdict.SUPPORTED:
        assert "not a proof" in told.doubt


def test_gaps_in_the_unit_of_the_user():
    witness = {"lower_bound": 0.73, "objective": 1.0, "gap": 0.27, "fitted_distance": 0.0123}
    finding = Finding(
        "globally_optimal",
        Verdict.INCONCLUSIVE,
        0.27,
        rigour=Rigour.RIGOROUS,
        witness=witness,
        limited_by="largest_dense",
    )
    told = answer(finding)
    assert "at most 27 % below this one" in told.words
    assert "differ from these by at most 0.012" in told.words
    assert "A larger effort may settle it" in told.words
    assert "at most 27 % below" in verdict_sentence(ll.Certificate((finding,)))


def test_what_a_larger_effort_may_do():
    assert effort_hint(Finding("stationary", Verdict.SUPPORTED)) == ""
    assert "prove" in effort_hint(Finding("stationary", Verdict.SUPPORTED, limited_by="x"))
    assert "settle" in effort_hint(Finding("stationary", Verdict.INCONCLUSIVE, limited_by="x"))


def test_parts_of_a_table_and_open_cells_by_line():
    table = np.full((7, 6), np.nan)
    table[:3, :3] = table[3:6, 3:] = 1.0
    found = ll.diagnose(ll.Observations.from_array(table), rank=1)
    assert [(rows.tolist(), columns.tolist()) for rows, columns in found.blocks] == [
        ([0, 1, 2], [0, 1, 2]),
        ([3, 4, 5], [3, 4, 5]),
        ([6], []),
    ]
    np.testing.assert_array_equal(found.open_by_row, [3, 3, 3, 3, 3, 3, 6])
    np.testing.assert_array_equal(found.open_by_column, [4] * 6)
    assert "blocks with no determined cell between them: 2, of 3 x 3, 3 x 3 cells" in str(found)
    whole = ll.diagnose(ll.Observations.from_array(np.ones((4, 4))), rank=1)
    assert whole.blocks == []
    assert whole.open_by_row.size == 0
