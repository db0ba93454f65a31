"""What audits do with held-out cells: words that no training cell has are inside no set."""

import numpy as np
import pytest

import lowland as ll
from lowland.completion.auditing.withheld import TableWithheld
from lowland.trials.audits.plan import plan_audit
from oracles.column_means import Asked

pd = pytest.importorskip("pandas")
pytestmark = pytest.mark.usefixtures("light_fits_throughout")


def rare_words(seed=0, rows=240, columns=3):
    """A table with columns of two common words and many that are there once; cells are missing at random."""
    rng = np.random.default_rng(seed)
    frame = {"number": rng.standard_normal(rows)}
    for j in range(columns):
        rare = np.array([f"rare {i}" for i in range(rows)], dtype=object)
        common = np.where(rng.random(rows) < 0.5, "yes", "no")
        frame[f"word {j}"] = np.where(rng.random(rows) < 0.4, rare, common)
    truth = pd.DataFrame(frame)
    return truth.mask(rng.random(truth.shape) < 0.35), truth


def test_values_that_only_held_out_cells_have_are_unseen():
    rng = np.random.default_rng(0)
    values = np.where(rng.random((80, 6)) < 0.3, np.nan, rng.integers(0, 40, (80, 6)))
    table = ll.Observations.from_array(values)
    withheld = TableWithheld.of(table, plan_audit(table, 0), Asked(0))
    kept, held = withheld.training, withheld.held
    known = set(zip(kept.columns.tolist(), kept.values.tolist(), strict=True))
    cells = zip(held.columns.tolist(), held.values.tolist(), strict=True)
    expected = [cell not in known for cell in cells]
    assert withheld.unseen().tolist() == expected
    assert 0 < sum(expected) < held.size


def test_words_that_are_missing_alone_are_not_proved_to_lie_inside():
    table, truth = rare_words(2)
    fit = ll.MatrixCompletion(random_state=2, certify=True, refine=False).fit(table)
    audit, found = fit._completed.audit, fit.certificate_["covered"]
    words = [name for name in table.columns if name in fit.levels_]
    assert len(words) == 3
    unseen = audit.unseen & (audit.held.columns > 0)
    # however wide: the fit knows of these levels from held-out cells alone
    assert unseen.any()
    assert not audit.inside(1 - 1e-9)[unseen].any()
    missing = table.isna()
    nowhere = sum(int((missing[name] & ~truth[name].isin(fit.levels_[name])).sum()) for name in words)
    assert nowhere > 0.1 * missing.to_numpy().sum()
    # so 90 % are inside of no intervals, and nothing says so of any factor
    assert found.witness["largest_gamma"] == 0
