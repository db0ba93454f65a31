"""`lowland complete` of tables that are kept on the disk or by a cluster."""

import json
import logging
import os
from functools import partial

import numpy as np
import pytest

from commands import call
from lowland.cells.stored import StoredBlocks
from lowland.completion.files.models import load_model
from lowland.core.cells import line_bounds
from lowland.core.errors import LowlandError

pytestmark = pytest.mark.usefixtures("light_fits_throughout")

pa = pytest.importorskip("pyarrow")
pytest.importorskip("pyarrow.parquet")
FIT = ("--model", "model.npz", "--rank", "2", "--max-iter", "4", "--tol", "0", "--quiet")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(line_bounds, "BLOCK", 400)


@pytest.fixture
def folder(rng, tmp_path):
    """Two files of ratings in tmp_path/in."""
    rows, columns = np.nonzero(rng.random((100, 25)) < 0.3)
    order = rng.permutation(rows.size)
    stars = np.clip(np.rint(3 + rng.standard_normal(rows.size)), 1, 5)
    table = pa.table({"user": rows[order], "film": [f"film {k}" for k in columns[order]], "stars": stars})
    (tmp_path / "in").mkdir()
    for k in range(2):
        pa.parquet.write_table(table[k * 400 : (k + 1) * 400], tmp_path / "in" / f"part-{k}.parquet")
    return tmp_path


def complete(folder, *options, table="in"):
    return call("complete", table, *FIT, *options, cwd=folder)


def fitted(folder):
    model = load_model(folder / "model.npz")[0].model
    return model.matrix(), model.labels


def test_the_disk_and_the_memory_give_the_same_model(folder):
    done = complete(folder, "--no-certify")
    assert done.returncode == 0, done.stderr
    expected, labels = fitted(folder)
    done = complete(folder, "--spill", "cells", "--force")
    assert done.returncode == 0, done.stderr
    assert "800 observed cells 'stars'" in done.stdout.replace("\n", " ") or "observed cells" in done.stdout
    assert "kept in cells" in done.stdout
    assert "held out of a fit of all else lie in its 90% intervals" in " ".join(done.stdout.split())
    assert "globally optimal" not in done.stdout
    kept = json.loads(load_model(folder / "model.npz")[1]["certificate"])
    assert [finding["claim"] for finding in kept["findings"]] == ["covered", "alike", "better_than"]
    done = complete(folder, "--spill", "cells", "--force", "--companion")
    assert done.returncode == 0, done.stderr
    assert "the penalised (MAP) problem of the same rank" in " ".join(done.stdout.split())
    assert "globally optimal" in done.stdout
    found, names = fitted(folder)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(names.rows, labels.rows)
    assert not (folder / "model.npz.checkpoint").exists()
    # another run takes the cells as they are, with new files; and says what it did as JSON
    new = pa.table({"user": [500, 500], "film": ["film 1", "new"], "stars": [2.0, 4.0]})
    pa.parquet.write_table(new, folder / "in" / "part-2.parquet")
    os.rename(folder / "in" / "part-0.parquet", folder / "in" / "part-0.parquet.away")
    refused = complete(folder, "--spill", "cells", "--force")
    assert refused.returncode == 2
    assert "holds the cells of other files" in refused.stderr
    os.rename(folder / "in" / "part-0.parquet.away", folder / "in" / "part-0.parquet")
    done = complete(
        folder, "--spill", "cells", "--force", "--json", "--draws", "3", "--method", "gibbs", "--no-certify"
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["method"] == "gibbs"
    assert (told["stop_reason"], told["message"]) == ("drawn", "all 3 draws made")
    assert told["shape"] == [found.shape[0] + 1, found.shape[1] + 1]
    predicted = call("predict", "model.npz", "in/part-2.parquet", cwd=folder)
    assert predicted.returncode == 0, predicted.stderr


def test_workers_that_do_not_start_are_an_error(folder, monkeypatch):
    pytest.importorskip("distributed")
    from lowland.dask import clients

    def failing(**_):
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(clients, "LocalCluster", failing)
    refused = complete(folder, "--workers", "1")
    assert refused.returncode == 2
    assert "worker processes could not be started" in refused.stderr


@pytest.mark.parametrize("processes", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_cluster_of_this_machine_gives_the_same_model(folder, monkeypatch, processes):
    """Its workers are processes, which take seconds to start; and quickly the same within this process.

    What is proved of models on clusters, and how, is tested with these.
    """
    pytest.importorskip("distributed")
    from lowland.dask import clients

    log, shown, made = logging.getLogger("distributed.nanny"), [], clients.LocalCluster

    def cluster(**options):
        shown.append(log.isEnabledFor(logging.CRITICAL))
        return made(processes=processes, **options)

    monkeypatch.setattr(clients, "LocalCluster", cluster)
    monkeypatch.setattr(clients, "PATIENCE", 2)
    assert complete(folder, "--no-certify", "--dtype", "float32").returncode == 0
    expected = fitted(folder)[0]
    judged = () if processes else ("--no-certify",)
    done = complete(folder, "--workers", "1", "--dtype", "float32", "--force", *judged)
    assert done.returncode == 0, done.stderr
    assert "kept by 1 worker\n" in done.stdout
    assert shown == [False]  # nor the lines in which Dask logs what its workers do
    assert log.isEnabledFor(logging.CRITICAL)
    np.testing.assert_array_equal(fitted(folder)[0], expected)
    refused = complete(folder, "--scheduler", "tcp://127.0.0.1:9", "--force")
    assert refused.returncode == 2
    assert "no scheduler of a Dask cluster answers" in refused.stderr


def test_a_fit_that_broke_off_goes_on_with_the_same_bits(folder, monkeypatch):
    # what breaks off are the sweeps, not the search for their start
    monkeypatch.setattr("lowland.completion.bayesian.sweeps.grow", lambda *_: None)
    complete_cells = partial(complete, folder, "--spill", "cells", "--no-certify")
    assert complete_cells().returncode == 0
    expected, inner, calls = fitted(folder)[0], StoredBlocks.map, []

    def failing(self, function, *arguments):
        calls.append(function.__name__)
        if calls.count("line_moments") == 6:
            raise LowlandError("the disk is gone", "nothing")
        return inner(self, function, *arguments)

    monkeypatch.setattr(StoredBlocks, "map", failing)
    broken = complete_cells("--force")
    assert broken.returncode == 2
    assert "the disk is gone" in broken.stderr
    monkeypatch.setattr(StoredBlocks, "map", inner)
    other = complete_cells("--force", "--resume", "--seed", "3")
    assert other.returncode == 2
    assert "seed was 0, is 3" in other.stderr
    calls.clear()
    done = complete_cells("--force", "--resume")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(fitted(folder)[0], expected)
    assert "after 4 sweeps" in done.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--output", "out.csv"), "--output has no effect on tables on the disk"),
        (("--held-out",), "--held-out has no effect"),
        (("--workers", "2"), "cells are kept in one place"),
        (("--method", "map"), 'rank and penalty of method "map" cannot be chosen for tables on the disk'),
        (("--loss", "huber"), "losses must be squared for tables on the disk"),
        (("--query", "select 1"), "--query has no effect on tables on the disk"),
        (("--keep-formulas",), "--keep-formulas has no effect"),
        (("--scheduler", " "), "--scheduler is empty"),
        (("--header",), "options of text and of wide tables have no effect"),
        (("--layout", "wide"), "must be long, with one cell per line"),
        (("--value", "money"), "money"),
        (("--rank", "30"), "--rank"),
        (("--duplicates", "mean"), "duplicates is unknown"),
        (("--sentinels", "missing"), "--sentinels missing is not there"),
        (("--resume",), "there is nothing to resume"),
    ],
)
def test_refusals(options, words, folder):
    refused = complete(folder, "--spill", "cells", *options)
    assert refused.returncode == 2
    assert words in " ".join(refused.stderr.split())
    assert not (folder / "model.npz").exists()


def test_more_refusals(folder):
    assert "--workers must not be negative" in complete(folder, "--workers", "-1").stderr
    for table, words in (("no", "no such Parquet file"), (".", "no such Parquet file")):
        refused = complete(folder, "--spill", "cells", table=table)
        assert refused.returncode == 2
        assert words in refused.stderr
    pa.parquet.write_table(pa.table({"a": [1, 2], "b": [3, 4], "c": [1.0, 2.0]}), folder / "wide.parquet")
    refused = complete(folder, "--spill", "cells", table="wide.parquet")
    assert "it cannot be told which columns of wide.parquet" in refused.stderr
    assert (
        complete(
            folder, "--spill", "wide", "--layout", "long", "--no-certify", table="wide.parquet"
        ).returncode
        == 0
    )
    inside = call("complete", "in", "--spill", "cells", "--model", "cells/model.npz", cwd=folder)
    assert inside.returncode == 2
    same = call("complete", "in", "--spill", "model.npz", "--model", "model.npz", cwd=folder)
    assert "--model must not lie in the folder of --spill" in same.stderr
    bare = call("complete", "in", "--spill", "cells", cwd=folder)
    assert bare.returncode == 2
    assert "--model is needed for tables on the disk" in bare.stderr
    assert complete(folder, "--spill", "cells", "--no-certify").returncode == 0
    refused = complete(folder, "--spill", "cells", "--dtype", "float32", "--force")
    assert refused.returncode == 2
    assert "was read in another way" in refused.stderr


def test_marks_of_missing_cells_are_told_of(folder):
    marked = pa.table({"user": [900 + k for k in range(40)], "film": ["film 1"] * 40, "stars": [-999.0] * 40})
    pa.parquet.write_table(marked, folder / "in" / "part-2.parquet")
    refused = complete(folder, "--spill", "cells")
    assert refused.returncode == 2
    assert "holds -999, which may stand for missing cells" in refused.stderr
    assert complete(folder, "--spill", "cells", "--sentinels", "values", "--no-certify").returncode == 0
