"""Networks of other libraries are read as they are; what cannot be one of ours is refused."""

from itertools import pairwise

import numpy as np
import pytest

import lowland.networks as ln
from lowland.core.errors import InvalidInputError

SIZES = (3, 5, 4, 1)


@pytest.fixture
def layers(rng):
    weights = [rng.standard_normal((b, a)) for a, b in pairwise(SIZES)]
    biases = [rng.standard_normal(len(w)) for w in weights[:-1]]
    return weights, [*biases, None]


@pytest.fixture
def expected(layers, rng):
    inputs = rng.standard_normal((6, SIZES[0]))
    return inputs, ln.ReluNetwork(*map(tuple, layers))(inputs)


def state_of(layers):
    state = {}
    for k, (w, b) in enumerate(zip(*layers, strict=True)):
        state[f"net.{2 * k}.weight"] = w
        if b is not None:
            state[f"net.{2 * k}.bias"] = b
    return state


def test_state_dictionaries(layers, expected):
    inputs, outputs = expected
    np.testing.assert_array_equal(ln.ReluNetwork.from_torch(state_of(layers))(inputs), outputs)


@pytest.mark.parametrize("kind", ["keras", "flax", "flax params"])
def test_kernels(layers, expected, kind):
    inputs, outputs = expected
    if kind == "keras":
        given = [a for w, b in zip(*layers, strict=True) for a in ((w.T, b) if b is not None else (w.T,))]
    else:
        named = {
            f"Dense_{k}": {"kernel": w.T, **({} if b is None else {"bias": b})}
            for k, (w, b) in enumerate(zip(*layers, strict=True))
        }
        given = dict(reversed(named.items()))  # shapes say the order
        given = {"params": given} if kind == "flax params" else given
    np.testing.assert_array_equal(ln.ReluNetwork.from_kernels(given)(inputs), outputs)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"conv.weight": np.ones((2, 1, 3, 3))}, "conv.weight, shape"),
        ({"0.weight": np.ones((2, 1)), "1.running_mean": np.ones(2)}, "running_mean"),
        ({"0.bias": np.ones(2)}, "no weights"),
        ({}, "no layers"),
        ({"0.weight": np.ones((2, 1)), "2.weight": np.ones((3, 2))}, "one output"),
        ({"0.weight": np.ones((2, 1)), "2.weight": np.ones((1, 3))}, "wrong shape"),
    ],
)
def test_states_that_are_no_such_network(state, words):
    with pytest.raises(InvalidInputError, match=words):
        ln.ReluNetwork.from_torch(state)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([np.ones(3)], "kernels, each followed by its bias"),
        ([np.ones((1, 2)), np.ones(2), np.ones(2)], "kernels, each followed by its bias"),
        ([np.ones((1, 2)), np.ones((2, 3))], "one output"),
        ({"BatchNorm_0": {"scale": np.ones(2), "bias": np.ones(2)}}, "scale"),
        ({"params": 3}, "layers by name"),
        ({"Conv_0": {"kernel": np.ones((3, 3, 1, 2))}}, "do not form a chain"),
        ({"a": {"kernel": np.ones((1, 2))}, "b": {"kernel": np.ones((3, 1))}}, "do not form a chain"),
        (
            {
                f"layer {k}": {"kernel": np.ones(shape)}
                for k, shape in enumerate(((2, 4), (4, 4), (4, 4), (4, 1)))
            },
            "order of the layers cannot be told",
        ),
    ],
)
def test_kernels_that_are_no_such_network(given, words):
    with pytest.raises(InvalidInputError, match=words):
        ln.ReluNetwork.from_kernels(given)


# ------------------------------------------------------------------ the libraries themselves, if installed
def test_torch(rng):
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Linear(2, 7), torch.nn.ReLU(), torch.nn.Linear(7, 1))
    inputs = rng.standard_normal((5, 2))
    outputs = module(torch.tensor(inputs, dtype=torch.float32)).detach().numpy().ravel()
    for given in (module, module.state_dict()):
        np.testing.assert_allclose(ln.ReluNetwork.from_torch(given)(inputs), outputs, rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_keras(rng):
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.layers.Dense(7, activation="relu"), keras.layers.Dense(1)])
    inputs = rng.standard_normal((5, 2))
    outputs = np.asarray(model(inputs)).ravel()
    np.testing.assert_allclose(
        ln.ReluNetwork.from_kernels(model.get_weights())(inputs), outputs, rtol=1e-5, atol=1e-6
    )


def test_flax(rng):
    flax, jax = pytest.importorskip("flax.linen"), pytest.importorskip("jax")

    class Net(flax.Module):
        @flax.compact
        def __call__(self, x):  # makes the last layer first, and numbers it 0
            return flax.Dense(1)(flax.relu(flax.Dense(7)(x)))

    inputs = rng.standard_normal((5, 2))
    variables = Net().init(jax.random.key(0), inputs)
    outputs = np.asarray(Net().apply(variables, inputs)).ravel()
    np.testing.assert_allclose(ln.ReluNetwork.from_kernels(variables)(inputs), outputs, rtol=1e-5, atol=1e-6)
