"""`lowland regions` and `lowland regress`: tables and networks in, verdicts, splines and pages out."""

import csv
import json
import re

import numpy as np
import pytest

import lowland as ll
from commands import assert_clean_error, call
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.networks.reading import read_network


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    points = np.c_[rng.standard_normal((10, 2)), rng.standard_normal(10)]
    lines = ["a,b,y", *(",".join(repr(float(v)) for v in row) for row in points)]
    (tmp_path / "points.csv").write_text("\n".join(lines) + "\n")
    weights = {"weight_0": rng.standard_normal((12, 2)), "bias_0": rng.standard_normal(12)}
    np.savez(tmp_path / "net.npz", **weights, weight_1=rng.standard_normal((1, 12)))
    x = rng.uniform(0, 10, 60)
    rows = [
        f"{a!r},{min(a, 5) + 0.1 * e!r}"
        for a, e in zip(x.tolist(), rng.standard_normal(60).tolist(), strict=True)
    ]
    (tmp_path / "line.csv").write_text("\n".join(["time,height", *rows, "3.5,", ",2.0"]) + "\n")
    X = np.random.default_rng(1).uniform(-1, 1, (120, 3))
    speed = np.abs(X[:, 0]) + 2 * X[:, 2] + 0.05 * np.random.default_rng(2).standard_normal(120)
    table = [",".join(map(repr, row)) for row in np.c_[X, speed].tolist()]
    more = ["0.5,0.1,0.5,", "0.5,,0.5,1.5"]
    (tmp_path / "several.csv").write_text("\n".join(["a,b,c,speed", *table, *more]) + "\n")
    return tmp_path


@pytest.mark.usefixtures("undrawn")
def test_region_of_a_network(folder):
    done = call(
        "regions", "points.csv", "--target", "y", "--network", "net.npz", "--width", "8", "--advise", "0.8",
        "--draws", "50", "--report", "page.html", "--require", "no_bad_minimum_in_region", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "92 activation patterns per neuron, exactly" in done.stdout
    assert "PROVED" in done.stdout
    assert "regions by volume" in done.stdout
    assert "with 95 % confidence" in done.stdout
    page = (folder / "page.html").read_text()
    assert "this region has no differentiable minimum that does not fit the data" in page
    assert "with 95 % confidence" in page
    assert "50 regions of width 8 drawn" in page
    found = json.loads(
        call(
            "regions", "points.csv", "--target", "y", "--width", "3", "--draws", "40", "--json", cwd=folder
        ).stdout
    )
    assert found["patterns_of_a_neuron"] == 92
    assert found["survey"]["full_rank"]["share"] < 0.2


@pytest.mark.usefixtures("undrawn")
def test_the_sharpness_of_a_network_is_said_alike_everywhere(folder):
    asked = ("regions", "points.csv", "--target", "y", "--network", "net.npz", "--sharpness")
    told = call(*asked, "--report", "sharp.html", cwd=folder)
    assert told.returncode == 0, told.stderr
    found = json.loads(call(*asked, "--json", cwd=folder).stdout)
    table = np.genfromtxt(folder / "points.csv", delimiter=",", names=True)
    inputs, net = np.c_[table["a"], table["b"]], read_network(folder / "net.npz")
    own = ll.networks.sharpness(net, (inputs, table["y"]), "squared", rng=0)
    flat = ll.networks.flattest_rescaling(net, inputs)
    here, there = found["sharpness"], found["flattest_rescaling"]
    assert (here["lower"], here["upper"]) == (own.lower, own.upper)
    assert here["largest_step"] == list(own.largest_step())
    assert here["parameters"] == 48
    assert (there["given"], there["lower"], there["upper"]) == (flat.given, flat.lower, flat.upper)
    assert str(own) in told.stdout
    assert str(flat) in told.stdout
    page = (folder / "sharp.html").read_text()
    steps = (*own.largest_step(), *flat.largest_step())
    for number in (*steps, *own.smallest, own.lower, own.upper, flat.given, flat.lower, flat.upper):
        assert f">{number:.6g}</td>" in page
    assert "fails with a chance of 1e-06" in page


@pytest.mark.usefixtures("undrawn")
def test_without_targets_sharpness_is_that_of_the_linearised_network(folder):
    rows = [line.rsplit(",", 1)[0] for line in (folder / "points.csv").read_text().splitlines()]
    (folder / "inputs.csv").write_text("\n".join(rows) + "\n")
    asked = ("regions", "inputs.csv", "--network", "net.npz", "--sharpness")
    found = json.loads(call(*asked, "--json", cwd=folder).stdout)
    assert found["sharpness"] is None
    told = call(*asked, "--report", "flat.html", cwd=folder)
    assert f"{found['flattest_rescaling']['given']:.6g} as given" in told.stdout
    page = (folder / "flat.html").read_text()
    assert f">{found['flattest_rescaling']['given']:.6g}</td>" in page
    assert "the upper end fails" not in told.stdout
    assert "largest curvature of the loss" not in page


def test_a_missed_claim_fails(folder):
    done = call(
        "regions",
        "points.csv",
        "--target",
        "y",
        "--network",
        "net.npz",
        "--require",
        "stationary",
        cwd=folder,
    )
    assert done.returncode == 1
    assert "not judged" in done.stderr


@pytest.mark.usefixtures("undrawn")
def test_a_survey_has_a_page(folder):
    done = call(
        "regions",
        "points.csv",
        "--target",
        "y",
        "--width",
        "4",
        "--draws",
        "30",
        "--report",
        "s.html",
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    parts = (
        r"([\d.]+) % of the regions drawn have a bad minimum inside, ([\d.]+) % a network that fits the data"
    )
    found = re.search(parts + r", and ([\d.]+) % their best loss on the boundary only", done.stdout)
    page = (folder / "s.html").read_text()
    assert found is not None
    assert found[0] in page
    assert "have no bad minimum" not in page
    row = re.search(r"bad minimum inside</t[hd]>\s*<td[^>]*>([\d.]+) %", page)
    assert row is not None
    assert row[1] == found[1]
    assert sum(float(found[k]) for k in (1, 2, 3)) == pytest.approx(100, abs=0.2)
    options = ("--target", "y", "--width", "4", "--draws", "30", "--json")
    as_json = json.loads(call("regions", "points.csv", *options, cwd=folder).stdout)
    assert found[0] in as_json["survey"]["summary"]


@pytest.mark.usefixtures("undrawn")
def test_a_survey_without_targets_says_nothing_of_other_regions(folder):
    options = ("--width", "4", "--draws", "30", "--report", "t.html", "--force")
    done = call("regions", "points.csv", *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    words = "are known to have no bad minimum whatever the targets; of the others this says nothing"
    for text in (done.stdout, (folder / "t.html").read_text()):
        assert words in " ".join(text.split())


def test_names_of_pytorch_are_read(folder):
    rng = np.random.default_rng(1)
    arrays = {"0.weight": rng.standard_normal((3, 2)), "0.bias": np.zeros(3), "2.weight": np.ones((1, 3))}
    np.savez(folder / "torch.npz", **arrays)
    assert read_network(folder / "torch.npz").widths == (3,)
    np.savez(folder / "odd.npz", lhs=np.ones(3))
    with pytest.raises(FileFormatError, match="lhs"):
        read_network(folder / "odd.npz")
    np.savez(folder / "none.npz", bias_0=np.ones(3))
    np.savez(folder / "two.npz", **{"enc.0.weight": np.ones((3, 2)), "dec.0.weight": np.ones((1, 3))})
    np.savez(folder / "gap.npz", weight_0=np.ones((3, 2)), weight_1=np.ones((3, 3)), weight_3=np.ones((1, 3)))
    with pytest.raises(FileFormatError, match="lacks a layer"):
        read_network(folder / "gap.npz")
    with pytest.raises(FileFormatError, match="several networks"):
        read_network(folder / "two.npz")
    with pytest.raises(InvalidInputError, match="without weights"):
        read_network(folder / "none.npz")


@pytest.mark.usefixtures("undrawn")
def test_regression(folder):
    done = call(
        "regress", "line.csv", "--x", "time", "--y", "height", "--output", "out.csv",
        "--report", "page.html", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 row without a value of time was left out" in done.stderr
    assert "1 row without a value of height was predicted, not fitted" in done.stderr
    assert "time scaled to -1 to 1 and height to variance one" in done.stdout
    assert "min left" not in done.stderr
    assert "height by time: 60 rows" in done.stdout
    rows = list(csv.DictReader((folder / "out.csv").read_text().splitlines()))
    assert len(rows) == 62
    assert float(rows[60]["prediction"]) == pytest.approx(3.5, abs=0.3)
    inside = [float(r["lower"]) <= float(r["height"]) <= float(r["upper"]) for r in rows[:60]]
    assert np.mean(inside) > 0.8
    page = (folder / "page.html").read_text()
    assert "Minima by number of knots" in page
    assert "Weight of a change of slope" in page
    again = call("regress", "line.csv", "--x", "time", "--y", "height", "--json", cwd=folder)
    found = json.loads(again.stdout)
    assert (found["rows_left_out"], found["rows_only_predicted"]) == (1, 1)
    assert found["rows"] == 60
    assert len(found["slopes"]) == len(found["knots"]) + 1
    assert rows[61]["time"] == ""
    (folder / "semi.csv").write_text((folder / "line.csv").read_text().replace(",", ";"))
    # of two columns the first predicts the second
    semi = call("regress", "semi.csv", "--delimiter", ";", "--json", cwd=folder)
    assert json.loads(semi.stdout)["knots"] == found["knots"]
    assert found["certificate"]["findings"][0]["claim"] == "stable_at_step_size"
    assert found["certificate_about"] in done.stdout
    assert found["certificate_about"] in page
    assert "not about the function that predicts" in found["certificate_about"]
    assert f"each, with {len(found['knots'])} knots." in found["certificate_about"]
    options = ("--no-average", "--report", "minimum.html", "--json")
    one = json.loads(call("regress", "line.csv", "--x", "time", "--y", "height", *options, cwd=folder).stdout)
    assert one["certificate_about"].startswith("The finding is about the function that predicts: the minimum")
    assert one["certificate_about"] in (folder / "minimum.html").read_text()
    assert len(one["knots"]) == one["n_knots"]


def test_regression_in_several_columns(folder):
    done = call(
        "regress", "several.csv", "--y", "speed", "--output", "sum.csv", "--report", "sum.html", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert "1 row without a value of every --x was left out" in done.stderr
    assert "1 row without a value of speed was predicted, not fitted" in done.stderr
    assert "speed by 3 columns: 120 rows" in done.stdout
    assert "2 columns matter, with 1 knot in all" in done.stdout
    rows = list(csv.DictReader((folder / "sum.csv").read_text().splitlines()))
    assert float(rows[120]["prediction"]) == pytest.approx(0.5 + 2 * 0.5, abs=0.1)
    assert rows[121]["prediction"] == ""
    assert np.mean([float(r["lower"]) <= float(r["speed"]) <= float(r["upper"]) for r in rows[:120]]) > 0.8
    assert "speed by 3 inputs" in (folder / "sum.html").read_text()
    some = call("regress", "several.csv", "--x", "a", "--x", "c", "--y", "speed", "--json", cwd=folder)
    found = json.loads(some.stdout)
    assert [own["name"] for own in found["inputs"]] == ["a", "c"]
    assert [own["used"] for own in found["inputs"]] == [True, True]
    assert len(found["inputs"][0]["knots"]) == 1
    assert found["rows_only_predicted"] == 1


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("no column 'nope'", ["regress", "line.csv", "--x", "time", "--y", "nope"]),
        ("level", ["regress", "line.csv", "--x", "time", "--y", "height", "--level", "2"]),
        ("step-size", ["regress", "line.csv", "--x", "time", "--y", "height", "--step-size", "big"]),
        ("nothing to report", ["regions", "points.csv", "--report", "p.html"]),
        ("no column 'z'", ["regions", "points.csv", "--target", "z"]),
        ("column 'height', data line 61", ["regions", "line.csv"]),
        ("--y is missing", ["regress", "points.csv", "--x", "a"]),
        ("--y is missing", ["regress", "points.csv"]),
        ("no column 'nope'", ["regress", "points.csv", "--y", "nope"]),
        ("named twice", ["regress", "line.csv", "--x", "time", "--y", "time"]),
        (
            "is for one column",
            ["regress", "several.csv", "--y", "speed", "--step-size", "0.1"],
        ),
        ("do not match", ["regions", "points.csv", "--network", "net.npz"]),
        ("--require needs --network", ["regions", "points.csv", "--require", "stationary"]),
        ("must hold numbers", ["regions", "text.csv"]),
        ("--draws has no effect", ["regions", "points.csv", "--draws", "9"]),
        ("--trained has no effect", ["regions", "points.csv", "--width", "2", "--trained", "all"]),
        ("--sharpness has no effect", ["regions", "points.csv", "--target", "y", "--sharpness"]),
        ("cannot read", ["regions", "absent.csv"]),
        ("real numbers", ["regions", "text.npy"]),
        ("real numbers", ["regions", "number.npy"]),
        ("rng", ["regions", "points.csv", "--advise", "0.8", "--seed", "-1"]),
        ("infinite values", ["regress", "infinite.csv", "--x", "a", "--y", "b"]),
        (
            "unknown file extension",
            [
                "regress",
                "line.csv",
                "--x",
                "time",
                "--y",
                "height",
                "--output",
                "o.html",
            ],
        ),
        ("too few rows", ["regress", "short.csv", "--x", "a", "--y", "b"]),
    ],
)
def test_bad_input(folder, words, arguments):
    (folder / "text.csv").write_text("a,b\n1,x\n2,3\n")
    (folder / "infinite.csv").write_text("a,b\n1,2\n2,3\n3,inf\n4,5\n")
    (folder / "short.csv").write_text("a,b\n1,\n,3\n3,1\n")
    np.save(folder / "text.npy", np.array(["a", "b"]))
    np.save(folder / "number.npy", np.array(3.0))
    done = call(*arguments, cwd=folder)
    assert_clean_error(done, words)
