"""Records of benchmarks: what a process printed, as tables and ratios, with what it ran on; and their comparison."""

import json
import math
import os
import platform
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from threading import Timer

from lowland.core.atomic import write_whole
from suite import FOLDER, Run

PACKAGES = (
    "numpy", "scipy", "numba", "scikit-learn", "pyarrow", "pandas", "cmfrec", "scikit-surprise", "smurff", "myfm",
    "tensorly", "pyttb", "jax", "blackjax", "mars-earth", "statsmodels", "cvxpy", "clarabel",
)  # fmt: skip
# a line `ratio | what | number | higher or lower is better | peer, limit or own`
RATIO = re.compile(r"^ratio \| (.+) \| (\S+) \| (higher|lower) \| (peer|limit|own)$")
# a ratio that is worse than the stored one by this share is a fall
FALL = 0.2
# seconds after which a benchmark is ended, and has failed: what nothing bounds grows
MOST_SECONDS = 600


def context() -> dict:
    """Return the machine, the last revision that changed the library, the date and the versions."""
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "revision": _git("log", "-1", "--format=%h", "--", "../src") + (" with changes" if _git("status", "--short", "../src") else ""),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }  # fmt: skip


def same_code(one: dict, other: dict) -> bool:
    """Return whether two results are of one machine and of the same committed code and versions."""
    names = ("machine", "python", "revision", "versions")
    return all(one[name] == other[name] for name in names) and "changes" not in one["revision"]


def record(run: Run, *, smoke: bool = False) -> dict:
    """Run a benchmark in a process of its own, passing on what it prints, and return its record."""
    options = run.smoke if smoke else run.options
    start, lines = time.perf_counter(), []
    command = [sys.executable, str(FOLDER / run.file), *(options or ())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        alarm = Timer(MOST_SECONDS, process.kill)
        alarm.start()
        try:
            for line in process.stdout:
                print(line, end="", flush=True)
                lines.append(line.rstrip("\n"))
        finally:  # also of an interrupt, which would wait for it
            alarm.cancel()
    found = parsed(lines)
    threads = options[options.index("--threads") + 1] if options and "--threads" in options else "all"
    return {
        "name": run.name,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "threads": threads,
        "seconds": round(time.perf_counter() - start, 1),
        # a ratio that is no positive number is left among the notes
        "failed": process.returncode != 0 or any(note.startswith("ratio |") for note in found["notes"]),
        **found,
    }


def parsed(lines: list[str]) -> dict:
    """Return the tables (Markdown), ratios and other lines among those that a benchmark printed."""
    tables, ratios, notes = [], [], []
    rows = None
    for line in lines:
        ratio = RATIO.match(line)
        if ratio and 0 < float(ratio.group(2)) < math.inf:
            what, number, better, of = ratio.groups()
            ratios.append({"name": what, "value": float(number), "better": better, "of": of})
        elif line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if rows is None:
                rows = []
                tables.append({"header": cells, "rows": rows})
            elif any(set(cell) - set("-: ") for cell in cells):
                rows.append(cells)
        else:
            rows = None
            if line.strip():
                notes.append(line)
    return {"tables": tables, "ratios": ratios, "notes": notes}


def falls(stored: dict, found: dict) -> list[str]:
    """Return a line for every ratio that is worse than the stored one by more than a fifth, or is missing."""
    now = {(run["name"], r["name"]): r for run in found["runs"] for r in run["ratios"]}
    measured = {run["name"] for run in found["runs"]}
    lines = []
    for run in stored["runs"]:
        for before in run["ratios"] if run["name"] in measured else ():
            after = now.get((run["name"], before["name"]))
            if after is None:
                lines.append(f"{run['name']}: {before['name']} is no longer measured")
                continue
            gain = after["value"] / before["value"]
            if (gain if before["better"] == "higher" else 1 / gain) < 1 - FALL:
                lines.append(
                    f"{run['name']}: {before['name']}: {before['value']:.3g} before, {after['value']:.3g} now"
                )
    return lines


def store(results: dict, path: str) -> None:
    """Write results as JSON."""
    whole = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    write_whole(path, lambda file: file.write(whole.encode()))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"


def _git(*arguments: str) -> str:
    return subprocess.run(("git", *arguments), capture_output=True, text=True, cwd=FOLDER).stdout.strip()
