"""Rows as nodes of a graph: features of its Laplacian, and what they are worth."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import lowland as ll
from commands import assert_clean_error, call
from lowland.bayes import graph_places
from lowland.bayes.graph_places import GraphPlaces
from lowland.completion.bayesian import fit as bayesian
from lowland.completion.bayesian import order_choice
from lowland.completion.bayesian.starting import grown_start
from lowland.core.errors import InvalidInputError

# few sweeps and no other choices: it is not these that are tested
PLAIN = {"certify": False, "refine": False, "powers": False, "row_units": False}
PLAIN |= {"random_state": 0, "max_iter": 30}


def ring(length):
    at = np.arange(length)
    return sparse.csr_array((np.ones(length), (at, (at + 1) % length)), shape=(length, length))


@pytest.fixture(scope="module")
def neighbours():
    """A table whose rows vary smoothly over the plane, half of it hidden, and the graph of nearest rows."""
    rng = np.random.default_rng(0)
    points = rng.random((150, 2))
    squares = ((points[:, None] - points) ** 2).sum(axis=2)
    kernel = np.exp(-squares / 2 / 0.2**2) + 1e-8 * np.eye(150)
    truth = np.linalg.cholesky(kernel) @ rng.standard_normal((150, 3)) @ rng.standard_normal((3, 8))
    truth /= truth.std()
    noisy = truth + 0.3 * rng.standard_normal(truth.shape)
    holes = np.where(rng.random(truth.shape) < 0.6, np.nan, noisy)
    nearest = np.argsort(squares, axis=1)[:, 1:6]
    at = np.repeat(np.arange(150), 5), nearest.ravel()
    return truth, holes, sparse.csr_array((np.ones(750), at), shape=(150, 150))


@pytest.fixture(scope="module")
def plain(neighbours):
    """The fit that knows no graph."""
    return ll.MatrixCompletion(**PLAIN).fit(neighbours[1])


@pytest.fixture(scope="module")
def placed(neighbours):
    """The fit that knows the graph, of the length and strength that cells held out choose of some."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (order_choice, bayesian):
            patch.setattr(module, "BRIEF", 15)
        patch.setattr(grown_start, "WAY_SWEEPS", 8)
        patch.setattr(order_choice, "GRAPH_LENGTHS", (1.0, 3.0))
        return ll.MatrixCompletion(**PLAIN).fit(neighbours[1], row_order=neighbours[2])


@pytest.fixture
def one_length(monkeypatch):
    """Compare those that are chosen alone, by few sweeps, where it is not their choice that is tested."""
    for module in (order_choice, bayesian):
        monkeypatch.setattr(module, "BRIEF", 15)
    monkeypatch.setattr(grown_start, "WAY_SWEEPS", 8)
    monkeypatch.setattr(order_choice, "GRAPH_LENGTHS", (3.0,))
    monkeypatch.setattr(order_choice, "STRENGTHS", (5.0,))


def error(fit, truth, holes):
    return np.sqrt(np.mean((fit.predict_table() - truth)[np.isnan(holes)] ** 2))


def test_features_are_the_kernel_of_the_laplacian():
    places = GraphPlaces.of(ring(12), 12, "row_order")
    weights = ring(12).toarray() + ring(12).toarray().T
    inner = np.linalg.inv(np.eye(12) + 9 * (np.eye(12) - weights / 2))
    kernel = inner @ inner
    features = places.coordinates(3.0)
    np.testing.assert_allclose(features @ features.T, kernel / np.mean(np.diag(kernel)), atol=1e-10)


def test_large_graphs_have_the_same_features(monkeypatch):
    rng = np.random.default_rng(0)
    weights = sparse.random_array((300, 300), density=0.02, rng=rng)
    monkeypatch.setattr(graph_places, "MOST_FEATURES", 20)
    dense = GraphPlaces.of(weights, 300, "row_order").coordinates(2.0)
    monkeypatch.setattr(graph_places, "DENSE", 10)
    found = GraphPlaces.of(weights, 300, "row_order").coordinates(2.0)
    np.testing.assert_allclose(found @ found.T, dense @ dense.T, atol=1e-4)


def test_equal_parts_of_large_graphs_have_features_of_their_own(monkeypatch):
    """From a symmetric start iterations would never tell one of two equal paths from the other."""
    path = sparse.diags_array(np.ones(149), offsets=1, shape=(150, 150))
    both = sparse.block_diag([path, path], format="csr")
    monkeypatch.setattr(graph_places, "DENSE", 10)
    monkeypatch.setattr(graph_places, "MOST_FEATURES", 12)
    features = GraphPlaces.of(both, 300, "row_order").coordinates(3.0)
    kernel = features @ features.T
    assert np.abs(kernel[:150, 150:]).max() < 0.05 * kernel[:150, :150].max()


def test_nodes_alone_have_no_features_and_loops_are_no_edges():
    weights = sparse.csr_array(([1.0, 5.0], ([0, 2], [1, 2])), shape=(4, 4))
    features = GraphPlaces.of(weights, 4, "row_order").coordinates(1.0)
    assert not features[2:].any()
    assert features[:2].any(axis=1).all()


def test_neighbours_tell_of_each_other(neighbours, plain, placed, tmp_path):
    truth, holes, graph = neighbours
    fit = placed
    assert error(fit, truth, holes) < 0.7 * error(plain, truth, holes)
    at = np.nonzero(np.isnan(holes))
    lower, upper = fit.predict_interval(*at, 0.9)
    assert 0.8 < np.mean((lower <= truth[at]) & (truth[at] <= upper))
    assert "steps of a graph" in fit._completed.table.describe_method()
    fit.save(tmp_path / "model.npz")
    read = ll.MatrixCompletion.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(read.predict_table(), fit.predict_table())
    # other rows have no place
    new = fit.transform(holes[:3])
    assert np.isfinite(new).all()
    with pytest.raises(InvalidInputError, match="row_order of other rows cannot be a graph"):
        fit.transform(holes[:3], row_order=graph[:3])


def test_columns_may_be_nodes(neighbours, placed, one_length):
    truth, holes, graph = neighbours
    rows, holes = placed, holes.copy()
    # one cell less: the cells that happen to be hidden of the whole table speak against the graph
    holes[tuple(np.argwhere(~np.isnan(holes.T))[0][::-1])] = np.nan
    assert rows.method_ == "variational"
    brief = {"method": "variational", **PLAIN}
    columns = ll.MatrixCompletion(**brief).fit(holes.T, column_order=graph)
    plain = ll.MatrixCompletion(**brief).fit(holes.T)
    assert error(columns, truth.T, holes.T) < 0.8 * error(plain, truth.T, holes.T)
    assert error(columns, truth.T, holes.T) < 1.5 * error(rows, truth, holes)


def test_a_wrong_graph_is_left_out(neighbours, plain, one_length):
    truth, holes, graph = neighbours
    order = np.random.default_rng(1).permutation(150)
    fit = ll.MatrixCompletion(**PLAIN).fit(holes, row_order=graph[order][:, order])
    np.testing.assert_allclose(error(fit, truth, holes), error(plain, truth, holes), rtol=0.02)


@pytest.fixture(scope="module")
def circles():
    """Ratings that agree within circles of friends, a few per row, and the graph of friends."""
    rng = np.random.default_rng(0)
    circle = np.repeat(np.arange(20), 20)
    truth = (rng.standard_normal((20, 2)) @ rng.standard_normal((2, 50)))[circle]
    noisy = truth + 0.5 * rng.standard_normal(truth.shape)
    rows = np.repeat(np.arange(400), 4)
    friends = 20 * circle[rows] + rng.integers(20, size=rows.size)
    graph = sparse.csr_array((np.ones(rows.size), (rows, friends)), shape=(400, 400))
    return truth, np.where(rng.random(truth.shape) < 0.85, np.nan, noisy), graph


def test_large_tables_take_a_graph_that_predicts_and_no_other(circles, monkeypatch):
    monkeypatch.setattr(order_choice, "LARGEST", 1000)
    monkeypatch.setattr(order_choice, "BRIEF", 15)
    truth, holes, graph = circles
    plain = ll.MatrixCompletion(**PLAIN).fit(holes)
    fit = ll.MatrixCompletion(**PLAIN).fit(holes, row_order=graph)
    assert error(fit, truth, holes) < 0.8 * error(plain, truth, holes)
    order = np.random.default_rng(1).permutation(400)
    wrong = ll.MatrixCompletion(**PLAIN).fit(holes, row_order=graph[order][:, order])
    np.testing.assert_array_equal(wrong.predict_table(), plain.predict_table())


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (sparse.eye_array(7), "no edge between two lines"),
        (ring(6), "one node per line"),
        (-1.0 * ring(7), "negative or not finite"),
        (np.nan * ring(7), "negative or not finite"),
    ],
)
def test_what_is_no_graph(graph, words):
    with pytest.raises(InvalidInputError, match=words):
        ll.MatrixCompletion(**PLAIN).fit(np.random.default_rng(0).random((7, 5)), row_order=graph)


def edges_of(graph, names):
    rows, columns = graph.nonzero()
    return pd.DataFrame({"from": [names[k] for k in rows], "to": [names[k] for k in columns]})


def test_lists_of_edges_are_the_graph_of_a_table(neighbours, placed, one_length, tmp_path):
    _, holes, graph = neighbours
    names = [f"station {k}" for k in range(150)]
    table = pd.DataFrame(holes, index=names, columns=list("abcdefgh"))
    edges = edges_of(graph, names).sample(frac=1, random_state=0)
    edges.to_csv(tmp_path / "edges.csv", index=False)
    given, read = (ll.read_graph(source) for source in (edges, tmp_path / "edges.csv"))
    found = ll.MatrixCompletion(**PLAIN).fit(table, row_order=read)
    np.testing.assert_allclose(found.predict_table(), placed.predict_table(), atol=1e-6)
    # the same graph, and so the same fit
    one, other = (own.in_order(np.array(names), "row").toarray() for own in (given, read))
    np.testing.assert_array_equal(one, other)


def test_edges_are_joined_by_label_and_counted_once():
    given = pd.DataFrame({"a": ["x", "y", "z", "x"], "b": ["y", "x", "x", "x"], "w": [1.0, 3.0, 2.0, 9.0]})
    found = ll.read_graph(given).in_order(np.array(["z", "x", "y"]), "row").toarray()
    np.testing.assert_array_equal(
        found + found.T - np.diag(np.diag(found)), [[0, 2, 0], [2, 9, 3], [0, 3, 0]]
    )


def test_edges_to_elsewhere_are_left_out_and_said():
    graph = ll.read_graph(pd.DataFrame({"a": ["x", "y"], "b": ["y", "nowhere"]}))
    with pytest.warns(UserWarning, match="1 of 2 edges lead to labels that the table does not have"):
        found = graph.in_order(np.array(["x", "y"]), "row")
    assert found.nnz == 1
    with pytest.raises(InvalidInputError, match="no edge between two labels"):
        graph.in_order(np.array([1, 2]), "row")
    with pytest.raises(InvalidInputError, match="the table has none"):
        graph.in_order(None, "row")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"a": ["x"]}, "no list of edges"),
        ({"a": ["x"], "b": ["y"], "c": [1.0], "d": [1.0]}, "no list of edges"),
        ({"a": ["x"], "b": ["y"], "c": ["heavy"]}, "weights that are not"),
        ({"a": ["x"], "b": ["y"], "c": [-1.0]}, "weights that are not"),
        ({"a": ["x"], "b": ["y"], "c": [np.nan]}, "weights that are not"),
    ],
)
def test_lists_that_are_no_edges_are_refused(columns, words):
    with pytest.raises(InvalidInputError, match=words):
        ll.read_graph(pd.DataFrame(columns))


def test_the_command_takes_a_graph(neighbours, plain, one_length, tmp_path, monkeypatch):
    # its seed holds out other cells, which choose another length
    monkeypatch.setattr(order_choice, "GRAPH_LENGTHS", (10.0,))
    truth, holes, graph = neighbours
    names = [f"station {k}" for k in range(150)]
    pd.DataFrame(holes, index=pd.Index(names, name="name"), columns=list("abcdefgh")).to_csv(
        tmp_path / "t.csv"
    )
    edges_of(graph, names).to_csv(tmp_path / "edges.csv", index=False)
    options = ("--no-certify", "--refine", "no", "--output", "filled.csv", "--force")
    done = call("complete", "t.csv", "--row-graph", "edges.csv", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    filled = pd.read_csv(tmp_path / "filled.csv", index_col=0).to_numpy()
    hidden = np.isnan(holes)
    assert np.sqrt(np.mean((filled - truth)[hidden] ** 2)) < 0.8 * error(plain, truth, holes)
    both = call("complete", "t.csv", "--row-graph", "edges.csv", "--row-order", "yes", *options, cwd=tmp_path)
    assert_clean_error(both, "--row-graph takes the place of --row-order")
