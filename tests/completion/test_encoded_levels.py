"""Columns of many levels: common ones have a column of numbers each, rare ones share one."""

import warnings

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from lowland.completion.encoded.levels import FEWEST_OWN, MOST_EACH, MOST_OWN, LevelKind, Levels
from lowland.completion.files.encodings import encoding_from_arrays
from lowland.files.columns.roles import hold_levels

COUNTS = (3, 12, 1, 7, 20, 2, 5)


def coded(counts):
    """A table of one column of levels, so many cells of each, and the levels of its cells."""
    codes = np.repeat(np.arange(len(counts)), counts)
    table = ll.Observations(np.arange(codes.size), np.zeros(codes.size, int), codes * 1.0, (codes.size, 1))
    return table, codes


def levels_of(counts, ordered=False):
    table, codes = coded(counts)
    return Levels.of(table, {0: LevelKind(len(counts), ordered)}), table, codes


def test_rare_levels_share_the_last_column():
    levels, table, codes = levels_of(COUNTS + (1,) * 6)
    own = [k for k, count in enumerate(COUNTS) if count >= FEWEST_OWN]
    assert levels.shared[0][own].tolist() == [0, 1, 2, 3]
    assert (np.delete(levels.shared[0], own) == len(own)).all()
    numbers = levels.encode(table).to_array()
    assert numbers.shape == (codes.size, len(own) + 1)
    np.testing.assert_array_equal(numbers.sum(axis=1), 1)
    np.testing.assert_array_equal(np.argmax(numbers, axis=1), levels.shared[0][codes])
    np.testing.assert_array_equal(levels.usual(0), np.eye(len(own) + 1)[levels.shared[0]])


def test_few_levels_have_a_column_each_however_rare():
    levels, table, codes = levels_of((30, 20, 1))
    assert not levels.shared
    np.testing.assert_array_equal(levels.encode(table).to_array(), np.eye(3)[codes])


def test_no_more_than_so_many_levels_have_columns_of_their_own():
    levels, _, _ = levels_of(tuple(range(10, 10 + MOST_EACH + 5)))
    assert levels.groups.size == MOST_OWN + 1
    assert (levels.shared[0][: MOST_EACH + 5 - MOST_OWN] == MOST_OWN).all()
    # as many as words of usual columns may be have one each, if cells are not few
    assert not levels_of(tuple(range(10, 10 + MOST_EACH)))[0].shared


def test_ordered_levels_share_nothing():
    levels, _, _ = levels_of(COUNTS + (1,) * 30, ordered=True)
    assert not levels.shared
    assert levels.groups.size == 1


@pytest.mark.parametrize(
    ("counts", "hold"),
    [
        ((9, 8, 1, 1, 1, 2), True),  # 22 cells of six words
        ((9, 4, 1, 1, 1, 1, 1), False),  # one common word
        ((8, 8) + (1,) * 16, False),  # more words than half the cells
        ((500, 500) + (1,) * 98, True),
        ((500, 500) + (1,) * 99, False),  # so many words are names
        ((60, 60, 60), True),
    ],
)
def test_words_are_levels_where_enough_of_them_repeat(counts, hold):
    assert hold_levels(np.repeat(np.arange(len(counts)), counts).tolist()) is hold


@pytest.fixture(scope="module")
def animals():
    """A frame of which two words of a column go with numbers, beside many rare words."""
    rng = np.random.default_rng(0)
    kind = np.repeat(["bat", "cat", *(f"rare {k}" for k in range(12))], [40, 40, *[2] * 12])
    weight = np.where(kind == "bat", 1.0, np.where(kind == "cat", 4.0, 9.0)) + 0.3 * rng.standard_normal(
        kind.size
    )
    frame = pd.DataFrame(
        {"weight": weight, "size": 2 * weight + rng.standard_normal(kind.size), "kind": kind}
    )
    frame = frame.sample(frac=1, random_state=0, ignore_index=True)
    holes = frame.copy()
    hidden = rng.random(len(frame)) < 0.25
    holes.loc[hidden, "kind"] = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ll.MatrixCompletion(random_state=0, certify=False, refine=False).fit(holes)
    return frame, holes, hidden, fit


def test_rare_words_are_filled_and_inform(animals):
    frame, holes, hidden, fit = animals
    filled, truth = fit.fill(holes)["kind"], frame["kind"]
    assert not filled.isna().any()
    common = hidden & truth.isin(["bat", "cat"]).to_numpy()
    assert (filled[common] == truth[common]).mean() > 0.9
    shares = fit._completed.model.probabilities(np.flatnonzero(hidden), 2)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert shares.shape[1] == 14
    # where neither common word is likely all rare ones are
    rare = np.isin(np.flatnonzero(hidden), np.flatnonzero(truth.str.startswith("rare")))
    assert shares[rare][:, 2:].sum(axis=1).mean() > 0.7
    known = holes["kind"].notna()
    assert (filled[known] == truth[known]).all()


def test_models_of_rare_words_are_the_same_from_a_file(animals, tmp_path):
    _, _, hidden, fit = animals
    fit.save(tmp_path / "m.npz")
    again = ll.MatrixCompletion.load(tmp_path / "m.npz")
    rows = np.flatnonzero(hidden)
    one, other = (each._completed.model.probabilities(rows, 2) for each in (fit, again))
    np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("shared", [[[0, [0, 1]]], [[1, [0, 1, 1]]], [[0, [0, 2, 2]]], [[0, [0, 1, True]]]])
def test_damaged_files_are_refused(shared):
    plain = {"levels": [[0, 3, False]], "width": 1, "powers": [], "shared": shared}
    arrays = {
        "level_frequencies": np.full(3, 1 / 3),
        "level_intercepts": np.zeros(3),
        "level_slopes": np.zeros(6),
    }
    assert encoding_from_arrays({**plain, "shared": [[0, [0, 1, 1]]]}, arrays)[0].groups.size == 2
    with pytest.raises(ValueError, match="damaged"):
        encoding_from_arrays(plain, arrays)
