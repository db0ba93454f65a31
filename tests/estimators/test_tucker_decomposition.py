"""`TuckerDecomposition`: scikit-learn's checks, new slices, labels."""

import numpy as np
import pytest
import xarray

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.estimators.tensors import tucker_filling
from lowland.tensors.filling import candidates, rank_choice
from lowland.tensors.filling.blending import TableValues

LIGHT = {"n_restarts": 0, "certify": False, "random_state": 0}


@pytest.fixture
def stack(rng):
    factors = tuple(rng.standard_normal((length, rank)) for length, rank in ((12, 3), (6, 2), (5, 2)))
    return ll.TuckerTensor(rng.standard_normal((3, 2, 2)), factors).tensor()


def test_new_slices_with_and_without_holes(stack, rng):
    model = ll.TuckerDecomposition(ranks=(3, 2, 2), certify=False, random_state=0).fit(stack[:9])
    np.testing.assert_allclose(model.transform(stack[:9]), model.factors_[0], atol=1e-9)
    holes = np.where(rng.random(stack[9:].shape) < 0.4, np.nan, stack[9:])
    found = model.inverse_transform(model.transform(holes))
    np.testing.assert_allclose(found, stack[9:], atol=1e-8)
    assert model.score(stack[9:]) == pytest.approx(1)
    assert model.score(rng.standard_normal((4, 6, 5))) < 0.9
    holes[1] = np.nan
    with pytest.raises(InvalidInputError, match="slice 1"):
        model.transform(holes)
    with pytest.raises(InvalidInputError, match="another shape"):
        model.transform(stack[:, :, :4])


def test_rows_are_slices_of_a_shape(stack):
    flat = stack.reshape(12, -1)
    model = ll.TuckerDecomposition(ranks=(3, 2, 2), shape=(6, 5), certify=False, random_state=0).fit(flat)
    whole = ll.TuckerDecomposition(ranks=(3, 2, 2), certify=False, random_state=0).fit(stack)
    np.testing.assert_allclose(model.core_, whole.core_, atol=1e-10)
    assert model.inverse_transform(model.transform(flat)).shape == flat.shape
    with pytest.raises(InvalidInputError, match="30 features"):
        ll.TuckerDecomposition(shape=(7, 5)).fit(flat)


def test_labels_of_xarray_are_kept(stack, rng):
    holes = np.where(rng.random(stack.shape) < 0.2, np.nan, stack)
    coords = {"sample": [f"s{k}" for k in range(12)], "day": np.arange(6)}
    array = xarray.DataArray(holes, dims=("sample", "day", "probe"), coords=coords)
    model = ll.TuckerDecomposition(ranks=(3, 2, 2), random_state=0).fit(array)
    assert model.completed_.dims == array.dims
    assert list(model.completed_["sample"].to_numpy()) == coords["sample"]
    np.testing.assert_allclose(model.completed_.to_numpy(), stack, atol=1e-7)
    found = model.transform(array)
    assert found.dims == ("sample", "component")
    assert list(found["sample"].to_numpy()) == coords["sample"]
    assert np.isnan(array.to_numpy()).any()  # the input is as it was


# ------------------------------------------------------------------ holes
def planted(rng, ranks=(2, 2, 2), noise=0.0, share=0.6, shape=(14, 10, 8)):
    factors = tuple(rng.standard_normal((n, r)) for n, r in zip(shape, ranks, strict=True))
    truth = ll.TuckerTensor(rng.standard_normal(ranks), factors).tensor()
    noisy = truth + noise * truth.std() * rng.standard_normal(shape)
    return truth, np.where(rng.random(shape) < share, noisy, np.nan)


@pytest.fixture
def brief_averages(monkeypatch):
    """Averages of few draws and ranks without tables, where it does not matter how accurate they are."""
    monkeypatch.setattr(rank_choice, "RANKS", (1, 2))
    monkeypatch.setattr(candidates, "COMPARED", (3, 3))
    monkeypatch.setattr(tucker_filling, "SWEEPS", (3, 5))

    def nothing(part, *_, brief):
        return TableValues(*np.full((2, *part.shape), np.nan))

    monkeypatch.setattr(tucker_filling, "table_values", nothing)


def test_exact_data_stay_exact(rng):
    truth, holes = planted(rng)
    model = ll.TuckerDecomposition(ranks=2, random_state=0).fit(holes)
    assert model.completion_ is None
    np.testing.assert_allclose(model.completed_, truth, atol=1e-9)
    assert model.certificate_["globally_optimal"].verdict.name == "PROVED"


@pytest.mark.slow
def test_what_predicts_held_out_cells_better_fills_the_holes(rng):
    """Few noisy cells of slices that no two dimensions span: a decomposition follows the noise."""
    truth, holes = planted(rng, (8, 6, 5), 0.5, 0.35)
    fits = {
        fill: ll.TuckerDecomposition(ranks=(5, 4, 4), fill=fill, certify=False, random_state=0).fit(holes)
        for fill in ("auto", "averages", "decomposition")
    }
    hidden = np.isnan(holes)
    errors = {fill: np.linalg.norm((own.completed_ - truth)[hidden]) for fill, own in fits.items()}
    assert errors["auto"] < 0.8 * errors["decomposition"]
    assert fits["decomposition"].completion_ is None
    np.testing.assert_array_equal(fits["auto"].completed_, fits["averages"].completed_)
    auto = fits["auto"]
    np.testing.assert_array_equal(auto.completed_, auto.completion_.completed())
    # what is decomposed is the filled tensor
    plain = ll.decompose_tucker(auto.completed_, (5, 4, 4), certify=False, rng=0)
    np.testing.assert_array_equal(auto.core_, plain.core)
    parts = ll.TuckerTensor(auto.core_, tuple(auto.factors_)).tensor()
    assert np.linalg.norm((parts - truth)[hidden]) < 0.9 * errors["decomposition"]
    assert auto.transform(holes).shape == (14, 5)


def test_a_tucker_tensor_keeps_its_decomposition(rng, monkeypatch):
    monkeypatch.setattr(rank_choice, "RANKS", (2, 4))
    monkeypatch.setattr(candidates, "COMPARED", (4, 4))
    monkeypatch.setattr(tucker_filling, "SWEEPS", (3, 5))  # these come after the choice
    truth, holes = planted(rng, (3, 3, 2), 0.05, 0.7, (8, 7, 6))
    model = ll.TuckerDecomposition(ranks=(3, 3, 2), **LIGHT).fit(holes)
    assert model.completion_ is None
    assert np.linalg.norm(model.completed_ - truth) < 0.05 * np.linalg.norm(truth)


def test_slices_without_a_cell_are_filled_by_averages(rng, brief_averages):
    _, holes = planted(rng, noise=0.1)
    holes[3] = np.nan
    model = ll.TuckerDecomposition(ranks=2, **LIGHT).fit(holes.astype(np.float32))
    assert model.completion_ is not None
    assert model.completed_.dtype == np.float32
    assert np.isfinite(model.completed_).all()
    with pytest.raises(InvalidInputError, match="no known cell"):
        ll.TuckerDecomposition(ranks=2, fill="decomposition").fit(holes)


def test_few_cells_are_decomposed(rng):
    """There is no cell to hold out: every one is the only one of some slice."""
    holes = np.full((4, 4, 4), np.nan)
    holes[np.arange(4), np.arange(4), np.arange(4)] = rng.standard_normal(4) + 3
    model = ll.TuckerDecomposition(ranks=1, random_state=0).fit(holes)
    assert model.completion_ is None
    with pytest.raises(InvalidInputError):
        ll.TuckerDecomposition(ranks=1, fill="averages", random_state=0).fit(holes)


def test_unknown_fill(stack):
    with pytest.raises(InvalidInputError, match="fill is unknown"):
        ll.TuckerDecomposition(fill="mean").fit(stack)


@pytest.mark.parametrize("fill", [pytest.param("auto", marks=pytest.mark.slow), "averages", "decomposition"])
def test_single_precision_stays(fill, rng, brief_averages):
    _, holes = planted(rng, (4, 4, 3), 0.4, 0.5)
    model = ll.TuckerDecomposition(ranks=2, fill=fill, **LIGHT).fit(holes.astype(np.float32))
    assert {own.dtype for own in (model.core_, *model.factors_, model.completed_)} == {np.dtype(np.float32)}
    assert model.transform(holes.astype(np.float32)).dtype == np.float32
