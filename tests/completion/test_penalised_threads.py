"""A penalised fit has the same bits whatever the number of threads of linear algebra."""

import os
import subprocess

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import lowland as ll
from commands import COMMAND, ENVIRONMENT

FIT = ("complete", "t.npy", "--method", "map", "--rank", "4", "--penalty", "2", "--quiet", "--output")


def noisy():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(300, 4)) @ rng.normal(size=(4, 120)) + 0.3 * rng.normal(size=(300, 120))
    table[rng.random(table.shape) < 0.5] = np.nan
    return table


def test_threads_of_linear_algebra_do_not_matter():
    table, found = noisy(), set()
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            fit = ll.MatrixCompletion(method="map", rank=4, penalty=2.0, certify=False, random_state=0)
            found.add(fit.fit(table).predict_table().tobytes())
    assert len(found) == 1


@pytest.mark.slow
def test_threads_of_linear_algebra_do_not_matter_to_a_process_that_judges(tmp_path):
    np.save(tmp_path / "t.npy", noisy())
    found = set()
    for threads in ("1", "2"):
        own = {**os.environ, **ENVIRONMENT, "OPENBLAS_NUM_THREADS": threads}
        subprocess.run(
            [*COMMAND, *FIT, f"{threads}.csv"], cwd=tmp_path, env=own, check=True, capture_output=True
        )
        found.add((tmp_path / f"{threads}.csv").read_bytes())
    assert len(found) == 1
