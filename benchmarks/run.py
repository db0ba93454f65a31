"""Run the benchmarks, each in a process of its own, and keep what they print.

    python benchmarks/run.py                     # all: about an hour; writes results.json and its pages beside this file,
                                                 # and goes on where an interrupted run of the same code ended
    python benchmarks/run.py --only tucker       # those whose name holds a word, compared with the stored ratios
    python benchmarks/run.py --write             # writes RESULTS.md and results.html from results.json
    python benchmarks/run.py --smoke             # small sizes, minutes, nothing is kept
    python benchmarks/run.py --smoke --sample A  # an eighth of them, drawn by a word such as a revision

A ratio that is a fifth worse than the stored one ends the run with exit code 1; --store keeps the new ones all the
same. Only a run of all benchmarks is stored, so that the results are those of one machine and one revision.
"""

import argparse
import hashlib
import json
import sys

from page import write_markdown, write_page
from records import context, falls, record, same_code, store
from suite import FOLDER, SUITE

RESULTS, PAGE, TEXT = FOLDER / "results.json", FOLDER / "results.html", FOLDER / "RESULTS.md"
# what an interrupted run has kept
PART = FOLDER / "results.part.json"


def is_drawn(word: str, name: str) -> bool:
    """Return whether a word draws a benchmark: one of eight."""
    return hashlib.sha256(f"{word} {name}".encode()).digest()[0] % 8 == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", nargs="+", metavar="WORD", help="run the benchmarks whose name holds one of these"
    )
    parser.add_argument("--smoke", action="store_true", help="small sizes, nothing is kept or compared")
    parser.add_argument("--sample", metavar="WORD", help="an eighth of the benchmarks, drawn by this word")
    parser.add_argument("--store", action="store_true", help="keep the results even if ratios have fallen")
    parser.add_argument("--write", action="store_true", help="only write the pages of the stored results")
    options = parser.parse_args()
    if options.write:
        write_pages(json.loads(RESULTS.read_text(encoding="utf-8")))
        return 0
    runs = [run for run in SUITE if not options.only or any(word in run.name for word in options.only)]
    runs = [run for run in runs if not options.smoke or run.smoke is not None]
    runs = [run for run in runs if options.sample is None or is_drawn(options.sample, run.name)]
    if not runs:
        if options.sample is not None:
            print(f"{options.sample} draws no benchmark")
            return 0
        parser.error(f"no benchmark's name holds {' or '.join(options.only)}")
    whole = not (options.smoke or options.only or options.sample)
    results = {**context(), "runs": []}
    if whole and PART.exists() and same_code(part := json.loads(PART.read_text(encoding="utf-8")), results):
        results = part
        results["runs"] = [run for run in results["runs"] if not run["failed"]]
    done = {run["name"] for run in results["runs"]}
    for run in runs:
        if run.name in done:
            print(f"\n== {run.name}: done before", flush=True)
            continue
        print(f"\n== {run.name}", flush=True)
        results["runs"].append(record(run, smoke=options.smoke))
        if whole and not results["runs"][-1]["failed"]:
            store(results, str(PART))
    failed = [run["name"] for run in results["runs"] if run["failed"]]
    for name in failed:
        print(f"failed: {name}", file=sys.stderr)
    if options.smoke or failed:
        return bool(failed)
    stored = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"runs": []}
    lines = falls(stored, results)
    for line in lines:
        print(f"fallen: {line}", file=sys.stderr)
    if whole and (not lines or options.store):
        store(results, str(RESULTS))
        PART.unlink(missing_ok=True)
        write_pages(results)
    return bool(lines)


def write_pages(results: dict) -> None:
    """Write the pages of results."""
    write_page(results, str(PAGE))
    write_markdown(results, str(TEXT))
    print(f"results: {RESULTS}\npages: {PAGE}, {TEXT}")


if __name__ == "__main__":
    sys.exit(main())
