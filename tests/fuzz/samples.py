"""Whole files of every kind that is read, each with the commands that read it."""

import bz2
import gzip
import json
import shutil
import sqlite3
import zipfile
from dataclasses import dataclass
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet

import lowland as ll
from commands import call
from lowland.cli.commands import tomography

FIT = (
    "--rank",
    "1",
    "--method",
    "map",
    "--penalty",
    "1",
    "--max-iter",
    "5",
    "--no-certify",
    "--force",
    "--quiet",
)


SHORT = ("--rank", "1", "--max-iter", "5", "--no-certify", "--force", "--quiet")
METHODS = {
    "map": FIT,
    "variational": ("--method", "variational", "--tol", "1e-15", *SHORT),
    "gibbs": ("--method", "gibbs", "--draws", "5", *SHORT),
}


@dataclass(frozen=True)
class Sample:
    """A file that is damaged, and a command that reads it; what else the command needs lies beside it."""

    kind: str
    file: str
    command: tuple[str, ...]


def write_samples(folder, kinds=None, *, few=False):
    """Write all files, run each command once as it is, and return the samples, of some kinds or of all.

    Few are one of each kind and command.
    """
    rng = np.random.default_rng(0)
    table = np.round(np.outer(np.arange(1, 13), np.arange(1, 8)) + rng.standard_normal((12, 7)), 3)
    table[rng.random(table.shape) < 0.2] = np.nan
    rows, columns = np.nonzero(~np.isnan(table))
    _texts(folder, table, rows, columns)
    _binaries(folder, table, rows, columns)
    _fits(folder)
    samples = [sample for sample in _samples() if not kinds or sample.kind in kinds]
    if few:
        samples = list({(sample.kind, sample.command[0]): sample for sample in samples}.values())
    for k, sample in enumerate(samples):
        copy = shutil.copytree(folder, folder.parent / f"{folder.name}-{k}")
        done = call(*sample.command, cwd=copy)
        shutil.rmtree(copy)
        assert done.returncode in (0, 1), f"{sample.kind}: {done.stderr}"
    return samples


def _texts(folder, table, rows, columns):
    names = [f"c{k}" for k in range(table.shape[1])]
    cells = [["" if np.isnan(x) else str(x) for x in line] for line in table]
    wide = "\n".join(
        ",".join(line) for line in [["name", *names], *([f"r{i}", *c] for i, c in enumerate(cells))]
    )
    (folder / "wide.csv").write_text(wide + "\n")
    (folder / "german.csv").write_text(wide.replace(",", ";").replace(".", ",") + "\n", encoding="utf-16")
    lines = [f'"r{i}",{names[j]},{table[i, j]}' for i, j in zip(rows, columns, strict=True)]
    (folder / "long.csv").write_text("\n".join(["row,column,value", *lines]) + "\n")
    (folder / "long.csv.gz").write_bytes(gzip.compress((folder / "long.csv").read_bytes()))
    (folder / "long.tsv.bz2").write_bytes(
        bz2.compress((folder / "long.csv").read_bytes().replace(b",", b"\t"))
    )
    with zipfile.ZipFile(folder / "long.zip", "w") as archive:
        archive.write(folder / "long.csv", "long.csv")
    records = [
        {"row": f"r{i}", "column": names[j], "value": float(table[i, j])}
        for i, j in zip(rows, columns, strict=True)
    ]
    (folder / "long.json").write_text(json.dumps(records))
    (folder / "long.jsonl").write_text("\n".join(map(json.dumps, records)))
    (folder / "side.csv").write_text("name,a,b\n" + "".join(f"r{i},{i},{i % 3}\n" for i in range(12)))
    (folder / "xy.csv").write_text("x,y\n" + "".join(f"{k / 20},{abs(k - 10) / 7}\n" for k in range(21)))
    (folder / "points.csv").write_text("a,b\n" + "".join(f"{k % 3},{k}\n" for k in range(6)))
    (folder / "pairs.csv").write_text("row,column\nr0,c1\nr3,c2\n")
    marks = f"%%MatrixMarket matrix coordinate real general\n12 7 {rows.size}\n"
    entries = "".join(f"{i + 1} {j + 1} {table[i, j]}\n" for i, j in zip(rows, columns, strict=True))
    (folder / "table.mtx").write_text(marks + entries)
    counts = ["setting,outcome,count"]
    for a in "XYZ":
        counts += [f"{a},{o},{10 + 5 * (a == 'Z') * (o == '0')}" for o in "01"]
    (folder / "counts.csv").write_text("\n".join(counts) + "\n")
    (folder / "counts.json").write_text(
        json.dumps({"X": {"0": 9, "1": 11}, "Y": {"0": 10, "1": 8}, "Z": {"0": 20}})
    )
    (folder / "readout.csv").write_text("p0,p1\n0.95,0.03\n0.05,0.97\n")


def _binaries(folder, table, rows, columns):
    np.save(folder / "table.npy", table)
    values = table[rows, columns]
    np.savez(folder / "cells.npz", rows=rows, columns=columns, values=values, shape=table.shape)
    frame = pa.table({f"c{k}": pa.array(table[:, k]) for k in range(table.shape[1])})
    pyarrow.parquet.write_table(frame, folder / "wide.parquet")
    pyarrow.feather.write_feather(frame, str(folder / "wide.feather"))
    # nothing is compressed, so that damage reaches offsets and lengths
    named = frame.add_column(0, "name", pa.array([f"r{i}" for i in range(12)]))
    pyarrow.feather.write_feather(named, str(folder / "plain.feather"), compression="uncompressed")
    pyarrow.parquet.write_table(named, folder / "plain.parquet", compression="none")
    with sqlite3.connect(folder / "data.sqlite") as database:
        database.execute("create table t (row text, column text, value real)")
        items = [(f"r{i}", f"c{j}", float(table[i, j])) for i, j in zip(rows, columns, strict=True)]
        database.executemany("insert into t values (?, ?, ?)", items)
    database.close()
    cube = np.einsum("i,j,k->ijk", np.arange(1.0, 6), np.arange(1.0, 5), np.arange(1.0, 4))
    np.save(folder / "cube.npy", cube)
    np.savez(folder / "cube.npz", cube=cube)
    A = ll.gaussian(20, (4, 4), 0)
    y = A.measure_matrix(np.outer(np.arange(4.0), np.arange(4.0)))
    np.savez(folder / "dense.npz", arrays=np.random.default_rng(0).standard_normal((20, 4, 4)), y=y)
    np.savez(folder / "words.npz", words=["XI", "IZ", "ZZ", "YY", "XX", "ZI"], y=np.arange(6.0))
    np.savez(folder / "net.npz", weight_0=[[1.0, 2], [1, -1]], bias_0=[0.0, -1], weight_1=[[1.0, -2]])


def _fits(folder):
    for name, options in METHODS.items():
        # the checkpoint of a search that its limit has ended is kept, as an interrupt leaves it
        with mock.patch("lowland.cli.judging.completed.forget"):
            done = call("complete", "wide.csv", *options, "--model", f"{name}.npz", cwd=folder)
        assert done.returncode == 0, done.stderr
    # by commands, since those need no scikit-learn, which takes long to import
    fit = ("complete", "wide.csv", "--rank", "1", "--method", "map", "--penalty", "1", "--no-certify")
    for command in (
        (*fit, "--model", "whole.npz"),
        ("certify", "whole.npz", "wide.csv", "--output", "proof.json"),
    ):
        done = call(*command, cwd=folder)
        assert done.returncode == 0, done.stderr
    (folder / "whole.npz").unlink()
    tensor = ll.decompose_tucker(np.load(folder / "cube.npy"), 1, rng=0)
    tensor.save_certificate(folder / "tensor-proof.json")


def _samples():
    # what is read is tested, not how well error bars are known
    tomography.RESAMPLES = 5
    samples = [
        Sample("text", name, ("complete", name, *FIT))
        for name in ("wide.csv", "german.csv", "long.csv", "long.json", "long.jsonl")
    ]
    samples += [
        Sample("compressed text", name, ("complete", name, *FIT))
        for name in ("long.csv.gz", "long.tsv.bz2", "long.zip")
    ]
    kinds = {"table.mtx": "Matrix Market", "table.npy": "NPY", "cells.npz": "NPZ"}
    kinds |= {"wide.parquet": "Parquet", "wide.feather": "Feather"}
    kinds |= {"plain.parquet": "Parquet", "plain.feather": "Feather"}
    samples += [Sample(kind, name, ("complete", name, *FIT)) for name, kind in kinds.items()]
    query = ("--database", "data.sqlite", "--query", "select * from t")
    samples.append(Sample("SQLite", "data.sqlite", ("complete", *query, *FIT)))
    described = ("complete", "wide.csv", "--row-covariates", "side.csv", *SHORT)
    samples.append(Sample("covariates", "side.csv", described))
    for name in ("map.npz", "variational.npz", "gibbs.npz"):
        samples.append(Sample("model", name, ("predict", name, "pairs.csv", "--output", "p.csv", "--force")))
        samples.append(Sample("model", name, ("top", name, "r1")))
    samples.append(Sample("model", "map.npz", ("certify", "map.npz", "wide.csv")))
    for name, options in METHODS.items():
        command = ("complete", "wide.csv", *options, "--model", f"{name}.npz", "--resume")
        samples.append(Sample("checkpoint", f"{name}.npz.checkpoint", command))
    samples.append(Sample("pairs", "pairs.csv", ("predict", "map.npz", "pairs.csv")))
    samples.append(Sample("certificate", "proof.json", ("certify", "proof.json", "wide.csv")))
    samples.append(Sample("certificate", "tensor-proof.json", ("certify", "tensor-proof.json", "cube.npy")))
    samples.append(Sample("network", "net.npz", ("regions", "points.csv", "--network", "net.npz")))
    samples.append(Sample("points", "points.csv", ("regions", "points.csv", "--network", "net.npz")))
    samples.append(
        Sample("points", "xy.csv", ("regress", "xy.csv", "--x", "x", "--y", "y", "--max-knots", "1"))
    )
    for name in ("cube.npy", "cube.npz"):
        samples.append(
            Sample("tensor", name, ("tucker", name, "--ranks", "1", "--max-iter", "5", "--effort", "quick"))
        )
    for name in ("dense.npz", "words.npz"):
        samples.append(Sample("measurements", name, ("sense", name, "--rank", "1", "--effort", "quick")))
    for name in ("counts.csv", "counts.json"):
        samples.append(Sample("counts", name, ("sense", name, "--rank", "1")))
    samples.append(Sample("readout", "readout.csv", ("sense", "counts.csv", "--readout", "readout.csv")))
    return samples
