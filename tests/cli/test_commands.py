"""The command line through the real process."""

import inspect
import json
import os
import stat
import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest

import lowland as ll
from commands import assert_clean_error, call, call_process, without
from lowland.cli.app import COMMANDS, load
from lowland.cli.commands import tomography, warm_up
from lowland.completion.plan import CompletionPlan
from lowland.datasets import data_path, planted_sensing

MAP = ("--rank", 2, "--penalty", 1)
# a fit without forests, choices before it, and proofs, where what it finds is beside the point
PLAIN = ("--max-iter", 5, "--refine", "no", "--powers", "no", "--no-certify")


@pytest.fixture(scope="module")
def long_table(tmp_path_factory):
    """Triples of a low-rank table, with text labels."""
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((20, 2)) @ rng.standard_normal((2, 16)) + 3
    cells = rng.choice(320, 220, replace=False)
    path = tmp_path_factory.mktemp("data") / "ratings.csv"
    lines = [f"user{c // 16},film {c % 16},{truth[c // 16, c % 16]:.4f}" for c in cells]
    path.write_text("user,film,rating\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.slow
def test_the_demo_with_its_own_fits(tmp_path):
    check_demo(tmp_path)


@pytest.mark.usefixtures("undrawn")
def test_demo(tmp_path, monkeypatch):
    """The same command with plain fits: forests, and choices before a fit, have tests of their own."""

    def plan(**settings):
        assert settings == {}, "the demo shows what needs no settings"
        plain = {"refine": False, "powers": False, "row_order": False, "column_order": False}
        return CompletionPlan(rank=12, max_iter=12, **plain)

    monkeypatch.setattr("lowland.cli.commands.demo.CompletionPlan", plan)
    # nor is it searched for a start
    monkeypatch.setattr("lowland.completion.bayesian.sweeps.grow", lambda *_: None)
    check_demo(tmp_path)


def check_demo(tmp_path):
    result = call("demo", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "missing cells differ from all known ones that could be held out" in result.stdout
    of_hidden = result.stdout.split("before looking at them:\n")[1].splitlines()[0]
    assert "of 665 missing cells lie within" in of_hidden
    assert ("In truth" in of_hidden) == ("Proved" in of_hidden)
    assert "runs of ten years" in result.stdout
    assert "lowland learns from countries like this one" in result.stdout
    assert "ten years were hidden and filled" in (tmp_path / "demo-report.html").read_text()
    for name in ("report.html", "model.npz", "completed.csv"):
        assert (tmp_path / f"demo-{name}").stat().st_size > 1000
    lines = (tmp_path / "demo-completed.csv").read_text().splitlines()
    assert len(lines) == 211
    assert all(cell for line in lines for cell in line.rsplit(",", 52)[1:])


@pytest.mark.usefixtures("undrawn")
def test_complete_predict_certify_long(long_table, tmp_path):
    result = call(
        "complete", long_table, "--rank", 4, "--penalty", 1, "--model", "m.npz", "--output", "out.csv",
        "--report", "r.html", "--json", cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    data = json.loads(result.stdout)
    assert data["observed"] == 220
    assert data["stop_reason"] == "converged"
    claims = {finding["claim"]: finding["verdict"] for finding in data["certificate"]["findings"]}
    assert claims["globally_optimal"] == "proved"
    assert set(data["files"]) == {"output", "model", "report"}
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "user,film,rating,observed"
    assert len(lines) == 321
    assert sum(line.endswith(",1") for line in lines) == 220
    (tmp_path / "pairs.csv").write_text("user,film\nuser3,film 7\nuser0,film 15\n")
    shown = call("predict", "m.npz", "pairs.csv", cwd=tmp_path)
    assert shown.stdout.splitlines()[0] == "user,film,prediction,unknown"
    assert len(shown.stdout.splitlines()) == 3
    assert call("predict", "m.npz", "pairs.csv", "--output", "p.csv", cwd=tmp_path).returncode == 0
    assert (tmp_path / "p.csv").read_text() == shown.stdout
    judged = call("certify", "m.npz", long_table, "--require", "globally_optimal", cwd=tmp_path)
    assert judged.returncode == 0, judged.stderr
    assert "PROVED" in judged.stdout
    strict = call("certify", "m.npz", long_table, "--require", "uniquely_determined", cwd=tmp_path)
    assert strict.returncode == 1
    assert "required claim" in strict.stderr
    hurried = call("certify", "m.npz", long_table, "--seconds", 1e-9, cwd=tmp_path)
    assert "more time may settle it (--seconds)" in hurried.stdout
    assert_clean_error(call("certify", "m.npz", long_table, "--seconds", 0, cwd=tmp_path), "must be positive")


@pytest.mark.parametrize("options", [PLAIN, pytest.param((), id="default fit", marks=pytest.mark.slow)])
def test_complete_wide(options, tmp_path):
    asked = ("--rank", 3, *options, "--output", "wide.tsv")
    result = call("complete", data_path("fertility"), *asked, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "210 rows, 52 columns" in result.stdout
    assert (tmp_path / "wide.tsv").read_text().startswith("country\t1960\t")


@pytest.fixture(scope="module")
def holes(tmp_path_factory):
    """A table with holes, and the objective of its fit from a file of the plainest kind."""
    rng = np.random.default_rng(0)
    table = rng.standard_normal((12, 2)) @ rng.standard_normal((2, 9))
    table[rng.random((12, 9)) >= 0.8] = np.nan
    folder = tmp_path_factory.mktemp("reference")
    np.save(folder / "reference.npy", table)
    return table, fitted_objective(folder / "reference.npy", folder)


def fitted_objective(path, folder):
    done = call("complete", path, "--rank", 2, "--penalty", 0.3, "--json", "--no-certify", cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["objective"]


@pytest.mark.parametrize("suffix", ["parquet", "feather", "tsv", "npy", "npz", "mtx"])
def test_formats_agree(suffix, holes, tmp_path):
    import pyarrow as pa
    from pyarrow import feather, parquet
    from scipy.io import mmwrite
    from scipy.sparse import coo_array

    table, expected = holes
    rows, columns = np.nonzero(~np.isnan(table))
    values = table[rows, columns]
    path = tmp_path / f"table.{suffix}"
    frame = pa.table({"i": rows, "j": columns, "v": values})
    if suffix == "parquet":
        parquet.write_table(frame, path)
    elif suffix == "feather":
        feather.write_feather(frame, path)
    elif suffix == "tsv":
        path.write_text(
            "i\tj\tv\n"
            + "\n".join(f"{i}\t{j}\t{v!r}" for i, j, v in zip(rows, columns, values.tolist(), strict=True))
        )
    elif suffix == "npy":
        np.save(path, table)
    elif suffix == "npz":
        np.savez(path, rows=rows, columns=columns, values=values, shape=(12, 9))
    else:
        mmwrite(path, coo_array((values, (rows, columns)), shape=(12, 9)), precision=17)
    assert fitted_objective(path, tmp_path) == pytest.approx(expected, rel=1e-6)


def test_sense(tmp_path):
    instance = planted_sensing(60, 10, 1, 0)
    np.savez(tmp_path / "d.npz", arrays=instance.measurement.arrays, y=instance.y)
    result = call(
        "sense", "d.npz", "--rank", 1, "--structure", "psd", "--output", "f.npz", "--report", "r.html",
        "--require", "globally_optimal", cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    factors = np.load(tmp_path / "f.npz")
    np.testing.assert_allclose(factors["left"] @ factors["right"].T, instance.truth, atol=1e-8)
    assert (tmp_path / "r.html").stat().st_size > 1000
    np.savez(tmp_path / "e.npz", rows=[0, 0, 1], columns=[0, 1, 0], shape=(2, 2), y=[1.0, 2.0, 3.0])
    data = json.loads(call("sense", "e.npz", "--rank", 1, "--json", cwd=tmp_path).stdout)
    assert "gross_errors" not in data
    verdicts = {f["claim"]: f["verdict"] for f in data["certificate"]["findings"]}
    assert verdicts["uniquely_determined"] == "proved"
    wrong = np.where(np.arange(60) == 7, 1e3, instance.y)
    np.savez(tmp_path / "g.npz", arrays=instance.measurement.arrays, y=wrong)
    asked = ("sense", "g.npz", "--rank", 1, "--structure", "psd", "--loss", "huber", "--json")
    assert json.loads(call(*asked, cwd=tmp_path).stdout)["gross_errors"] == [7]


def test_diagnose(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,c,d\n1,2,,\n3,4,,\n,,5,6\n,,7,8\n")
    result = call("diagnose", "t.csv", "--rank", 1, cwd=tmp_path)
    assert result.returncode == 0
    assert "finitely many solutions: REFUTED" in result.stdout
    assert "undetermined cells: 8 of 16" in result.stdout
    data = json.loads(call("diagnose", "t.csv", "--rank", 1, "--json", cwd=tmp_path).stdout)
    assert data["open_cell_count"] == 8


def test_a_process_of_its_own(tmp_path):
    """What other tests call within this process, as users start it: help, version, and bad input.

    Work is done by the process that finds no matplotlib, whose fit is compared with one in this process.
    """
    assert "numba" in call_process("info", cwd=tmp_path).stdout
    listed = call_process("--help", cwd=tmp_path)
    assert listed.returncode == 0
    for name in COMMANDS:
        assert name in listed.stdout
    assert_clean_error(call_process("complete", "nothing.csv", "--rank", 1, cwd=tmp_path), "nothing.csv")


def test_help_and_version_load_nothing_heavy(tmp_path):
    """Neither waits for the libraries that the commands need."""
    shown = "import sys; from lowland.cli import main\ntry: main()\nexcept SystemExit: pass\n"
    shown += "print(sorted({'numpy', 'numba', 'scipy', 'sklearn'} & set(sys.modules)))"
    for option, words in (("--version", "lowland 0."), ("--help", "Commands:")):
        found = subprocess.run(
            [sys.executable, "-c", shown, option], capture_output=True, text=True, cwd=tmp_path, check=True
        )
        assert words in found.stdout
        assert found.stdout.splitlines()[-1] == "[]"


def test_info_as_json(tmp_path):
    assert json.loads(call("info", "--json", cwd=tmp_path).stdout)["threads"] >= 1


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name, tmp_path):
    helped = call(name, "--help", cwd=tmp_path)
    assert helped.returncode == 0
    assert load(name).__doc__.splitlines()[0] == COMMANDS[name], "the list of commands says the same"
    options = set(inspect.signature(load(name)).parameters)
    assert "json" in options
    assert "quiet" in options or name == "info", "what computes tells how far it is"


@pytest.mark.usefixtures("plain_kernels")
@pytest.mark.parametrize(
    "shapes",
    [
        # the same tasks of smaller tables
        {"LARGE": (60, 50), "MODERATE": (30, 25)},
        pytest.param({}, marks=pytest.mark.slow),
    ],
    ids=["small", "as they are"],
)
def test_warm_up(shapes, tmp_path, monkeypatch):
    """Each task runs; that later starts are fast is measured, not tested."""
    for name, shape in shapes.items():
        monkeypatch.setattr(warm_up, name, shape)
    found = call("warm-up", "--rank", 1, "--json", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["tasks"] == 14
    assert not list(tmp_path.iterdir())
    assert_clean_error(call("warm-up", "--rank", 0, cwd=tmp_path), "--rank must lie between")


# ------------------------------------------------------------------ bad input
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ("is empty",)),
        ("row,column,value\n", ("is empty",)),
        ("a,b\n,\n,\n", ("no observed cell",)),
        ("name,a,b\nx,1,two\ny,3,4\n", ("text where numbers are needed", "'two'", "'b'")),
        ("i,j,v\n0,0,1\n0,0,2\n", ("listed more than once", "duplicates")),
        ("i,j,v\n0,0,1\n0,1\n", ("not a regular text table", "line")),
        ("i,j,v\n0,0,inf\n0,1,1\n", ("infinite value",)),
        ("i,j,v\nx,,1\ny,b,1\n", ("empty label", "'j'")),
        ("a,a\n1,2\n", ("names a column twice",)),
        ("\x00\xff\xfe\x00binary", ("",)),
    ],
    ids=[
        "empty",
        "header-only",
        "all-blank",
        "text",
        "duplicates",
        "ragged",
        "infinity",
        "label",
        "names",
        "binary",
    ],
)
def test_bad_tables(content, words, tmp_path):
    (tmp_path / "t.csv").write_bytes(content.encode("latin-1"))
    result = call("complete", "t.csv", "--rank", 1, "--model", "m.npz", "--layout", "auto", cwd=tmp_path)
    assert_clean_error(result, *words)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rank", "99"), ("--rank does not fit",)),
        (("--rank", "0"), ("--rank does not fit",)),
        (("--rank", "two"), ("--rank",)),
        (("--rank", "2", "--penalty", "-1"), ("at least 0",)),
        (("--rank", "2", "--dtype", "int"), ("--dtype",)),
        (("--rank", "2", "--value", "stars"), ("no column 'stars'",)),
        (("--rank", "2", "--layout", "round"), ("layout is unknown",)),
        (("--rank", "2", "--require", "truth"), ("names an unknown claim",)),
        (("--rank", "2", "--resume"), ("needs --model",)),
        (("--rank", "2", "--resume", "--model", "m.npz"), ("nothing to resume",)),
        (("--rank", "2", "--model", "no/such/m.npz"), ("no folder",)),
        (("--rank", "2", "--report", "."), ("it is a folder",)),
        (("--rank", "2", "--loud"), ("--loud",)),
    ],
)
def test_bad_arguments(arguments, words, long_table, tmp_path):
    assert_clean_error(call("complete", long_table, *arguments, cwd=tmp_path), *words)
    assert not list(tmp_path.iterdir())


def test_missing_and_foreign_files(long_table, tmp_path):
    assert_clean_error(call("complete", "none.csv", "--rank", 1, cwd=tmp_path), "cannot read", "No such file")
    (tmp_path / "t.foo").write_bytes(bytes(range(256)))
    assert_clean_error(call("complete", "t.foo", "--rank", 1, cwd=tmp_path), "unknown file extension")
    (tmp_path / "p.csv").write_text("user,film\nuser1,film 1\n")
    (tmp_path / "m.npz").write_bytes(b"PK\x03\x04 not really")
    assert_clean_error(call("predict", "m.npz", "p.csv", cwd=tmp_path), "not a valid NPZ file")
    np.savez(tmp_path / "n.npz", a=np.ones(3))
    assert_clean_error(call("predict", "n.npz", "p.csv", cwd=tmp_path), "not a lowland file")
    np.savez(tmp_path / "o.npz", a=np.array([{}], dtype=object), allow_pickle=True)
    assert_clean_error(call("predict", "o.npz", "p.csv", cwd=tmp_path), "never loaded")
    assert (
        call(
            "complete", long_table, "--rank", 2, "--penalty", 1, "--model", "good.npz", cwd=tmp_path
        ).returncode
        == 0
    )
    whole = (tmp_path / "good.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    assert_clean_error(call("predict", "cut.npz", "p.csv", cwd=tmp_path), "not a valid NPZ file")
    (tmp_path / "q.csv").write_text("user,film\nnobody,film 1\n")
    assert_clean_error(call("predict", "good.npz", "q.csv", cwd=tmp_path), "has no such row", "'nobody'")
    assert_clean_error(
        call("certify", "good.npz", data_path("fertility"), cwd=tmp_path), "has no such column"
    )
    assert_clean_error(call("sense", "good.npz", "--rank", 1, cwd=tmp_path), "has no array y")


def test_labels_are_kept_as_written(tmp_path):
    """Leading zeros, spaces and numbers too long for a machine word are names like any other."""
    names = ["007", "7", " 7", "20000000000000000001", "20000000000000000002", "NA", "True"]
    lines = [f"{name},{item},{k + j}.5" for k, name in enumerate(names) for j, item in enumerate("abc")]
    (tmp_path / "t.csv").write_text("i,j,v\n" + "\n".join(lines) + "\n")
    (tmp_path / "p.csv").write_text("i,j\n007,a\n 7,b\n")
    for installed in (nullcontext(), without("pyarrow")):
        with installed:
            result = call(
                "complete", "t.csv", "--rank", 1, "--model", "m.npz", "--output", "o.csv",
                "--no-certify", "--force", cwd=tmp_path,
            )  # fmt: skip
            predicted = call("predict", "m.npz", "p.csv", cwd=tmp_path)
        assert "7 rows, 3 columns" in result.stdout, result.stderr
        written = (tmp_path / "o.csv").read_text().splitlines()[1:]
        assert sorted(written) == sorted(f"{line},1" for line in lines)
        assert predicted.stdout.splitlines()[1].startswith("007,a,")
    (tmp_path / "q.csv").write_text("i,j\n07,a\n")
    assert_clean_error(call("predict", "m.npz", "q.csv", cwd=tmp_path), "has no such row", "'07'")


def test_observed_cells_are_kept_exactly(tmp_path):
    (tmp_path / "t.csv").write_text("x,a,b\np,1234567.891,\nq,0.1234567890123,3\nr,2,5\n")
    result = call("complete", "t.csv", "--rank", 1, "--layout", "wide", "--output", "o.csv", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    text = (tmp_path / "o.csv").read_text()
    assert "1234567.891" in text
    assert "0.1234567890123" in text


def test_whole_numbers_and_text_do_not_mix_up_labels(tmp_path):
    (tmp_path / "t.csv").write_text(
        "i,j,v\n" + "".join(f"{i},{j},{i + j}\n" for i in range(4) for j in range(3))
    )
    assert call("complete", "t.csv", "--rank", 1, "--model", "m.npz", cwd=tmp_path).returncode == 0
    for label in ("1.7", "abc", "10000000000000000000000"):
        (tmp_path / "p.csv").write_text(f"i,j\n{label},0\n")
        assert_clean_error(call("predict", "m.npz", "p.csv", cwd=tmp_path), "has no such row", label)


def test_certify_finds_the_same_data_in_another_order_and_layout(long_table, tmp_path):
    assert call("complete", long_table, *MAP, "--model", "m.npz", cwd=tmp_path).returncode == 0
    header, *lines = long_table.read_text().splitlines()
    (tmp_path / "turned.csv").write_text("\n".join([header, *lines[::-1]]) + "\n")
    judged = call("certify", "m.npz", "turned.csv", cwd=tmp_path)
    assert judged.returncode == 0
    assert "note" not in judged.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("i;j;v\n1;2;3\n", ("single row", "at least two rows")),
        ("i,j,v\na,b,1\na,c,oops\nb,b,2\nb,c,3\n", ("'oops'", "column 'v'", "data line 2")),
        (
            "p,q,s,t\na,b,1,5\na,c,2,6\nd,e,3,7\n",
            ("names a row twice", "name its columns by --row, --column and --value"),
        ),
        ("name,a\n\xd1\xe0\xcc\xdd,1\n", ("UTF-8", "name the encoding")),
    ],
)
def test_helpful_errors(content, words, tmp_path):
    (tmp_path / "t.csv").write_bytes(content.encode("latin-1"))
    assert_clean_error(call("complete", "t.csv", "--rank", 1, cwd=tmp_path), *words)


def test_semicolons_can_be_read(tmp_path):
    (tmp_path / "t.csv").write_text(
        "i;j;v\n" + "".join(f"{i};{j};{i + j}\n" for i in range(4) for j in range(3))
    )
    assert call("complete", "t.csv", "--rank", 1, "--delimiter", ";", cwd=tmp_path).returncode == 0


def test_inputs_are_not_overwritten(long_table, tmp_path):
    (tmp_path / "t.csv").write_bytes(long_table.read_bytes())
    for option in ("--output", "--model", "--report"):
        assert_clean_error(
            call("complete", "t.csv", "--rank", 2, option, "t.csv", cwd=tmp_path), "would overwrite"
        )
    assert (tmp_path / "t.csv").read_bytes() == long_table.read_bytes()


def blocked(folder, *names):
    """A folder that hides installed modules."""
    path = folder / "without"
    path.mkdir(exist_ok=True)
    for name in names:
        (path / f"{name}.py").write_text("raise ImportError('blocked')\n")
    return path


def test_newer_model_is_refused(long_table, tmp_path):
    fit = ("complete", long_table, *MAP, "--no-certify", "--model", "m.npz")
    assert call(*fit, cwd=tmp_path).returncode == 0
    with np.load(tmp_path / "m.npz") as stored:
        arrays = dict(stored)
    header = json.loads(bytes(arrays["header"]).decode())
    header["format"] = 99
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(tmp_path / "newer.npz", **arrays)
    (tmp_path / "p.csv").write_text("user,film\nuser1,film 1\n")
    assert_clean_error(call("predict", "newer.npz", "p.csv", cwd=tmp_path), "newer lowland", "update")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_write_permission(long_table, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    result = call("complete", long_table, "--rank", 2, "--model", folder / "m.npz", cwd=tmp_path)
    assert_clean_error(result, "cannot write", "permission")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    """A write that fails midway leaves the old file whole and no temporary one."""
    import errno

    from lowland.core.atomic import write_whole
    from lowland.core.errors import InvalidInputError

    target = tmp_path / "model.npz"
    target.write_bytes(b"old")

    def fill(file):
        file.write(b"new" * 1000)
        with open("/dev/full", "wb", buffering=0) as full:
            full.write(b"x")  # raises ENOSPC as a full disk does

    with pytest.raises(InvalidInputError, match=os.strerror(errno.ENOSPC)):
        write_whole(target, fill)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]


@pytest.fixture(scope="module")
def bare(long_table, tmp_path_factory):
    """A fit by a process that finds neither matplotlib nor pyarrow, and its folder."""
    folder = tmp_path_factory.mktemp("bare")
    blocker = blocked(folder, "matplotlib", "pyarrow")
    files = ("--output", "o.csv", "--report", "r.html")
    fit = ("complete", long_table, *MAP, "--no-certify", "--json", *files)
    return call(*fit, cwd=folder, env={"PYTHONPATH": str(blocker)}), folder


def test_missing_report_extra_does_the_rest(bare):
    """Without matplotlib the command completes the table and says what to install."""
    result, folder = bare
    assert result.returncode == 0, result.stderr
    assert "pip install 'lowland[report]'" in result.stderr
    assert (folder / "o.csv").exists()
    assert not (folder / "r.html").exists()


def test_csv_without_pyarrow_reads_the_same(long_table, bare, tmp_path):
    with_it = call("complete", long_table, *MAP, "--no-certify", "--json", cwd=tmp_path)
    results = [json.loads(done.stdout) for done in (with_it, bare[0])]
    assert results[0]["objective"] == results[1]["objective"]
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    with without("pyarrow"):
        refused = call("complete", "t.parquet", "--rank", 1, cwd=tmp_path)
    assert_clean_error(refused, "pip install 'lowland[tables]'")


@pytest.mark.parametrize(
    ("resamples", "goal"),
    # of few resamples all may be closer to the Bell state than the estimate, so that another is the target
    [(6, [2, 0, 0, 1]), pytest.param(100, [1, 0, 0, 1], marks=pytest.mark.slow)],
)
def test_sense_counts(resamples, goal, tmp_path, monkeypatch):
    """Quantum tomography from a CSV of settings and counts; error bars of few resamples are soon there."""
    assert tomography.RESAMPLES == 100
    monkeypatch.setattr(tomography, "RESAMPLES", resamples)
    table, state = data_path("photon_counts"), tmp_path / "state.npz"
    done = call(
        "sense", table, "--target", "00+11", "--output", state, "--require", "globally_optimal", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "fidelity to the target: 0.99" in done.stdout
    assert "+-" in done.stdout
    with np.load(state) as stored:
        assert stored["state"].shape == (4, 4)
        assert len(stored["resampled"]) == resamples
    numbers = json.loads(call("sense", table, "--json", cwd=tmp_path).stdout)["numbers"]
    assert numbers[1]["name"] == "purity"
    # the same counts in JSON, a target and the detectors from files
    data = ll.read_counts(table)
    found = {}
    for setting, outcome, count in zip(data.settings, data.outcomes, data.counts, strict=True):
        found.setdefault(setting, {})[outcome[::-1]] = count
    (tmp_path / "counts.json").write_text(json.dumps(found))
    np.save(tmp_path / "goal.npy", np.array(goal))
    (tmp_path / "detectors.csv").write_text("a,b\n0.999,0.002\n0.001,0.998\n")
    asked = (
        "--reverse",
        "--target",
        "goal.npy",
        "--readout",
        "detectors.csv",
        "--report",
        "state.html",
        "--json",
    )
    other = call("sense", "counts.json", *asked, cwd=tmp_path)
    assert other.returncode == 0, other.stderr
    told = json.loads(other.stdout)["numbers"][0]
    assert told["name"] == "fidelity to the target"
    assert told["lower"] < told["value"] < told["upper"]
    assert "fidelity to the target" in (tmp_path / "state.html").read_text()
    bad = call("sense", table, "--target", "0+1", cwd=tmp_path)
    assert bad.returncode == 2
    assert "sum of basis states" in bad.stderr
    ignored = call("sense", table, "--loss", "squared", cwd=tmp_path)
    assert ignored.returncode == 2
    assert "--loss has no effect" in ignored.stderr


def test_sense_warns_of_too_few_measurements(tmp_path):
    file = tmp_path / "few.npz"
    np.savez(file, words=["XX", "ZZ"], y=[0.5, 0.5])
    done = call("sense", file, "--rank", "2", "--structure", "density", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 real numbers cannot determine" in done.stderr
    missing = call("sense", file, cwd=tmp_path)
    assert missing.returncode == 2
    assert "--rank is missing" in missing.stderr


@pytest.mark.parametrize("options", [(), ("--penalty-weights", "counts", "--bias-penalty", 0.3)])
def test_certificates_are_written_and_checked_again(long_table, tmp_path, options):
    """A document confirms itself; a number, a witness or a datum changed is named."""
    fitted = call(
        "complete", long_table, "--rank", 4, "--penalty", 1, "--model", "m.npz", *options, cwd=tmp_path
    )
    assert fitted.returncode == 0, fitted.stderr
    done = call("certify", "m.npz", long_table, "--output", "proof.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "certificate: proof.json" in done.stdout
    good = call("certify", "proof.json", long_table, "--require", "globally_optimal", cwd=tmp_path)
    assert good.returncode == 0, good.stdout + good.stderr
    assert " 0 contradicted" in good.stdout
    assert "of 8 findings" in good.stdout
    for claim, code in (("convex_optimal", 0), ("uniquely_determined", 1)):
        assert call("certify", "proof.json", long_table, "--require", claim, cwd=tmp_path).returncode == code
    ignored = call("certify", "proof.json", long_table, "--effort", "quick", cwd=tmp_path)
    assert_clean_error(ignored, "--effort has no effect on the check of a certificate")
    plain = json.loads((tmp_path / "proof.json").read_text())
    plain["point"]["row_factors"][0][0] += 1.0
    (tmp_path / "bad.json").write_text(json.dumps(plain))
    bad = call("certify", "bad.json", long_table, "--json", cwd=tmp_path)
    assert bad.returncode == 1
    assert any(c["outcome"] == "contradicted" for c in json.loads(bad.stdout)["checks"])
    text = long_table.read_text().splitlines()
    text[1] = text[1].rsplit(",", 1)[0] + ",77.0"
    (tmp_path / "other.csv").write_text("\n".join(text) + "\n")
    assert_clean_error(call("certify", "proof.json", "other.csv", cwd=tmp_path), "about other data")
    for change, words in (
        (lambda d: d["problem"].update(penalty="1x"), "cannot be used"),
        (lambda d: d["problem"].update(penalty=-1.0), "cannot be used"),
        (lambda d: d["problem"].update(penalty_weights="foo"), "cannot be used"),
        (lambda d: d["point"].update(row_biases=[float("nan")]), "not a certificate"),
        (lambda d: d.update(findings=2 * d["findings"]), "a claim twice"),
    ):
        plain = json.loads((tmp_path / "proof.json").read_text())
        change(plain)
        (tmp_path / "odd.json").write_text(json.dumps(plain))
        assert_clean_error(call("certify", "odd.json", long_table, cwd=tmp_path), words)
    plain = json.loads((tmp_path / "proof.json").read_text())
    plain["findings"] = []
    (tmp_path / "empty.json").write_text(json.dumps(plain))
    empty = call("certify", "empty.json", long_table, cwd=tmp_path)
    assert empty.returncode == 1
    assert "not judged: stationary" in empty.stdout
    assert "states nothing" in empty.stderr
    assert_clean_error(call("certify", "nope.json", long_table, cwd=tmp_path), "cannot be read")
    (tmp_path / "cut.json").write_text("{}")
    assert_clean_error(call("certify", "cut.json", long_table, cwd=tmp_path), "not a certificate")


# ------------------------------------------------------------------ without tuning
@pytest.fixture(scope="module")
def grades(tmp_path_factory):
    """Ratings of 60 people and 40 films, a table of who they are, and where they lie."""
    rng = np.random.default_rng(4)
    folder = tmp_path_factory.mktemp("grades")
    taste, ages = rng.standard_normal((60, 2)), rng.integers(18, 80, 60)
    scores = 3 + taste @ rng.standard_normal((2, 40)) / 1.5 + 0.02 * (ages[:, None] - 49)
    stars = np.clip(np.rint(scores + 0.4 * rng.standard_normal(scores.shape)), 1, 5).astype(int)
    lines = [
        f"p{i},film {j},{stars[i, j]}"
        for i in range(60)
        for j in range(40)
        if rng.random() < 0.25 or j == i % 40
    ]
    (folder / "grades.csv").write_text("who,film,stars\n" + "\n".join(lines) + "\n")
    people = [f"p{i},{ages[i]},{'f' if i % 2 else 'm'}" for i in range(60)]
    (folder / "people.csv").write_text("who,age,sex\n" + "\n".join(people[::-1]) + "\n")
    return folder


@pytest.mark.usefixtures("few_trees", "quick_starts")
def test_complete_needs_no_settings(grades, tmp_path):
    told = call(
        "complete", grades / "grades.csv", "--model", "m.npz", "--held-out", "--json", "--quiet", cwd=tmp_path
    )
    assert told.returncode == 0, told.stderr
    data = json.loads(told.stdout)
    assert (data["method"], data["rank"]) == ("variational", 16)
    model = ll.MatrixCompletion.load(tmp_path / "m.npz")
    trial = model.held_out_errors()
    # the command held out cells of its audit; a model from a file holds out others
    assert data["held_out"]["error"] == pytest.approx(trial.error, rel=0.3)
    assert min(data["held_out"]["cells"], trial.observed.size) > 40
    assert max(trial.error, data["held_out"]["error"]) < data["held_out"]["error_of_column_means"]
    (tmp_path / "pairs.csv").write_text("who,film\np1,film 1\np2,film 7\n")
    asked = call("predict", "m.npz", "pairs.csv", "--interval", 0.9, cwd=tmp_path)
    header, *lines = asked.stdout.splitlines()
    assert header == "who,film,prediction,lower,upper,unknown"
    for line in lines:
        *_, value, low, high, unknown = line.split(",")
        assert unknown == ""
        assert 1 <= float(low) < float(value) < float(high) <= 5
    best = call("top", "m.npz", "p3", "--count", 3, "--table", grades / "grades.csv", cwd=tmp_path)
    header, *lines = best.stdout.splitlines()
    assert header == "row,rank,column,prediction,chance,known"
    names = [line.split(",")[2] for line in lines]
    seen = {
        line.split(",")[1]
        for line in (grades / "grades.csv").read_text().splitlines()
        if line.startswith("p3,")
    }
    assert len(names) == 3
    assert not seen & set(names)
    assert_clean_error(call("top", "m.npz", "nobody", cwd=tmp_path), "has no such row")
    alone = call("top", "m.npz", "p3", "--count", 3, cwd=tmp_path)
    assert alone.stdout == best.stdout  # the model knows what the row has
    every = call("top", "m.npz", "--all", "-k", 2, "--json", cwd=tmp_path)
    ranked = json.loads(every.stdout)
    assert ranked["columns"] == ["row", "rank", "column", "prediction", "chance", "known"]
    assert [line[2] for line in ranked["rows"] if line[0] == "p3"] == names[:2]
    (tmp_path / "few.csv").write_text(f"which\n{names[1]}\n")
    chosen = call("top", "m.npz", "p3", "p4", "--candidates", "few.csv", "--output", "top.csv", cwd=tmp_path)
    assert chosen.returncode == 0, chosen.stderr
    assert (tmp_path / "top.csv").read_text().splitlines()[0] == "row,rank,column,prediction,chance,known"
    assert_clean_error(call("top", "m.npz", cwd=tmp_path), "name some rows, or pass --all")
    bare = call(
        "complete", grades / "grades.csv", "--model", "b.npz", "--no-model-data", "--held-out",
        "--rank", 2, *PLAIN, cwd=tmp_path,
    )  # fmt: skip
    assert bare.returncode == 0, bare.stderr
    assert "A cell chosen at random is off by" in bare.stdout
    assert_clean_error(
        call("top", "b.npz", "p3", cwd=tmp_path), "saved without its data", "--include-observed"
    )
    assert call("top", "b.npz", "p3", "--include-observed", cwd=tmp_path).returncode == 0


def test_strangers_among_pairs_are_marked(grades, tmp_path):
    plain = ("--no-certify", "--refine", "no")
    fitted = call("complete", grades / "grades.csv", "--model", "m.npz", *plain, cwd=tmp_path)
    assert fitted.returncode == 0, fitted.stderr
    model = ll.MatrixCompletion.load(tmp_path / "m.npz")
    row, column = model.row_labels_[0], model.column_labels_[0]
    pairs = [(row, column), ("stranger", column), (row, "stranger"), ("stranger", "stranger")]
    (tmp_path / "p.csv").write_text("".join(f"{r},{c}\n" for r, c in pairs))  # without a header
    told = call("predict", "m.npz", "p.csv", "--interval", 0.9, "--json", cwd=tmp_path)
    assert "3 of 4 cells have labels that the model does not know" in told.stderr
    lines = json.loads(told.stdout)["rows"]
    assert [line[-1] for line in lines] == ["", "row", "column", "row and column"]
    assert all(np.isfinite(line[2]) for line in lines)
    assert [line[3] == "" for line in lines] == [False, True, True, True]  # no interval for strangers
    averages = model.predict_cells(*zip(*pairs, strict=True), unknown="average")
    np.testing.assert_allclose([line[2] for line in lines], averages, rtol=1e-9)
    column_mean = model.predict_cells(model.row_labels_, [column] * len(model.row_labels_)).mean()
    assert abs(averages[1] - column_mean) < 0.3  # up to clipping to the range of grades
    judged = call("certify", "m.npz", grades / "grades.csv", cwd=tmp_path)
    assert_clean_error(judged, "holds a Bayesian model")


def test_covariates_are_matched_by_label_and_used(grades, tmp_path):
    asked = ("--json", "--quiet", "--no-certify", "--refine", "no")
    plain, known = (
        json.loads(call("complete", grades / "grades.csv", *more, *asked, cwd=tmp_path).stdout)
        for more in ((), ("--row-covariates", grades / "people.csv"))
    )
    assert known["objective"] < plain["objective"]  # a larger bound on the evidence
    (tmp_path / "few.csv").write_text("who,age\np1,30\n")
    few = call("complete", grades / "grades.csv", "--row-covariates", "few.csv", cwd=tmp_path)
    assert_clean_error(few, "few.csv has no such label", "a label that it has: 'p1'")
    (tmp_path / "gap.csv").write_text("who,age\np1,30\np2,\n")
    gap = call("complete", grades / "grades.csv", "--row-covariates", "gap.csv", cwd=tmp_path)
    assert_clean_error(gap, "has a missing value in column 'age'", "data line 2")


@pytest.mark.usefixtures("undrawn")
def test_intervals_in_the_output_and_a_report(grades, tmp_path):
    pytest.importorskip("matplotlib")
    result = call(
        "complete", grades / "grades.csv", "--method", "gibbs", "--draws", 10, "--interval", 0.8,
        *PLAIN[:-1], "--output", "o.csv", "--report", "r.html", "--companion", "--quiet", cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "all 10 draws made\n" in result.stdout
    assert "iteration limit" not in result.stdout
    assert "10 Gibbs draws kept" in result.stdout
    header, *lines = (tmp_path / "o.csv").read_text().splitlines()
    assert header == "who,film,stars,lower,upper,observed"
    assert len(lines) == 60 * 40
    page = (tmp_path / "r.html").read_text()
    for words in (
        "Calibration of intervals",
        "Gibbs sampling from variational Bayes",
        "penalised (MAP) problem",
    ):
        assert words in page
    refused = call("complete", grades / "grades.csv", "--interval", 0.8, cwd=tmp_path)
    assert_clean_error(refused, "--interval", "needs --mark or --output")


@pytest.mark.usefixtures("undrawn")
def test_rank_and_penalty_are_chosen_for_the_penalised_method(grades, tmp_path):
    pytest.importorskip("matplotlib")
    result = call(
        "complete", grades / "grades.csv", "--method", "map", "--report", "r.html", "--no-certify",
        "--quiet", cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    page = (tmp_path / "r.html").read_text()
    assert "Choice of the penalty" in page
    assert "--method map" in page
    mixed = call("complete", grades / "grades.csv", "--method", "gibbs", "--penalty", 2, cwd=tmp_path)
    assert_clean_error(mixed, "penalty is not used by method")


@pytest.mark.usefixtures("undrawn")
def test_files_of_others_are_not_replaced(long_table, tmp_path):
    fit = ("complete", long_table, "--rank", 1, "--penalty", 1, *PLAIN, "--quiet")
    for option, name in (("--output", "out.csv"), ("--model", "m.npz"), ("--report", "r.html")):
        (tmp_path / name).write_text("mine")
        refused = call(*fit, option, name, cwd=tmp_path)
        assert_clean_error(refused, f"{name} exists already", "--force")
        assert (tmp_path / name).read_text() == "mine"
        assert call(*fit, option, name, "--force", cwd=tmp_path).returncode == 0
        # what lowland wrote itself and marked is replaced without being asked
        again = call(*fit, option, name, cwd=tmp_path)
        assert again.returncode == (2 if name == "out.csv" else 0), again.stderr
    (tmp_path / "proof.json").write_text('{"a": 1}')
    judge = ("certify", "m.npz", long_table, "--effort", "quick", "--output", "proof.json")
    assert_clean_error(call(*judge, cwd=tmp_path), "proof.json exists already")
    assert call(*judge, "--force", cwd=tmp_path).returncode == 0
    assert call(*judge, cwd=tmp_path).returncode == 0


# ------------------------------------------------------------------ what spreadsheets would run
FORMULAS = ("=1+1", "+cmd", "-@SUM(A1)", "@x")


@pytest.mark.parametrize("keep", [False, True])
def test_labels_that_are_formulas_are_guarded_in_text_files(tmp_path, keep):
    # what is a number is no formula, and neither is what only holds a sign inside
    plain = ("-5", "+3.5e2", "plain", "a=b")
    cells = [(i, k) for i in range(8) for k in range(4) if i != k]
    lines = [f"{(*FORMULAS, *plain)[i]},c{k},{(i + 1) * (k + 1) + i % 2}" for i, k in cells]
    (tmp_path / "t.csv").write_text("\n".join(["row,column,value", *lines]) + "\n")
    options = ["--keep-formulas"] if keep else []
    command = ("complete", "t.csv", "--rank", 1, "--method", "map", "--penalty", 1, "--no-certify")
    done = call(*command, "--output", "o.csv", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    written = {line.split(",")[0] for line in (tmp_path / "o.csv").read_text().splitlines()[1:]}
    assert written == {*(label if keep else f"'{label}" for label in FORMULAS), *plain}
    assert ("--keep-formulas" in done.stderr) is not keep


def test_a_target_of_text_is_refused(tmp_path):
    np.save(tmp_path / "target.npy", np.array(["00", "11"]))
    with pytest.raises(ValueError, match="does not hold numbers"):
        tomography.read_target(str(tmp_path / "target.npy"), 2)
