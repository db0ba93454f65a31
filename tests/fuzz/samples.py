"""Whole files of every kind that is read, each with the commands that read it."""

import asyncio
import bz2
import gzip
import json
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import scipy.io

import lowland as ll
from commands import call
from lowland.cli.commands import tomography
from lowland.core.errors import LowlandError
from workbooks import write_sheet

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
SERVICE = Path(__file__).parents[2] / "examples" / "serving"
SHORT_TUCKER = ("--max-iter", "5", "--effort", "quick")
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


def run_sample(sample, place):
    """Run a sample's command in a folder, fit a stored table, or ask the example of a service."""
    if sample.command[0] == "OPEN":
        return _fitted(sample.command, place / sample.command[1])
    if sample.command[0] != "POST":
        return call(*sample.command, cwd=place)
    sys.path.insert(0, str(SERVICE))
    import app as service

    service.app.state.served = service.Served(str(place / "map.npz"))
    status, text = asyncio.run(_asked(service.app, sample.command[1], (place / sample.file).read_bytes()))
    return subprocess.CompletedProcess(sample.command, 2 * (status == 422), text, "")


def _fitted(command, folder):
    try:
        seen = ll.StoredObservations.open(folder)
        ll.MatrixCompletion(rank=1, method="map", penalty=1, max_iter=5, certify=False).fit(seen)
    except LowlandError as error:
        return subprocess.CompletedProcess(command, 2, "", str(error))
    return subprocess.CompletedProcess(command, 0, "", "")


async def _asked(app, path, body):
    """Return the status and the text of an answer to a request, without a network."""
    sent = []
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST"}
    scope |= {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http"}
    scope |= {"headers": [(b"content-type", b"application/json")], "client": ("a", 1), "server": ("b", 2)}

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    text = b"".join(one.get("body", b"") for one in sent).decode()
    return sent[0]["status"], text


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
    _of_tensors(folder)
    samples = [sample for sample in _samples() if not kinds or sample.kind in kinds]
    if few:
        samples = list({(sample.kind, sample.command[0]): sample for sample in samples}.values())
    for k, sample in enumerate(samples):
        copy = shutil.copytree(folder, folder.parent / f"{folder.name}-{k}")
        done = run_sample(sample, copy)
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
    (folder / "worded-pairs.csv").write_text("row,column\nr5,kind\nr3,size\n")
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
    np.save(folder / "target.npy", np.array([1.0, 1.0j]) / np.sqrt(2))
    (folder / "target.csv").write_text("1,0\n0,0\n")
    words = "\n".join(f"r{i},{'xyz'[i % 3]},{i},{(i * 7) % 5}" for i in range(24)).replace("r5,z", "r5,")
    (folder / "worded.csv").write_text(f"name,kind,size,weight\n{words}\n")
    write_sheet(
        folder / "wide.xlsx", [["name", *names], *([f"r{i}", *map(_cell, c)] for i, c in enumerate(table))]
    )
    questions = {
        "top.json": {"known": {"c0": 1.5, "c2": 3.25}, "count": 3},
        "pairs.json": {"rows": ["r0", "r1"], "columns": ["c0", "c1"]},
        "news.json": {"rows": ["r0", "r99"], "columns": ["c0", "c1"], "values": [2.5, 3.0]},
    }
    for name, body in questions.items():
        (folder / name).write_text(json.dumps(body))


def _cell(number):
    return None if np.isnan(number) else float(number)


def _binaries(folder, table, rows, columns):
    np.save(folder / "table.npy", table)
    values = table[rows, columns]
    np.savez(folder / "cells.npz", rows=rows, columns=columns, values=values, shape=table.shape)
    frame = pa.table({f"c{k}": pa.array(table[:, k]) for k in range(table.shape[1])})
    pyarrow.parquet.write_table(frame, folder / "wide.parquet")
    pyarrow.feather.write_feather(frame, str(folder / "wide.feather"))
    listed = {"row": [f"r{i}" for i in rows], "column": [f"c{j}" for j in columns], "value": values}
    pyarrow.parquet.write_table(pa.table(listed), folder / "list.parquet")
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


def _of_tensors(folder):
    import h5py
    import xarray

    cube = np.load(folder / "cube.npy")
    scipy.io.savemat(folder / "cube.mat", {"cube": cube})
    scipy.io.savemat(folder / "packed.mat", {"cube": cube}, do_compression=True)
    array = xarray.DataArray(cube, dims=("a", "b", "c"), coords={"a": np.arange(5)}, name="cube")
    array.to_netcdf(folder / "cube.nc", engine="h5netcdf")
    with h5py.File(folder / "cube.h5", "w") as file:
        file["cube"] = cube


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
    quick = ("--method", "gaussian", "--draws", "5", "--no-certify", "--quiet")
    words = call("complete", "worded.csv", *quick, "--model", "worded.npz", cwd=folder)
    assert words.returncode == 0, words.stderr
    done = call("complete", "list.parquet", "--spill", "store", *FIT, "--model", "stored.npz", cwd=folder)
    assert done.returncode == 0, done.stderr
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
    tensors = {"cube.npy": "tensor", "cube.npz": "tensor", "cube.mat": "MATLAB", "packed.mat": "MATLAB"}
    for name, kind in (tensors | {"cube.nc": "NetCDF", "cube.h5": "HDF5"}).items():
        samples.append(Sample(kind, name, ("tucker", name, "--ranks", "1", *SHORT_TUCKER)))
    for name in ("dense.npz", "words.npz"):
        samples.append(Sample("measurements", name, ("sense", name, "--rank", "1", "--effort", "quick")))
    for name in ("counts.csv", "counts.json"):
        samples.append(Sample("counts", name, ("sense", name, "--rank", "1")))
    samples.append(Sample("workbook", "wide.xlsx", ("complete", "wide.xlsx", *FIT, "--output", "f.xlsx")))
    for name in ("cube.mat", "packed.mat"):
        samples.append(
            Sample("MATLAB", name, ("tucker", name, "--ranks", "1", "--max-iter", "5", "--effort", "quick"))
        )
    for name, kind in (("cube.nc", "NetCDF"), ("cube.h5", "HDF5")):
        samples.append(
            Sample(kind, name, ("tucker", name, "--ranks", "1", "--max-iter", "5", "--effort", "quick"))
        )
    for name in ("target.npy", "target.csv"):
        samples.append(Sample("target state", name, ("sense", "counts.csv", "--target", name)))
    for name, path in (("top.json", "/rows/top"), ("pairs.json", "/predictions"), ("news.json", "/cells")):
        samples.append(Sample("request", name, ("POST", path)))
    for name in ("table.npz", "rows-000-values.npy", "rows-000-partners.npy", "columns-000-starts.npy"):
        samples.append(Sample("stored table", f"store/{name}", ("OPEN", "store")))
    samples.append(Sample("model", "worded.npz", ("predict", "worded.npz", "worded-pairs.csv")))
    samples.append(Sample("readout", "readout.csv", ("sense", "counts.csv", "--readout", "readout.csv")))
    return samples
