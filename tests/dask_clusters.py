"""Clusters on this machine: in this process, or of real processes, and how their workers are killed."""

import os
import signal
import threading

import distributed


def make_cluster(workers, *, processes=False):
    """Return a cluster; workers in this process start at once, but only processes can be killed."""
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=processes,
        dashboard_address="localhost:0",
        silence_logs=50,
    )


class Killer:
    """Kills a worker process in the middle of the given rounds of tasks, counted from now."""

    def __init__(self, client, rounds, delay):
        self.client, self.rounds, self.delay, self.seen, self.killed = client, set(rounds), delay, 0, []
        self.inner = client.gather

    def __call__(self, *arguments, **options):
        self.seen += 1
        if self.seen in self.rounds:
            threading.Timer(self.delay, self.kill).start()
        return self.inner(*arguments, **options)

    def kill(self):
        pids = [own["pid"] for own in self.inner_pids().values()]
        os.kill(pids[0], signal.SIGKILL)
        self.killed.append(pids[0])

    def inner_pids(self):
        # asked of the scheduler, since the client's thread waits for results
        workers = self.client.cluster.scheduler.workers
        return {address: {"pid": self.pids[address]} for address in workers if address in self.pids}

    def __enter__(self):
        self.pids = self.client.run(os.getpid)
        self.client.gather = self
        return self

    def __exit__(self, *_):
        self.client.gather = self.inner


class Closer:
    """Closes a worker of a cluster in this process at the begin of given rounds; what it held is lost."""

    def __init__(self, client, rounds):
        self.client, self.rounds, self.seen, self.lost = client, set(rounds), 0, []
        self.inner = client.gather

    def __call__(self, *arguments, **options):
        self.seen += 1
        if self.seen in self.rounds:
            cluster = self.client.cluster
            address = next(iter(cluster.scheduler.workers))
            (worker,) = (own for own in cluster.workers.values() if own.address == address)
            cluster.loop.add_callback(worker.close, executor_wait=False)
            self.lost.append(address)
        return self.inner(*arguments, **options)

    def __enter__(self):
        self.client.gather = self
        return self

    def __exit__(self, *_):
        self.client.gather = self.inner
