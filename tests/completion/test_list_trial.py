"""How good lists are: measures against naive ones, and what is judged."""

import numpy as np
import pytest

import lowland as ll
from lowland.completion.ranking.list_gains import measure_lists
from lowland.core.errors import UnsupportedError

pytestmark = pytest.mark.usefixtures("plain_kernels_throughout", "light_fits_throughout")


def naive(places, wanted, k):
    """Return recall and gain of one list."""
    hits = [place in wanted for place in places[:k]]
    best = min(len(wanted), k)
    gain = sum(hit / np.log2(i + 2) for i, hit in enumerate(hits))
    return sum(hits) / best, gain / sum(1 / np.log2(i + 2) for i in range(best))


@pytest.mark.parametrize("seed", range(3))
def test_measures_are_those_of_the_lists_one_by_one(seed):
    rng = np.random.default_rng(seed)
    lists = np.array([rng.permutation(20)[:8] for _ in range(15)])
    lists[3, 5:] = -1
    wanted = [rng.permutation(20)[: rng.integers(1, 12)] for _ in lists]
    rows = np.repeat(np.arange(15), [part.size for part in wanted])
    recall, gain = measure_lists(lists, rows, np.concatenate(wanted), (4, 8))
    for i, k in enumerate((4, 8)):
        expected = [
            naive(own, set(some.tolist()), k) for own, some in zip(lists.tolist(), wanted, strict=True)
        ]
        np.testing.assert_allclose((recall[i], gain[i]), np.mean(expected, axis=0))


def test_perfect_and_empty_lists():
    rows, columns = np.array([0, 0, 1]), np.array([2, 5, 5])
    perfect, nothing = np.array([[5, 2, 0], [5, 1, 0]]), np.array([[0, 1, 3], [-1, -1, -1]])
    assert [part.tolist() for part in measure_lists(perfect, rows, columns, (1, 3))] == [[1.0, 1.0]] * 2
    assert [part.tolist() for part in measure_lists(nothing, rows, columns, (1, 3))] == [[0.0, 0.0]] * 2


def test_lists_are_judged_by_cells_that_the_fit_did_not_know(rng, tmp_path):
    alike = rng.integers(2, size=(150, 1)) == np.arange(30) % 2
    listed = rng.random(alike.shape) < np.where(alike, 0.45, 0.04)
    table = np.where(listed, rng.integers(1, 6, size=alike.shape), np.nan)
    for settings in ({"method": "variational", "max_iter": 5}, {"method": "map", "penalty": 2.0}):
        model = ll.MatrixCompletion(rank=2, certify=False, random_state=0, **settings).fit(table)
        trial, lists = model.held_out_errors(), model.held_out_lists()
        assert lists.rows == np.unique(trial.rows).size
        # of a row's thirteen or so unknown columns of its kind, ten may be listed by chance
        assert lists.recall["chance"][0] > 1.3 * lists.recall["known"][0]
        assert lists.ndcg["chance"][0] > 1.3 * lists.ndcg["value"][0]
        assert "by the estimated chance to be listed: recall at 10 0." in str(lists)
    model.report(tmp_path / "page.html")
    assert "Lists of the best columns of" in (tmp_path / "page.html").read_text()


def test_where_known_cells_are_no_choice_there_is_nothing_to_judge(rng, tmp_path):
    table = np.where(rng.random((60, 20)) < 0.8, rng.integers(1, 6, size=(60, 20)), np.nan)
    model = ll.MatrixCompletion(method="variational", rank=2, certify=False, random_state=0, max_iter=3).fit(
        table
    )
    with pytest.raises(UnsupportedError, match="which cells are known is a choice"):
        model.held_out_lists()
    model.report(tmp_path / "page.html")
    assert "Lists of the best columns of" not in (tmp_path / "page.html").read_text()
