"""A plugin that writes the ledger of time: CPU seconds of the slow tests, and of each folder (`make ledger`).

Seconds are those of the process and of its children, compilation excluded: what is measured depends neither
on what else the machine does nor on whether compiled code is on the disk. What fixtures of a module or of the
session cost is counted with the test that asks for them first.
"""

import os
from collections import defaultdict
from pathlib import Path

import pytest

# tests from so many seconds on have a line; above the second number they need a reason
LISTED, REASON = 1.0, 2.0
HEADER = ("seconds", "test or folder", "reason")


def cpu_seconds():
    """Return the CPU seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


class Compilation:
    """The CPU seconds that Numba has spent on compilation in this process."""

    def __init__(self):
        self.seconds, self._began, self._depth = 0.0, 0.0, 0

    def listen(self):
        """Count compilations from now on."""
        from numba.core import event

        outer = self

        class Listener(event.Listener):
            def on_start(self, _):
                outer._depth += 1
                if outer._depth == 1:
                    outer._began = cpu_seconds()

            def on_end(self, _):
                outer._depth -= 1
                if outer._depth == 0:
                    outer.seconds += cpu_seconds() - outer._began

        event.register("numba:compile", Listener())


def pytest_addoption(parser):
    parser.addoption("--ledger", help="write the ledger of CPU seconds here")


def pytest_configure(config):
    if config.getoption("--ledger"):
        config.pluginmanager.register(Ledger(config), "ledger of time")


class Ledger:
    """Measures in each worker, and collects and writes in the process that started them."""

    def __init__(self, config):
        self.path, self.is_worker = Path(config.getoption("--ledger")), hasattr(config, "workerinput")
        self.compilation, self.began = Compilation(), 0.0
        self.compilation.listen()
        self.tests, self.compiled = defaultdict(float), 0.0

    def _now(self):
        return cpu_seconds() - self.compilation.seconds, self.compilation.seconds

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self):
        self.began = self._now()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item, call):
        if call.when == "teardown":
            own, compiled = (now - before for now, before in zip(self._now(), self.began, strict=True))
            item.user_properties.append(("cpu_seconds", (own, compiled)))

    def pytest_runtest_logreport(self, report):
        if not self.is_worker and report.when == "teardown":
            for name, (own, compiled) in report.user_properties:
                if name == "cpu_seconds":
                    self.tests[report.nodeid] += own
                    self.compiled += compiled

    def pytest_sessionfinish(self):
        if not self.is_worker and self.tests:
            self.path.write_text(ledger_text(self.tests, self.compiled, read_reasons(self.path)))


def read_reasons(path):
    """Return the reasons that a ledger gives, by test."""
    if not path.exists():
        return {}
    lines = [line.split("\t") for line in path.read_text().splitlines()[1:]]
    return {name: reason for _, name, reason in lines if reason}


def ledger_text(tests, compiled, reasons):
    """Return a ledger: all tests, the folders, then the slow tests, each with its seconds and its reason."""
    folders = defaultdict(float)
    for name, seconds in tests.items():
        folders["/".join(name.split("::")[0].split("/")[:2]) + "/"] += seconds
    total = sum(tests.values())
    lines = [(total, f"{len(tests)} tests", ""), (compiled, "compilation beside them", "")]
    lines += sorted(((seconds, name, "") for name, seconds in folders.items()), reverse=True)
    slow = [(seconds, name, reasons.get(name, "")) for name, seconds in tests.items() if seconds >= LISTED]
    lines += sorted(slow, reverse=True)
    body = [HEADER, *((f"{seconds:.1f}", name, reason) for seconds, name, reason in lines)]
    return "".join("\t".join(line) + "\n" for line in body)
