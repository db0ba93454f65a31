"""Whether chance moves filled cells, as a claim: by draws whose errors are known, and of fits."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from lowland.bayes.monte_carlo import MonteCarlo
from lowland.completion.auditing.judging import judge_completed
from lowland.completion.settled import evidence as evidences
from lowland.completion.settled import judge
from lowland.completion.settled.evidence import Evidence, in_short
from lowland.completion.settled.record import with_trees

pytestmark = pytest.mark.usefixtures("quick_starts")
SUPPORTED, OPEN = ll.Verdict.SUPPORTED, ll.Verdict.INCONCLUSIVE
PLAIN = {"refine": False, "powers": False, "row_units": False, "certify": False, "random_state": 0}


def fit_of(table, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ll.MatrixCompletion(**PLAIN | settings).fit(table)._completed


def table_of(seed=0, shape=(60, 5), noise=1.0):
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((shape[0], 1)) + noise * rng.standard_normal(shape)
    return np.where(rng.random(shape) < 0.2, np.nan, table)


# ------------------------------------------------------------------ draws whose errors are known


def remembering(error, memory=0.5, count=400, cells=150, seed=0):
    """Draws that each remember the one before, whose mean has a known error."""
    rng = np.random.default_rng(seed)
    draws = rng.standard_normal((1, count, cells))
    draws[:, 0] /= np.sqrt(1 - memory**2)
    for k in range(1, count):
        draws[:, k] += memory * draws[:, k - 1]
    return draws * error * (1 - memory) * np.sqrt(count)


def evidence(error, spread=0.0, trees=50, **how):
    draws = remembering(error, **how)
    cells = draws.shape[2]
    forest = np.zeros((0, cells))
    if spread:
        forest = spread * np.sqrt(trees) * np.random.default_rng(1).standard_normal((trees, cells))
    at = np.arange(cells)
    return Evidence("draws", at, at, in_short(draws), forest, draws.shape[1], in_parts=False)


# how far off by chance averages over draws, and over trees, are in standard errors; and what must be said
KNOWN = [
    (0.014, 0.0, SUPPORTED),
    (0.1, 0.0, OPEN),
    (0.012, 0.012, SUPPORTED),
    (0.01, 0.2, OPEN),
    (0.045, 0.0, OPEN),  # in most cells small, not in 99 %
]


def is_right(error, spread, verdict):
    """Whether draws with such errors get the verdict, and about the number of draws that it would take."""
    found = evidence(error, spread).found
    if found.verdict is not verdict:
        return False
    # errors are estimated, so that the largest of hundreds are larger, by chance up to three times
    least = 400 * (error / 0.05) ** 2
    return spread > 0 or verdict is SUPPORTED or least <= found.draws_needed <= 9 * least


def test_what_is_said_of_known_errors_is_right():
    assert all(is_right(*known) for known in KNOWN)


def _without_memory(draws):
    found = MonteCarlo.of(draws)
    count = draws.shape[0] * draws.shape[1]
    return replace(found, error=draws.std(axis=(0, 1), ddof=1) / np.sqrt(count))


def _of_one_draw(draws):
    found = MonteCarlo.of(draws)
    return replace(found, error=draws.std(axis=(0, 1), ddof=1))


RECORD = "lowland.completion.settled.record."
MUTANTS = {
    "draws that do not remember": lambda patch: patch.setattr(
        evidences, "MonteCarlo", type("M", (), {"of": staticmethod(_without_memory)})
    ),
    "the spread of draws for that of their mean": lambda patch: patch.setattr(
        evidences, "MonteCarlo", type("M", (), {"of": staticmethod(_of_one_draw)})
    ),
    "no trees": lambda patch: patch.setattr(
        evidences, "with_trees", lambda said, errors, trees: with_trees(said, errors, trees[:0])
    ),
    "the spread of trees for that of their mean": lambda patch: patch.setattr(
        evidences,
        "with_trees",
        lambda said, errors, trees: with_trees(said, errors, trees * len(trees) ** 0.5),
    ),
    "half of the cells": lambda patch: patch.setattr(RECORD + "ENOUGH", 0.5),
    "a threshold of a fifth": lambda patch: patch.setattr(RECORD + "SMALL", 0.2),
    "a threshold of a hundredth": lambda patch: patch.setattr(RECORD + "SMALL", 0.01),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_other_judges_are_wrong(name, monkeypatch):
    MUTANTS[name](monkeypatch)
    assert not all(is_right(*known) for known in KNOWN)


def test_averages_in_succession_have_the_same_error():
    draws = remembering(0.05, count=401)
    short = in_short(draws)
    assert short.shape == (1, 80, 150)
    np.testing.assert_allclose(short.mean(axis=1), 0, atol=1e-3)
    whole, some = MonteCarlo.of(draws).error, MonteCarlo.of(short).error
    assert np.sqrt(np.mean(some**2) / np.mean(whole**2)) == pytest.approx(1, abs=0.1)


def test_a_chain_that_has_moved_away_is_not_settled():
    """Its draws hardly move, compared with standard errors; but most cells are elsewhere in each half."""
    draws = 1e-3 * np.random.default_rng(0).standard_normal((1, 400, 40))
    draws[:, 200:] += 0.04
    at = np.arange(40)
    gone = Evidence("draws", at, at, in_short(draws), np.zeros((0, 40)), 400, in_parts=False)
    assert gone.found.share == 1
    assert gone.found.typical > 1.1
    assert gone.found.verdict is OPEN


# ------------------------------------------------------------------ fits


def test_the_draws_of_a_gaussian_are_judged():
    table = table_of()
    completed = fit_of(table, method="gaussian", n_draws=30, may_be_negative=True)
    finding = judge.settled(completed.table)
    found = judge.evidence_of(completed.table)
    assert np.isnan(table[found.rows, found.columns]).all()
    assert finding.witness["cells"] == np.isnan(table).sum() == found.rows.size
    assert finding.witness["draws"] == 120
    assert finding.value == found.found.worst
    assert finding.bound == 0.05
    assert set(finding.witness) >= {"share", "r_hat", "typical_r_hat", "effective", "draws_needed"}
    assert finding.method.endswith("this is about the chance of the search alone")
    assert judge.settled(completed.table).witness == finding.witness, "nothing is drawn"


def test_errors_of_a_fit_are_those_of_other_seeds():
    table = table_of(3)
    fits = [fit_of(table, method="gaussian", n_draws=20, random_state=k).table for k in range(8)]
    found = judge.evidence_of(fits[0])
    told = MonteCarlo.of(found.draws).error
    cells = found.rows, found.columns
    fills = [fit.model.predict(*cells) for fit in fits]
    seen = np.std(fills, axis=0, ddof=1) / fits[0].model.standard_errors(*cells)
    assert 0.7 < np.sqrt(np.mean(told**2) / np.mean(seen**2)) < 1.4


def test_marked_cells_do_not_move():
    rng = np.random.default_rng(2)
    table = rng.standard_normal((60, 1)) + 0.2 * rng.standard_normal((60, 6))
    table[:30, :3] = table[30:, 3:] = np.nan
    found = judge.evidence_of(fit_of(table, method="gaussian", n_draws=10, may_be_negative=True).table)
    assert (found.draws == 0).all()
    assert found.found.verdict is SUPPORTED


def test_kept_draws_and_other_starts_are_judged():
    table = table_of(4, (50, 12), 0.5)
    drawn = judge.settled(fit_of(table, method="gibbs", n_draws=30).table)
    assert drawn.witness["draws"] == 30
    swept = fit_of(table, method="variational")
    alone = judge.settled(swept.table)
    assert alone.verdict is OPEN
    assert alone.limited_by == "work"
    assert alone.reason[0].code == "starts_not_compared"
    for how in ({"effort": "standard"}, {"effort": "auto", "starts": True}):
        _, certificate = judge_completed(swept, np.random.default_rng(0), **how)
        finding = certificate["settled"]
        assert finding.reason[0].code == "start_moves"
        assert set(finding.witness) == {"cells", "share"}
    assert judge_completed(swept, np.random.default_rng(0), "auto")[1]["settled"].verdict is OPEN


def test_what_cannot_be_judged_is_said(tmp_path):
    table = table_of(5, (20, 4))

    def code(completed):
        return judge.settled(completed.table).reason[0].code

    gaussian = {"method": "gaussian", "n_draws": 5}
    assert code(fit_of(np.nan_to_num(table), **gaussian)) == "none_missing"
    assert code(fit_of(table, **gaussian, predictors={0: [1, 2]})) == "some_columns_alone"
    assert code(fit_of(table, **{**gaussian, "method": "gibbs", "n_draws": 3})) == "few_draws"
    ll.MatrixCompletion(**PLAIN | gaussian).fit(table).save(tmp_path / "model.npz")
    assert code(ll.MatrixCompletion.load(tmp_path / "model.npz")._completed) == "draws_not_kept"
    penalised = fit_of(table, method="map", rank=1, penalty=1.0, refine="auto")
    assert "settled" not in judge_completed(penalised, np.random.default_rng(0), "quick")[1]


def test_tables_that_are_too_large_are_not_looked_at(monkeypatch):
    completed = fit_of(table_of(5, (20, 4)), method="gaussian", n_draws=5)
    monkeypatch.setattr(judge, "FORMED", 79)
    assert judge.evidence_of(completed.table) == "too_large_to_look"


def test_trees_count_by_their_spread():
    rng = np.random.default_rng(4)
    z = rng.standard_normal((90, 2))
    table = np.column_stack([z, z[:, :1] ** 2, z[:, 0] * z[:, 1], np.sin(2 * z[:, 1])])
    table[rng.random(table.shape) < 0.2] = np.nan
    completed = fit_of(table, refine=True, n_draws=20, method="gaussian", may_be_negative=True)
    found = judge.evidence_of(completed.table)
    assert found.trees.shape == (60, np.isnan(table).sum())
    refined = np.isin(found.columns, list(completed.table.model.refinement.forests))
    assert (found.trees[:, ~refined] == 0).all()
    assert (found.trees[:, refined].std(axis=0) > 0).all()
    finding = judge.settled(completed.table)
    assert finding.witness["trees"] == 60
    assert finding.witness["trees_needed"] > 60
    assert any(phrase.code == "trees_would_do" for phrase in finding.reason)
