"""Clients of clusters that are there, or that are started on this machine."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from distributed import Client, LocalCluster

from lowland.core.errors import InvalidInputError

# seconds to wait for a scheduler
PATIENCE = 10


@contextmanager
def client_of(scheduler: str | None, workers: int) -> Iterator[Client]:
    """Give a client of a cluster.

    Parameters
    ----------
    scheduler : str or None
        Its address.
    workers : int
        Without a scheduler: number of worker processes, one thread each, that are started on this machine and
        end with the block. Ctrl-C in a terminal does not reach them.

    Raises
    ------
    InvalidInputError
        If no scheduler answers at the address.
    """
    if scheduler is None:
        with _started(workers) as cluster, Client(cluster) as client:
            yield client
        return
    try:
        connected = Client(scheduler, timeout=PATIENCE)
    except (OSError, ValueError, TimeoutError) as error:
        raise InvalidInputError(
            "no scheduler of a Dask cluster answers",
            f"at {scheduler}: {error}",
            fix="check the address, such as tcp://host:8786",
        ) from error
    with connected as client:
        yield client


def _started(workers: int) -> LocalCluster:
    """Return new worker processes, which ignore SIGINT because that is how they begin."""
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    try:
        # any free port: without an address Dask takes 8787, and warns where another cluster has it
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address="localhost:0",
            scheduler_kwargs={"dashboard": False},
        )
    finally:
        if main:
            signal.signal(signal.SIGINT, before)
