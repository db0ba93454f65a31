"""Columns of levels, fitted as numbers: there and back, probabilities, and what is asked of such tables."""

from copy import deepcopy

import numpy as np
import pandas as pd
import polars as pl
import pytest

import lowland as ll
from lowland.completion import layered_fit
from lowland.completion.encoded.level_maps import INTERCEPTS, SHARED_SLOPE, SLOPES, LevelMap, fit_map
from lowland.completion.encoded.level_model import LevelLayer
from lowland.completion.encoded.levels import LevelKind, Levels
from lowland.core.errors import FileFormatError, InterruptedWarning, InvalidInputError, UnsupportedError
from lowland.files.bundle import save_bundle
from saved_models import contents

pytestmark = pytest.mark.usefixtures("light_fits_throughout")
# few sweeps, where it is not their number that is tested
LIGHT = {"random_state": 0, "certify": False, "max_iter": 25}
KINDS = {1: LevelKind(3, ordered=False), 2: LevelKind(4, ordered=True), 4: LevelKind(2, ordered=False)}
SPECIES, HEALTH = ("adelie", "chinstrap", "gentoo"), ("bad", "fair", "good", "best")


def coded(rng, m=60, share=0.8):
    """A table of numbers and positions of levels with holes."""
    full = rng.standard_normal((m, 5))
    for j, kind in KINDS.items():
        full[:, j] = rng.integers(kind.count, size=m)
    full[rng.random(full.shape) > share] = np.nan
    return ll.Observations.from_array(full)


def planted(rng, m=300):
    """A frame whose levels follow from two hidden numbers, the probabilities of its species, and its gaps."""
    hidden = rng.standard_normal((m, 2))
    odds = np.exp(hidden @ (2 * np.array([[1.0, -1.0, 0.0], [0.0, 0.5, -1.0]])))
    odds /= odds.sum(axis=1, keepdims=True)
    species = (rng.random(m)[:, None] > np.cumsum(odds, axis=1)[:, :2]).sum(axis=1)
    health = np.digitize(hidden[:, 0] + 0.5 * rng.standard_normal(m), [-1.0, 0.0, 1.0])
    numbers = hidden @ rng.standard_normal((2, 4)) + 0.3 * rng.standard_normal((m, 4))
    frame = pd.DataFrame(numbers, columns=list("abcd"))
    frame["species"] = np.array(SPECIES, object)[species]
    frame["health"] = pd.Categorical.from_codes(health, HEALTH, ordered=True)
    frame["old"] = pd.array(hidden[:, 1] > 0.3, dtype="boolean")
    gaps = rng.random(frame.shape) < 0.2
    holes = frame.copy()
    for k, name in enumerate(frame):
        holes.loc[gaps[:, k], name] = None
    return frame, holes, gaps, odds


@pytest.fixture(scope="module")
def fitted():
    frame, holes, gaps, odds = planted(np.random.default_rng(0), 200)
    return ll.MatrixCompletion(**LIGHT).fit(holes), frame, holes, gaps, odds


def test_levels_become_numbers(rng):
    table = coded(rng)
    known = Levels.of(table, KINDS)
    assert known.groups.tolist() == [0, 1, 1, 1, 2, 3, 4, 4]
    assert known.starts.tolist() == [0, 1, 4, 5, 6]
    numbers = known.encode(table)
    seen = numbers.to_array()
    np.testing.assert_array_equal(np.isnan(seen), np.isnan(table.to_array())[:, known.groups])
    np.testing.assert_allclose(np.nansum(seen[:, 1:4], axis=1), (~np.isnan(seen[:, 1])).astype(float))
    assert (np.diff(known.scores(2)) > 0).all()


def test_maps_are_the_most_probable_ones(rng):
    """Near the truth with many cells, the frequencies with none, finite where a level was never seen."""
    numbers = rng.standard_normal((6000, 2))
    slopes, intercepts = np.array([[1.0, 0.0], [-0.5, 1.5], [0.0, -1.0]]), np.array([0.5, 0.0, -0.5])
    shares = np.exp(numbers @ slopes.T + intercepts)
    shares /= shares.sum(axis=1, keepdims=True)
    levels = (rng.random(6000)[:, None] > np.cumsum(shares, axis=1)[:, :2]).sum(axis=1)
    own = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    found = fit_map(numbers, levels, np.bincount(levels) / levels.size, own)
    np.testing.assert_allclose(found.probabilities(numbers), shares, atol=0.06)
    usual = np.array([0.2, 0.5, 0.3])
    none = fit_map(numbers[:0], levels[:0], usual, own)
    np.testing.assert_allclose(none.probabilities(numbers[:5]), np.tile(usual, (5, 1)), atol=1e-6)
    np.testing.assert_allclose(LevelMap.of_frequencies(usual, 2).probabilities(numbers[:1])[0], usual)
    rare = fit_map(numbers[levels < 2], levels[levels < 2], np.array([0.5, 0.499, 0.001]), own)
    assert (rare.probabilities(numbers) > 0).all()
    # no nearby map is more probable: the slope of the log density is zero
    step = 1e-4

    def density(map_):
        logs = np.log(map_.probabilities(numbers)[np.arange(6000), levels]).sum()
        away = map_.intercepts - np.log(np.bincount(levels) / levels.size)
        shared = np.sum(map_.slopes * own) / (np.sum(own**2) + SLOPES / SHARED_SLOPE)
        more = np.sum((map_.slopes - shared * own) ** 2) / SLOPES + shared**2 / SHARED_SLOPE
        return logs - 0.5 * (more + away @ away / INTERCEPTS)

    for k in range(3):
        shift = np.zeros((3, 2))
        shift[k, 1] = step
        up, down = (LevelMap(found.slopes + sign * shift, found.intercepts) for sign in (1, -1))
        assert abs(density(up) - density(down)) / (2 * step) < 2.0


def test_levels_are_predicted_nearly_as_well_as_they_can_be(fitted):
    model, frame, holes, gaps, odds = fitted
    assert isinstance(model._completed.model, LevelLayer)
    assert model.levels_ == {"species": SPECIES, "health": HEALTH, "old": (False, True)}
    at = np.flatnonzero(gaps[:, 4])
    true = np.array([SPECIES.index(word) for word in frame["species"]])[at]
    stated = model.level_probabilities(at, "species")
    score, best, usual = (
        float(np.mean(np.log(shares[np.arange(at.size), true])))
        for shares in (stated, odds[at], np.tile(np.bincount(true) / true.size, (at.size, 1)))
    )
    assert score > usual + 0.6 * (best - usual)
    out = model.fill(holes)
    assert not out.isna().any().any()
    assert out["health"].dtype == frame["health"].dtype
    hits = [np.mean((out[name] == frame[name])[gaps[:, k]]) for k, name in ((4, "species"), (6, "old"))]
    assert min(hits) > 0.65
    for name in frame:  # what is known stays
        known = holes[name].notna()
        assert (out[name][known] == holes[name][known]).all()


@pytest.mark.parametrize("tables", [4, pytest.param(6, marks=pytest.mark.slow)])
def test_probabilities_are_calibrated(tables):
    """Of the levels stated with a probability, about that share is true."""
    stated, true = [], []
    for seed in range(tables):
        frame, holes, gaps, _ = planted(np.random.default_rng(50 + seed))
        model = ll.MatrixCompletion(**LIGHT, refine=False).fit(holes)
        at = np.flatnonzero(gaps[:, 4])
        stated.append(model.level_probabilities(at, "species"))
        true.append(np.array([SPECIES.index(word) for word in frame["species"]])[at])
    shares, truth = np.concatenate(stated), np.concatenate(true)
    hit = np.arange(3) == truth[:, None]
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
        some = (shares >= low) & (shares < high)
        assert abs(shares[some].mean() - hit[some].mean()) < 0.12


@pytest.mark.parametrize("data", [True, False])
def test_files_keep_it_all(data, fitted, tmp_path):
    model, _, holes, gaps, _ = fitted
    model.save(tmp_path / "model.npz", data=data)
    again = ll.MatrixCompletion.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(again.predict_table(), model.predict_table())
    at = np.flatnonzero(gaps[:, 5])
    np.testing.assert_array_equal(
        again.level_probabilities(at, "health"), model.level_probabilities(at, "health")
    )
    new = holes.iloc[:9].copy()
    new["a"] = 0.1
    assert again.fill(new).equals(model.fill(new))
    if data:
        with pytest.raises(UnsupportedError, match="the fitted data frame is needed"):
            again.completions(2)
        drawn = zip(
            again.completions(2, holes, random_state=1), model.completions(2, random_state=1), strict=True
        )
        assert all(one.equals(other) for one, other in drawn)
        assert again.top is not None
        again.update([0], ["a"], [0.5])
    else:
        # rows that are passed need no data, those of the fit no folding in
        same, drawn = (one.completions(1, holes, random_state=1)[0] for one in (again, model))
        assert same.equals(drawn)


@pytest.fixture(scope="module")
def saved(fitted, tmp_path_factory):
    """What a file of the fit holds."""
    return contents(fitted[0], tmp_path_factory.mktemp("levels"))


@pytest.mark.parametrize(
    "change",
    [
        lambda plain, arrays: plain.update(width=3),
        lambda plain, arrays: plain["levels"].pop(),
        lambda plain, arrays: plain["levels"][0].__setitem__(1, 1),
        lambda plain, arrays: arrays.update(level_frequencies=arrays["level_frequencies"] * 2),
        lambda plain, arrays: arrays.update(level_slopes=arrays["level_slopes"][:-1]),
        lambda plain, arrays: plain.update(base={"kind": "penalised"}),
    ],
)
def test_damaged_files_are_refused(change, saved, tmp_path):
    header, arrays = deepcopy(saved)
    change(header["model"], arrays)
    save_bundle(tmp_path / "bad.npz", "model", header, arrays)
    with pytest.raises(FileFormatError, match=r"bad.npz is a damaged model"):
        ll.MatrixCompletion.load(tmp_path / "bad.npz")


def test_what_is_asked_of_a_table_with_levels(fitted):
    model, frame, _, gaps, _ = fitted
    rows, columns = np.nonzero(gaps)
    names = np.array(frame.columns)[columns]
    drawn = model.sample(rows, names, 300, random_state=0)
    for j, kind in ((4, 3), (5, 4), (6, 2)):
        own = columns == j
        assert set(np.unique(drawn[:, own])) <= set(range(kind))
        np.testing.assert_allclose(
            drawn[:, own].mean(axis=0), model.predict_cells(rows, names)[own], atol=0.35
        )
    numbers = columns < 4
    low, high = model.predict_interval(rows[numbers], names[numbers], 0.9)
    truth = frame.iloc[:, :4].to_numpy()[rows[numbers], columns[numbers]]
    assert 0.8 < np.mean((low <= truth) & (truth <= high)) < 0.98
    low, high = model.predict_interval(rows[numbers], names[numbers], 0.9, method="conformal")
    assert 0.8 < np.mean((low <= truth) & (truth <= high)) < 0.98
    with pytest.raises(UnsupportedError, match="columns of levels have no intervals"):
        model.predict_interval([0], ["species"])
    with pytest.raises(UnsupportedError, match="only columns of levels"):
        model.level_probabilities([0], "a")


@pytest.mark.parametrize("refine", [False, pytest.param("auto", marks=pytest.mark.slow)])
def test_certificates_and_reports_of_a_table_with_levels(refine, fitted, undrawn, tmp_path):
    judged = ll.MatrixCompletion(**LIGHT | {"certify": "companion"}, refine=refine).fit(fitted[2].iloc[:40])
    assert judged.certificate_ is not None
    judged.report(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "one column per level" in text
    assert "Errors by column" in text
    assert any(f">{word}<" in text for word in (*SPECIES, *HEALTH))  # filled cells by their names
    with pytest.raises(UnsupportedError, match="are about the table in numbers"):
        judged.save_certificate(tmp_path / "proof.json")


def test_weights_covariates_polars_and_unknown_levels(fitted, quick_starts):
    holes = fitted[2].iloc[:50]
    weighted = ll.MatrixCompletion(**LIGHT, refine=False).fit(
        holes, sample_weight=np.linspace(0.5, 2, len(holes))
    )
    assert not weighted.fill(holes).isna().any().any()
    about = ll.MatrixCompletion(**LIGHT, refine=False).fit(
        holes, row_covariates=np.linspace(-1, 1, len(holes))[:, None], column_covariates=np.ones((7, 1))
    )
    assert about.predict_table().shape == holes.shape
    named = holes.set_axis([f"p{k}" for k in range(len(holes))])
    model = ll.MatrixCompletion(**LIGHT, refine=False).fit(named)
    averages = model.predict_cells(["nobody"] * 3, ["a", "health", "species"], unknown="average")
    assert np.isfinite(averages).all()
    assert 0 <= averages[1] <= 3
    plain = pl.DataFrame({"x": np.arange(40.0), "colour": ["red", "green", "blue", None] * 10})
    model = ll.MatrixCompletion(**LIGHT, refine=False).fit(plain)
    assert model.levels_["colour"] == ("blue", "green", "red")
    assert model.fill(plain)["colour"].null_count() == 0
    with pytest.raises(InvalidInputError, match="a level that the fit does not know"):
        model.fill(pl.DataFrame({"x": [1.0], "colour": ["pink"]}))


def test_method_map_leaves_words_out(fitted):
    holes = fitted[2]
    with pytest.warns(UserWarning, match="take no part in the fit: 'species'"):
        model = ll.MatrixCompletion(method="map", rank=1, penalty=2.0, random_state=0, certify=False).fit(
            holes
        )
    assert model.untouched_ == ("species",)


@pytest.mark.parametrize("names", [list("abw"), [7, 8, 9]])
def test_ordered_levels_are_known_whatever_columns_are_called(names, rng):
    frame = pd.DataFrame(rng.standard_normal((60, 2)))
    frame["w"] = pd.Categorical.from_codes(np.arange(60) % 3, ["low", "mid", "high"], ordered=True)
    model = ll.MatrixCompletion(**LIGHT).fit(frame.set_axis(names, axis=1))
    kind = model._completed.model.levels.kinds[2]
    assert (kind.count, kind.ordered) == (3, True)


def test_an_interrupt_leaves_levels_their_frequencies(fitted, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    holes = fitted[2]
    monkeypatch.setattr(layered_fit, "_learn_maps", interrupted)
    with pytest.warns(InterruptedWarning, match="learning from levels was interrupted"):
        model = ll.MatrixCompletion(**LIGHT, refine=False).fit(holes)
    shares = model.level_probabilities([0, 1], "species")
    np.testing.assert_allclose(shares[0], shares[1])
    assert np.isfinite(model.transform(holes)).all()


def small_frame(rng, m=60):
    frame = pd.DataFrame(rng.standard_normal((m, 3)), columns=list("abc"))
    frame["w"] = np.where(frame["a"] > 0.5, "red", np.where(frame["a"] < -0.5, "blue", "green"))
    frame.loc[::7, "w"] = None
    return frame


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_columns_without_a_cell_stay_empty(quick_starts, rng, tmp_path):
    frame = small_frame(rng)
    frame["empty"] = pd.array([pd.NA] * 60, dtype="boolean")
    frame["void"] = np.nan
    with pytest.warns(UserWarning, match="'empty' .no known cell., 'void' .no known cell"):
        model = ll.MatrixCompletion(**LIGHT | {"max_iter": 4}).fit(frame)
    assert np.isfinite(model.transform(frame)).all()
    assert model.fill(frame)[["empty", "void"]].isna().all(axis=None)
    model.save(tmp_path / "m.npz")
    assert ll.MatrixCompletion.load(tmp_path / "m.npz").fill(frame).equals(model.fill(frame))


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([None] * 60, dtype=pl.Categorical),
        pl.Series([None] * 60, dtype=pl.Null),
        pl.Series([None] * 60, dtype=pl.Date),
        pl.Series([None] * 60, dtype=pl.String),
    ],
    ids=lambda column: str(column.dtype),
)
def test_columns_of_nothing_take_no_part(column, rng):
    frame = pl.DataFrame({"a": rng.standard_normal(60), "b": rng.standard_normal(60), "n": column})
    with pytest.warns(UserWarning, match="take no part in the fit: 'n'"):
        model = ll.MatrixCompletion(**LIGHT).fit(frame)
    assert model.untouched_ == ("n",)
    assert model.fill(frame)["n"].null_count() == 60


def test_categories_of_another_frame_take_all_levels(rng):
    frame = small_frame(rng)
    frame["w"] = pd.Categorical(frame["w"])
    model = ll.MatrixCompletion(**LIGHT, refine=False).fit(frame)
    other = frame[frame["w"] != "blue"].copy()
    other["w"] = other["w"].cat.remove_unused_categories()
    other.loc[other.index[:30], "w"] = None
    other["a"] = -2.0
    filled = model.fill(other)["w"]
    assert filled.notna().all()
    assert "blue" in set(filled)
    assert isinstance(filled.dtype, pd.CategoricalDtype)
    never = frame.assign(n=pd.Categorical([None] * 60, categories=["p", "q"], ordered=True))
    with pytest.warns(UserWarning, match="'n' .no known cell"):
        assert ll.MatrixCompletion(**LIGHT, refine=False).fit(never).fill(never)["n"].isna().all()


def test_frames_of_words_alone_and_of_intervals(quick_starts, rng):
    words = pd.DataFrame({name: rng.choice(["x", "y", "z"], 60) for name in "uvw"})
    words.loc[::9, "u"] = None
    for frame in (words, words.set_axis([0, 1, 2], axis=1), words.astype("category")):
        model = ll.MatrixCompletion(**LIGHT, refine=False).fit(frame)
        assert not model.fill(frame).isna().any().any()
        assert model.fill(frame).dtypes.equals(frame.dtypes)
    with pytest.raises(InvalidInputError, match="no column of the data frame holds numbers or levels"):
        ll.MatrixCompletion(method="map", certify=False).fit(words)
    frame = small_frame(rng)
    frame["bin"] = pd.cut(frame["b"], 3)
    with pytest.warns(UserWarning, match="'bin'"):
        model = ll.MatrixCompletion(**LIGHT).fit(frame)
    assert model.untouched_ == ("bin",)
    assert model.fill(frame)["bin"].equals(frame["bin"])
