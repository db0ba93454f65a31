"""`lowland cp`: components of tensors in files, their report, and whether they are unique."""

import json

import numpy as np
import pytest

import lowland as ll
from commands import call


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(3)
    truth = [rng.random((length, 2)) for length in (9, 8, 7)]
    cube = np.einsum("ir,jr,kr->ijk", *truth) + 0.01 * rng.standard_normal((9, 8, 7))
    np.save(tmp_path / "cube.npy", np.where(rng.random(cube.shape) < 0.8, cube, np.nan))
    np.savez(tmp_path / "truth.npz", *truth)
    return tmp_path


@pytest.mark.usefixtures("undrawn")
def test_components_their_page_and_their_proof(folder):
    done = call(
        "cp", "cube.npy", "--rank", "2", "--nonnegative", "all", "--output", "parts.npz",
        "--report", "page.html", "--certificate", "proof.json", "--require", "unique_decomposition",
        cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "core consistency" in done.stdout
    assert "unique decomposition" in done.stdout
    parts, truth = np.load(folder / "parts.npz"), np.load(folder / "truth.npz")
    cube = np.load(folder / "cube.npy")
    fit = ll.decompose_cp(cube, 2, nonnegative=True, rng=0)
    np.testing.assert_array_equal(parts["factor_1"], fit.factors[1])
    np.testing.assert_array_equal(parts["tensor"][~np.isnan(cube)], cube[~np.isnan(cube)])
    assert fit.congruence([truth[f"arr_{n}"] for n in range(3)]).min() > 0.99
    page = (folder / "page.html").read_text()
    assert "No other components of this number add up to the fitted tensor" in page
    assert page.count("Factor: mode") >= 3
    assert ll.verify(folder / "proof.json", cube).is_confirmed
    told = call("cp", "cube.npy", "--rank", "1", "--starts", "0", "--json", cwd=folder)
    data = json.loads(told.stdout)
    assert data["rank"] == 1
    assert {finding["claim"] for finding in data["certificate"]["findings"]} >= {"unique_decomposition"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--rank", "0"), "rank"),
        (("--rank", "2", "--nonnegative", "mode 7"), "--nonnegative names no mode"),
        (("--rank", "2", "--smooth", "mode 7"), "--smooth names no mode"),
        (("--rank", "2", "--smooth", "1=few"), "gives no number of splines"),
        (("--rank", "2", "--known", "1"), "--known names no file"),
        (("--rank", "2", "--known", "1=cube.npy"), "cube.npy"),
        (("--rank", "2", "--known", "1=absent.csv"), "absent.csv"),
        (("--rank", "2", "--output", "parts.csv"), "--output must be a new .npz file"),
        (("--rank", "2", "--require", "nothing"), "--require"),
        (("--rank", "2", "--output", "one.npz", "--report", "one.npz"), "written to the same file"),
        (("--rank", "2", "--report", "one.html", "--certificate", "./one.html"), "written to the same file"),
        ((), "--rank"),
    ],
)
def test_refusals(options, words, folder):
    done = call("cp", "cube.npy", *options, cwd=folder)
    assert done.returncode == 2
    assert words in done.stderr


def test_components_that_are_not_unique_are_said(folder):
    rng = np.random.default_rng(0)
    factors = [rng.integers(1, 9, (length, 2)).astype(float) for length in (4, 3, 5)]
    factors[1] = np.ones((3, 2))  # a matrix of rank two in every slice
    np.save(folder / "mixed.npy", np.einsum("ir,jr,kr->ijk", *factors))
    done = call("cp", "mixed.npy", "--rank", "2", "--require", "unique_decomposition", cwd=folder)
    assert done.returncode not in (0, 2)


@pytest.mark.usefixtures("undrawn")
def test_smooth_modes_and_spectra_that_are_known(tmp_path):
    """A long table with coordinates; a spectrum whose lines are in another order, one of them unknown."""
    rng = np.random.default_rng(4)
    nm, spectra = np.arange(300, 420, 10), rng.uniform(0.5, 2, (12, 2)).cumsum(axis=0)
    others = rng.uniform(0.2, 1, (6, 2)), rng.uniform(0.2, 1, (5, 2))
    cube = np.einsum("ir,jr,kr->ijk", others[0], spectra, others[1])
    lines = [f"s{i},{nm[j]},{k},{cube[i, j, k]}" for i, j, k in np.ndindex(cube.shape)]
    (tmp_path / "cube.csv").write_text("\n".join(["sample,emission,time,signal", *lines]))
    pure = [f"{own},{value}" for own, value in zip(nm, spectra[:, 0], strict=True) if own != 350]
    (tmp_path / "pure.csv").write_text("\n".join(["emission,first", *pure[::-1]]))
    done = call(
        "cp", "cube.csv", "--value", "signal", "--rank", "2",
        "--known", "emission=pure.csv", "--smooth", "time=4,0=5", "--starts", "0", "--max-iter", "100",
        "--output", "parts.npz", "--report", "page.html", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "parts.npz")["factor_1"][:, 0]
    np.testing.assert_array_equal(found[nm != 350], spectra[nm != 350, 0])
    assert found[nm == 350] == pytest.approx(spectra[nm == 350, 0], rel=0.05)
    page = (tmp_path / "page.html").read_text()
    assert "smooth modes" in page
    assert "known entries of modes" in page
    (tmp_path / "strange.csv").write_text("emission,first\n300,1\n305,2\n")
    refused = call(
        "cp", "cube.csv", "--value", "signal", "--rank", "2", "--known", "emission=strange.csv", cwd=tmp_path
    )
    assert refused.returncode == 2
    assert "lines of slices that emission does not have" in refused.stderr


def test_files_of_known_entries_as_people_have_them(tmp_path):
    """One column, dates as labels; and labels that are missing or repeated, which are no spectrum."""
    rng = np.random.default_rng(4)
    factors = [rng.uniform(0.2, 1, (n, 2)) for n in (7, 4, 4)]
    days = np.datetime64("2020-01-01") + np.arange(7)
    cube = np.einsum("ir,jr,kr->ijk", *factors)
    lines = [f"{days[i]},s{j},{k},{cube[i, j, k]}" for i, j, k in np.ndindex(cube.shape)]
    (tmp_path / "cube.csv").write_text("\n".join(["day,sample,time,signal", *lines]))
    pure = factors[0][:, 0]
    (tmp_path / "one.csv").write_text("\n".join(["first", *map(str, pure)]))
    np.savetxt(tmp_path / "bare.csv", pure)
    (tmp_path / "dates.csv").write_text(
        "\n".join(["day,first", *map("{},{}".format, days[::-1], pure[::-1])])
    )
    for name in ("one.csv", "bare.csv", "dates.csv"):
        done = call(
            "cp", "cube.csv", "--value", "signal", "--rank", "2", "--known", f"day={name}",
            "--starts", "0", "--max-iter", "20", "--output", "parts.npz", "--force", cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        np.testing.assert_array_equal(np.load(tmp_path / "parts.npz")["factor_0"][:, 0], pure)
    for wrong, words in (
        (days[[0, *range(6)]], "two lines of a slice"),
        ([*days[:6], ""], "does not have"),
    ):
        (tmp_path / "wrong.csv").write_text("\n".join(["day,first", *map("{},{}".format, wrong, pure)]))
        done = call(
            "cp", "cube.csv", "--value", "signal", "--rank", "2", "--known", "day=wrong.csv", cwd=tmp_path
        )
        assert done.returncode == 2
        assert words in done.stderr
    (tmp_path / "text.csv").write_text("\n".join(["name,first", *map("a{},{}".format, days, pure)]))
    done = call("cp", "cube.csv", "--value", "signal", "--rank", "2", "--known", "day=text.csv", cwd=tmp_path)
    assert "does not hold numbers" in done.stderr
    done = call("cp", "cube.csv", "--value", "signal", "--rank", "2", "--smooth", "day=6,0=7", cwd=tmp_path)
    assert "names a mode twice" in done.stderr
