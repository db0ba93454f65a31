"""Counts of outcomes of quantum measurements: tables with one line per outcome, and dictionaries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.parameter_checks import whole_number
from lowland.core.wording import Option, Words
from lowland.files.opening import is_text, open_table
from lowland.files.sources import open_source
from lowland.files.table_format import TableFormat
from lowland.files.tables import read_columns
from lowland.files.text.encodings import decode, find_encoding

COLUMNS = ("setting", "outcome", "count")
MOST_QUBITS = 12
# frequencies may be rounded to two digits
ROUNDING = 0.005

CountsBySetting: TypeAlias = Mapping[str, Mapping[str, float]]


@final
@dataclass(frozen=True, eq=False)
class Counts:
    """How often each outcome was seen in each setting.

    Parameters
    ----------
    settings, outcomes : tuple of str
    counts : ndarray, shape (p,)
        At least 0; need not be whole, since they may be means over runs.
    added : int
        Number of outcomes that were not listed, and count as zero.
    """

    settings: tuple[str, ...]
    outcomes: tuple[str, ...]
    counts: Vector
    added: int = 0


@public("lowland")
def read_counts(
    source: str | PathLike[str] | CountsBySetting,
    *,
    zeros: bool | None = None,
    reverse: bool = False,
    shots: int | None = None,
) -> Counts:
    """Read how often each outcome was seen.

    Parameters
    ----------
    source : path or mapping
        A table with the columns setting, outcome and count (CSV, Parquet, ...), lines such as ``XZ,01,1214``;
        or JSON of the form ``{"XZ": {"01": 1214, "11": 3}, ...}``; or such a mapping itself, as simulators
        return it.
    zeros : bool, optional
        Whether outcomes that a setting does not list had no counts, as programs leave them out; otherwise
        they were not measured. By default they had none, unless every setting lists one outcome only, which
        may mean either.
    reverse : bool
        Whether outcomes are written in the reverse order of the settings' letters, as Qiskit does.
    shots : int, optional
        How often each setting was measured, if relative frequencies are given: makes them counts.

    Returns
    -------
    Counts

    Raises
    ------
    FileFormatError
        If a column is missing, or it is no such JSON.
    InvalidInputError
        If a count is no number or negative, all are zero, an outcome is listed twice, it cannot be told
        whether outcomes that are left out had no counts, or they are relative frequencies without `shots`,
        or no such frequencies with it.

    Examples
    --------
    >>> import lowland as ll
    >>> from lowland.datasets import data_path
    >>> data = ll.read_counts(data_path("photon_counts"))
    >>> len(data.counts), data.settings[0], data.outcomes[0]
    (36, 'XX', '00')
    >>> ll.read_counts({"Z": {"0": 1000}, "X": {"0": 480, "1": 520}}).counts
    array([1000.,    0.,  480.,  520.])
    >>> ll.read_counts({"Z": {"0": 1.0}, "X": {"0": 0.48, "1": 0.52}}, shots=1000).counts
    array([1000.,    0.,  480.,  520.])
    """
    if isinstance(source, Mapping):
        where, entries = "the mapping", _of_mapping(source, "the mapping")
    else:
        where = str(source)
        entries = _of_json(source) if Path(source).suffix.lower() == ".json" else _of_table(source)
    seen: dict[tuple[str, str], float] = {}
    for place, setting, outcome, count in entries:
        key = (setting.strip().upper(), _bits(outcome.strip(), len(setting.strip()), reverse=reverse))
        number = _count(count, f"{where}, {place}")
        if key in seen:
            raise InvalidInputError(f"{where}, {place}: outcome listed twice", f"{key[0]},{key[1]}")
        seen[key] = number
    if not any(seen.values()):
        raise InvalidInputError(f"{where} holds no counts", f"{len(seen)} outcomes, all zero")
    if shots is not None:
        seen = _times_shots(seen, whole_number(shots, "shots", 1), where, all_listed=zeros is not False)
    elif _are_frequencies(seen):
        raise InvalidInputError(
            f"{where} holds relative frequencies, not counts",
            "they add up to one in each setting",
            "errors depend on how often each setting was measured",
            Words("say it: ", Option("shots", 1000), " makes them counts"),
        )
    complete = _completed(seen, zeros, where)
    settings, outcomes = zip(*complete, strict=True)
    counts = np.array(list(complete.values()))
    return Counts(settings, outcomes, counts, len(complete) - len(seen))


def _of_table(path: str | PathLike[str]) -> Iterator[tuple[str, str, str, Any]]:
    form = TableFormat(header=True) if is_text(open_table(path)) else TableFormat()
    columns, where = read_columns(path, ("setting", "outcome"), form)
    for name in COLUMNS:
        if name not in columns:
            raise FileFormatError(
                f"{where} has no column {name}",
                ", ".join(columns) or "an empty file",
                fix=f"name the columns {', '.join(COLUMNS)}",
            )
    lines = zip(*(columns[name].tolist() for name in COLUMNS), strict=True)
    for k, (setting, outcome, count) in enumerate(lines):
        yield f"data line {k + 1}", str(setting), str(outcome), count


def _of_json(path: str | PathLike[str]) -> Iterator[tuple[str, str, str, Any]]:
    opened = open_source(path)
    with opened.stream() as file:
        data = file.read()
    try:
        content = json.loads(decode(data, find_encoding(data, opened.name), opened.name))
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path} is not JSON", str(error)) from error
    return _of_mapping(content, str(path))


def _of_mapping(content: Any, where: str) -> Iterator[tuple[str, str, str, Any]]:
    good = isinstance(content, Mapping) and all(
        isinstance(outcomes, Mapping) for outcomes in content.values()
    )
    if not good or not content:
        raise FileFormatError(
            f"{where} does not hold counts by setting and outcome",
            type(content).__name__,
            fix='write {"XZ": {"01": 1214, ...}, ...}',
        )
    return (
        (f"setting {setting!r}", str(setting), str(outcome), count)
        for setting, outcomes in content.items()
        for outcome, count in outcomes.items()
    )


def _bits(outcome: str, length: int, *, reverse: bool) -> str:
    """Return an outcome as digits; "0x3" as programs write it, blanks between registers left out."""
    word = outcome.replace(" ", "")
    if word.lower().startswith("0x"):
        try:
            word = format(int(word, 16), f"0{length}b")
        except ValueError:
            return outcome
    return word[::-1] if reverse else word


def _count(value: Any, where: str) -> float:
    try:
        count = float(value)
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"{where}: count is not a number", repr(value)) from error
    if not (np.isfinite(count) and count >= 0):
        raise InvalidInputError(f"{where}: count must be finite and at least 0", repr(value))
    return count


def _sums(seen: Mapping[tuple[str, str], float]) -> dict[str, tuple[float, int]]:
    """Return the sum of each setting's numbers, and how many they are."""
    by_setting: dict[str, list[float]] = {}
    for (setting, _), number in seen.items():
        by_setting.setdefault(setting, []).append(number)
    return {setting: (sum(numbers), len(numbers)) for setting, numbers in by_setting.items()}


def _are_frequencies(seen: Mapping[tuple[str, str], float]) -> bool:
    """Return whether numbers add up to one in each setting, and are not single counts."""
    adds_up = all(abs(total - 1) <= ROUNDING * count for total, count in _sums(seen).values())
    return adds_up and any(number != round(number) for number in seen.values())


def _times_shots(
    seen: Mapping[tuple[str, str], float], shots: int, where: str, *, all_listed: bool
) -> dict[tuple[str, str], float]:
    """Return relative frequencies as counts."""
    for setting, (total, count) in _sums(seen).items():
        above = total - 1
        if above > ROUNDING * count or (all_listed and -above > ROUNDING * count):
            raise InvalidInputError(
                f"{where} holds no relative frequencies, whose sum is one in each setting",
                f"{total:g} in setting {setting}",
                "shots make counts of frequencies",
                Words(
                    "leave them out of counts; where outcomes were not measured, say so: ",
                    Option("zeros", False),
                ),
            )
    return {key: float(round(number * shots)) for key, number in seen.items()}


def _completed(
    seen: Mapping[tuple[str, str], float], zeros: bool | None, where: str
) -> dict[tuple[str, str], float]:
    """Return counts with zeros for the outcomes that a setting leaves out, in the order of settings."""
    by_setting: dict[str, list[str]] = {}
    for setting, outcome in seen:
        by_setting.setdefault(setting, []).append(outcome)
    lengths = {len(setting) for setting in by_setting}
    if zeros is False or len(lengths) != 1 or not 1 <= max(lengths) <= MOST_QUBITS:
        return dict(seen)  # words of other lengths are refused where they are measured
    everything = ["".join(digits) for digits in product("01", repeat=lengths.pop())]
    if zeros is None and len(everything) > 1 and all(len(outcomes) == 1 for outcomes in by_setting.values()):
        raise InvalidInputError(
            f"{where} lists a single outcome for every setting",
            f"{len(by_setting)} settings",
            "either the others had no counts, or they were not measured",
            Words("say which: ", Option("zeros", True), " or ", Option("zeros", False)),
        )
    complete: dict[tuple[str, str], float] = {}
    for setting, outcomes in by_setting.items():
        for outcome in _in_order(outcomes, everything):
            complete[setting, outcome] = seen.get((setting, outcome), 0.0)
    return complete


def _in_order(listed: list[str], everything: Iterable[str]) -> list[str]:
    """Return the listed outcomes as they come, then those that are left out."""
    return [*listed, *(outcome for outcome in everything if outcome not in listed)]
