"""Every claim at a point where it holds, one where it is refuted, and one where it is left open."""

import pytest

from claims import CLAIMS, VERDICTS


@pytest.mark.parametrize("row", CLAIMS, ids=lambda row: f"{row.claims[0]}-{row.outcome}-{row.name}")
def test_judges_say_what_is_known(row):
    certificate = row.make()
    for claim in row.claims:
        assert certificate[claim].verdict in VERDICTS[row.outcome], f"{claim}: {certificate[claim]}"
