"""Clients of clusters that are there, or that are started on this machine."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from distributed import Client, LocalCluster

from lowland.core.errors import InvalidInputError, LowlandError
from lowland.core.running.interrupt import HeldInterrupt

# seconds to wait for a scheduler
PATIENCE = 10
# packages that log what goes on within a cluster
LOGGING = ("distributed", "dask", "tornado", "asyncio")
# what the process that cleans up after the others says where this one is ended at once
WARNINGS, QUIET = "PYTHONWARNINGS", "ignore:resource_tracker:UserWarning"
SILENCE = logging.CRITICAL + 1


@contextmanager
def client_of(scheduler: str | None, workers: int) -> Iterator[Client]:
    """Give a client of a cluster, whose own log is not shown: what matters of it ends as an error here.

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
    LowlandError
        If worker processes cannot be started.
    """
    with _without_logs():
        if scheduler is None:
            with _local_client(workers) as client:
                yield client
        else:
            with _connected(scheduler) as client:
                yield client


@contextmanager
def _without_logs() -> Iterator[None]:
    """Show nothing that the packages of a cluster log within the block."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in LOGGING]
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(SILENCE)
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _connected(scheduler: str) -> Client:
    """Return a client of the cluster at an address."""
    try:
        return Client(scheduler, timeout=PATIENCE)
    except (OSError, ValueError, TimeoutError) as error:
        raise InvalidInputError(
            "no scheduler of a Dask cluster answers",
            f"at {scheduler}: {error}",
            fix="check the address, such as tcp://host:8786",
        ) from error


@contextmanager
def _local_client(workers: int) -> Iterator[Client]:
    """Give a client of new worker processes, which end with the block however often it is interrupted.

    (Interrupted in the middle of its end, Dask waits ten seconds when the process ends.)
    """
    cluster = _started(workers)
    client = None
    try:
        client = Client(cluster)
        yield client
    finally:
        with HeldInterrupt():
            if client is not None:
                client.close()
            cluster.close()


def _started(workers: int) -> LocalCluster:
    """Return new worker processes, which ignore SIGINT because that is how they begin."""
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    warned = os.environ.get(WARNINGS)
    os.environ[WARNINGS] = QUIET if warned is None else f"{warned},{QUIET}"
    try:
        # any free port: without an address Dask takes 8787, and warns where another cluster has it
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address="localhost:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=SILENCE,
        )
    except RuntimeError as error:
        raise LowlandError(
            "the worker processes could not be started",
            str(error),
            fix="use fewer of them, or fit the table in memory",
        ) from error
    finally:
        if main:
            signal.signal(signal.SIGINT, before)
        if warned is None:
            del os.environ[WARNINGS]
        else:
            os.environ[WARNINGS] = warned
