"""A cluster that the tests of a file share."""

import logging

import pytest

distributed = pytest.importorskip("distributed")
pytest.importorskip("dask.dataframe")

from dask_clusters import make_cluster  # noqa: E402


@pytest.fixture(scope="session")
def quiet():
    """Worker processes that are killed write nothing of it over the tests' output."""
    for name in ("distributed", "distributed.nanny", "distributed.scheduler", "distributed.core"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


@pytest.fixture(scope="module")
def client(quiet):
    """Two workers in this process, in which blocks are small."""
    with make_cluster(2) as cluster, distributed.Client(cluster) as client:
        yield client
