"""Waiting for tasks of a cluster that may lose its workers, its scheduler, or the memory for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

from distributed import Client, Future, KilledWorker, wait
from distributed.comm import CommClosedError

from lowland.core.doors import public
from lowland.core.errors import LowlandError

# how often a round of tasks is retried after the loss of workers that held its arguments
ROUNDS = 10
# seconds that each round waits longer than the one before
PAUSE = 0.5
# what the loss of workers looks like
LOSSES = (CancelledError, KilledWorker, CommClosedError, TimeoutError)
# seconds between two looks at tasks that are not done, and the looks at which all workers are paused
LOOK, LOOKS = 20.0, 3
MB = 1e6


@public("lowland.dask")
class ClusterError(LowlandError, RuntimeError):
    """Workers of the cluster were lost repeatedly while the same tasks ran, or its scheduler was lost.

    Examples
    --------
    >>> import lowland as ll
    >>> from lowland.dask import ClusterError
    >>> issubclass(ClusterError, ll.errors.LowlandError) and issubclass(ClusterError, RuntimeError)
    True
    """


@contextmanager
def needing_scheduler(client: Client) -> Iterator[None]:
    """Raise ClusterError in place of what a client raises that has lost its scheduler.

    Raises
    ------
    ClusterError
    """
    try:
        yield
    except LowlandError:
        raise
    except Exception as error:
        if client.status == "running":
            raise
        raise ClusterError(
            "the scheduler of the cluster is lost",
            next(iter(str(error).splitlines()), type(error).__name__),
            "the cells that its workers held are lost as well",
            "go on from the checkpoint, if there is one, on another cluster",
        ) from error


def persistently(client: Client, work: Callable[[], Any], needed: Sequence[Future] = ()) -> Any:
    """Return what work returns, retried where workers were lost with arguments that only they had.

    Parameters
    ----------
    client : distributed.Client
    work : callable
    needed : sequence of Future
        Results that the work begins with; those that Dask has given up are computed again.

    Raises
    ------
    ClusterError
        After `ROUNDS` rounds, or if the scheduler is lost.
    """
    for k in range(ROUNDS):
        with needing_scheduler(client):
            try:
                return work()
            except LOSSES as error:
                if client.status != "running":
                    raise
                last = error
                time.sleep(k * PAUSE)  # others may be on their way
                for future in needed:
                    if future.status == "error":
                        future.retry()
    raise ClusterError(
        "workers of the cluster are lost again and again",
        f"{ROUNDS} rounds, the last of which ended with {type(last).__name__}: {last}",
        "the cluster cannot run a task of this size, or is being shut down",
        "give workers more memory, or resume from the checkpoint on another cluster",
    ) from last


def gathered(client: Client, tasks: Sequence[Future]) -> list[Any]:
    """Return the results of tasks, unless no worker begins any for want of memory.

    Raises
    ------
    ClusterError
        If all workers are paused, as Dask pauses those that are short of memory, at `LOOKS` looks in a row.
    """
    paused = 0
    while True:
        try:
            wait(tasks, timeout=LOOK)
        except TimeoutError:
            workers = client.run_on_scheduler(_workers)
            paused = paused + 1 if all(status == "paused" for status, _, _ in workers) and workers else 0
            if paused == LOOKS:
                most = max(workers, key=lambda worker: worker[1])
                raise ClusterError(
                    "no worker of the cluster begins a task any more, for want of memory",
                    f"{len(workers)} paused, one at {most[1] / MB:.0f} of {most[2] / MB:.0f} MB",
                    "Dask pauses a worker at four fifths of its memory until some is free",
                    "give workers more memory, or resume from the checkpoint on another cluster",
                ) from None
            continue
        return list(client.gather(tasks))


def _workers(dask_scheduler: Any) -> list[tuple[str, float, float]]:
    """Return the state of each worker, the bytes that it takes, and those that it may; on the scheduler."""
    return [
        (worker.status.name, float(worker.metrics.get("memory", 0)), float(worker.memory_limit or 0))
        for worker in dask_scheduler.workers.values()
    ]
