"""Experiments of a few studies, each a list of independent cells: resumable, on any number of workers."""

from __future__ import annotations

import csv
import io
import os
import signal
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from os import PathLike
from pathlib import Path
from threading import Thread
from typing import IO, Any, TypeAlias, final

from lowland.core.atomic import write_whole
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError, LowlandError
from lowland.core.running.interrupt import in_full
from lowland.core.running.progress import OnProgress
from lowland.core.running.stages import announce
from lowland.report.page import Page, write_report

Cell: TypeAlias = Mapping[str, Any]
Row: TypeAlias = dict[str, Any]
SAVE_EVERY = 2.0
_LOOK = 0.5
"""Seconds after which a wait for workers looks up: an interrupt just before a wait does not end it."""


@public("lowland.reproduce")
@final
@dataclass(frozen=True)
class Study:
    """One study of an experiment: its combinations of settings (cells), and what is computed for each.

    Parameters
    ----------
    name : str
        Name of the study and its CSV file.
    cells : callable
        Takes whether the study is quick, returns the cells: names and values, including seeds.
    run : callable
        Takes a cell, returns the computed numbers. It must be a module-level function, so that worker
        processes can import it.

    Examples
    --------
    >>> from lowland.reproduce import find_experiment
    >>> study = find_experiment("zhang2018").studies[1]
    >>> cell = study.cells(True)[0]
    >>> study.name, cell, study.run(cell)["second_order"]
    ('points', {'delta': 0.45}, 'REFUTED')
    """

    name: str
    cells: Callable[[bool], Sequence[Cell]]
    run: Callable[[Cell], Row]


@public("lowland.reproduce")
@final
@dataclass(frozen=True)
class Experiment:
    """A published experiment.

    Parameters
    ----------
    name : str
        Author and year.
    title : str
    reference : str
    studies : tuple of Study
    page : callable
        Takes the rows of every study by name and whether they are quick, returns the page.

    Examples
    --------
    >>> from lowland.reproduce import find_experiment
    >>> experiment = find_experiment("zhang2018")
    >>> {study.name: len(study.cells(True)) for study in experiment.studies}
    {'failures': 24, 'points': 6}
    """

    name: str
    title: str
    reference: str
    studies: tuple[Study, ...]
    page: Callable[[Mapping[str, list[Row]], bool], Page]


@public("lowland.reproduce")
def run_experiment(
    experiment: Experiment,
    folder: str | PathLike[str],
    *,
    quick: bool = False,
    n_workers: int = 1,
    on_progress: OnProgress | None = None,
) -> Path:
    """Run the cells that are not yet in the folder, and write numbers (CSV) and a page.

    Parameters
    ----------
    experiment : Experiment
    folder : path
        Created if missing. Rows already there are kept; an interrupted run continues from them.
    quick : bool
        Whether to run a smaller size, kept in files of its own.
    n_workers : int
        Number of processes; results do not depend on it.
    on_progress : callable, optional
        Takes the number of cells done, of all cells, and the seconds since the start.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    InvalidInputError
        If `n_workers` is not positive, or a file in the folder belongs to another experiment.

    Examples
    --------
    >>> import tempfile
    >>> from lowland.report.page import Page
    >>> from lowland.reproduce import Experiment, find_experiment, run_experiment
    >>> studies = find_experiment("zhang2018").studies[1:]  # the quick one
    >>> toy = Experiment("toy", "Points", "", studies, lambda rows, quick: Page("Points", (), None))
    >>> page = run_experiment(toy, tempfile.mkdtemp())
    >>> sorted(path.name for path in page.parent.iterdir())
    ['toy-points.csv', 'toy.html']
    """
    if n_workers < 1:
        raise InvalidInputError("n_workers must be positive", repr(n_workers))
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    plans = []
    for study in experiment.studies:
        file = target / f"{experiment.name}-{study.name}{'-quick' if quick else ''}.csv"
        cells = [dict(cell) for cell in study.cells(quick)]
        known = read_rows(file, cells)
        plans.append((study, file, cells, known))
    total = sum(len(cells) for _, _, cells, _ in plans)
    done, started = sum(len(known) for *_, known in plans), time.monotonic()
    before, note = done, f"{done} done before" if done else ""
    announce("cells", 0, total - before, note, started)
    rows: dict[str, list[Row]] = {}
    for study, file, cells, known in plans:
        missing = [k for k in range(len(cells)) if k not in known]
        saved = time.monotonic()
        try:
            # closed at once, wherever an interrupt arrives: that ends the workers
            with closing(_run_cells(study, cells, missing, n_workers)) as results:
                for k, row in results:
                    known[k] = row
                    done += 1
                    if on_progress is not None:
                        on_progress(done, total, time.monotonic() - started)
                    announce("cells", done - before, total - before, note, started)
                    if time.monotonic() - saved > SAVE_EVERY:
                        write_rows(file, known)
                        saved = time.monotonic()
        finally:
            write_rows(file, known)
        rows[study.name] = [known[k] for k in range(len(cells))]
    page = target / f"{experiment.name}{'-quick' if quick else ''}.html"
    write_report(page, experiment.page(rows, quick))
    return page


def _run_cells(
    study: Study, cells: Sequence[Row], missing: Sequence[int], workers: int
) -> Generator[tuple[int, Row]]:
    if workers == 1 or len(missing) < 2:
        for k in missing:
            yield k, _filled(study, cells[k])
        return
    context = get_context("spawn")
    # closed, its reading end tells the workers to end
    ending, held = context.Pipe(duplex=False)
    with (
        closing(held),
        ProcessPoolExecutor(workers, mp_context=context, initializer=_alone, initargs=(ending,)) as pool,
    ):
        try:
            futures = {pool.submit(_filled, study, cells[k]): k for k in missing}
            for future in _as_they_end(set(futures)):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise LowlandError(
                "a worker process ended in the middle of its cell",
                "the system ended it, or it ran out of memory",
                fix="run again with fewer workers: the cells that are done are kept",
            ) from error
        except BaseException:
            # their cells are lost anyway: ending this process would wait for them
            pool.shutdown(wait=False, cancel_futures=True)
            held.close()
            raise


def _as_they_end(pending: set[Future[Row]]) -> Generator[Future[Row]]:
    while pending:
        done, pending = wait_for(pending, timeout=_LOOK, return_when=FIRST_COMPLETED)
        yield from done


def _filled(study: Study, cell: Row) -> Row:
    """Return a cell with its results, which count only if no search was interrupted."""
    return {**cell, **in_full(lambda: study.run(cell))}


def _alone(ending: Connection) -> None:
    """Restrict a worker to one thread: the parallelism is in the processes. It ends with its parent.

    Ctrl-C in a terminal reaches workers too; the parent alone answers it.
    """
    from threadpoolctl import threadpool_limits

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, args=(ending,), daemon=True).start()
    threadpool_limits(1)


def _end_with_parent(ending: Connection) -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel, ending])
        os._exit(1)


def read_rows(file: Path, cells: Sequence[Row]) -> dict[int, Row]:
    """Return the rows of a file by the index of their cell.

    Raises
    ------
    InvalidInputError
        If a row belongs to no cell.
    """
    if not file.exists():
        return {}
    places = {tuple(_text(v) for v in cell.values()): k for k, cell in enumerate(cells)}
    names = list(cells[0]) if cells else []
    known: dict[int, Row] = {}
    with file.open(newline="", encoding="utf-8") as stream:
        for line in csv.DictReader(stream):
            k = places.get(tuple(line.get(name) or "" for name in names))
            if k is None:
                raise InvalidInputError(
                    f"{file} has rows of another experiment",
                    ", ".join(f"{name}={line.get(name)}" for name in names),
                    fix="choose another folder, or remove the file",
                )
            known[k] = {name: _number(text) for name, text in line.items()}
    return known


def write_rows(file: Path, known: Mapping[int, Row]) -> None:
    """Write rows in the order of their cells, atomically."""
    if not known:
        return
    ordered: Iterable[Row] = (known[k] for k in sorted(known))
    names = list(known[min(known)])
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    writer.writeheader()
    for row in ordered:
        writer.writerow({name: _text(row[name]) for name in names})
    text = buffer.getvalue().encode("utf-8")

    def write(stream: IO[bytes]) -> None:
        stream.write(text)

    write_whole(file, write)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return repr(float(value)) if isinstance(value, float) else str(value)


def _number(text: str | None) -> Any:
    if text is None:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
