"""The benchmarks that make up one run, each with the options of a full run and of a smoke run.

A full run is one that is made before a change of speed or structure is called done: it takes about an hour, each benchmark
at most ten minutes, so that counts are small; for more seeds a file is run by itself.

A smoke run shows that a benchmark still works: it is small, needs no peer that must be compiled, and its figures mean
nothing. None: not part of a smoke run.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Run:
    """A benchmark's file, below this folder, with its options in a full and in a smoke run."""

    file: str
    options: tuple[str, ...] = ()
    smoke: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """The file with its options, as typed."""
        return " ".join((self.file, *self.options))


QUICK_PEERS = ("lowland (default)", "lowland gibbs", "lowland map", "cmfrec", "cmfrec implicit", "myFM")

SUITE = (
    # whose figures are mostly seconds: leave the machine alone meanwhile
    Run("peers/als_sweep.py"),
    Run("peers/als_sweep.py", ("--threads", "2")),
    Run("peers/posterior_sweep.py"),
    Run("micro/memory.py", (), ("--ratings", "200000")),
    Run("micro/starts.py"),
    Run("micro/serving.py", (), ("--ratings", "3000", "--rows", "60", "--columns", "80", "--seconds", "1")),
    Run("micro/sensing_pass.py", (), ("--side", "20", "--measurements", "1500", "--rank", "2")),
    Run("scaling/completion.py", (), ("--seeds", "1")),
    Run("scaling/growth.py", ("--repeats", "1")),
    Run("scaling/replay.py", (), ("--newcomers", "5", "--known", "2")),
    Run("scaling/ratings_at_scale.py", (), ("--size", "20000", "--only", "neither", "default")),
    Run("scaling/goals.py", (), ("--repeats", "1", "--only", "iris")),
    Run("scaling/cluster.py", (), ("--ratings", "60000", "--sweeps", "1")),
    Run("scaling/certificates.py"),
    Run("scaling/certificate_cost.py"),
    Run("peers/tomography.py"),
    Run("peers/phase_retrieval.py", ("--image",), ("--seeds", "1", "--size", "16")),
    Run("peers/tucker.py", ("--sizes", "100", "200"), ("--sizes", "20", "--rank", "3", "--only", "lowland")),
    # TensorLy takes minutes for one decomposition of this size
    Run("peers/tucker.py", ("--sizes", "400", "--only", "lowland", "pyttb")),
    Run("peers/langevin.py", (), ("--chains", "200")),
    Run("micro/relu_ranks.py", (), ("--seconds", "0.05")),
    # Spark is a peer only where an interpreter with it is named by --spark
    Run("peers/spark.py", (), ("--ratings", "40000", "--rank", "2")),
    Run("peers/regression.py", ("--seeds", "2")),
    Run("peers/additive_regression.py", ("--seeds", "2")),
    Run("peers/exit_rates.py", ("--repeats", "2", "--iterations", "150", "--without-direct")),
    # the others of its peers take half an hour more
    Run("peers/ratings.py", ("--seeds", "1", "--only", *QUICK_PEERS)),
    Run("peers/lists.py", ("--seeds", "1")),
    # whose figures are mostly successes and errors
    Run("scaling/sensing.py", ("--seeds", "30"), ("--seeds", "2", "--ranks", "1")),
    Run("scaling/random_starts.py", ("--count", "50", "--saddles", "20"), ("--count", "3", "--saddles", "1")),
    Run("scaling/limit.py", ("--seeds", "1", "--port-seeds", "1", "--port-cells", "1")),
    Run("scaling/robustness.py", ("--quick",)),
    Run("accuracy/intervals.py", ("planted", "--trials", "8"), ("planted", "--trials", "1")),
    Run("accuracy/intervals.py", ("published", "--trials", "1")),
    Run("accuracy/intervals.py", ("tables",)),
    Run("accuracy/exclusion.py", (), ("--instances", "50")),
    Run("accuracy/wide_tables.py"),
    Run("accuracy/pooling.py", ("--trials", "60"), ("--trials", "2", "--rows", "40")),
    Run(
        "accuracy/pooling.py", ("--shifted", "--trials", "60"), ("--shifted", "--trials", "2", "--rows", "40")
    ),
    Run("accuracy/clustered_intervals.py", ("--draws", "2000"), ("--draws", "50")),
    Run("accuracy/bounds.py", ("--trials", "8"), ("--trials", "1", "--rows", "60")),
    Run("accuracy/censored.py", ("--trials", "1"), ("--trials", "1", "--rows", "40", "--tables", "narrow")),
    Run(
        "accuracy/from_zero.py",
        ("--cells", "3000", "--masks", "cells30", "blocks"),
        ("--cells", "600", "--masks", "cells30"),
    ),
    Run("accuracy/undetermined.py", ("--tables", "40", "--random", "20"), ("--tables", "1", "--random", "1")),
    Run("accuracy/covered.py", ("--count", "200"), ("--count", "2", "--sizes", "0", "1")),
    Run("accuracy/covered_elsewhere.py", ("--count", "100"), ("--count", "2", "--sizes", "0", "1")),
    Run(
        "accuracy/narrow_tables.py",
        ("--seeds", "10", "--masks", "1"),
        ("--seeds", "1", "--masks", "1", "--tables", "iris"),
    ),
    Run("accuracy/planted_levels.py", ("--rows", "1500", "--seeds", "1"), ("--rows", "400", "--seeds", "1")),
    Run(
        "accuracy/real_tables.py",
        ("--seeds", "1", "--masks", "cells30", "--ways", "lowland", "KNNImputer", "missForest"),
        ("--seeds", "1", "--tables", "iris", "--masks", "cells10"),
    ),
    Run("accuracy/votes.py", ("--seeds", "2"), ("--rows", "30", "--columns", "40", "--seeds", "1")),
    Run("accuracy/sweeps.py", (), ("--sets", "useless", "--rows", "200", "--columns", "100")),
    Run("accuracy/ordered_tables.py", ("--masks", "1"), ("--masks", "1", "--tables", "sensors")),
    Run("accuracy/rank_choice.py", ("--seeds", "1")),
    Run("accuracy/cp_components.py", ("--seeds", "2"), ("--seeds", "1", "--ways", "lowland")),
    Run("accuracy/tensor_ranks.py"),
    Run(
        "accuracy/traffic.py",
        ("--sensors", "30", "--days", "14", "--slots", "72", "--splits", "1"),
        ("--sensors", "8", "--days", "7", "--slots", "12", "--splits", "1", "--ways", "lowland", "HaLRTC"),
    ),
    Run("accuracy/pattern_walk.py", (), ("--seeds", "1", "--seconds", "0.05")),
)
