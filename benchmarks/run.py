"""Run every benchmark, each in a process of its own."""

import subprocess
import sys
from pathlib import Path

RUNS = (
    ("peers/als_sweep.py",),
    ("peers/als_sweep.py", "--threads", "2"),
    ("micro/memory.py",),
    ("micro/starts.py",),
    ("scaling/completion.py",),
    ("scaling/certificates.py",),
    ("scaling/certificate_cost.py",),
    ("scaling/sensing.py",),
    ("scaling/limit.py",),
    ("scaling/robustness.py",),
    ("peers/tomography.py",),
    ("accuracy/intervals.py", "planted", "--trials", "20"),
    ("accuracy/intervals.py", "published", "--trials", "2"),
    ("accuracy/intervals.py", "tables"),
    ("accuracy/exclusion.py",),
    ("peers/posterior_sweep.py",),
    ("peers/ratings.py", "--seeds", "1"),
    ("accuracy/wide_tables.py",),
    ("accuracy/rank_choice.py",),
    ("accuracy/tensor_ranks.py",),
    ("peers/tucker.py",),
    ("peers/langevin.py",),
    ("micro/relu_ranks.py",),
    ("accuracy/pattern_walk.py",),
    ("peers/regression.py", "--seeds", "2"),
    ("accuracy/global_search.py", "--seeds", "4", "--budgets", "500", "2000"),
)

if __name__ == "__main__":
    for name, *options in RUNS:
        print(f"\n== {name} {' '.join(options)}", flush=True)
        subprocess.run([sys.executable, str(Path(__file__).parent / name), *options], check=True)
