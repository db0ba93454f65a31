"""Ratings from a Parquet file to held-out errors beside Spark's ALS, on this machine: whole processes, seconds and RMSE.

    python benchmarks/peers/spark.py [--ratings 3000000] [--rank 16] [--spark PYTHON] [--folder DIR]

Invented ratings, long-tailed, in half stars; a twentieth is held out. lowland runs by its command, in memory, on the disk
and by two worker processes; Spark as local[2] with ten sweeps and the ridges .01, .03, .1 and .3, of which the best counts.
PYTHON is an interpreter with pyspark, which needs a Java runtime; without one, lowland runs alone.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RIDGES = (0.01, 0.03, 0.1, 0.3)
SPARK = """
import json, sys, time
from pyspark.sql import SparkSession
from pyspark.ml.recommendation import ALS
folder, rank, ridge = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.driver.memory", "6g")
         .config("spark.sql.shuffle.partitions", "8").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
start = time.perf_counter()
train = spark.read.parquet(folder + "/train")
als = ALS(rank=rank, maxIter=10, regParam=ridge, userCol="user", itemCol="item", ratingCol="stars", seed=0)
model = als.fit(train)
fitted = time.perf_counter() - start
row = model.transform(spark.read.parquet(folder + "/test.parquet")).selectExpr(
    "sqrt(avg(pow(prediction - stars, 2)))", "sum(cast(isnan(prediction) as int))").collect()[0]
known = model.transform(spark.read.parquet(folder + "/test.parquet")).where("not isnan(prediction)").selectExpr(
    "sqrt(avg(pow(least(greatest(prediction, 0.5), 5.0) - stars, 2)))").collect()[0][0]
print(json.dumps({"fit": fitted, "rmse": known, "unknown": row[1]}))
"""


def write(folder, count):
    """Write the ratings in eight files, and those that are held out."""
    code = f"from ratings_file import invent; invent('{folder}/all.parquet', {count}, {max(count // 100, 400)}, {max(count // 1000, 200)})"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1] / "scaling", check=True)
    from pyarrow import parquet

    table = parquet.read_table(folder / "all.parquet")
    held = np.random.default_rng(1).random(len(table)) < 0.05
    parquet.write_table(table.filter(held), folder / "test.parquet")
    train, step = table.filter(~held), -(-int((~held).sum()) // 8)
    (folder / "train").mkdir()
    for k in range(8):
        parquet.write_table(train[k * step : (k + 1) * step], folder / "train" / f"part-{k}.parquet")


def own(folder, rank, *options):
    """Return the seconds of the command and the error of its model."""
    from pyarrow import parquet

    import lowland as ll

    with tempfile.TemporaryDirectory() as place:
        model = Path(place) / "model.npz"
        command = [
            str(Path(sys.executable).parent / "lowland"),
            "complete",
            str(folder / "train"),
            "--model",
            str(model),
        ]
        fit = ("--rank", str(rank), "--dtype", "float32", "--quiet", *options)
        start = time.perf_counter()
        subprocess.run([*command, *fit], cwd=place, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        test = parquet.read_table(folder / "test.parquet")
        user, item, stars = (test[name].to_numpy() for name in ("user", "item", "stars"))
        found = ll.MatrixCompletion.load(model).predict_cells(user, item, unknown="average")
        return seconds, float(np.sqrt(np.mean((found - stars) ** 2)))


def spark(folder, rank, python):
    """Return the least error over the ridges, with the seconds of its process and of its fit."""
    tried = []
    for ridge in RIDGES:
        start = time.perf_counter()
        done = subprocess.run(
            [python, "-c", SPARK, str(folder), str(rank), str(ridge)],
            capture_output=True,
            text=True,
            check=True,
        )
        told = json.loads(done.stdout.splitlines()[-1])
        tried.append((told["rmse"], time.perf_counter() - start, told["fit"], ridge))
    return min(tried)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=3_000_000)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--spark", default="")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    folder = options.folder / f"spark-{options.ratings}"
    if not (folder / "train" / "part-7.parquet").exists():
        folder.mkdir(parents=True, exist_ok=True)
        write(folder, options.ratings)
    print(
        f"{options.ratings:,} ratings, rank {options.rank}\n\n| | seconds | of them the fit | RMSE |\n|---|---|---|---|"
    )
    ways = {"in memory": ("--no-certify",), "on the disk": (), "two workers": ("--workers", "2")}
    found = {}
    for name, more in ways.items():
        with tempfile.TemporaryDirectory() as place:
            further = ("--spill", f"{place}/cells") if name == "on the disk" else more
            found[name] = own(folder, options.rank, *further)
        print(f"| lowland, {name} | {found[name][0]:.1f} | | {found[name][1]:.4f} |", flush=True)
    if not options.spark:
        print("\nSpark was not measured: no interpreter was named by --spark")
        return
    rmse, seconds, fit, ridge = spark(folder, options.rank, options.spark)
    print(f"| Spark ALS, ridge {ridge:g} | {seconds:.1f} | {fit:.1f} | {rmse:.4f} |\n")
    for name, (own_seconds, own_rmse) in found.items():
        print(f"ratio | {name}: seconds over Spark's | {own_seconds / seconds:.3g} | lower | peer")
        print(f"ratio | {name}: RMSE over Spark's | {own_rmse / rmse:.4g} | lower | peer")


if __name__ == "__main__":
    main()
